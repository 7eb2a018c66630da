"""Runs as the window sees them: folders watched by threads, their records and pictures."""
