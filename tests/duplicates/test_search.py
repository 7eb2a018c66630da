"""The search finds every pair within the radius, exactly, with either engine."""

from __future__ import annotations

import threading
import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.duplicates import search
from gandam_studio.core.duplicates.chunks import (
    Chunk,
    chunk_bits,
    chunk_keys,
    cut,
    neighbour_masks,
    plan,
    row_bits,
    work,
    work_in_lanes,
)
from gandam_studio.core.duplicates.search import Pairs, pairs_within
from gandam_studio.core.jobs import Cancelled, NullJob

ENGINES = ["numpy", pytest.param("numba", marks=pytest.mark.skipif(not search.numba_available(), reason="no numba"))]


def brute(words: np.ndarray, radius: int, first_new: int = 0) -> list[tuple[int, int, int]]:
    """Every pair, by brute force."""
    words = words.reshape(len(words), -1)
    distance = np.bitwise_count(words[:, None] ^ words[None]).sum(axis=-1, dtype=np.int64)
    i, j = np.nonzero(np.triu(distance <= radius, 1))
    return [(a, b, distance[a, b]) for a, b in zip(i.tolist(), j.tolist(), strict=True) if b >= first_new]


def listed(pairs: Pairs) -> list[tuple[int, int, int]]:
    return list(zip(pairs.i.tolist(), pairs.j.tolist(), pairs.distance.tolist(), strict=True))


def clustered(count: int, width: int, seed: int) -> np.ndarray:
    """Half random hashes, half variations of some of them by a few bits: (count, width) uint64."""
    generator = np.random.default_rng(seed)
    words = generator.integers(0, 2**64, (count, width), dtype=np.uint64)
    half = count // 2
    words[half:] = words[generator.integers(0, max(1, half // 3), count - half)]
    for step in range(6):
        rows = np.arange(half + step * 8, count)  # the first few stay equal to their original
        flip = np.uint64(1) << generator.integers(0, 64, len(rows)).astype(np.uint64)
        words[rows, generator.integers(0, width, len(rows))] ^= flip
    return words


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("width", "radius"), [(1, 0), (1, 4), (1, 8), (1, 12), (1, 17), (2, 10), (3, 25), (4, 30)])
def test_finds_exactly_the_pairs_within_the_radius(engine, width: int, radius: int):
    words = clustered(400, width, radius)
    expected = brute(words, radius)
    assert len(expected) > (20 if radius else 0)
    assert listed(pairs_within(words, radius, engine=engine)) == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("radius", [0, 3, 8])
def test_many_equal_hashes_and_no_hashes(engine, radius: int):
    words = np.array([7] * 40 + [7 ^ 1, 7 ^ 6, 2**63], dtype=np.uint64)
    assert listed(pairs_within(words, radius, engine=engine)) == brute(words, radius)
    assert len(pairs_within(words[:1], radius, engine=engine)) == 0
    assert len(pairs_within(np.zeros(0, dtype=np.uint64), radius, engine=engine)) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_more_pairs_than_there_is_room_for_at_first(engine):
    words = np.concatenate([np.full(500, 7, dtype=np.uint64), clustered(200, 1, 3).ravel()])
    found = pairs_within(words, 8, engine=engine)
    assert len(found) > 500 * 499 // 2 > 1 << 16
    assert listed(found) == brute(words, 8)


@pytest.mark.parametrize("engine", ENGINES)
def test_adding_rows_searches_only_what_is_new(engine):
    words = clustered(300, 1, 5)
    whole = listed(pairs_within(words, 8, engine=engine))
    before = listed(pairs_within(words[:220], 8, engine=engine))
    added = listed(pairs_within(words, 8, first_new=220, engine=engine))
    assert added
    assert sorted(before + added) == whole
    assert added == brute(words, 8, 220)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 63)), max_size=40),
    st.integers(0, 70),
    st.randoms(),
)
def test_symmetric_and_blind_to_order(numbers, flips, radius, random):
    words = np.array(numbers, dtype=np.uint64)
    for row, bit in flips:
        words[row % len(words)] = words[(row + 1) % len(words)] ^ np.uint64(1 << bit)
    order = list(range(len(words)))
    random.shuffle(order)
    straight = {(a, b, d) for a, b, d in listed(pairs_within(words, radius, engine="numpy"))}
    shuffled = listed(pairs_within(words[order], radius, engine="numpy"))
    assert {(min(order[a], order[b]), max(order[a], order[b]), d) for a, b, d in shuffled} == straight
    assert straight == set(brute(words, radius))


@pytest.mark.parametrize(("bits", "radius"), [(64, 0), (64, 1), (64, 8), (64, 63), (128, 20), (256, 40)])
def test_the_plan_covers_every_bit_and_misses_no_pair(bits: int, radius: int):
    in_lanes = [plan(count, bits, radius, work_in_lanes) for count in (1000, 1_000_000)]
    for chunks in (plan(1000, bits, radius), plan(1_000_000, bits, radius), cut(bits, radius, 7), *in_lanes):
        assert sum(chunk.bits for chunk in chunks) == bits
        assert [chunk.start for chunk in chunks] == np.cumsum([0, *(chunk.bits for chunk in chunks)])[:-1].tolist()
        # A pair that no chunk finds differs in each by more than its reach: together that must exceed the radius.
        assert sum(chunk.reach + 1 for chunk in chunks) > radius


