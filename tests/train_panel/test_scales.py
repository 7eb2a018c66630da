"""The plots' scales and the numbers on their axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.runs.scales import Linear, SignedLog, short_number


@given(st.floats(-1e6, 1e6))
def test_the_logarithmic_scale_is_odd_and_comes_back(value: float) -> None:
    scale = SignedLog()
    assert scale.inverse(float(scale.forward(value))) == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert scale.forward(-value) == -scale.forward(value)


def test_far_from_zero_a_decade_is_one() -> None:
    scale = SignedLog()
    assert scale.forward(1000.0) - scale.forward(100.0) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("scale", [Linear(), SignedLog()])
@pytest.mark.parametrize(("low", "high"), [(0.01, 3.0), (-40.0, 12.0), (5.0, 5.001), (1e-4, 2e5)])
def test_ticks_are_few_and_inside(scale: Linear | SignedLog, low: float, high: float) -> None:
    bottom, top = float(scale.forward(low)), float(scale.forward(high))
    ticks = scale.ticks(bottom, top)
    assert len(ticks) <= 8
    assert all(bottom <= tick <= top for tick in ticks)
    assert ticks == sorted(ticks)
    if isinstance(scale, Linear):
        assert len(ticks) >= 2
        assert np.ptp(np.diff(ticks)) < 1e-6 * (high - low)


def test_no_room_no_ticks() -> None:
    assert Linear().ticks(1.0, 1.0) == []
    assert Linear().ticks(float("nan"), 1.0) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (1000, "1,000"), (999.9999, "1,000"), (12_345, "12.3k"), (1.5e6, "1.5M"), (3e-5, "3e-05")],
)
def test_numbers_on_axes_are_short(value: float, text: str) -> None:
    assert short_number(value) == text
