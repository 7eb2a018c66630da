"""The page that sets up a run."""
