"""Stray pixels of a picture in palette colours: finding them, and giving them the colour of a neighbour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.finishing.palette import Palette

Indices = NDArray[np.int32]
"""(H, W): places of a palette's colours; -1 where a picture is clear."""

CLEAR = -1
_AROUND = [(dy, dx) for dy in (0, 1, 2) for dx in (0, 1, 2) if (dy, dx) != (1, 1)]
_HOLE = 200_000  # what filling a hole of one pixel changes, in millionths as `Palette.steps`
_NEVER = np.iinfo(np.int64).max


def neighbours(indices: Indices) -> Indices:
    """(H, W) -> the eight around each pixel, (8, H, W); outside of the picture it is clear."""
    height, width = indices.shape
    wide = np.pad(indices, 1, constant_values=CLEAR)
    return np.stack([wide[dy : dy + height, dx : dx + width] for dy, dx in _AROUND])


def stray(indices: Indices) -> NDArray[np.bool_]:
    """(H, W): pixels with none of their own colour among the eight around them; holes of one clear pixel too."""
    return np.asarray(~(neighbours(indices) == indices).any(axis=0))


def stray_share(pictures: list[Indices]) -> float:
    """Stray pixels of some pictures, as a share of their pixels that are not clear."""
    solid = sum(int((indices != CLEAR).sum()) for indices in pictures)
    return sum(int(stray(indices).sum()) for indices in pictures) / max(1, solid)


def cleaned(indices: Indices, palette: Palette, share: float, *, outline_moves: bool = True) -> Indices:
    """A picture with at most `share` of its pixels stray: others get the colour around them that is nearest to theirs.

    Those that differ least from a neighbour go first. A pixel with nothing around it becomes clear, and a hole gets the
    colour that most of its neighbours have; with `outline_moves=False` neither happens.

    No step makes another pixel stray, since nothing around a stray pixel has its colour. So the result stays as it is
    when cleaned again. Only counts, colours and their order decide, not places: a mirrored picture gives the mirrored
    result.
    """
    now = indices.copy()
    while True:
        around = neighbours(now)
        found = ~(around == now).any(axis=0)
        if not outline_moves:
            found &= now != CLEAR
        count = int(found.sum())
        excess = count - int(share * int((now != CLEAR).sum()))
        if excess <= 0:
            return now
        rows, columns = np.nonzero(found)
        costs, colours = _replacements(now[found], around[:, found].T, palette, outline_moves)
        if int(costs.min()) == _NEVER:
            return now
        limit = np.partition(costs, min(excess, count) - 1)[min(excess, count) - 1]
        # Two that touch have different colours, so that one of them comes first.
        ranks = np.full(now.shape, _NEVER, np.int64)
        possible = costs < _NEVER
        ranks[rows[possible], columns[possible]] = costs[possible] * (len(palette.colours) + 2) + now[found][possible]
        wide = np.pad(ranks, 1, constant_values=_NEVER)
        height, width = now.shape
        first = np.min([wide[dy : dy + height, dx : dx + width] for dy, dx in _AROUND], axis=0)
        goes = (costs <= limit) & possible & (ranks < first)[found]
        now[rows[goes], columns[goes]] = colours[goes]


def _replacements(
    own: Indices, around: Indices, palette: Palette, outline_moves: bool
) -> tuple[NDArray[np.int64], Indices]:
    """For stray pixels (N,) with the eight around each (N, 8): what replacing costs (N,), and the colour (N,)."""
    size = len(palette.colours)
    solid = around != CLEAR
    costs = np.where(solid, palette.steps[np.maximum(own, 0)[:, None], np.maximum(around, 0)], _NEVER)
    # The nearest colour; of two as near, the one that comes first in the palette.
    order = np.where(solid, np.minimum(costs, _NEVER // (size + 1) - 1) * size + around, _NEVER)
    best = order.argmin(axis=1)
    every = np.arange(len(own))
    cost, colour = costs[every, best], around[every, best].copy()
    alone = (own != CLEAR) & ~solid.any(axis=1)
    cost[alone], colour[alone] = (0 if outline_moves else _NEVER), CLEAR
    hole = own == CLEAR
    if hole.any():
        often = (around[hole][:, :, None] == around[hole][:, None, :]).sum(axis=2)
        rank = often * (size + 1) - around[hole]
        colour[hole] = around[hole][np.arange(len(rank)), rank.argmax(axis=1)]
        cost[hole] = _HOLE
    return cost, colour
