"""Fitness: the bound compared with exact counting, its coverage, calibration, and the ranking on a known set."""

from __future__ import annotations

import math
import operator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.suggestions.fitness.calibration import isotonic, probability, venn_abers
from gandam_studio.core.suggestions.fitness.certificate import confidence_of_look, most_left
from gandam_studio.core.suggestions.fitness.review import FIT, UNFIT, FitnessReview


def counted(total: int, sample: int, unfit: int, level: Fraction, *, ties: bool = False) -> int:
    """The bound by exact counting; with `ties`, outcomes exactly as likely as the risk are not excluded."""

    def at_most(marked: int) -> Fraction:
        ways = sum(
            math.comb(marked, i) * math.comb(total - marked, sample - i)
            for i in range(unfit + 1)
            if i <= marked and sample - i <= total - marked
        )
        return Fraction(ways, math.comb(total, sample))

    rules_in = operator.ge if ties else operator.gt
    possible = range(unfit, total - (sample - unfit) + 1)
    return max(marked for marked in possible if marked == unfit or rules_in(at_most(marked), 1 - level)) - unfit


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_the_bound_is_that_of_exact_counting(data):
    total = data.draw(st.integers(1, 60))
    sample = data.draw(st.integers(0, total))
    unfit = data.draw(st.integers(0, sample))
    level = data.draw(st.sampled_from([Fraction(9, 10), Fraction(95, 100), Fraction(99, 100)]))
    bounds = (counted(total, sample, unfit, level), counted(total, sample, unfit, level, ties=True))
    # An exact tie, such as (16, 2, 0) at 95 %, is decided by rounding; else the two are the same.
    assert most_left(total, sample, unfit, float(level)) in bounds


def test_known_bounds():
    assert most_left(100, 100, 7) == 0  # everything was looked at
    assert most_left(100, 0, 0) == 100  # nothing was
    assert most_left(10_000, 59, 0) / 10_000 == pytest.approx(0.05, abs=0.002)  # the rule of three, exactly
    for wrong in ((10, 11, 0), (10, 5, 6), (10, 5, -1)):
        with pytest.raises(ValueError, match="not possible"):
            most_left(*wrong)


