"""Edited pictures in the window: the import asks once about carrying over decisions; the inspector shows the past."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton
from small_workspaces import png_bytes, sprite_pixels
from studio_window import OpenWindow, curate

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Keep, Tag
from gandam_studio.qt.curate.inspector import Inspector
from gandam_studio.qt.curate.screen import CurateScreen


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """A folder of three sprites with a caption."""
    folder = tmp_path / "art"
    folder.mkdir()
    for index in range(3):
        (folder / f"s{index}.png").write_bytes(png_bytes(sprite_pixels(index)))
    (folder / "s0.txt").write_text("a robot")
    return folder


@pytest.fixture
def screen(tmp_path: Path, art: Path, open_window: OpenWindow, qtbot) -> CurateScreen:
    """A window in which they were imported, and the second was kept and tagged."""
    Workspace.create(tmp_path / "w").close()
    shown = curate(open_window(tmp_path / "w"))
    _import(shown, art, qtbot)
    shown.session.apply(Keep([2]))
    shown.session.apply(Tag([2], add=frozenset({"robot"})))
    return shown


def _import(screen: CurateScreen, art: Path, qtbot) -> None:
    screen.imports.last = None
    screen.imports.run([art])
    qtbot.waitUntil(lambda: screen.imports.last is not None and not screen.session.tasks, timeout=60_000)


def _edit(art: Path) -> None:
    (art / "s1.png").write_bytes(png_bytes(sprite_pixels(50)))
    os.utime(art / "s1.png", (10**9, 10**9))


def _questions(screen: CurateScreen) -> list[QMessageBox]:
    return [box for box in screen.findChildren(QMessageBox) if box.isVisible()]


def _press(screen: CurateScreen, role: QMessageBox.ButtonRole) -> None:
    (box,) = _questions(screen)
    (button,) = (one for one in box.buttons() if box.buttonRole(one) == role)
    assert isinstance(button, QPushButton)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_captions_are_no_refused_files(screen: CurateScreen) -> None:
    summary = screen.imports.last
    assert summary is not None
    assert (summary.captions, summary.rejected_count) == (1, 0)
    assert not _questions(screen)


def test_decisions_are_carried_over_on_request(screen: CurateScreen, art: Path, qtbot) -> None:
    _edit(art)
    _import(screen, art, qtbot)
    _press(screen, QMessageBox.ButtonRole.AcceptRole)
    workspace = screen.session.workspace
    qtbot.waitUntil(lambda: workspace.sprite(2).reason == "replaced" and not screen.session.tasks, timeout=60_000)
    assert (workspace.sprite(4).status, workspace.sprite(4).tags) == ("kept", ("robot",))
    screen.session.undo()
    assert [workspace.sprite(seq).status for seq in (2, 4)] == ["kept", "undecided"]
    _import(screen, art, qtbot)
    assert not _questions(screen), "asked once"


def test_both_can_stay(screen: CurateScreen, art: Path, qtbot) -> None:
    _edit(art)
    _import(screen, art, qtbot)
    _press(screen, QMessageBox.ButtonRole.RejectRole)
    QTest.qWait(1)
    assert not _questions(screen)
    assert [screen.session.workspace.sprite(seq).status for seq in (2, 4)] == ["kept", "undecided"]


def test_the_inspector_says_where_an_edited_picture_was(screen: CurateScreen, art: Path, qtbot) -> None:
    _edit(art)
    _import(screen, art, qtbot)
    _press(screen, QMessageBox.ButtonRole.RejectRole)
    digest = screen.session.workspace.sprite(2).blob[:12]
    (inspector,) = screen.findChildren(Inspector)
    inspector.show_sprite(screen.session.workspace.sprite(2), 1)
    tips = " ".join(label.toolTip() for label in inspector.findChildren(QLabel))
    assert "s1.png" in tips
    assert digest in tips
    inspector.show_sprite(screen.session.workspace.sprite(4), 1)
    tips = " ".join(label.toolTip() for label in inspector.findChildren(QLabel))
    assert "s1.png" in tips
    assert digest not in tips
