"""The whole workflow in the window, by mouse and keys: from an empty Welcome to exported sprites."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, QRect, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFileDialog,
    QWidget,
)
from recorded_runs import recorded
from small_workspaces import png_bytes, sprite_pixels
from studio_window import CONTROL, SHIFT, OpenWindow, curate, press, reactivate, statuses

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.imports.offer_dialog import OfferDialog
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.outputs.sprites_dialog import SpritesDialog
from gandam_studio.qt.versions.export_dialog import ExportDialog

LEFT = Qt.MouseButton.LeftButton
TRAINED_MS = 120_000


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """A folder of 24 pictures, including a copy and a mirrored one."""
    folder = tmp_path / "art"
    folder.mkdir()
    for index in range(22):
        (folder / f"s{index:02}.png").write_bytes(png_bytes(sprite_pixels(index)))
    (folder / "t-again.png").write_bytes(png_bytes(sprite_pixels(3)))
    (folder / "u-mirrored.png").write_bytes(png_bytes(sprite_pixels(5)[:, ::-1].copy()))
    return folder


def click(widget: QWidget) -> None:
    """Click a widget that is visible and enabled."""
    assert widget.isVisible(), f"{widget} is not shown"
    assert widget.isEnabled(), f"{widget} is disabled"
    inside = widget.visibleRegion().boundingRect()
    assert not inside.isEmpty(), f"{widget} is out of reach"
    QTest.mouseClick(widget, LEFT, Qt.KeyboardModifier.NoModifier, inside.center())


def button(parent: QWidget, icon_or_name: Callable[[QAbstractButton], bool]) -> QAbstractButton:
    (found,) = [one for one in parent.findChildren(QAbstractButton) if one.isVisible() and icon_or_name(one)]
    return found


def dragged(paths: list[Path]) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drag(target: QWidget, data: QMimeData) -> bool:
    """Drag over a widget, with the events of the window system; False if it is refused."""
    entering = QDragEnterEvent(QPoint(40, 40), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
    entering.ignore()
    QApplication.sendEvent(target, entering)
    return entering.isAccepted()


def let_go(target: QWidget, data: QMimeData) -> None:
    QApplication.sendEvent(
        target, QDropEvent(QPointF(40, 40), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
    )


def idle(window: MainWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.session is not None and not window.session.tasks, timeout=30_000)


def in_dialog(kind: type[QWidget], work: Callable[[Any], None]) -> list[BaseException]:
    """Let `work` use the next modal dialog of this kind; errors are added to the returned list."""
    trouble: list[BaseException] = []

    def look(left: int = 400) -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, kind):
            if left:
                QTimer.singleShot(25, lambda: look(left - 1))
            return
        try:
            work(dialog)
        except BaseException as error:
            trouble.append(error)
        finally:
            dialog.close()

    QTimer.singleShot(25, look)
    return trouble


def type_into(field: QWidget, text: str) -> None:
    """Replace the text of a field by keys."""
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(field, text)


def make_workspace_of(art: Path, window: MainWindow, qtbot: Any) -> None:
    data = dragged([art])
    assert drag(window.welcome, data)
    let_go(window.welcome, data)
    qtbot.waitUntil(lambda: bool(window.findChildren(OfferDialog)))
    click(window.findChildren(OfferDialog)[0].make_button)
    idle(window, qtbot)
    reactivate(window)


@pytest.mark.timeout(240)
def test_from_an_empty_welcome_to_exported_sprites(
    art: Path, tmp_path: Path, open_window: OpenWindow, qtbot: Any
) -> None:
    window = open_window(None)
    bar = window.next_bar
    # Drop a folder on the empty window: it becomes a workspace, and copies are to be looked for.
    make_workspace_of(art, window, qtbot)
    screen = curate(window)
    assert len(screen.gallery.order) == 23, "one is an exact copy"
    qtbot.waitUntil(bar.isVisible)
    # Cull by keys, and take one back.
    press(Qt.Key.Key_X)
    press(Qt.Key.Key_U)
    press(Qt.Key.Key_F)
    press(Qt.Key.Key_X)
    press(Qt.Key.Key_Z)
    assert statuses(window.session.workspace).count("dropped") == 1
    # Look for copies and drop them by the rules.
    click(bar.go_button)
    duplicates: Any = window.screen_shown
    qtbot.waitUntil(lambda: duplicates.findings is not None, timeout=60_000)
    idle(window, qtbot)
    # In a narrow window the rules leave the room to the pictures, and the key stays.
    reactivate(window)
    press(Qt.Key.Key_Return, CONTROL)
    assert statuses(window.session.workspace).count("dropped") > 1
    # Then a version is offered, with the keys in its note.
    qtbot.waitUntil(bar.isVisible)
    click(bar.go_button)
    reactivate(window)
    versions: Any = window.screen_shown
    qtbot.waitUntil(lambda: versions.commit_box.button.isEnabled(), timeout=30_000)
    focused = QApplication.focusWidget()
    assert focused is versions.commit_box.note
    QTest.keyClicks(focused, "my first set")
    click(versions.commit_box.button)
    # And then training on it.
    qtbot.waitUntil(bar.isVisible, timeout=30_000)
    (version,) = (row.version for row in versions.history.history.rows if row.version)
    assert version.message == "my first set"
    click(bar.go_button)
    train: Any = window.screen_shown
    idle(window, qtbot)
    click(train.setup.all_settings)
    for path, value in SMALL.items():
        train.setup.draft.set_text(path, value)
    qtbot.waitUntil(train.setup.start_button.isEnabled, timeout=30_000)
    click(train.setup.start_button)
    qtbot.waitUntil(lambda: train.follower is not None, timeout=30_000)
    qtbot.waitUntil(lambda: train.follower.state.state == "finished", timeout=TRAINED_MS)
    # A run that finished is told, and its page fits the window.
    qtbot.waitUntil(bar.isVisible, timeout=30_000)
    assert_reachable(window, train.watch.sprites_button)
    qtbot.waitUntil(train.watch.sprites_button.isEnabled, timeout=20_000)
    out = tmp_path / "eight"

    def make(dialog: SpritesDialog) -> None:
        type_into(dialog.count, "8")
        type_into(dialog.target, str(out))
        qtbot.waitUntil(dialog.start_button.isEnabled, timeout=10_000)
        click(dialog.start_button)
        qtbot.waitUntil(dialog.reveal_button.isVisible, timeout=90_000)

    trouble = in_dialog(SpritesDialog, make)
    click(train.watch.sprites_button)
    assert not trouble
    reactivate(window)
    names = [one["file"] for one in json.loads((out / "seeds.json").read_text(encoding="utf-8"))["sprites"]]
    assert len(names) == 8
    assert sorted(path.name for path in out.glob("*.png")) == sorted(names)
    with Image.open(out / names[0]) as sprite:
        assert sprite.size == (32, 32)
    # Compare or export it: the run is chosen already.
    click(bar.go_button)
    runs: Any = window.screen_shown
    qtbot.waitUntil(lambda: len(runs.tree.selected()) == 1, timeout=10_000)
    assert runs.export_button.isEnabled()
    # The version leaves as a folder of pictures.
    QTest.keyClick(window, Qt.Key.Key_3, CONTROL)
    pictures = tmp_path / "pictures"

    def export(dialog: ExportDialog) -> None:
        type_into(dialog.target, str(pictures))
        QTest.keyClick(dialog.target, Qt.Key.Key_Return)

    trouble = in_dialog(ExportDialog, export)
    press(Qt.Key.Key_E, CONTROL)
    assert not trouble
    idle(window, qtbot)
    assert len(list(pictures.glob("*.png"))) == version.sprites
    # All decisions can still be taken back and made again.
    reactivate(window)
    QTest.keyClick(window, Qt.Key.Key_1, CONTROL)
    before = statuses(window.session.workspace)
    presses = 0
    while window.undo_action.isEnabled():
        press(Qt.Key.Key_Z)
        presses += 1
        assert presses < 20
    assert set(statuses(window.session.workspace)) == {"undecided"}
    while window.redo_action.isEnabled():
        press(Qt.Key.Key_Z, SHIFT)
    assert statuses(window.session.workspace) == before


SMALL = {
    "architecture.generator_channels": "8,8,8",
    "batch.size": "4", "stop.iterations": "3", "sampling.every": "2", "sampling.count": "9", "device": "cpu",
    "precision.threads": "1", "ema.enabled": "false",
}  # fmt: skip


def assert_reachable(window: MainWindow, widget: QWidget) -> None:
    """Check that the widget is within the window without scrolling."""
    place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
    assert window.rect().contains(place), f"{place} lies outside {window.rect()}"
    assert widget.visibleRegion().boundingRect().size() == widget.size(), "it is cut off"


class Windows(QObject):
    """Records the widgets that are shown as windows."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.seen.append(type(watched).__name__)
        return False


