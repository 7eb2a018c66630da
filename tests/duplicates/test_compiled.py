"""Compiled loops give the results of numpy to the last bit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from drawn_sprites import blob
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.duplicates import colours, compiled, find_duplicates, relations, sampling
from gandam_studio.core.duplicates.drawings import Form
from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.measures import compare
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.duplicates.tiles import SIDE, scaled, tile

pytestmark = pytest.mark.skipif(not compiled.available(), reason="no numba")
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def kernels() -> Iterator[tuple[ModuleType, ModuleType | None]]:
    """The loops, loaded; whatever a test changed is put back."""
    compiled.use()
    assert compiled.kernels is not None
    loaded = compiled.kernels, compiled.tile_kernels
    yield loaded
    compiled.kernels, compiled.tile_kernels = None, None


class Both:
    """Runs something plain and compiled."""

    def __init__(self, loaded: tuple[ModuleType, ModuleType | None]) -> None:
        self._loaded = loaded

    def __call__(self, what):
        compiled.kernels, compiled.tile_kernels = None, None
        plain = what()
        compiled.kernels, compiled.tile_kernels = self._loaded
        return plain, what()


@pytest.fixture(scope="module")
def both(kernels) -> Both:
    return Both(kernels)


def edited(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One of the ways in which copies differ."""
    made = picture.copy()
    match generator.integers(9):
        case 0:
            made = made[:, ::-1]
        case 1:
            made = made[..., [*generator.permutation(3).tolist(), 3]]
        case 2:
            made[..., :3] = np.clip(made[..., :3] + generator.normal(0, 9, made[..., :3].shape), 0, 255)
        case 3:
            made[..., :3] = made[..., :3] // 40 * 40 + 13
        case 4:
            y, x = generator.integers(8, 24, 2)
            made[y : y + 6, x : x + 6, :3] = 255 - made[y : y + 6, x : x + 6, :3]
        case 5:
            made = made[generator.integers(1, 7) :, : -generator.integers(1, 7)]
        case 6:
            made = made.repeat(2, 0).repeat(2, 1)
        case 7:
            made[..., 3] = made[..., 3] // 255 * generator.integers(60, 256, made.shape[:2])
        case 8:
            made[..., :3][made[..., 3] == 0] = generator.integers(0, 256, 3)
            made[..., 3] = 255
    made = np.ascontiguousarray(made)
    made[made[..., 3] == 0] = 0
    return made


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_relations_are_the_same_either_way(both, seed):
    generator = np.random.default_rng(seed)
    plain = blob(seed, *generator.integers(20, 40, 2).tolist())
    pictures = [plain, *(edited(plain, generator) for _ in range(4))]
    pictures.append(edited(pictures[1], generator))

    def found() -> list[Link]:
        return find_duplicates(ArraySource(pictures), distance=0.7).links

    one, other = both(found)
    assert repr(one) == repr(other)


@settings(deadline=None)
@given(seed=seeds, count=st.integers(1, 5))
def test_tiles_are_compared_the_same_either_way(both, seed, count):
    generator = np.random.default_rng(seed)
    pictures = [blob(seed + index) for index in range(count)]
    tiles = np.stack([np.rint(tile(picture) * 255).astype(np.uint8) for picture in pictures])
    others = np.stack([np.rint(tile(edited(picture, generator)) * 255).astype(np.uint8) for picture in pictures])
    others[generator.random(count) < 0.2] = generator.integers(0, 256, (SIDE, SIDE, 4))
    mirrored = generator.random(count) < 0.5

    def found() -> list[np.ndarray]:
        comparison = compare(scaled(tiles, np.zeros(count, dtype=bool)), scaled(others, mirrored))
        return [comparison.measures, comparison.parameters, comparison.logit]

    for one, other in zip(*both(found), strict=True):
        assert one.tobytes() == other.tobytes()


@settings(deadline=None)
@given(seed=seeds, height=st.integers(1, 30), width=st.integers(1, 30), solid=st.booleans(), step=st.integers(1, 2))
def test_colours_are_weighted_and_averaged_the_same_either_way(both, seed, height, width, solid, step):
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, 256, (2, height, width, 4), dtype=np.uint8)
    for one in (first, second):
        one[..., 3] = np.where(solid | (generator.random((height, width)) < 0.7), 255, one[..., 3])
    first, second = (one[::step, ::-step] for one in (first, second))

    def found() -> list[np.ndarray | float]:
        mine, other = (colours.weighted(one) for one in (first, second))
        return [mine, other, colours.colour_shift(mine, other), colours.colour_shift(mine[1:], other[:-1])]

    if len(first) > 1:
        for one, other in zip(*both(found), strict=True):
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
    first.flags.writeable = False
    assert np.array_equal(*both(lambda: colours.weighted(first)))


