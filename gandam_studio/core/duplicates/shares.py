"""Cuts the pairs of a search into shares for processes, so that few pictures are read more than once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gandam_studio.core.duplicates.candidates import Candidates, signs_apart

SHARE, SHARES = 256, 32  # about the most pairs in a share, and the number of shares if there are few pairs
_SMALLEST_SHARE = 32
_ROUNDS = 32  # of propagating family numbers; longer chains are split, which only costs time


def shares(pairs: Candidates, fingerprints: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the places of all pairs in parts of about `SHARE` or fewer.

    Pairs of a family are consecutive. Small families are not split, nor are the two orientations of a pair. In a crowd
    nearly all are one family, so there a pair comes when a walk from each picture to its nearest first has both.

    fingerprints: (N, COLUMNS), by the rows of the pairs.
    """
    if not len(pairs):
        return
    wanted = min(SHARE, max(_SMALLEST_SHARE, len(pairs) // SHARES))
    if pairs.crowded:
        steps = _walk(pairs, fingerprints)
        early, late = np.sort([steps[pairs.i], steps[pairs.j]], axis=0)
        order = np.lexsort((pairs.mirrored, early, late))
        family = np.zeros(len(pairs), dtype=np.int64)
    else:
        family = _families(pairs, len(fingerprints))[pairs.i]
        order = np.lexsort((pairs.mirrored, pairs.j, pairs.i, family))
        family = family[order]
    i, j = pairs.i[order], pairs.j[order]
    between = np.flatnonzero((i[1:] != i[:-1]) | (j[1:] != j[:-1])) + 1
    ends_family = np.append(family[1:] != family[:-1], True)
    start = 0
    for place in [*between.tolist(), len(order)]:
        size = place - start
        if size >= 2 * wanted or (size >= wanted and ends_family[place - 1]) or (size and place == len(order)):
            yield order[start:place]
            start = place


def _families(pairs: Candidates, count: int) -> np.ndarray:
    """(count,) int64: the smallest row that each row is paired with, directly or indirectly."""
    family = np.arange(count)
    for _ in range(_ROUNDS):
        before = family.copy()
        smaller = np.minimum(family[pairs.i], family[pairs.j])
        np.minimum.at(family, pairs.i, smaller)
        np.minimum.at(family, pairs.j, smaller)
        family = family[family]
        if np.array_equal(family, before):
            break
    return family


def _walk(pairs: Candidates, fingerprints: np.ndarray) -> np.ndarray:
    """(N,) int64: the step at which a walk comes to each row, depth first along a minimum spanning forest of the pairs.

    Pairs are as long as the signs of their pictures are apart.
    """
    # Late: only crowds need it, and it takes a third of a second to import.
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, depth_first_order, minimum_spanning_tree

    count = len(fingerprints)
    # Weights of 0 would be no edges.
    apart = 1 + signs_apart(np.column_stack([pairs.i, pairs.j, pairs.mirrored]), fingerprints)
    first = np.flatnonzero(np.append(True, (pairs.i[1:] != pairs.i[:-1]) | (pairs.j[1:] != pairs.j[:-1])))
    nearer = np.minimum.reduceat(apart, first)
    pairs_of = csr_array((nearer, (pairs.i[first], pairs.j[first])), shape=(2 * count, 2 * count))
    forest = minimum_spanning_tree(pairs_of)
    # A chain of further rows, each tied to a row of one tree: so the walk is a single one. Not one row tied to all of
    # them, since the time at a row grows with the square of its ties.
    roots = np.sort(np.unique(connected_components(forest, directed=False)[1][:count], return_index=True)[1])
    chain = count + np.arange(len(roots))
    ends = np.concatenate([chain, chain[:-1]]), np.concatenate([roots, chain[1:]])
    tied = csr_array((np.ones(len(ends[0])), ends), shape=pairs_of.shape)
    rows = depth_first_order(forest + tied, count, directed=False, return_predecessors=False)
    steps = np.empty(2 * count, dtype=np.int64)
    steps[rows] = np.arange(len(rows))
    return steps[:count]
