"""The verdict of a blind taste test, which may be looked at after every pick and stopped at any time.

A gambler starts with 1 and bets on every pick against "both are liked equally often". The wealth is an e-process:
where nobody is preferred, it ever reaches 20 in at most 1 of 20 series, whenever and why ever one stops (Ville 1939;
Ramdas et al. 2023, Game-theoretic statistics and safe anytime-valid inference). The bets are a mixture of shares on
both sides of one half, in the manner of Robbins, so the gambler needs not know how strong the preference is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ERROR = 0.05
FIRST, SECOND = "a", "b"
UNDECIDED, NO_PREFERENCE = "undecided", "none"
STRONG = 0.65
"""The preference that a test should find: 65 of 100 picks."""
LEAST_CHECKS = 2
ATTENTIVE = 0.75

# Preferences that the gambler expects on either side: shares, and how much is bet on each.
_SHARES = (0.6, 0.65, 0.72, 0.85)
_STAKES = (0.25, 0.4, 0.25, 0.1)


@dataclass(frozen=True)
class Standing:
    """How a series of picks stands.

    Attributes:
        verdict: "a" or "b" (that one is preferred), "none" (no preference as strong as 65:35), or "undecided".
        picks: those that count. a: for the first. wealth: of the gambler who bets that one is preferred.
        against: the wealth of who bets that no preference is as strong as 65:35.
        low, high: the share of picks for the first, an interval that holds at every moment at once (95 %).
    """

    verdict: str
    picks: int
    a: int
    wealth: float
    against: float
    low: float
    high: float


def log_wealth(a: int, n: int) -> float:
    """The log of the wealth after `n` picks, `a` of them for the first."""
    return _mixture(a, n, 0.5)


def _mixture(a: int, n: int, null: float) -> float:
    """Log of the wealth of bets against "the share is `null`", half the stakes on either side of it."""
    terms = []
    for offset, stake in zip(_SHARES, _STAKES, strict=True):
        reach = (offset - 0.5) * 2
        for share in (null + reach * (1 - null), null - reach * null):
            gain = a * math.log(share / null) + (n - a) * math.log((1 - share) / (1 - null))
            terms.append(math.log(stake / 2) + gain)
    top = max(terms)
    return top + math.log(sum(math.exp(term - top) for term in terms))


def _log_against(a: int, n: int) -> float:
    """Log wealth of bets on "about 50:50" against both "65:35" and "35:65": the smaller of the two."""

    def one(null: float) -> float:
        return a * math.log(0.5 / null) + (n - a) * math.log(0.5 / (1 - null))

    return min(one(STRONG), one(1 - STRONG))


def standing(picks: Sequence[bool], *, error: float = ERROR) -> Standing:
    """How the series stands; `picks` are True for the first. The first verdict that is reached stays."""
    verdict, a, line = UNDECIDED, 0, -math.log(error)
    for n, pick in enumerate(picks, start=1):
        a += pick
        if verdict != UNDECIDED:
            continue
        if log_wealth(a, n) >= line:
            verdict = FIRST if a * 2 > n else SECOND
        elif _log_against(a, n) >= line:
            verdict = NO_PREFERENCE
    n = len(picks)
    low, high = always_valid_share(a, n, error)
    return Standing(verdict, n, a, _exp(log_wealth(a, n)), _exp(_log_against(a, n)), low, high)


def refuted(share: float, a: int, n: int, error: float = ERROR) -> bool:
    """Whether bets against "the first is preferred in this share of picks" have won 1 / error."""
    return _mixture(a, n, share) >= -math.log(error)


def always_valid_share(a: int, n: int, error: float = ERROR) -> tuple[float, float]:
    """The shares that no gambler could yet refute: an interval that holds at all moments at once."""
    if n == 0:
        return 0.0, 1.0
    kept = [share for share in np.linspace(0.001, 0.999, 999) if not refuted(float(share), a, n, error)]
    if not kept:
        return a / n, a / n
    low, high = float(min(kept)), float(max(kept))
    return (0.0 if low <= 0.001 else low), (1.0 if high >= 0.999 else high)


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def is_attentive(passed: int, checks: int) -> bool | None:
    """Whether the person looked: picked most real sprites of the pairs with one; None with too few checks."""
    return None if checks < LEAST_CHECKS else passed / checks >= ATTENTIVE
