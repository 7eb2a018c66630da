"""The comparison: modes by key and button, blinking, magnification by whole factors."""

from __future__ import annotations

import numpy as np
import pytest
from known_duplicates import known_pictures
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from small_workspaces import png_bytes

from gandam_studio.core.duplicates import Transform
from gandam_studio.core.importing import import_sources
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import theme
from gandam_studio.qt.duplicates.canvas import CompareCanvas, Compared, Mode
from gandam_studio.qt.duplicates.compare_loader import PairRequest, compare
from gandam_studio.qt.duplicates.compare_panel import ComparePanel
from gandam_studio.qt.duplicates.difference import difference
from gandam_studio.qt.widgets.picture_cache import image_from_rgba
from gandam_studio.samples.mechas.collection import render


def compared() -> Compared:
    """A mecha in two colours; the right one was imported mirrored and enlarged."""
    left, right = render(7, 0), render(7, 0, coat=3)
    as_it_came = right[:, ::-1].repeat(2, 0).repeat(2, 1)
    pictures = (left, as_it_came, left, right, difference(left, right).picture)
    return Compared(*map(image_from_rgba, pictures), "left.png", "right.png")


@pytest.fixture
def panel(qtbot) -> ComparePanel:
    panel = ComparePanel()
    qtbot.addWidget(panel)
    panel.resize(900, 500)
    panel.show_pair(compared(), "two coats")
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def pixels_of(canvas: CompareCanvas) -> np.ndarray:
    image = canvas.grab().toImage().convertToFormat(canvas.grab().toImage().Format.Format_RGBA8888)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


def test_blinking_shows_one_then_the_other_in_the_same_place(panel, qtbot) -> None:
    panel.toggle_blink()
    assert panel.mode is Mode.BLINK
    left = pixels_of(panel.canvas)
    qtbot.waitUntil(lambda: panel.canvas.right_is_shown, timeout=2000)
    right = pixels_of(panel.canvas)
    assert (left != right).any()
    qtbot.waitUntil(lambda: not panel.canvas.right_is_shown, timeout=2000)
    panel.toggle_blink()
    assert panel.mode is Mode.SIDE_BY_SIDE, "blinking ends where it began"


def test_blinking_stops_when_hidden(panel, qtbot) -> None:
    panel.set_mode(Mode.BLINK)
    panel.hide()
    before = panel.canvas.right_is_shown
    qtbot.wait(1000)
    assert panel.canvas.right_is_shown == before


def test_overlay_at_its_ends_is_one_picture_alone(panel) -> None:
    panel.set_mode(Mode.OVERLAY)
    panel.opacity.setValue(0)
    only_left = pixels_of(panel.canvas)[40:]
    panel.set_mode(Mode.BLINK)
    assert (pixels_of(panel.canvas)[40:] == only_left).all()


def test_a_mode_shows_only_its_own_tools(panel) -> None:
    panel.set_mode(Mode.DIFFERENCE)
    assert not panel.opacity.isVisible()
    assert not panel.aligned.isVisible()
    panel.set_mode(Mode.OVERLAY)
    assert panel.opacity.isVisible()


def test_every_pixel_of_the_art_is_the_same_square(panel) -> None:
    panel.set_mode(Mode.BLINK)
    scale = panel.canvas.scale()
    assert scale == int(scale)
    assert scale >= 2
    shown = pixels_of(panel.canvas)
    canvas = panel.canvas
    side = int(64 * scale)
    top = round(28 + (canvas.height() - 28) / 2 - side / 2)
    left = round(canvas.width() / 2 - side / 2)
    art = shown[top : top + side, left : left + side]
    step = int(scale)
    middles = art[step // 2 :: step, step // 2 :: step]
    blocks = middles.repeat(step, 0).repeat(step, 1)
    opaque = (render(7, 0)[..., 3] == 255).repeat(step, 0).repeat(step, 1)
    # The picture's own border line takes its outermost pixels.
    opaque[[0, -1]] = opaque[:, [0, -1]] = False
    assert (art[opaque] == blocks[opaque]).all()
    assert (
        middles[render(7, 0)[..., 3] == 255][:, :3] == render(7, 0)[render(7, 0)[..., 3] == 255][:, :3]
    ).mean() > 0.98


def test_wheel_keeps_the_point_under_the_pointer_and_double_click_fits(panel, qtbot) -> None:
    canvas = panel.canvas
    fitted = canvas.scale()
    at = QPointF(210, 205)  # on the machine's hull, off the middle
    wheel = QWheelEvent(
        at, canvas.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    before = pixels_of(canvas)[205, 210].copy()
    QApplication.sendEvent(canvas, wheel)
    assert canvas.scale() > fitted
    assert (pixels_of(canvas)[205, 210] == before).all()
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert canvas.scale() == fitted


def test_as_they_are_the_larger_one_is_larger(panel, qtbot) -> None:
    aligned = panel.canvas.scale()
    panel.toggle_aligned()
    assert panel.canvas.scale() <= aligned / 2 + 1
    assert not panel.aligned.isChecked()


def test_colors_follow_the_theme(panel) -> None:
    try:
        theme.set_scheme("dark")
        dark = pixels_of(panel.canvas)[-1, -1]
        theme.set_scheme("light")
        assert (dark != pixels_of(panel.canvas)[-1, -1]).any()
    finally:
        theme.set_scheme("system")


def test_words_say_what_the_pictures_show(panel) -> None:
    assert panel.canvas.accessibleDescription() == "two coats"
    panel.show_pair(None)
    assert not panel.isEnabled()


def test_sprites_of_one_name_are_told_apart_by_their_folders(tmp_path) -> None:
    pictures = known_pictures()
    for folder, picture in (("old", "body.png"), ("new", "body-mirrored.png")):
        (tmp_path / "art" / folder).mkdir(parents=True)
        (tmp_path / "art" / folder / "hero.png").write_bytes(png_bytes(pictures[picture]))
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [tmp_path / "art"])
        left, right = workspace.sprites()
        shown = compare(workspace, PairRequest(left, right, Transform())).compared
        same = compare(workspace, PairRequest(left, left, Transform())).compared
    assert shown is not None
    assert {shown.left_name, shown.right_name} == {"old/hero.png", "new/hero.png"}
    assert same is not None
    assert same.left_name == same.right_name == "hero.png"
