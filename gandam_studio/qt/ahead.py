"""Import and build the other screens while nothing else happens, so that their first visit is quick."""

from __future__ import annotations

import contextlib
import importlib
import logging
import pkgutil
import time
from collections.abc import Callable, Iterator
from itertools import chain

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtWidgets import QApplication

from gandam_studio.qt.rail import PLACES

DELAY_MS = 1500
PAUSE_MS = 60
"""Between two modules: importing one takes 1 to 50 ms, and what the person does meanwhile is answered first."""
REST_S = 0.5
"""How long keys and mouse must rest before a module is imported; four times as long before a screen is built."""

_INPUT = frozenset({QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.Wheel})

_log = logging.getLogger(__name__)


class ScreensAhead(QObject):
    """Imports the screens' modules one by one from a timer, then has the screens built, while keys and mouse rest.

    In the thread of the window, since PySide6 crashes when another thread imports modules of Qt meanwhile.
    """

    def __init__(
        self,
        build_next: Callable[[], bool],
        parent: QObject | None = None,
        *,
        delay_ms: int = DELAY_MS,
        pause_ms: int = PAUSE_MS,
        rest_s: float = REST_S,
    ) -> None:
        """`build_next` builds a screen and returns True, or False when all are built."""
        super().__init__(parent)
        self._modules = chain.from_iterable(modules_of(place.path) for place in PLACES)
        self._imported = False
        self._build_next = build_next
        self._rest_s = rest_s
        self._touched = 0.0
        self._timer = QTimer(self, interval=delay_ms)
        self._timer.timeout.connect(self._step)
        self._timer.timeout.connect(lambda: self._timer.setInterval(pause_ms))
        self._timer.start()
        self._window: QWindow | None = None
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.focusWindowChanged.connect(self._watch)
        self._watch(QGuiApplication.focusWindow())

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Note when the person last did something."""
        if event.type() in _INPUT:
            self._touched = time.monotonic()
        return False

    def _watch(self, window: QWindow | None) -> None:
        """Filter the events of the window that has the keys; those of all widgets would be a hundred times as many."""
        if self._window is not None:
            with contextlib.suppress(RuntimeError):  # its C++ object was deleted
                self._window.removeEventFilter(self)
        self._window = window
        if window is not None:
            window.installEventFilter(self)

    def _step(self) -> None:
        rested = time.monotonic() - self._touched
        if rested < self._rest_s * (4 if self._imported else 1) or QApplication.activePopupWidget() is not None:
            return
        if self._imported:
            if not self._build_next():
                self._stop()
            return
        name = next(self._modules, "")
        if not name:
            self._imported = True
            return
        try:
            importlib.import_module(name)
        except ImportError:
            _log.exception("%s cannot be imported", name)
            self._stop()  # visiting the screen says so

    def _stop(self) -> None:
        self._timer.stop()
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.focusWindowChanged.disconnect(self._watch)
        self._watch(None)


def modules_of(path: str) -> Iterator[str]:
    """Yield the names of the modules in the package of a screen ("package.module:class"), the screen's own last."""
    screen = path.partition(":")[0]
    package = screen.rpartition(".")[0]
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if found.name != screen:
            yield found.name
    yield screen
