"""Python's own pauses, kept away from the window: other threads' turns and the garbage collector's."""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QCursor, QGuiApplication

SWITCH_S = 0.0005
"""A thread that folds a long run hands the interpreter over after so long, not after Python's 5 ms."""
YOUNG = (700, 10)
NEVER = 1_000_000
LOOK_MS = 10_000
OLD_ENOUGH = 30
STILL_LOOKS = 3


_set_aside = False  # something was frozen since the last thorough collection


class IdleCollector(QObject):
    """Full garbage collections when a timer says so, not in the middle of a repaint.

    What exists now (modules, classes, the window) is set aside, so a full collection has little to look at. What
    `set_aside` froze later is looked at again when nobody would notice the pause: while another program has the keys,
    or after some turns of the timer in which nothing moved.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*YOUNG, NEVER)
        gc.enable()
        self._seen: object = None
        self._still = 0
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._change_state)

    def _look(self) -> None:
        moved = (QCursor.pos(), gc.get_stats()[0]["collections"])
        self._still = self._still + 1 if moved == self._seen else 0
        self._seen = moved
        if self._still >= STILL_LOOKS:
            give_back()
        # Only when enough has been made and dropped since the last time.
        if gc.get_count()[2] >= OLD_ENOUGH:
            gc.collect()

    def _change_state(self, state: Qt.ApplicationState) -> None:
        if state != Qt.ApplicationState.ApplicationActive:
            give_back()


def set_aside() -> None:
    """Keep what was just taken in, hundreds of thousands of objects perhaps, out of later full collections.

    Looking at the relations of 100,000 sprites and at what the rules make of them takes a collection a third of a
    second. They hold no cycles, so each goes as soon as nobody refers to it. Other garbage that is frozen along with
    them waits for `give_back`.
    """
    global _set_aside
    gc.collect(1)
    gc.freeze()
    _set_aside = True


def give_back() -> None:
    """Collect what was garbage when it was set aside, or has become it since; a third of a second at the worst."""
    global _set_aside
    if _set_aside:
        _set_aside = False
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def give_turns_quickly() -> None:
    """Let the window have its turn soon after it asks for it, whatever another thread is doing."""
    sys.setswitchinterval(SWITCH_S)


def favour_the_window(parent: QObject) -> IdleCollector:
    """Set this process up for a quick window; to be called once, when it has been shown."""
    give_turns_quickly()
    return IdleCollector(parent)
