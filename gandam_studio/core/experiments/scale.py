"""How distances (KID) are compared: as ratios, or as differences where the plan says so.

Distances of runs spread over orders of magnitude, and luck multiplies them: in differences, a few bad runs carry every
effect. So an effect is the factor by which a change multiplies KID, from Student's t (or Lenth's method) on logarithms.

KID is estimated without bias, so that of a run as good as real sprites may come out at 0 or below. A distance that is
not above twice its own standard error cannot be told from 0; such a one counts as the largest of these doubled errors,
and so does any that is smaller (a detection limit, as chemists substitute it). Effects are then understated, never
exaggerated, and how many distances it concerns is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from gandam_studio.core.experiments.designs import Combination

RATIO, DIFFERENCE = "ratio", "difference"
SCALES = (RATIO, DIFFERENCE)
ERRORS_ABOVE = 2.0

Key = tuple[Combination, int]
"""(combination, seed)."""


@dataclass(frozen=True)
class Scaled:
    """Distances as they are compared.

    Attributes:
        scale: what they are compared by. values: logarithms if that is `RATIO`, else the distances.
        limit: distances up to here count as it; 0 where all are above the noise. at_limit: whose they are.
        why: why they are not compared by ratio, though that was asked for.
    """

    scale: str
    values: Mapping[Key, float]
    limit: float = 0.0
    at_limit: frozenset[Key] = field(default=frozenset())
    why: str = ""

    @property
    def note(self) -> str:
        """What a reader must know about the scale, in a sentence without a stop; "" if nothing."""
        if self.why:
            return self.why
        if not self.at_limit:
            return ""
        count, total = len(self.at_limit), len(self.values)
        return (
            f"{count} of {total} distances (KID) cannot be told from 0, and count as {self.limit:.3g}: effects may be "
            "larger than shown"
        )


def scaled(measured: Mapping[Key, tuple[float, float | None]], scale: str) -> Scaled:
    """The distances on a scale; `measured` has each with its standard error, or None where that is not known."""
    plain = {key: kid for key, (kid, _) in measured.items()}
    if scale == DIFFERENCE:
        return Scaled(DIFFERENCE, plain)
    if any(kid <= 0 and not error for kid, error in measured.values()):
        why = "a distance (KID) is 0 or below and its error is not known, so differences are shown instead of ratios"
        return Scaled(DIFFERENCE, plain, why=why)
    limits = [ERRORS_ABOVE * (error or 0.0) for _, error in measured.values()]
    limit = max((own for (kid, _), own in zip(measured.values(), limits, strict=True) if kid <= own), default=0.0)
    at_limit = frozenset(key for key, kid in plain.items() if kid <= limit)
    return Scaled(RATIO, {key: math.log(max(kid, limit)) for key, kid in plain.items()}, limit, at_limit)


def signed(value: float) -> str:
    """Three digits, and no powers of ten where none are needed: "-1,640", "+0.0123"."""
    return f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+.3g}"


def times(ratio: float) -> str:
    """A ratio with two digits; what is beyond all measure is shown as a bound: "0.21", "14", ">1,000"."""
    if ratio > 1000:
        return ">1,000"
    if ratio < 0.001:
        return "<0.001"
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
