"""One live plot: raw lines faint under smoothed ones, the shared cursor, a crosshair, clickable spikes.

The values come decimated from `core.curves` to about two points a pixel, so drawing costs the same for a run of a
hundred steps and of a hundred thousand, and no spike is ever averaged away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QFrame, QGraphicsItem, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.core.curves import SmoothedCurve
from gandam_studio.qt import theme
from gandam_studio.qt.train.legend import DASHES, Entry, Legend
from gandam_studio.qt.train.scales import Linear, SignedLog, short_number

SPIKE_REACH_PX = 7


@dataclass
class Series:
    """One line of a plot.

    Attributes:
        label: in the legend. curve: the values, by iteration.
        color: a theme token. dash: "solid", "dash" or "dot", so that lines differ in more than colour.
        to_axis, from_axis: iteration <-> position on the horizontal axis.
        reach: how many iterations back a value still counts as the one at the cursor.
    """

    label: str
    curve: SmoothedCurve
    color: str
    dash: str = "solid"
    to_axis: Callable[[np.ndarray], np.ndarray] = lambda x: x
    from_axis: Callable[[float], float] = lambda x: x
    reach: int = 64


class _View(pg.ViewBox):
    """Mouse gestures of a plot as signals; positions on the horizontal axis.

    Signals:
        scrubbed: the cursor was dragged or clicked here. hovered: the pointer is here (None: it left).
        zoomed: the wheel turned (centre, factor). panned: dragged with Shift or the middle button (distance).
        reset_asked: double click.
    """

    scrubbed = Signal(float)
    hovered = Signal(object)
    zoomed = Signal(float, float)
    panned = Signal(float)
    reset_asked = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseEnabled(False, False)
        self.setDefaultPadding(0)

    def mouseDragEvent(self, event, axis=None) -> None:
        """Left: scrub. Shift or middle: pan."""
        event.accept()
        here = self.mapToView(event.pos()).x()
        shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() == Qt.MouseButton.MiddleButton or shifted:
            self.panned.emit(self.mapToView(event.lastPos()).x() - here)
        elif event.button() == Qt.MouseButton.LeftButton:
            self.scrubbed.emit(here)

    def mouseClickEvent(self, event) -> None:
        """Click: put the cursor here. Double click: show the whole run."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        if event.double():
            self.reset_asked.emit()
        else:
            self.scrubbed.emit(self.mapToView(event.pos()).x())

    def wheelEvent(self, event, axis=None) -> None:
        """Zoom around the pointer."""
        event.accept()
        self.zoomed.emit(self.mapToView(event.pos()).x(), 0.85 ** (event.delta() / 120))

    def hoverEvent(self, event) -> None:
        """Tell where the pointer is."""
        if event.isExit():
            self.hovered.emit(None)
        else:
            self.hovered.emit(self.mapToView(event.pos()).x())


