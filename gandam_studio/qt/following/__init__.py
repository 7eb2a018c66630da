"""Runs as shown in the window: watching their folders, their records and pictures."""
