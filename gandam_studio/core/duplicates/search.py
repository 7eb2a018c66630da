"""All pairs of hashes within a Hamming radius: exact, on one thread, with memory that grows with the answer only.

Multi-index hashing (Norouzi, Punjani and Fleet 2012, "Fast Search in Hamming Space with Multi-Index Hashing"), for all
pairs at once. A hash is cut into m chunks. With r = q * m + s, 0 <= s < m, two hashes within r of each other have among
the first s + 1 chunks one that differs by at most q, or among the others one that differs by at most q - 1: else they
would differ by at least (s + 1)(q + 1) + (m - s - 1) q = r + 1. So hashes are bucketed by chunk and only buckets whose
keys are that near are compared. A pair found through several chunks is reported by the first one that finds it.

Two engines give the same answer: plain numpy, and the same loops compiled by numba where that is installed and the work
is large enough to repay it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations
from math import comb
from typing import Literal

import numpy as np

from gandam_studio.core.jobs import NULL_JOB, Job

Engine = Literal["auto", "numpy", "numba"]

_BLOCK = 1 << 20  # comparisons numpy makes at once: 8 MB a temporary
DISTANCE_BITS = 10  # of a packed pair: hashes of up to 15 words
_WORTH_COMPILING = 4e7  # comparisons; fewer take numpy less time than numba takes to load
_PROBE, _SORT = 5, 8  # measured on the compiled loops
_WIDEST = 20  # bits of the widest chunk: a million buckets


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
        """How many pairs."""
        return len(self.i)

    def within(self, radius: int) -> Pairs:
        """Those no further apart than `radius`: what a distance slider asks, without another search."""
        near = self.distance <= radius
        return Pairs(self.i[near], self.j[near], self.distance[near])


@dataclass(frozen=True)
class Chunk:
    """One piece of the hash and how far its bucket keys may differ.

    Attributes:
        start, bits: which bits, counted from the lowest of the first word.
        reach: greatest difference between the keys compared, -1 for a chunk that need not be looked at.
    """

    start: int
    bits: int
    reach: int


def hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamming distances of (..., W) uint64 arrays that broadcast: (...) int64."""
    return np.bitwise_count(np.bitwise_xor(a, b)).sum(axis=-1, dtype=np.int64)


