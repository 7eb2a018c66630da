"""Whole sessions in the real window with real keys and clicks, checked in the workspace."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTransform
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from small_workspaces import add_sprites
from studio_window import CONTROL, SHIFT, OpenWindow, close, curate, press, reactivate, statuses

from gandam_studio.core.workspace import Counts, Workspace
from gandam_studio.core.workspace.query import ORDERS, Filter
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.curate import decisions
from gandam_studio.qt.curate import screen as screen_module
from gandam_studio.qt.curate.gallery import Gallery
from gandam_studio.qt.widgets.reason_picker import ReasonPicker

Key = Qt.Key


def test_cull_a_folder_with_the_keyboard_only(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    workspace = screen.session.workspace
    pattern = [Key.Key_U, Key.Key_X, Key.Key_U]
    for turn in range(24):
        assert screen.gallery.current == turn
        press(pattern[turn % 3])
    assert statuses(workspace) == ["kept", "dropped", "kept"] * 8
    counts = workspace.counts()
    assert (counts.kept, counts.dropped, counts.undecided) == (16, 8, 0)
    assert "16" in screen.filter_bar.status_buttons["kept"].text()
    assert {sprite.reason for sprite in workspace.sprites() if sprite.status == "dropped"} == {""}
    press(Key.Key_Return)
    assert screen.window().status_strip.message.text() == "There are no more undecided sprites."
    press(Key.Key_Home)
    press(Key.Key_U, SHIFT)
    press(Key.Key_End)
    press(Key.Key_Return)
    assert screen.gallery.current == 0, "the only undecided sprite is the first"


def test_flip_drop_undo_quit_reopen_redo(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = curate(window)
    press(Key.Key_F)
    press(Key.Key_Right)
    press(Key.Key_X)
    assert window.undo_action.text() == "&Undo Drop 1 sprite"
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    assert statuses(screen.session.workspace) == ["undecided"] * 24
    assert not screen.session.workspace.sprite(1).flipped
    assert window.redo_action.text() == "&Redo Flip 1 sprite"
    close(window)

    window = open_window(folder)
    screen = curate(window)
    assert window.redo_action.text() == "&Redo Flip 1 sprite"
    QTest.keyClick(window, Key.Key_Z, CONTROL | SHIFT)
    assert screen.session.workspace.sprite(1).flipped
    QTest.keyClick(window, Key.Key_Y, CONTROL)
    assert statuses(screen.session.workspace)[:3] == ["undecided", "dropped", "undecided"]
    assert not window.redo_action.isEnabled()


def test_a_reopened_workspace_goes_on_where_it_was_left(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = curate(window)
    for _ in range(19):
        press(Key.Key_U)
    close(window)

    window = open_window(folder)
    screen = curate(window)
    assert screen.gallery.current == 19
    assert screen.gallery.current in screen.gallery.visible()
    assert not screen.gallery.selection.count, "only where keys go, nothing is selected yet"
    press(Key.Key_X)
    assert statuses(screen.session.workspace) == ["kept"] * 19 + ["dropped"] + ["undecided"] * 4
    window.resize(window.width() - 200, window.height() - 150)
    QApplication.processEvents()
    assert screen.gallery.current in screen.gallery.visible()


def test_a_slow_picture_leaves_the_large_view_at_once_usable(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch
) -> None:
    screen = curate(open_window(folder))
    view = screen.large_view
    press(Key.Key_Space)
    qtbot.waitUntil(lambda: not view.is_loading)
    first = view.image()
    gate, picture = threading.Event(), Workspace.picture

    def slow(workspace: Workspace, sprite: Sprite) -> np.ndarray:
        assert threading.current_thread() is not threading.main_thread()
        gate.wait(10)
        return picture(workspace, sprite)

    monkeypatch.setattr(Workspace, "picture", slow)
    monkeypatch.setattr(
        screen.session.workspace.thumbnails, "read", lambda seq: None
    )  # as if too large to be kept unreduced
    press(Key.Key_Right)
    press(Key.Key_X)
    assert statuses(screen.session.workspace)[:3] == ["undecided", "dropped", "undecided"]
    qtbot.waitUntil(lambda: view.image().isNull())  # never another sprite's picture for longer than a blink
    assert view.is_loading
    gate.set()
    qtbot.waitUntil(lambda: not view.is_loading)
    assert screen.gallery.current_seq == 3
    assert not view.image().isNull()
    assert view.image() != first


def test_a_bulk_edit_of_ten_thousand_is_undone_at_once(tmp_path: Path, open_window: OpenWindow) -> None:
    with Workspace.create(tmp_path / "many") as made:
        add_sprites(made, [0])
        made.connection.execute("BEGIN")
        made.connection.executemany(
            "INSERT INTO sprites (id, name, blob, width, height) SELECT ?, ?, blob, width, height FROM sprites LIMIT 1",
            ((f"{n:064x}", f"n{n}.png") for n in range(9_999)),
        )
        made.connection.execute("COMMIT")
    window = open_window(tmp_path / "many")
    screen = curate(window)
    workspace = screen.session.workspace
    press(Key.Key_A, CONTROL)
    assert screen.gallery.selection.count == 10_000
    press(Key.Key_F)
    press(Key.Key_X)
    assert workspace.counts().dropped == 10_000
    assert len(workspace.history.entries()) == 2
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    assert (workspace.counts().undecided, workspace.counts().flipped) == (10_000, 10_000)
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    assert workspace.counts().flipped == 0
    QTest.keyClick(window, Key.Key_Z, CONTROL | SHIFT)
    assert workspace.counts().flipped == 10_000


def _click(gallery: Gallery, position: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    point = gallery.rect_of(position).center()
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, modifiers, point)


def test_selecting_with_the_mouse(folder: Path, open_window: OpenWindow) -> None:
    gallery = curate(open_window(folder)).gallery
    chosen = lambda: gallery.selection.seqs().tolist()  # noqa: E731
    _click(gallery, 2)
    assert chosen() == [3]
    _click(gallery, 5, SHIFT)
    assert chosen() == [3, 4, 5, 6]
    _click(gallery, 4, CONTROL)
    assert chosen() == [3, 4, 6]
    _click(gallery, 0)
    assert chosen() == [1]
    press(Key.Key_Right, SHIFT)
    press(Key.Key_Right, SHIFT)
    assert chosen() == [1, 2, 3]
    press(Key.Key_Right, CONTROL)
    press(Key.Key_Right, CONTROL)
    press(Key.Key_Space, CONTROL)
    assert chosen() == [1, 2, 3, 5]


def _drag(view: QWidget, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    for step in range(1, 6):
        point = start + (end - start) * (step / 5)
        QTest.mouseMove(view, point)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)


def test_a_rubber_band_selects_what_it_covers(folder: Path, open_window: OpenWindow) -> None:
    gallery = curate(open_window(folder)).gallery
    first, second = gallery.rect_of(0), gallery.rect_of(gallery.grid.columns + 1)
    start, end = QPoint(2, 2), second.center()
    assert gallery.position_at(start) is None
    view = gallery.viewport()
    _drag(view, start, end)
    columns = gallery.grid.columns
    assert gallery.selection.seqs().tolist() == [1, 2, columns + 1, columns + 2]
    assert first.isValid()


def test_what_is_looked_at_is_what_is_acted_on(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    gallery, workspace = screen.gallery, screen.session.workspace
    last, view = gallery.rect_of(7), gallery.viewport()
    _drag(view, gallery.rect_of(6).topLeft() - QPoint(3, 3), last.center())
    assert gallery.selection.seqs().tolist() == [7, 8]
    assert gallery.current_seq == 7, "a band makes one of its sprites the current one"
    press(Key.Key_Home, CONTROL)  # the current cell leaves the selection behind
    assert gallery.current_seq == 1
    press(Key.Key_Space)
    press(Key.Key_F)
    assert [sprite.seq for sprite in workspace.sprites() if sprite.flipped] == [1]


def test_deciding_in_a_filtered_view_lets_go_of_what_no_longer_belongs(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    QTest.mouseClick(screen.filter_bar.status_buttons["undecided"], Qt.MouseButton.LeftButton)
    assert len(screen.gallery.order) == 24
    for expected in range(2, 6):
        press(Key.Key_X)
        assert screen.gallery.current_seq == expected
        assert len(screen.gallery.order) == 25 - expected
    QTest.keyClick(screen.window(), Key.Key_Z, CONTROL)
    assert 4 in screen.gallery.order, "what undo brings back is shown again"
    QTest.mouseClick(screen.filter_bar.status_buttons["kept"], Qt.MouseButton.LeftButton)
    assert screen.stack.currentWidget() is screen.no_match
    screen.filter_bar.set_filter(Filter())
    assert len(screen.gallery.order) == 24


def test_searching_by_name_and_back_to_the_gallery(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    QTest.keyClick(screen, Key.Key_F, CONTROL)
    assert QApplication.focusWidget() is screen.filter_bar.search
    QTest.keyClicks(screen.filter_bar.search, "sprite-0001x")
    press(Key.Key_Backspace)
    press(Key.Key_Return)
    assert screen.filter_bar.filter.text == "sprite-0001"
    assert screen.gallery.order.tolist() == list(range(11, 21))
    assert statuses(screen.session.workspace) == ["undecided"] * 24, "letters typed in a field are no commands"
    assert QApplication.focusWidget() is screen.gallery
    press(Key.Key_X)
    assert screen.session.workspace.sprite(11).status == "dropped"


def test_reasons_are_the_workspaces_own_and_keep_their_digits(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    workspace = screen.session.workspace
    message = window.status_strip.message

    press(Key.Key_1)
    assert statuses(workspace)[0] == "undecided"
    assert "Shift+X" in message.text(), "no reason is invented"
    for typed in ("too small", "wrong style"):
        press(Key.Key_X, SHIFT)
        picker = QApplication.activePopupWidget()
        assert isinstance(picker, ReasonPicker)
        QTest.keyClicks(picker.field, typed)
        QTest.keyClick(picker.field, Key.Key_Return)
        reactivate(window)
    assert [workspace.sprite(seq).reason for seq in (1, 2)] == ["too small", "wrong style"]
    assert screen.gallery.current == 2, "a drop moves on"
    press(Key.Key_X)
    assert (workspace.sprite(3).status, workspace.sprite(3).reason) == ("dropped", "")
    qtbot.waitUntil(lambda: bool(re.search(r"\b2\W+wrong style", screen.footer.reasons.text())))
    press(Key.Key_2)
    press(Key.Key_1)
    press(Key.Key_2)
    assert [workspace.sprite(seq).reason for seq in (4, 5, 6)] == ["wrong style", "too small", "wrong style"]
    assert re.search(r"\b1\W+too small", screen.footer.reasons.text())
    press(Key.Key_X, SHIFT)
    QTest.keyClick(QApplication.activePopupWidget().field, Key.Key_1)
    reactivate(window)
    assert workspace.sprite(7).reason == "too small"
    press(Key.Key_Z)
    assert workspace.sprite(7).status == "undecided"
    assert screen.gallery.current == 6


def test_facing_rotation_tags_and_restore(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    workspace = screen.session.workspace
    press(Key.Key_L)
    assert workspace.sprite(1).shown_facing == "left"
    assert screen.gallery.current == 1, "a facing moves on"
    press(Key.Key_Left)
    press(Key.Key_F)
    assert workspace.sprite(1).shown_facing == "right"
    press(Key.Key_R)
    assert workspace.sprite(1).facing == "left", "shown facing right, so it looked left before the flip"
    press(Key.Key_Home)
    press(Key.Key_BracketRight)
    assert workspace.sprite(1).rotation == 3, "turned right as seen, beneath the flip"
    press(Key.Key_T)
    assert QApplication.focusWidget() is screen.panel.inspector.tag_field
    QTest.keyClicks(QApplication.focusWidget(), "boss, red")
    press(Key.Key_Return)
    QTest.keyClicks(QApplication.focusWidget(), "old")
    press(Key.Key_Return)
    assert workspace.sprite(1).tags == ("boss", "old", "red")
    press(Key.Key_Escape)
    assert QApplication.focusWidget() is screen.gallery
    press(Key.Key_U)
    assert workspace.sprite(1).status == "kept"
    press(Key.Key_Home)
    press(Key.Key_U, SHIFT)
    assert workspace.sprite(1).status == "undecided"


def test_looking_closely_deciding_there_and_cropping(folder: Path, open_window: OpenWindow, qtbot) -> None:
    screen = curate(open_window(folder))
    workspace = screen.session.workspace

    def settle() -> None:
        qtbot.waitUntil(lambda: not screen.large_view.is_loading)

    press(Key.Key_Space)
    settle()
    assert screen.work.currentWidget() is screen.large_view
    before = screen.large_view.image()
    assert not before.isNull()
    press(Key.Key_F)
    settle()
    assert screen.large_view.image() == before.transformed(QTransform().scale(-1, 1))
    press(Key.Key_O)
    assert screen.large_view.onion
    press(Key.Key_X)
    assert screen.gallery.current == 1
    settle()
    assert screen.large_view.image().size() == before.size()
    press(Key.Key_Left)
    assert screen.gallery.current == 0
    press(Key.Key_Space)
    assert screen.work.currentWidget() is screen.gallery
    press(Key.Key_C)
    view = screen.work.crop_view
    press(Key.Key_Left, SHIFT)
    press(Key.Key_Down, SHIFT)
    press(Key.Key_Up, SHIFT)
    press(Key.Key_Right)
    assert view.box == (1, 0, 9, 11)
    press(Key.Key_Return)
    assert workspace.sprite(1).crop == (1, 0, 9, 11)
    assert screen.work.currentWidget() is screen.gallery
    press(Key.Key_C, SHIFT)
    assert workspace.sprite(1).crop is None


def test_trimming_ten_at_once_is_one_step(folder: Path, open_window: OpenWindow, qtbot) -> None:
    screen = curate(open_window(folder))
    workspace = screen.session.workspace
    for _ in range(9):
        press(Key.Key_Right, SHIFT)
    with qtbot.waitSignal(screen.session.edits_applied, timeout=10_000):
        press(Key.Key_T, SHIFT)
    sprites = list(workspace.sprites())
    assert all(sprite.crop == (2, 2, 6, 8) for sprite in sprites[:10])
    assert sprites[10].crop is None
    assert len(workspace.history.entries()) == 1
    qtbot.waitUntil(lambda: not screen.session.tasks)
    QTest.keyClick(screen.window(), Key.Key_Z, CONTROL)
    assert workspace.sprite(3).crop is None


def test_a_filter_is_saved_used_deleted_and_undone(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = curate(window)
    rubbish = Filter(status="dropped", alpha=True, min_side=8)
    press(Key.Key_X)
    screen.filter_bar.set_filter(rubbish)
    saved = screen.actions_of.saved
    saved.save("rubbish")
    screen.filter_bar.set_filter(Filter())
    saved.refresh()
    assert saved.actions()[0].toolTip() == "status dropped, transparent yes, longer side at least 8"
    saved.actions()[0].trigger()
    assert screen.filter_bar.filter == rubbish
    assert screen.gallery.order.tolist() == [1]
    saved.delete("rubbish")
    assert saved.named() == {}
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    assert saved.named() == {"rubbish": rubbish}


def test_cells_grow_and_shrink_with_what_is_current_in_sight(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    gallery = screen.gallery
    press(Key.Key_End)
    for _ in range(5):
        QTest.keyClick(screen, Key.Key_Plus, CONTROL)
        assert gallery.current in gallery.visible()
    assert gallery.tile == 144 + 5 * 24
    assert screen.filter_bar.slider.value() == gallery.tile
    QTest.keyClick(screen, Key.Key_0, CONTROL)
    assert gallery.tile == 144


def test_going_by_arrows_stays_in_the_column(folder: Path, open_window: OpenWindow) -> None:
    gallery = curate(open_window(folder)).gallery
    columns = gallery.grid.columns
    press(Key.Key_Right)
    press(Key.Key_Down)
    assert gallery.current == columns + 1
    press(Key.Key_Up)
    press(Key.Key_Up)
    assert gallery.current == 1
    press(Key.Key_End)
    assert gallery.current == 23
    press(Key.Key_Down)
    assert gallery.current == 23
    press(Key.Key_A, CONTROL)
    assert gallery.selection.seqs().tolist() == list(range(1, 25))
    press(Key.Key_A, CONTROL | SHIFT)
    assert gallery.selection.count == 0
    assert gallery.targets().tolist() == [24]
    assert np.array_equal(gallery.order, np.arange(1, 25))


def test_hints_are_dismissed_one_by_one_and_for_good(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    hints = curate(window).hints
    texts = set()
    for _ in range(3):
        assert hints.isVisible()
        texts.add(hints.text.text())
        QTest.mouseClick(hints.dismiss_button, Qt.MouseButton.LeftButton)
    assert len(texts) == 3
    assert not hints.isVisible()
    close(window)
    assert not curate(open_window(folder)).hints.isVisible()


def test_where_nothing_can_be_changed_no_hint_says_how_to(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    changing = curate(window).hints.text.text()
    close(window)
    window = open_window(folder, read_only=True)
    hints = curate(window).hints
    assert hints.isVisible()
    assert not {"U", "X", "Z"} & set(hints.text.text().replace(",", " ").split())
    QTest.mouseClick(hints.dismiss_button, Qt.MouseButton.LeftButton)
    assert not hints.isVisible()
    close(window)
    assert curate(open_window(folder)).hints.text.text() == changing, "those of a window that writes are still there"


def test_a_very_large_change_runs_in_the_background(folder: Path, open_window: OpenWindow, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(decisions, "MANY", 10)
    window = open_window(folder)
    screen = curate(window)
    workspace = screen.session.workspace
    press(Key.Key_A, CONTROL)
    press(Key.Key_F)
    assert screen.session.tasks, "24 are more than 10"
    press(Key.Key_X)
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    assert "still running" in window.status_strip.message.text()
    qtbot.waitUntil(lambda: not screen.session.tasks)
    assert workspace.counts() == Counts(undecided=24, flipped=24)
    assert "Flipped  24" in screen.filter_bar.flipped_button.text()
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    assert workspace.counts().flipped == 0


def test_large_workspaces_are_filtered_and_counted_in_the_background(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch
) -> None:
    monkeypatch.setattr(screen_module, "LARGE", 5)
    screen = curate(open_window(folder))
    press(Key.Key_U)
    press(Key.Key_X)
    qtbot.waitUntil(lambda: "1" in screen.filter_bar.status_buttons["dropped"].text())
    screen.filter_bar.set_filter(Filter(status="kept"))
    screen.filter_bar.set_filter(Filter(status="undecided", order="name", descending=True))
    qtbot.waitUntil(lambda: len(screen.gallery.order) == 22)
    assert screen.gallery.order.tolist() == list(range(24, 2, -1)), "only the last question is answered"
    press(Key.Key_X)
    qtbot.waitUntil(lambda: "2" in screen.filter_bar.status_buttons["dropped"].text())
    assert len(screen.gallery.order) == 21


def test_every_order_sorts_every_sprite(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    workspace = screen.session.workspace
    for order in ORDERS:
        if order != "similarity":
            for descending in (False, True):
                found = workspace.select(Filter(order=order, descending=descending))
                assert sorted(found.tolist()) == list(range(1, 25)), order
    sorts = [screen.filter_bar.sort.itemData(index) for index in range(screen.filter_bar.sort.count())]
    assert sorts == list(ORDERS)


def test_what_a_filter_hides_is_no_longer_selected(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    gallery, workspace = screen.gallery, screen.session.workspace
    _click(gallery, 0)
    press(Key.Key_X)
    _click(gallery, 0)
    _click(gallery, 3, SHIFT)
    assert gallery.selection.seqs().tolist() == [1, 2, 3, 4]
    screen.filter_bar.set_filter(Filter(status="undecided"))
    assert 1 not in gallery.order
    assert gallery.selection.seqs().tolist() == [2, 3, 4]
    press(Key.Key_F)
    assert [sprite.seq for sprite in workspace.sprites() if sprite.flipped] == [2, 3, 4]
