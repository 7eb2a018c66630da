"""All pairs of hashes within a Hamming radius: exact, with memory proportional to the result.

Multi-index hashing (Norouzi, Punjani and Fleet 2012, "Fast Search in Hamming Space with Multi-Index Hashing"), for all
pairs at once. A hash is cut into m chunks. With r = q * m + s, 0 <= s < m, two hashes within r of each other have a
chunk among the first s + 1 that differs by at most q, or one among the others that differs by at most q - 1: otherwise
they would differ by at least (s + 1)(q + 1) + (m - s - 1) q = r + 1. So hashes are bucketed by chunk, and only buckets
with keys that close are compared. A pair that several chunks find is reported by the first of them.

Two engines give the same result: numpy, and loops compiled by numba if it is installed and there is enough work. Those
run in a few threads, a chunk each.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Literal

import numpy as np

from gandam_studio.core.duplicates.chunks import (
    DISTANCE_BITS,
    Chunk,
    chunk_bits,
    chunk_keys,
    neighbour_masks,
    plan,
    row_bits,
    work,
    work_in_lanes,
)
from gandam_studio.core.jobs import NULL_JOB, Job

Engine = Literal["auto", "numpy", "numba"]

_BLOCK = 1 << 20  # comparisons per numpy operation: temporaries of 8 MB
_THREADS = 8  # at most
_AHEAD = 2  # tasks a thread that are under way before a result is taken
WORTH_COMPILING = 4e7  # comparisons; below this numpy is faster than loading numba


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, i < j, sorted by (i, j), each once.

    Attributes:
        i, j: (P,) int64 row numbers.
        distance: (P,) int64 Hamming distances.
    """

    i: np.ndarray
    j: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.i)

    def within(self, radius: int) -> Pairs:
        """Return the pairs within a smaller radius, without another search."""
        near = self.distance <= radius
        return Pairs(self.i[near], self.j[near], self.distance[near])


def pairs_within(
    words: np.ndarray, radius: int, *, first_new: int = 0, engine: Engine = "auto", job: Job = NULL_JOB
) -> Pairs:
    """Return every pair of rows of `words` whose Hamming distance is at most `radius`.

    Args:
        words: (N,) or (N, W) uint64, W words per hash.
        first_new: return only pairs with at least one row >= this; earlier rows were searched before.
        engine: "auto" uses numba for large inputs if it is installed. The result is the same.

    Raises ValueError for a negative radius, a hash of 16 words or more, or "numba" without numba.
    """
    words = np.ascontiguousarray(words, dtype=np.uint64)
    words = words[:, None] if words.ndim == 1 else words
    if radius < 0:
        raise ValueError("the radius must not be negative")
    if engine == "numba" and not numba_available():
        raise ValueError("numba is not installed")
    chunks = plan(len(words), words.shape[1] * 64, radius)
    large = engine == "auto" and work(len(words), chunks) > WORTH_COMPILING
    compiled = engine == "numba" or (large and numba_available())
    if compiled and words.shape[1] == 1:
        chunks = plan(len(words), 64, radius, work_in_lanes)
    if words.shape[1] >= 16:
        raise ValueError("hashes of at most 15 words can be searched")
    job.start("Comparing", sum(chunk.reach >= 0 for chunk in chunks))
    if first_new >= len(words) or len(words) < 2:
        return Pairs(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
    searched = [number for number, chunk in enumerate(chunks) if chunk.reach >= 0]
    found = [np.zeros(0, dtype=np.int64)]
    if compiled:
        from gandam_studio.core.duplicates.search_numba import chunk_pairs, sorted_pairs

        tasks = [partial(chunk_pairs, words, radius, chunks, number, first_new) for number in searched]
        for part in in_threads(tasks, job.check):
            found.append(part)
            job.advance()
        packed = sorted_pairs(np.concatenate(found), len(words))
    else:
        for number in searched:
            job.check()
            found.append(_chunk_pairs(words, radius, chunks, number, first_new, job))
            job.advance()
        packed = np.sort(np.concatenate(found))
    return Pairs(*_unpacked(packed, len(words)))


def _packed(i: np.ndarray, j: np.ndarray, distance: np.ndarray, count: int) -> np.ndarray:
    """Pack each pair into one int64 that sorts by (i, j); several times faster to sort than rows."""
    return (i << row_bits(count) | j) << DISTANCE_BITS | distance


def _unpacked(packed: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse of `_packed`."""
    bits = row_bits(count)
    j = packed >> DISTANCE_BITS & ((1 << bits) - 1)
    return packed >> (DISTANCE_BITS + bits), j, packed & ((1 << DISTANCE_BITS) - 1)


def numba_available() -> bool:
    """Whether the compiled engine is available."""
    return find_spec("numba") is not None


def in_threads(tasks: Sequence[Callable[[], np.ndarray]], check: Callable[[], None]) -> Iterator[np.ndarray]:
    """Do tasks that leave the interpreter's lock free, in a few threads; yields their results in order.

    Few are done before they are asked for, so that results do not pile up.

    check: called before each result; what it raises is raised once the tasks under way are done.
    """
    threads = max(1, min(len(tasks), os.cpu_count() or 1, _THREADS))
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[np.ndarray]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > _AHEAD * threads:
                check()
                yield waiting.popleft().result()
        while waiting:
            check()
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _chunk_pairs(
    words: np.ndarray, radius: int, chunks: list[Chunk], number: int, first_new: int, job: Job
) -> np.ndarray:
    """(P,) packed pairs that chunk `number` is the first to find, unsorted."""
    keys = chunk_keys(words, chunks[number])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    earlier = [(chunk_bits(chunk, words.shape[1]), chunk.reach) for chunk in chunks[:number]]
    found = [np.zeros(0, dtype=np.int64)]
    for mask in neighbour_masks(chunks[number]):
        job.check()
        for left, right in _meeting(keys, int(mask)):
            i, j = order[left], order[right]
            if first_new:
                new = np.maximum(i, j) >= first_new
                i, j = i[new], j[new]
            different = words[i] ^ words[j]
            distance = np.bitwise_count(different).sum(axis=1, dtype=np.int64)
            kept = distance <= radius
            i, j, different, distance = i[kept], j[kept], different[kept], distance[kept]
            for place, reach in earlier:
                first = np.bitwise_count(different & place).sum(axis=1) > reach
                i, j, different, distance = i[first], j[first], different[first], distance[first]
            found.append(_packed(np.minimum(i, j), np.maximum(i, j), distance, len(words)))
    return np.concatenate(found)


def _meeting(keys: np.ndarray, mask: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions (left, right) in the sorted `keys` whose keys differ by exactly `mask`, each pair once, in blocks."""
    positions = np.arange(len(keys))
    if mask == 0:
        start, stop = positions + 1, np.searchsorted(keys, keys, side="right")
    else:
        other = keys ^ mask
        positions = positions[other > keys]
        start, stop = np.searchsorted(keys, other[positions], "left"), np.searchsorted(keys, other[positions], "right")
    counts = stop - start
    met = counts > 0
    positions, start, counts = positions[met], start[met], counts[met]
    totals = np.cumsum(counts)
    first = 0
    while first < len(positions):
        done = totals[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(totals, done + _BLOCK, side="right")))
        size = counts[first:last]
        offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        yield np.repeat(positions[first:last], size), np.repeat(start[first:last], size) + offset
        first = last
