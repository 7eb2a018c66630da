"""Groups without drift: every member is related to its keeper itself, never only through others.

The keepers are the lexicographically first maximal independent set of the graph of relations, pictures taken from the
best downwards: a picture becomes a keeper unless a better one related to it is a keeper already; then it joins the
nearest of those. So unlike pictures at the ends of a chain never meet in one group, and neither the order of import
nor that of the search matters. All in whole arrays: 100,000 pictures regroup in a few milliseconds a round.
"""

from __future__ import annotations

import numpy as np


def stars(count: int, i: np.ndarray, j: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The keeper of each of `count` pictures, (N,) int64, itself where it keeps or stands alone; its distance to it.

    i, j, distance: (E,) relations, in any order and direction; pictures are numbered from the best downwards.
    """
    keeper = np.arange(count, dtype=np.int64)
    joined_at = np.zeros(count)
    if not len(i):
        return keeper, joined_at
    better, worse = np.minimum(i, j), np.maximum(i, j)
    # 0 undecided, 1 keeper, 2 member; pictures without relations never change.
    state = np.zeros(count, dtype=np.int8)
    blocked = np.zeros(count, dtype=bool)
    a, b = better, worse
    while len(a):
        blocked[b] = True  # a better one is still undecided
        free = a[~blocked[a]]
        blocked[b] = False
        state[free] = 1
        state[b[state[a] == 1]] = 2
        # A better one that is a member itself takes nobody in: its worse neighbours no longer wait for it.
        left = (state[a] == 0) & (state[b] == 0)
        a, b = a[left], b[left]
    state[state == 0] = 1  # all their worse neighbours joined others: nothing better is left to join
    joins = np.flatnonzero((state[worse] == 2) & (state[better] == 1))
    better, worse, distance = better[joins], worse[joins], distance[joins]
    # The nearest wins, of equally near ones the best.
    joined_at[worse] = np.inf
    np.minimum.at(joined_at, worse, distance)
    nearest = np.flatnonzero(distance == joined_at[worse])
    keeper[worse] = count
    np.minimum.at(keeper, worse[nearest], better[nearest])
    return keeper, joined_at


def parted(keeper: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The same groups with pairs that must stay apart, (P, 2), separated: the worse of the two leaves, to stand alone.

    A pair of a keeper and its own member must have been left out of the relations before.
    """
    keeper = keeper.copy()
    for a, b in apart.tolist():
        if keeper[a] == keeper[b]:
            leaving = max(a, b)
            keeper[leaving] = leaving
    return keeper