def pairs_within(
    words: np.ndarray, radius: int, *, first_new: int = 0, engine: Engine = "auto", job: Job = NULL_JOB
) -> Pairs:
    """Every pair of rows of `words` whose Hamming distance is at most `radius`.

    words: (N,) or (N, W) uint64, W words a hash. `first_new`: rows before it were searched before, so only pairs with
    at least one row from it on are given. `engine`: "auto" takes numba for large work where it is installed; both
    give the same pairs. Raises ValueError for a negative radius, a hash of 16 words or more, or "numba" without
    numba.
    """
    words = np.ascontiguousarray(words, dtype=np.uint64)
    words = words[:, None] if words.ndim == 1 else words
    if radius < 0:
        raise ValueError("the radius must not be negative")
    if engine == "numba" and not numba_available():
        raise ValueError("numba is not installed")
    chunks = plan(len(words), words.shape[1] * 64, radius)
    if words.shape[1] >= 16:
        raise ValueError("hashes of at most 15 words can be searched")
    job.start("Comparing", sum(chunk.reach >= 0 for chunk in chunks))
    if first_new >= len(words) or len(words) < 2:
        return Pairs(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
    large = engine == "auto" and _work(len(words), chunks) > _WORTH_COMPILING
    compiled = engine == "numba" or (large and numba_available())
    found = [np.zeros(0, dtype=np.int64)]
    for number, chunk in enumerate(chunks):
        job.check()
        if chunk.reach < 0:
            continue
        if compiled:
            from gandam_studio.core.duplicates.search_numba import chunk_pairs

            found.append(chunk_pairs(words, radius, chunks, number, first_new))
        else:
            found.append(_chunk_pairs(words, radius, chunks, number, first_new, job))
        job.advance()
    packed = np.sort(np.concatenate(found))
    return Pairs(*_unpacked(packed, len(words)))


def _packed(i: np.ndarray, j: np.ndarray, distance: np.ndarray, count: int) -> np.ndarray:
    """One int64 a pair, in the order of (i, j): sorting single numbers is several times faster than sorting rows."""
    return (i << row_bits(count) | j) << DISTANCE_BITS | distance


def row_bits(count: int) -> int:
    """How many bits of a packed pair a row number takes."""
    return max(1, int(count - 1).bit_length())


def _unpacked(packed: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs `_packed` made one number of."""
    bits = row_bits(count)
    j = packed >> DISTANCE_BITS & ((1 << bits) - 1)
    return packed >> (DISTANCE_BITS + bits), j, packed & ((1 << DISTANCE_BITS) - 1)


def numba_available() -> bool:
    """Whether the compiled engine can be used."""
    return find_spec("numba") is not None


def plan(count: int, bits: int, radius: int) -> list[Chunk]:
    """The chunks that make the fewest comparisons for `count` evenly spread hashes of `bits` bits."""
    best: list[Chunk] = []
    for pieces in range(max(1, -(-bits // _WIDEST)), bits + 1):
        chunks = cut(bits, radius, pieces)
        if max(chunk.reach for chunk in chunks) > 3:
            continue
        chunks = _widened(count, chunks)
        if not best or _work(count, chunks) < _work(count, best):
            best = chunks
        if pieces > radius + 1 and best:
            break  # more pieces than that only make smaller keys
    return best or cut(bits, radius, bits)


def cut(bits: int, radius: int, pieces: int) -> list[Chunk]:
    """`bits` in `pieces` nearly equal chunks with the reaches the pigeonhole rule gives for `radius`."""
    quotient, rest = divmod(radius, pieces)
    edges = [
        -(-bits * piece // pieces) for piece in range(pieces + 1)
    ]  # the far-reaching first chunks get the odd bits
    reaches = [quotient if piece <= rest else quotient - 1 for piece in range(pieces)]
    return [Chunk(a, b - a, reach) for a, b, reach in zip(edges[:-1], edges[1:], reaches, strict=True)]


def _widened(count: int, chunks: list[Chunk]) -> list[Chunk]:
    """The same reaches with bits moved from the chunks that reach less far to those that reach farther, while it pays.

    A chunk of reach 1 looks into many buckets, which had better be small; one of reach 0 into one only.
    """
    while True:
        far = [n for n, chunk in enumerate(chunks) if chunk.reach == chunks[0].reach and chunk.bits < _WIDEST]
        near = [n for n, chunk in enumerate(chunks) if 0 <= chunk.reach < chunks[0].reach and chunk.bits > 1]
        if not far or not near:
            return chunks
        to, source = min(far, key=lambda n: chunks[n].bits), max(near, key=lambda n: chunks[n].bits)
        widths = [chunk.bits + (n == to) - (n == source) for n, chunk in enumerate(chunks)]
        starts = [sum(widths[:n]) for n in range(len(widths))]
        moved = [Chunk(a, w, chunk.reach) for a, w, chunk in zip(starts, widths, chunks, strict=True)]
        if _work(count, moved) >= _work(count, chunks):
            return chunks
        chunks = moved


def neighbour_masks(chunk: Chunk) -> np.ndarray:
    """(M,) int64: every way two keys of the chunk may differ, 0 first."""
    masks = [
        sum(1 << bit for bit in bits) for k in range(chunk.reach + 1) for bits in combinations(range(chunk.bits), k)
    ]
    return np.array(masks, dtype=np.int64)


def chunk_keys(words: np.ndarray, chunk: Chunk) -> np.ndarray:
    """(N,) int64: the chunk's bits of every hash."""
    word, shift = divmod(chunk.start, 64)
    key = words[:, word] >> np.uint64(shift)
    if shift + chunk.bits > 64:
        key = key | words[:, word + 1] << np.uint64(64 - shift)
    return (key & np.uint64((1 << chunk.bits) - 1)).astype(np.int64)


def chunk_bits(chunk: Chunk, width: int) -> np.ndarray:
    """(W,) uint64: the chunk's place in a hash of `width` words."""
    whole = ((1 << chunk.bits) - 1) << chunk.start
    return np.array([whole >> (64 * word) & 0xFFFFFFFFFFFFFFFF for word in range(width)], dtype=np.uint64)


def _work(count: int, chunks: list[Chunk]) -> float:
    """Comparisons expected; looking into a bucket costs about `_PROBE` of them, sorting `_SORT` a hash."""
    total = 0.0
    for chunk in chunks:
        neighbours = sum(comb(chunk.bits, k) for k in range(chunk.reach + 1))
        total += neighbours * (0.5 * count * count / 2**chunk.bits + _PROBE * min(count, 2**chunk.bits)) + _SORT * count
    return total


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
