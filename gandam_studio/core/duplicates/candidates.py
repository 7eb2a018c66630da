"""Candidate pairs for a comparison by pixels: equal digests, or similar hashes, mirrored or not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from gandam_studio.core.duplicates.links import LOOK_RADIUS, WHOLE_RADIUS
from gandam_studio.core.duplicates.missed_by_signs import (
    alike_as_wholes,
    cut_off,
    distinct,
    laid_on_backgrounds,
    sketches_apart,
)
from gandam_studio.core.duplicates.nearest import Nearest
from gandam_studio.core.duplicates.search import in_threads, numba_available, pairs_within
from gandam_studio.core.hashing.layout import LOOK, WHOLE, Column, Flag, flags, mirrored
from gandam_studio.core.jobs import NULL_JOB, Job

# Additional bits if one of the pictures has a background, which may be trimmed badly. Adds 1 to 3 % of candidates and
# finds a tenth of the copies that no other hash nominates.
OPAQUE_ALLOWANCE = 10
# Share of the look's radius that its even half may use: pairs that are close only in their odd half are accidental.
_EVEN_SHARE = 0.62
# Up to this many pictures every pair is compared; 100,000 take one thread about ten seconds with numba. Beyond, 64-bit
# words are searched by multi-index hashing, which finds heavy edits less often and all lighter ones.
SCAN_LIMIT = 150_000
# Limits for a single word, where the other one is meaningless for one picture or both: the kind of picture, the
# remaining word (0 silhouette, 1 interior), and its share of the look's radius. A sprite that fills its canvas has no
# silhouette on a background; a flat sprite gets an interior from noise.
_ONE_WORD = ((int(Flag.NO_SILHOUETTE), 1, 0.5), (int(Flag.NO_INTERIOR), 0, 0.25))
_INDEXED_RADIUS = 8
WORTH_COMPILING = 8_000  # pictures; below this numpy is faster than loading numba
# So many pairs are judged in a search, or so many for each new picture if that is more. The former take minutes, and
# are more than a game's sprites need: the PokeSprites have five a picture.
_PAIRS, _PAIRS_EACH = 200_000, 3
_ROWS = 32  # pictures that numpy compares with all that follow at once: what fits into a cache
_COMPARED, _FEWEST_ROWS = 1 << 22, 16  # pairs that compiled loops compare at once, so that what they find stays small
_AT_ONCE = 1 << 15  # pairs
_NEVER = 1 << 12  # more than all words may differ by


@dataclass(frozen=True)
class Candidates:
    """Pairs to verify, i < j, sorted, each at most once per orientation.

    Attributes:
        i, j: (P,) int64 rows.
        mirrored: (P,) bool, whether j must be mirrored first.
        nearest: of each picture only so many of the nearest were nominated by what they look like; 0 if all were.
    """

    i: np.ndarray
    j: np.ndarray
    mirrored: np.ndarray
    nearest: int = 0

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.i)

    @property
    def crowded(self) -> bool:
        """Whether more look alike than are worth judging, so that only what can be shown is."""
        return self.nearest > 0


def candidates(
    fingerprints: np.ndarray,
    *,
    look_radius: int = LOOK_RADIUS,
    whole_radius: int = WHOLE_RADIUS,
    first_new: int = 0,
    scan_limit: int = SCAN_LIMIT,
    most: int | None = None,
    nearest: int = 0,
    job: Job = NULL_JOB,
) -> Candidates:
    """Return the pairs of (N, COLUMNS) `fingerprints` within the radii or with equal pixel digests.

    Pairs of rows below `first_new` are skipped, as they were searched before. Blank and tiny pictures are paired by
    digest only. Of pairs that look alike no more than `most` are returned, the nearest of each picture (`Nearest`), and
    of those that only sketches nominate a quarter of that; None for `worth_judging`. nearest: the largest number of
    each picture, from an earlier search; 0 for any.
    """
    fingerprints = np.asarray(fingerprints, dtype=np.uint64)
    count = len(fingerprints)
    most = worth_judging(count - first_new) if most is None else most
    by_hash, by_sketch = Nearest(fingerprints, most, nearest), Nearest(fingerprints, most // 4, nearest)
    if count > scan_limit:
        _indexed(fingerprints, first_new, by_hash, job)
    elif count > 1:
        _scanned(fingerprints, look_radius, whole_radius, first_new, by_hash, job)
        for search in (laid_on_backgrounds, alike_as_wholes):
            for pairs in search(fingerprints, first_new, job):
                by_sketch.add_rows(pairs, sketches_apart(fingerprints, pairs))
    (alike, kept), (as_wholes, kept_as_wholes) = by_hash.chosen(), by_sketch.chosen()
    parts = [_equal_digests(fingerprints, first_new), cut_off(fingerprints, first_new), alike, as_wholes]
    rows = distinct(np.concatenate(parts), count)
    nearest = min(filter(None, (kept, kept_as_wholes)), default=0)
    return Candidates(rows[:, 0], rows[:, 1], rows[:, 2].astype(bool), nearest)


def worth_judging(new: int) -> int:
    """The most pairs that look alike to judge where so many pictures are new, so that time grows with their number."""
    return max(_PAIRS, _PAIRS_EACH * new)


def _says_something(fingerprints: np.ndarray) -> np.ndarray:
    """(N,) bool: not blank, tiny or a full box of one flat tone, whose hashes would match by accident."""
    found = flags(fingerprints)
    flat = Flag.NO_SILHOUETTE | Flag.NO_INTERIOR
    return ((found & (Flag.BLANK | Flag.TINY)) == 0) & ((found & flat) != flat)


def _equal_digests(fingerprints: np.ndarray, first_new: int) -> np.ndarray:
    """(P, 3) i, j, mirrored for equal or mirrored trimmed pixels, without blanks.

    Each of several equal pictures is paired with the first; `finding` completes the rest.
    """
    shown = np.flatnonzero((flags(fingerprints) & Flag.BLANK) == 0)
    found = [np.zeros((0, 3), dtype=np.int64)]
    digests = fingerprints[shown, Column.PIXELS]
    for turned, wanted in ((0, digests), (1, fingerprints[shown, Column.PIXELS_MIRRORED])):
        order = np.argsort(digests, kind="stable")
        place = np.searchsorted(digests[order], wanted)
        place = np.minimum(place, max(0, len(order) - 1))
        partner = order[place] if len(order) else place
        hit = (digests[partner] == wanted) & (partner != np.arange(len(shown)))
        i, j = shown[partner[hit]], shown[np.flatnonzero(hit)]
        found.append(np.stack([np.minimum(i, j), np.maximum(i, j), np.full(len(i), turned)], axis=1))
    rows = np.concatenate(found)
    return rows[rows[:, 1] >= first_new]


def _scanned(
    fingerprints: np.ndarray, look_radius: int, whole_radius: int, first_new: int, into: Nearest, job: Job
) -> None:
    """Compare every pair, or each new picture with all; a pair's distance is that of all its six words."""
    rows = np.flatnonzero(_says_something(fingerprints))
    # New pictures come first, so that comparing each with all that follow it is all there is to do.
    new = rows >= first_new
    rows, count = np.concatenate([rows[new], rows[~new]]), int(new.sum())
    words = np.ascontiguousarray(fingerprints[rows][:, [int(column) for column in (*LOOK, *WHOLE)]])
    kinds = flags(fingerprints)[rows] & (Flag.NO_SILHOUETTE | Flag.NO_INTERIOR)
    trimmed = flags(fingerprints)[rows] & (Flag.OPAQUE | Flag.KEYED)
    whole_radii = whole_radius + np.where(trimmed, OPAQUE_ALLOWANCE, 0)
    block: Callable[..., np.ndarray] = _scan_rows
    done: Callable[..., Iterable[np.ndarray]] = _one_by_one
    size = _ROWS
    if count * len(rows) > WORTH_COMPILING**2 and numba_available():
        from gandam_studio.core.duplicates.scan_numba import scan_block

        block, done, size = scan_block, in_threads, max(_FEWEST_ROWS, _COMPARED // len(rows))
    job.start("Comparing fingerprints", count)
    edges = [*range(0, count, size), count]
    tasks = [
        partial(block, words, kinds, start, stop, look_radius, _EVEN_SHARE, whole_radii)
        for start, stop in itertools.pairwise(edges)
    ]
    for (start, stop), hits in zip(itertools.pairwise(edges), done(tasks, job.check), strict=True):
        a, b = rows[hits[:, 0]], rows[hits[:, 1]]
        into.add(np.minimum(a, b), np.maximum(a, b), hits[:, 2], hits[:, 3])
        job.advance(stop - start)


def _one_by_one(tasks: Sequence[Callable[[], np.ndarray]], check: Callable[[], None]) -> Iterator[np.ndarray]:
    """Do tasks in this thread."""
    for task in tasks:
        check()
        yield task()


def _scan_rows(
    words: np.ndarray,
    kinds: np.ndarray,
    start: int,
    stop: int,
    look_radius: int,
    even_share: float,
    radii: np.ndarray,
) -> np.ndarray:
    """(P, 4) i, j, ways, distance (`Nearest.add`), start <= i < stop and i < j, rows of `words`; the numpy engine.

    Those of one silhouette pass, as recolours may have any interior.

    even_share: of a radius, for the even half alone. radii: (N,) for the whole picture; the larger of two applies. Even
    words are compared first. Few pairs pass that.
    """
    even_radius = int(even_share * look_radius)
    # uint8: at most 64 bits differ in a word.
    shape_even, inside_even, whole_even = (
        np.bitwise_count(words[start:stop, None, column] ^ words[start:, column]) for column in (0, 2, 4)
    )
    widths = np.minimum(radii[start:], 64).astype(np.uint8)
    maybe = (shape_even + inside_even <= even_radius) | (whole_even <= np.maximum(widths[: stop - start, None], widths))
    maybe |= shape_even == 0
    for kind, word, share in _ONE_WORD:
        of_kind, even = np.flatnonzero(kinds[start:] == kind), (shape_even, inside_even)[word]
        most = int(even_share * share * look_radius)
        maybe[:, of_kind] |= even[:, of_kind] <= most
        here = of_kind[of_kind < stop - start]
        maybe[here] |= even[here] <= most
        maybe[here[:, None], of_kind] = True
    maybe &= np.arange(start, stop)[:, None] < np.arange(start, len(words))
    places = np.flatnonzero(maybe)
    even = [counted.ravel().take(places).astype(np.int64) for counted in (shape_even, inside_even, whole_even)]
    a, b = (side + start for side in np.divmod(places, len(words) - start))
    odd = [np.bitwise_count(words[:, column][a] ^ words[:, column][b]).astype(np.int64) for column in (1, 3, 5)]
    ordinary, widest = kinds[a] | kinds[b] == 0, np.maximum(radii[a], radii[b])
    special = np.flatnonzero(~ordinary)
    ways, nearest = np.zeros(len(a), dtype=np.int64), np.full(len(a), _NEVER)
    for turned in (0, 1):
        shape, inside, entire = (here + (64 - off if turned else off) for here, off in zip(even, odd, strict=True))
        near = (shape + inside <= look_radius) & (even[0] + even[1] <= even_radius) | (shape == 0)
        near &= ordinary
        if len(special):
            mine, other = kinds[a[special]], kinds[b[special]]
            evens = [counted[special] for counted in even]
            near[special] |= _near_in_one(evens, shape[special], inside[special], mine, other, look_radius)
        near |= entire <= widest
        ways |= near.astype(np.int64) << turned
        nearest = np.where(near, np.minimum(nearest, shape + inside + entire), nearest)
    kept = np.flatnonzero(ways)
    return np.stack([a[kept], b[kept], ways[kept], nearest[kept]], axis=1)


def _near_in_one(
    even: Sequence[np.ndarray],
    shape: np.ndarray,
    inside: np.ndarray,
    mine: np.ndarray,
    other: np.ndarray,
    radius: int,
) -> np.ndarray:
    """(P,) whether two looks are close in the only word that is meaningful for both, silhouette or interior.

    even: (P,) bits that differ in the even word of each. That of pictures of two kinds must be close by itself.
    """
    found = np.zeros(len(shape), dtype=bool)
    for (kind, word, share), off in zip(_ONE_WORD, (inside, shape), strict=True):
        one = (mine | other == kind) & (off <= share * radius)
        found |= one & ((mine == other) | (even[word] <= int(_EVEN_SHARE * share * radius)))
    return found


def _indexed(fingerprints: np.ndarray, first_new: int, into: Nearest, job: Job) -> None:
    """Search for the even words, which a picture shares with its mirror image; distances as of `_scanned`."""
    usable = _says_something(fingerprints)
    turned = mirrored(fingerprints)
    parts = [np.zeros((0, 3), dtype=np.int64)]
    for columns, unusable in (
        ((Column.SILHOUETTE_EVEN, Column.SILHOUETTE_ODD), Flag.NO_SILHOUETTE),
        ((Column.INTERIOR_EVEN, Column.INTERIOR_ODD), Flag.NO_INTERIOR),
        ((Column.WHOLE_EVEN, Column.WHOLE_ODD), Flag.NO_INTERIOR),
    ):
        rows = np.flatnonzero(usable & ((flags(fingerprints) & unusable) == 0))
        first = int(np.searchsorted(rows, first_new))
        pairs = pairs_within(fingerprints[rows, columns[0]], _INDEXED_RADIUS, first_new=first, job=job)
        i, j = rows[pairs.i], rows[pairs.j]
        straight = np.bitwise_count(fingerprints[i, columns[1]] ^ fingerprints[j, columns[1]])
        crossed = np.bitwise_count(fingerprints[i, columns[1]] ^ turned[j, columns[1]])
        # The orientation whose odd word is within twice the radius; none if neither is.
        for way, distance in ((0, straight), (1, crossed)):
            near = distance <= 2 * _INDEXED_RADIUS
            parts.append(np.stack([i[near], j[near], np.full(int(near.sum()), way)], axis=1))
    add_by_signs(distinct(np.concatenate(parts), len(fingerprints)), fingerprints, into)


def add_by_signs(rows: np.ndarray, fingerprints: np.ndarray, into: Nearest) -> None:
    """Add sorted (P, 3) i, j, mirrored with the distances of all six words of (N, COLUMNS) fingerprints."""
    firsts = np.flatnonzero(np.append(True, (rows[1:, :2] != rows[:-1, :2]).any(axis=1)))[::_AT_ONCE]
    for some in np.split(rows, firsts[1:]):
        into.add_rows(some, signs_apart(some, fingerprints))


def signs_apart(rows: np.ndarray, fingerprints: np.ndarray) -> np.ndarray:
    """(P,) int64: in how many bits of all six words (P, 3) i, j, mirrored of (N, COLUMNS) fingerprints differ."""
    signs = slice(LOOK[0], WHOLE[-1] + 1)
    apart = np.zeros(len(rows), dtype=np.int64)
    for start in range(0, len(rows), _AT_ONCE):
        i, j, turned = rows[start : start + _AT_ONCE].T
        other = fingerprints[j]
        other[turned > 0] = mirrored(other[turned > 0])
        apart[start : start + _AT_ONCE] = np.bitwise_count(fingerprints[i, signs] ^ other[:, signs]).sum(axis=1)
    return apart
