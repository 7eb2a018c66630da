"""Facing: antisymmetric under mirroring, independent of order, correct on planted sets, without dead ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import planted

from gandam_studio.core.suggestions.facing import kernel
from gandam_studio.core.suggestions.facing.features import KINDS, Halves, halves
from gandam_studio.core.suggestions.facing.kernel import OddKernels
from gandam_studio.core.suggestions.facing.model import believe, left_out, likeliest, mixtures, start
from gandam_studio.core.suggestions.facing.review import LEFT, FacingReview, Page

_PICTURES, _TRUTH = planted()
_FEATURES = halves(_PICTURES)


def view_of(features: Halves):
    kernels = OddKernels(features)
    return kernels.view(mixtures(kernels.kinds)[0])


def turned(features: Halves, signs: np.ndarray) -> Halves:
    return Halves(features.even, features.odd * signs[:, None].astype(np.float32))


def review_of(features: Halves = _FEATURES, **more) -> FacingReview:
    count = len(features)
    return FacingReview(features, np.zeros(count, np.int8), np.ones(count, np.int8), **more)


def finish(review: FacingReview, truth: np.ndarray) -> int:
    """Go through all pages, clicking every wrong sprite. Returns the number of pages."""
    if (first := review.first()) >= 0:
        review.answer(first, int(truth[first]))
    pages = 0
    while len((page := review.page()).rows):
        wrong = page.signs != truth[page.rows]
        review.accept(page, wrong, clicks=int(wrong.sum()))
        pages += 1
    return pages


def test_mirroring_a_picture_negates_its_odd_half_and_keeps_the_even_one():
    mirrored = halves([np.ascontiguousarray(picture[:, ::-1]) for picture in _PICTURES])
    assert np.array_equal(mirrored.even, _FEATURES.even)
    assert np.array_equal(mirrored.odd, -_FEATURES.odd)
    assert np.linalg.norm(_FEATURES.odd, axis=1).min() > 0.05


def test_a_symmetric_picture_has_no_odd_half():
    half = np.random.default_rng(0).integers(0, 256, (20, 9, 4), dtype=np.uint8)
    found = halves([np.concatenate([half, half[:, ::-1]], axis=1), np.zeros((8, 8, 4), np.uint8)])
    assert np.abs(found.odd).max() < 1e-6


@pytest.mark.parametrize("exact", [True, False])
@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_model_is_odd_in_every_sprite(exact, seed):
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], len(_TRUTH)).astype(np.int8)
    labels = np.where(rng.random(len(_TRUTH)) < 0.3, _TRUTH, 0).astype(np.int8)
    with pytest.MonkeyPatch.context() as patch:
        if not exact:
            patch.setattr(kernel, "EXACT", 0)
            patch.setattr(kernel, "LANDMARKS", 20)
        one = believe(view_of(_FEATURES), labels)
        other = believe(view_of(turned(_FEATURES, signs)), (labels * signs).astype(np.int8))
    assert np.allclose(one.mean, other.mean * signs, atol=1e-3)
    assert np.allclose(one.sd, other.sd, atol=1e-3)


@settings(max_examples=4, deadline=None)
@given(st.permutations(range(len(_TRUTH))))
def test_the_order_of_sprites_makes_no_difference(order):
    order = np.array(order)
    labels = np.where(np.arange(len(_TRUTH)) % 5 == 0, _TRUTH, 0).astype(np.int8)
    one = believe(view_of(_FEATURES), labels)
    other = believe(view_of(Halves(_FEATURES.even[order], _FEATURES.odd[order])), labels[order])
    assert np.allclose(one.mean[order], other.mean, atol=1e-3)


def test_landmarks_agree_with_the_whole_matrix(monkeypatch):
    labels = np.where(np.arange(len(_TRUTH)) % 4 == 0, _TRUTH, 0).astype(np.int8)
    exact = believe(view_of(_FEATURES), labels)
    monkeypatch.setattr(kernel, "EXACT", 0)
    monkeypatch.setattr(kernel, "LANDMARKS", len(_TRUTH))
    near = believe(view_of(_FEATURES), labels)
    assert np.abs(exact.mean - near.mean).max() < 0.05
    # With more confirmed than landmarks the other form of the same posterior is used.
    monkeypatch.setattr(kernel, "LANDMARKS", 10)
    view = view_of(_FEATURES)
    labels = np.where(np.arange(len(_TRUTH)) % 2 == 0, _TRUTH, 0).astype(np.int8)
    confirmed = int((labels != 0).sum())
    assert view.phi.shape[1] < confirmed
    # The same kernel, with as many landmarks as confirmed sprites, which those added do not change.
    wide = replace(view, phi=np.pad(view.phi, ((0, 0), (0, confirmed - view.phi.shape[1]))))
    by_functions, by_weights = believe(wide, labels, 0.1), believe(view, labels, 0.1)
    own = (view.phi**2).sum(axis=1) - view.diagonal  # of what landmarks do not see
    assert np.allclose(by_functions.mean, by_weights.mean, atol=1e-4)
    assert np.allclose(by_functions.sd**2 + own, by_weights.sd**2, atol=1e-4)


@pytest.mark.parametrize("most", [0, kernel.MOST_KEPT])
def test_other_weights_give_the_kernel_that_they_would_have_given_at_first(monkeypatch, most):
    monkeypatch.setattr(kernel, "EXACT", 0)
    monkeypatch.setattr(kernel, "LANDMARKS", len(_TRUTH))
    monkeypatch.setattr(kernel, "MOST_KEPT", most)
    kernels = OddKernels(_FEATURES)
    one, other = mixtures(kernels.kinds)[:2]
    kernels.view(one)
    again = kernels.view(other)
    everything = np.arange(len(_TRUTH))
    exact = kernels.between(everything, everything, other)
    assert np.abs(again.phi @ again.phi.T - exact).max() < 0.01
    assert np.abs(again.diagonal - np.diagonal(exact)).max() < 1e-4


def test_the_start_turns_each_planted_kind_alike_without_an_answer():
    view = view_of(_FEATURES)
    guess = np.sign(start(view))
    for kind in range(4):
        some = slice(12 * kind, 12 * kind + 12)
        assert abs(int((guess[some] * _TRUTH[some]).sum())) == 12


def test_stacks_know_how_their_members_are_turned():
    groups = review_of().groups
    for number in np.unique(groups.number):
        members = groups.number == number
        assert len(np.unique(groups.sign[members] * _TRUTH[members])) == 1
    assert len(np.unique(groups.number)) < len(_TRUTH) / 3


def test_a_planted_set_takes_a_click_a_kind_at_most():
    review = review_of()
    finish(review, _TRUTH)
    assert (review.labels == _TRUTH).all()
    assert review.clicks <= 4 * 2


def test_one_answer_turns_a_set_of_one_kind():
    pictures, truth = planted(kinds=1, each=60, seed=3)
    review = review_of(halves(pictures))
    first = review.first()
    review.answer(first, int(truth[first]))
    assert (review.signs == truth).mean() > 0.97
    assert review.progress().clicks < 60 / 4


def test_chances_follow_what_pages_have_shown():
    pictures, truth = planted(kinds=1, each=80, seed=3)
    told = []
    for faults in (0, 4):
        review = review_of(halves(pictures))
        first = review.first()
        review.answer(first, int(truth[first]))
        for _ in range(3):
            page = review.page()
            some = Page(page.rows[:8], page.signs[:8], page.chances[:8])
            review.accept(some, np.arange(len(some.rows)) < faults)
        rest = review.open
        assert len(rest) > 10
        told.append(float(review.chances[rest].mean()))
        assert review.chances.min() >= 0.5
    assert told[0] > 0.97
    assert told[1] < told[0] - 0.1


def test_a_set_that_faces_nowhere_ends_in_plain_order():
    rng = np.random.default_rng(5)
    features = halves([rng.integers(0, 256, (24, 24, 4), dtype=np.uint8) for _ in range(120)])
    truth = rng.choice(np.array([-1, 1], np.int8), 120)
    review = review_of(features)
    finish(review, truth)
    assert review.plain
    by_hand = int((truth != 1).sum())
    assert review.clicks <= by_hand + 2 * 8 + 1  # two pages of the shortest kind, and the first answer


def test_in_plain_order_the_clicks_told_are_those_by_hand():
    rng = np.random.default_rng(5)
    features = halves([rng.integers(0, 256, (24, 24, 4), dtype=np.uint8) for _ in range(300)])
    truth = rng.choice(np.array([-1, 1], np.int8), 300)
    review = review_of(features)
    review.answer(review.first(), int(truth[review.first()]))
    while not review.plain or len(review.open) > 160:
        page = review.page()
        wrong = page.signs != truth[page.rows]
        review.accept(page, wrong, clicks=int(wrong.sum()))
    rest = review.open
    assert len(rest) > 100
    to_come = int((truth[rest] != 1).sum())
    assert abs(review.progress().clicks - to_come) < 0.3 * to_come
    assert review.progress().sure == 300 - len(rest)


def test_what_looks_the_same_mirrored_counts_neither_as_confirmed_nor_as_open():
    half = np.random.default_rng(0).integers(0, 256, (20, 9, 4), dtype=np.uint8)
    alike = [np.concatenate([half, half[:, ::-1]], axis=1)] * 5
    review = review_of(halves([*_PICTURES[:30], *alike]))
    told = review.progress()
    assert (told.confirmed, told.sure, told.total, told.left_alone) == (0, 0, 30, 5)
    review.answer(0, int(_TRUTH[0]))
    assert review.progress().confirmed == 1
    assert len(review.open) == 29


@pytest.mark.parametrize(
    "pictures",
    [
        [],
        [np.zeros((9, 9, 4), np.uint8)] * 20,
        [np.full((1, 1, 4), 255, np.uint8)] * 3,
        [_PICTURES[0]],
        [_PICTURES[0]] * 30,
    ],
)
def test_sets_with_nothing_to_tell_apart_come_to_an_end(pictures):
    review = review_of(halves(pictures))
    truth = np.ones(len(pictures), np.int8)
    assert finish(review, truth) <= 3
    assert not len(review.open)
    told = review.progress()
    assert told.confirmed == told.total == len(pictures) - told.left_alone
    assert np.isfinite([*review.chances, told.clicks]).all()


def test_pages_hold_every_open_sprite_once():
    review = review_of()
    seen: list[int] = []
    review.answer(0, int(_TRUTH[0]))
    seen.append(0)
    while len((page := review.page()).rows):
        seen += page.rows.tolist()
        review.accept(page, np.zeros(len(page.rows), bool))
    assert sorted(seen) == list(range(len(_TRUTH)))


def test_a_page_fills_the_window_but_never_too_much_of_a_small_set():
    pictures, truth = planted(kinds=6, each=100, seed=3)
    features = halves(pictures)
    lengths = {}
    for room in (8, 30, 500):
        review = review_of(features, room=room, doubtful_first=True)
        review.answer(0, int(truth[0]))
        page = review.page()
        lengths[room] = len(page.rows)
        # What the model does not know at all is no longer than the window.
        assert len(page.rows) <= max(room, 30)
    assert lengths == {8: 8, 30: 30, 500: 30}  # a twentieth of 600 at most
    assert len(review_of(_FEATURES, room=500).page().rows) == 8


def test_a_page_is_short_where_many_would_be_wrong():
    pictures, truth = planted(kinds=6, each=100, seed=3)
    review = review_of(halves(pictures), room=30)
    review.answer(0, int(truth[0]))
    assert len(review.page().rows) >= 30, "six shapes, well told apart"
    noise = np.random.default_rng(0).integers(0, 256, (480, 16, 16, 4), np.uint8)
    noise[..., 3] = 255
    review = review_of(halves(list(noise)), room=24)
    review.answer(0, 1)
    unsure = len(review.page().rows)
    assert unsure < 24, "half of any page would be wrong"
    assert review.chances[review.page().rows].mean() < 0.75
    review.doubtful_first = True
    assert len(review.page().rows) == 24, "asked for, so as long as the window"


def noise_of(count: int) -> Halves:
    pictures = np.random.default_rng(0).integers(0, 256, (count, 16, 16, 4), np.uint8)
    pictures[..., 3] = 255
    return halves(list(pictures))


def test_short_pages_are_judged_together_before_plain_order():
    review = review_of(noise_of(480), room=24)
    review.answer(0, 1)
    as_is = np.ones(480, np.int8)
    seen = 0
    while not review.plain:
        page = review.page()
        assert len(page.rows) < 24
        assert seen < 48 + len(page.rows), "two windows' worth that spared nothing are enough"
        before = review.snapshot()
        # Everything faces left as it is, so that whatever was turned was turned for nothing.
        wrong = page.signs != as_is[page.rows]
        wrong[:3] = True
        review.accept(page, wrong)
        seen += len(page.rows)
        if seen == len(page.rows):
            review.restore(before)
            assert np.array_equal(review.page().rows, page.rows)
            review.accept(page, wrong)
    assert seen >= 48, "two short pages may be bad luck"


def test_a_page_taken_back_leaves_nothing_of_what_it_taught():
    review = review_of()
    review.answer(0, int(_TRUTH[0]))
    states, pages = [], []
    for _ in range(4):
        states.append(review.snapshot())
        pages.append(review.page())
        review.accept(pages[-1], pages[-1].signs != _TRUTH[pages[-1].rows])
    for state, page in reversed(list(zip(states, pages, strict=True))):
        review.restore(state)
        again = review.page()
        assert np.array_equal(again.rows, page.rows)
        assert np.array_equal(again.chances, page.chances)


def test_a_sprite_said_to_face_front_teaches_nothing_about_sides():
    review = review_of()
    review.answer(0, int(_TRUTH[0]))
    page = review.page()
    review.accept(page, np.zeros(len(page.rows), bool), np.ones(len(page.rows), bool))
    assert (review.labels[page.rows] == 2).all()
    assert int((review.sided != 0).sum()) == 1


def test_why_names_confirmed_sprites_of_the_same_kind():
    review = review_of()
    review.accept(Page(np.arange(0, 48, 6), _TRUTH[::6].copy(), np.ones(8)), np.zeros(8, bool))
    near = [row for row, _ in review.nearest(13, count=2)]
    assert near
    assert all(row // 12 == 1 for row in near)


def test_the_likeliest_weights_do_not_depend_on_how_sprites_are_turned():
    signs = np.random.default_rng(1).choice([-1, 1], len(_TRUTH)).astype(np.int8)
    assert likeliest(OddKernels(_FEATURES), _TRUTH) == likeliest(
        OddKernels(turned(_FEATURES, signs)), (_TRUTH * signs).astype(np.int8)
    )


def test_labels_that_are_there_already_are_learned_from():
    labels = np.zeros(len(_TRUTH), np.int8)
    labels[::6] = _TRUTH[::6]
    review = FacingReview(_FEATURES, labels, np.ones(len(_TRUTH), np.int8))
    assert review.started
    assert (review.signs == _TRUTH).all()
    assert LEFT == 1


def test_predictions_without_a_sprite_are_those_of_a_model_without_it():
    labels = np.where(np.arange(len(_TRUTH)) % 3 == 0, _TRUTH, 0).astype(np.int8)
    view = view_of(_FEATURES)
    found = left_out(view, labels, 0.1)
    for place, row in enumerate(np.flatnonzero(labels).tolist()):
        without = labels.copy()
        without[row] = 0
        margin = believe(view, without).margin[row]
        assert found[place][0] == pytest.approx(abs(margin), abs=1e-3)
        assert found[place][1] == (np.sign(margin) == labels[row])


def test_light_tells_which_way_symmetric_shapes_are_turned():
    """Discs lit from the left, some of them mirrored: alike in shape, so only patches tell them apart."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-12:13, -12:13]
    pictures, truth = [], rng.choice(np.array([-1, 1], np.int8), 40)
    for side in truth.tolist():
        radius = rng.uniform(7, 12)
        disc = np.zeros((25, 25, 4), np.uint8)
        lit = (x + 0.4 * radius) ** 2 + y**2 < (0.9 * radius) ** 2
        inside = x**2 + (y * rng.uniform(0.8, 1.2)) ** 2 < radius**2
        tone = rng.integers(60, 120, 3)
        disc[inside] = (*tone, 255)
        disc[inside & ~lit] = (*(tone // 2), 255)
        pictures.append(disc if side > 0 else np.ascontiguousarray(disc[:, ::-1]))
    kernels = OddKernels(halves(pictures))
    view = kernels.view({kind: 1.0 for kind in kernels.kinds if kind.startswith("patches")})
    labels = np.where(np.arange(40) < 3, truth, 0).astype(np.int8)
    assert (np.sign(believe(view, labels).mean) == truth).all()


def test_patches_are_counted_on_the_true_grid_of_enlarged_sprites():
    enlarged = [np.ascontiguousarray(np.kron(one, np.ones((3, 3, 1), np.uint8))) for one in _PICTURES[:6]]
    patches = [part for kind, part in KINDS.items() if kind.startswith("patches")]
    found = halves(enlarged)
    for part in patches:
        assert np.allclose(found.odd[:, part], _FEATURES.odd[:6, part], atol=1e-5)
