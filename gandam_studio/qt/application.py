"""The one QApplication: its name, its theme, and what becomes of errors nobody caught."""

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
    """The one QApplication, dressed in our theme; an existing one is used as it is. `sheet`: see `theme.install`."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QApplication.setApplicationName("GANdam Studio")
    QApplication.setOrganizationName("GANdam Studio")
    scheme = QSettings().value("window/scheme", "system")
    theme.set_scheme(scheme if scheme in theme.SCHEMES else "system")
    application = QApplication([*sys.argv[:1], *theme.STYLE_ARGUMENTS])
    theme.install(application, styled=True, sheet=sheet)
    sys.excepthook = _tell_bug
    return application


def _tell_bug(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """Our bug, raised in a slot: keep the window alive, write the traceback to the log, say one line."""
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