def test_over_hundreds_of_reviews_the_bound_holds_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        total = int(rng.integers(50, 800))
        unfit = rng.permutation(total) < int(rng.integers(0, total // 4))
        look = 0
        while True:  # a person who looks on until few can be left
            n = min(total, 40 * 2**look)
            bound = most_left(total, n, int(unfit[:n].sum()), confidence_of_look(look))
            if bound <= 0.1 * total or n == total:
                break
            look += 1
        held += int(unfit[n:].sum()) <= bound
    assert held >= 0.95 * 400


def test_isotonic_regression_by_hand():
    values, weights = np.array([1.0, 3.0, 2.0, 2.0, 5.0]), np.ones(5)
    assert isotonic(values, weights).tolist() == pytest.approx([1, 7 / 3, 7 / 3, 7 / 3, 5])
    assert isotonic(np.array([2.0, 1.0]), np.array([3.0, 1.0])).tolist() == [1.75, 1.75]


def test_venn_abers_brackets_the_truth_and_orders_by_score():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=600)
    truth = 1 / (1 + np.exp(-2 * scores))
    low, high = venn_abers(scores, rng.random(600) < truth, scores)
    assert (low <= high).all()
    assert (np.diff(probability(low, high)[np.argsort(scores)]) >= -1e-9).all()
    assert np.abs(probability(low, high) - truth).mean() < 0.06
    assert [side.tolist() for side in venn_abers(np.empty(0), np.empty(0, bool), np.array([1.0]))] == [[0.0], [1.0]]


def blobs(seed: int = 0, count: int = 400, share: float = 0.1):
    rng = np.random.default_rng(seed)
    unfit = rng.random(count) < share
    features = rng.normal(size=(count, 12)).astype(np.float32)
    features[unfit, :4] += 2.5
    return features, unfit


def test_a_few_examples_bring_the_unfit_forward():
    features, unfit = blobs()
    labels = np.zeros(len(unfit), np.int8)
    labels[np.flatnonzero(unfit)[:3]] = UNFIT
    review = FitnessReview("odd", features, labels)
    looked = 0
    for _ in range(3):
        page = review.ranked_page(24)
        review.accept(page, unfit[page])
        looked += len(page)
    assert (review.labels[unfit] == UNFIT).mean() > 3 * looked / len(unfit)
    assert (review.labels[unfit] == UNFIT).mean() > 0.85


def test_a_review_ends_with_a_certificate_that_holds():
    features, unfit = blobs(seed=2)
    labels = np.zeros(len(unfit), np.int8)
    labels[np.flatnonzero(unfit)[:3]] = UNFIT
    labels[np.flatnonzero(~unfit)[:10]] = FIT
    review = FitnessReview("odd", features, labels)
    assert review.certificate().most_left == len(review.rest)  # nothing was looked at yet
    while not review.ready:
        page = review.ranked_page(24)
        review.accept(page, unfit[page])
    page = review.audit_page()
    review.accept(page, unfit[page], audit=True)
    certificate = review.certificate()
    left = int((unfit & (review.labels == 0)).sum())
    assert left <= certificate.most_left < len(review.rest) / 8
    assert certificate.looked_at == int((review.labels != 0).sum())
    assert certificate.audited == len(page)
    chances = review.probabilities()
    assert chances[unfit].mean() > chances[~unfit].mean()


def test_what_an_audit_said_holds_while_looking_on_by_suspicion():
    features, unfit = blobs()
    labels = np.zeros(len(unfit), np.int8)
    labels[np.flatnonzero(unfit)[:3]] = UNFIT
    review = FitnessReview("odd", features, labels)
    page = review.audit_page(40)
    review.accept(page, unfit[page], audit=True)
    assert review.auditing
    said = review.certificate().most_left
    page = review.ranked_page(20)
    found = int(unfit[page].sum())
    assert found
    review.accept(page, unfit[page])
    assert not review.auditing
    assert review.certificate().most_left == said - found  # those are left no more
    assert review.certificate().audited == 40
    page = review.audit_page(60)
    review.accept(page, unfit[page], audit=True)
    assert int((unfit & (review.labels == 0)).sum()) <= review.certificate().most_left < said - found


def test_a_random_check_cannot_be_drawn_until_it_looks_well():
    features, unfit = blobs()

    def begun() -> FitnessReview:
        return FitnessReview("odd", features, np.where(np.arange(len(unfit)) < 3, UNFIT, 0))

    review = begun()
    page = review.audit_page()
    assert np.array_equal(review.audit_page(), page)  # asked again
    before = review.snapshot()
    review.accept(page, unfit[page], audit=True)
    said = review.certificate()
    review.put_back(before)
    review.refit()
    assert np.array_equal(review.audit_page(), page)  # taken back
    review.accept(page, unfit[page], audit=True)
    assert review.certificate() == said
    # Looked at and put aside for suspicious ones, it counts, so what the next one says is more cautious.
    once, twice = begun(), begun()
    twice.audit_page()
    for one in (once, twice):
        ranked = one.ranked_page(20)
        one.accept(ranked, unfit[ranked])
        audit = one.audit_page(60)
        one.accept(audit, np.zeros(len(audit), bool), audit=True)
    assert once.certificate().most_left < twice.certificate().most_left


def test_asking_for_another_random_check_until_one_looks_well_does_not_make_the_bound_wrong():
    held, features = 0, np.zeros((300, 1), np.float32)
    for seed in range(100):
        unfit = np.random.default_rng(1_000 + seed).permutation(300) < 18  # just too many for a clean page of 60
        review = FitnessReview("odd", features, np.zeros(300, np.int8), seed)
        pages = (review.audit_page(60) for _ in range(12))
        page = next((one for one in pages if not unfit[one].any()), review.audit_page(60))
        review.take(page, unfit[page], audit=True)
        held += int((unfit & (review.labels == 0)).sum()) <= review.certificate().most_left
    assert held >= 0.95 * 100


def test_an_audit_of_very_many_pages_goes_on():
    assert all(0 < confidence_of_look(number) < 1 for number in (0, 10, 48, 60, 2_000))
    review = FitnessReview("odd", np.zeros((300, 1), np.float32), np.zeros(300, np.int8))
    while len(page := review.audit_page(4)):
        review.take(page, np.zeros(len(page), bool), audit=True)
    assert review.certificate().most_left == 0


@pytest.mark.parametrize("count", [0, 1, 7, 130])
@pytest.mark.parametrize("share", [0, 1])
def test_sprites_that_all_look_the_same_come_to_an_end(count: int, share: int):
    review = FitnessReview("odd", np.zeros((count, 4), np.float32), np.zeros(count, np.int8))
    unfit = np.full(count, bool(share))
    while len(review.rest):
        page = review.audit_page() if review.ready else review.ranked_page()
        review.accept(page, unfit[page], audit=review.ready)
    said = review.certificate()
    assert (said.looked_at, said.unfit, said.most_left) == (count, count * share, 0)
    chances = review.probabilities()
    assert chances.shape == (count,)
    assert np.isfinite(chances).all()


def test_what_scores_are_worth_is_known_from_earlier_audits():
    features, unfit = blobs()
    labels = np.zeros(len(unfit), np.int8)
    labels[np.flatnonzero(unfit)[:3]] = UNFIT
    first = FitnessReview("odd", features, labels)
    assert first.chances is None
    page = first.audit_page(150)
    first.accept(page, unfit[page], audit=True)
    assert first.chances is not None
    later = FitnessReview("odd", features, first.labels, earlier=first.audited)
    assert np.allclose(later.chances, first.chances)
    rest = later.rest
    assert abs(later.chances[rest].mean() - unfit[rest].mean()) < 0.05
    page = first.ranked_page(10)
    first.accept(page, unfit[page])
    assert first.chances is not None  # also while looking on by suspicion
