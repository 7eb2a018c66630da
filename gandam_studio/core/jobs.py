"""Long work reports progress to a Job and is cancelled through it; `NULL_JOB` is the silent default."""

from __future__ import annotations

from typing import Protocol


class Cancelled(Exception):
    """Raised inside long work when its Job was cancelled; everything finished so far is kept and consistent."""


class Job(Protocol):
    """What long work needs of whoever started it. Methods are cheap and may be called from the working thread."""

    def start(self, label: str, total: int | None) -> None:
        """Begin a stage; `total` in the stage's own units, None while unknown."""

    def advance(self, count: int = 1) -> None:
        """`count` more units are done. Raises Cancelled once the person has asked for it."""

    def check(self) -> None:
        """Raise Cancelled once the person has asked for it."""


class NullJob:
    """A Job that shows nothing and is never cancelled."""

    def start(self, label: str, total: int | None) -> None:
        """Ignore."""

    def advance(self, count: int = 1) -> None:
        """Ignore."""

    def check(self) -> None:
        """Never raise."""


NULL_JOB = NullJob()
