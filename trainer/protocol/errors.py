"""Errors caused by input or machine; any other exception is a bug."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.protocol.remedies import Remedy

NO_DEVICE = "this machine has no usable"
"""How the reason begins when a run's device is not there."""
CAUSES = ("usage", "data", "oom", "nan", "disk_full", "io", "device", "checkpoint", "locked", "folder", "ranks", "bug")
"""Causes of failure. "io" is any failure to read or write except a full disk."""

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FULL_ON_WINDOWS = {39, 112}  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL


class TrainerError(Exception):
    """A failure caused by input or machine; the message is one line.

    Attributes:
        cause: machine-readable, one of `CAUSES`; written to the run's events.
        remedy: what helps, which a command line and a window tell in their own words.
    """

    def __init__(self, message: str, cause: str = "usage", remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.cause = cause if cause in CAUSES else "bug"


def no_device(wanted: str) -> TrainerError:
    """The error for a device that this machine lacks."""
    return TrainerError(f"{NO_DEVICE} {wanted.upper()} device; choose the device auto or cpu", "device")


def is_disk_full(error: OSError) -> bool:
    """Whether the disk was full or a quota exceeded."""
    return error.errno in _FULL or getattr(error, "winerror", None) in _FULL_ON_WINDOWS


def io_failure(what: str, error: OSError) -> TrainerError:
    """An OSError as a TrainerError; `what` says what failed."""
    if is_disk_full(error):
        return TrainerError(f"{what}: the disk is full; free some space and start again", "disk_full")
    return TrainerError(f"{what}: {error.strerror or error}", "io")
