"""Messages of the status strip: some disappear by themselves, those with a path stay until dismissed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from studio_window import OpenWindow, folder, open_window, own_settings

from gandam_studio.core.versions import commit
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import status_strip
from gandam_studio.qt.session import ERROR, INFO
from gandam_studio.qt.versions.export_dialog import ExportRequest

__all__ = ["folder", "open_window", "own_settings"]


def dismiss_button(strip: status_strip.StatusStrip) -> QToolButton:
    return next(b for b in strip.findChildren(QToolButton) if b.accessibleName() == "Dismiss the message")


def test_a_message_that_stays_comes_back_until_it_is_dismissed(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_strip, "BASE_MS", 20)
    monkeypatch.setattr(status_strip, "PER_WORD_MS", 0)
    window = open_window(folder)
    session, strip = window.session, window.status_strip
    assert session is not None
    strip.clear_message()
    session.post("Exported to /somewhere/far", stays=True)
    session.post("The disk is full", ERROR)
    session.post("Undone: drop", INFO)
    assert strip.message.text() == "Undone: drop"
    assert not dismiss_button(strip).isVisible(), "it goes by itself"
    qtbot.waitUntil(lambda: strip.message.text() == "The disk is full", timeout=20_000)
    QTest.qWait(60)
    assert strip.message.text() == "The disk is full"
    QTest.mouseClick(dismiss_button(strip), Qt.MouseButton.LeftButton)
    assert strip.message.text() == "Exported to /somewhere/far"
    QTest.mouseClick(dismiss_button(strip), Qt.MouseButton.LeftButton)
    assert strip.message.text() == ""
    assert not dismiss_button(strip).isVisible()


def test_where_an_export_went_stays(folder: Path, open_window: OpenWindow, qtbot, tmp_path: Path) -> None:
    with Workspace.open(folder) as workspace:
        commit(workspace, "first")
    window = open_window(folder)
    versions = window.visit_by_name("Versions")
    out = tmp_path / "made.csv"
    versions.work.export(versions.chosen, ExportRequest(str(out), "csv", "", force=False))
    qtbot.waitUntil(lambda: str(out) in window.status_strip.message.text(), timeout=20_000)
    assert dismiss_button(window.status_strip).isVisible()
