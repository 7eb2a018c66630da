"""Distributions and tests against known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.experiments.statistics import (
    beta_quantile,
    holm,
    incomplete_beta,
    lenth,
    paired,
    pseudo_error,
    share,
    t_quantile,
    t_two_sided,
)

# Student's t at .975, from printed tables.
TABLE = {1: 12.7062047, 2: 4.3026527, 3: 3.1824463, 4: 2.7764451, 7: 2.3646243, 30: 2.0422725, 120: 1.9799304}


@pytest.mark.parametrize(("df", "value"), TABLE.items())
def test_quantiles_of_t_are_those_of_the_tables(df: int, value: float) -> None:
    assert t_quantile(0.975, df) == pytest.approx(value, abs=1e-6)
    assert t_quantile(0.025, df) == pytest.approx(-value, abs=1e-6)
    assert t_two_sided(value, df) == pytest.approx(0.05, abs=1e-7)


@given(st.floats(0.001, 0.999), st.floats(0.3, 60))
def test_quantile_and_probability_are_inverse(share_: float, df: float) -> None:
    t = t_quantile(share_, df)
    one_sided = t_two_sided(t, df) / 2
    assert (one_sided if share_ < 0.5 else 1 - one_sided) == pytest.approx(share_, abs=1e-9)


def test_the_distributions_agree_with_scipy() -> None:
    special = pytest.importorskip("scipy.special", reason="SciPy is not installed")
    for a, b, x in ((0.5, 0.5, 0.2), (3, 9, 0.4), (40, 2, 0.97), (1.2, 300, 0.001)):
        assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-10)
        assert beta_quantile(0.3, a, b) == pytest.approx(special.betaincinv(a, b, 0.3), rel=1e-8)
    assert t_quantile(0.9, 2.5) == pytest.approx(special.stdtrit(2.5, 0.9), rel=1e-9)


def test_a_paired_interval_worked_by_hand() -> None:
    # Mean 2, deviation 1, error 1/sqrt(3), t(.975, 2) = 4.302653.
    found = paired([1.0, 2.0, 3.0])
    assert found.estimate == 2
    assert found.high - 2 == pytest.approx(4.3026527 / math.sqrt(3), abs=1e-6)
    assert found.p == pytest.approx(0.07417990, abs=1e-7)
    with pytest.raises(ValueError, match="two pairs"):
        paired([1.0])


def test_differences_without_any_spread() -> None:
    assert paired([0.0, 0.0]).p == 1
    assert paired([0.5, 0.5]).p == 0


def test_an_exact_share() -> None:
    # Three of three: the lower end is .025 ** (1/3).
    assert share(3, 3) == pytest.approx((1.0, 0.025 ** (1 / 3), 1.0))
    assert share(0, 5)[1:] == pytest.approx((0.0, 1 - 0.025 ** (1 / 5)))
    # R: binom.test(7, 10)$conf.int
    assert share(7, 10)[1:] == pytest.approx((0.3475471, 0.9332605), abs=1e-6)


def test_holm_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_lenths_pseudo_error_of_a_published_example() -> None:
    # Sizes 1 to 7 and a large one: s0 = 1.5 * 4.5, of which 2.5 times leaves out the large one, so the median is 4.
    assert pseudo_error([1, -2, 3, 4, -5, 6, 7, 100]) == pytest.approx(6.0)
    found = lenth([100, 1], [1, -2, 3, 4, -5, 6, 7, 100])
    assert found[0].p < 0.01
    assert found[1].p > 0.5
    with pytest.raises(ValueError, match="at least 7"):
        lenth([1.0], [1.0] * 6)


def test_lenths_values_hold_without_effects() -> None:
    dice = np.random.default_rng(5)
    wrong = sum(min(i.p for i in lenth(e[:5], e)) < 0.01 for e in dice.standard_normal((400, 15)))
    assert wrong / 400 <= 0.05 + 0.03
