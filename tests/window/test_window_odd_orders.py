"""Unusual sequences: undo without anything to undo, a refused new workspace, a folder that disappears."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from studio_window import CONTROL, SHIFT, OpenWindow, press, statuses

from gandam_studio.qt.main_window import MainWindow

Key = Qt.Key


@pytest.fixture
def window(folder: Path, open_window: OpenWindow) -> MainWindow:
    return open_window(folder)


@pytest.mark.parametrize(
    ("key", "modifiers"),
    [(Key.Key_Z, CONTROL), (Key.Key_Z, Qt.KeyboardModifier.NoModifier), (Key.Key_Z, CONTROL | SHIFT)],
)
def test_undo_and_redo_answer_when_there_is_nothing_to_do(
    window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier
) -> None:
    press(key, modifiers)
    assert window.status_strip.message.text().startswith("Nothing to")
    press(Key.Key_X)
    press(Key.Key_Z)
    assert statuses(window.session.workspace) == ["undecided"] * 24


def test_a_new_workspace_is_made_only_once_the_open_one_may_close(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = window.session
    monkeypatch.setattr(window.screen_shown, "may_close", lambda: False)
    assert not window.create_folder(tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert window.session is before
    monkeypatch.undo()
    assert window.create_folder(tmp_path / "other")
    assert window.session.workspace.folder == tmp_path / "other"


def test_a_workspace_pulled_away_is_named_and_goes_on_when_it_is_back(
    window: MainWindow, folder: Path, tmp_path: Path, qtbot
) -> None:
    away = tmp_path / "away"
    try:
        folder.rename(away)
    except PermissionError:
        pytest.skip("this system does not let go of a folder in use")
    window.visit_by_name("Versions")
    message = window.status_strip.message
    QTest.qWait(50)
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=10_000)
    assert str(folder) in message.text()
    assert "Put it back" in message.text()
    away.rename(folder)
    window.status_strip.clear_message()
    window.visit_by_name("Curate")
    press(Key.Key_X)
    QTest.qWait(100)
    assert message.text() == ""
    assert statuses(window.session.workspace).count("dropped") == 1
