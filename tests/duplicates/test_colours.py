"""Colours of aligned pictures: replaced, merged, reduced or shifted, in cases with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from gandam_studio.core.duplicates.colours import (
    Colours,
    colour_shift,
    furthest,
    furthest_of_three,
    numbered,
    palette_exchanged,
    reduced_to_palette,
    same_drawing,
    steps_alike,
    weighted,
)

PALETTE = np.array([[20, 20, 20], [200, 40, 40], [240, 220, 60], [70, 160, 90]], np.uint8)
OTHER = np.array([[235, 235, 240], [40, 60, 210], [30, 120, 20], [250, 130, 200]], np.uint8)


def figure(palette: np.ndarray, side: int = 16) -> np.ndarray:
    """A disc of blocks in four colours on transparency, (side, side, 4) uint8."""
    y, x = np.mgrid[:side, :side]
    rgba = np.zeros((side, side, 4), np.uint8)
    inside = (y - side / 2) ** 2 + (x - side / 2) ** 2 < (side / 2 - 1) ** 2
    rgba[inside, :3] = palette[((y // 3 + 2 * (x // 3)) % 4)[inside]]
    rgba[inside, 3] = 255
    return rgba


def opaque(colours: np.ndarray) -> np.ndarray:
    return np.dstack([colours, np.full(colours.shape[:2], 255)]).astype(np.float32)


def test_colours_are_multiplied_by_opacity() -> None:
    rgba = np.array([[[255, 100, 0, 255], [255, 100, 50, 51], [255, 255, 255, 0]]], np.uint8)
    assert weighted(rgba)[0].tolist() == [[255, 100, 0, 255], [51, 20, 10, 51], [0, 0, 0, 0]]


def test_the_greatest_channel_and_the_colours_in_order() -> None:
    off = np.array([[1, 2, 3, 9], [8, 2, 3, 4], [1, 7, 3, 4], [1, 2, 6, 4]], np.float32)
    assert furthest(off).tolist() == [9, 8, 7, 6]
    assert furthest_of_three(off[:, :3]).tolist() == [3, 8, 7, 6]
    kinds, number = numbered(np.array([[5, 0, 0], [1, 2, 3], [5, 0, 0], [0, 0, 1]], np.float32))
    assert kinds[number].tolist() == [[5, 0, 0], [1, 2, 3], [5, 0, 0], [0, 0, 1]]
    assert len(kinds) == 3


def test_an_exchanged_palette_is_seen() -> None:
    first = figure(PALETTE)
    assert palette_exchanged(first, figure(OTHER))
    assert not palette_exchanged(first, first)  # nothing changed
    assert not palette_exchanged(first, figure(OTHER, 18))
    assert not palette_exchanged(np.zeros_like(first), np.zeros_like(first))
    cut = figure(OTHER)
    cut[:5] = 0
    assert not palette_exchanged(first, cut)
    noise = figure(OTHER)
    noise[..., :3] = np.random.default_rng(1).integers(0, 256, noise[..., :3].shape)
    assert not palette_exchanged(first, noise)
    redrawn = first.copy()
    redrawn[5:9, 5:9, :3] = PALETTE[1]  # a patch in one of its own colours
    assert not palette_exchanged(first, redrawn)


def pixels(rgba: np.ndarray) -> np.ndarray:
    return rgba[rgba[..., 3] > 0].astype(np.float32)


def test_colours_chosen_anew_and_merged() -> None:
    first = pixels(figure(PALETTE))
    anew = Colours.of(first, pixels(figure(OTHER)))
    assert (anew.map(), anew.new(), anew.merged(), anew.reduced()) == (True, True, False, False)
    same = Colours.of(first, first)
    assert (same.map(), same.new(), same.reduced()) == (False, False, False)
    mean = PALETTE.copy()
    mean[1:3] = PALETTE[1:3].mean(axis=0)
    mean[[0, 3]] = PALETTE[[0, 3]].mean(axis=0)
    for one, other in ((first, pixels(figure(mean))), (pixels(figure(mean)), first)):
        assert Colours.of(one, other).merged()
        assert Colours.of(one, other).reduced()
    painted = np.minimum(mean.astype(int) + 60, 255).astype(np.uint8)
    assert not Colours.of(first, pixels(figure(painted))).merged()  # all colours moved one way


def test_reducing_to_a_palette_takes_the_nearest_colour() -> None:
    dice = np.random.default_rng(2)
    first = dice.integers(0, 256, (200, 3)).astype(np.float32)
    shades = first[::20]
    nearest = shades[np.square(first[:, None] - shades).sum(axis=2).argmin(axis=1)]
    assert reduced_to_palette(first, nearest, farther=1.5)
    assert reduced_to_palette(first, nearest, farther=1.5, share=0.05)
    assert not reduced_to_palette(first, nearest, farther=1.5, share=0.04)
    assert not reduced_to_palette(first, first, farther=1.5)  # no fewer colours
    assert not reduced_to_palette(first[:0], first[:0], farther=1.5)
    wrong = nearest.copy()
    wrong[7] = shades[np.square(first[7] - shades).sum(axis=1).argmax()]
    assert not reduced_to_palette(first, wrong, farther=1.5)


def test_a_drawing_is_known_by_its_steps() -> None:
    def grey(picture: np.ndarray) -> np.ndarray:
        return opaque(np.repeat(picture[..., None], 3, axis=2))

    both = np.ones((12, 12), bool)
    ramp = np.add.outer(np.arange(12), np.arange(12)) // 4 * 20.0
    assert same_drawing(grey(ramp), grey(ramp), both)
    assert same_drawing(grey(ramp), grey(ramp + 30), both)
    assert not same_drawing(grey(ramp), grey(ramp[::-1, ::-1]), both)
    flat = grey(np.full((12, 12), 50.0))
    assert same_drawing(flat, grey(np.full((12, 12), 90.0)), both)
    assert steps_alike(flat, grey(ramp), both) == 1.0
    assert steps_alike(grey(ramp), grey(255 - ramp), both) == pytest.approx(1.0)
    assert not same_drawing(grey(ramp), grey(255 - ramp), both)
    assert steps_alike(grey(ramp), grey(ramp), both) == pytest.approx(1.0)
    assert steps_alike(grey(ramp), grey(ramp), np.zeros((12, 12), bool)) == 1.0


def test_a_shift_of_all_colours_has_its_size() -> None:
    dice = np.random.default_rng(3)
    colours = dice.integers(0, 200, (16, 16, 3)).astype(np.float32)
    assert colour_shift(opaque(colours), opaque(colours)) == 0.0
    assert colour_shift(opaque(colours + 51), opaque(colours)) == pytest.approx(0.2, abs=1e-6)
    one = colours.copy()
    one[..., 0] += 51
    assert colour_shift(opaque(one), opaque(colours)) == pytest.approx(0.2 / 3**0.5, abs=1e-6)
    rim = colours.copy()
    rim[0] += 50  # at the rim colours do not count
    assert colour_shift(opaque(rim), opaque(colours)) == 0.0
    assert colour_shift(opaque(colours[:4, :4] + 51), opaque(colours[:4, :4])) == pytest.approx(0.2, abs=1e-6)
    half = opaque(colours)
    half[:, 8:, 3] = 0
    other = opaque(colours)
    other[:, :8, 3] = 0
    assert colour_shift(half, other) == 0.0