def test_opening_a_workspace_and_every_screen_shows_no_window_beside_it(
    folder: Path, own_settings: None, open_window: OpenWindow, qapp: QApplication
) -> None:
    watcher = Windows()
    qapp.installEventFilter(watcher)
    try:
        window = open_window(folder)
        for key in (Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_5, Qt.Key.Key_1):
            QTest.keyClick(window, key, CONTROL)
            QTest.qWait(1)
    finally:
        qapp.removeEventFilter(watcher)
    assert set(watcher.seen) == {"MainWindow"}


def test_a_drag_over_any_screen_is_framed_and_a_drop_is_imported(
    art: Path, folder: Path, open_window: OpenWindow, qtbot: Any
) -> None:
    window = open_window(folder)
    data = dragged([art / "s00.png"])
    before = len(curate(window).gallery.order)
    for key in (Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_5):
        QTest.keyClick(window, key, CONTROL)
        assert drag(window, data)
        assert window.drop_frame.isVisible()
        QApplication.sendEvent(window, QDragLeaveEvent())
        assert not window.drop_frame.isVisible()
    idle(window, qtbot)
    new = dragged([art / "u-mirrored.png"])
    assert drag(window, new)
    let_go(window, new)
    assert not window.drop_frame.isVisible()
    idle(window, qtbot)
    assert len(curate(window).gallery.order) == before + 1


