"""A bounded number of nominated pairs: all, or the nearest of each picture where nearly everything looks alike.

Of a game's sprites hashes nominate a few pairs a picture. Of a hundred thousand machines that one generator drew they
nominate a hundredth of all pairs, among which copies are the nearest. So pairs are ranked by distance for each of their
two pictures, and kept if they are among the k nearest of one; k is the largest number at which no more than `most` are
kept. Pairs arrive in parts, and what cannot be kept in the end is dropped early.
"""

from __future__ import annotations

import numpy as np

from gandam_studio.core.hashing.layout import Column

_HELD = 3  # times `most`: so many pairs are held until some are dropped
_FARTHEST = (1 << 12) - 1  # distances are told apart up to this


class Nearest:
    """Takes nominated pairs in parts and keeps the nearest. Neither the order of parts nor that of pictures matters.

    Of equally near pictures those with the smaller digest of pixels come first; of those with the same, earlier rows.

    Attributes:
        held, most_held: the number of pairs held now, and the largest so far.
    """

    def __init__(self, fingerprints: np.ndarray, most: int, nearest: int = 0) -> None:
        """fingerprints: (N, COLUMNS). most: pairs to keep. nearest: the largest k; 0 for any."""
        self.held = self.most_held = 0
        self._most, self._nearest, self._dropped = most, nearest, False
        self._by_digest = np.empty(len(fingerprints), dtype=np.int64)
        self._by_digest[np.argsort(fingerprints[:, Column.PIXELS], kind="stable")] = np.arange(len(fingerprints))
        self._pairs = [np.zeros((0, 2), dtype=np.int32)]
        self._told = [np.zeros((0, 2), dtype=np.int16)]  # ways and distances
        # What is further from a picture than this is not among its k nearest.
        self._reach = np.full(len(fingerprints), _FARTHEST, dtype=np.int16)

    def add(self, i: np.ndarray, j: np.ndarray, ways: np.ndarray, apart: np.ndarray) -> None:
        """Take in pairs i < j, (P,) each, no pair twice in all parts.

        ways: 1 as they are, 2 with the second mirrored, 3 both. apart: distances, whole numbers, of the nearer way.
        """
        apart = np.minimum(apart, _FARTHEST)
        near = np.flatnonzero(apart <= np.maximum(self._reach[i], self._reach[j]))
        self._dropped |= len(near) < len(i)
        self._pairs.append(np.stack([i[near], j[near]], axis=1).astype(np.int32))
        self._told.append(np.stack([ways[near], apart[near]], axis=1).astype(np.int16))
        self.held += len(near)
        self.most_held = max(self.most_held, self.held)
        if self.held > _HELD * self._most:
            # k is found again in the end, and is not larger then: pairs kept in the end are at least half of the sum of
            # what each picture has up to k, and those kept of a part at most that sum, so at most twice `most`.
            self._keep(2 * self._most)

    def add_rows(self, rows: np.ndarray, apart: np.ndarray) -> None:
        """Take in (P, 3) i, j, mirrored with (P,) distances, both orientations of a pair in one part."""
        if not len(rows):
            return
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        rows, apart = rows[order], apart[order]
        first = np.flatnonzero(np.append(True, (rows[1:, :2] != rows[:-1, :2]).any(axis=1)))
        ways = np.bitwise_or.reduceat(1 << rows[:, 2], first)
        self.add(rows[first, 0], rows[first, 1], ways, np.minimum.reduceat(apart, first))

    def chosen(self) -> tuple[np.ndarray, int]:
        """Return (P, 3) int64 i, j, mirrored of the pairs that are kept, sorted, and k; 0 if that is all pairs."""
        self._keep(self._most)
        parts = []
        for turned in (0, 1):
            pairs = self._pairs[0][np.flatnonzero(self._told[0][:, 0] & (1 << turned))].astype(np.int64)
            parts.append(np.column_stack([pairs, np.full(len(pairs), turned)]))
        rows = np.concatenate(parts)
        return rows[np.lexsort(rows.T[::-1])], self._nearest if self._dropped else 0

    def _keep(self, most: int) -> None:
        """Drop what is not among the nearest, if that is needed for no more than `most` to be left."""
        pairs, told = np.concatenate(self._pairs), np.concatenate(self._told)
        if len(pairs) and (self._nearest or len(pairs) > most):
            apart = told[:, 1]
            # In place where possible: a search holds few arrays of so many rows.
            ends = pairs.T.ravel()
            keys = ends * np.int64(_FARTHEST + 1)
            keys += np.tile(apart, 2)
            keys *= len(self._reach)
            keys += self._by_digest[pairs[:, ::-1].T.ravel()]
            order = np.argsort(keys, kind="stable")
            del keys
            starts = np.searchsorted(ends[order], np.arange(len(self._reach) + 1)).astype(np.int32)
            ranks = np.empty(len(order), dtype=np.int32)
            ranks[order] = np.arange(len(order), dtype=np.int32)
            ranks = (ranks - starts[ends]).reshape(2, -1).min(axis=0)
            fitting = int(np.searchsorted(np.cumsum(np.bincount(ranks)), most, side="right"))
            self._nearest = min(max(1, fitting), self._nearest or len(ranks))
            full = np.flatnonzero(np.diff(starts) >= self._nearest)
            self._reach[full] = apart[order[starts[full] + self._nearest - 1] % len(apart)]
            kept = np.flatnonzero(ranks < self._nearest)
            self._dropped |= len(kept) < len(pairs)
            pairs, told = pairs[kept], told[kept]
        self._pairs, self._told, self.held = [pairs], [told], len(pairs)
