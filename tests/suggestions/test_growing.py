"""A large set: the first page comes after some sprites are described; the end is as if all had been at first."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from planted import planted

from gandam_studio.core.importing import import_sources
from gandam_studio.core.importing.options import ImportOptions
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.suggestions import described, sprites
from gandam_studio.core.suggestions.described import GrowingDescription
from gandam_studio.core.suggestions.facing import kernel
from gandam_studio.core.suggestions.facing.review import FacingReview, compare
from gandam_studio.core.suggestions.sprites import facing_review, facing_review_soon
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import SetFacing

_PICTURES, _TRUTH = planted(kinds=3, each=40, seed=4)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """120 walkers, of which 24 are described before the first page."""
    for module in (described, sprites):
        monkeypatch.setattr(module, "FIRST", 24)
    monkeypatch.setattr(sprites, "AT_ONCE", 40)
    monkeypatch.setattr(described, "_BATCH", 16)
    (tmp_path / "art").mkdir()
    for number, picture in enumerate(_PICTURES):
        Image.fromarray(picture).save(tmp_path / "art" / f"{number:03d}.png")
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [tmp_path / "art"], options=ImportOptions(workers=1))
    return tmp_path / "w"


def begun(workspace: Workspace) -> tuple[FacingReview, np.ndarray, GrowingDescription]:
    """A review that has begun with some sprites, which way they all face, and their description."""
    review, found, growing = facing_review_soon(workspace)
    assert growing is not None
    return review, np.array([_TRUTH[int(one.name[:3])] for one in found.sprites], np.int8), growing


def answer(review: FacingReview, truth: np.ndarray) -> None:
    """Answer the question."""
    first = review.first()
    review.answer(first, int(truth[first]))


def go_through(review: FacingReview, truth: np.ndarray) -> int:
    """Accept pages until nothing is open; returns how many sprites were wrong."""
    wrong = 0
    while len((page := review.page()).rows):
        faults = page.signs != truth[page.rows]
        review.accept(page, faults)
        wrong += int(faults.sum())
    return wrong


@pytest.mark.parametrize("exact", [True, False])
def test_what_is_described_bit_by_bit_is_compared_as_if_it_had_been_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    if not exact:
        monkeypatch.setattr(kernel, "EXACT", 20)
        monkeypatch.setattr(kernel, "LANDMARKS", 30)
    with Workspace.open(folder) as workspace:
        review, truth, growing = begun(workspace)
        assert growing.count == review.compared == 24
        answer(review, truth)
        parts = growing.parts()
        assert len(parts) == 2
        for until in parts:
            page = review.page()
            assert set(page.rows.tolist()) <= set(growing.order[: growing.count].tolist())
            review.take(page, page.signs != truth[page.rows])
            growing.describe(workspace, until)
            review.grow(compare(growing.features, review.sided, growing.chosen))
            review.refit()
        assert growing.is_whole
        assert review.chosen is None
        whole, _ = facing_review(workspace, closely=False)
    assert np.array_equal(growing.features.even, whole.features.even)
    assert np.array_equal(growing.features.odd, whole.features.odd)
    at_once = FacingReview(whole.features, review.labels, review.shown)
    at_once._history = list(review._history)
    at_once.refit()
    for one, other in (
        (review.open, at_once.open), (review.groups.number, at_once.groups.number), (review.margin, at_once.margin),
        (review.signs, at_once.signs), (review.chances, at_once.chances), (review.symmetric, at_once.symmetric),
    ):  # fmt: skip
        assert np.array_equal(one, other)


def test_some_of_the_sprites_are_judged_as_if_they_were_all(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        review, truth, growing = begun(workspace)
        chosen = growing.chosen
        alone, _ = facing_review(workspace, chosen + 1, closely=False)
    answer(review, truth)
    answer(alone, truth[chosen])
    assert np.array_equal(review.open, chosen[alone.open])
    assert np.array_equal(review.page().rows, chosen[alone.page().rows])
    assert np.array_equal(review.chances[chosen], alone.chances)
    assert review.progress() == alone.progress()
    row = int(review.open[0])
    near = alone.nearest(int(np.searchsorted(chosen, row)))
    assert review.nearest(row) == [(int(chosen[one]), alike) for one, alike in near]
    assert near
    outside = int(np.setdiff1d(np.arange(len(truth)), chosen)[0])
    assert review.nearest(outside) == []


def test_pages_before_more_were_described_are_taken_back(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        review, truth, growing = begun(workspace)
        answer(review, truth)
        before, labels = review.snapshot(), review.labels.copy()
        page = review.page()
        review.accept(page, page.signs != truth[page.rows])
        growing.describe(workspace, len(growing.order))
        review.grow(compare(growing.features, review.sided, growing.chosen))
        review.restore(before)
    assert np.array_equal(review.labels, labels)
    assert review.compared == len(truth)
    assert go_through(review, truth) <= 6
    assert np.array_equal(review.labels[~review.symmetric], truth[~review.symmetric])


def test_what_was_described_before_it_was_cancelled_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(NullJob):
        def advance(self, count: int = 1) -> None:
            raise Cancelled

    with Workspace.open(folder) as workspace:
        _, _, growing = begun(workspace)
        with pytest.raises(Cancelled):
            growing.describe(workspace, len(growing.order), Impatient())
        assert 24 < growing.count < len(growing.order)
        done = growing.count
    looked_at: list[int] = []
    picture = described._picture
    monkeypatch.setattr(
        described, "_picture", lambda workspace, sprite: looked_at.append(sprite.seq) or picture(workspace, sprite)
    )
    with Workspace.open(folder) as workspace:
        _, _, again = begun(workspace)
        again.describe(workspace, len(again.order))
    assert len(looked_at) == len(again.order) - done


def test_a_review_begins_with_what_is_confirmed_and_as_much_that_is_not(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        workspace.apply(SetFacing(list(range(1, 61)), "left"))
        review, _, growing = begun(workspace)
    assert review.started
    assert int((review.labels[growing.chosen] != 0).sum()) == 12
    assert len(review.open) == 12


def test_a_set_that_is_described_already_begins_with_all_of_it(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        facing_review(workspace, closely=False)
        review, _, growing = facing_review_soon(workspace)
    assert growing is None
    assert review.compared == len(_TRUTH)


def test_parts_double_and_end_with_the_whole() -> None:
    growing = GrowingDescription([None] * 100_000)  # type: ignore[list-item]
    growing.count = described.FIRST
    parts = growing.parts()
    assert parts[0] == 2 * described.FIRST
    assert all(after >= 1.3 * before for before, after in itertools.pairwise(parts))
    assert parts[-1] == 100_000
    assert sum(parts) < 2 * 100_000
