"""Painting helpers: the checkerboard and chips of text."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen, QPixmap

from gandam_studio.qt import theme
from gandam_studio.qt.widgets.cell_painter import checker_brush

_tiles: dict[tuple[str, str, float], QPixmap] = {}


def _tile(ratio: float) -> QPixmap:
    colors = theme.colors()
    key = (colors["checker_a"], colors["checker_b"], ratio)
    if key not in _tiles:
        _tiles[key] = checker_brush(ratio).texture()
    return _tiles[key]


def draw_checkerboard(painter: QPainter, area: QRectF) -> None:
    """Fill an area (logical pixels) with the checkerboard that indicates transparency."""
    painter.drawTiledPixmap(area, _tile(painter.device().devicePixelRatio()))


def fitted_scale(picture: QSize, room: QSize, most: float = 64.0) -> float:
    """Device pixels per picture pixel such that the picture fits into `room` (device pixels).

    A whole number when enlarging, so that all pixels of pixel art have the same size.
    """
    if picture.isEmpty() or room.isEmpty():
        return 1.0
    scale = min(room.width() / picture.width(), room.height() / picture.height(), most)
    return float(int(scale)) if scale >= 1 else scale


CHIP_PADDING = 12
CHIP_GAP = 5


def chips_that_fit(widths: Sequence[int], more: int, room: int) -> int:
    """How many chips of these `widths` fit in a row, including one of width `more` if some do not fit."""
    shown, used = 0, 0
    for number, width in enumerate(widths, 1):
        used += width + CHIP_GAP
        if used - CHIP_GAP + (more + CHIP_GAP if number < len(widths) else 0) <= room:
            shown = number
    return shown


def draw_chip(painter: QPainter, corner: QPoint, text: str, color: str, *, solid: bool = False) -> QRect:
    """Draw a rounded label in a token's colour with its top left at `corner`; returns its rectangle."""
    metrics = QFontMetrics(painter.font())
    area = QRect(corner, QSize(metrics.horizontalAdvance(text) + CHIP_PADDING, metrics.height() + 4))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    # On the colour of a panel, so that the text stands out on a selected row too.
    for fill in (theme.color(color),) if solid else (theme.color("surface"), theme.color(color, 0.13)):
        painter.setBrush(fill)
        painter.drawRoundedRect(area, theme.RADIUS_SMALL, theme.RADIUS_SMALL)
    painter.setPen(QPen(theme.color("window") if solid else theme.color(color)))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
    return area
