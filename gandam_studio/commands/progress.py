"""A Job with a progress bar on the error stream; Ctrl+C cancels it between two steps."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from gandam_studio.core.jobs import Cancelled

PLAIN_INTERVAL_S = 10.0


class ConsoleJob:
    """Use as a context manager around long work.

    The first Ctrl+C cancels the work at its next step, which leaves everything consistent; a second one interrupts at
    once. If the error stream is not a terminal, a line every ten seconds replaces the bar.
    """

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._bar: Any = None
        self._task: Any = None
        self._before: Any = None
        self._label, self._done = "", 0
        self._total: int | None = None
        self._percent = False
        self._spoke = time.monotonic()

    def __enter__(self) -> ConsoleJob:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._cancelled.is_set():
            raise KeyboardInterrupt
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether Ctrl+C was pressed."""
        return self._cancelled.is_set()

    def start(self, label: str, total: int | None) -> None:
        """Start a stage, which ends the one before."""
        self.check()
        self.restart(label, total)

    def restart(self, label: str, total: int | None, *, percent: bool = False) -> None:
        """As `start`, also after Ctrl+C, for work that handles it itself. `percent`: show percentages."""
        self._label, self._total, self._done, self._percent = label, total, 0, percent
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._bar = _bar()
            self._bar.start()
        elif self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(label, total=total, percent=percent)

    def advance(self, count: int = 1) -> None:
        """Count steps as done."""
        self.move(count)
        self.check()

    def move(self, count: int) -> None:
        """As `advance`, also after Ctrl+C, for work that handles it itself."""
        self._done += count
        if self._bar is not None:
            self._bar.advance(self._task, count)
        elif time.monotonic() - self._spoke > PLAIN_INTERVAL_S:
            self._spoke = time.monotonic()
            print(f"{self._label}: {self._counted()}", file=sys.stderr, flush=True)

    def _counted(self) -> str:
        if self._percent and self._total:
            return f"{100 * self._done // self._total} %"
        return f"{self._done:,} of {self._total:,}" if self._total else f"{self._done:,}"

    def describe(self, label: str) -> None:
        """Rename the current stage."""
        self._label = label
        if self._bar is not None:
            self._bar.update(self._task, description=label)

    def check(self) -> None:
        """Raise Cancelled after Ctrl+C."""
        if self._cancelled.is_set():
            raise Cancelled


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Counted(MofNCompleteColumn):
        """Steps done and in all, or the percentage."""

        def render(self, task: Task) -> Text:
            """The text of the column."""
            return Text(f"{task.percentage:.0f} %") if task.fields.get("percent") else super().render(task)

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        Counted(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
