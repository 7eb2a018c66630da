"""Experiments: which change helped, with an interval; designs, statistics, their runs and their results."""

FOLDER = "experiments"
"""Their folder in a workspace. Here, so that looking for it imports nothing else."""
