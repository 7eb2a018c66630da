"""Charts of a page, as SVG: seen without scripts, printed sharply, coloured by the page's style sheet, and read aloud.

Long curves are drawn from minima and maxima, so that a jump of a single iteration stays (see `core.runs.curves`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gandam_studio.core.reports.facts import Axis, RunFacts
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.runs.curves import SmoothedCurve
from gandam_studio.core.runs.scales import Linear, SignedLog, short_number
from trainer.protocol.measures import meaning, measured_by, title

WIDTH, HEIGHT = 2000, 600
"""Units of a drawing; the page stretches it."""
BUCKETS = 500
ROWS = 12
"""Of a chart's table."""
LOG_FROM = 50.0
"""Curves whose largest value is this many times their usual one are drawn logarithmically: jumps stay, and the rest is
not flattened."""
ROOM = 0.06
GROUPS = (
    ("Losses", ("loss_d", "loss_g")),
    ("Scores by the discriminator", ("d_real", "d_fake")),
    ("Size of the steps (gradients)", ("grad_norm_d", "grad_norm_g", "penalty")),
)
PARTS = ("loss_d_real", "loss_d_fake")
"""Curves that others are the sum of."""


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: for the legend. style: its number, which the style sheet turns into colour and dash.
        x, y: what is drawn: a smoothed curve, or measured points.
        raw_x, raw_y: minima and maxima of the curve itself; empty for points.
        low, high: intervals of the points, empty without them. values: at each moment of the slider.
    """

    name: str
    style: int
    x: np.ndarray
    y: np.ndarray
    raw_x: np.ndarray = field(default_factory=lambda: np.empty(0))
    raw_y: np.ndarray = field(default_factory=lambda: np.empty(0))
    low: np.ndarray = field(default_factory=lambda: np.empty(0))
    high: np.ndarray = field(default_factory=lambda: np.empty(0))
    values: tuple[float | None, ...] = ()
    points: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart of lines over iterations.

    Attributes:
        title, meaning: what it shows, and what good and bad look like. lines: at least one.
        percent: whether values are shares. log: drawn logarithmically.
        band: (low, high, what it is) of a band behind the lines, or None.
        floor, ceiling: values that are always drawn, or None.
    """

    title: str
    meaning: str
    lines: tuple[Line, ...]
    percent: bool = False
    log: bool = False
    band: tuple[float, float, str] | None = None
    floor: float | None = None
    ceiling: float | None = None


@dataclass(frozen=True)
class Frame:
    """What all charts of a page share, so that one cursor serves them.

    Attributes:
        axis: what they go by. moments: the places where the slider stops. last: the place at the right edge.
    """

    axis: Axis
    moments: Sequence[int]
    last: int


def charts_of(runs: Sequence[RunFacts], frame: Frame) -> list[Chart]:
    """The charts of runs: those of quality, variety and copying, then the curves."""
    found = [*_measured(runs, frame), *_diagnosed(runs, frame), *_curves(runs, frame)]
    return [chart for chart in found if chart.lines]


# Curves


def _curves(runs: Sequence[RunFacts], frame: Frame) -> Iterable[Chart]:
    names = list(dict.fromkeys(name for facts in runs for name in facts.record.curves))
    known = {name for _, group in GROUPS for name in group}
    groups = list(GROUPS)
    groups += [(title(name), (name,)) for name in names if name not in known and name not in PARTS]
    if len(runs) > 1:  # Several runs: a chart for each curve, and a line for each run.
        groups = [(title(name), (name,)) for _, group in groups for name in group]
    for heading, group in groups:
        lines: list[Line] = []
        for name in group:
            for number, facts in enumerate(runs):
                curve = facts.record.curves.get(name)
                if curve is not None and np.isfinite(curve.raw.values).any():
                    called = facts.title if len(runs) > 1 else title(name)
                    lines.append(_line(called, number if len(runs) > 1 else len(lines), curve, frame, facts))
        told = dict.fromkeys(filter(None, (meaning(name) for name in group)))
        yield Chart(heading, " ".join(told), tuple(lines), log=_is_wide(lines))


def _line(name: str, style: int, curve: SmoothedCurve, frame: Frame, facts: RunFacts) -> Line:
    raw_x, raw_y = curve.raw.window(0, facts.last, BUCKETS)
    x, y = curve.smooth.window(0, facts.last, BUCKETS, middle=True)
    values = tuple(curve.smooth.value_at(at) if at is not None else None for at in _iterations(frame, facts))
    places = frame.axis.places
    return Line(
        name, style, places(facts, x), y.astype(np.float64), places(facts, raw_x), raw_y.astype(np.float64),
        values=values,
    )  # fmt: skip


def _iterations(frame: Frame, facts: RunFacts) -> list[int | None]:
    """The iteration of a run at each moment of the slider, None beyond the run's end."""
    found = [frame.axis.iteration(facts, moment) for moment in frame.moments]
    return [at if at <= facts.last else None for at in found]


def _is_wide(lines: Sequence[Line]) -> bool:
    values = np.abs(np.concatenate([line.raw_y for line in lines])) if lines else np.empty(0)
    values = values[values > 0]
    return len(values) > 0 and float(values.max()) > LOG_FROM * float(np.median(values))


# Measured values


def _measured(runs: Sequence[RunFacts], frame: Frame) -> Iterable[Chart]:
    names = list(dict.fromkeys(name for facts in runs for name in facts.record.metrics))
    spaces = list(dict.fromkeys(filter(None, map(_space, runs))))
    for features in spaces:  # Values in different features are not shown on one scale.
        lines: list[Line] = []
        for facts in runs:
            if _space(facts) != features:
                continue
            for name in ("kid", "kid_best") if len(runs) == 1 else ("kid",):
                events = [one for one in facts.record.metrics.get(name, ()) if one.value is not None]
                if not events:
                    continue
                called = title(name) if len(runs) == 1 else facts.title
                low = [one.value if one.low is None else one.low for one in events]
                high = [one.value if one.high is None else one.high for one in events]
                lines.append(
                    _points(called, len(lines), [(e.iteration, e.value) for e in events], low, high, frame, facts)
                )
        quality = next(
            (one.diagnosis.quality for facts in runs for one in reversed(facts.record.diagnoses)
             if one.diagnosis and one.diagnosis.quality), None,
        )  # fmt: skip
        band = None
        if quality is not None and len(runs) == 1:
            spread = 2 * quality.floor_sd
            band = (quality.floor_mean - spread, quality.floor_mean + spread, "real sprites")
        name = "kid" if len(spaces) == 1 else measured_by("kid", features)
        by = f" Measured by {features}." if len(spaces) == 1 else ""
        yield Chart(title(name), meaning(name) + by, tuple(lines), log=_steep(lines), band=band)
    for name in names:
        if name in ("kid", "kid_best"):
            continue
        lines = []
        for number, facts in enumerate(runs):
            pairs = [(one.iteration, one.value) for one in facts.record.metrics.get(name, ()) if one.value is not None]
            if pairs:
                called = facts.title if len(runs) > 1 else title(name)
                lines.append(_points(called, number, pairs, [], [], frame, facts))
        yield Chart(title(name), meaning(name), tuple(lines))


def _space(facts: RunFacts) -> str:
    """The name of the features that a run's quality is in; "" without a measurement."""
    found = facts.record.metrics.get("kid", ())
    return found[-1].features or "unnamed features" if found else ""


def _steep(lines: Sequence[Line]) -> bool:
    values = np.concatenate([line.y for line in lines]) if lines else np.empty(0)
    values = values[values > 0]
    return len(values) > 0 and float(values.max()) > LOG_FROM * float(values.min())


def _diagnosed(runs: Sequence[RunFacts], frame: Frame) -> Iterable[Chart]:
    variety, copying = [], []
    for number, facts in enumerate(runs):
        found = [(one.iteration, one.diagnosis) for one in facts.record.diagnoses if one.diagnosis is not None]
        if not found:
            continue
        called = facts.title if len(runs) > 1 else "samples"
        pairs = [(at, one.variety.distinct / max(1, one.samples)) for at, one in found]
        variety.append(_points(called, number, pairs, [], [], frame, facts))
        real = [(at, one.variety.real.distinct / max(1, one.samples)) for at, one in found]
        if len(runs) == 1:
            variety.append(_points("as many real sprites", 1, real, [], [], frame, facts))
        shares = [(at, one.copying.kappa) for at, one in found]
        low, high = [one.copying.low for _, one in found], [one.copying.high for _, one in found]
        copying.append(_points(called, number, shares, low, high, frame, facts))
    yield Chart(
        "Variety", "How many of the samples looked at differ from each other. Good: about as many as of real sprites. "
        "Bad: it falls, which is collapse.", tuple(variety), percent=True, floor=0.0, ceiling=1.0,
    )  # fmt: skip
    yield Chart(
        "Copying", "The share of samples that look like a training picture, with its 95 % interval. Good: 0. "
        "Bad: it climbs, which is memorising.", tuple(copying), percent=True, floor=0.0, ceiling=0.1,
    )  # fmt: skip


def _points(
    name: str, style: int, pairs: Sequence[tuple[int, float | None]], low: Sequence[float | None],
    high: Sequence[float | None], frame: Frame, facts: RunFacts,
) -> Line:  # fmt: skip
    iterations = np.array([at for at, _ in pairs], np.float64)
    y = np.array([value for _, value in pairs], np.float64)
    values: list[float | None] = []
    for moment in _iterations(frame, facts):
        place = -1 if moment is None else int(np.searchsorted(iterations, moment, "right")) - 1
        values.append(float(y[place]) if place >= 0 else None)
    return Line(
        name, style, frame.axis.places(facts, iterations), y, low=np.array(low, np.float64),
        high=np.array(high, np.float64), values=tuple(values), points=True,
    )  # fmt: skip


# Drawing


def drawn(chart: Chart, number: int, frame: Frame, marks: Sequence[tuple[int, str, str]] = ()) -> Markup:
    """A chart as a figure with a legend, a drawing and a table. `marks` are (place, kind, what) below the curves."""
    scale = SignedLog() if chart.log else Linear()
    bottom, top = _range(chart, scale)
    end = max(1, frame.last)

    def place_x(x: np.ndarray) -> np.ndarray:
        return np.rint(np.clip(x / end, 0, 1) * WIDTH).astype(int)

    def place_y(y: np.ndarray) -> np.ndarray:
        share = (np.asarray(scale.forward(y), np.float64) - bottom) / (top - bottom)
        return np.rint((1 - np.clip(share, 0, 1)) * HEIGHT).astype(int)

    shapes: list[Markup] = []
    if chart.band is not None:
        ends = place_y(np.array(chart.band[:2]))
        shapes.append(
            element("rect", class_="band", x=0, y=int(ends[1]), width=WIDTH, height=max(1, int(ends[0] - ends[1])))
        )
    for line in chart.lines:
        if len(line.raw_x):
            shapes.append(_path(f"raw s{line.style % 8}", place_x(line.raw_x), place_y(line.raw_y)))
    for line in chart.lines:
        style = f"s{line.style % 8}"
        if len(line.low):
            bars = zip(place_x(line.x), place_y(line.low), place_y(line.high), strict=True)
            shapes.append(
                element("path", class_=f"interval {style}", d="".join(f"M{x},{a}V{b}" for x, a, b in bars),
                        vector_effect="non-scaling-stroke")
            )  # fmt: skip
        shapes.append(_path(f"line {style}", place_x(line.x), place_y(line.y)))
        if line.points:
            dots = "".join(f"M{x},{y}h0" for x, y in zip(place_x(line.x), place_y(line.y), strict=True))
            shapes.append(element("path", class_=f"dots {style}", d=dots, vector_effect="non-scaling-stroke"))
    inner = element(
        "svg", *shapes, viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none", width="100%", height="100%"
    )
    written = _number(chart.percent)
    shown: list[Markup] = []
    labels: list[Markup] = []
    for tick in scale.ticks(bottom, top):
        y = f"{100 * (1 - (tick - bottom) / (top - bottom)):.2f}%"
        shown.append(element("line", class_="rule", x1="0", x2="100%", y1=y, y2=y))
        below = (tick - bottom) / (top - bottom) > 0.93
        labels.append(
            element("text", written(float(scale.inverse(tick))), class_="tick", x="0", y=y, dx="4",
                    dy="12" if below else "-3")
        )  # fmt: skip
    for at, kind, what in marks:
        x = f"{100 * min(1.0, at / end):.2f}%"
        shown.append(
            element("g", element("title", what), element("line", class_=f"mark {kind}", x1=x, x2=x, y1="0", y2="100%"))
        )
    cursor = element("line", class_="cursor", x1="100%", x2="100%", y1="0", y2="100%")
    drawing = element(
        "svg",
        element("title", _spoken(chart, written, frame.axis)),
        shown,
        inner,
        labels,
        cursor,
        class_="plot",
        role="img",
    )
    return element(
        "figure",
        element("figcaption", element("h4", chart.title), _legend(chart, number)),
        drawing,
        element("div", _across(end), class_="across", aria_hidden="true"),
        element(
            "details",
            element("summary", "What it means, and its numbers"),
            element("p", chart.meaning, class_="meaning") if chart.meaning else None,
            _table(chart, written, frame.axis),
        ),
        class_="chart",
    )


