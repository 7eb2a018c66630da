"""Dialogs that take something out of a run, or name it: shared by the Train and Runs screens."""
