"""Other screens' modules, imported by a thread once the window is up, so that a first visit has only to build."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication, QThread

log = logging.getLogger(__name__)


class Preloader(QThread):
    """Imports modules, one after the other; the application waits for the one it is at when it quits.

    Threads hand the interpreter over after half a millisecond (`responsiveness`), so the window goes on meanwhile; who
    visits a screen before its turn waits for the rest of that one import.
    """

    def __init__(self, modules: Iterable[str], application: QCoreApplication) -> None:
        super().__init__(application)
        self._modules = tuple(modules)
        application.aboutToQuit.connect(self._end)

    def run(self) -> None:
        """QThread's entry. What cannot be imported says so when the person visits it."""
        for name in self._modules:
            if self.isInterruptionRequested():
                return
            try:
                importlib.import_module(name)
            except Exception:
                log.exception("%s cannot be imported", name)

    def _end(self) -> None:
        self.requestInterruption()
        self.wait()
