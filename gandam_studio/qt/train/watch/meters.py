"""Plots of a run's metrics with their confidence intervals."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QCoreApplication

from gandam_studio.core.runs.curves import SmoothedCurve
from gandam_studio.core.runs.record import RunRecord
from gandam_studio.qt.widgets.plots.curve_plot import Series
from trainer.protocol.measures import meaning
from trainer.protocol.measures import title as title_of
from trainer.protocol.untrusted import shortened

MOST = 8
_REACH = 1_000_000
LOG_SPAN = 300


def meter_plots(record: RunRecord) -> list[tuple[str, list[Series], bool]]:
    """One plot per metric, in order of the first measurement: the value, and its interval dotted."""
    plots = []
    for position, (name, events) in enumerate(list(record.metrics.items())[:MOST]):
        token = f"plot_{position % 4 + 1}"
        title = shortened(title_of(name))
        series = [Series("", sparse([(e.iteration, e.value) for e in events]), token, reach=_REACH)]
        if any(event.low is not None for event in events):
            series.append(Series("90 %", sparse([(e.iteration, e.low) for e in events]), token, "dot", reach=_REACH))
            series.append(Series("–", sparse([(e.iteration, e.high) for e in events]), token, "dot", reach=_REACH))
        sizes = [abs(event.value) for event in events if event.value]
        # Logarithmic, since metrics may fall by orders of magnitude.
        wide = bool(sizes) and max(sizes) > LOG_SPAN * min(sizes)
        plots.append((title, series, wide))
    return plots


def meter_meanings(record: RunRecord) -> list[str]:
    """What each plot of `meter_plots` shows, and what good and bad look like; "" for an unknown metric."""
    meanings = []
    for name, events in list(record.metrics.items())[:MOST]:
        features = next((event.features for event in reversed(events) if event.features), "")
        by = QCoreApplication.translate("meters", "Measured by {0}.").format(shortened(features)) if features else ""
        meanings.append(" ".join(filter(None, (meaning(name), by))))
    return meanings


def sparse(points: list[tuple[int, float | None]]) -> SmoothedCurve:
    """A curve with values only at some iterations; not smoothed."""
    curve = SmoothedCurve(half_life=0)
    if points:
        # Iterations count from 1; a measurement before the first step is shown at 1.
        places = np.maximum(1, np.array([iteration for iteration, _ in points]))
        first = int(places.min())
        values = np.full(int(places.max()) - first + 1, np.nan, np.float32)
        with np.errstate(over="ignore"):
            values[places - first] = np.array([np.nan if value is None else value for _, value in points], np.float64)
        curve.write(first, values)
    return curve
