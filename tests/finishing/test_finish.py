"""Finished pictures: in the palette, clear or opaque, few stray pixels; the same when finished again, or mirrored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn import clean_sprites, soiled
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.cleaning import CLEAR, cleaned, stray, stray_share
from gandam_studio.core.finishing.finish import (
    KEPT,
    Finish,
    Traits,
    finished,
    outline,
    outline_gap,
    places,
    shares,
    traits_of,
)
from gandam_studio.core.finishing.palette import Palette, packed, palette_of

BLACK, WHITE, RED, GREY = (0, 0, 0), (255, 255, 255), (220, 30, 30), (120, 120, 120)
FOUR = Palette.of([BLACK, WHITE, RED, GREY])


def _random_indices(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(CLEAR, 4, (height, width)).astype(np.int32)


def _random_picture(seed: int, height: int, width: int, channels: int) -> np.ndarray:
    """Any colours and opacities, many of them of the palette, clear or opaque."""
    dice = np.random.default_rng(seed)
    picture = dice.integers(0, 256, (height, width, channels))
    exact = dice.random((height, width)) < 0.4
    picture[exact, :3] = FOUR.rgb[dice.integers(0, 4, int(exact.sum()))]
    if channels == 4:
        edges = dice.random((height, width))
        picture[edges < 0.3, 3] = 0
        picture[edges > 0.6, 3] = 255
    return picture.astype(np.uint8)


# Drawn from a seed each: arrays of single values take hypothesis seconds on a busy machine.
SEEDS = st.integers(0, 2**32 - 1)
INDICES = st.builds(_random_indices, SEEDS, st.integers(1, 12), st.integers(1, 12))
PICTURES = st.builds(_random_picture, SEEDS, st.integers(1, 10), st.integers(1, 10), st.sampled_from([3, 4]))
FINISHES = st.builds(
    Finish,
    palette=st.just(FOUR),
    alpha=st.sampled_from(["binary", "keep"]),
    share=st.sampled_from([None, 0.0, 0.05, 0.3]),
    lean=st.sampled_from([0.0, 1.0]),
    traits=st.just(Traits(0.1, (0.9, 0.02, 0.03, 0.05))),
)


def drawn(*rows: str) -> np.ndarray:
    """A picture in letters: . clear, K black, W white, R red, G grey."""
    return np.array([[".KWRG".index(letter) - 1 for letter in row] for row in rows], np.int32)


# Stray pixels


def test_stray_pixels_are_those_without_their_colour_around_them() -> None:
    picture = drawn("KKKKK", "KWKKK", "KKKRK", "KKRKK", "KKKKG")
    assert np.argwhere(stray(picture)).tolist() == [[1, 1], [4, 4]]
    assert stray_share([picture]) == 2 / 25


def test_lone_specks_and_holes_count_as_stray() -> None:
    picture = drawn(".....", ".R...", ".....", "..KKK", "..K.K", "..KKK")
    assert np.argwhere(stray(picture)).tolist() == [[1, 1], [4, 3]]
    assert (cleaned(picture, FOUR, 0.0) == drawn(".....", ".....", ".....", "..KKK", "..KKK", "..KKK")).all()
    kept = cleaned(picture, FOUR, 0.0, outline_moves=False)
    assert (kept == picture).all()


def test_a_stray_pixel_gets_the_colour_around_it_that_is_nearest() -> None:
    picture = drawn("KKK", "KWG", "KGG")
    assert (cleaned(picture, FOUR, 0.0) == drawn("KKK", "KGG", "KGG")).all()


def test_those_that_differ_least_go_first() -> None:
    picture = drawn("KKKKKK", "KGKKWK", "KKKKKK")
    assert (cleaned(picture, FOUR, 1 / 18) == drawn("KKKKKK", "KKKKWK", "KKKKKK")).all()
    assert (cleaned(picture, FOUR, 2 / 18) == picture).all()


@given(INDICES, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_cleaning_keeps_its_promise_and_does_nothing_more_the_second_time(picture: np.ndarray, share: float) -> None:
    found = cleaned(picture, FOUR, share)
    assert stray(found).sum() <= share * (found != CLEAR).sum()
    assert (cleaned(found, FOUR, share) == found).all()
    changed = found != picture
    assert not (changed & ~stray(picture)).any()


@given(INDICES, st.sampled_from([0.0, 0.1, 0.5]))
def test_a_mirrored_or_turned_picture_is_cleaned_alike(picture: np.ndarray, share: float) -> None:
    found = cleaned(picture, FOUR, share)
    assert (cleaned(picture[:, ::-1], FOUR, share)[:, ::-1] == found).all()
    assert (found == cleaned(picture.T, FOUR, share).T).all()


# The whole step


@given(PICTURES, FINISHES)
def test_every_pixel_is_in_the_palette_and_clear_or_opaque(picture: np.ndarray, finish: Finish) -> None:
    found = finished(picture, finish)
    assert found.shape == (*picture.shape[:2], 4)
    shown = found[..., 3] > 0
    assert set(packed(found[shown][:, :3]).tolist()) <= set(packed(FOUR.rgb).tolist())
    assert not found[~shown].any()
    if finish.alpha != KEPT:
        assert set(np.unique(found[..., 3]).tolist()) <= {0, 255}
    elif picture.shape[2] == 4:
        assert (found[..., 3] == picture[..., 3]).all()


@given(PICTURES, FINISHES)
def test_finishing_twice_changes_nothing_more(picture: np.ndarray, finish: Finish) -> None:
    once = finished(picture, finish)
    assert (finished(once, finish) == once).all()


@given(PICTURES, FINISHES)
def test_a_mirrored_sample_gives_the_mirrored_result(picture: np.ndarray, finish: Finish) -> None:
    assert (finished(picture[:, ::-1], finish)[:, ::-1] == finished(picture, finish)).all()


@given(INDICES)
def test_pictures_in_the_palette_stay_as_they_are(places_: np.ndarray) -> None:
    picture = np.zeros((*places_.shape, 4), np.uint8)
    picture[places_ != CLEAR, :3] = FOUR.rgb[places_[places_ != CLEAR]]
    picture[..., 3] = np.where(places_ != CLEAR, 255, 0)
    traits = Traits(0.1, (0.97, 0.01, 0.01, 0.01))
    assert (finished(picture, Finish(FOUR, lean=2.0, traits=traits)) == picture).all()


def test_the_nearest_colour_is_the_one_that_looks_nearest() -> None:
    # In plain RGB, (0, 200, 0) is nearer to grey 120 than to a light green.
    palette = Palette.of([(120, 120, 120), (110, 255, 110)])
    picture = np.full((1, 1, 3), 0, np.uint8)
    picture[..., 1] = 200
    assert places(picture, palette).tolist() == [[1]]


def test_outlines_lean_to_the_colours_of_the_datas_outlines() -> None:
    picture = np.zeros((7, 7, 4), np.uint8)
    picture[1:6, 1:6] = (45, 45, 45, 255)  # between black and grey, nearer to grey
    traits = Traits(0.0, (0.97, 0.01, 0.01, 0.01))
    plain = places(picture, FOUR)
    assert set(plain[1:6, 1:6].ravel().tolist()) == {3}
    leaning = places(picture, FOUR, lean=1.0, traits=traits)
    edge = outline(picture[..., 3] > 0)
    assert (leaning[edge] == 0).all()
    assert (leaning[2:5, 2:5] == 3).all()


def test_soiled_sprites_come_out_as_clean_as_the_data() -> None:
    real = clean_sprites(24)
    soft = [soiled(picture, seed) for seed, picture in enumerate(real)]
    palette = palette_of(real, 32)
    traits = traits_of(real, palette)
    plain = [finished(picture, Finish(palette)) for picture in soft]
    clean = Finish(palette, share=traits.stray, lean=0.5, traits=traits)
    found = [finished(picture, clean) for picture in soft]
    assert shares(plain) > 3 * traits.stray
    assert shares(found) <= 1.2 * traits.stray
    assert outline_gap(found, real) < outline_gap(plain, real)
    # Most pixels are what they were before they were soiled, in that palette.
    wanted = [finished(picture, Finish(palette)) for picture in real]
    same = np.mean([(a == b).all(axis=2).mean() for a, b in zip(found, wanted, strict=True)])
    worse = np.mean([(a == b).all(axis=2).mean() for a, b in zip(plain, wanted, strict=True)])
    assert same > worse > 0.8


def test_a_palette_for_each_picture_has_its_own_colours() -> None:
    for picture in clean_sprites(6):
        found = finished(soiled(picture), Finish(each=12))
        shown = found[..., 3] > 0
        own = set(packed(soiled(picture)[..., :3]).ravel().tolist())
        colours = set(packed(found[shown][:, :3]).tolist())
        assert len(colours) <= 12
        assert colours <= own
        assert (finished(found, Finish(each=12)) == found).all()
    assert not finished(np.zeros((5, 5, 4), np.uint8), Finish(each=3)).any()


def test_without_a_palette_only_opacity_changes() -> None:
    picture = soiled(clean_sprites(1)[0])
    found = finished(picture, Finish())
    solid = picture[..., 3] >= 128
    assert (found[solid][:, :3] == picture[solid][:, :3]).all()
    assert set(np.unique(found[..., 3]).tolist()) == {0, 255}
    kept = finished(picture, Finish(alpha=KEPT))
    assert (kept[..., 3] == picture[..., 3]).all()


def test_impossible_wishes_are_refused() -> None:
    with pytest.raises(UserError, match="opacity"):
        Finish(alpha="half")
    with pytest.raises(UserError, match="up to 256"):
        Finish(each=257)
    with pytest.raises(UserError, match="one palette"):
        replace(Finish(FOUR), each=3)


def test_a_soft_fringe_outside_of_an_outline_is_cut_away() -> None:
    picture = np.zeros((11, 11, 4), np.uint8)
    picture[1:10, 1:10] = (230, 228, 231, 170)  # the fringe
    picture[2:9, 2:9] = (3, 2, 4, 250)
    picture[3:8, 3:8] = (215, 35, 28, 255)
    traits = Traits(0.0, (0.97, 0.01, 0.01, 0.01))
    plain = places(picture, FOUR)
    assert set(plain[1].tolist()) == {CLEAR, 1}
    cut = places(picture, FOUR, lean=1.0, traits=traits)
    assert (cut[1] == CLEAR).all()
    assert set(cut[2, 2:9].tolist()) == {0}
    assert (cut[3:8, 3:8] == 2).all()
    # Drawn light borders are no fringe: they are opaque and in the palette.
    picture[1:10, 1] = picture[1, 1:10] = picture[1:10, 9] = picture[9, 1:10] = (*WHITE, 255)
    assert (places(picture, FOUR, lean=1.0, traits=traits)[1, 1:10] == 1).all()
