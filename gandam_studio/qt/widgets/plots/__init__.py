"""Curves over iterations, with one cursor for all of them."""
