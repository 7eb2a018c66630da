"""The inner loops of `search`, compiled. Imported only if numba is installed and there is enough work."""

# mypy: disable-error-code="call-arg"
# (numba passes an intrinsic's typing context, which mypy does not know.)

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped, import-not-found, unused-ignore]
from numba import njit, types  # type: ignore[import-not-found, unused-ignore]
from numba.core import cgutils  # type: ignore[import-not-found, unused-ignore]
from numba.extending import intrinsic  # type: ignore[import-not-found, unused-ignore]

from gandam_studio.core.duplicates.chunks import DISTANCE_BITS, LANES, Chunk, chunk_bits, neighbour_masks, row_bits

_FIRST_ROOM = 1 << 16  # initial capacity for pairs; doubles as needed
_MANY = 32  # more pairs of a row are left to numpy's sort
_NOTED = 4096  # near words are settled so many at once


@intrinsic
def ones(typing_context: Any, value: Any) -> Any:
    """Count the set bits of a uint64 with the processor's instruction."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def _first_one(typing_context: Any, value: Any) -> Any:
    """Return the number of the lowest set bit of a uint64 that has one."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@intrinsic
def _near(typing_context: Any, words: Any, place: Any, word: Any, radius: Any) -> Any:
    """Compare a uint64 with the `LANES` words from a place on, in one step where the processor has vectors.

    Returns a uint64 whose bit k tells whether words[place + k] differs in at most `radius` bits.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        vector, number = ir.VectorType(ir.IntType(64), LANES), ir.IntType(32)
        start = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer())
        there = builder.load(start, align=8)

        def everywhere(value: Any) -> Any:
            alone = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(number, 0))
            return builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(number, LANES), [0] * LANES))

        counting = ir.FunctionType(vector, [vector])
        count = cgutils.get_or_insert_function(builder.module, counting, f"llvm.ctpop.v{LANES}i64")
        apart = builder.call(count, [builder.xor(there, everywhere(arguments[2]))])
        near = builder.icmp_unsigned("<=", apart, everywhere(arguments[3]))
        return builder.zext(builder.bitcast(near, ir.IntType(LANES)), ir.IntType(64))

    return types.uint64(types.Array(types.uint64, 1, "C"), types.int64, types.uint64, types.uint64), generate


@njit(cache=True, nogil=True, boundscheck=False)
def _bucketed(words, start, bits):
    """Counting sort of (N, W) `words` by a chunk: the start of each bucket, and rows and words in bucket order.

    `LANES` undefined words follow the last, which a vector may reach.
    """
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
    ordered = np.empty((len(words) + LANES, words.shape[1]), dtype=np.uint64)
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
def _settled(noted, lanes, notes, words, order, places, reaches, first_new, rows, found, count):
    """Append the pairs of `notes` entries of `noted` and `lanes` to `found`, which has `count`; returns both."""
    while count + LANES * notes > len(found):
        found = _larger(found)
    for note in range(notes):
        near = np.uint64(lanes[note])
        a, b = noted[note] >> np.int64(32), noted[note] & np.int64((1 << 32) - 1)
        word, row = words[a], np.int64(order[a])
        while near:
            at = b + np.int64(_first_one(near))
            near &= near - np.uint64(1)
            different, other = word ^ words[at], np.int64(order[at])
            i, j = min(row, other), max(row, other)
            first = j >= first_new
            for chunk in range(len(reaches)):
                if np.int64(ones(different & places[chunk, 0])) <= reaches[chunk]:
                    first = False
                    break
            found[count] = (i << rows | j) << DISTANCE_BITS | np.int64(ones(different))
            count += first
    return found, count


@njit(cache=True, nogil=True, boundscheck=False)
def _search_one(words, order, begin, masks, radius, places, reaches, first_new, rows):
    """Search hashes of one word: (N + LANES, 1) `words` in bucket order. Returns packed pairs.

    Which words are near is noted without a branch, since the processor could not foresee it; what was noted is settled
    some at once.
    """
    words = words.ravel()
    buckets, width = np.int64(len(begin) - 1), np.uint64(radius)
    largest = np.int64(0)
    for bucket in range(buckets):
        largest = max(largest, begin[bucket + 1] - begin[bucket])
    noted = np.empty(_NOTED + largest, dtype=np.int64)
    lanes = np.empty(len(noted), dtype=np.uint32)
    found = np.empty(_FIRST_ROOM, dtype=np.int64)
    notes, count, every = np.int64(0), np.int64(0), np.uint64((1 << LANES) - 1)
    for mask in masks:
        highest = np.int64(1)
        while 2 * highest <= mask:
            highest *= 2
        # In the order of keys, so that both sides are read from front to back; each pair of buckets once.
        for bucket in range(buckets):
            start, stop = begin[bucket], begin[bucket + 1]
            if mask == 0:
                for a in range(start, stop):
                    for b in range(a + 1, stop, LANES):
                        near = _near(words, b, words[a], width) & (every >> np.uint64(max(0, b + LANES - stop)))
                        noted[notes], lanes[notes] = a << 32 | b, near
                        notes += near != 0
                        if notes >= _NOTED:
                            found, count = _settled(
                                noted, lanes, notes, words, order, places, reaches, first_new, rows, found, count
                            )
                            notes = np.int64(0)
            elif bucket & highest == 0:
                other = bucket ^ mask
                end = begin[other + 1]
                for b in range(begin[other], end, LANES):
                    there = every >> np.uint64(max(0, b + LANES - end))
                    for a in range(start, stop):
                        near = _near(words, b, words[a], width) & there
                        noted[notes], lanes[notes] = a << 32 | b, near
                        notes += near != 0
                    if notes >= _NOTED:
                        found, count = _settled(
                            noted, lanes, notes, words, order, places, reaches, first_new, rows, found, count
                        )
                        notes = np.int64(0)
    found, count = _settled(noted, lanes, notes, words, order, places, reaches, first_new, rows, found, count)
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


@njit(cache=True, nogil=True, boundscheck=False)
def _by_rows(packed, shift, count):
    """Sort packed pairs by their first of `count` rows, which is above `shift` bits, and those of a row if few.

    Returns them and where each row's begin.
    """
    begin = np.zeros(count + 1, dtype=np.int64)
    for pair in packed:
        begin[(pair >> shift) + 1] += 1
    for row in range(count):
        begin[row + 1] += begin[row]
    place = begin[:-1].copy()
    made = np.empty_like(packed)
    for pair in packed:
        row = pair >> shift
        made[place[row]] = pair
        place[row] += 1
    for row in range(count):
        start, stop = begin[row], begin[row + 1]
        if stop - start > _MANY:
            continue
        for here in range(start + 1, stop):
            pair = made[here]
            to = here
            while to > start and made[to - 1] > pair:
                made[to] = made[to - 1]
                to -= 1
            made[to] = pair
    return made, begin


def chunk_pairs(words: np.ndarray, radius: int, chunks: list[Chunk], number: int, first_new: int) -> np.ndarray:
    """Return the packed pairs of (N, W) uint64 `words` that chunk `number` is the first to find, unsorted."""
    chunk = chunks[number]
    width = words.shape[1]
    begin, order, ordered = _bucketed(words, chunk.start, chunk.bits)
    places = np.array([chunk_bits(earlier, width) for earlier in chunks[:number]], dtype=np.uint64).reshape(-1, width)
    reaches = np.array([earlier.reach for earlier in chunks[:number]], dtype=np.int64)
    search = _search_one if width == 1 else _search_many
    masks, rows = neighbour_masks(chunk), np.int64(row_bits(len(words)))
    return search(ordered, order, begin, masks, np.int64(radius), places, reaches, np.int64(first_new), rows)


def sorted_pairs(packed: np.ndarray, count: int) -> np.ndarray:
    """Sort the packed pairs of `count` rows: by counting, as there are few a row."""
    made, begin = _by_rows(packed, np.int64(row_bits(count) + DISTANCE_BITS), count)
    for row in np.flatnonzero(np.diff(begin) > _MANY).tolist():
        made[begin[row] : begin[row + 1]].sort()
    return np.asarray(made)