def test_the_welcome_page_frames_what_is_dragged_over_it(art: Path, open_window: OpenWindow) -> None:
    window = open_window(None)
    frame = window.welcome.drop_frame
    assert not frame.isVisible()
    assert drag(window.welcome, dragged([art]))
    assert frame.isVisible()
    assert frame.size() == window.welcome.size()
    QApplication.sendEvent(window.welcome, QDragLeaveEvent())
    assert not frame.isVisible()


def test_nothing_is_imported_into_a_workspace_that_is_read_only(
    art: Path, folder: Path, open_window: OpenWindow
) -> None:
    window = open_window(folder, read_only=True)
    data = dragged([art])
    for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_5):
        QTest.keyClick(window, key, CONTROL)
        assert not drag(window, data)
        assert not drag(window.screen_shown, data)


def test_the_first_import_says_that_it_is_under_way(
    art: Path, tmp_path: Path, open_window: OpenWindow, qtbot: Any
) -> None:
    Workspace.create(tmp_path / "new").close()
    window = open_window(tmp_path / "new")
    screen = curate(window)
    waiting = screen.no_sprites
    usual = shown_texts(waiting)
    data = dragged([art])
    assert drag(screen, data)
    let_go(screen, data)
    assert waiting.isVisible()
    assert shown_texts(waiting) != usual
    assert not [one for one in waiting.findChildren(QAbstractButton) if one.isVisible()]
    idle(window, qtbot)
    assert not waiting.isVisible()
    # A folder without pictures leaves the page as it was.
    Workspace.create(tmp_path / "second").close()
    assert window.open_folder(tmp_path / "second")
    screen, nothing = curate(window), tmp_path / "nothing"
    nothing.mkdir()
    let_go(screen, dragged([nothing]))
    idle(window, qtbot)
    assert shown_texts(screen.no_sprites) == usual
    assert [one for one in screen.no_sprites.findChildren(QAbstractButton) if one.isVisible()]


def shown_texts(page: QWidget) -> list[str]:
    from PySide6.QtWidgets import QLabel

    return [one.text() for one in page.findChildren(QLabel) if one.text()]


def test_deciding_the_last_of_the_undecided_ones_is_no_search_without_results(
    folder: Path, open_window: OpenWindow, qtbot: Any
) -> None:
    window = open_window(folder)
    screen = curate(window)
    click(screen.filter_bar.status_buttons["undecided"])
    press(Qt.Key.Key_K, SHIFT)
    assert screen.no_match.isVisible()
    decided = shown_texts(screen.no_match)
    click(button(screen.no_match, lambda one: True))
    assert len(screen.gallery.order) == 24
    type_into(screen.filter_bar.search, "no such name")
    press(Qt.Key.Key_Return)
    assert screen.no_match.isVisible()
    assert shown_texts(screen.no_match) != decided


