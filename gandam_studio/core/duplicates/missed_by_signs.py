"""Pairs worth comparing that hashes of signs miss: laid on a background, of few or even pixels, or cut off.

A background has frequencies of its own, 16 pixels have too few, and cutting an edge off moves all of them. So sketches
of whole pictures (`hashing.sketching`) are subtracted from each other, and halves of contents are looked up by digest.
Every measure is of the two pictures alone, so that what is nominated does not depend on what else is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from gandam_studio.core.hashing.layout import (
    BYTES,
    CELLS,
    HALVES,
    SIDE,
    Column,
    Flag,
    boxes,
    flags,
    sketches_of,
    whole_sizes,
)
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workspace.seqsets import as_seqs

# Of what a sprite shows, how much may be left once it is laid on the best even gradient. Copies on a colour or gradient
# come to .003 at most, those in JPEG at quality 30 to .03 in two of three that no hash nominates (five games).
_LEFT = 0.02
# The same of brightness alone, and then of all channels: strong JPEG takes the colours of a few pixels.
_LEFT_OF_LIGHT, _LEFT_OF_COLOURS = 0.01, 0.12
# What two sketches of pictures of one kind differ by, relative to how much they vary: in their colours; in their
# brightness, whatever its mean and contrast; in the greatest channel of each cell, which no turned hue changes, where
# sizes differ and where they do not: colours mix within a cell, and few other pictures come near.
_COLOURS, _COLOURS_OF_OPAQUE, _LIGHT, _GREATEST, _GREATEST_OF_ONE_SIZE = 0.09, 0.05, 0.01, 0.02, 0.2
_LEAST = 0.02  # squared full scale, all cells: less shows nothing that can be told from rounding
_CUT, _CUT_PIXELS = 0.06, 1  # of a side and besides: nobody who trims a sprite cuts off more
_NEIGHBOURS = 32  # of pictures with the same half each is paired with so many of the next sizes
_BLOCK, _OTHERS = 64, 8192  # pictures that are compared with so many others at once
_LOOK_AGAIN = 0.2  # as `_COLOURS`: worth comparing as wholes once nominated
_LEAST_CONTRAST = 0.1  # full scale, length of a vector of cells: less is taken for so much
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_HALVES = len(HALVES) // 2
_GRADIENTS = np.stack(
    [np.ones((SIDE, SIDE)), *np.mgrid[:SIDE, :SIDE] / SIDE - (SIDE - 1) / (2 * SIDE)], axis=-1
).reshape(CELLS, 3)


def laid_on_backgrounds(fingerprints: np.ndarray, first_new: int = 0, job: Job = NULL_JOB) -> Iterator[np.ndarray]:
    """Yield (P, 3) i, j, mirrored: transparent pictures, and opaque ones of one aspect that may be them on something.

    Both orientations of a pair come in one part. What is behind is taken for an even gradient, fitted to each pair by
    least squares in closed form.
    fingerprints: (N, COLUMNS). Pairs of rows that both come before `first_new` are left out. Raises Cancelled.
    """
    shown = flags(fingerprints)
    telling = (shown & (Flag.BLANK | Flag.TINY)) == 0
    opaque = np.flatnonzero(telling & (shown & Flag.OPAQUE > 0))
    clear = np.flatnonzero(telling & (shown & Flag.OPAQUE == 0))
    sizes, cells = whole_sizes(fingerprints), sketches_of(fingerprints)
    opaque = _showing_more(opaque, cells, lambda scaled: _beyond_gradients(scaled[..., :3]))
    job.start("Comparing sketches", len(clear))
    for rows, fitting in _of_one_aspect(clear, opaque, sizes, job):
        fitting = fitting[fitting >= (first_new if rows.max() < first_new else 0)]
        if not len(fitting):
            continue
        backs = np.ascontiguousarray(_scaled(cells[fitting])[..., :3].transpose(2, 1, 0))  # channel, cell, picture
        parts = []
        for turned in (0, 1):
            near = _fits(_scaled(cells[rows][:, :, ::-1] if turned else cells[rows]), backs)
            mine, other = (place[index] for place, index in zip((rows, fitting), np.nonzero(near), strict=True))
            fresh = np.maximum(mine, other) >= first_new
            pair = np.sort(np.stack([mine, other], axis=1)[fresh], axis=1)
            parts.append(np.column_stack([pair, np.full(len(pair), turned)]))
        yield np.concatenate(parts)


def _of_one_aspect(
    rows: np.ndarray, others: np.ndarray, sizes: np.ndarray, job: Job
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of rows of one size, each with the other rows of the same aspect, in parts; advances `job` by rows."""
    if not len(rows) or not len(others):
        return
    rows = rows[np.lexsort((rows, sizes[rows, 1], sizes[rows, 0]))]
    starts = np.flatnonzero(np.append(True, (sizes[rows[1:]] != sizes[rows[:-1]]).any(axis=1)))
    ratio, smaller = np.log(sizes[others, 0] / sizes[others, 1]), sizes[others].min(axis=1)
    for start, stop in zip(starts, np.append(starts[1:], len(rows)), strict=True):
        width, height = sizes[rows[start]].tolist()
        # As `canvases.same_aspect`.
        fitting = others[abs(np.log(width / height) - ratio) <= 1 / np.minimum(smaller, min(width, height))]
        for first in range(start, stop, _BLOCK):
            block = rows[first : min(first + _BLOCK, stop)]
            for some in range(0, len(fitting), _OTHERS):
                yield block, fitting[some : some + _OTHERS]
            job.advance(len(block))


