"""The workspace folder: database, edits and history, originals, thumbnails and queries."""

from gandam_studio.core.workspace.workspace import DATABASE, Counts, Workspace

__all__ = ["DATABASE", "Counts", "Workspace"]
