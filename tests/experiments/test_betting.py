"""The taste test's verdict: its error however one stops, and how many picks it takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gandam_studio.core.experiments.betting import (
    ERROR,
    NO_PREFERENCE,
    UNDECIDED,
    always_valid_share,
    is_attentive,
    log_wealth,
    refuted,
    standing,
)

SERIES = 1000


def _wealths(share: float, picks: int) -> tuple[np.ndarray, np.ndarray]:
    """Log wealth after each pick of many series, (SERIES, picks), and the number for the first."""
    dice = np.random.default_rng(int(share * 100))
    a = np.cumsum(dice.random((SERIES, picks)) < share, 1)
    table = {(k, n): log_wealth(k, n) for n in range(1, picks + 1) for k in range(n + 1)}
    return np.array([[table[int(k), n] for n, k in enumerate(row, 1)] for row in a]), a


def test_nobody_who_stops_at_will_errs_more_often_than_promised() -> None:
    wealth, _ = _wealths(0.5, 200)
    wrong = float((wealth.max(1) >= -math.log(ERROR)).mean())
    print(f"50:50, stopped at the best moment of 200: wrong in {wrong:.3f}")
    assert wrong <= 0.05


def test_how_many_picks_a_preference_takes() -> None:
    # With certainty none is quicker, on average, than ln 20 / KL(.65, .5) = 65.5 picks (Wald).
    wealth, a = _wealths(0.65, 400)
    decided = wealth >= -math.log(ERROR)
    first = np.where(decided.any(1), decided.argmax(1), 399)
    right = a[np.arange(SERIES), first] * 2 > first + 1
    print(f"65:35: {first.mean() + 1:.1f} picks on average, right in {right.mean():.3f}")
    assert first.mean() + 1 <= 100
    assert right.mean() >= 0.97
    wealth, _ = _wealths(0.78, 200)
    picks = (wealth >= -math.log(ERROR)).argmax(1).mean() + 1
    print(f"78:22, what 65:35 becomes with four samples a side: {picks:.1f} picks on average")
    assert picks <= 40


def test_wealth_is_a_fair_game_under_the_null() -> None:
    # The expectation over all series of n picks is 1.
    n = 12
    total = sum(math.comb(n, a) * 0.5**n * math.exp(log_wealth(a, n)) for a in range(n + 1))
    assert total == pytest.approx(1.0)


def test_the_first_verdict_stays() -> None:
    picks = [True] * 12
    assert standing(picks).verdict == "a"
    assert standing([False] * 12).verdict == "b"
    assert standing(picks + [False] * 60).verdict == "a"
    assert standing([]).verdict == UNDECIDED
    assert standing([True, False] * 100).verdict == NO_PREFERENCE


def test_the_always_valid_interval_covers_at_all_moments_at_once() -> None:
    dice = np.random.default_rng(8)
    a = np.cumsum(dice.random((500, 60)) < 0.7, 1)
    missed = sum(any(refuted(0.7, int(k), n) for n, k in enumerate(row, 1)) for row in a)
    assert missed / 500 <= 0.05
    low, high = always_valid_share(42, 60)
    assert low < 0.7 < high
    assert refuted(low - 0.01, 42, 60)
    assert always_valid_share(0, 0) == (0.0, 1.0)


def test_attention() -> None:
    assert is_attentive(1, 1) is None
    assert is_attentive(3, 4) is True
    assert is_attentive(2, 4) is False
