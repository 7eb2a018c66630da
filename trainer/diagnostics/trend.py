"""Will more time help? A power law through a run's KID, where such an extrapolation was found to hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from trainer.protocol.diagnosis import OutlookFacts

LAST = 0.4
"""Share of the points, the last ones, that the curve is fitted to."""
READY = 0.8
"""Share of the schedule before which nothing is predicted: from half of it, predictions missed by up to 2.2 times."""
STEEP = 0.5
LEAST = 6
EXPONENTS = np.linspace(0.25, 3.0, 56)


def outlook(
    times: Sequence[float], values: Sequence[float], share: float | None, decays: bool, floor: float = 0.0
) -> OutlookFacts:
    """Judge KID `values` measured at iterations `times`.

    `share`: share of the schedule done, None without a limit or where no prediction was ever tested. `decays`: whether
    learning rates fall to the schedule's end. `floor`: the KID of real pictures; nothing is predicted for values that
    have reached it.
    """
    t, y = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    trend = mann_kendall(y[-8:]) if len(y) >= 8 else ""
    now = float(np.mean(y[-3:])) if len(y) else math.nan
    if not decays:
        return OutlookFacts("trend" if trend else "cannot tell yet", now, None, trend)
    count = max(LEAST, round(LAST * len(y)))
    if share is not None and share >= 1:
        return OutlookFacts("ended", now, None, trend)
    if share is None or share < READY or len(y) < count:
        return OutlookFacts("cannot tell yet", now, None, trend)
    if (y[-count:] <= max(0.0, floor)).any():
        return OutlookFacts("cannot tell yet", now, None, trend)
    fit = power_law(t[-count:], y[-count:])
    end = t[-1] / share
    at_end = fit[0] + fit[1] * end ** -fit[2]
    return OutlookFacts("falling" if at_end < STEEP * now else "predicted", now, float(at_end), trend)


def power_law(t: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """(c, a, b) of c + a t^-b with c, a >= 0 and b in [.25, 3], by least squares of relative errors."""
    weight = 1 / np.maximum(np.abs(y), 1e-12)
    best, found = math.inf, (float(y.mean()), 0.0, 1.0)
    for b in EXPONENTS:
        x = (t / t[-1]) ** -b
        for c, a in _nonnegative(x, y, weight):
            error = float((((c + a * x - y) * weight) ** 2).sum())
            if error < best:
                best, found = error, (c, a * t[-1] ** b, float(b))
    return found


def _nonnegative(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> list[tuple[float, float]]:
    """Candidates for the least squares of y = c + a x with c, a >= 0."""
    columns = np.stack([weight, weight * x], 1)
    target = weight * y
    (c, a), *_ = np.linalg.lstsq(columns, target, rcond=None)
    if c >= 0 and a >= 0:
        return [(float(c), float(a))]
    alone = [max(0.0, float(column @ target / (column @ column))) for column in columns.T]
    return [(alone[0], 0.0), (0.0, alone[1])]


def mann_kendall(values: np.ndarray, z: float = 1.959963984540054) -> str:
    """ "falling", "rising" or "flat", by the Mann-Kendall test (two-sided, 5 %, normal approximation)."""
    count = len(values)
    score = sum(np.sign(later - sooner) for sooner, later in itertools.combinations(values, 2))
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    standardised = (abs(score) - 1) / deviation if score else 0.0
    if standardised <= z:
        return "flat"
    return "falling" if score < 0 else "rising"
