"""Drawings that differ slightly are no copies: encoders leave traces that painters do not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from drawn_sprites import blob
from PIL import Image
from test_redrawing import dropped, figure, jpeg, middle, noisy, relation, saved

from gandam_studio.core.duplicates import DUPLICATES

SEEDS = [0, 1, 2]
Change = Callable[[np.ndarray], np.ndarray]


def shaded(seed: int) -> np.ndarray:
    """A sprite of many colours, (60, 58, 4), each pixel with its own."""
    picture = blob(seed, 50, 44)
    grain = np.random.default_rng(seed).normal(0, 9, picture.shape)
    grain[..., 3] = 0
    return np.where(picture[..., 3:] > 0, np.clip(picture + grain, 0, 255), 0).astype(np.uint8)


def water(seed: int, step: int) -> np.ndarray:
    """A frame of moving water: soft waves in 24 blues, (32, 32, 4), opaque."""
    coarse = np.random.default_rng(seed).normal(size=(12, 12)).astype(np.float32)
    waves = cv2.resize(coarse, (48, 48), interpolation=cv2.INTER_CUBIC)[step : step + 32, :32]
    shade = np.clip(np.rint(12 + 4 * waves), 0, 23).astype(np.uint8)
    return np.dstack([2 * shade + 20, 3 * shade + 50, 4 * shade + 110, np.full_like(shade, 255)])


@pytest.mark.parametrize("seed", SEEDS)
def test_frames_of_calm_water_are_different_drawings(seed: int):
    frame = water(seed, 0)
    assert np.abs(frame.astype(int) - water(seed, 1)).max() < 32  # less than encoders may leave
    assert dropped(frame, water(seed, 1)) == 0
    assert dropped(frame, water(seed, 2)) == 0
    assert dropped(frame, noisy(frame)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_few_pixels_changed_a_little_are_another_drawing(seed: int):
    picture = shaded(seed)
    other = picture.copy()
    y, x = middle(picture)
    other[y - 2 : y + 3, x - 3 : x + 4, :3] ^= 9
    link = relation(picture, other)
    assert link is not None
    assert link.verdict.relation not in DUPLICATES
    assert dropped(picture, other) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_thin_coat_of_paint_is_a_recolour(seed: int):
    picture = figure(seed)
    other = np.where(picture[..., 3:] > 0, picture + np.array([0, 6, 4, 0], dtype=np.uint8), 0)
    link = relation(picture, other)
    assert link is not None
    assert link.verdict.relation == "recoloured"
    assert dropped(picture, other) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_lights_that_went_out_are_no_reduction_to_fewer_colours(seed: int):
    """All changed pixels have the nearest remaining colour, but so small a palette would change more."""
    stones = np.random.default_rng(seed).integers(0, 4, (16, 16)).repeat(2, 0).repeat(2, 1).astype(np.uint8)
    dark = np.dstack([14 * stones + 20, 13 * stones + 20, 10 * stones + 20, np.full_like(stones, 255)])
    lit = dark.copy()
    lit[4:6, 6:8, :3] = (92, 80, 40)
    lit[20:22, 12:14, :3] = (84, 70, 30)
    assert dropped(dark, lit) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_an_even_colour_is_no_drawing_in_few_colours(seed: int):
    picture = shaded(seed)
    silhouette = np.where(picture[..., 3:] > 0, np.array([120, 110, 130, 255], dtype=np.uint8), 0).astype(np.uint8)
    assert dropped(picture, silhouette) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tile_that_lacks_a_corner_is_another_tile(seed: int):
    snow = np.random.default_rng(seed).normal(215, 4, (40, 40, 3))
    tile = np.dstack([np.clip(snow, 0, 255), np.full((40, 40), 255)]).astype(np.uint8)
    rounded = tile.copy()
    rounded[np.add.outer(np.arange(40)[::-1], np.arange(40)) < 4] = 0
    assert dropped(tile, rounded) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_two_textures_of_the_same_colours_are_two_tiles(seed: int):
    """They differ by as much as strong compression, but have no new colours."""
    generator = np.random.default_rng(seed)
    colours = generator.integers(20, 110, (180, 3), dtype=np.uint8)
    tiles = [
        np.dstack([colours[generator.integers(0, 180, (32, 32))], np.full((32, 32), 255, np.uint8)]) for _ in range(8)
    ]
    assert dropped(*tiles) == 0


def translucent(picture: np.ndarray) -> np.ndarray:
    """The picture fading to half transparent at the right."""
    fade = np.linspace(255, 130, picture.shape[1])
    return np.dstack([picture[..., :3], np.where(picture[..., 3] > 0, fade, 0).astype(np.uint8)])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_translucent_picture_in_few_colours_is_a_copy(seed: int):
    """Premultiplication turns one colour of a palette into many."""
    picture = translucent(shaded(seed))
    reduced = np.array(Image.fromarray(picture[..., :3]).quantize(16).convert("RGB"))
    copy = np.dstack([reduced, picture[..., 3]])
    copy[picture[..., 3] == 0] = 0
    link = relation(picture, copy)
    assert link is not None
    assert link.verdict.relation == "re-encoded"
    assert dropped(picture, copy) == 1


def enlarged(picture: np.ndarray) -> np.ndarray:
    size = picture.shape[1] * 2, picture.shape[0] * 2
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


@pytest.mark.parametrize("way", [jpeg, lambda picture: jpeg(enlarged(picture))])
@pytest.mark.parametrize("seed", SEEDS)
def test_an_encoder_is_known_by_where_something_is_drawn(way: Change, seed: int):
    """The middle of a large picture may be empty and does not show the encoder."""
    picture = np.zeros((160, 160, 4), dtype=np.uint8)
    drawn = figure(seed)
    picture[: drawn.shape[0], : drawn.shape[1]] = drawn
    link = relation(picture, way(picture))
    assert link is not None
    assert link.verdict.relation in DUPLICATES
    assert dropped(picture, way(picture)) == 1


def button(seed: int) -> np.ndarray:
    """An opaque picture with a bevelled frame around a small drawing, (32, 32, 4)."""
    picture = np.zeros((32, 32, 4), dtype=np.uint8)
    picture[..., :] = (10, 170, 30, 255)
    picture[:2] = picture[:, :2] = (60, 230, 80, 255)
    picture[-2:] = picture[:, -2:] = (0, 110, 10, 255)
    drawn = blob(seed, 16, 10)
    seen = drawn[..., 3] > 0
    picture[3 : 3 + drawn.shape[0], 4 : 4 + drawn.shape[1]][seen] = drawn[seen]
    return picture


@pytest.mark.parametrize("seed", SEEDS)
def test_a_frame_around_a_picture_hides_no_copy(seed: int):
    """Their backgrounds are detected differently, so the pictures are compared as a whole."""
    picture = button(seed)
    darker = picture.copy()
    darker[..., :3] = darker[..., :3] * 0.7
    encoded = saved(Image.fromarray(picture).convert("RGB"), "JPEG", quality=30)
    for other, word in ((darker, "recoloured"), (encoded, "re-encoded")):
        link = relation(picture, other)
        assert link is not None
        assert link.verdict.distance <= 0.5
        assert link.verdict.relation == word
    other = relation(picture, button(seed + 7))
    assert other is None or other.verdict.relation not in DUPLICATES
