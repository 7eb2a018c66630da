"""While a menu or a list of choices is open, letters choose from it and decide nothing about the sprites behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QMenu, QWidget
from studio_window import OpenWindow

from gandam_studio.qt.curate.screen import CurateScreen


def open_popup(screen: CurateScreen, kind: str) -> QWidget:
    """Open one as the mouse does: the focus stays in the gallery."""
    if kind == "menu":
        menu = QMenu(screen)
        menu.addAction("&Drop it", lambda: menu.setProperty("chosen", "drop"))
        menu.addAction("&Under", lambda: menu.setProperty("chosen", "under"))
        menu.popup(screen.mapToGlobal(QPoint(20, 20)))
    elif kind == "menu of a field":
        field = screen.filter_bar.search
        QTest.mouseClick(field, Qt.MouseButton.LeftButton)
        field.createStandardContextMenu().popup(screen.mapToGlobal(QPoint(20, 20)))
    else:
        screen.findChildren(QComboBox)[0].showPopup()
    popup = QApplication.activePopupWidget()
    assert popup is not None
    return popup


@pytest.mark.parametrize("kind", ["menu", "menu of a field", "list of choices"])
def test_letters_decide_nothing_behind_a_popup(kind: str, folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = window.screen_shown
    assert isinstance(screen, CurateScreen)
    before = screen.session.workspace.counts(), screen.gallery.current
    popup = open_popup(screen, kind)
    for key in ("x", "u", "r", "f"):
        if QApplication.activePopupWidget() is popup:
            QTest.keyClick(popup.focusWidget() or popup, key)
    assert (screen.session.workspace.counts(), screen.gallery.current) == before
    if kind == "menu":
        assert popup.property("chosen") == "under"
    popup.close()
    screen.focus_work()
    QTest.keyClick(screen.gallery, "x")
    assert screen.session.workspace.counts() != before[0]