class _Axis(pg.AxisItem):
    """An axis with few, short labels; the vertical one asks the plot's scale where its ticks are."""

    def __init__(self, orientation: str, scale: Linear | SignedLog) -> None:
        super().__init__(orientation, maxTickLength=-4, showValues=True)
        self.scale_used = scale
        self.setStyle(tickTextOffset=3, autoExpandTextSpace=False)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list:
        """One level of ticks."""
        return [(1.0, self.scale_used.ticks(minVal, maxVal))]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Labels of the ticks."""
        return [short_number(0.0 if abs(v := self.scale_used.inverse(value)) < 1e-9 else v) for value in values]


class CurvePlot(QFrame):
    """A title with legend and values at the cursor, above a plot.

    Signals:
        scrubbed, hovered, zoomed, panned, reset_asked: see `_View`. spike_clicked: a mark was clicked (position).
    """

    scrubbed = Signal(float)
    hovered = Signal(object)
    zoomed = Signal(float, float)
    panned = Signal(float)
    reset_asked = Signal()
    spike_clicked = Signal(float)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._series: list[Series] = []
        self._lines: list[tuple[pg.PlotCurveItem, pg.PlotCurveItem]] = []
        self._scale: Linear | SignedLog = Linear()
        self._spikes = np.empty(0)
        self._position = 0.0
        self._range = (0.0, 1.0)
        self._show_raw = True
        self._make_plot()
        self.title = QLabel(title)
        self.title.setProperty("role", "title")
        self._legend = Legend()
        # The plots of a row are equally wide, whatever their titles say.
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, theme.HALF, theme.HALF, 2)
        layout.setSpacing(0)
        top = QVBoxLayout()
        top.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        top.setSpacing(0)
        top.addWidget(self.title)
        top.addWidget(self._legend)
        layout.addLayout(top)
        layout.addWidget(self._widget, 1)
        theme.notifier().changed.connect(self._dress)
        self._dress()

    def _make_plot(self) -> None:
        self._view = _View()
        self._y_axis = _Axis("left", self._scale)
        self._x_axis = _Axis("bottom", Linear())
        self._widget = pg.PlotWidget(viewBox=self._view, axisItems={"left": self._y_axis, "bottom": self._x_axis})
        self._widget.setMinimumSize(120, 80)
        self._widget.hideButtons()
        self._widget.setFrameShape(QFrame.Shape.NoFrame)
        self._y_axis.setWidth(38)
        self._x_axis.setHeight(18)
        self._cursor = pg.InfiniteLine(angle=90)
        self._crosshair = pg.InfiniteLine(angle=90)
        self._crosshair.hide()
        self._marks = pg.ScatterPlotItem(symbol="t1", size=8, pen=None)
        for item in (self._cursor, self._crosshair, self._marks):
            item.setZValue(10)
            self._widget.addItem(item, ignoreBounds=True)
        self._view.scrubbed.connect(self._scrub)
        self._view.hovered.connect(self._hover)
        self._view.zoomed.connect(self.zoomed)
        self._view.panned.connect(self.panned)
        self._view.reset_asked.connect(self.reset_asked)

    # What is shown

    def set_series(self, series: list[Series]) -> None:
        """Show these lines instead of the present ones."""
        for lines in self._lines:
            for line in lines:
                self._widget.removeItem(line)
        self._series = series
        self._lines = []
        for _ in series:
            raw, smooth = pg.PlotCurveItem(), pg.PlotCurveItem()
            smooth.setZValue(5)
            for line in (raw, smooth):
                # The cursor moves over them sixty times a second: they are drawn once and kept as pictures.
                line.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
                self._widget.addItem(line, ignoreBounds=True)
            self._lines.append((raw, smooth))
        self._dress()
        self.refresh()

    def set_log(self, log: bool) -> None:
        """Logarithmic or plain vertical axis."""
        self._scale = SignedLog() if log else Linear()
        self._y_axis.scale_used = self._scale
        self._y_axis.picture = None
        self.refresh()

    @property
    def is_log(self) -> bool:
        """True while the vertical axis is logarithmic."""
        return isinstance(self._scale, SignedLog)

    def set_show_raw(self, show: bool) -> None:
        """Show the raw lines under the smoothed ones, or only these."""
        self._show_raw = show
        self.refresh()

    def set_range(self, low: float, high: float) -> None:
        """Show this part of the horizontal axis."""
        self._range = (low, max(high, low + 1))
        self.refresh()

    def set_spikes(self, positions: Sequence[float]) -> None:
        """Mark these on the axis."""
        self._spikes = np.asarray(positions, np.float64)
        self._place_marks()

    def set_position(self, position: float) -> None:
        """Move the cursor; the legend tells the values there."""
        self._position = position
        self._cursor.setPos(position)
        self._tell_values()

    def refresh(self) -> None:
        """Draw the visible part anew: the data have grown, or another part is shown."""
        low, high = self._range
        points = max(60, int(self._widget.width()))
        least, most = np.inf, -np.inf
        for series, (raw, smooth) in zip(self._series, self._lines, strict=True):
            first, last = series.from_axis(low), series.from_axis(high)
            shown = series.curve.raw if self._show_raw else series.curve.smooth
            x, y = shown.window(first, last, points)
            raw.setVisible(self._show_raw and series.curve.half_life > 0)
            if raw.isVisible():
                raw.setData(series.to_axis(x), self._scale.forward(y))
            sx, sy = series.curve.smooth.window(first, last, points)
            smooth.setData(series.to_axis(sx), self._scale.forward(sy))
            if len(y):
                least, most = min(least, float(y.min())), max(most, float(y.max()))
        self._view.setXRange(low, high, padding=0)
        if least <= most:
            bottom, top = (float(self._scale.forward(np.float64(value))) for value in (least, most))
            margin = 0.06 * (top - bottom) or 0.5
            self._view.setYRange(bottom - margin, top + margin, padding=0)
        self._place_marks()
        self._tell_values()

    def _place_marks(self) -> None:
        bottom, top = self._view.viewRange()[1]
        low, high = self._range
        visible = self._spikes[(self._spikes >= low) & (self._spikes <= high)]
        self._marks.setData(visible, np.full(len(visible), bottom + 0.045 * (top - bottom)))

    def _tell_values(self) -> None:
        summary, legend = [], []
        for series in self._series:
            value = series.curve.smooth.value_at(round(series.from_axis(self._position)), series.reach)
            text = "–" if value is None else f"{value:.3g}"
            legend.append(Entry(series.label, series.color, series.dash, text))
            summary.append(f"{series.label} {text}")
        self._legend.show_entries(legend)
        # A plot says nothing to a screen reader; its values at the cursor do.
        self.setAccessibleName(f"{self.title.text()}: {', '.join(summary)}")
        self._legend.setToolTip(", ".join(summary))

    # Gestures

    def _scrub(self, position: float) -> None:
        if len(self._spikes):
            nearest = float(self._spikes[np.abs(self._spikes - position).argmin()])
            reach = abs(
                self._view.mapSceneToView(QPointF(SPIKE_REACH_PX, 0)).x() - self._view.mapSceneToView(QPointF(0, 0)).x()
            )
            if abs(nearest - position) <= reach and self._is_low():
                self.spike_clicked.emit(nearest)
                return
        self.scrubbed.emit(position)

    def _is_low(self) -> bool:
        """Whether the pointer is in the lowest part of the plot, where the spikes' marks are."""
        here = self._widget.mapFromGlobal(self._widget.cursor().pos())
        return here.y() > self._widget.height() - self._x_axis.height() - 22

    def _hover(self, position: float | None) -> None:
        self._crosshair.setVisible(position is not None)
        if position is not None:
            self._crosshair.setPos(position)
        self.hovered.emit(position)

    def show_crosshair(self, position: float | None) -> None:
        """The pointer hovers over another plot: mark the same place here."""
        self._crosshair.setVisible(position is not None)
        if position is not None:
            self._crosshair.setPos(position)

    # Look

    def _dress(self) -> None:
        self._widget.setBackground(theme.color("surface"))
        for axis in (self._x_axis, self._y_axis):
            axis.setPen(QPen(theme.color("border")))
            axis.setTextPen(QPen(theme.color("secondary")))
            axis.setTickFont(_small(self))
        self._cursor.setPen(_pen(theme.color("accent"), 1.4))
        self._crosshair.setPen(_pen(theme.color("muted"), 1.0, Qt.PenStyle.DotLine))
        self._marks.setBrush(theme.color("warning"))
        for series, (raw, smooth) in zip(self._series, self._lines, strict=True):
            raw.setPen(_pen(theme.color(series.color, 0.32), 1.0))
            smooth.setPen(_pen(theme.color(series.color), 1.7, DASHES[series.dash]))
            smooth.opts["antialias"] = True
        self._tell_values()

    def resizeEvent(self, event) -> None:
        """Another width shows another number of points."""
        super().resizeEvent(event)
        self.refresh()


def _small(widget: QWidget):
    font = widget.font()
    font.setPixelSize(10)
    return font


def _pen(color: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    pen = QPen(color, width, style)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen
