"""Vertical scales of plots: linear, or logarithmic for values of either sign."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

THRESHOLD = 1e-3
"""Below this magnitude the logarithmic scale is linear, so that zero and negative values can be shown."""


class Linear:
    """A linear scale."""

    name = "linear"

    def forward(self, values: Any) -> Any:
        """Value(s) -> position(s)."""
        return values

    def inverse(self, positions: float) -> float:
        """Position -> value."""
        return positions

    def ticks(self, low: float, high: float) -> list[float]:
        """Positions of a few round values."""
        span = high - low
        if not math.isfinite(span) or span <= 0:
            return []
        step = 10.0 ** math.floor(math.log10(span / 3))
        step *= next((factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 4.5), 10)
        first = math.ceil(low / step - 1e-9)
        return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


class SignedLog:
    """asinh(x / 2c) / ln 10: logarithmic for |x| >> c, linear near zero, odd; suitable for Wasserstein losses."""

    name = "log"

    def forward(self, values: Any) -> Any:
        """Value(s) -> position(s); c is `THRESHOLD`."""
        return np.arcsinh(np.asarray(values, np.float64) / (2 * THRESHOLD)) / math.log(10)

    def inverse(self, positions: float) -> float:
        """Position -> value."""
        return 2 * THRESHOLD * math.sinh(positions * math.log(10))

    def ticks(self, low: float, high: float) -> list[float]:
        """Positions of zero and powers of ten, and of 2 and 5 times them if there is room."""
        top = max(abs(self.inverse(low)), abs(self.inverse(high)))
        decades = range(-3, max(-2, math.ceil(math.log10(top)) + 1) if top > 0 else -2)
        for factors in ((1, 2, 5), (1,)):
            values = [factor * 10.0**decade for decade in decades for factor in factors]
            sizes = [math.asinh(value / (2 * THRESHOLD)) / math.log(10) for value in values]
            positions = [0.0, *sizes, *(-size for size in sizes)]
            inside = sorted(position for position in positions if low <= position <= high)
            if len(inside) <= 6:
                break
        return inside[:: max(1, math.ceil(len(inside) / 6))]


def short_number(value: float) -> str:
    """A number for an axis: "0.25", "12k", "1.5M", "3e-05"."""
    size = abs(value)
    if 999.5 <= size < 10_000:
        return f"{value:,.0f}"
    for limit, divisor, unit in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= limit:
            return f"{value / divisor:.3g}{unit}"
    return f"{value:.3g}"