def test_details_and_footer_count_the_same_selection(folder: Path, open_window: OpenWindow, qtbot: Any) -> None:
    window = open_window(folder)
    screen = curate(window)

    def told() -> str:
        return screen.panel.inspector.values["Selected"].text()

    qtbot.waitUntil(lambda: "Selected" in screen.panel.inspector.values)
    assert told() == "0"
    assert "0 selected" in screen.footer.counts.text()
    press(Qt.Key.Key_A, CONTROL)
    qtbot.waitUntil(lambda: told() == "24")
    assert "24 selected" in screen.footer.counts.text()


def test_a_note_typed_for_the_next_version_waits_for_the_next_time(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    QTest.keyClick(window, Qt.Key.Key_S, CONTROL)
    note: Any = QApplication.focusWidget()
    QTest.keyClicks(note, "half a thought")
    QTest.keyClick(window, Qt.Key.Key_W, CONTROL)
    assert window.session is None
    assert window.open_folder(folder)
    QTest.keyClick(window, Qt.Key.Key_S, CONTROL)
    assert QApplication.focusWidget().toPlainText() == "half a thought"


def test_a_note_that_was_used_is_gone(folder: Path, open_window: OpenWindow, qtbot: Any) -> None:
    window = open_window(folder)
    QTest.keyClick(window, Qt.Key.Key_S, CONTROL)
    QTest.keyClicks(QApplication.focusWidget(), "done")
    screen: Any = window.screen_shown
    qtbot.waitUntil(lambda: screen.commit_box.button.isEnabled(), timeout=30_000)
    click(screen.commit_box.button)
    qtbot.waitUntil(lambda: bool(screen.history.history.rows), timeout=30_000)
    QTest.keyClick(window, Qt.Key.Key_W, CONTROL)
    assert window.open_folder(folder)
    QTest.keyClick(window, Qt.Key.Key_S, CONTROL)
    assert QApplication.focusWidget().toPlainText() == ""


@pytest.mark.parametrize("width", [1000, 1240])
def test_the_buttons_below_a_group_fit(width: int, art: Path, open_window: OpenWindow, qtbot: Any) -> None:
    window = open_window(None)
    window.resize(width, 700)
    make_workspace_of(art, window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_2, CONTROL)
    screen: Any = window.screen_shown
    qtbot.waitUntil(lambda: screen.findings is not None, timeout=60_000)
    idle(window, qtbot)
    label = screen.actions_of.place
    assert label.isVisible()
    row = label.parentWidget()
    for one in row.findChildren(QAbstractButton):
        assert one.width() >= one.sizeHint().width(), f"{one.text()} is cut"
        assert_reachable(window, one)
    assert label.width() >= label.fontMetrics().horizontalAdvance(label.text())


@pytest.mark.parametrize(("width", "height"), [(940, 600), (1240, 760)])
def test_a_run_that_has_just_finished_keeps_its_page_within_the_window(
    width: int, height: int, folder: Path, open_window: OpenWindow, qtbot: Any
) -> None:
    run = recorded(folder / "runs" / "r1-sprites", iterations=400, every=100)
    window = open_window(folder)
    window.resize(width, height)
    QTest.keyClick(window, Qt.Key.Key_4, CONTROL)
    train: Any = window.screen_shown
    train.show_run(run.path)
    watch = train.watch
    qtbot.waitUntil(lambda: watch.follower is not None and watch.follower.state.state == "finished", timeout=20_000)
    # The numbers of a running run are long, and their place never shrinks while it runs.
    from gandam_studio.qt.widgets.steady import set_steady_text

    set_steady_text(watch.numbers_label, "   ".join(["123,456 of at most 1,000,000"] * 4))
    watch.follower.state_changed.emit(watch.follower.state)
    QTest.qWait(20)
    for one in (watch.longer_button, watch.sprites_button):
        assert_reachable(window, one)
    if width > 1000:
        assert_reachable(window, watch.tabs)
        assert watch.sprites_button.mapTo(window, QPoint()).y() <= watch.state_label.mapTo(window, QPoint()).y()


def test_the_dialog_to_import_begins_where_the_last_source_was(
    art: Path, folder: Path, open_window: OpenWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def answer(_parent: object, _title: str, where: str = "", *_more: object) -> str:
        begun.append(where)
        return str(art)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", answer)
    window = open_window(folder)
    for _ in range(2):
        press(Qt.Key.Key_O, CONTROL | SHIFT)
        idle(window, qtbot)
        reactivate(window)
    assert begun[0], "not whatever folder the program was started in"
    assert Path(begun[0]).is_absolute()
    assert Path(begun[1]) == art.parent