def _showing_more(rows: np.ndarray, cells: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Those of `rows` whose scaled sketches have a measure above `_LEAST`."""
    parts = [rows[start : start + _OTHERS] for start in range(0, len(rows), _OTHERS)]
    return np.concatenate([rows[:0], *(part[measure(_scaled(cells[part])) > _LEAST] for part in parts)])


def _beyond_gradients(colours: np.ndarray) -> np.ndarray:
    """(N,) what (N, CELLS, 3) pictures show that no even gradient does, squared full scale: a sprite if any."""
    basis = np.linalg.qr(_GRADIENTS)[0].astype(np.float32)
    off = colours - basis @ (basis.T @ colours)
    return np.asarray(np.square(off).sum(axis=(1, 2)))


def _scaled(cells: np.ndarray) -> np.ndarray:
    """(N, CELLS, 4) float32 in [0, 1] of (N, SIDE, SIDE, 4) uint8."""
    return cells.reshape(-1, CELLS, 4).astype(np.float32) / 255


def _fits(sprites: np.ndarray, backs: np.ndarray) -> np.ndarray:
    """(P, Q) bool: which of (P, CELLS, 4) sprites may lie in which of (3, CELLS, Q) opaque pictures."""
    # An orthonormal basis of what an even gradient adds where a sprite lets it through; where it lets nothing, of next
    # to nothing.
    through = (1 - sprites[..., 3:]) * _GRADIENTS.astype(np.float32)
    square = through.transpose(0, 2, 1) @ through + 1e-4 * np.eye(3, dtype=np.float32)
    basis = np.linalg.solve(np.linalg.cholesky(square), through.transpose(0, 2, 1))  # (P, 3, CELLS)
    left, shown = _left(sprites[..., :3], backs, basis)
    found = (shown > _LEAST) & (left <= _LEFT * shown)
    maybe = (shown > _LEAST) & (left <= _LEFT_OF_COLOURS * shown) & ~found
    if maybe.any():
        light = np.einsum("ckq,c->kq", backs, _LUMA)[None]
        left, shown = _left((sprites[..., :3] @ _LUMA)[..., None], light, basis)
        found |= maybe & (shown > _LEAST) & (left <= _LEFT_OF_LIGHT * shown)
    return np.asarray(found)


def _left(sprites: np.ndarray, backs: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, Q) what is left of sprites laid on the best gradients, and what both show besides; squared full scale.

    sprites: (P, CELLS, C). backs: (C, CELLS, Q). basis: (P, 3, CELLS), orthonormal, of the gradients.
    """
    count = len(sprites)
    left = np.zeros((count, backs.shape[2]), dtype=np.float32)
    shown_there = np.zeros_like(left)
    shown = np.zeros(count, dtype=np.float32)
    for channel, back in enumerate(backs):
        mine = sprites[..., channel]
        explained = (basis.reshape(-1, CELLS) @ back).reshape(count, 3, -1)
        by_itself = basis @ mine[..., None]
        power = np.einsum("kq,kq->q", back, back)
        own = np.einsum("pk,pk->p", mine, mine)
        shown_there += power - np.einsum("paq,paq->pq", explained, explained)
        explained -= by_itself
        left += power - 2 * (mine @ back) + own[:, None] - np.einsum("paq,paq->pq", explained, explained)
        shown += own - np.square(by_itself[..., 0]).sum(axis=1)
    return left, np.minimum(shown[:, None], shown_there)


def alike_as_wholes(fingerprints: np.ndarray, first_new: int = 0, job: Job = NULL_JOB) -> Iterator[np.ndarray]:
    """Yield (P, 3) i, j, mirrored: pictures with sketches next to the same, resized, or of one size that they fill.

    Opaque ones fill it, and such as tiles with rounded corners. Arguments as of `laid_on_backgrounds`.
    """
    shown = flags(fingerprints)
    sizes, cells = whole_sizes(fingerprints), sketches_of(fingerprints)
    usable = np.flatnonzero((shown & (Flag.BLANK | Flag.TINY)) == 0)
    # One colour is all that others show.
    usable = _showing_more(usable, cells, lambda scaled: _varying(scaled.reshape(-1, BYTES), 4))
    opaque, full = shown & Flag.OPAQUE > 0, shown & Flag.NO_SILHOUETTE > 0
    job.start("Comparing sketches", len(usable))
    for kind in (usable[opaque[usable]], usable[~opaque[usable]]):
        for rows, fitting in _of_one_aspect(kind, kind, sizes, job):
            fitting = fitting[fitting >= max(first_new, rows.min() + 1)]  # the later row of each pair
            same = (sizes[fitting] == sizes[rows[0]]).all(axis=1)
            filled = None
            if not opaque[rows[0]]:
                filled = full[rows]
                worth = ~same | (full[fitting] & filled.any())
                fitting, same = fitting[worth], same[worth]
            if not len(fitting):
                continue
            theirs = _Views(cells[fitting])
            parts = []
            for turned in (0, 1):
                mine = _Views(cells[rows][:, :, ::-1] if turned else cells[rows])
                near = mine.near(theirs, same if filled is None else None)
                if filled is not None and same.any():
                    fills = filled[:, None] & full[fitting[same]]
                    near[:, same] = fills & mine.near(theirs.of(same), np.ones(np.count_nonzero(same), dtype=bool))
                a, b = np.nonzero(near)
                a, b = rows[a], fitting[b]
                wanted = (a < b) & (b >= first_new)
                parts.append(np.column_stack([a[wanted], b[wanted], np.full(np.count_nonzero(wanted), turned)]))
            yield np.concatenate(parts)


class _Views:
    """(N, SIDE, SIDE, 4) uint8 sketches, as they are compared."""

    def __init__(self, cells: np.ndarray) -> None:
        self._cells = cells
        scaled = _scaled(cells)
        self._colours = scaled.reshape(len(scaled), BYTES)

    @cached_property
    def _light(self) -> np.ndarray:
        return _normed(_scaled(self._cells)[..., :3] @ _LUMA)

    @cached_property
    def _greatest(self) -> np.ndarray:
        return np.asarray(_scaled(self._cells)[..., :3].max(axis=2))

    def of(self, chosen: np.ndarray) -> _Views:
        """Those that (N,) bool marks."""
        return _Views(self._cells[chosen])

    def near(self, others: _Views, same: np.ndarray | None) -> np.ndarray:
        """(N, M) bool. Only pictures that are filled are compared otherwise than by colours: others have silhouettes.

        same: (M,) bool, which of the others have the same size; None for pictures that have silhouettes.
        """
        apart = _apart(self._colours, others._colours, 4)
        if same is None:
            return np.asarray(apart <= _COLOURS)
        found = apart <= _COLOURS_OF_OPAQUE
        found |= self._light @ others._light.T >= 1 - _LIGHT
        found |= _apart(self._greatest, others._greatest, 1) <= np.where(same, _GREATEST_OF_ONE_SIZE, _GREATEST)
        return np.asarray(found)


def _normed(values: np.ndarray) -> np.ndarray:
    """(N, CELLS) without their mean, of length 1 or less."""
    off = values - values.mean(axis=1, keepdims=True)
    return np.asarray(off / np.maximum(np.linalg.norm(off, axis=1, keepdims=True), _LEAST_CONTRAST))


def _apart(first: np.ndarray, second: np.ndarray, channels: int) -> np.ndarray:
    """(N, M) squared distances of (N, K) and (M, K) sketches, relative to how much the one that varies less varies."""
    power, other = (np.einsum("nk,nk->n", one, one)[:, None] for one in (first, second))
    varying = (_varying(one, channels) for one in (first, second))
    mine, theirs = (np.maximum(one, _LEAST) for one in varying)
    return np.asarray((power + other.T - 2 * (first @ second.T)) / np.minimum(mine[:, None], theirs))


def _varying(sketches: np.ndarray, channels: int) -> np.ndarray:
    """(N,) squared distance of (N, K) sketches from their mean colours."""
    cells = sketches.reshape(len(sketches), CELLS, channels)
    return np.asarray(np.square(cells - cells.mean(axis=1, keepdims=True)).sum(axis=(1, 2)))


def worth_comparing_as_wholes(first: np.ndarray, second: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """(P,) bool: which pairs, (P, COLUMNS) fingerprints each, are resized or opaque, with sketches near each other."""
    sizes, others = whole_sizes(first), whole_sizes(second)
    kind, other_kind = flags(first) & Flag.OPAQUE, flags(second) & Flag.OPAQUE
    found = (kind == other_kind) & ((sizes != others).any(axis=1) | (kind > 0))
    rows = np.flatnonzero(found)
    mine, other = sketches_of(first[rows]), sketches_of(second[rows])
    other = np.where(mirrored[rows, None, None, None], other[:, :, ::-1], other)
    mine, other = (_scaled(one).reshape(len(rows), BYTES) for one in (mine, other))
    varying = np.minimum(_varying(mine, 4), _varying(other, 4))
    found[rows] = np.square(mine - other).sum(axis=1) <= _LOOK_AGAIN * np.maximum(varying, _LEAST)
    return found


def sketches_apart(fingerprints: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(P,) int64: how far the sketches of (P, 3) i, j, mirrored of (N, COLUMNS) fingerprints are apart, in levels."""
    mine, other = (sketches_of(fingerprints[pairs[:, column]]).astype(np.int64) for column in (0, 1))
    other = np.where(pairs[:, 2, None, None, None] > 0, other[:, :, ::-1], other)
    return np.asarray(np.sqrt(np.square(mine - other).sum(axis=(1, 2, 3))).astype(np.int64))


def shown_sides(fingerprints: np.ndarray) -> np.ndarray:
    """(N, 2) width and height of what halves are of: of contents, and of whole pictures that are opaque."""
    opaque = flags(fingerprints) & Flag.OPAQUE > 0
    return np.where(opaque[:, None], whole_sizes(fingerprints), boxes(fingerprints)[:, 2:])


def may_be_cut_off(sides: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(P,) bool: whether one content of (P, 2) width and height may be the other with an edge cut off."""
    off = sides - others
    cut = (np.abs(off) <= _CUT_PIXELS + _CUT * np.maximum(sides, others)).all(axis=1)
    return np.asarray(cut & (off != 0).any(axis=1) & ((off >= 0).all(axis=1) | (off <= 0).all(axis=1)))


def cut_off(fingerprints: np.ndarray, first_new: int = 0) -> np.ndarray:
    """(P, 3) i, j, mirrored: contents, or opaque pictures, of which one may be the other with an edge cut off.

    They have a half in common. Of many with the same half each is paired with those of the next sizes. Arguments as of
    `laid_on_backgrounds`.
    """
    usable = np.flatnonzero((flags(fingerprints) & (Flag.BLANK | Flag.TINY)) == 0)
    sides = shown_sides(fingerprints)
    found = [np.zeros((0, 3), dtype=np.int64)]
    for half in range(_HALVES):
        straight, turned = fingerprints[usable, HALVES[half]], fingerprints[usable, HALVES[half + _HALVES]]
        every = np.concatenate([straight, turned])
        rows, ways = np.tile(usable, 2), np.repeat((0, 1), len(usable))
        # What left halves are when mirrored, right halves are.
        if half >= 2:
            every[len(usable) :] = fingerprints[usable, HALVES[(half ^ 1) + _HALVES]]
        kept = every != 0
        every, rows, ways = every[kept], rows[kept], ways[kept]
        order = np.lexsort((ways, rows, fingerprints[rows, Column.PIXELS], sides[rows].prod(axis=1), every))
        every, rows, ways = every[order], rows[order], ways[order]
        for step in range(1, _NEIGHBOURS + 1):
            same = np.flatnonzero(every[step:] == every[:-step])
            if not len(same):
                break
            a, b = rows[same], rows[same + step]
            cut = may_be_cut_off(sides[a], sides[b])
            cut &= (ways[same] & ways[same + step]) == 0  # two mirrored ones are found unmirrored
            cut &= np.maximum(a, b) >= first_new
            pair = np.sort(np.stack([a, b], axis=1)[cut], axis=1)
            found.append(np.column_stack([pair, (ways[same] ^ ways[same + step])[cut]]))
    return distinct(np.concatenate(found), len(fingerprints))


def distinct(pairs: np.ndarray, count: int) -> np.ndarray:
    """Sort (P, 3) i, j, mirrored of `count` rows, each once; much faster as one number a pair than as rows."""
    numbers, turned = divmod(as_seqs((pairs[:, 0] * count + pairs[:, 1]) * 2 + pairs[:, 2]), 2)
    return np.stack([*divmod(numbers, max(1, count)), turned], axis=1)
