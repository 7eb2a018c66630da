"""Experiments in the window: a room of the Runs screen."""
