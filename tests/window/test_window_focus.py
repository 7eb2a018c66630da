"""The keyboard's focus: visible on everything that can have it, reached by Tab in the order of the layout, never
trapped, and pressed by Return."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from contrast import MARK, pixels_of, ratio
from painted import visible_widgets
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QMenu,
    QMenuBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from studio_window import OpenWindow
from tour import SCENES, begin, make_workspace, opened, still

from gandam_studio.qt import theme
from gandam_studio.qt.main_window import MainWindow

STOPS = [scene for scene in SCENES if scene.name != "menu"]


def _stops(root: QWidget) -> list[QWidget]:
    """What Tab should reach below `root`."""
    return [
        one
        for one in visible_widgets(root)
        if one.isEnabled() and one.focusPolicy() & Qt.FocusPolicy.TabFocus and not isinstance(one, QMenu | QMenuBar)
        # Parts of composed widgets pass the focus on.
        and one.focusProxy() is None and one is not root
    ]  # fmt: skip


def _label(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    parent = widget.parentWidget()
    return f"{type(widget).__name__} {widget.accessibleName() or text!r} in {type(parent).__name__}"


def _grab(widget: QWidget, root: QWidget) -> np.ndarray:
    place = QRect(widget.mapTo(root, widget.rect().topLeft()), widget.size()).adjusted(-3, -3, 3, 3) & root.rect()
    return pixels_of(root.grab(place).toImage())


def _lacks_a_frame(widget: QWidget, root: QWidget) -> str:
    """Why the focus on a widget is not visible; "" if it is."""
    focused = QApplication.focusWidget()
    if focused is not None:
        focused.clearFocus()
    before = _grab(widget, root)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    if not widget.hasFocus():
        return f"{_label(widget)} does not take the focus"
    after = _grab(widget, root)
    if after.shape != before.shape:
        return f"{_label(widget)} changes its size"
    differs = (before != after).any(axis=2)
    changed = int((ratio(before[differs], after[differs]) >= MARK - 0.05).sum())
    # A frame around a small control, or around the current one of many items.
    wanted = min(100, widget.width() + widget.height())
    return "" if changed >= wanted else f"{_label(widget)}: {changed} of {wanted} pixels"


@pytest.fixture
def window(tmp_path: Path, open_window: OpenWindow) -> MainWindow:
    made = open_window(make_workspace(tmp_path / "w"))
    begin(made)
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_is_seen_on_everything(scheme: str, window: MainWindow) -> None:
    theme.set_scheme(scheme)
    faults: dict[str, list[str]] = {}
    count = 0
    for scene in STOPS:
        with opened(scene, window) as root:
            for widget in _stops(root):
                count += 1
                if fault := _lacks_a_frame(widget, root):
                    faults.setdefault(fault, []).append(scene.name)
    assert count > 200
    assert not faults, "\n".join(f"{fault}  {places[:3]}" for fault, places in sorted(faults.items()))


def _walk(root: QWidget, key: Qt.Key, most: int) -> list[QWidget]:
    """The widgets that get the focus until it returns to the first."""
    met: list[QWidget] = []
    for _ in range(most):
        focused = QApplication.focusWidget()
        if focused is None:
            QTest.keyClick(root, key)
            continue
        if met and focused is met[0] and len(met) > 1:
            break
        met.append(focused)
        QTest.keyClick(focused, key)
    return met


def _is_before(one: QWidget, other: QWidget) -> bool:
    """Whether `one`, in the same parent, ends above `other` and is not to its right."""
    return one.geometry().bottom() <= other.geometry().top() and one.geometry().left() <= other.geometry().right()


def test_tab_goes_everywhere_and_comes_back_in_the_order_of_the_layout(window: MainWindow) -> None:
    faults = []
    for scene in STOPS:
        with opened(scene, window) as root:
            wanted = set(_stops(root))
            most = 3 * len(_stops(root.window())) + 200  # fields that are scrolled out of sight count too
            walk = _walk(root, Qt.Key.Key_Tab, most)
            met = set(walk)
            for focused in walk:
                # An exclusive group is entered once; its arrows do the rest.
                if isinstance(focused, QAbstractButton) and (group := focused.group()) and group.exclusive():
                    met.update(group.buttons())
            faults += [f"{scene}: {_label(one)} is not reached" for one in wanted - met]
            for one, after in itertools.pairwise(walk):
                if one.parentWidget() is after.parentWidget() and _is_before(after, one):
                    faults.append(f"{scene}: {_label(after)} comes after {_label(one)}, which is below it")
            back = _walk(root, Qt.Key.Key_Backtab, most)
            faults += [f"{scene}: {_label(one)} is not reached backwards" for one in wanted & set(walk) - set(back)]
    assert not faults, "\n".join(sorted(set(faults)))


@pytest.mark.parametrize("kind", [QPushButton, QToolButton])
@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_return_presses_the_focused_button_not_the_default_one(
    kind: type[QAbstractButton], key: Qt.Key, window: MainWindow, qtbot
) -> None:  # type: ignore[no-untyped-def]
    dialog = QDialog(window)
    qtbot.addWidget(dialog)
    button = kind()
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok)
    layout = QVBoxLayout(dialog)
    layout.addWidget(button)
    layout.addWidget(buttons)
    pressed: list[str] = []
    button.clicked.connect(lambda _on: pressed.append("focused"))
    buttons.accepted.connect(lambda: pressed.append("default"))
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(button, key)
    assert pressed == ["focused"]


@pytest.mark.parametrize("name", ["Curate", "Duplicates", "Versions", "Train", "Runs"])
def test_return_presses_the_buttons_of_the_screens(name: str, window: MainWindow) -> None:
    """Even if Return is a shortcut of the screen."""
    screen = window.visit_by_name(name)
    still(window)
    count = 0
    for button in [one for one in _stops(window) if isinstance(one, QPushButton | QToolButton)]:
        pressed: list[bool] = []

        def note(button: QAbstractButton = button, pressed: list[bool] = pressed) -> None:
            pressed.append(True)
            button.blockSignals(True)

        if button.menu() is None:
            # What a click does is not wanted here.
            if isinstance(button, QToolButton) and button.defaultAction() is not None:
                button.setDefaultAction(QAction("", button))
            button.pressed.connect(note)
            button.setFocus(Qt.FocusReason.TabFocusReason)
            QTest.keyClick(button, Qt.Key.Key_Return)
            assert pressed, _label(button)
            count += 1
    assert count, screen
