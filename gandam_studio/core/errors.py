"""The person's errors, told in one clear line; anything else that is raised is our bug."""

from __future__ import annotations


class UserError(Exception):
    """Something the person asked for cannot be done; `str(error)` is the one line they read."""


class WorkspaceNotFound(UserError):
    """There is no workspace in that folder."""


class WorkspaceLocked(UserError):
    """Another window or command is writing to the workspace."""


class DamagedWorkspace(UserError):
    """The database, or a file beside it, holds what this program never writes."""

    def __init__(self, what: str) -> None:
        super().__init__(f"workspace.sqlite is damaged: {what}; see: gandam-studio verify")


class UnknownSprite(UserError):
    """No sprite, or more than one, answers to that id."""


class NothingMatches(UserError):
    """What was asked for is about no sprite at all."""


class UnknownVersion(UserError):
    """No version answers to that label or digest."""
