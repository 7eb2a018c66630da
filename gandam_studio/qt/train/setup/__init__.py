"""Setting up a run."""
