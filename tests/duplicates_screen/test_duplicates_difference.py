"""The difference of two pictures: known answers, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gandam_studio.qt.duplicates.difference import CHANGED, ONLY_LEFT, ONLY_RIGHT, difference


def opaque(height: int, width: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 4), (*color, 255), np.uint8)


def test_equal_pictures_do_not_differ() -> None:
    found = difference(opaque(3, 5, (9, 8, 7)), opaque(3, 5, (9, 8, 7)))
    assert (found.changed, found.only_left, found.only_right) == (0, 0, 0)
    assert (found.pixels, found.greatest, found.share) == (15, 0, 0.0)


def test_each_kind_of_difference_is_counted_and_painted_in_its_color() -> None:
    left, right = opaque(4, 4, (100, 100, 100)), opaque(4, 4, (100, 100, 100))
    left[0, :3, 3] = 0  # three pixels only on the right
    right[3, :2, 3] = 0  # two only on the left
    right[1, 1, 0] = 101  # one changed, by a single level
    found = difference(left, right)
    assert (found.changed, found.only_left, found.only_right, found.pixels) == (1, 2, 3, 16)
    assert found.greatest == 255
    assert tuple(found.picture[0, 0, :3]) == ONLY_RIGHT
    assert tuple(found.picture[3, 0, :3]) == ONLY_LEFT
    assert tuple(found.picture[1, 1, :3]) == CHANGED
    assert found.picture[1, 1, 3] >= 100, "a difference of one level must be seen"
    assert found.picture[2, 2, 3] < 100, "what both share stays faint"
    assert found.share == pytest.approx(6 / 16)


def test_colors_under_transparent_pixels_do_not_count() -> None:
    left, right = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)
    right[..., :3] = 200
    found = difference(left, right)
    assert (found.changed, found.pixels, found.greatest, found.share) == (0, 0, 0, 0.0)


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="same size"):
        difference(opaque(2, 3, (0, 0, 0)), opaque(3, 2, (0, 0, 0)))
