"""Plots of a run with a common horizontal axis, smoothing, scale, zoom and hover."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from gandam_studio.core.runs.record import RunRecord
from gandam_studio.qt import icons, theme
from gandam_studio.qt.widgets.plots.curve_plot import CurvePlot, Series
from gandam_studio.qt.widgets.plots.plot_specs import PlotSpec
from gandam_studio.qt.widgets.plots.timeline import Timeline

REDRAW_MS = 100
"""Delay of a redraw after a pause in the data; the cursor moves at once."""
REST_S = (1.0, 3.0)
"""Minimum time between redraws for continuous data: if lines move by half a pixel or more, and if by less."""
HALF_LIVES = (0, 5, 10, 20, 50, 100, 200, 500, 1000)


class PlotPanel(QWidget):
    """Several `CurvePlot`s that share axis, cursor and crosshair.

    Signals:
        spike_clicked: a spike's mark was clicked (position).
    """

    spike_clicked = Signal(float)

    def __init__(self, timeline: Timeline, columns: int = 4, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline = timeline
        self._columns = columns
        self._records: list[RunRecord] = []
        self._zoom: tuple[float, float] | None = None
        self.plots: list[CurvePlot] = []
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.SPACE)
        # New data redraws one plot after the other, each in two iterations of the event loop (fetching lines,
        # painting), to keep the window responsive.
        self._waiting: list[CurvePlot] = []
        self._prepared: CurvePlot | None = None
        self._redraw = QTimer(self)
        self._redraw.timeout.connect(self._draw_next)
        self._drawn_to, self._drawn_at = -1.0, 0.0
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._draw_all_soon)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.HALF)
        layout.addLayout(self._make_tools())
        layout.addLayout(self._grid, 1)
        timeline.moved.connect(self._move_cursor)
        timeline.extended.connect(self.schedule)

    def _make_tools(self) -> QHBoxLayout:
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, len(HALF_LIVES) - 1)
        self.smoothing.setValue(HALF_LIVES.index(50))
        self.smoothing.setFixedWidth(110)
        self.smoothing.setAccessibleName(self.tr("Smoothing"))
        self.smoothing.valueChanged.connect(self._smooth)
        self._smoothing_label = QLabel()
        self._smoothing_label.setProperty("role", "secondary")
        self.log_button = self._toggle(
            self.tr("Log scale"),
            self.tr("Logarithmic vertical axes: small and large values are seen together"),
            self._set_log,
        )
        self.raw_button = self._toggle(
            self.tr("Raw"), self.tr("Also show the values as measured, faint below the smoothed ones"), self._set_raw
        )
        self.raw_button.setChecked(True)
        self.reset_button = QToolButton()
        self.reset_button.setText(self.tr("Whole run"))
        self.reset_button.setToolTip(self.tr("Undo the zoom (double click in a plot)"))
        icons.set_icon(self.reset_button, "restore", "secondary", 16)
        self.reset_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.reset_button.clicked.connect(lambda _checked=False: self.show_all())
        self.reset_button.hide()
        tools = QHBoxLayout()
        tools.setSpacing(theme.SPACE)
        name = QLabel(self.tr("Smoothing"))
        name.setProperty("role", "secondary")
        self._smoothing_tools = (name, self.smoothing, self._smoothing_label, self.raw_button)
        for widget in (name, self.smoothing, self._smoothing_label):
            tools.addWidget(widget)
        tools.addStretch(1)
        for button in (self.reset_button, self.raw_button, self.log_button):
            tools.addWidget(button)
        self._show_smoothing()
        return tools

    def _toggle(self, text: str, tip: str, slot) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.toggled.connect(slot)
        return button

    def hide_smoothing(self) -> None:
        """Hide the controls for smoothing."""
        for widget in self._smoothing_tools:
            widget.hide()

    @property
    def half_life(self) -> float:
        """The half-life of the smoothing, iterations; 0: none."""
        return float(HALF_LIVES[self.smoothing.value()])

    def set_record(self, record: RunRecord, specs: list[PlotSpec]) -> None:
        """Show the curves of a run."""
        series = [
            [Series(line.label, record.curve(line.curve), line.color, line.dash) for line in spec.lines]
            for spec in specs
        ]
        plots = [(spec.title, lines, spec.log) for spec, lines in zip(specs, series, strict=True)]
        self.set_plots(plots, [record], [spec.meaning for spec in specs])

    def set_plots(
        self, plots: list[tuple[str, list[Series], bool]], records: list[RunRecord], meanings: Sequence[str] = ()
    ) -> None:
        """Show plots: (title, series, initially logarithmic); `meanings` are their tool tips, if any."""
        self._records = records
        for record in records:
            record.set_half_life(self.half_life)
        while len(self.plots) > len(plots):
            gone = self.plots.pop()
            self._waiting = [plot for plot in self._waiting if plot is not gone]
            self._prepared = None if self._prepared is gone else self._prepared
            gone.deleteLater()
        while len(self.plots) < len(plots):
            self._add_plot()
        self._zoom = None
        self.reset_button.hide()
        for plot, (title, series, log) in zip(self.plots, plots, strict=True):
            plot.title.setText(title)
            plot.set_log(log or self.log_button.isChecked())
            plot.set_show_raw(self.raw_button.isChecked())
            plot.set_series(series)
        for place, plot in enumerate(self.plots):
            plot.explain(meanings[place] if place < len(meanings) else "")
        self._logs = [log for _title, _series, log in plots]
        self._draw_all_soon()

    def _add_plot(self) -> None:
        plot = CurvePlot("", self)
        index = len(self.plots)
        self._grid.addWidget(plot, index // self._columns, index % self._columns)
        plot.scrubbed.connect(self._timeline.grab)
        plot.hovered.connect(lambda position, plot=plot: self._hover(plot, position))
        plot.zoomed.connect(self._zoom_around)
        plot.panned.connect(self._pan)
        plot.reset_requested.connect(self.show_all)
        plot.spike_clicked.connect(self.spike_clicked)
        self.plots.append(plot)

    def set_spikes(self, positions: list[float]) -> None:
        """Mark spikes on every plot."""
        for plot in self.plots:
            plot.set_spikes(positions)

    def schedule(self) -> None:
        """Redraw after a change of the data or axis: soon, but at a limited rate for continuous changes.

        On a small machine, a redraw of four plots costs as much processor time as several training steps.
        """
        if not self.isVisible():
            return  # Hidden plots are updated when shown.
        rest = self._drawn_at + self._redraw_delay() - time.monotonic()
        if rest <= 0:
            self._draw_all_soon()
        elif not self._later.isActive() or self._later.remainingTime() > 1000 * rest:
            self._later.start(round(1000 * rest))

    def _redraw_delay(self) -> float:
        grown = self._timeline.last - self._drawn_to
        if grown < 0:
            return 0.0  # The run was cut back by a resume, so the plots are wrong.
        low, high = self._visible_range()
        width = max((plot.width() for plot in self.plots), default=0)
        return REST_S[0] if grown * width >= 0.5 * (high - low) else REST_S[1]

    def _draw_all_soon(self) -> None:
        self._later.stop()
        self._drawn_to, self._drawn_at = self._timeline.last, time.monotonic()
        self._waiting += [plot for plot in self.plots if plot not in self._waiting]
        if self._waiting and not self._redraw.isActive():
            self._redraw.start(REDRAW_MS // (2 * len(self.plots)))

    def draw_now(self) -> None:
        """Redraw all plots at once, after a gesture or for a screenshot."""
        self._redraw.stop()
        self._later.stop()
        self._waiting.clear()
        self._prepared = None
        self._drawn_to, self._drawn_at = self._timeline.last, time.monotonic()
        for plot in self.plots:
            plot.set_range(*self._visible_range())
            plot.set_position(self._timeline.shown)

    def _draw_next(self) -> None:
        if self._prepared is not None:
            self._prepared.show_prepared(self._timeline.shown)
            self._prepared = None
        elif self._waiting and self.isVisible():
            self._prepared = self._waiting.pop(0)
            self._prepared.prepare(*self._visible_range())
        else:
            self._redraw.stop()

    def showEvent(self, event) -> None:
        """Update what changed while hidden."""
        super().showEvent(event)
        self._draw_all_soon()

    def _visible_range(self) -> tuple[float, float]:
        whole = (self._timeline.first, max(self._timeline.last, self._timeline.first + 1))
        return self._zoom or whole

    # Gestures

    def _move_cursor(self, position: float) -> None:
        # While following, the cursor is at the newest step, and moves with the scheduled redraw.
        redrawn_soon = bool(self._waiting) or self._later.isActive()
        if not self.isVisible() or (self._timeline.following and redrawn_soon):
            return
        for plot in self.plots:
            plot.set_position(position)

    def _hover(self, source: CurvePlot, position: float | None) -> None:
        for plot in self.plots:
            if plot is not source:
                plot.show_crosshair(position)
        self._timeline.preview(position)

    def _zoom_around(self, centre: float, factor: float) -> None:
        low, high = self._visible_range()
        span = max(20.0, (high - low) * factor)
        share = (centre - low) / (high - low) if high > low else 0.5
        self._set_zoom(centre - share * span, centre + (1 - share) * span)

    def _pan(self, distance: float) -> None:
        low, high = self._visible_range()
        distance = min(max(distance, self._timeline.first - low), self._timeline.last - high)
        self._set_zoom(low + distance, high + distance)

    def _set_zoom(self, low: float, high: float) -> None:
        low, high = max(low, self._timeline.first), min(high, self._timeline.last)
        whole = high - low >= self._timeline.last - self._timeline.first
        self._zoom = None if whole else (low, high)
        self.reset_button.setVisible(self._zoom is not None)
        self.draw_now()

    def show_all(self) -> None:
        """Undo the zoom."""
        self._zoom = None
        self.reset_button.hide()
        self.draw_now()

    def _set_log(self, log: bool) -> None:
        for plot, starts_log in zip(self.plots, self._logs, strict=True):
            plot.set_log(log or starts_log)

    def _set_raw(self, raw: bool) -> None:
        for plot in self.plots:
            plot.set_show_raw(raw)

    def _smooth(self) -> None:
        self._show_smoothing()
        for record in self._records:
            record.set_half_life(self.half_life)
        self.draw_now()

    def _show_smoothing(self) -> None:
        text = self.tr("off") if not self.half_life else self.tr("over {0:g}").format(self.half_life)
        self._smoothing_label.setText(text)
        self.smoothing.setToolTip(
            self.tr("More smoothing hides noise and shows the trend; {0} iterations (half-life of the average)").format(
                text
            )
        )
