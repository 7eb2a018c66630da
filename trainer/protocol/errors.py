"""The trainer's two families of failure: what the person or the machine caused, and (everything else) our bugs."""

from __future__ import annotations

import errno

CAUSES = ("usage", "data", "oom", "nan", "disk_full", "io", "device", "checkpoint", "locked", "folder", "ranks", "bug")
"""Kinds of failure. "disk_full" is only that; whatever else reading or writing failed for is "io"."""

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FULL_ON_WINDOWS = {39, 112}  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL


class TrainerError(Exception):
    """The person's input or machine: one clear line, exit code 1.

    Attributes:
        cause: machine-readable, one of `CAUSES`; written to the run's events.
    """

    def __init__(self, message: str, cause: str = "usage") -> None:
        super().__init__(message)
        self.cause = cause if cause in CAUSES else "bug"


def is_disk_full(error: OSError) -> bool:
    """Whether no space, or no more of somebody's quota, was left."""
    return error.errno in _FULL or getattr(error, "winerror", None) in _FULL_ON_WINDOWS


def io_failure(what: str, error: OSError) -> TrainerError:
    """An operating system's refusal as a TrainerError: `what` could not be done, and why."""
    if is_disk_full(error):
        return TrainerError(f"{what}: the disk is full; free some space and start again", "disk_full")
    return TrainerError(f"{what}: {error.strerror or error}", "io")
