"""Sprites that face front: suggested by likeness to those a person said do, and left alone."""

from __future__ import annotations

import numpy as np
import pytest
from planted import planted

from gandam_studio.core.suggestions.facing.features import Halves, halves
from gandam_studio.core.suggestions.facing.fronts import LIKELY, likely_fronts, looks
from gandam_studio.core.suggestions.facing.review import FRONT, LEFT, RIGHT, UNKNOWN, FacingReview


def from_the_front(number: int) -> np.ndarray:
    """A (40, 40, 4) figure with two arms and two eyes, seen from the front: nearly the same when mirrored."""
    rng = np.random.default_rng(number)
    picture = np.zeros((40, 40, 4), np.uint8)
    tone = rng.integers(60, 160, 3)
    wide, high = int(rng.integers(7, 10)), int(rng.integers(12, 16))
    picture[8 : 8 + high, 20 - wide : 20 + wide] = (*tone, 255)
    picture[8 + high : 34, 14:18] = picture[8 + high : 34, 22:26] = (*tone // 2, 255)
    picture[14:18, 4 : 20 - wide] = picture[14:18, 20 + wide : 36] = (*tone // 3, 255)
    picture[11:13, 15:18] = picture[11:13, 22:25] = 255
    x, y = rng.integers(10, 30, 2)
    picture[y : y + 3, x : x + 3] = (*rng.integers(0, 255, 3), 255)  # a mark, so that it has an odd half
    return picture


_WALKERS, _SIDES = planted(kinds=3, each=40, seed=3)
_TRUTH = np.concatenate([_SIDES, np.full(60, FRONT, np.int8)])
_FEATURES = halves([*_WALKERS, *(from_the_front(number) for number in range(60))])


def begin(truth: np.ndarray = _TRUTH, features: Halves = _FEATURES, **more) -> FacingReview:
    labels = np.zeros(len(truth), np.int8)
    labels[:2] = truth[:2]
    return FacingReview(features, labels, np.ones(len(truth), np.int8), **more)


def accept_page(review: FacingReview, truth: np.ndarray) -> int:
    """Accept a page as a person would; returns how many clicks it took."""
    page = review.page()
    front = truth[page.rows] == FRONT
    wrong = ~front if page.front else (page.signs != truth[page.rows]) & ~front
    clicks = int(wrong.sum()) + (0 if page.front else int(front.sum()))
    review.accept(page, wrong, None if page.front else front, clicks)
    return clicks


def test_once_some_are_said_to_face_front_the_others_are_suggested_together() -> None:
    review = begin()
    asked = 0
    while len(review.open):
        page = review.page()
        if page.front:
            assert (review.labels == FRONT).sum() >= 3
            assert (_TRUTH[page.rows] == FRONT).mean() > 0.9
            asked += len(page.rows)
        accept_page(review, _TRUTH)
    assert (review.labels == _TRUTH).all()
    assert asked > 30
    assert review.clicks < 35  # 60 and more, were each of them said by hand


def test_without_one_that_faces_front_nothing_is_suggested_to() -> None:
    sided = Halves(_FEATURES.even[:120], _FEATURES.odd[:120])
    review = begin(_SIDES, sided)
    while len(review.open):
        assert not len(review.fronts)
        accept_page(review, _SIDES)
    two = begin()
    two.labels[[130, 140]] = FRONT
    two.refit()
    assert not two.page().front


def test_what_does_not_face_front_is_asked_about_again_with_a_side() -> None:
    review = begin()
    review.labels[120:130] = FRONT
    review.refit()
    page = review.page()
    assert page.front
    wrong = np.zeros(len(page.rows), bool)
    wrong[:2] = True
    before = review.snapshot()
    review.accept(page, wrong)
    assert (review.labels[page.rows[2:]] == FRONT).all()
    assert (review.labels[page.rows[:2]] == UNKNOWN).all()
    assert not np.isin(page.rows[:2], review.fronts).any()
    assert np.isin(page.rows[:2], review.open).all()
    review.restore(before)
    again = review.page()
    assert again.front
    assert again.rows.tolist() == page.rows.tolist()


def test_where_it_is_no_help_it_ends_soon() -> None:
    truth = np.concatenate([_SIDES, np.resize(np.array([LEFT, RIGHT], np.int8), 60)])
    review = begin(truth)
    review.labels[120:130] = FRONT
    review.refit()
    assert review.page().front
    lost = 0
    while review.page().front:
        lost += accept_page(review, truth)
    assert 0 < lost <= 16
    while len(review.open):
        assert not review.page().front
        accept_page(review, truth)


def test_it_is_the_same_however_sprites_are_turned_and_whichever_are_compared() -> None:
    some = np.arange(0, len(_TRUTH), 2)
    labels = np.zeros(len(_TRUTH), np.int8)
    labels[120:132], labels[:20] = FRONT, _TRUTH[:20]
    signs = np.random.default_rng(1).choice(np.array([-1, 1]), len(_TRUTH))
    mirrored = Halves(_FEATURES.even, _FEATURES.odd * signs[:, None].astype(np.float32))
    turned = np.where(labels == FRONT, FRONT, labels * signs).astype(np.int8)
    shown = np.ones(len(_TRUTH), np.int8)
    one = FacingReview(_FEATURES, labels, shown, some)
    other = FacingReview(mirrored, turned, shown, some)
    assert len(one.fronts)
    assert one.fronts.tolist() == other.fronts.tolist()
    assert np.isin(one.fronts, some).all()


def test_a_page_asks_about_more_than_are_likely_without_being_asked_about() -> None:
    labels = np.zeros(len(_TRUTH), np.int8)
    labels[120:124], labels[:60:2] = FRONT, _TRUTH[:60:2]
    review = FacingReview(_FEATURES, labels, np.ones(len(_TRUTH), np.int8))
    likely = review.fronts_above(LIKELY)
    assert 0 < len(likely) < len(review.fronts)
    assert review.fronts[: len(likely)].tolist() == likely.tolist()
    assert not len(review.fronts_above(9.0))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_sprites_or_none(count: int) -> None:
    look = looks(_FEATURES.even, np.arange(count))
    assert look.shape == (count, 64)
    assert not len(likely_fronts(look, np.ones(count, np.int8)))
    assert not len(likely_fronts(look, np.zeros(count, np.int8)))
