"""The inner loops of `search`, compiled. Imported only if numba is installed and there is enough work."""

# mypy: disable-error-code="call-arg"
# (numba passes an intrinsic's typing context, which mypy does not know.)

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped, import-not-found, unused-ignore]
from numba import njit, types  # type: ignore[import-not-found, unused-ignore]
from numba.extending import intrinsic  # type: ignore[import-not-found, unused-ignore]

from gandam_studio.core.duplicates.chunks import DISTANCE_BITS, Chunk, chunk_bits, neighbour_masks, row_bits

_FIRST_ROOM = 1 << 16  # initial capacity for pairs; doubles as needed


@intrinsic
def ones(typing_context: Any, value: Any) -> Any:
    """Count the set bits of a uint64 with the processor's instruction."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True, boundscheck=False)
def _bucketed(words, start, bits):
    """Counting sort of (N, W) `words` by a chunk: the start of each bucket, and rows and words in bucket order."""
    word, shift = start // 64, np.uint64(start % 64)
    crossing = start % 64 + bits > 64
    rest, low = np.uint64(64 - start % 64), np.uint64((1 << bits) - 1)
    keys = np.empty(len(words), dtype=np.int32)
    begin = np.zeros((1 << bits) + 1, dtype=np.int64)
    for row in range(len(words)):
        key = words[row, word] >> shift
        if crossing:
            key |= words[row, word + 1] << rest
        keys[row] = np.int32(key & low)
        begin[keys[row] + 1] += 1
    for bucket in range(1 << bits):
        begin[bucket + 1] += begin[bucket]
    place = begin[:-1].copy()
    order = np.empty(len(words), dtype=np.int32)
    ordered = np.empty_like(words)
    for row in range(len(words)):
        to = place[keys[row]]
        place[keys[row]] = to + 1
        order[to] = row
        for w in range(words.shape[1]):
            ordered[to, w] = words[row, w]
    return begin, order, ordered


@njit(cache=True, nogil=True, boundscheck=False)
def _larger(found):
    """Copy the pairs to an array of twice the size."""
    larger = np.empty(2 * len(found), dtype=np.int64)
    larger[: len(found)] = found
    return larger


@njit(cache=True, nogil=True, boundscheck=False)
def _search_one(words, order, begin, masks, radius, places, reaches, first_new, rows):
    """Search hashes of one word: (N,) `words` in bucket order. Returns packed pairs."""
    found = np.empty(_FIRST_ROOM, dtype=np.int64)
    count = 0
    for bucket in range(len(begin) - 1):
        if begin[bucket] == begin[bucket + 1]:
            continue
        for mask in masks:
            other = bucket ^ mask
            if other < bucket:
                continue
            for a in range(begin[bucket], begin[bucket + 1]):
                word = words[a]
                for b in range(a + 1 if mask == 0 else begin[other], begin[other + 1]):
                    different = word ^ words[b]
                    distance = np.int64(ones(different))
                    if distance > radius:
                        continue
                    i, j = np.int64(min(order[a], order[b])), np.int64(max(order[a], order[b]))
                    first = j >= first_new
                    for chunk in range(len(reaches)):
                        if np.int64(ones(different & places[chunk, 0])) <= reaches[chunk]:
                            first = False
                            break
                    if first:
                        if count == len(found):
                            found = _larger(found)
                        found[count] = (i << rows | j) << DISTANCE_BITS | distance
                        count += 1
    return found[:count]


@njit(cache=True, nogil=True, boundscheck=False)
def _search_many(words, order, begin, masks, radius, places, reaches, first_new, rows):
    """Search hashes of several words: (N, W) `words` in bucket order. Returns packed pairs."""
    width = words.shape[1]
    found = np.empty(_FIRST_ROOM, dtype=np.int64)
    count = 0
    for bucket in range(len(begin) - 1):
        if begin[bucket] == begin[bucket + 1]:
            continue
        for mask in masks:
            other = bucket ^ mask
            if other < bucket:
                continue
            for a in range(begin[bucket], begin[bucket + 1]):
                for b in range(a + 1 if mask == 0 else begin[other], begin[other + 1]):
                    distance = np.int64(0)
                    for w in range(width):
                        distance += np.int64(ones(words[a, w] ^ words[b, w]))
                    if distance > radius:
                        continue
                    i, j = np.int64(min(order[a], order[b])), np.int64(max(order[a], order[b]))
                    first = j >= first_new
                    for chunk in range(len(reaches)):
                        apart = np.int64(0)
                        for w in range(width):
                            apart += np.int64(ones((words[a, w] ^ words[b, w]) & places[chunk, w]))
                        if apart <= reaches[chunk]:
                            first = False
                            break
                    if first:
                        if count == len(found):
                            found = _larger(found)
                        found[count] = (i << rows | j) << DISTANCE_BITS | distance
                        count += 1
    return found[:count]


def chunk_pairs(words: np.ndarray, radius: int, chunks: list[Chunk], number: int, first_new: int) -> np.ndarray:
    """Return the packed pairs of (N, W) uint64 `words` that chunk `number` is the first to find, unsorted."""
    chunk = chunks[number]
    width = words.shape[1]
    begin, order, ordered = _bucketed(words, chunk.start, chunk.bits)
    places = np.array([chunk_bits(earlier, width) for earlier in chunks[:number]], dtype=np.uint64).reshape(-1, width)
    reaches = np.array([earlier.reach for earlier in chunks[:number]], dtype=np.int64)
    search, ordered = (_search_one, ordered.ravel()) if width == 1 else (_search_many, ordered)
    masks, rows = neighbour_masks(chunk), np.int64(row_bits(len(words)))
    return search(ordered, order, begin, masks, np.int64(radius), places, reaches, np.int64(first_new), rows)
