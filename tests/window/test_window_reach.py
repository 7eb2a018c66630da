"""Everything can be reached and named without a screen and without a mouse: all widgets of all screens are checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)
from studio_window import OpenWindow, curate

from gandam_studio.qt.palette import CommandPalette
from gandam_studio.qt.rail import PLACES
from gandam_studio.qt.tips import keys_of

INTERACTIVE = (QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
SCREENS = [place.name for place in PLACES]


def _interactive(root: QWidget) -> list[QWidget]:
    """All controls below `root`, without Qt's own parts of composed widgets."""
    found = []
    for widget in root.findChildren(QWidget):
        inner = isinstance(widget, QScrollBar | QHeaderView) or widget.objectName().startswith("qt_")
        part = isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox | QLineEdit | QTabBar)
        list_of_combo = isinstance(widget, QAbstractItemView) and widget.parentWidget().inherits(
            "QComboBoxPrivateContainer"
        )
        if isinstance(widget, INTERACTIVE) and not (inner or part or list_of_combo):
            found.append(widget)
    return found


def _name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text


@pytest.mark.parametrize("name", SCREENS)
def test_whatever_a_person_acts_on_has_a_name(name: str, folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    window.visit_by_name(name)
    nameless = [f"{type(one).__name__} in {type(one.parentWidget()).__name__}" for one in _interactive(window)
                if not _name(one).strip()]  # fmt: skip
    assert not nameless


def test_the_further_filters_have_names_of_their_own(folder: Path, open_window: OpenWindow) -> None:
    bar = curate(open_window(folder)).filter_bar
    bar.more_button.click()
    panel = QApplication.activePopupWidget()
    names = [_name(one) for one in _interactive(panel)]
    panel.close()
    assert all(names)
    assert len(set(names)) == len(names), "least and most of a range are told apart"


@pytest.mark.parametrize("name", SCREENS)
def test_the_tab_key_reaches_everything(name: str, folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = window.visit_by_name(name)
    QTest.qWait(20)
    wanted = {
        one
        for one in _interactive(screen)
        if one.isVisible() and one.isEnabled() and one.focusPolicy() & Qt.FocusPolicy.TabFocus
    }
    met: set[QWidget] = set()
    for _ in range(3 * len(_interactive(window)) + 20):
        focused = QApplication.focusWidget()
        if focused is not None:
            met.add(focused)
            # An exclusive group is entered once; its arrows do the rest.
            if isinstance(focused, QAbstractButton) and (group := focused.group()) is not None and group.exclusive():
                met.update(group.buttons())
        QTest.keyClick(focused or window, Qt.Key.Key_Tab)
    missed = {f"{type(one).__name__} {_name(one)}" for one in wanted - met}
    assert not missed


@pytest.mark.parametrize("name", SCREENS)
def test_the_palette_names_every_command_with_its_keys(name: str, folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    window.visit_by_name(name)
    window.show_palette()
    (palette,) = window.findChildren(CommandPalette)
    items = [palette.list.item(row) for row in range(palette.list.count())]
    shown = {(item.text(), item.data(Qt.ItemDataRole.AccessibleDescriptionRole)) for item in items}
    palette.close()
    commands = [(action, menu) for action, menu in window.commands() if action.isVisible() and action.isEnabled()]
    assert len(commands) > 10
    for action, menu in commands:
        text = action.text().replace("&", "").rstrip("…")
        assert (text, ", ".join(part for part in (menu, keys_of(action)) if part)) in shown
