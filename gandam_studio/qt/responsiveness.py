"""Python's own pauses, kept away from the window: other threads' turns and the garbage collector's."""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, QTimer

SWITCH_S = 0.0005
"""A thread that folds a long run hands the interpreter over after so long, not after Python's 5 ms."""
YOUNG = (700, 10)
NEVER = 1_000_000
LOOK_MS = 10_000
OLD_ENOUGH = 30


class IdleCollector(QObject):
    """Full garbage collections when a timer says so, not in the middle of a repaint.

    What exists now (modules, classes, the window) is set aside for good, so a full collection has little to look at.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*YOUNG, NEVER)
        gc.enable()
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._collect)
        self._timer.start()

    def _collect(self) -> None:
        """Only when enough has been made and dropped since the last time."""
        if gc.get_count()[2] >= OLD_ENOUGH:
            gc.collect()


def set_aside() -> None:
    """Keep what was just taken in, hundreds of thousands of objects perhaps, out of every later full collection.

    Looking at the relations of 100,000 sprites and at what the rules make of them takes a collection a third of a
    second. They hold no cycles, so each goes as soon as nobody refers to it. Anything else that is garbage by now and
    older than the youngest would never go: rare and small, since full collections go before.
    """
    gc.collect(1)
    gc.freeze()


def give_turns_quickly() -> None:
    """Let the window have its turn soon after it asks for it, whatever another thread is doing."""
    sys.setswitchinterval(SWITCH_S)


def favour_the_window(parent: QObject) -> IdleCollector:
    """Set this process up for a quick window; to be called once, when it has been shown."""
    give_turns_quickly()
    return IdleCollector(parent)
