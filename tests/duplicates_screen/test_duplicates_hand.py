"""The keys of Curate also work on the Duplicates screen, wherever the last click was."""

from __future__ import annotations

from known_duplicates import BODY, TANK, eventually
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from studio_window import SHIFT, press, reactivate

from gandam_studio.core.workspace.edits import Drop, Keep
from gandam_studio.qt.duplicates.screen import DuplicatesScreen
from gandam_studio.qt.widgets.reason_picker import ReasonPicker

K = Qt.Key


def click(widget) -> None:  # type: ignore[no-untyped-def]
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(6, 6))


def test_one_set_of_keys_and_undo_goes_back_to_its_group(screen: DuplicatesScreen) -> None:
    workspace = screen.session.workspace
    press(K.Key_N)
    assert screen.view.group.keeper == TANK
    assert screen.actions_of.place.text() == "2/3"
    first = screen.view.current_sprite().seq
    press(K.Key_X)
    assert (workspace.sprite(first).status, workspace.sprite(first).reason) == ("dropped", "duplicate")
    second = screen.view.current_sprite().seq
    assert second != first
    press(K.Key_U)
    assert workspace.sprite(second).status == "kept"
    press(K.Key_N)
    assert screen.view.group.keeper == BODY
    press(K.Key_P)
    press(K.Key_Z)
    assert workspace.sprite(second).status == "undecided"
    assert screen.view.group.keeper == TANK, "undo brings the group into view"
    assert screen.view.current_sprite().seq == second
    press(K.Key_U)
    press(K.Key_Left)
    press(K.Key_U, SHIFT)
    press(K.Key_Return)
    assert screen.view.current_sprite().seq != second, "Enter goes on to what is undecided"


def test_reasons_and_the_large_view(screen: DuplicatesScreen) -> None:
    workspace = screen.session.workspace
    screen.session.apply(Drop([8], "too small"))
    sprite = screen.view.current_sprite().seq
    press(K.Key_1)
    assert workspace.sprite(sprite).reason == "too small"
    sprite = screen.view.current_sprite().seq
    press(K.Key_X, SHIFT)
    picker = QApplication.activePopupWidget()
    assert isinstance(picker, ReasonPicker)
    QTest.keyClicks(picker.field, "blurry")
    QTest.keyClick(picker.field, K.Key_Return)
    reactivate(screen.window())
    assert workspace.sprite(sprite).reason == "blurry"
    press(K.Key_Space)
    assert screen.is_large
    assert not screen.cards.isVisible()
    press(K.Key_Space)
    assert eventually(screen.cards.isVisible)


def test_keys_go_on_after_clicks(screen: DuplicatesScreen) -> None:
    click(screen.bar.relation)
    QTest.keyClick(QApplication.activePopupWidget(), K.Key_Escape)
    reactivate(screen.window())
    before = screen.view.group.keeper
    press(K.Key_N)
    assert screen.view.group.keeper != before
    for control in (screen.bar.slider, screen.view.compare.aligned, screen.view.facts, screen.rules.sure):
        click(control)
        press(K.Key_E)
        press(K.Key_Escape)
        before = screen.cards.current
        press(K.Key_Up if before else K.Key_Down)
        assert screen.cards.current != before, type(control).__name__


def test_n_and_p_go_on_through_decided_groups(screen) -> None:
    screen.session.apply(Keep(list(range(1, 9))))
    assert all(screen.cards.is_settled(screen.cards.cards.card(row)) for row in range(3))
    screen.cards.go_to(0)
    for row in (1, 2, 2):
        press(K.Key_N)
        assert screen.cards.current == row
    for row in (1, 0, 0):
        press(K.Key_P)
        assert screen.cards.current == row
