"""Widgets shared by several screens: pictures of sprites, grids, plots, text from data."""
