"""Plots of curves over iterations with a common cursor."""
