"""Where a plot's lines are drawn: once into a picture, over which cursor, crosshair and spikes' marks move cheaply.

Own painting instead of a plot library's scene: beside a training run every turn of the event loop must stay under a
few milliseconds, and the lines arrive decimated to two points a pixel anyway (see `core.curves`).
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

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event, painting
from gandam_studio.qt.widgets.plots.legend import DASHES
from gandam_studio.qt.widgets.plots.scales import Linear, SignedLog, short_number

LEFT, BOTTOM, TOP, RIGHT = 42, 18, 3, 5
SPIKE_REACH_PX = 7
MARKS_PX = 13
"""Height of the strip above the horizontal axis that holds the spikes' marks."""
CLICK_PX = 3


@dataclass(frozen=True)
class Line:
    """What is drawn of one curve: x on the horizontal axis, y on the vertical scale, both (n,) and finite.

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
    """Everything a picture of the lines depends on; axes are (low, high), `y_range` on the vertical scale."""

    lines: list[Line] = field(default_factory=list)
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    scale: Linear | SignedLog = field(default_factory=Linear)


class PlotCanvas(QWidget):
    """Paints a `Drawing`, asking for it only when it is stale and visible; turns the mouse into positions.

    Signals:
        scrubbed: the cursor was dragged or clicked here. hovered: the pointer is here (None: it left).
        zoomed: the wheel turned (centre, factor). panned: dragged with Shift or the middle button (distance).
        reset_asked: double click. spike_clicked: a mark was clicked (position).
    """

    scrubbed = Signal(float)
    hovered = Signal(object)
    zoomed = Signal(float, float)
    panned = Signal(float)
    reset_asked = Signal()
    spike_clicked = Signal(float)

    def __init__(self, draw: Callable[[int], Drawing], parent: QWidget | None = None) -> None:
        """`draw(width)` answers what to show on so many pixels."""
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
        """Wide rather than high."""
        return QSize(300, 130)

    # What is shown

    def redraw(self) -> None:
        """The lines are other ones now: ask for them when next painted."""
        self._stale = True
        self.update()

    @property
    def drawing(self) -> Drawing:
        """What is shown, brought up to date."""
        if self._stale:
            self.prepare()
        return self._drawing

    def prepare(self) -> None:
        """Ask for the lines now and paint them when next painted: each takes a turn of the event loop of its own."""
        self._drawing = self._draw(max(1, round(self._area().width())))
        self._stale = False
        self._picture = None

    @property
    def cursor_position(self) -> float:
        """Where the cursor stands, on the horizontal axis."""
        return self._cursor

    @property
    def crosshair(self) -> float | None:
        """Where the pointer hovers over this or another plot; None: nowhere."""
        return self._crosshair

    def set_cursor_position(self, position: float) -> None:
        """Move the cursor."""
        if position != self._cursor:
            self._update_column(self._cursor)
            self._cursor = position
            self._update_column(position)

    def set_crosshair(self, position: float | None) -> None:
        """Show the crosshair somewhere else, or not at all."""
        for one in (self._crosshair, position):
            if one is not None:
                self._update_column(one)
        self._crosshair = position

    def set_spikes(self, positions: np.ndarray) -> None:
        """Mark these (n,) on the axis."""
        self._spikes = positions
        self.update()

    def _update_column(self, position: float) -> None:
        x = self.x_of(position)
        if -2 <= x <= self.width() + 2:
            self.update(QRect(math.floor(x) - 2, 0, 5, self.height()))

    # Places

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
        """Copy the picture of the lines; paint what moves over it."""
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
        # More than one mark every three pixels could not be told apart.
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
                    painter.drawPolyline(polygon(x, self._y_of(line.y)))
        return picture

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
        for tick in Linear().ticks(low, high):
            x = area.left() + (tick - low) / (high - low or 1.0) * area.width()
            label = _label(short_number(tick), family)
            width = label.size().width()
            left = min(x - width / 2, self.width() - width - 1)
            painter.drawStaticText(QPointF(left, area.bottom() + 3), label)

    # Gestures

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Left: scrub, or show a spike. Shift or middle: begin to pan."""
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
        """Scrub or pan while a button is held; otherwise tell where the pointer is."""
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
            # The axis has moved under the pointer, so that the same position is still held.
            self._dragged_from = self.position_at(event.position().x())
        elif self._dragged_from is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.scrubbed.emit(here)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._dragged_from, self._panning = None, False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the whole run."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the pointer."""
        turned = event.angleDelta().y() or event.pixelDelta().y()
        if turned:
            self.zoomed.emit(self.position_at(event.position().x()), 0.85 ** (turned / 120))
        event.accept()

    def leaveEvent(self, event) -> None:
        """The pointer hovers nowhere now."""
        self.set_crosshair(None)
        self.hovered.emit(None)


@functools.cache
def _small(family: str) -> QFont:
    """The axes' font."""
    font = QFont(family)
    font.setPixelSize(10)
    return font


@functools.lru_cache(maxsize=256)
def _label(text: str, family: str) -> QStaticText:
    """A number at an axis, laid out once."""
    label = QStaticText(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    label.prepare(QTransform(), _small(family))
    return label


def polygon(x: np.ndarray, y: np.ndarray) -> QPolygonF:
    """Points (n,), (n,) as Qt's own array, by way of its serialised form: building QPointFs takes ten times as long."""
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
