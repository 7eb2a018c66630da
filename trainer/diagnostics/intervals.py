"""Intervals of shares: Wilson's and Clopper and Pearson's, with numpy and the standard library alone."""

from __future__ import annotations

import math

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def wilson(count: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927); (0, 1) for nothing."""
    if total <= 0:
        return 0.0, 1.0
    share, spread = count / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(count: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share (Clopper & Pearson 1934); (0, 1) for nothing."""
    if total <= 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = 0.0 if count <= 0 else _root(lambda p: at_least(count, total, p) - tail)
    high = 1.0 if count >= total else _root(lambda p: tail - (1 - at_least(count + 1, total, p)))
    return low, high


def at_least(count: int, total: int, share: float) -> float:
    """P(X >= count) for X ~ Binomial(total, share)."""
    if count <= 0:
        return 1.0
    if share <= 0 or count > total:
        return 0.0
    if share >= 1:
        return 1.0
    if count > (total + 1) / 2:  # Sum over the fewer terms.
        return sum(_term(k, total, share) for k in range(count, total + 1))
    return max(0.0, 1 - sum(_term(k, total, share) for k in range(count)))


def _term(count: int, total: int, share: float) -> float:
    ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    return math.exp(ways + count * math.log(share) + (total - count) * math.log1p(-share))


def _root(rising: object) -> float:
    """The zero of a function that rises over [0, 1]."""
    assert callable(rising)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
