"""The content of a picture: its box, its flags, and removed backgrounds."""

from __future__ import annotations

import numpy as np
import pytest

from gandam_studio.core.hashing import Flag
from gandam_studio.core.hashing.content import find_content, find_contents


def noise(height: int, width: int, alpha: int = 255) -> np.ndarray:
    rgba = np.random.default_rng(height * width).integers(0, 256, (height, width, 4)).astype(np.uint8)
    rgba[..., 3] = alpha
    return rgba


def placed(part: np.ndarray, y: int, x: int, height: int, width: int, background: tuple[int, ...]) -> np.ndarray:
    rgba = np.empty((height, width, 4), np.uint8)
    rgba[:] = background
    rgba[y : y + part.shape[0], x : x + part.shape[1]] = part
    return rgba


@pytest.mark.parametrize(("alpha", "flags"), [(255, Flag.OPAQUE), (250, Flag.OPAQUE), (249, Flag(0))])
def test_pictures_without_transparency_are_opaque(alpha: int, flags: Flag) -> None:
    picture = noise(9, 7, alpha)
    found = find_content(picture)
    assert (found.box, found.flags) == ((0, 0, 7, 9), flags)
    assert np.array_equal(found.rgba, picture)


def test_a_figure_is_trimmed() -> None:
    part = noise(5, 4)
    found = find_content(placed(part, 3, 2, 12, 11, (0, 0, 0, 0)))
    assert (found.box, found.flags) == ((2, 3, 4, 5), Flag(0))
    assert np.array_equal(found.rgba, part)


def test_an_even_background_is_removed() -> None:
    part = noise(6, 6)
    found = find_content(placed(part, 5, 4, 20, 20, (200, 10, 200, 255)))
    assert (found.box, found.flags) == ((4, 5, 6, 6), Flag.OPAQUE | Flag.KEYED)
    assert np.array_equal(found.rgba, part)
    # The same with room around it: the picture is not opaque, but its background is.
    wide = placed(placed(part, 5, 4, 20, 20, (200, 10, 200, 255)), 1, 1, 30, 30, (0, 0, 0, 0))
    found = find_content(wide)
    assert (found.box, found.flags) == ((5, 6, 6, 6), Flag.KEYED)


def test_specks_belong_to_the_background_and_larger_spots_to_the_content() -> None:
    picture = placed(noise(20, 20), 10, 10, 40, 40, (200, 10, 200, 255))
    picture[2, 3, :3] = picture[37, 36, :3] = (0, 255, 0)
    found = find_content(picture)
    assert (found.box, found.flags) == ((10, 10, 20, 20), Flag.OPAQUE | Flag.KEYED)
    picture[3:5, 30:33, :3] = (0, 255, 0)
    assert find_content(picture).box == (10, 3, 23, 27)


@pytest.mark.parametrize(("width", "found"), [(4, True), (3, False)])
def test_the_smallest_content_on_a_background_has_16_pixels(width: int, found: bool) -> None:
    picture = placed(noise(4, width), 8, 8, 20, 20, (200, 10, 200, 255))
    assert (Flag.KEYED in Flag(find_content(picture).flags)) is found


def test_nothing_to_see_is_blank() -> None:
    assert find_content(np.zeros((4, 5, 4), np.uint8)).flags == Flag.BLANK
    assert find_content(np.zeros((0, 5, 4), np.uint8)).flags == Flag.BLANK
    faint = noise(4, 5, 1)
    found = find_content(faint)
    assert (found.rgba.shape, found.flags) == ((0, 0, 4), Flag.BLANK)


def test_many_pictures_are_as_each_alone() -> None:
    part = noise(6, 6)
    pictures = [
        noise(20, 20),
        placed(part, 5, 4, 20, 20, (200, 10, 200, 255)),
        placed(part, 0, 14, 20, 20, (0, 0, 0, 0)),
        np.zeros((20, 20, 4), np.uint8),
    ]
    found = find_contents(np.stack(pictures))
    alone = [find_content(one) for one in pictures]
    assert [tuple(box) for box in found.boxes.tolist()] == [one.box for one in alone]
    assert found.flags.tolist() == [int(one.flags) for one in alone]
    assert found.solid.tolist() == [True, True, False, False]
    assert not found.untrimmed
    assert find_contents(np.stack(pictures[:1])).untrimmed
    cropped = found.cropped([1, 2], 8, 7).view(np.uint8).reshape(2, 8, 7, 4)
    for words in cropped:
        assert np.array_equal(words[:6, :6], part)
        assert not words[6:].any()
        assert not words[:, 6:].any()
