"""What a screen reader gets: names, roles, states and values of every control, in every scene."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from painted import visible_widgets
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QMenu,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QWidget,
)
from studio_window import OpenWindow, press
from tour import SCENES, begin, make_workspace, opened, still

from gandam_studio.qt.main_window import MainWindow

ROLE = QAccessible.Role
ROLES: tuple[tuple[type[QWidget], set[QAccessible.Role]], ...] = (
    (QAbstractButton, {ROLE.Button, ROLE.CheckBox, ROLE.RadioButton, ROLE.ButtonMenu, ROLE.PushButton}),
    (QAbstractSlider, {ROLE.Slider, ROLE.ScrollBar}),
    (QAbstractSpinBox, {ROLE.SpinBox}),
    (QComboBox, {ROLE.ComboBox}),
    (QLineEdit, {ROLE.EditableText}),
    (QAbstractItemView, {ROLE.List, ROLE.Table, ROLE.Tree}),
    (QTabBar, {ROLE.PageTabList}),
)


@pytest.fixture
def window(tmp_path: Path, open_window: OpenWindow) -> MainWindow:
    made = open_window(make_workspace(tmp_path / "w"))
    begin(made)
    return made


def _controls(root: QWidget) -> Iterator[QWidget]:
    """Everything that can be focused or clicked, without Qt's own parts of composed widgets."""
    for widget in visible_widgets(root):
        parent = widget.parentWidget()
        part = isinstance(parent, QAbstractSpinBox | QComboBox | QLineEdit | QTabBar)
        inner = isinstance(widget, QScrollBar | QHeaderView) or widget.objectName().startswith("qt_")
        of_combo = isinstance(widget, QAbstractItemView) and parent.inherits("QComboBoxPrivateContainer")
        focusable = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        # A tab widget and the like pass the focus on to a part.
        passes_on = widget.focusProxy() is not None
        if widget is root or passes_on or part or inner or of_combo or isinstance(widget, QMenu | QScrollArea):
            continue
        if focusable or isinstance(widget, QAbstractButton):
            yield widget


def _label(widget: QWidget) -> str:
    return f"{type(widget).__name__} of {type(widget.parentWidget()).__name__}"


def _fault(widget: QWidget) -> str:
    """What a screen reader would miss; "" for nothing."""
    told = QAccessible.queryAccessibleInterface(widget)
    if told is None:
        return f"{_label(widget)}: nothing is told"
    name, role, state = told.text(QAccessible.Text.Name), told.role(), told.state()
    faults = []
    # A row of tabs is named by its tabs.
    if not name.strip() and not isinstance(widget, QTabBar):
        faults.append("no name")
    for kind, roles in ROLES:
        if isinstance(widget, kind) and role not in roles:
            faults.append(f"role {role.name}")
    if role in (ROLE.NoRole, ROLE.Client, ROLE.Window) or (role == ROLE.Pane and not isinstance(widget, QTextEdit)):
        faults.append(f"role {role.name} says nothing")
    if bool(state.disabled) == widget.isEnabled():
        faults.append("disabled or not is told wrongly")
    if isinstance(widget, QAbstractButton) and widget.isCheckable() and bool(state.checked) != widget.isChecked():
        faults.append("checked or not is told wrongly")
    if role == ROLE.Slider and not (told.text(QAccessible.Text.Value) or told.valueInterface()):
        faults.append("no value")
    if isinstance(widget, QAbstractSlider | QAbstractSpinBox) and told.valueInterface() is None:
        faults.append("no value")
    return f"{_label(widget)} {name!r}: {', '.join(faults)}" if faults else ""


def test_every_control_has_a_name_a_role_and_its_state(window: MainWindow) -> None:
    faults: dict[str, list[str]] = {}
    count = 0
    for scene in SCENES:
        with opened(scene, window) as root:
            for widget in _controls(root):
                count += 1
                if fault := _fault(widget):
                    faults.setdefault(fault, []).append(scene.name)
    assert count > 300
    assert not faults, "\n".join(f"{fault}  {places[:3]}" for fault, places in sorted(faults.items()))


def _children(told: QAccessibleInterface) -> list[QAccessibleInterface]:
    return [child for index in range(told.childCount()) if (child := told.child(index)) is not None]


def test_the_gallery_tells_name_and_decision_of_every_sprite(window: MainWindow) -> None:
    screen = window.visit_by_name("Curate")
    still(window)
    told = QAccessible.queryAccessibleInterface(screen.gallery)
    sprites = _children(told)
    assert len(sprites) == len(screen.gallery.order) == 28
    names = [one.text(QAccessible.Text.Name) for one in sprites]
    assert names[11] == "sprite-00003.png, dropped: duplicate, flipped"
    assert {one.role() for one in sprites} == {ROLE.ListItem}
    screen.gallery.go_to(3)
    assert [bool(one.state().selected) for one in sprites[:5]] == [False, False, False, True, False]
    assert told.indexOfChild(told.focusChild()) == 3


def test_the_groups_tell_relation_and_names(window: MainWindow) -> None:
    scene = next(scene for scene in SCENES if scene.name == "duplicates")
    with opened(scene, window):
        screen = window.screen_shown
        told = QAccessible.queryAccessibleInterface(screen.cards)
        cards = [one.text(QAccessible.Text.Name) for one in _children(told)]
        assert len(cards) == 3
        assert any("mirrored" in card and "body.png" in card and "body-mirrored.png" in card for card in cards)


def test_a_move_of_the_current_sprite_is_announced(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = window.visit_by_name("Curate")
    still(window)
    screen.gallery.go_to(0)
    screen.focus_work()
    told: list[tuple[QAccessible.Event, int]] = []
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: told.append((event.type(), event.child())))
    press(Qt.Key.Key_Right)
    assert (QAccessible.Event.Focus, 1) in told
    assert (QAccessible.Event.Selection, 1) in told
