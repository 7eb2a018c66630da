"""Jobs: progress reports from long-running work, and its cancellation. `NULL_JOB` is the silent default."""

from __future__ import annotations

from typing import Protocol


class Cancelled(Exception):
    """Raised inside long-running work after its Job was cancelled. Work finished so far is kept and consistent."""


class Job(Protocol):
    """The interface that long-running work reports to. Methods are cheap and may be called from the worker thread."""

    def start(self, label: str, total: int | None) -> None:
        """Begin a stage. `total` is in units of the stage's own, None if unknown."""

    def advance(self, count: int = 1) -> None:
        """Report `count` more units as done. Raises Cancelled once the user has cancelled."""

    def check(self) -> None:
        """Raise Cancelled once the user has cancelled."""


class NullJob:
    """A Job that reports nothing and is never cancelled."""

    def start(self, label: str, total: int | None) -> None:
        """Do nothing."""

    def advance(self, count: int = 1) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing."""


NULL_JOB = NullJob()
