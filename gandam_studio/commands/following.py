"""Follows a run in the terminal with a progress bar; Ctrl+C stops the run with a checkpoint."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from gandam_studio.commands.console import tell
from trainer.protocol.diagnosis_cards import alarm_text
from trainer.protocol.events import TERMINAL, Alarm, Progress, RunExtended, RunStarted, RunWarning, TrainEvent

if TYPE_CHECKING:
    from gandam_studio.commands.progress import ConsoleJob
    from trainer.protocol.run_directory import RunDirectory

POLL_S = 0.2
# Steps of the bar of a run limited by time.
SHARES = 1000


def follow(run: RunDirectory, process: subprocess.Popen[bytes], job: ConsoleJob) -> None:
    """Return when the run's process has ended. The first Ctrl+C stops the run, a second one stops following it."""
    reader = run.events()
    attempts = max((event.attempt for event in reader.read()), default=0)
    if reader.damaged:
        tell(f"note: {reader.damaged:,} of its events are damaged and were left out")
    bar = _Bar(job)
    job.start("Starting the trainer", None)
    asked = False
    while True:
        ended = process.poll() is not None
        for event in reader.read():
            if event.attempt > attempts or not attempts:
                bar.show(event)
        if job.cancelled and not asked:
            asked = True
            tell("stopping: the trainer saves a checkpoint first")
            run.request("stop")
        if ended:
            return
        time.sleep(POLL_S)


class _Bar:
    """Updates a progress bar from events."""

    def __init__(self, job: ConsoleJob) -> None:
        self._job = job
        self._total = 0
        self._shown = 0

    def show(self, event: TrainEvent) -> None:
        """Update the bar."""
        if isinstance(event, RunStarted):
            self._total = event.total_iterations
            self._job.restart(f"Training on {event.device}", self._total or SHARES, percent=not self._total)
            self._shown = 0
        elif isinstance(event, Progress):
            done = event.iteration if self._total else int(SHARES * (event.share or 0.0))
            at = "" if self._total else f", iteration {event.iteration:,}"
            self._job.describe(f"Training{_losses(event)}, {event.pictures_per_s:,.0f} pictures/s{at}")
            self._job.move(done - self._shown)
            self._shown = done
        elif isinstance(event, RunExtended | RunWarning):
            tell(f"note: {event.message}")
        elif isinstance(event, Alarm):
            tell(alarm_text(event.about, event.state, event.action))
        elif isinstance(event, TERMINAL):
            self._job.describe("Ending")


def _losses(event: Progress) -> str:
    parts = []
    for name, label in (("loss_d", "D "), ("loss_g", "G "), ("loss", "loss ")):
        values = [value for value in event.curves.get(name, []) if value is not None]
        if values:
            parts.append(f"{label}{values[-1]:.3f}")
    return f" ({', '.join(parts)})" if parts else ""
