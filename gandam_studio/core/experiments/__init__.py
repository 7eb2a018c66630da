"""Experiments: which change helped, with an interval; designs, statistics, their runs and their results."""
