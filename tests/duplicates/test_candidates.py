"""Candidate pairs: both engines agree, new rows suffice, and meaningless hashes give none."""

from __future__ import annotations

import numpy as np
import pytest

from gandam_studio.core.duplicates import candidates as module
from gandam_studio.core.duplicates.candidates import candidates
from gandam_studio.core.duplicates.search import numba_available
from gandam_studio.core.hashing import COLUMNS, Column, Flag, mirrored

SIGNS = slice(Column.SILHOUETTE_EVEN, Column.WHOLE_ODD + 1)


def prints(count: int, seed: int = 0) -> np.ndarray:
    """Random fingerprints; the second half varies the first by a few bits, some mirrored, some of other kinds."""
    generator = np.random.default_rng(seed)
    made = np.zeros((count, COLUMNS), dtype=np.uint64)
    made[:, 2:] = generator.integers(0, 2**64, (count, COLUMNS - 2), dtype=np.uint64)
    half = count // 2
    made[half:, SIGNS] = made[: count - half, SIGNS]
    for _ in range(8):
        flip = np.uint64(1) << generator.integers(0, 64, (count - half, 6)).astype(np.uint64)
        made[half:, SIGNS] ^= flip
    made[half : half + count // 8, [5, 7, 9]] ^= np.uint64(2**64 - 1)
    kinds = generator.choice([0, 0, 0, int(Flag.NO_SILHOUETTE), int(Flag.NO_INTERIOR)], half).astype(np.uint64)
    made[:half, Column.FLAGS], made[half : 2 * half, Column.FLAGS] = kinds, kinds
    made[half::7, Column.FLAGS] = int(Flag.NO_SILHOUETTE)
    made[half::11, Column.FLAGS] = int(Flag.NO_INTERIOR)
    return made


def listed(found: module.Candidates) -> list[tuple[int, int, bool]]:
    return list(zip(found.i.tolist(), found.j.tolist(), found.mirrored.tolist(), strict=True))


@pytest.mark.parametrize(("bits", "nominated"), [(16, True), (17, False)])
def test_the_index_tells_the_orientation_by_odd_words_of_at_most_16_bits(bits: int, nominated: bool) -> None:
    made = prints(2)
    made[1, SIGNS], made[:, Column.FLAGS] = made[0, SIGNS], 0
    for odd in (Column.SILHOUETTE_ODD, Column.INTERIOR_ODD, Column.WHOLE_ODD):
        made[1, odd] ^= np.uint64((1 << bits) - 1)
    assert listed(candidates(made, scan_limit=1)) == ([(0, 1, False)] if nominated else [])


needs_numba = pytest.mark.skipif(not numba_available(), reason="no numba")


def mirrored_second(made: np.ndarray) -> np.ndarray:
    return np.concatenate([made[:1], mirrored(made[1:])])


@needs_numba
def test_both_engines_nominate_the_same_pairs(monkeypatch):
    made = prints(1200)
    monkeypatch.setattr(module, "WORTH_COMPILING", 0)
    compiled = listed(candidates(made))
    monkeypatch.setattr(module, "numba_available", lambda: False)
    assert listed(candidates(made)) == compiled
    assert {way for _, _, way in compiled} == {False, True}
    assert len(compiled) > 500


@needs_numba
def test_both_engines_tell_the_same_pairs_apart_by_distance(monkeypatch):
    made = prints(400)
    made[:, SIGNS] &= np.uint64(0xFF)  # nearly everything looks alike
    monkeypatch.setattr(module, "WORTH_COMPILING", 0)
    compiled = candidates(made, most=700)
    monkeypatch.setattr(module, "numba_available", lambda: False)
    plain = candidates(made, most=700)
    assert listed(plain) == listed(compiled)
    assert plain.nearest == compiled.nearest > 1
    assert len(plain) < len(candidates(made)) / 4


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_numba)])
@pytest.mark.parametrize(
    ("kinds", "silent", "nominated"),
    [
        ((Flag(0), Flag.NO_SILHOUETTE), (4, 5), True),  # its interior is all that an opaque picture has
        ((Flag(0), Flag.NO_INTERIOR), (6, 7), True),  # its silhouette is all that a flat one has
        ((Flag.NO_SILHOUETTE, Flag.NO_INTERIOR), (), False),
        ((Flag(0), Flag(0)), (4, 5, 6, 7), False),
    ],
)
def test_one_word_is_enough_where_the_other_says_nothing(
    kinds: tuple[Flag, Flag], silent: tuple[int, ...], nominated: bool, compiled: bool, monkeypatch
):
    made = prints(2, seed=7)
    made[1] = made[0]
    made[1, [2, 3]] += np.uint64(1)
    made[1, [*silent, 8, 9]] = np.random.default_rng(1).integers(0, 2**64, len(silent) + 2, dtype=np.uint64)
    made[:, Column.FLAGS] = [int(kind) for kind in kinds]
    monkeypatch.setattr(module, "WORTH_COMPILING", 0 if compiled else 100)
    for rows in (made, made[::-1]):
        assert listed(candidates(rows)) == ([(0, 1, False)] if nominated else [])
    assert listed(candidates(mirrored_second(made))) == ([(0, 1, True)] if nominated else [])


@pytest.mark.parametrize("limit", [module.SCAN_LIMIT, 10])
def test_new_rows_are_enough(limit: int):
    made = prints(300)
    whole = listed(candidates(made, scan_limit=limit))
    before = listed(candidates(made[:200], scan_limit=limit))
    added = listed(candidates(made, first_new=200, scan_limit=limit))
    assert added
    assert sorted(before + added) == whole


def test_the_index_finds_what_is_near_at_any_size():
    made = prints(400, seed=3)
    made[200:, SIGNS] = made[:200, SIGNS]  # equal signs, half of them mirrored
    made[200:300, [5, 7, 9]] ^= np.uint64(2**64 - 1)
    made[:, Column.FLAGS] = 0
    found = set(listed(candidates(made, scan_limit=10)))
    assert found >= {(row, row + 200, row < 100) for row in range(200)}


def test_blank_tiny_and_flat_nominate_nothing():
    made = prints(8)
    made[:, SIGNS] = 7
    for flag in (Flag.BLANK, Flag.TINY, Flag.NO_SILHOUETTE | Flag.NO_INTERIOR):
        made[:, Column.FLAGS] = int(flag)
        assert len(candidates(made)) == 0
        assert len(candidates(made, scan_limit=1)) == 0
    made[:, Column.FLAGS] = 0
    assert len(candidates(made)) >= 28


def test_equal_digests_pair_even_tiny_pictures_but_not_blank_ones():
    made = prints(4)
    made[:, Column.FLAGS] = int(Flag.TINY)
    made[2, Column.PIXELS] = made[0, Column.PIXELS]
    made[3, Column.PIXELS_MIRRORED] = made[1, Column.PIXELS]
    assert listed(candidates(made)) == [(0, 2, False), (1, 3, True)]
    made[:, Column.FLAGS] = int(Flag.BLANK)
    assert listed(candidates(made)) == []
