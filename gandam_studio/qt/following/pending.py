"""Commands that were clicked and not carried out yet, so that every screen shows the same intermediate state."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from trainer.protocol.run_directory import RunState

ALIVE = ("running", "paused")
OVERLAP_S = 2.0
"""For this long after a command was carried out, views that have not read the new state still show it as pending."""


@dataclass
class _Asked:
    command: str
    before: RunState
    done_at: float | None = None


class PendingCommands(QObject):
    """What the runs of a workspace were asked to do: "start", "pause", "resume" or "stop".

    Signals:
        changed: a command was given or taken back.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._asked: dict[Path, _Asked] = {}

    def note(self, folder: Path, command: str, state: RunState) -> None:
        """Note a command given to a run that is in this state."""
        if command in ("start", "pause", "resume", "stop"):
            self._asked[folder] = _Asked(command, state)
            self.changed.emit()

    def forget(self, folder: Path) -> None:
        """Withdraw a command, because nothing is left to obey it."""
        if self._asked.pop(folder, None) is not None:
            self.changed.emit()

    def of(self, folder: Path, state: RunState) -> str:
        """The command that a run in this state has not carried out yet; "" without one."""
        asked = self._asked.get(folder)
        if asked is None:
            return ""
        if asked.done_at is not None and time.monotonic() - asked.done_at > OVERLAP_S:
            del self._asked[folder]
            return ""
        if not _waits(asked, state):
            asked.done_at = asked.done_at or time.monotonic()
            return ""
        return asked.command


def _waits(asked: _Asked, state: RunState) -> bool:
    if asked.command == "start":
        return state == asked.before
    if asked.command == "stop":
        return state.state in ALIVE
    return state.state == ("running" if asked.command == "pause" else "paused")
