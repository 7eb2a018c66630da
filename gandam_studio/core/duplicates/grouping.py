"""Groups without drift: every member is related to its keeper itself, never only through others.

The keepers are the lexicographically first maximal independent set of the graph of relations, pictures taken from the
best downwards: a picture becomes a keeper unless a better one related to it is a keeper already; then it joins the
nearest of those. So unlike pictures at the ends of a chain never meet in one group, and neither the order of import
nor that of the search matters. All in whole arrays: 100,000 pictures regroup in a few milliseconds a round.
"""

from __future__ import annotations

import numpy as np


def stars(rank: np.ndarray, i: np.ndarray, j: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The keeper of each of N pictures, (N,) int64, itself where it keeps or stands alone; and its distance to it.

    rank: (N,) distinct, smaller is better. i, j, distance: (E,) relations, in any order and direction.
    """
    count = len(rank)
    keeper = np.arange(count, dtype=np.int64)
    joined_at = np.zeros(count)
    if not len(i):
        return keeper, joined_at
    better = np.where(rank[i] < rank[j], i, j)
    worse = np.where(rank[i] < rank[j], j, i)
    # 0 undecided, 1 keeper, 2 member; pictures without relations never change.
    state = np.zeros(count, dtype=np.int8)
    left = np.arange(len(better))
    while len(left):
        a, b = better[left], worse[left]
        blocked = np.zeros(count, dtype=bool)
        blocked[b[state[a] == 0]] = True  # a better one is still undecided
        state[b[state[a] == 1]] = 2
        nodes = np.concatenate([a, b])
        free = nodes[(state[nodes] == 0) & ~blocked[nodes]]
        state[free] = 1
        left = left[state[worse[left]] == 0]
    state[state == 0] = 1  # all their worse neighbours joined others: nothing better is left to join
    joins = (state[worse] == 2) & (state[better] == 1)
    order = np.lexsort((rank[better[joins]], distance[joins]))[::-1]
    keeper[worse[joins][order]] = better[joins][order]  # the last written is the nearest
    joined_at[worse[joins][order]] = distance[joins][order]
    return keeper, joined_at


def parted(keeper: np.ndarray, rank: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The same groups with pairs that must stay apart, (P, 2), separated: the worse of the two leaves, to stand alone.

    A pair of a keeper and its own member must have been left out of the relations before.
    """
    keeper = keeper.copy()
    for a, b in apart.tolist():
        if keeper[a] == keeper[b]:
            leaving = a if rank[a] > rank[b] else b
            keeper[leaving] = leaving
    return keeper


def sizes(keeper: np.ndarray) -> np.ndarray:
    """(N,) int64: how many pictures each one keeps, itself included; 0 for members."""
    return np.bincount(keeper, minlength=len(keeper))
