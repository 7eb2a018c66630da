"""The plot area: lines are drawn once into a pixmap, and cursor, crosshair and spike marks are painted over it.

Painted directly instead of with a plotting library, because beside a training run every iteration of the event loop
must take only a few milliseconds, and the lines arrive decimated to two points per pixel (see `core.curves`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QStaticText,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gandam_studio.core.runs.scales import Linear, SignedLog, short_number
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event, painting
from gandam_studio.qt.widgets.plots.legend import DASHES

LEFT, BOTTOM, TOP, RIGHT = 42, 18, 3, 5
SPIKE_REACH_PX = 7
MARKS_PX = 13
"""Height of the strip above the horizontal axis for the spike marks."""
CLICK_PX = 3
POINT_PX = 3.0


@dataclass(frozen=True)
class Line:
    """A line to draw: x on the horizontal axis, y on the vertical scale, both (n,) and finite.

    Attributes:
        color: a theme token, painted with `alpha`. width: pixels. dash: see `legend.DASHES`. smooth: antialiased.
    """

    x: np.ndarray
    y: np.ndarray
    color: str
    alpha: float = 1.0
    width: float = 1.0
    dash: str = "solid"
    smooth: bool = False


@dataclass
class Drawing:
    """All inputs of the pixmap of lines; ranges are (low, high), `y_range` on the vertical scale."""

    lines: list[Line] = field(default_factory=list)
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    scale: Linear | SignedLog = field(default_factory=Linear)


class PlotCanvas(QWidget):
    """Paints a `Drawing`, fetched only if outdated and visible; converts mouse events to positions.

    Signals:
        scrubbed: clicked or dragged (position). hovered: the pointer moved (position, None: it left).
        zoomed: the wheel was turned (centre, factor). panned: dragged with Shift or the middle button (distance).
        reset_requested: double-clicked. spike_clicked: a mark was clicked (position).
    """

    scrubbed = Signal(float)
    hovered = Signal(object)
    zoomed = Signal(float, float)
    panned = Signal(float)
    reset_requested = Signal()
    spike_clicked = Signal(float)

    def __init__(self, draw: Callable[[int], Drawing], parent: QWidget | None = None) -> None:
        """`draw(width)` returns the drawing for a width in pixels."""
        super().__init__(parent)
        self._draw = draw
        self._drawing = Drawing()
        self._stale = True
        self._picture: QPixmap | None = None
        self._picture_for: tuple | None = None
        self._spikes = np.empty(0)
        self._cursor = 0.0
        self._crosshair: float | None = None
        self._dragged_from: float | None = None
        self._panning = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setMinimumSize(120, 64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.notifier().changed.connect(self.redraw)

    def sizeHint(self) -> QSize:
        """A wide size."""
        return QSize(300, 130)

    # Content

    def redraw(self) -> None:
        """Mark the lines as outdated: they are fetched at the next paint."""
        self._stale = True
        self.update()

    @property
    def drawing(self) -> Drawing:
        """The current drawing, fetched if outdated."""
        if self._stale:
            self.prepare()
        return self._drawing

    def prepare(self) -> None:
        """Fetch the lines now, so that the next paint happens in a separate iteration of the event loop."""
        self._drawing = self._draw(max(1, round(self._area().width())))
        self._stale = False
        self._picture = None

    @property
    def cursor_position(self) -> float:
        """Position of the cursor on the horizontal axis."""
        return self._cursor

    @property
    def crosshair(self) -> float | None:
        """Position hovered in this or another plot, or None."""
        return self._crosshair

    def set_cursor_position(self, position: float) -> None:
        """Move the cursor."""
        if position != self._cursor:
            self._update_column(self._cursor)
            self._cursor = position
            self._update_column(position)

    def set_crosshair(self, position: float | None) -> None:
        """Move the crosshair; None hides it."""
        for one in (self._crosshair, position):
            if one is not None:
                self._update_column(one)
        self._crosshair = position

    def set_spikes(self, positions: np.ndarray) -> None:
        """Mark spikes (n,) on the axis."""
        self._spikes = positions
        self.update()

    def _update_column(self, position: float) -> None:
        x = self.x_of(position)
        if -2 <= x <= self.width() + 2:
            self.update(QRect(math.floor(x) - 2, 0, 5, self.height()))

    # Coordinates

    def _area(self) -> QRectF:
        return QRectF(LEFT, TOP, max(1, self.width() - LEFT - RIGHT), max(1, self.height() - TOP - BOTTOM))

    def x_of(self, position: float) -> float:
        """Pixel column of a position."""
        low, high = self._drawing.x_range
        area = self._area()
        return area.left() + (position - low) / (high - low or 1.0) * area.width()

    def position_at(self, x: float) -> float:
        """Position under a pixel column."""
        low, high = self._drawing.x_range
        area = self._area()
        return low + (x - area.left()) / area.width() * (high - low)

    def _y_of(self, values: np.ndarray | float) -> Any:
        low, high = self._drawing.y_range
        area = self._area()
        return area.bottom() - (values - low) / (high - low or 1.0) * area.height()

    def spike_at(self, point: QPointF) -> float | None:
        """The spike whose mark is under a point, or None."""
        area = self._area()
        if not len(self._spikes) or not area.bottom() - MARKS_PX - 4 <= point.y() <= self.height():
            return None
        nearest = float(self._spikes[np.abs(self._spikes - self.position_at(point.x())).argmin()])
        return nearest if abs(self.x_of(nearest) - point.x()) <= SPIKE_REACH_PX else None

    # Painting

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Copy the pixmap of the lines and paint the moving parts over it."""
        drawing = self.drawing
        ratio = self.devicePixelRatioF()
        key = (self.width(), self.height(), ratio)
        if self._picture is None or self._picture_for != key:
            self._picture, self._picture_for = self._paint_lines(drawing, ratio), key
        part = event.rect()
        source = QRectF(part.x() * ratio, part.y() * ratio, part.width() * ratio, part.height() * ratio)
        painter.drawPixmap(QRectF(part), self._picture, source)
        area = self._area()
        low, high = drawing.x_range
        if self._crosshair is not None and low <= self._crosshair <= high:
            painter.setPen(_pen("muted", 1.0, Qt.PenStyle.DotLine))
            x = self.x_of(self._crosshair)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_marks(painter, area)
        if low <= self._cursor <= high:
            painter.setPen(_pen("accent", 1.4))
            x = self.x_of(self._cursor)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))

    def _paint_marks(self, painter: QPainter, area: QRectF) -> None:
        low, high = self._drawing.x_range
        visible = self._spikes[(self._spikes >= low) & (self._spikes <= high)]
        if not len(visible):
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("warning"))
        bottom = area.bottom() - 1
        # At most one mark per three pixels can be distinguished.
        for x in np.unique(np.round((area.left() + (visible - low) / (high - low) * area.width()) / 3)) * 3:
            x = float(x)
            painter.drawPolygon(QPolygonF([QPointF(x - 4, bottom), QPointF(x + 4, bottom), QPointF(x, bottom - 7)]))

    def _paint_lines(self, drawing: Drawing, ratio: float) -> QPixmap:
        picture = QPixmap(math.ceil(self.width() * ratio), math.ceil(self.height() * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.color("surface"))
        with painting(picture) as painter:
            area = self._area()
            self._paint_axes(painter, drawing, area)
            painter.setClipRect(area)
            low, high = drawing.x_range
            for line in drawing.lines:
                if len(line.x):
                    painter.setRenderHint(QPainter.RenderHint.Antialiasing, line.smooth)
                    painter.setPen(_pen(line.color, line.width, DASHES[line.dash], line.alpha))
                    x = area.left() + (line.x - low) / (high - low or 1.0) * area.width()
                    y = self._y_of(line.y)
                    if len(x) == 1:
                        self._paint_point(painter, QPointF(float(x[0]), float(y[0])), theme.color(line.color))
                    else:
                        painter.drawPolyline(polygon(x, y))
        return picture

    @staticmethod
    def _paint_point(painter: QPainter, place: QPointF, color: QColor) -> None:
        """A dot for a curve of one value, which has no line."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(place, POINT_PX, POINT_PX)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_axes(self, painter: QPainter, drawing: Drawing, area: QRectF) -> None:
        family = self.font().family()
        painter.setFont(_small(family))
        grid, text = _pen("grid", 1.0), QPen(theme.color("secondary"))
        for tick in drawing.scale.ticks(*drawing.y_range):
            y = round(float(self._y_of(tick))) + 0.5
            painter.setPen(grid)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(text)
            value = drawing.scale.inverse(tick)
            label = _label(short_number(0.0 if abs(value) < 1e-9 else value), family)
            top = min(max(0.0, y - 7), area.bottom() - 11)
            painter.drawStaticText(QPointF(LEFT - 5 - label.size().width(), top), label)
        painter.setPen(_pen("border_strong", 1.0))
        painter.drawLine(QPointF(area.left(), area.bottom() + 0.5), QPointF(area.right(), area.bottom() + 0.5))
        painter.setPen(text)
        low, high = drawing.x_range
        free = 0.0
        for tick in Linear().ticks(low, high):
            x = area.left() + (tick - low) / (high - low or 1.0) * area.width()
            label = _label(short_number(tick), family)
            width = label.size().width()
            left = min(x - width / 2, self.width() - width - 1)
            if left < free:  # in a narrow plot, rather fewer numbers than one over the other
                continue
            free = left + width + 4
            painter.drawStaticText(QPointF(left, area.bottom() + 3), label)

    # Gestures

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Left: scrub or click a spike. Shift or middle button: start panning."""
        shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._panning = event.button() == Qt.MouseButton.MiddleButton or shifted
        x = event.position().x()
        self._dragged_from = self.position_at(x)
        if event.button() != Qt.MouseButton.LeftButton or self._panning:
            return
        if (spike := self.spike_at(event.position())) is not None:
            self._dragged_from = None
            self.spike_clicked.emit(spike)
        else:
            self.scrubbed.emit(self._dragged_from)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub or pan while a button is pressed, otherwise hover."""
        here = self.position_at(event.position().x())
        if event.buttons() == Qt.MouseButton.NoButton:
            self._dragged_from = None
            over = self.spike_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.CrossCursor)
            inside = LEFT - CLICK_PX <= event.position().x() <= self.width() - RIGHT + CLICK_PX
            position = here if inside else None
            self.set_crosshair(position)
            self.hovered.emit(position)
        elif self._dragged_from is not None and self._panning:
            self.panned.emit(self._dragged_from - here)
            # The axis moved along with the pointer, so the grabbed position is unchanged.
            self._dragged_from = self.position_at(event.position().x())
        elif self._dragged_from is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.scrubbed.emit(here)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Stop scrubbing or panning."""
        self._dragged_from, self._panning = None, False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Reset the zoom."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset_requested.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the pointer."""
        turned = event.angleDelta().y() or event.pixelDelta().y()
        if turned:
            self.zoomed.emit(self.position_at(event.position().x()), 0.85 ** (turned / 120))
        event.accept()

    def leaveEvent(self, event) -> None:
        """End hovering."""
        self.set_crosshair(None)
        self.hovered.emit(None)


@functools.cache
def _small(family: str) -> QFont:
    """The font of the axes."""
    font = QFont(family)
    font.setPixelSize(10)
    return font


@functools.lru_cache(maxsize=256)
def _label(text: str, family: str) -> QStaticText:
    """A laid-out axis label, cached."""
    label = QStaticText(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    label.prepare(QTransform(), _small(family))
    return label


def polygon(x: np.ndarray, y: np.ndarray) -> QPolygonF:
    """Points (n,), (n,) as a QPolygonF, built through its serialised form, ten times faster than from QPointFs."""
    count = len(x)
    raw = np.empty((count, 2), ">f8")
    raw[:, 0], raw[:, 1] = x, y
    stream = QDataStream(QByteArray(count.to_bytes(4, "big") + raw.tobytes()))
    points = QPolygonF()
    stream >> points
    return points


def _pen(token: str, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine, alpha: float = 1.0) -> QPen:
    return _made_pen(theme.colors()[token], width, style, alpha)


@functools.lru_cache(maxsize=128)
def _made_pen(color: str, width: float, style: Qt.PenStyle, alpha: float) -> QPen:
    value = QColor(color)
    value.setAlphaF(alpha)
    pen = QPen(value, width, style)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen
