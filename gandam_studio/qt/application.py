"""The QApplication: its name, its theme, and the handler for uncaught errors."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.session import ERROR

log = logging.getLogger(__name__)


def make_application(*, sheet: bool = True) -> QApplication:
    """Create the QApplication with the Studio's theme, or return the existing one. `sheet`: see `theme.install`."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QApplication.setApplicationName("GANdam Studio")
    QApplication.setOrganizationName("GANdam Studio")
    scheme = QSettings().value("window/scheme", "system")
    theme.set_scheme(scheme if scheme in theme.SCHEMES else "system")
    application = QApplication([*sys.argv[:1], *theme.STYLE_ARGUMENTS])
    theme.install(application, styled=True, sheet=sheet)
    sys.excepthook = _report_bug
    return application


def _report_bug(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """Handle an exception raised in a slot: keep the window open, log the traceback, show one line."""
    if issubclass(kind, KeyboardInterrupt):
        QApplication.quit()
        return
    log.debug("unexpected error", exc_info=(kind, value, trace))
    text = explain(value)
    print(f"gandam-studio: {text}", file=sys.stderr, flush=True)
    for window in QApplication.topLevelWidgets():
        if isinstance(window, MainWindow) and window.session:
            window.session.post(text, ERROR)


__all__ = ["MainWindow", "make_application"]
