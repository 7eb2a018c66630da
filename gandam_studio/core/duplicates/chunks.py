"""Cuts hashes into chunks for multi-index hashing (see `search`) so that the fewest comparisons are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb, exp

import numpy as np

DISTANCE_BITS = 10  # of a packed pair: hashes of up to 15 words
LANES = 16  # hashes of one word that a compiled loop compares in one step
_PROBE, _SORT = 5, 8  # costs in comparisons one by one, measured on the compiled loops
_MEETING, _SORT_IN_STEPS = 6, 4  # costs of two buckets and of sorting a hash in steps, measured on those for one word
_WIDEST = 20  # bits of the widest chunk: a million buckets


@dataclass(frozen=True)
class Chunk:
    """One part of the hash, and how much its bucket keys may differ.

    Attributes:
        start, bits: the bits, counted from the lowest of the first word.
        reach: greatest difference between compared keys; -1 for a chunk that need not be searched.
    """

    start: int
    bits: int
    reach: int


def row_bits(count: int) -> int:
    """Return the bits of a row number in a packed pair."""
    return max(1, int(count - 1).bit_length())


def work(count: int, chunks: list[Chunk]) -> float:
    """Return the expected cost in comparisons; a bucket lookup costs about `_PROBE`, sorting `_SORT` per hash."""
    total = 0.0
    for chunk in chunks:
        neighbours = sum(comb(chunk.bits, k) for k in range(chunk.reach + 1))
        total += neighbours * (0.5 * count * count / 2**chunk.bits + _PROBE * min(count, 2**chunk.bits)) + _SORT * count
    return total


def work_in_lanes(count: int, chunks: list[Chunk]) -> float:
    """Return the expected cost for hashes of one word, compared by compiled loops in steps of `LANES`."""
    total = 0.0
    for chunk in chunks:
        neighbours = sum(comb(chunk.bits, k) for k in range(chunk.reach + 1))
        size = count / 2**chunk.bits
        steps = size / LANES + 0.5 * (1 - exp(-size))  # the last step of a bucket is half empty
        total += neighbours / 2 * (_MEETING * 2**chunk.bits + count * steps) + _SORT_IN_STEPS * count
    return total


def plan(count: int, bits: int, radius: int, cost: Callable[[int, list[Chunk]], float] = work) -> list[Chunk]:
    """Return the chunks with the least cost for `count` evenly distributed hashes of `bits` bits."""
    best: list[Chunk] = []
    for pieces in range(max(1, -(-bits // _WIDEST)), bits + 1):
        chunks = cut(bits, radius, pieces)
        if max(chunk.reach for chunk in chunks) > 3:
            continue
        chunks = _widened(count, chunks, cost)
        if not best or cost(count, chunks) < cost(count, best):
            best = chunks
        if pieces > radius + 1 and best:
            break  # more pieces than that only make smaller keys
    return best or cut(bits, radius, bits)


def cut(bits: int, radius: int, pieces: int) -> list[Chunk]:
    """Cut `bits` into `pieces` nearly equal chunks, with the reaches for `radius` by the pigeonhole principle."""
    quotient, rest = divmod(radius, pieces)
    edges = [
        -(-bits * piece // pieces) for piece in range(pieces + 1)
    ]  # the far-reaching first chunks get the odd bits
    reaches = [quotient if piece <= rest else quotient - 1 for piece in range(pieces)]
    return [Chunk(a, b - a, reach) for a, b, reach in zip(edges[:-1], edges[1:], reaches, strict=True)]


def neighbour_masks(chunk: Chunk) -> np.ndarray:
    """Return (M,) int64: every allowed difference between two keys of the chunk, 0 first."""
    masks = [
        sum(1 << bit for bit in bits) for k in range(chunk.reach + 1) for bits in combinations(range(chunk.bits), k)
    ]
    return np.array(masks, dtype=np.int64)


def chunk_keys(words: np.ndarray, chunk: Chunk) -> np.ndarray:
    """Return (N,) int64: the chunk's bits of every hash."""
    word, shift = divmod(chunk.start, 64)
    key = words[:, word] >> np.uint64(shift)
    if shift + chunk.bits > 64:
        key = key | words[:, word + 1] << np.uint64(64 - shift)
    return (key & np.uint64((1 << chunk.bits) - 1)).astype(np.int64)


def chunk_bits(chunk: Chunk, width: int) -> np.ndarray:
    """Return (W,) uint64: the chunk as a mask over a hash of `width` words."""
    whole = ((1 << chunk.bits) - 1) << chunk.start
    return np.array([whole >> (64 * word) & 0xFFFFFFFFFFFFFFFF for word in range(width)], dtype=np.uint64)


def _widened(count: int, chunks: list[Chunk], cost: Callable[[int, list[Chunk]], float]) -> list[Chunk]:
    """Move bits from chunks of smaller reach to those of larger reach while that reduces the work.

    A chunk of reach 1 searches many buckets, which should be small; one of reach 0 searches a single bucket.
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
        if cost(count, moved) >= cost(count, chunks):
            return chunks
        chunks = moved
