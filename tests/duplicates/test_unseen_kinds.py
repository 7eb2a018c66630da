"""Kinds of copies that games showed which nothing had been tuned on, and the different drawings beside them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from test_redrawing import figure, mirror, noisy, relation

from gandam_studio.core.duplicates import DUPLICATES
from gandam_studio.core.duplicates.colours import tinted, weighted
from gandam_studio.core.duplicates.synthesis import background_behind

SEEDS = [0, 1, 2]
Picture = np.ndarray


def word(first: Picture, second: Picture) -> str:
    """What a pair is called; "" if nothing relates it."""
    link = relation(first, second)
    return "" if link is None else link.verdict.relation


def textured(seed: int, side: int = 24, spread: float = 40.0, colour: float = 4.0) -> Picture:
    """An opaque texture of greys, nearly, (side, side, 4), made of blocks so that it survives an encoder."""
    generator = np.random.default_rng(seed)
    light = np.kron(generator.normal(0, spread, (side // 4, side // 4)), np.ones((4, 4)))[..., None]
    tint = np.kron(generator.normal(0, colour, (side // 4, side // 4, 3)), np.ones((4, 4, 1)))
    return np.dstack([np.clip(120 + light + tint, 8, 245), np.full((side, side), 255)]).astype(np.uint8)


def hue(picture: Picture, by: int = 90) -> Picture:
    """The hue turned by so many of 256 steps, in 8 bits."""
    hsv = np.array(Image.fromarray(picture[..., :3]).convert("HSV"))
    hsv[..., 0] += np.uint8(by)
    return np.dstack([np.array(Image.fromarray(hsv, "HSV").convert("RGB")), picture[..., 3]])


def brighter(picture: Picture, factor: float = 1.3) -> Picture:
    """All colours times a factor, as far as they go."""
    colours = np.clip(picture[..., :3] * factor, 0, 255).astype(np.uint8)
    return np.dstack([colours, picture[..., 3]])


def jpeg(picture: Picture, quality: int = 30) -> Picture:
    """An opaque picture as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(picture[..., :3]).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream).convert("RGBA"))


