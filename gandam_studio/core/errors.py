"""Errors caused by the user's input or files, with a one-line message. Any other exception is a bug in this program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.protocol.remedies import Remedy

if TYPE_CHECKING:
    from trainer.protocol.errors import TrainerError


class UserError(Exception):
    """A request cannot be carried out; `str(error)` is the one-line message for the user.

    Attributes:
        remedy: what helps, which a command line and the window tell in their own words.
    """

    def __init__(self, message: str, remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy

    @staticmethod
    def of(error: TrainerError) -> UserError:
        """What is raised for an error of `trainer.protocol`."""
        return UserError(str(error), error.remedy)


class WorkspaceNotFound(UserError):
    """The folder does not hold a workspace.

    Attributes:
        folder: as it was given.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not a workspace")
        self.folder = folder


class WorkspaceLocked(UserError):
    """Another window or command is writing to the workspace."""


class WorkspaceUnwritable(UserError):
    """The workspace lies where nothing can be written: a read-only disk, or somebody else's folder."""


class DamagedWorkspace(UserError):
    """The database, or a file next to it, holds something this program never writes."""

    def __init__(self, what: str) -> None:
        super().__init__(f"workspace.sqlite is damaged: {what}", Remedy.VERIFY)


class UnknownSprite(UserError):
    """No sprite matches the given name or id, or more than one does."""


class NothingMatches(UserError):
    """The selection contains no sprites."""


class UnknownVersion(UserError):
    """No version has the given label, tag or digest."""
