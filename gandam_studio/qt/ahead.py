"""Import the modules of the other screens while nothing else happens, so that their first visit is quicker."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from itertools import chain

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QCursor, QGuiApplication

from gandam_studio.qt.rail import PLACES

DELAY_MS = 1500
PAUSE_MS = 60
"""Between two modules: importing one takes 1 to 20 ms, and what the person does meanwhile is answered first."""

_log = logging.getLogger(__name__)


class ScreensAhead(QObject):
    """Imports the screens' modules one by one from a timer, while the mouse rests.

    In the thread of the window, since PySide6 crashes when another thread imports modules of Qt meanwhile.
    """

    def __init__(self, parent: QObject | None = None, delay_ms: int = DELAY_MS, pause_ms: int = PAUSE_MS) -> None:
        super().__init__(parent)
        self._modules = chain.from_iterable(modules_of(place.path) for place in PLACES)
        self._seen = QCursor.pos()
        self._pause_ms = pause_ms
        self._timer = QTimer(self, interval=delay_ms)
        self._timer.timeout.connect(self._import_one)
        self._timer.start()

    def _import_one(self) -> None:
        self._timer.setInterval(self._pause_ms)
        seen = QCursor.pos()
        moved, self._seen = seen != self._seen, seen
        if moved or QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            return
        name = next(self._modules, "")
        if not name:
            self._timer.stop()
            return
        try:
            importlib.import_module(name)
        except ImportError:  # Visiting the screen says so.
            _log.exception("%s cannot be imported", name)


def modules_of(path: str) -> Iterator[str]:
    """Yield the names of the modules in the package of a screen ("package.module:class"), the screen's own last."""
    screen = path.partition(":")[0]
    package = screen.rpartition(".")[0]
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if found.name != screen:
            yield found.name
    yield screen
