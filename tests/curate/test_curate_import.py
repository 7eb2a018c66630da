"""Import in the window: by drop and paste, cancelled, reported, and sheets cut with a preview."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from small_workspaces import png_bytes, sprite_pixels
from studio_window import CONTROL, OpenWindow, curate

from gandam_studio.core.importing import Components, Grid
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.described import is_stale
from gandam_studio.qt.curate.screen import CurateScreen
from gandam_studio.qt.imports.sheet_dialog import SheetDialog
from gandam_studio.qt.imports.summary_dialog import SummaryDialog
from gandam_studio.qt.upkeep import Upkeep
from gandam_studio.qt.widgets.picture_cache import image_from_rgba


@pytest.fixture
def empty(tmp_path: Path, open_window: OpenWindow) -> CurateScreen:
    """A window on a workspace without sprites."""
    Workspace.create(tmp_path / "empty").close()
    return curate(open_window(tmp_path / "empty"))


def _drop(screen: CurateScreen, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    assert screen.imports.can_take(data)
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    screen.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, buttons, keys))


def _settle(screen: CurateScreen, qtbot) -> None:
    qtbot.waitUntil(lambda: not screen.session.tasks, timeout=30_000)


def test_a_dropped_folder_fills_the_gallery_and_what_was_refused_is_listed(
    empty: CurateScreen, tmp_path: Path, qtbot
) -> None:
    assert empty.stack.currentWidget() is empty.no_sprites
    art = tmp_path / "art"
    art.mkdir()
    for index in range(7):
        (art / f"s{index}.png").write_bytes(png_bytes(sprite_pixels(index)))
    (art / "again.png").write_bytes(png_bytes(sprite_pixels(3)))
    (art / "note.png").write_text("this is no picture")
    (art / "half.png").write_bytes(png_bytes(sprite_pixels(9))[:60])
    _drop(empty, art)
    _settle(empty, qtbot)
    assert len(empty.gallery.order) == 7
    assert empty.stack.currentWidget() is empty.filled
    summary = empty.imports.last
    assert summary is not None
    assert (summary.imported, summary.already, summary.rejected_count) == (7, 1, 2)
    dialogs = empty.findChildren(SummaryDialog)
    assert len(dialogs) == 1
    listed = {Path(dialogs[0].table.item(row, 0).text()).name for row in range(dialogs[0].table.rowCount())}
    assert listed == {"note.png", "half.png"}
    assert all(dialogs[0].table.item(row, 2).text() for row in range(2))
    dialogs[0].close()
    _drop(empty, art)
    _settle(empty, qtbot)
    assert empty.imports.last.imported == 0
    assert len(empty.gallery.order) == 7


def test_guessed_names_of_an_archive_are_told_in_words_of_the_window(
    empty: CurateScreen, tmp_path: Path, qtbot
) -> None:
    name = "十字.png".encode("cp932")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("A" * len(name), png_bytes(sprite_pixels(1)))
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes().replace(b"A" * len(name), name))
    empty.imports.run([tmp_path / "a.zip"])
    _settle(empty, qtbot)
    (dialog,) = empty.findChildren(SummaryDialog)
    (line,) = [label.text() for label in dialog.findChildren(QLabel) if "CP932" in label.text()]
    assert "new workspace" in line
    assert "--" not in line
    dialog.close()


def test_a_picture_is_pasted_and_text_is_not(empty: CurateScreen, qtbot) -> None:
    QGuiApplication.clipboard().setText("hello")
    QTest.keyClick(empty, Qt.Key.Key_V, CONTROL)
    assert "clipboard" in empty.window().status_strip.message.text()
    QGuiApplication.clipboard().setImage(image_from_rgba(sprite_pixels(4)))
    QTest.keyClick(empty, Qt.Key.Key_V, CONTROL)
    _settle(empty, qtbot)
    assert len(empty.gallery.order) == 1
    sprite = empty.session.workspace.sprite(1)
    assert np.array_equal(empty.session.workspace.pixels(sprite), sprite_pixels(4))


def test_cancelling_keeps_what_was_imported(empty: CurateScreen, tmp_path: Path, qtbot) -> None:
    art = tmp_path / "art"
    art.mkdir()
    for index in range(3000):
        (art / f"s{index:04}.png").write_bytes(png_bytes(sprite_pixels(index)))
    empty.imports.run([art])
    task = empty.session.tasks[0]
    strip = empty.window().status_strip
    qtbot.waitUntil(lambda: task.progress.done > 0, timeout=30_000)
    entry = strip.jobs[task]
    QTest.mouseClick(entry.cancel_button, Qt.MouseButton.LeftButton)
    _settle(empty, qtbot)
    count = len(empty.gallery.order)
    assert count < 3000
    assert "cancelled" in strip.message.text()
    assert empty.session.workspace.counts().total == count
    assert not strip.jobs


def _sheet(path: Path) -> Path:
    sheet = np.zeros((40, 60, 4), np.uint8)
    for number, (x, y) in enumerate([(0, 0), (20, 0), (40, 0), (0, 20), (40, 20)]):
        sheet[y + 3 : y + 15, x + 5 : x + 15] = sprite_pixels(number)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    path.write_bytes(stream.getvalue())
    return path


def test_a_sheet_is_cut_as_previewed(empty: CurateScreen, tmp_path: Path, qtbot) -> None:
    path = _sheet(tmp_path / "sheet.png")
    empty.imports.open_sheet(path)
    assert not empty.findChildren(SheetDialog), "nothing is decoded before a worker has tried it"
    qtbot.waitUntil(lambda: bool(empty.findChildren(SheetDialog)), timeout=30_000)
    (dialog,) = empty.findChildren(SheetDialog)
    dialog.choose(Grid(20, 20))
    assert len(dialog.found) == 5, "an empty cell is no sprite"
    dialog.choose(Grid(30, 20))
    assert len(dialog.found) == 4
    dialog.choose(Components(join=2, smallest=10))
    assert len(dialog.found) == 5
    dialog.choose(Grid(20, 20))
    found = dialog.found
    dialog.import_button.click()
    qtbot.waitUntil(lambda: empty.imports.last is not None, timeout=30_000)
    _settle(empty, qtbot)
    sizes = [(s.width, s.height, s.part) for s in empty.session.workspace.sprites()]
    assert sizes == [(20, 20, f"region={x},{y},20,20") for x, y, _, _ in found]


def test_a_sheet_that_is_no_picture_is_refused_in_one_line(empty: CurateScreen, tmp_path: Path, qtbot) -> None:
    path = tmp_path / "sheet.png"
    path.write_text("nothing")
    empty.imports.open_sheet(path)
    _settle(empty, qtbot)
    assert "sheet.png cannot be read" in empty.window().status_strip.message.text()


def test_sprites_of_an_older_kind_are_described_anew_in_the_background(
    empty: CurateScreen, tmp_path: Path, qtbot
) -> None:
    art = tmp_path / "art"
    art.mkdir()
    for index in range(5):
        (art / f"s{index}.png").write_bytes(png_bytes(sprite_pixels(index)))
    _drop(empty, art)
    qtbot.waitUntil(lambda: empty.imports.last is not None, timeout=30_000)
    _settle(empty, qtbot)
    workspace = empty.session.workspace
    assert not is_stale(workspace)
    workspace.connection.execute("DELETE FROM fingerprints WHERE seq = 3")
    titles: list[str] = []
    empty.session.task_started.connect(lambda task: titles.append(task.title))
    Upkeep(empty.session, delay_ms=1)
    qtbot.waitUntil(lambda: not is_stale(workspace), timeout=30_000)
    _settle(empty, qtbot)
    assert titles == ["Update sprite descriptions"]
    assert "5" in empty.window().status_strip.message.text()
    Upkeep(empty.session, delay_ms=1)
    QTest.qWait(50)
    qtbot.waitUntil(lambda: empty.session.is_idle, timeout=30_000)
    assert len(titles) == 1, "nothing to renew"
