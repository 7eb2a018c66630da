"""Pyramids of curves show the raw values, for any order and size of writes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.runs.curves import Curve, SmoothedCurve, ema


def _curve(values: np.ndarray) -> Curve:
    curve = Curve()
    curve.write(1, values)
    return curve


def test_a_short_window_is_the_raw_values() -> None:
    curve = _curve(np.arange(10.0))
    x, y = curve.window(4, 6, 100)
    assert list(x) == [3, 4, 5, 6, 7]
    assert list(y) == [2, 3, 4, 5, 6]


def test_a_one_step_spike_is_visible_at_every_zoom() -> None:
    values = np.zeros(100_000)
    values[77_777] = 9.0
    curve = _curve(values)
    for points in (100, 1000, 10_000):
        x, y = curve.window(1, 100_000, points)
        assert len(y) <= 2 * points + 4
        assert y.max() == 9.0
        assert abs(x[y.argmax()] - 77_778) <= 4 * 100_000 / points


def test_missing_values_are_not_drawn_and_not_invented() -> None:
    curve = _curve(np.array([1.0, np.nan, 3.0]))
    x, y = curve.window(1, 3, 10)
    assert (list(x), list(y)) == ([1, 3], [1, 3])
    sparse = Curve()
    sparse.write(1, [None if step % 8 else 2.0 for step in range(4096)])
    x, y = sparse.window(1, 4096, 40)
    assert len(y) > 20
    assert set(y) == {2.0}


def test_a_gap_stays_empty() -> None:
    curve = Curve()
    curve.write(5, [1.0])
    assert len(curve) == 5
    assert [curve.value_at(iteration) for iteration in (4, 5)] == [None, 1.0]
    with pytest.raises(ValueError, match="count from 1"):
        curve.write(0, [1.0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.integers(0, 3000), st.integers(5, 200))
def test_piecewise_writes_and_a_truncation_equal_one_write(pieces: list[int], cut: int, points: int) -> None:
    values = np.random.default_rng(sum(pieces)).normal(size=sum(pieces)).astype(np.float32)
    grown, position = Curve(), 0
    for piece in pieces:
        grown.write(position + 1, values[position : position + piece])
        position += piece
        if piece % 2:
            grown.window(1, position, points)  # Levels are brought up to date when drawn, at any time.
    assert _same(grown, _curve(values), points)
    grown.truncate(cut)
    assert _same(grown, _curve(values[:cut]), points)
    grown.write(min(cut, len(values)) + 1, [7.0] * 100)
    assert _same(grown, _curve(np.concatenate([values[:cut], np.full(100, 7.0)])), points)


def _same(one: Curve, other: Curve, points: int) -> bool:
    (x1, y1), (x2, y2) = one.window(1, len(one), points), other.window(1, len(other), points)
    return np.array_equal(one.values, other.values) and np.array_equal(x1, x2) and np.array_equal(y1, y2)


def test_value_at_looks_back_but_not_forward() -> None:
    curve = _curve(np.array([1.0, np.nan, 3.0]))
    assert curve.value_at(2) == 1.0
    assert curve.value_at(3) == 3.0
    assert curve.value_at(50) == 3.0
    assert curve.value_at(0) is None
    assert Curve().value_at(5) is None


@pytest.mark.parametrize("half_life", [0.5, 3.0, 50.0, 5000.0])
def test_the_moving_average_is_its_recurrence(half_life: float) -> None:
    values = np.random.default_rng(3).normal(size=5000)
    a, state, expected = 2 ** (-1 / half_life), 0.25, []
    for value in values:
        state = a * state + (1 - a) * value
        expected.append(state)
    np.testing.assert_allclose(ema(values, half_life, 0.25), expected, rtol=1e-7, atol=1e-9)


def test_a_constant_is_smoothed_to_itself_from_the_first_step_and_across_gaps() -> None:
    curve = SmoothedCurve(half_life=40)
    curve.write(1, [None, None, 4.0, None, 4.0])
    curve.write(6, [None] * 200 + [4.0])
    smooth = curve.smooth.values
    assert np.isnan(smooth[:2]).all()
    np.testing.assert_allclose(smooth[2:], 4.0, rtol=1e-6)


def test_smoothing_grows_as_if_made_at_once_and_can_be_changed() -> None:
    values = np.random.default_rng(5).normal(size=3000)
    pieces, whole = SmoothedCurve(30), SmoothedCurve(30)
    whole.write(1, values)
    for start in range(0, 3000, 17):
        pieces.write(start + 1, values[start : start + 17])
    np.testing.assert_allclose(pieces.smooth.values, whole.smooth.values, rtol=1e-5, atol=1e-7)
    whole.set_half_life(0)
    np.testing.assert_array_equal(whole.smooth.values, whole.raw.values)


def test_the_average_follows_its_half_life() -> None:
    curve = SmoothedCurve(half_life=50.0)
    curve.write(1, [0.0] * 99 + [1.0])
    smooth = curve.smooth.value_at(100)
    curve.set_half_life(50.0)
    assert curve.smooth.value_at(100) == smooth
    curve.set_half_life(1.0)
    # The newest of many values weighs 1 - 2 ** (-1 / half_life).
    assert curve.smooth.value_at(100) == pytest.approx(0.5)
    curve.set_half_life(0)
    assert curve.smooth.value_at(100) == 1.0


def test_values_before_the_first_ones_are_kept_too() -> None:
    curve = _curve(np.arange(0.0))
    curve.write(1000, np.full(500, 2.0))
    curve.settle()
    curve.write(700, np.full(100, 1.0))
    assert (curve.before, len(curve)) == (699, 1499)
    x, y = curve.window(1, 2000, 5000)
    assert x.tolist() == [*range(700, 800), *range(1000, 1500)]
    assert y.tolist() == [1.0] * 100 + [2.0] * 500
    curve.write(1499, [3.0, 3.0])
    assert (curve.before, len(curve)) == (699, 1500)
    assert curve.value_at(1500) == 3.0
