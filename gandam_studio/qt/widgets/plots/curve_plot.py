"""A live plot: raw lines faint under smoothed ones, shared cursor, crosshair, clickable spikes.

Values arrive decimated from `core.curves` to about two points per pixel, so the cost of drawing does not depend on
the length of the run, and spikes are never averaged away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.core.runs.curves import SmoothedCurve
from gandam_studio.core.runs.scales import Linear, SignedLog
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.outside_text import OutsideLabel
from gandam_studio.qt.widgets.plots.legend import Entry, Legend
from gandam_studio.qt.widgets.plots.plot_canvas import Drawing, Line, PlotCanvas

RAW_ALPHA = 0.32


@dataclass
class Series:
    """One line of a plot.

    Attributes:
        label: text in the legend. curve: the values, by iteration.
        color: a theme token. dash: "solid", "dash" or "dot", so that lines differ in more than colour.
        to_axis, from_axis: iteration <-> position on the horizontal axis.
        reach: maximum age of the value shown at the cursor, iterations.
    """

    label: str
    curve: SmoothedCurve
    color: str
    dash: str = "solid"
    to_axis: Callable[[np.ndarray], np.ndarray] = lambda x: x
    from_axis: Callable[[float], float] = lambda x: x
    reach: int = 64


class CurvePlot(QFrame):
    """A plot with its title, and a legend with the values at the cursor.

    Attributes:
        canvas: the plot area; its signals are the plot's gestures.

    Signals:
        scrubbed, hovered, zoomed, panned, reset_requested, spike_clicked: see `PlotCanvas`.
    """

    scrubbed = Signal(float)
    hovered = Signal(object)
    zoomed = Signal(float, float)
    panned = Signal(float)
    reset_requested = Signal()
    spike_clicked = Signal(float)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._series: list[Series] = []
        self._scale: Linear | SignedLog = Linear()
        self._range = (0.0, 1.0)
        self._show_raw = True
        self.canvas = PlotCanvas(self._drawing)
        for name in ("scrubbed", "hovered", "zoomed", "panned", "reset_requested", "spike_clicked"):
            getattr(self.canvas, name).connect(getattr(self, name))
        self.title = OutsideLabel(title, elide=Qt.TextElideMode.ElideRight)
        self.title.setProperty("role", "title")
        self.legend = Legend()
        # The plots of a row have the same width, independent of their titles.
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, theme.HALF, theme.HALF, 2)
        layout.setSpacing(0)
        top = QVBoxLayout()
        top.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        top.setSpacing(0)
        top.addWidget(self.title)
        top.addWidget(self.legend)
        layout.addLayout(top)
        layout.addWidget(self.canvas, 1)

    # Content

    def set_series(self, series: list[Series]) -> None:
        """Replace the lines."""
        self._series = series
        self.refresh()

    def explain(self, text: str) -> None:
        """Set the tool tip of title and legend: what the lines are, and what good and bad look like."""
        for widget in (self.title, self.legend):
            widget.setToolTip(text)
        self.setAccessibleDescription(text)

    def set_log(self, log: bool) -> None:
        """Set a logarithmic or linear vertical axis."""
        self._scale = SignedLog() if log else Linear()
        self.canvas.redraw()

    @property
    def is_log(self) -> bool:
        """Whether the vertical axis is logarithmic."""
        return isinstance(self._scale, SignedLog)

    def set_show_raw(self, show: bool) -> None:
        """Show or hide the raw lines under the smoothed ones."""
        self._show_raw = show
        self.canvas.redraw()

    @property
    def shown_range(self) -> tuple[float, float]:
        """The visible range of the horizontal axis: (low, high)."""
        return self._range

    def set_range(self, low: float, high: float) -> None:
        """Set the visible range of the horizontal axis."""
        self._range = (low, max(high, low + 1))
        self.canvas.redraw()

    def prepare(self, low: float, high: float) -> None:
        """Set the range and fetch the newest data, but paint it only with `show_prepared`."""
        self._range = (low, max(high, low + 1))
        self.canvas.prepare()

    def show_prepared(self, position: float) -> None:
        """Paint what was prepared, with the cursor at a position."""
        self.set_position(position)
        self.canvas.update()

    def set_spikes(self, positions: Sequence[float]) -> None:
        """Mark spikes on the axis."""
        self.canvas.set_spikes(np.asarray(positions, np.float64))

    def set_position(self, position: float) -> None:
        """Move the cursor and show the values there."""
        self.canvas.set_cursor_position(position)
        self._show_values()

    def show_crosshair(self, position: float | None) -> None:
        """Mark the position hovered in another plot; None removes the mark."""
        self.canvas.set_crosshair(position)

    def refresh(self) -> None:
        """Redraw with new data and update the values at the cursor."""
        self.canvas.redraw()
        self._show_values()

    def raw_and_smooth(self, series: Series, width: int) -> tuple[Line | None, Line]:
        """The lines of a series for a width in pixels: raw (None: not shown) and smoothed."""
        first, last = (series.from_axis(end) for end in self._range)
        curve = series.curve
        raw = None
        smoothed = curve.half_life > 0
        if self._show_raw and smoothed:
            x, y = curve.raw.window(first, last, max(60, width))
            # Dense lines form a band, where antialiasing would only cost time.
            dense = len(x) > width // 4
            raw = Line(series.to_axis(x), self._scale.forward(y), series.color, RAW_ALPHA, smooth=not dense)
        # A smoothed line needs one value per pixel; an unsmoothed one keeps minima and maxima, to show spikes.
        x, y = curve.smooth.window(first, last, max(60, width), middle=smoothed)
        smooth = Line(series.to_axis(x), self._scale.forward(y), series.color, 1.0, 1.7, series.dash, smooth=True)
        return raw, smooth

    def _drawing(self, width: int) -> Drawing:
        pairs = [self.raw_and_smooth(series, width) for series in self._series]
        lines = [raw for raw, _ in pairs if raw is not None] + [smooth for _, smooth in pairs]
        low, high = self._range
        # Lines extend beyond the edges; only the visible part determines the vertical axis.
        seen = [line.y[(line.x >= low) & (line.x <= high)] for line in lines]
        filled = [y for y in seen if len(y)]
        if not filled:
            return Drawing(lines, self._range, (0.0, 1.0), self._scale)
        bottom, top = min(float(y.min()) for y in filled), max(float(y.max()) for y in filled)
        margin = 0.06 * (top - bottom) or 0.5
        return Drawing(lines, self._range, (bottom - margin, top + margin), self._scale)

    def _show_values(self) -> None:
        summary, legend = [], []
        for series in self._series:
            at = round(series.from_axis(self.canvas.cursor_position))
            value = series.curve.smooth.value_at(at, series.reach)
            text = "–" if value is None else f"{value:.3g}"
            legend.append(Entry(series.label, series.color, series.dash, text))
            summary.append(f"{series.label} {text}")
        if self.legend.show_entries(legend):
            # For screen readers: the values at the cursor.
            text = ", ".join(summary)
            self.setAccessibleName(f"{self.title.text()}: {text}")
            self.legend.setToolTip(text)
