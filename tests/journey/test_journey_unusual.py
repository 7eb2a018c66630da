"""Unusual sequences of actions in the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from studio_window import CONTROL, OpenWindow, reactivate

from gandam_studio.qt.rail import PLACES


class Shown(QObject):
    """Counts how often a widget is shown."""

    times = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.times += event.type() == QEvent.Type.Show
        return False


def test_closing_after_the_palette_has_built_the_other_screens_shows_none_of_them(
    folder: Path, open_window: OpenWindow, qtbot: Any
) -> None:
    """A screen shown during closing would start work in a closed session, which aborts the program."""
    window = open_window(folder)
    QTest.keyClick(window, Qt.Key.Key_K, CONTROL)
    qtbot.waitUntil(lambda: len(window.screens) == len(PLACES), timeout=20_000)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    reactivate(window)
    watcher = Shown()
    for screen in window.screens.values():
        screen.installEventFilter(watcher)
    QTest.keyClick(window, Qt.Key.Key_W, CONTROL)
    assert window.session is None
    assert watcher.times == 0
