"""The panel next to the gallery, and what screen readers get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from contrast import pixels_of
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from studio_window import CONTROL, OpenWindow, curate, press

from gandam_studio.core.pictures.rendering import render
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.picture_cache import image_from_rgba
from trainer.protocol.recipe import Recipe

Key = Qt.Key


def test_the_recipe_shows_what_the_network_will_see_and_is_undone(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    workspace = screen.session.workspace
    press(Key.Key_Right)
    screen.panel.show_recipe()
    recipe = screen.panel.recipe
    assert recipe is not None
    qtbot.waitUntil(lambda: len(recipe.preview.pictures) == 9)
    recipe.side.setCurrentIndex(recipe.side.findData(32))
    recipe.background.setCurrentIndex(recipe.background.findData("black"))
    assert (workspace.recipe.size, workspace.recipe.background) == (32, "black")
    wanted = render(workspace.picture(workspace.sprite(2)), Recipe(size=32, background="black"))
    alpha = np.full(wanted.shape[:2], 255, np.uint8)
    expected = image_from_rgba(np.dstack((wanted, alpha)))
    qtbot.waitUntil(lambda: recipe.preview.pictures[0].convertToFormat(expected.format()) == expected)
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    assert workspace.recipe.background == "white"
    assert recipe.background.currentData() == "white"


def test_the_details_follow_the_current_sprite(folder: Path, open_window: OpenWindow, qtbot) -> None:
    screen = curate(open_window(folder))
    inspector = screen.panel.inspector
    press(Key.Key_Right)
    press(Key.Key_Right)
    qtbot.waitUntil(lambda: inspector.name_label.text() == "sprite-00002.png")
    press(Key.Key_F)
    qtbot.waitUntil(lambda: inspector.values["Edits"].text() == "flipped")
    assert inspector.values["Size"].text() == "10 × 12"


def test_a_screen_reader_finds_every_sprite(folder: Path, open_window: OpenWindow) -> None:
    screen = curate(open_window(folder))
    press(Key.Key_F)
    press(Key.Key_Right)
    press(Key.Key_L)
    press(Key.Key_Left)
    press(Key.Key_X)
    listing = QAccessible.queryAccessibleInterface(screen.gallery)
    assert listing.role() == QAccessible.Role.List
    assert listing.childCount() == 24
    names = [listing.child(place).text(QAccessible.Text.Name) for place in range(3)]
    assert names == [
        "sprite-00000.png, undecided, flipped",
        "sprite-00001.png, dropped, facing left",
        "sprite-00002.png, undecided",
    ]
    assert listing.focusChild().text(QAccessible.Text.Name) == "sprite-00002.png, undecided"
    assert listing.child(2).state().selected
    assert not listing.child(1).state().selected
    assert listing.indexOfChild(listing.child(7)) == 7
    assert listing.child(24) is None


def test_scrolling_paints_the_gallery_and_nothing_below_it(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    gallery = curate(window).gallery
    bar = gallery.verticalScrollBar()
    window.resize(700, 420)
    qtbot.waitUntil(lambda: bar.maximum() > 60)
    painted: list[QObject] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                painted.append(watched)
            return False

    def rests() -> bool:
        """Whether nothing was painted for a while."""
        painted.clear()
        qtbot.wait(50)
        return not painted

    watch = Watch()
    QApplication.instance().installEventFilter(watch)
    try:
        for step in range(1, 4):
            qtbot.waitUntil(rests)
            bar.setValue(20 * step)
            qtbot.waitUntil(lambda: bar in painted and gallery.viewport() in painted)
            assert not [one for one in painted if isinstance(one, QWidget) and one.isAncestorOf(gallery)]
    finally:
        QApplication.instance().removeEventFilter(watch)


def test_the_scroll_bar_of_the_gallery_has_the_colour_of_the_window(
    folder: Path, open_window: OpenWindow, qtbot
) -> None:
    window = open_window(folder)
    gallery = curate(window).gallery
    for name in ("light", "dark"):
        theme.set_scheme(name)
        bar = gallery.verticalScrollBar()
        corner = bar.mapTo(window, bar.rect().bottomLeft())
        assert window.grab().toImage().pixelColor(corner) == theme.color("window")


def test_a_gallery_that_is_all_in_view_shows_no_handle_to_scroll_by(
    folder: Path, open_window: OpenWindow, qtbot
) -> None:
    window = open_window(folder)
    gallery = curate(window).gallery
    bar = gallery.verticalScrollBar()

    def colours() -> int:
        return len(np.unique(pixels_of(bar.grab().toImage()).reshape(-1, 3), axis=0))

    window.resize(700, 420)
    qtbot.waitUntil(lambda: bar.maximum() > 60)
    assert colours() > 1
    gallery.show_order(gallery.order[:2])
    assert bar.maximum() == 0
    assert colours() == 1