def palette(picture: Picture) -> Picture:
    """In 8 colours."""
    return np.array(Image.fromarray(picture[..., :3]).quantize(8).convert("RGBA"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_slight_tint_of_a_grey_drawing_is_a_recolour(seed: int, turned: bool):
    """It changes hardly more than an encoder does, but keeps the greatest and the least channel of every pixel."""
    plain = textured(seed)
    other = hue(mirror(plain) if turned else plain)
    assert 3 < np.abs((mirror(plain) if turned else plain).astype(int) - other).max() < 40
    assert word(plain, other) == "recoloured"


@pytest.mark.filterwarnings("error")
def test_a_tint_of_what_hardly_shows_is_a_recolour():
    """No pixel is opaque enough to be of the sprite."""
    smoke = textured(3, colour=40.0)
    smoke[..., 3] = 60
    assert word(smoke, hue(smoke)) == "recoloured"


@pytest.mark.parametrize("change", [hue, brighter])
def test_a_tint_is_told_from_what_encoders_do(change: Callable[[Picture], Picture]):
    plain = textured(5)
    assert tinted(weighted(plain), weighted(change(plain)))
    assert tinted(weighted(change(plain)), weighted(plain))
    for spoil in (jpeg, palette, noisy):
        assert not tinted(weighted(plain), weighted(spoil(plain)))
    assert not tinted(weighted(plain), weighted(plain))
    part = plain.copy()
    part[:8] = change(plain)[:8]
    part[16:20, 16:20, :3] //= 2
    assert not tinted(weighted(plain), weighted(part))


def columns(seed: int) -> Picture:
    """Red and green columns four pixels wide behind random grey blocks, (40, 40, 4), opaque."""
    red = np.arange(40) // 4 % 2 == 0
    made = np.full((40, 40, 4), (60, 60, 60, 255), dtype=np.uint8)
    made[:, red, 0] = made[:, ~red, 1] = 200
    blocks = np.kron(np.random.default_rng(seed).random((10, 10)) < 0.4, np.ones((4, 4))) > 0
    made[blocks, :3] = 120, 120, 130
    return made


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("by", "onwards"), [(85, True), (171, False)])
def test_a_turned_hue_does_not_move_a_drawing(seed: int, by: int, onwards: bool):
    """By a third, green becomes red or the other way round: with a shift by a column, more pixels are alike."""
    plain = columns(seed)
    other = hue(plain, by)
    left, right = (plain, other) if onwards else (other, plain)
    in_place, beside = (np.abs(right[:, : 40 - x].astype(int) - left[:, x:]).mean() for x in (0, 4))
    assert beside < in_place
    link = relation(plain, other)
    assert link is not None
    assert link.verdict.relation == "recoloured"
    assert link.verdict.distance < 0.3
    place = link.verdict.transform
    assert (place.scale_x, place.scale_y, place.shift_x, place.shift_y) == (1, 1, 0, 0)
    assert not place.cropped


def rounded(picture: Picture) -> Picture:
    """A tile whose corners are empty: less than a hundredth of it."""
    made = picture.copy()
    for y in (0, -1):
        for x in (0, -1):
            made[y, x] = 0
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_a_background_shows_in_rounded_corners(seed: int):
    tile = rounded(textured(seed, colour=30.0))
    laid = tile.copy()
    laid[laid[..., 3] == 0] = (200, 40, 90, 255)
    assert word(tile, laid) in DUPLICATES


def test_what_fills_corners_with_the_drawings_own_colours_is_no_background():
    tile = np.full((24, 24, 4), (90, 110, 130, 255), dtype=np.uint8)
    empty = weighted(rounded(tile))
    assert background_behind(empty, weighted(tile)) is None
    tile[[0, 0, -1, -1], [0, -1, 0, -1], :3] = 20, 220, 20
    behind = background_behind(empty, weighted(tile))
    assert behind is not None
    np.testing.assert_allclose(behind, (20, 220, 20))
    tile[0, 0, :3] = 250, 20, 20
    assert background_behind(empty, weighted(tile)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_jpeg_is_proven_by_its_pixels_where_colours_are_few(seed: int):
    """A muted picture has few colours of its own after an encoder; what comes out to the level is proof enough."""
    plain = textured(seed, side=48, spread=25.0, colour=3.0)
    assert word(plain, jpeg(plain)) == "re-encoded"
    other = plain.copy()
    other[8:24, 8:24] = plain[24:40, 24:40]
    assert word(other, jpeg(plain)) not in DUPLICATES


@pytest.mark.parametrize("seed", SEEDS)
def test_a_symmetric_figure_with_noise_is_not_called_mirrored(seed: int):
    plain = figure(seed)
    half = plain[:, : plain.shape[1] // 2]
    plain = np.concatenate([half, mirror(half)], axis=1)
    assert word(plain, noisy(plain)) == "re-encoded"
    assert word(figure(seed), mirror(figure(seed))) == "mirrored"


def shape(colour: int, opacity: Callable[[np.ndarray], np.ndarray]) -> Picture:
    """A ring of one grey, (40, 40, 4)."""
    y, x = np.mgrid[:40, :40] - 19.5
    alpha = opacity(np.abs(np.hypot(y, x) - 12))
    return np.dstack([np.full((40, 40, 3), colour), np.clip(alpha, 0, 255)]).astype(np.uint8)


@pytest.mark.parametrize("colour", [0, 255])
def test_noise_is_known_where_black_or_white_cuts_half_of_it_off(colour: int):
    ring = shape(colour, lambda away: 255.0 * (away < 5))
    assert word(ring, noisy(ring)) == "re-encoded"


def test_noise_is_known_where_it_shines_through():
    """It is added to colours, so that less of it shows where a picture is translucent."""
    smoke = shape(120, lambda away: 255 - 22 * away)
    assert word(smoke, noisy(smoke)) == "re-encoded"
    other = shape(120, lambda away: 255 - 22 * away)
    other[16:24, 28:36, :3] = 190
    assert word(other, noisy(smoke)) not in DUPLICATES


@pytest.mark.parametrize("method", [Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
def test_a_size_one_pixel_off_is_a_resized_copy(method: Image.Resampling):
    plain = textured(3, side=40, colour=40.0)
    smaller = np.array(Image.fromarray(plain).resize((39, 39), method))
    assert word(plain, smaller) == "resized"
    other = plain.copy()
    other[4:16, 4:16] = plain[20:32, 20:32]
    assert word(other, smaller) not in DUPLICATES


def shield(stripes: list[tuple[int, int, int]]) -> Picture:
    """A shield of 16 x 16 pixels with a black rim and level stripes of these colours, (16, 16, 4)."""
    made = np.zeros((16, 16, 4), dtype=np.uint8)
    made[1:15, 1:15] = (0, 0, 0, 255)
    for row in range(2, 14):
        made[row, 2:14, :3] = stripes[(row - 2) * len(stripes) // 12]
    return made


def test_stripes_are_not_reduced_to_one_colour():
    """It is about their mean, and the nearest of two colours: but nothing of the stripes is left."""
    yellow, red, orange = (255, 255, 0), (255, 47, 0), (255, 151, 0)
    striped = shield([yellow, yellow, yellow, red, orange, red, yellow, yellow])
    assert word(striped, shield([(252, 209, 22)])) == "near"


def test_neighbouring_shades_that_merged_are_a_reduction():
    """Red and yellow stay apart, so the drawing is left."""
    shades = [(255, 250, 0), (235, 215, 30), (240, 40, 0), (200, 10, 20)]
    whole = shield([shades[0], shades[1], shades[2], shades[3], shades[0], shades[1]])
    bright, dark = (244, 231, 16), (220, 25, 10)
    assert word(whole, shield([bright, bright, dark, dark, bright, bright])) == "re-encoded"


def test_a_part_that_became_background_is_no_reduction():
    """The other picture has fewer colours, and its black is the nearest of them, but a drawing lacks its waves."""
    tower = np.zeros((28, 16, 4), dtype=np.uint8)
    tower[..., 3] = 255
    greys = np.linspace(90, 220, 8).astype(np.uint8)
    tower[14:, 4:12, :3] = greys[:, None]
    tower[8:14, 7:9, :3] = (200, 30, 30)
    waves = tower.copy()
    for reach in (3, 5, 7):
        waves[8 - reach, 8 - reach : 8 + reach, :3] = (0, 128, 0)
        waves[8 - reach : 9, [8 - reach, 7 + reach], :3] = (0, 128, 0)
    assert word(waves, tower) not in DUPLICATES
    assert word(tower, waves) not in DUPLICATES
