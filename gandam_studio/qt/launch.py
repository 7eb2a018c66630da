"""Entry point of the window's process, for `gandam-studio-window [FOLDER]` and `gandam-studio open`.

What is imported before the first paint, and in which order, decides the start-up time; only this module controls it.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from gandam_studio.qt.main_window import MainWindow

SETTLED_MS = 2000
NEED_NO_QT = (
    "gandam_studio.core.failure_log", "gandam_studio.core.jobs", "gandam_studio.core.pictures.orienting",
    "gandam_studio.core.workspace.described", "gandam_studio.core.workspace.lineage",
    "gandam_studio.core.workspace.lookups", "gandam_studio.core.workspace.review",
    "gandam_studio.core.workspace.workspace", "gandam_studio.samples.bundled", "trainer.protocol.resources",
)  # fmt: skip
"""By name: an import that nothing uses is taken for a mistake and removed, as happened once."""


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, show the window, return the exit code."""
    import argparse

    parser = argparse.ArgumentParser(prog="gandam-studio-window", description="Curate sprites and train a GAN on them.")
    parser.add_argument("folder", nargs="?", type=Path, help="a workspace's folder")
    folder = parser.parse_args(argv).folder
    try:
        return open_window(folder)
    except UserError as error:
        print(f"gandam-studio: {error}", file=sys.stderr)
        return 1


def open_window(folder: Path | None = None) -> int:
    """Show the window, with the workspace in `folder` if given, and return the exit code when it is closed."""
    application, _window = show_window(folder)

    from PySide6.QtCore import QTimer

    from gandam_studio.qt.responsiveness import set_up_for_window

    # After the first paint: one full collection takes some tens of milliseconds.
    QTimer.singleShot(SETTLED_MS, application, lambda: set_up_for_window(application))
    return application.exec()


def import_core() -> None:
    """Import what the first paint needs and needs no Qt: PySide6 replaces Python's `import` with a slower one."""
    for name in NEED_NO_QT:
        importlib.import_module(name)


def import_qt() -> None:
    """Import PySide6, and take out of Python's `import` what it adds for its features.

    That looks for `from __feature__ import`, which nothing here uses, and for it reads the source code of every module
    that is imported: a twentieth of the start. What loads Qt's classes when they are first named stays.
    """
    importlib.import_module("PySide6.QtCore")
    builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)


def show_window(folder: Path | None = None) -> tuple[QApplication, MainWindow]:
    """Show the window; application and window live as long as the caller keeps them.

    Raises UserError when Qt cannot be loaded or finds no screen.
    """
    # Nothing is garbage yet, but each import would make the collector scan everything loaded so far.
    # `set_up_for_window` enables it again.
    gc.disable()
    import_core()
    from gandam_studio.qt.display import advice, require_screen

    require_screen()
    try:
        import_qt()
        from gandam_studio.qt import theme
        from gandam_studio.qt.application import MainWindow, make_application
        from gandam_studio.qt.responsiveness import shorten_switch_interval
    except ImportError as error:
        reason = advice(str(error)) if ".so" in str(error) else str(error)
        raise UserError(f"the window cannot open: {reason}; see: gandam-studio doctor") from None

    shorten_switch_interval()
    application = make_application(sheet=False)
    window = MainWindow()
    where = None if folder is None else Path(folder).absolute()
    opened = where is None or window.show_folder(where)
    theme.apply_style_sheet(application)
    window.show()
    if where is not None and not opened:
        window.open_folder(where)  # asks questions and shows errors over the window
    return application, window
