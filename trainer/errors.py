"""The trainer's two families of failure: what the person or the machine caused, and (everything else) our bugs."""

from __future__ import annotations

CAUSES = ("usage", "data", "oom", "nan", "disk_full", "device", "checkpoint", "locked", "folder", "ranks", "bug")


class TrainerError(Exception):
    """The person's input or machine: one clear line, exit code 1.

    Attributes:
        cause: machine-readable, one of `CAUSES`; written to the run's events.
    """

    def __init__(self, message: str, cause: str = "usage") -> None:
        super().__init__(message)
        self.cause = cause if cause in CAUSES else "bug"
