"""Work by hand: keys always work, the number of presses for a culling, and undo, history and requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from small_workspaces import add_sprites
from studio_window import CONTROL, SHIFT, OpenWindow, curate, press, reactivate, statuses

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.query import Filter
from gandam_studio.qt.curate.screen import CurateScreen
from gandam_studio.qt.following.requests import ShowFilter
from gandam_studio.qt.help import HistoryDialog
from gandam_studio.qt.main_window import MainWindow

Key = Qt.Key


def test_culling_316_sprites_costs_hardly_more_than_a_press_each(tmp_path: Path, open_window: OpenWindow) -> None:
    """25 are dropped and 62 face right; with separate keys for flip and decision this took 378 presses."""
    with Workspace.create(tmp_path / "w") as workspace:
        add_sprites(workspace, list(range(316)))
    screen = curate(open_window(tmp_path / "w"))
    workspace = screen.session.workspace
    dice = np.random.default_rng(1)
    odd = dice.permutation(316)
    dropped, right = set(odd[:25].tolist()), set(odd[25:87].tolist())
    presses = 0

    def hit(key: Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        nonlocal presses
        presses += 1
        press(key, modifiers)

    for place in range(316):
        assert screen.gallery.current == place
        hit(Key.Key_X if place in dropped else Key.Key_R if place in right else Key.Key_L)
    hit(Key.Key_L, SHIFT)
    assert "62" in screen.window().status_strip.message.text()
    hit(Key.Key_K, SHIFT)
    sprites = list(workspace.sprites())
    assert [sprite.status for sprite in sprites] == ["dropped" if n in dropped else "kept" for n in range(316)]
    assert {n for n, sprite in enumerate(sprites) if sprite.flipped} == right
    assert {sprite.shown_facing for sprite in sprites if sprite.status == "kept"} == {"left"}
    assert presses <= 1.05 * 316
    press(Key.Key_Z)
    press(Key.Key_Z)
    assert not any(sprite.flipped for sprite in workspace.sprites()), "bulk decisions are one step each"


def click(widget: QWidget, where: QPoint | None = None) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where or QPoint(5, 5))


def combo_used(screen: CurateScreen) -> None:
    click(screen.filter_bar.sort)
    QTest.keyClick(QApplication.activePopupWidget(), Key.Key_Escape)


def filters_opened(screen: CurateScreen) -> None:
    click(screen.filter_bar.more_button)
    QTest.keyClick(QApplication.focusWidget(), Key.Key_Escape)


def palette_closed(screen: CurateScreen) -> None:
    press(Key.Key_K, CONTROL)
    QTest.keyClick(QApplication.activePopupWidget(), Key.Key_Escape)


def details_clicked(screen: CurateScreen) -> None:
    click(screen.panel.inspector.name_label)
    click(screen.panel.inspector.values["Status"])


def recipe_used(screen: CurateScreen) -> None:
    screen.panel.show_recipe()
    recipe = screen.panel.recipe
    QTest.qWait(60)
    click(recipe.trim)
    click(recipe.side)
    QTest.keyClick(QApplication.activePopupWidget(), Key.Key_Escape)
    click(recipe.margin.lineEdit())
    press(Key.Key_Return)


def searched(leave: Key) -> Callable[[CurateScreen], None]:
    def search(screen: CurateScreen) -> None:
        press(Key.Key_F, CONTROL)
        QTest.keyClicks(QApplication.focusWidget(), "sprite")
        press(leave)

    return search


def history_closed(screen: CurateScreen) -> None:
    def close() -> None:
        QApplication.activeModalWidget().reject()

    QTimer.singleShot(50, close)
    press(Key.Key_H, CONTROL)


def hint_dismissed(screen: CurateScreen) -> None:
    click(screen.hints.dismiss_button)


def rail_clicked(screen: CurateScreen) -> None:
    window = screen.window()
    title = window.rail.places[0].title
    click(next(one for one in window.rail.findChildren(QAbstractButton) if one.text() == title))


def slider_moved(screen: CurateScreen) -> None:
    click(screen.filter_bar.slider)


def focus_lost(screen: CurateScreen) -> None:
    """The widget with the focus is hidden."""
    screen.filter_bar.search.setFocus()
    screen.filter_bar.search.clearFocus()
    QTest.qWait(1)


WAYS = [
    combo_used, filters_opened, palette_closed, details_clicked, recipe_used, searched(Key.Key_Escape),
    searched(Key.Key_Return), history_closed, hint_dismissed, rail_clicked, slider_moved, focus_lost,
]  # fmt: skip


def test_keys_work_whatever_was_clicked_or_closed_before(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = curate(window)
    workspace = screen.session.workspace
    press(Key.Key_Home)
    for number, way in enumerate(WAYS):
        way(screen)
        QTest.qWait(5)
        reactivate(window)
        before = screen.gallery.current
        assert QApplication.focusWidget() is not None, f"{number}: {way.__name__}: nothing has the keys"
        press(Key.Key_U)
        assert statuses(workspace)[before] == "kept", f"{number}: {way.__name__}: U is dead"
        assert screen.gallery.current == before + 1
        press(Key.Key_Right)
        assert screen.gallery.current == before + 2, f"{number}: {way.__name__}: the arrows are dead"
        press(Key.Key_Left)
        assert screen.gallery.current == before + 1


def test_space_and_enter_press_a_focused_button_and_letters_still_decide(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    button = screen.filter_bar.status_buttons["undecided"]
    button.setFocus(Qt.FocusReason.TabFocusReason)
    press(Key.Key_Space)
    assert screen.filter_bar.filter.status == "undecided"
    assert screen.work.currentWidget() is screen.gallery, "no large view"
    screen.filter_bar.status_buttons[""].setFocus(Qt.FocusReason.TabFocusReason)
    press(Key.Key_Return)
    assert screen.filter_bar.filter.status == ""
    press(Key.Key_X)
    assert statuses(screen.session.workspace)[0] == "dropped"


def test_undo_brings_its_sprite_back_into_view_and_says_when_the_filter_hides_it(
    folder: Path, open_window: OpenWindow
) -> None:
    window = open_window(folder)
    screen = curate(window)
    gallery = screen.gallery
    gallery.set_tile(300)
    press(Key.Key_X)
    press(Key.Key_End)
    assert 0 not in gallery.visible()
    press(Key.Key_Z)
    assert gallery.current == 0
    assert gallery.selection.seqs().tolist() == [1]
    assert 0 in gallery.visible()
    press(Key.Key_Z, SHIFT)
    assert gallery.current == 0
    click(screen.filter_bar.status_buttons["kept"])
    assert not len(gallery.order)
    press(Key.Key_Z)
    assert "Ctrl+J" in window.status_strip.message.text()
    press(Key.Key_J, CONTROL)
    assert screen.filter_bar.filter == Filter()
    assert gallery.selection.seqs().tolist() == [1]
    assert "1 selected" in screen.footer.counts.text()
    assert "24" in screen.footer.counts.text()


def test_a_row_of_look_ahead_stays_in_view(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    gallery = screen.gallery
    columns = gallery.grid.columns
    press(Key.Key_Home)
    seen = []
    while gallery.current + columns < len(gallery.order):
        press(Key.Key_Down)
        after = min(gallery.current + columns, len(gallery.order) - 1)
        rect = gallery.rect_of(after)
        seen.append(rect.bottom() <= gallery.viewport().height())
    assert len(seen) > 2
    assert all(seen)
    last = next(place for place in gallery.visible() if gallery.rect_of(place).top() > 0)
    scrolled = gallery.verticalScrollBar().value()
    click(gallery.viewport(), gallery.rect_of(last).center())
    assert gallery.verticalScrollBar().value() == scrolled, "a click does not move the cells"


def test_history_names_sprites_and_leads_to_them(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = curate(window)
    press(Key.Key_X)
    press(Key.Key_End)
    press(Key.Key_X)
    texts: list[str] = []

    def choose() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, HistoryDialog)
        texts.extend(dialog.model.index(row, 1).data() for row in range(2))
        dialog.table.selectRow(1)
        click(dialog.show_button)

    QTimer.singleShot(50, choose)
    press(Key.Key_H, CONTROL)
    assert texts == ["sprite-00023.png", "sprite-00000.png"]
    assert screen.gallery.selection.seqs().tolist() == [1]
    assert screen.gallery.current == 0


def test_a_request_sets_the_filter_and_opens_the_panel(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    screen = curate(window)
    workspace = screen.session.workspace
    press(Key.Key_R)
    window.visit_by_name("Versions").screen_requested.emit(
        "Curate", ShowFilter(Filter(status="not-dropped", facing="right"), "recipe")
    )
    assert window.screen_shown is screen
    assert screen.gallery.order.tolist() == [1]
    assert not any(button.isChecked() for button in screen.filter_bar.status_buttons.values())
    assert screen.panel.recipe is not None
    assert screen.panel.recipe.isVisible()
    assert workspace.sprite(1).shown_facing == "right"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_selection_leaves_the_picture_alone_and_facing_marks_are_readable(
    scheme: str, folder: Path, open_window: OpenWindow
) -> None:
    from gandam_studio.qt import theme

    theme.set_scheme(scheme)
    window: MainWindow = open_window(folder)
    gallery = curate(window).gallery
    QTest.qWait(200)

    def cell() -> np.ndarray:
        image = gallery.viewport().grab(gallery.rect_of(0)).toImage()
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
        return pixels[: gallery.tile, : gallery.tile, :3].astype(int)

    gallery.select_none()
    plain = cell()
    gallery.select_all()
    selected = cell()
    assert (plain[8:-8, 8:-8] == selected[8:-8, 8:-8]).all(), "the picture is tinted"
    assert (plain[:4] != selected[:4]).any()
    curate(window).decisions.face("left")
    QApplication.processEvents()
    mark = cell()[-24:-4, -24:-4].reshape(-1, 3)[:, ::-1] / 255
    linear = np.where(mark <= 0.04045, mark / 12.92, ((mark + 0.055) / 1.055) ** 2.4)
    light = linear @ np.array([0.2126, 0.7152, 0.0722])
    assert (light.max() + 0.05) / (light.min() + 0.05) >= 3
