"""Every command on every screen: menu, palette, tool tip and keys, and that a key has one meaning everywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication
from studio_window import CONTROL, OpenWindow, curate, press, reactivate, statuses

from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.palette import CommandPalette
from gandam_studio.qt.tips import keys_of, name_of, plain_name

Key = Qt.Key
# Different words for the same: what a key does to the thing that a screen shows.
SAME = (
    {"Flip left-right", "Flip and keep"},
    {"Drop", "Delete", "Remove the chosen favourites"},
    {"Keep all undecided shown", "Keep all"},
    {"Onion skin (mirror over itself)", "Overlay"},
    {"Next undecided", "Watch"},
    {"Next group", "Next run", "Another seed"},
    {"Previous group", "Previous run", "Earlier seed"},
    {"Name and note", "Rename the favourite"},
    {"Export", "Save the sample as PNG"},
    {"New sprites", "Hand over samples"},
    {"Select all shown", "Select all samples"},
    {"Close the details", "Back"},
    {"Follow the newest step", "Go to the end"},
    {"Panel", "Rules"},
    {"Apply the rules to all groups", "Start the run"},
)


@pytest.fixture
def window(folder: Path, open_window: OpenWindow) -> MainWindow:
    return open_window(folder)


def by_screen(window: MainWindow) -> Iterator[tuple[str, list[tuple[QAction, str]]]]:
    """Every screen's name and commands, with the screen shown."""
    for place in window.rail.places:
        window.visit(place)
        yield place.name, [(action, menu) for action, menu in window.commands() if action not in window.recent_actions]


def meaning(action: QAction) -> str:
    name = name_of(action)
    return next((min(group) for group in SAME if name in group), name)


def test_every_command_has_a_menu_and_a_tip_with_its_keys_and_no_key_two_meanings(window: MainWindow) -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for name, commands in by_screen(window):
        screen = window.screen_shown
        listed = {action for action, _menu in commands}
        made = {child for child in (*screen.children(), *window.children()) if isinstance(child, QAction)}
        strays = {name_of(action) for action in made - listed if action.text() and keys_of(action)}
        assert strays <= {"Save a version"}, f"{name}: not in any menu"
        bound: dict[str, list[str]] = defaultdict(list)
        for action, _menu in commands:
            if keys_of(action):
                assert f"({keys_of(action)})" in action.toolTip(), f"{name}: the tip of {name_of(action)} has no keys"
            for one in action.shortcuts():
                bound[one.toString()].append(name_of(action))
                meanings[one.toString()].add(meaning(action))
        assert {keys: names for keys, names in bound.items() if len(names) > 1} == {}, name
        if name == "Train":
            assert screen.watch
        keyed = {name_of(action): keys_of(action).split(", ")[0] for action, _menu in commands if keys_of(action)}
        for button in screen.findChildren(QAbstractButton):
            known = keyed.get(plain_name(button.accessibleName() or button.text()))
            assert known is None or known in button.toolTip(), f"{name}: {button.toolTip()!r} does not name {known}"
    assert {keys: names for keys, names in meanings.items() if len(names) > 1} == {}


def opened_palette(window: MainWindow, qtbot) -> CommandPalette:
    press(Key.Key_K, CONTROL)
    palette = QApplication.activePopupWidget()
    assert isinstance(palette, CommandPalette)
    qtbot.waitUntil(lambda: len(window.screens) == len(window.rail.places), timeout=20_000)
    QTest.qWait(5)
    return palette


def found(palette: CommandPalette) -> list[str]:
    return [palette.list.item(row).text() for row in range(palette.list.count())]


def test_the_palette_finds_every_command_of_every_screen_by_other_words_too(window: MainWindow, qtbot) -> None:
    palette = opened_palette(window, qtbot)
    qtbot.waitUntil(lambda: "Compare with the newest other run" in found(palette))
    everything = set(found(palette))
    QTest.keyClick(palette, Key.Key_Escape)
    for words, wanted in (
        ("delete", "Drop"), ("remove", "Drop"), ("mirror", "Flip left-right"), ("zoom", "Large view"),
        ("export", "Export"), ("save", "Save a version"), ("start", "Start the run"), ("stop", "Stop"),
        ("copies", "Duplicates"), ("dark", "Dark"),
    ):  # fmt: skip
        reactivate(window)
        palette = opened_palette(window, qtbot)
        QTest.keyClicks(palette.field, words)
        qtbot.waitUntil(lambda shown=palette, wanted=wanted: wanted in found(shown)[:6])
        QTest.keyClick(palette, Key.Key_Escape)
    reactivate(window)
    palette = opened_palette(window, qtbot)
    QTest.keyClicks(palette.field, "zzzz")
    assert palette.list.isHidden()
    assert palette.note.isVisible()
    QTest.keyClick(palette, Key.Key_Escape)
    for name, commands in by_screen(window):
        missing = {name_of(action) for action, _menu in commands if action.isVisible()} - everything
        assert {word for word in missing if not word.startswith(("Undo", "Redo"))} <= {"Commit"}, name


def test_the_palette_runs_a_command_of_another_screen_there(window: MainWindow, qtbot) -> None:
    palette = opened_palette(window, qtbot)
    QTest.keyClicks(palette.field, "new run")
    qtbot.waitUntil(lambda: found(palette)[:1] == ["New run"])
    QTest.keyClick(palette.field, Key.Key_Return)
    QApplication.processEvents()
    assert window.screen_shown.title == "Train"
    reactivate(window)
    palette = opened_palette(window, qtbot)
    QTest.keyClicks(palette.field, "keep all undecided")
    QTest.keyClick(palette.field, Key.Key_Return)
    QTest.qWait(10)
    assert window.screen_shown.title == "Curate"
    assert statuses(curate(window).session.workspace) == ["kept"] * 24


def test_ctrl_s_goes_to_the_note_and_keeps_what_was_typed(window: MainWindow, qtbot) -> None:
    press(Key.Key_S, CONTROL)
    versions = window.screen_shown
    assert versions.title == "Versions"
    note = versions.commit_box.note
    assert QApplication.focusWidget() is note
    QTest.keyClicks(note, "first try")
    QTest.keyClick(window, Key.Key_1, CONTROL)
    assert window.screen_shown.title == "Curate"
    press(Key.Key_U)
    press(Key.Key_S, CONTROL)
    assert note.toPlainText() == "first try"
    qtbot.waitUntil(versions.commit_box.button.isEnabled)
    press(Key.Key_S, CONTROL)
    qtbot.waitUntil(lambda: bool(versions.chosen) and versions.chosen.message == "first try")
    assert note.toPlainText() == ""