def _range(chart: Chart, scale: Linear | SignedLog) -> tuple[float, float]:
    parts = [part for line in chart.lines for part in (line.y, line.raw_y, line.low, line.high) if len(part)]
    if chart.band is not None:
        parts.append(np.array(chart.band[:2]))
    values = np.concatenate(parts)
    values = np.asarray(scale.forward(values[np.isfinite(values)]), np.float64)
    bottom, top = float(values.min()), float(values.max())
    if chart.floor is not None:
        bottom = min(bottom, float(scale.forward(chart.floor)))
    if chart.ceiling is not None:
        top = max(top, float(scale.forward(chart.ceiling)))
    if not top > bottom:
        top = bottom + (abs(bottom) or 1.0)
    room = ROOM * (top - bottom)
    if chart.floor is None:
        bottom -= room
    return bottom, top + room


def _path(style: str, x: np.ndarray, y: np.ndarray) -> Markup:
    text = "L".join(f"{a},{b}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return element("path", class_=style, d=f"M{text}" if text else "", vector_effect="non-scaling-stroke")


def _across(end: int) -> list[Markup]:
    ticks = Linear().ticks(0, end)
    return [element("span", short_number(tick), class_=f"at{round(100 * tick / end)}") for tick in ticks]


def places_across() -> str:
    """Style rules for `_across`: the class of every per cent of the width. Styles in attributes are forbidden."""
    return "".join(f".at{at}{{left:{at}%}}" for at in range(101))


def _legend(chart: Chart, number: int) -> Markup:
    entries = []
    for at, line in enumerate(chart.lines):
        value = element("output", "", class_="value", data_line=f"{number}.{at}")
        entries.append(
            element("li", element("i", class_=f"key s{line.style % 8}", aria_hidden="true"), line.name, value)
        )
    if chart.band is not None:
        entries.append(element("li", element("i", class_="key band", aria_hidden="true"), chart.band[2]))
    return element("ul", entries, class_="legend")


def _number(percent: bool) -> Callable[[float], str]:
    return (lambda value: f"{100 * value:.3g} %") if percent else short_number


def _spoken(chart: Chart, written: Callable[[float], str], axis: Axis) -> str:
    """The chart in words, for those who do not see it."""
    sentences = [f"{chart.title}."]
    for line in chart.lines:
        finite = np.flatnonzero(np.isfinite(line.y))
        if not len(finite):
            continue
        y, x = line.y[finite], line.x[finite]
        low, high = int(np.argmin(y)), int(np.argmax(y))
        lowest = f"lowest {written(float(y[low]))} at {x[low]:,.0f}"
        highest = f"highest {written(float(y[high]))} at {x[high]:,.0f}"
        sentences.append(
            f"{line.name}: {written(float(y[0]))} at {axis.words(x[0])}, {written(float(y[-1]))} at {x[-1]:,.0f}; "
            f"{lowest}, {highest}."
        )
    return " ".join(sentences)


def _table(chart: Chart, written: Callable[[float], str], axis: Axis) -> Markup:
    """Some rows of numbers: the points themselves where they are few, else evenly spread ones."""
    points = sorted({float(x) for line in chart.lines if line.points for x in line.x})
    if not points:
        ends = [(float(line.x[0]), float(line.x[-1])) for line in chart.lines if len(line.x)]
        points = [float(x) for x in np.linspace(min(a for a, _ in ends), max(b for _, b in ends), ROWS)] if ends else []
    if len(points) > 2 * ROWS:
        points = [points[round(at * (len(points) - 1) / (2 * ROWS - 1))] for at in range(2 * ROWS)]
    rows = []
    for x in points:
        cells = [element("td", _cell(line, x, written)) for line in chart.lines]
        rows.append(element("tr", element("th", f"{x:,.0f}", scope="row"), cells))
    heads = [element("th", line.name, scope="col") for line in chart.lines]
    return element(
        "div",
        element(
            "table",
            element("caption", chart.title, class_="hidden"),
            element("thead", element("tr", element("th", axis.name, scope="col"), heads)),
            element("tbody", rows),
        ),
        class_="wide",
        tabindex="0",
        role="region",
        aria_label=f"Numbers: {chart.title}",
    )


def _cell(line: Line, x: float, written: Callable[[float], str]) -> str:
    if not len(line.x):
        return "–"
    if line.points:
        at = int(np.searchsorted(line.x, x))
        if at >= len(line.x) or line.x[at] != x:
            return "–"
        text = written(float(line.y[at]))
        if len(line.low) and line.low[at] != line.high[at]:
            text += f" ({written(float(line.low[at]))} to {written(float(line.high[at]))})"
        return text
    near = int(np.argmin(np.abs(line.x - x)))
    return written(float(line.y[near])) if math.isfinite(line.y[near]) else "–"
