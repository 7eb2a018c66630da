"""Keep the window responsive despite Python's thread switching and garbage collection."""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QCursor, QGuiApplication

SWITCH_S = 0.0005
"""Thread switch interval, seconds; Python's default is 5 ms. Matters while a thread reads a long run."""
YOUNG = (700, 10)
NEVER = 1_000_000
LOOK_MS = 10_000
OLD_ENOUGH = 30
STILL_LOOKS = 3


_set_aside = False  # something was frozen since the last thorough collection


class IdleCollector(QObject):
    """Runs full garbage collections from a timer instead of in the middle of a repaint.

    What exists now (modules, classes, the window) is frozen, so a full collection has little to scan. What `set_aside`
    froze later is scanned again when the pause goes unnoticed: while another program has the focus, or after several
    timer ticks without activity.
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
            collect_set_aside()
        # Only if enough objects were allocated since the last time.
        if gc.get_count()[2] >= OLD_ENOUGH:
            gc.collect()

    def _change_state(self, state: Qt.ApplicationState) -> None:
        if state != Qt.ApplicationState.ApplicationActive:
            collect_set_aside()


def set_aside() -> None:
    """Exclude what was just loaded, perhaps hundreds of thousands of objects, from later full collections.

    Scanning the relations and duplicate groups of 100,000 sprites takes a collection a third of a second. They hold
    no cycles, so reference counting frees them. Other garbage frozen along with them waits for
    `collect_set_aside`.
    """
    global _set_aside
    gc.collect(1)
    gc.freeze()
    _set_aside = True


def collect_set_aside() -> None:
    """Unfreeze and collect what was set aside; takes up to a third of a second."""
    global _set_aside
    if _set_aside:
        _set_aside = False
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def shorten_switch_interval() -> None:
    """Shorten the thread switch interval, so that the GUI thread gets the interpreter soon."""
    sys.setswitchinterval(SWITCH_S)


def set_up_for_window(parent: QObject) -> IdleCollector:
    """Set this process up for a responsive window; call once, after the window is shown."""
    shorten_switch_interval()
    return IdleCollector(parent)
