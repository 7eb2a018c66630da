"""Follows runs for the window: threads watch their folders and load records and pictures."""
