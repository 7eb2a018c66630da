"""One picture aligned with another: equal pictures do not differ in a single pixel."""

from __future__ import annotations

import numpy as np
import pytest

from gandam_studio.core.duplicates.verdicts import Transform
from gandam_studio.qt.duplicates.difference import difference
from gandam_studio.qt.duplicates.mapping import aligned_pair
from gandam_studio.samples.mechas.collection import render

MECHA = render(7, 3)


def test_nothing_to_do_changes_nothing() -> None:
    left, right = aligned_pair(MECHA, MECHA, Transform())
    assert np.array_equal(left, MECHA)
    assert np.array_equal(right, MECHA)


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_larger_mirrored_copy_lies_exactly_on_its_original(factor: int) -> None:
    copy = MECHA[:, ::-1].repeat(factor, 0).repeat(factor, 1)
    left, right = aligned_pair(MECHA, copy, Transform(mirrored=True, scale_x=1 / factor, scale_y=1 / factor))
    assert left.shape == (64 * factor, 64 * factor, 4)
    assert difference(left, right).share == 0


def test_a_smaller_copy_is_enlarged_to_its_original() -> None:
    large = MECHA.repeat(2, 0).repeat(2, 1)
    left, right = aligned_pair(large, MECHA, Transform(scale_x=2, scale_y=2))
    assert left.shape == (128, 128, 4)
    assert difference(left, right).share == 0


def test_a_trimmed_copy_is_put_where_it_was_cut_from() -> None:
    cut = MECHA[11:60, 7:50]
    left, right = aligned_pair(MECHA, cut, Transform(shift_x=7, shift_y=11))
    assert difference(left[11:60, 7:50], right[11:60, 7:50]).share == 0
    assert not right[:11].any()


def test_a_padded_copy_widens_the_canvas_on_its_own_side() -> None:
    padded = np.pad(MECHA, ((5, 0), (9, 2), (0, 0)))
    left, right = aligned_pair(MECHA, padded, Transform(shift_x=-9, shift_y=-5))
    assert left.shape == (69, 75, 4)
    assert difference(left, right).share == 0


def test_a_slightly_wrong_scale_still_falls_on_whole_pixels() -> None:
    copy = MECHA.repeat(2, 0).repeat(2, 1)
    left, right = aligned_pair(MECHA, copy, Transform(scale_x=0.5002, scale_y=0.4999, shift_x=0.02, shift_y=-0.01))
    assert difference(left, right).share == 0


def test_a_wild_mapping_takes_no_more_than_its_share_of_memory() -> None:
    left, right = aligned_pair(MECHA, MECHA, Transform(scale_x=1000, scale_y=1000, shift_x=9999, shift_y=-9999))
    assert max(right.shape) <= 2 * 2048
    assert left.shape == right.shape
