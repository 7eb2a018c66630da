"""The window's process: `gandam-studio-window [FOLDER]` and `gandam-studio open` end up here."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication

from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.responsiveness import favour_the_window
from gandam_studio.qt.session import ERROR

log = logging.getLogger(__name__)
SETTLED_MS = 2000


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, show the window, return the exit code."""
    parser = argparse.ArgumentParser(prog="gandam-studio-window", description="Curate sprites and train a GAN on them.")
    parser.add_argument("folder", nargs="?", type=Path, help="a workspace's folder")
    return open_window(parser.parse_args(argv).folder)


def open_window(folder: Path | None = None) -> int:
    """Show the window, on `folder`'s workspace if given, and return when it is closed (exit code)."""
    application = make_application()
    window = MainWindow()
    if folder is not None:
        window.open_folder(Path(folder).absolute())
    window.show()
    # After the first picture: looking at everything once takes some tens of milliseconds.
    QTimer.singleShot(SETTLED_MS, application, lambda: favour_the_window(application))
    return application.exec()


def make_application() -> QApplication:
    """The one QApplication, dressed in our theme; an existing one is used as it is."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QApplication.setApplicationName("GANdam Studio")
    QApplication.setOrganizationName("GANdam Studio")
    application = QApplication([*sys.argv[:1], *theme.STYLE_ARGUMENTS])
    scheme = QSettings().value("window/scheme", "system")
    theme.set_scheme(scheme if scheme in theme.SCHEMES else "system")
    theme.install(application, styled=True)
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
