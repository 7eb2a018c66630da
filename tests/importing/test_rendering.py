"""Orientation and the recipe, on small pictures with obvious answers."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import sprite

from gandam_studio.core.pictures.orienting import oriented
from gandam_studio.core.pictures.rendering import composite, content_box, longest_side, plain_border, render, resize
from trainer.protocol.recipe import Recipe

LETTERS = np.arange(6, dtype=np.uint8).reshape(2, 3, 1) + np.zeros(4, np.uint8)


def letters(pixels: np.ndarray) -> list[list[int]]:
    return pixels[..., 0].tolist()


def test_crop_then_turn_then_flip() -> None:
    assert letters(oriented(LETTERS)) == [[0, 1, 2], [3, 4, 5]]
    assert letters(oriented(LETTERS, flip=True)) == [[2, 1, 0], [5, 4, 3]]
    assert letters(oriented(LETTERS, rotation=1)) == [[3, 0], [4, 1], [5, 2]]
    assert letters(oriented(LETTERS, rotation=2)) == [[5, 4, 3], [2, 1, 0]]
    assert letters(oriented(LETTERS, rotation=3)) == [[2, 5], [1, 4], [0, 3]]
    assert letters(oriented(LETTERS, (1, 0, 2, 2), 1, True)) == [[1, 4], [2, 5]]
    assert letters(oriented(LETTERS, (2, 1, 50, 50))) == [[5]]
    with pytest.raises(ValueError, match="outside"):
        oriented(LETTERS, (3, 0, 2, 2))


def test_trim_pad_and_compose_on_white() -> None:
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[10:26, 12:20] = (200, 0, 0, 255)
    out = render(rgba, Recipe(size=32))
    assert out.shape == (32, 32, 3)
    # 8 x 16 content, trimmed, doubled to 16 x 32, centred.
    assert (out[:, 8:24] == (200, 0, 0)).all()
    assert (out[:, :8] == 255).all()
    assert (out[:, 24:] == 255).all()


def test_margin_and_standing_on_the_lower_edge() -> None:
    rgba = np.full((8, 16, 4), 255, np.uint8)
    rgba[..., :3] = np.arange(0, 256, 16, dtype=np.uint8)[:, None]
    out = render(rgba, Recipe(size=32, trim=False, pad="bottom", background="alpha", margin=0.25))
    visible = np.argwhere(out[..., 3])
    assert visible.min(axis=0).tolist() == [16, 8]
    assert visible.max(axis=0).tolist() == [23, 23]
    assert not out[out[..., 3] == 0].any()


def test_backgrounds() -> None:
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[8:24, 8:24] = (10, 20, 30, 128)
    corner = {
        name: render(rgba, Recipe(size=32, trim=False, background=name), "#445566")[0, 0].tolist()
        for name in ("white", "black", "detected", "#0a0b0c", "alpha")
    }
    assert corner == {
        "white": [255, 255, 255],
        "black": [0, 0, 0],
        "detected": [0x44, 0x55, 0x66],
        "#0a0b0c": [10, 11, 12],
        "alpha": [0, 0, 0, 0],
    }
    inside = render(rgba, Recipe(size=32, trim=False, background="white"))[16, 16].tolist()
    assert inside == [round((10 * 128 + 255 * 127) / 255), round((20 * 128 + 255 * 127) / 255), 142]


def test_a_keyed_sprite_is_trimmed_at_its_key_and_padded_with_it() -> None:
    keyed = np.full((64, 64, 4), (0, 0, 255, 255), np.uint8)
    keyed[20:52, 28:36] = (9, 9, 9, 255)
    assert plain_border(keyed) == (0, 0, 255, 255)
    assert content_box(keyed, plain_border(keyed)) == (28, 20, 8, 32)
    out = render(keyed, Recipe(size=64, background="detected"), "#0000ff")
    assert (out[:, :24] == (0, 0, 255)).all()
    assert (out[:, 24:40] == 9).all()


def test_pixel_art_grows_by_whole_pixels_and_shrinks_by_area() -> None:
    art = sprite(2, width=16, height=16)
    grown = resize(art, (64, 64))
    assert np.array_equal(grown, art.repeat(4, axis=0).repeat(4, axis=1))
    checks = np.zeros((64, 64, 4), np.uint8)
    checks[..., 3] = 255
    checks[::2, ::2, :3] = 255
    checks[1::2, 1::2, :3] = 255
    shrunk = resize(checks, (32, 32))
    assert np.abs(shrunk[..., :3].astype(int) - 128).max() <= 1


def test_transparent_colours_do_not_bleed_in() -> None:
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[:, 31:] = (255, 0, 0, 255)
    for method in ("area", "lanczos", "auto"):
        small = resize(rgba, (20, 20), method)
        visible = small[..., 3] > 8
        assert (small[visible][:, 0] >= 254).all()
        assert (small[visible][:, 1:3] <= 1).all()


def test_an_empty_picture_is_rendered_empty() -> None:
    empty = np.zeros((10, 20, 4), np.uint8)
    assert (render(empty, Recipe(size=32)) == 255).all()
    assert not render(empty, Recipe(size=32, background="alpha")).any()
    assert composite(np.zeros((1, 1, 4), np.uint8), (1, 2, 3)).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (300, 200)])
def test_every_shape_fits_every_size(size: int, shape: tuple[int, int]) -> None:
    rgba = np.full((*shape, 4), 77, np.uint8)
    for background, channels in (("alpha", 4), ("black", 3)):
        out = render(rgba, Recipe(size=size, background=background, margin=0.1))
        assert out.shape == (size, size, channels)
        assert out.dtype == np.uint8
        assert out.any()


def drawing(width: int, height: int, *, sheet: int = 40) -> np.ndarray:
    """An opaque rectangle, every column in another colour, on a transparent background."""
    rgba = np.zeros((sheet, sheet, 4), np.uint8)
    rgba[2 : 2 + height, 3 : 3 + width, 3] = 255
    rgba[2 : 2 + height, 3 : 3 + width, 0] = np.arange(width) * 7
    return rgba


def shown(rgba: np.ndarray) -> tuple[int, int, int, int]:
    return content_box(rgba)


def test_whole_factors_enlarge_and_reduce_without_part_pixels() -> None:
    recipe = Recipe(size=32, background="alpha", scale="whole")
    out = render(drawing(10, 7), recipe)
    # 32 // 10 is 3: every pixel becomes 3 x 3.
    assert shown(out) == (1, 5, 30, 21)
    np.testing.assert_array_equal(out[5, 1:31:3, 0], np.arange(10) * 7)
    np.testing.assert_array_equal(out[5:26, 1:31], np.repeat(np.repeat(out[5:26:3, 1:31:3], 3, 0), 3, 1))
    # 33 is one more than fits: half of it, and its last column is half covered.
    out = render(drawing(33, 12), recipe)
    assert shown(out) == (7, 13, 17, 6)
    pairs = np.arange(32).reshape(-1, 2) * 7
    assert np.abs(out[13, 7:23, 0] - pairs.mean(axis=1)).max() <= 0.5
    assert out[13, 23].tolist() == [32 * 7, 0, 0, 128]
    # "fit" fills the square.
    assert shown(render(drawing(10, 7), Recipe(size=32, background="alpha"))) == (0, 5, 32, 22)


def test_whole_reduction_of_a_plain_picture_extends_its_border() -> None:
    rgba = np.full((33, 33, 4), (9, 90, 200, 255), np.uint8)
    rgba[10:20, 10:20] = (255, 0, 0, 255)
    out = render(rgba, Recipe(size=32, trim=False, background="detected", scale="whole"), "#095ac8")
    assert (out[[0, -1]] == (9, 90, 200)).all()
    assert (out[:, [0, -1, 24]] == (9, 90, 200)).all()


def test_relative_scale_keeps_small_pictures_small() -> None:
    recipe = Recipe(size=32, background="alpha", scale="set")
    large, small = drawing(16, 16), drawing(8, 4)
    longest = max(longest_side(picture, recipe) for picture in (large, small))
    assert longest == 16
    assert shown(render(large, recipe, longest=longest)) == (0, 0, 32, 32)
    assert shown(render(small, recipe, longest=longest)) == (8, 12, 16, 8)
    # Without one it is on its own, and a recipe that fits does not ask.
    assert shown(render(small, recipe)) == (0, 8, 32, 16)
    fit = Recipe(size=32, background="alpha")
    np.testing.assert_array_equal(render(small, fit, longest=longest), render(small, fit))
    assert longest_side(small, Recipe(trim=False)) == 40


def test_recipes_without_a_scale_are_written_as_before() -> None:
    before = (
        '{"background": "white", "interpolation": "auto", "margin": 0.0, "pad": "square", "size": 64, "trim": true}'
    )
    assert Recipe().canonical() == before
    assert Recipe.from_json(Recipe(scale="set").to_json()) == Recipe(scale="set")
    assert Recipe(scale="whole").digest() != Recipe().digest()
    with pytest.raises(ValueError, match="scale"):
        Recipe(scale="huge")