def test_a_tighter_radius_needs_no_second_search():
    words = clustered(300, 1, 9)
    assert listed(pairs_within(words, 10).within(4)) == listed(pairs_within(words, 4))


def test_wrong_questions_and_cancelling():
    words = clustered(50, 1, 1)
    with pytest.raises(ValueError, match="negative"):
        pairs_within(words, -1)
    with pytest.raises(ValueError, match="15 words"):
        pairs_within(np.zeros((3, 16), dtype=np.uint64), 1)

    class Impatient(NullJob):
        def check(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        pairs_within(words, 4, job=Impatient())


def test_without_numba_large_work_still_gets_done(monkeypatch):
    words = clustered(6000, 1, 2)
    monkeypatch.setattr(search, "WORTH_COMPILING", 0.0)
    monkeypatch.setattr(search, "numba_available", lambda: False)
    slow = listed(pairs_within(words, 6))
    monkeypatch.undo()
    assert slow == listed(pairs_within(words, 6))
    monkeypatch.setattr(search, "numba_available", lambda: False)
    with pytest.raises(ValueError, match="not installed"):
        pairs_within(words, 6, engine="numba")


def test_a_plan_makes_fewer_comparisons_than_any_equal_cut():
    for count, radius in ((1000, 8), (100_000, 8), (1_000_000, 12), (100_000, 4)):
        chosen = plan(count, 64, radius)
        assert max(chunk.bits for chunk in chosen) <= 20
        for pieces in range(4, radius + 2):
            chunks = cut(64, radius, pieces)
            if max(chunk.reach for chunk in chunks) <= 3:
                assert work(count, chosen) <= work(count, chunks)


def test_keys_of_chunks_across_words():
    words = np.array([[0x8000_0000_0000_0001, 0b101], [0xF000_0000_0000_0000, 0xFF]], dtype=np.uint64)
    assert chunk_keys(words, Chunk(0, 4, 0)).tolist() == [1, 0]
    assert chunk_keys(words, Chunk(60, 4, 0)).tolist() == [8, 15]
    assert chunk_keys(words, Chunk(62, 5, 0)).tolist() == [0b10110, 0b11111]
    assert chunk_keys(words, Chunk(64, 8, 0)).tolist() == [5, 255]
    assert chunk_bits(Chunk(62, 5, 0), 2).tolist() == [0b11 << 62, 0b111]
    assert chunk_bits(Chunk(64, 3, 0), 3).tolist() == [0, 7, 0]


def test_masks_of_neighbours():
    masks = neighbour_masks(Chunk(10, 4, 2)).tolist()
    assert masks[0] == 0
    assert len(masks) == len(set(masks)) == 1 + 4 + 6
    assert all(mask < 16 and mask.bit_count() <= 2 for mask in masks)
    assert neighbour_masks(Chunk(0, 5, 0)).tolist() == [0]
    assert neighbour_masks(Chunk(0, 5, -1)).tolist() == []
    assert [row_bits(count) for count in (0, 1, 2, 3, 4, 5, 1 << 20, (1 << 20) + 1)] == [1, 1, 1, 2, 2, 3, 20, 21]


def test_work_is_comparisons_and_what_finding_them_costs():
    # 8 hashes in 4 buckets: 8 * 8 / 2 / 4 pairs, 4 buckets looked into, 8 keys sorted.
    assert work(8, [Chunk(0, 2, 0)]) == 8 + 5 * 4 + 8 * 8
    # Reach 1 looks into 1 + 2 buckets for each.
    assert work(8, [Chunk(0, 2, 1)]) == 3 * (8 + 5 * 4) + 8 * 8


@pytest.mark.skipif(not search.numba_available(), reason="no numba")
def test_threads_can_be_cancelled():
    class Job(NullJob):
        def advance(self, count: int = 1) -> None:
            raise Cancelled

    words = np.random.default_rng(0).integers(0, 2**64, 3000, dtype=np.uint64)
    with pytest.raises(Cancelled):
        pairs_within(words, 8, engine="numba", job=Job())
    assert not [one for one in threading.enumerate() if "ThreadPoolExecutor" in one.name]


def test_results_of_threads_come_in_order():
    def after(seconds: float, number: int) -> np.ndarray:
        time.sleep(seconds)
        return np.array([number])

    tasks = [partial(after, 0.02 * (5 - number), number) for number in range(5)]
    assert [int(one[0]) for one in search.in_threads(tasks, lambda: None)] == [0, 1, 2, 3, 4]
    assert list(search.in_threads([], lambda: None)) == []


def test_results_of_threads_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(search.os, "cpu_count", lambda: 2)
    begun: list[int] = []

    def noted(number: int) -> np.ndarray:
        begun.append(number)
        return np.array([number])

    results = search.in_threads([partial(noted, number) for number in range(90)], lambda: None)
    for number, _ in enumerate(results):
        assert len(begun) <= number + 1 + 3 * 2
    assert sorted(begun) == list(range(90))
