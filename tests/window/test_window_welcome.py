"""From the first page: dropped, pasted or chosen sprites make a workspace, and each stage offers the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton, QWidget
from recorded_runs import Recorder, make_run, recorded
from small_workspaces import add_sprites, png_bytes, sprite_pixels
from studio_window import CONTROL, OpenWindow, curate, press

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.proposing import propose_folder
from gandam_studio.qt import main_window
from gandam_studio.qt.imports.offer_dialog import OfferDialog
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.train.screen import TrainScreen
from gandam_studio.qt.versions.screen import VersionsScreen
from gandam_studio.qt.widgets.picture_cache import image_from_rgba

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """A folder of six pictures, one of them twice."""
    folder = tmp_path / "art"
    folder.mkdir()
    for index in range(6):
        (folder / f"s{index}.png").write_bytes(png_bytes(sprite_pixels(index)))
    (folder / "again.png").write_bytes(png_bytes(sprite_pixels(3)))
    return folder


def drop(target: QWidget, *paths: Path) -> bool:
    """Drag files over a widget and drop them, with the events of the window system; False if refused."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPointF(40, 40).toPoint(), copy, data, LEFT, none)
    entering.ignore()
    QApplication.sendEvent(target, entering)
    if not entering.isAccepted():
        return False
    QApplication.sendEvent(target, QDropEvent(QPointF(40, 40), copy, data, LEFT, none))
    return True


def offered(window: MainWindow, qtbot) -> OfferDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(OfferDialog)))
    (dialog,) = window.findChildren(OfferDialog)
    return dialog


def settle(window: MainWindow, qtbot) -> None:
    qtbot.waitUntil(lambda: window.session is not None and not window.session.tasks, timeout=30_000)


