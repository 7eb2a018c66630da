"""Averages of weights whose width is chosen after training (post-hoc EMA, Karras et al. 2024, section 3).

An average with exponent g weighs the weights that a run had at time tau by tau^g: it forgets in proportion to the time
that has passed, unlike one with a half-life. Its relative width is the standard deviation of that profile as a share of
the run. Averages of a few widths, saved at a few times, are combined so that their profiles together come as near as
possible to that of any other width. Time is counted in pictures seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

WIDTHS = (0.05, 0.1, 0.2)
"""Of the averages that are kept. Those of one moment alone give any width from .04 to .2, its profile to an error of
.08; with the two of the paper, .05 and .1, that would take many moments."""


def exponent(width: float) -> float:
    """The exponent g of a relative width above 0 and at most .288: the largest root of (g + 2)^2 (g + 3) w^2 = g + 1.

    That is the inverse of `width_of` (Karras 2024, equation 126 and algorithm 2).
    """
    inverse = width**-2
    return float(np.roots([1.0, 7.0, 16.0 - inverse, 12.0 - inverse]).real.max())


def width_of(power: float) -> float:
    """The relative width of exponent g, above 0: sqrt(g + 1) / ((g + 2) sqrt(g + 3))."""
    return float((power + 1) ** 0.5 / ((power + 2) * (power + 3) ** 0.5))


def kept(power: float, before: float, now: float) -> float:
    """What the old average counts when weights that were held from `before` to `now` are added: (before / now)^(g + 1).

    0 at the first step, so that an average forgets the weights before training.
    """
    return float((before / now) ** (power + 1))


class Profile(NamedTuple):
    """What an average is made of: the weights at times tau from 0 to `time`, each counting tau^`power`."""

    power: float
    time: float

    @property
    def mean(self) -> float:
        """The mean time."""
        return (self.power + 1) / (self.power + 2) * self.time


def overlap(one: Profile, other: Profile) -> float:
    """The inner product of two profiles, the integral of p q over time, each with integral 1; per unit of time."""
    first = min(one.time, other.time)
    scale = (first / one.time) ** one.power * (first / other.time) ** other.power * first / (one.time * other.time)
    return float((one.power + 1) * (other.power + 1) / (one.power + other.power + 1) * scale)


class Combination(NamedTuple):
    """Shares of averages (which sum to 1), and the root of the squared error of the profile over that of the wanted."""

    shares: list[float]
    error: float


def combination(there: Sequence[Profile], wanted: Profile) -> Combination:
    """The shares of averages that are there, at least one, which come nearest to the wanted one (least squares).

    They sum to 1 and have the wanted mean time, so that weights that moved evenly come out as they should.
    """
    count = len(there)
    scale = wanted.time  # Times of a run are large numbers; inner products go with their inverse.
    there = [Profile(one.power, one.time / scale) for one in there]
    wanted = Profile(wanted.power, 1.0)
    products = np.array([[overlap(one, other) for other in there] for one in there])
    target = np.array([overlap(one, wanted) for one in there])
    # Least squares under two conditions, by Lagrange multipliers.
    conditions = np.array([np.ones(count), [one.mean for one in there]])
    system = np.block([[products, conditions.T], [conditions, np.zeros((2, 2))]])
    aim = np.concatenate([target, [1.0, wanted.mean]])
    shares = np.linalg.lstsq(system, aim, rcond=1e-13)[0][:count]
    shares /= shares.sum()
    own = overlap(wanted, wanted)
    squared = (own - 2 * shares @ target + shares @ products @ shares) / own
    return Combination([float(share) for share in shares], float(max(squared, 0.0) ** 0.5))
