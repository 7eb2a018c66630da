"""Workspaces, curation, duplicates, versions and runs: everything that needs neither Qt nor torch."""