def test_a_dropped_folder_becomes_a_workspace_beside_it(art: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(None)
    assert drop(window.welcome, art)
    dialog = offered(window, qtbot)
    qtbot.waitUntil(lambda: "7" in dialog.question.text())
    folder = dialog.folder
    assert folder.parent == art.parent
    assert not folder.exists()
    QTest.mouseClick(dialog.make_button, LEFT)
    settle(window, qtbot)
    assert len(curate(window).gallery.order) == 6
    assert curate(window).session.workspace.folder == folder
    assert "1 exact copy merged" in window.status_strip.message.text()
    assert sorted(path.name for path in art.iterdir()) == ["again.png", *(f"s{n}.png" for n in range(6))]


def test_cancelling_the_offer_makes_nothing(art: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(None)
    drop(window.welcome, art)
    dialog = offered(window, qtbot)
    folder = dialog.folder
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert window.session is None
    assert not folder.exists()


def test_a_dropped_workspace_is_opened(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(None)
    assert drop(window.welcome, folder)
    assert window.session is not None
    assert window.session.workspace.folder == folder


def test_words_are_not_accepted(open_window: OpenWindow) -> None:
    window = open_window(None)
    QGuiApplication.clipboard().setText("hello\nworld")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_V, CONTROL)
    assert "clipboard" in window.status_strip.message.text()
    assert not window.findChildren(OfferDialog)


@pytest.mark.parametrize("what", ["picture", "paths"])
def test_what_is_pasted_becomes_a_workspace(
    what: str, art: Path, tmp_path: Path, open_window: OpenWindow, qtbot
) -> None:
    window = open_window(None)
    if what == "picture":
        QGuiApplication.clipboard().setImage(image_from_rgba(sprite_pixels(4)))
    else:
        QGuiApplication.clipboard().setText(f'"{art / "s1.png"}"\n{art / "s2.png"}\n')
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_V, CONTROL)
    dialog = offered(window, qtbot)
    dialog.place.setText(str(tmp_path / "pasted"))
    QTest.mouseClick(dialog.make_button, LEFT)
    settle(window, qtbot)
    assert len(curate(window).gallery.order) == (1 if what == "picture" else 2)


def test_the_sample_set_is_one_button_away(tmp_path: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(None)
    (button,) = [one for one in window.welcome.findChildren(QPushButton) if "sample" in one.text()]
    QTest.mouseClick(button, LEFT)
    dialog = offered(window, qtbot)
    assert "site-packages" not in str(dialog.folder)
    dialog.place.setText(str(tmp_path / "samples"))
    QTest.mouseClick(dialog.make_button, LEFT)
    qtbot.waitUntil(lambda: window.session is not None and bool(window.session.tasks))
    window.session.tasks[0].cancel()
    settle(window, qtbot)


def test_a_new_workspace_is_never_proposed_in_another(
    folder: Path, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed: list[Path] = []

    def answer(_parent: object, _title: str, name: str, **_options: object) -> tuple[str, str]:
        proposed.append(Path(name))
        return "", ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    window = open_window(folder)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_N, CONTROL)
    assert proposed[0].parent == folder.parent
    deep = folder / "originals" / "deep"
    deep.mkdir(parents=True, exist_ok=True)
    assert propose_folder("w", deep).parent == folder.parent
    assert propose_folder("w", folder.parent).name == "w-2", "that folder is taken"
    assert window.session is not None


def test_a_workspace_in_a_workspace_is_refused_in_one_line(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(None)
    said: list[str] = []

    def read() -> None:
        box = QApplication.activeModalWidget()
        said.append(box.text())
        box.close()

    QTimer.singleShot(100, read)
    assert not window.create_folder(folder / "inside")
    assert "inside the workspace" in said[0]
    assert "\n" not in said[0]


def test_an_import_that_has_not_reported_yet_is_offered_too(  # type: ignore[no-untyped-def]
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch
) -> None:
    """The sprites may be stored when the stages begin to be followed, and the report be late."""
    monkeypatch.setattr(main_window, "SETTLED_MS", 2000)
    window = open_window(folder)
    assert window.next_steps is None
    add_sprites(window.session.workspace, [24, 25, 26])
    qtbot.waitUntil(lambda: window.next_steps is not None)
    assert not window.next_bar.isVisible()
    window.session.sprites_imported.emit()
    assert window.next_bar.isVisible()


def test_each_stage_offers_the_next(art: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(None)
    bar = window.next_bar
    drop(window.welcome, art)
    QTest.mouseClick(offered(window, qtbot).make_button, LEFT)
    settle(window, qtbot)
    # After the import: look for copies.
    qtbot.waitUntil(bar.isVisible)
    QTest.mouseClick(bar.go_button, LEFT)
    assert type(window.screen_shown).__name__ == "DuplicatesScreen"
    qtbot.waitUntil(lambda: window.screen_shown.findings is not None, timeout=30_000)
    assert not bar.isVisible()
    # All decided: save a version.
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    QTest.keyClick(window, Qt.Key.Key_1, CONTROL)
    press(Qt.Key.Key_A, CONTROL)
    press(Qt.Key.Key_U)
    qtbot.waitUntil(bar.isVisible)
    QTest.mouseClick(bar.go_button, LEFT)
    screen = window.screen_shown
    assert isinstance(screen, VersionsScreen)
    assert not bar.isVisible()
    qtbot.waitUntil(lambda: screen.commit_box.isEnabled())
    screen.work.commit("first", {})
    # A version: train on it.
    qtbot.waitUntil(bar.isVisible, timeout=30_000)
    assert "v1" in bar.go_button.text()
    QTest.mouseClick(bar.go_button, LEFT)
    assert type(window.screen_shown).__name__ == "TrainScreen"
    assert not bar.isVisible()


def test_what_is_dismissed_stays_away(art: Path, tmp_path: Path, open_window: OpenWindow, qtbot) -> None:
    Workspace.create(tmp_path / "empty").close()
    window = open_window(tmp_path / "empty")
    qtbot.waitUntil(lambda: window.next_steps is not None)
    for times in range(2):
        screen = curate(window)
        screen.imports.start([art / f"s{times}.png"])
        settle(window, qtbot)
        if not times:
            qtbot.waitUntil(window.next_bar.isVisible)
            QTest.mouseClick(window.next_bar.dismiss_button, LEFT)
        assert not window.next_bar.isVisible()


def test_a_run_that_finishes_offers_its_samples(folder: Path, open_window: OpenWindow, qtbot) -> None:
    recorded(folder / "runs" / "r1-old")
    run = make_run(folder / "runs" / "r2-new")
    window = open_window(folder)
    session = window.session
    qtbot.waitUntil(lambda: window.next_steps is not None)
    session.runs_changed.emit()
    qtbot.waitUntil(lambda: len(session.run_index.runs) == 2, timeout=30_000)
    assert not window.next_bar.isVisible(), "what had finished before is no news"
    recorder = Recorder(run)
    recorder.train(100)
    recorder.sample()
    recorder.finish()
    session.run_index.refresh()
    qtbot.waitUntil(window.next_bar.isVisible)
    assert "r2-new" in window.next_bar.text.text()
    QTest.mouseClick(window.next_bar.go_button, LEFT)
    screen = window.screen_shown
    assert isinstance(screen, TrainScreen)
    assert screen.follower is not None
    assert screen.follower.run_directory.path == run.path


def test_an_import_that_is_quicker_than_the_window_settles_is_followed_by_an_offer(  # type: ignore[no-untyped-def]
    art: Path, open_window: OpenWindow, qtbot, monkeypatch
) -> None:
    monkeypatch.setattr(main_window, "SETTLED_MS", 4000)  # As on a busy machine.
    window = open_window(None)
    drop(window.welcome, art)
    QTest.mouseClick(offered(window, qtbot).make_button, LEFT)
    settle(window, qtbot)
    assert window.next_steps is None
    qtbot.waitUntil(window.next_bar.isVisible, timeout=15_000)
    assert "copies" in window.next_bar.go_button.text()
