"""Sprites on screen show the exact pixels: nearest neighbour, whole factors, turned and flipped as decided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QRect, QRectF
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap, QRegion
from PySide6.QtWidgets import QWidget
from small_workspaces import add_sprites, sprite_pixels

from gandam_studio.core.pictures.orienting import oriented
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, Rotate, SetCrop
from gandam_studio.core.workspace.review import page
from gandam_studio.qt import theme
from gandam_studio.qt.curate.gallery import Gallery
from gandam_studio.qt.widgets.cell_painter import OVERHANG, CellPainter, draw_picture, zoom_to_fit
from gandam_studio.qt.widgets.picture_cache import CellStyle, PictureCache, Wanted, image_from_rgba, load
from gandam_studio.qt.widgets.rows import Rows


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as made:
        add_sprites(made, list(range(3)))
        yield made


def _pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).copy()


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
@pytest.mark.parametrize(
    "decided",
    [[], [Flip([1])], [Rotate([1], 1)], [Flip([1]), Rotate([1], -1)], [SetCrop([1], (1, 2, 7, 5)), Rotate([1], 2)]],
)
def test_a_cell_shows_every_pixel_as_a_square_of_its_colour(
    qapp: object, workspace: Workspace, ratio: float, decided: list
) -> None:
    for edit in decided:
        workspace.apply(edit)
    sprite = workspace.sprite(1)
    side = 100
    canvas = QImage(round(side * ratio), round(side * ratio), QImage.Format.Format_ARGB32_Premultiplied)
    canvas.setDevicePixelRatio(ratio)
    canvas.fill(0)
    fit = int((side - 8) * ratio)
    painter = QPainter(canvas)
    pixmap = QPixmap.fromImage(image_from_rgba(workspace.pixels(sprite)))
    draw_picture(painter, QRectF(0, 0, side, side), sprite, (pixmap, 1.0), fit, ratio)
    painter.end()
    wanted = oriented(sprite_pixels(0), sprite.crop, sprite.rotation, sprite.flipped)
    wanted[wanted[..., 3] == 0] = 0
    factor = int(zoom_to_fit(wanted.shape[1], wanted.shape[0], fit))
    assert factor >= 5
    enlarged = wanted.repeat(factor, axis=0).repeat(factor, axis=1)
    shown = _pixels(canvas)
    rows, columns = np.nonzero(shown[..., 3])
    content = np.nonzero(enlarged[..., 3])
    top, left = rows.min() - content[0].min(), columns.min() - content[1].min()
    part = shown[top : top + enlarged.shape[0], left : left + enlarged.shape[1]]
    assert np.array_equal(part, enlarged)
    assert abs((shown.shape[1] - enlarged.shape[1]) / 2 - left) <= 1, "in the middle"


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_a_turned_picture_is_kept_pixel_by_pixel(qapp, workspace: Workspace, turns: int, flip: bool) -> None:
    from dataclasses import replace

    sprite = replace(workspace.sprite(1), rotation=turns, flipped=flip)
    cells = CellPainter(100, 1.0, qapp.font())
    pixmap = QPixmap.fromImage(image_from_rgba(workspace.pixels(sprite)))
    wanted = oriented(workspace.pixels(sprite), None, turns, flip)
    assert np.array_equal(_pixels(cells.turned(sprite, pixmap).toImage()), wanted)
    assert cells.turned(sprite, pixmap) is cells.turned(sprite, pixmap)
    other = replace(sprite, flipped=not flip)
    assert np.array_equal(
        _pixels(cells.turned(other, pixmap).toImage()), oriented(workspace.pixels(sprite), None, turns, not flip)
    )


def test_large_pictures_are_reduced_smoothly_and_small_ones_kept(workspace: Workspace, qapp: object) -> None:
    sprite = workspace.sprite(2)
    kept = load(workspace, Wanted(sprite, 40))
    assert (kept.image.width(), kept.image.height(), kept.scale) == (10, 12, 1.0)
    reduced = load(workspace, Wanted(sprite, 6))
    assert reduced.image.height() == 6
    assert reduced.scale == pytest.approx(0.5)


def test_a_missing_thumbnail_is_made_again(workspace: Workspace, qapp: object) -> None:
    sprite = workspace.sprite(2)
    assert workspace.thumbnails.read(2) is None, "made without the importer"
    load(workspace, Wanted(sprite, 40))
    made = workspace.thumbnails.read(2)
    assert made is not None
    assert np.array_equal(made, workspace.pixels(sprite))


def test_a_picture_that_cannot_be_had_is_asked_for_once_only(workspace: Workspace, qtbot) -> None:
    sprite = workspace.sprite(3)
    workspace.originals.discard(sprite.blob)
    cache = PictureCache(workspace)
    with qtbot.waitSignal(cache.arrived):
        cache.want([Wanted(sprite, 50), Wanted(workspace.sprite(1), 50)])
    assert cache.get(sprite) is None
    assert cache.is_right(sprite, 50), "known to be absent"
    assert cache.get(workspace.sprite(1)) is not None
    cache.stop()


def test_dropped_kept_and_selected_cells_look_different(workspace: Workspace, qapp: object) -> None:
    from dataclasses import replace

    painter_of = CellPainter(96, 1.0, qapp.font())
    sprite = workspace.sprite(1)
    picture = (QPixmap.fromImage(image_from_rgba(workspace.pixels(sprite))), 1.0)
    looks = set()
    for status in ("undecided", "kept", "dropped"):
        for selected in (False, True):
            for flipped in (False, True):
                canvas = QImage(96, 120, QImage.Format.Format_ARGB32_Premultiplied)
                canvas.fill(theme.color("canvas"))
                painter = QPainter(canvas)
                shown = replace(sprite, status=status, reason="text" if status == "dropped" else "", flipped=flipped)
                painter_of.paint(
                    painter, canvas.rect(), shown, picture, selected=selected, current=False, focused=True, caption=True
                )
                painter.end()
                looks.add(_pixels(canvas).tobytes())
    assert len(looks) == 12


@pytest.mark.parametrize("selected", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_a_cell_drawn_by_the_loader_is_what_the_window_would_draw(
    workspace: Workspace, qtbot, qapp, ratio: float, selected: bool
) -> None:
    workspace.apply(Flip([1]))
    workspace.apply(Drop([1], "text"))
    sprite = workspace.sprite(1)
    cells = CellPainter(96, ratio, qapp.font())
    look = (selected, False, False, True)
    cache = PictureCache(workspace)
    with qtbot.waitSignal(cache.composed) as composed:
        cache.want([Wanted(sprite, cells.fit, CellStyle(cells.twin(), look, 116))])
    cache.stop()
    (drawn,) = composed.args[0]
    picture = cache.get(sprite)
    assert picture is not None
    assert np.array_equal(_pixels(drawn.whole), _pixels(cells.compose(sprite, picture, look, 116)))
    cells.keep(sprite, drawn.picture, look, drawn.whole)
    assert cells.whole(sprite, picture[0], look) is drawn.whole
    assert cells.whole(sprite, picture[0], (not selected, False, False, True)) is None


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 1.75, 2.0])
def test_a_cell_is_copied_pixel_by_pixel_wherever_it_stands(workspace: Workspace, qapp, ratio: float) -> None:
    sprite = workspace.sprite(1)
    cells = CellPainter(96, ratio, qapp.font())
    picture = (QPixmap.fromImage(image_from_rgba(workspace.pixels(sprite))), 1.0)
    whole = _pixels(cells.compose(sprite, picture, (False, False, False, True), 116))
    for x, y in [(8, 8), (9, 8), (8, 131), (113, 254), (111, 377)]:
        canvas = QImage(round(300 * ratio), round(600 * ratio), QImage.Format.Format_RGB32)
        canvas.setDevicePixelRatio(ratio)
        canvas.fill(theme.color("canvas"))
        painter = QPainter(canvas)
        cells.paint(
            painter, QRect(x, y, 96, 116), sprite, picture, selected=False, current=False, focused=False, caption=True
        )
        painter.end()
        left, top = round(x * ratio), round(y * ratio)
        found = _pixels(canvas)[top : top + len(whole), left : left + whole.shape[1]]
        assert np.array_equal(found, whole), (x, y)


def test_a_cell_is_painted_anew_with_what_extends_below_it(workspace: Workspace, qtbot) -> None:
    gallery = Gallery(workspace)
    qtbot.addWidget(gallery)
    gallery.resize(500, 400)
    gallery.show_order(workspace.select())
    with qtbot.waitExposed(gallery):
        gallery.show()
    qtbot.waitUntil(lambda: all(gallery.pictures.get(workspace.sprite(seq)) for seq in (1, 2, 3)))
    qtbot.wait(50)
    painted = Painted(gallery.viewport())
    for change in (lambda: gallery.show_changes(workspace.apply(Flip([2]))), lambda: gallery.go_to(1)):
        painted.regions.clear()
        change()
        qtbot.waitUntil(lambda: bool(painted.regions))
        changed = gallery.rect_of(1)
        below = changed.adjusted(0, 0, 0, OVERHANG)
        assert any(region.contains(changed.center()) for region in painted.regions)
        for region in painted.regions:
            if region.contains(changed.center()):
                assert region.intersected(below) == QRegion(below)
    gallery.pictures.stop()


class Painted(QObject):
    """Keeps what is painted of a widget."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.regions: list[QRegion] = []
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.regions.append(QRegion(event.region()))
        return False


def test_rows_read_before_an_edit_are_not_shown_after_it(workspace: Workspace) -> None:
    rows = Rows(workspace)
    rows.show(workspace.select())
    (wanted,) = rows.missing(range(3))
    early = page(workspace, wanted.seqs)
    workspace.apply(Flip([2]))
    rows.forget()
    rows.take(wanted, early)
    assert list(rows.known(range(3))) == [], "read too early"
    (wanted,) = rows.missing(range(3))
    rows.take(wanted, page(workspace, wanted.seqs))
    assert [sprite.flipped for sprite in rows.known(range(3))] == [False, True, False]
    assert rows.missing(range(3)) == []


def test_a_name_is_shortened_only_where_it_must_be(qapp) -> None:
    cells = CellPainter(96, 1.0, qapp.font())
    assert cells.elided("egg.png", 92) == "egg.png"
    long = cells.elided("a-very-long-name-of-a-sprite.png", 92)
    assert "…" in long
    assert cells.metrics.horizontalAdvance(long) <= 92