@settings(deadline=None)
@given(seed=seeds, sides=st.lists(st.integers(1, 24), min_size=4, max_size=4), palette=st.integers(1, 400))
def test_pixels_are_counted_the_same_either_way(kernels, seed, sides, palette):
    loops = kernels[0]
    generator = np.random.default_rng(seed)
    shades = generator.integers(0, 256, (palette, 4), dtype=np.uint8)
    shades[: palette // 3, 3] = 0
    first = Form(shades[generator.integers(0, palette, sides[:2])])
    second = Form(shades[generator.integers(0, palette, sides[2:])])
    if generator.random() < 0.5:  # the same but for some colours
        second = Form(generator.permutation(shades)[first.colours % palette])
    x, y = generator.integers(-5, 6, 2).tolist()
    compiled.kernels = None
    # `relations` and `colours` keep what is plain to themselves: both ways are theirs to choose.
    assert loops.best_shift(first.alpha, first.rounded, second.alpha, second.rounded, x, y) == relations.best_shift(
        first, second, x, y
    )
    plain = relations.on_one_grid(first, second, (x, y))
    if not plain.seen_by_both:
        return
    compiled.kernels = loops
    fast = relations.on_one_grid(first, second, (x, y))
    assert (plain.off.tobytes(), plain.both.tobytes()) == (fast.off.tobytes(), fast.both.tobytes())
    for name in ("shift", "beyond", "largest", "seen_by_both", "seen_by_either", "untouched", "changed"):
        assert getattr(plain, name) == getattr(fast, name)
    told = fast.colours()
    compiled.kernels = None
    expected = plain.colours()
    for name in ("map", "one_for_one", "new", "merged", "reduced"):
        assert getattr(expected, name)() == getattr(told, name)()
    assert (expected.follows, expected.share_moved) == (told.follows, told.share_moved)


def test_a_share_next_to_a_limit_is_summed_as_numpy_does(kernels, monkeypatch):
    index, target = np.repeat(np.arange(4), 25), np.repeat(np.array([1, 2, 3, 4]), 25)
    moved = np.arange(100) % 10 < 7
    counted = colours.tabulated(index, target, moved)[:4]
    exact = min(colours.share_together(index, 4, moved), colours.share_together(target - 1, 4, moved))
    monkeypatch.setattr(colours, "MOSTLY", exact)
    # A sum in another order may come out a little too small.
    assert colours.Colours(*counted, exact - 1e-15, lambda: np.zeros((100, 3))).map()
    assert not colours.Colours(*counted, exact - 1e-3, lambda: np.zeros((100, 3))).map()


def test_tiles_are_left_to_numpy_where_products_round_otherwise(kernels, monkeypatch):
    from gandam_studio.core.duplicates import tiles_numba

    monkeypatch.setattr(tiles_numba, "products", lambda tiles, parameters: tiles)
    compiled.kernels, compiled.tile_kernels = None, None
    compiled.use()
    assert compiled.kernels is not None
    assert compiled.tile_kernels is None


def summed_in_pairs(tiles: np.ndarray, parameters: np.ndarray, fused: tuple[bool, bool]) -> np.ndarray:
    """`sampling.resampled` by a library that rounds so: sums of two products, down and then across."""
    for axis, (stretch, shift), together in ((1, parameters.T[2:], fused[0]), (2, parameters.T[:2], fused[1])):
        weights = sampling.sampling(stretch, shift, SIDE)[:, :, :, None, None]
        lines = np.moveaxis(tiles, axis, 1)[:, None]
        products = (weights * lines) if not together else weights.astype(np.float64) * lines
        first = (weights > 0).argmax(axis=2, keepdims=True)
        one = np.take_along_axis(products, first, axis=2)[:, :, 0].astype(np.float32)
        other = np.take_along_axis(products, np.minimum(first + 1, SIDE - 1), axis=2)[:, :, 0]
        other = np.where(first[:, :, 0] + 1 < SIDE, other, 0)
        tiles = np.moveaxis((one + other).astype(np.float32), 1, axis)
    return tiles


@pytest.mark.parametrize("fused", list(itertools.product((True, False), repeat=2)))
def test_products_are_rounded_as_the_library_under_numpy_does(kernels, monkeypatch, fused):
    from gandam_studio.core.duplicates import tiles_numba

    monkeypatch.setattr(tiles_numba, "products", lambda tiles, parameters: summed_in_pairs(tiles, parameters, fused))
    assert tiles_numba.rounding() == fused
