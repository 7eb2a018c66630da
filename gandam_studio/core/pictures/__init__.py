"""Decode picture files, and orient and render pixels. Nothing here needs a workspace."""
