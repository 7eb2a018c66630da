"""The taste test's verdict: its error however one stops, and how many picks it takes."""

from __future__ import annotations

import functools
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


@functools.cache
def _table(picks: int) -> np.ndarray:
    """Log wealth by the number for the first and, from 1 on, that of all: (picks + 1, picks)."""
    return np.array([[log_wealth(k, n) if k <= n else 0.0 for n in range(1, picks + 1)] for k in range(picks + 1)])


def _wealths(share: float, picks: int) -> tuple[np.ndarray, np.ndarray]:
    """Log wealth after each pick of many series, (SERIES, picks), and the number for the first."""
    dice = np.random.default_rng(int(share * 100))
    a = np.cumsum(dice.random((SERIES, picks)) < share, 1)
    return _table(picks)[a, np.arange(picks)], a


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


RULES = {
    "average": lambda side: side.mean(-1), "best": lambda side: side.max(-1), "worst": lambda side: side.min(-1),
    "middle": lambda side: np.median(side, -1), "first": lambda side: side[..., 0],
}  # fmt: skip
"""What a side of several samples is judged by. Nobody knows which of them a person follows."""
SHIFT = 0.545  # Of qualities with spread 1, so that single samples win 65 of 100.


def _judged(rule: str, each: int, shift: float, spread: float = 1.0, picks: int = 200) -> np.ndarray:
    """Picks for the first, (SERIES, picks); samples are new ones in every pick, as the pairs of a test are."""
    dice = np.random.default_rng(each)
    first = RULES[rule](shift + dice.standard_normal((SERIES, picks, each)))
    return first > RULES[rule](spread * dice.standard_normal((SERIES, picks, each)))


def _decided(series: np.ndarray) -> tuple[float, float]:
    """(share of series that name one, picks on average)."""
    a = np.cumsum(series, 1)
    picks = a.shape[1]
    over = _table(picks)[a, np.arange(picks)] >= -math.log(ERROR)
    return float(over.any(1).mean()), float(np.where(over.any(1), over.argmax(1) + 1, picks).mean())


@pytest.mark.parametrize("rule", RULES)
def test_however_a_side_of_four_is_judged_it_takes_no_more_picks_and_errs_no_more(rule: str) -> None:
    wrong, _ = _decided(_judged(rule, 4, 0.0))
    found, picks = _decided(_judged(rule, 4, SHIFT))
    _, alone = _decided(_judged(rule, 1, SHIFT))
    print(f"{rule}: wrong in {wrong:.3f} at 50:50; at 65:35 of single ones {picks:.1f} picks, one a side {alone:.1f}")
    assert wrong <= 0.05
    assert found >= 0.95
    assert picks <= alone + 2
    assert picks <= {"average": 32, "middle": 35, "best": 50, "worst": 50}.get(rule, 90)


def test_a_verdict_of_four_a_side_is_about_groups_of_four() -> None:
    """Samples that win as often as they lose, but vary more, make the best of four, and the worst."""
    assert _decided(_judged("best", 1, 0.0, spread=2.0))[0] <= 0.05
    best, worst = (_judged(rule, 4, 0.0, spread=2.0) for rule in ("best", "worst"))
    assert _decided(best)[0] >= 0.95
    assert _decided(worst)[0] >= 0.95
    assert best.mean() < 0.5 < worst.mean()


def test_showing_the_same_few_samples_again_would_err() -> None:
    """Why a sample is shown once: of two pools of 200 of one run, one is better by luck, and 400 picks find it."""
    dice = np.random.default_rng(5)
    a, b = (dice.standard_normal((SERIES, 200)) for _ in "ab")
    sides = [np.take_along_axis(pool, dice.integers(0, 200, (SERIES, 200 * 4)), 1).reshape(SERIES, 200, 4)
             for pool in (a, b)]  # fmt: skip
    wrong, _ = _decided(sides[0].mean(-1) > sides[1].mean(-1))
    print(f"pools of 200 shown again and again, four a side: wrong in {wrong:.3f} of series of 200")
    assert wrong > 0.1


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
