"""Errors caused by the user's input or files, with a one-line message. Any other exception is a bug in this program."""

from __future__ import annotations


class UserError(Exception):
    """A request cannot be carried out; `str(error)` is the one-line message for the user."""


class WorkspaceNotFound(UserError):
    """The folder does not hold a workspace."""


class WorkspaceLocked(UserError):
    """Another window or command is writing to the workspace."""


class WorkspaceUnwritable(UserError):
    """The workspace lies where nothing can be written: a read-only disk, or somebody else's folder."""


class DamagedWorkspace(UserError):
    """The database, or a file next to it, holds something this program never writes."""

    def __init__(self, what: str) -> None:
        super().__init__(f"workspace.sqlite is damaged: {what}; see: gandam-studio verify")


class UnknownSprite(UserError):
    """No sprite matches the given name or id, or more than one does."""


class NothingMatches(UserError):
    """The selection contains no sprites."""


class UnknownVersion(UserError):
    """No version has the given label, tag or digest."""
