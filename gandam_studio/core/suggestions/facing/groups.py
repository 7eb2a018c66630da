"""Stacks: sprites so alike that one answer turns them all.

Two sprites are linked when their odd kernel, normalised to at most 1, is strong either way; its sign says whether they
are turned alike. Strongest links first (a spanning tree that knows the sign along each branch), up to a largest size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.suggestions.facing.kernel import View

STRONG = 0.55  # of the normalised kernel: measured in tests/benchmarks/assistants.py, few links above it are wrong
LARGEST = 400
_NEIGHBOURS = 4
_CHUNK = 2_048
_EXHAUSTIVE = 6_000  # up to twice so many sprites every pair is compared; above, those of the same share


@dataclass(frozen=True, eq=False)
class Groups:
    """Attributes:
    number: (N,) of the group, counted from 0 by first member.
    sign: (N,) +1 or -1: turned like the group's first member, or against it.
    """

    number: NDArray[np.intp]
    sign: NDArray[np.int8]


def stacks(view: View, strong: float = STRONG, check: Callable[[], None] = lambda: None) -> Groups:
    """Find the groups of all sprites; one that is like no other is a group alone.

    Raises what `check` raises, which is called often.
    """
    count = len(view)
    parent = np.arange(count)
    parity = np.ones(count, np.int8)
    size = np.ones(count, np.int64)

    def root(one: int) -> tuple[int, int]:
        path, way = [], 1
        while parent[one] != one:
            path.append(one)
            way *= int(parity[one])
            one = int(parent[one])
        for node in path:  # path compression, with the sign to the root
            rest = way
            way *= int(parity[node])
            parent[node], parity[node] = one, rest
        total = int(parity[path[0]]) if path else 1
        return one, total

    for left, right, value in _links(view, strong, check):
        (a, sign_a), (b, sign_b) = root(left), root(right)
        if a == b or size[a] + size[b] > LARGEST:
            continue
        low, high = (a, b) if a < b else (b, a)
        parent[high] = low
        parity[high] = sign_a * sign_b * (1 if value > 0 else -1)
        size[low] += size[high]
    roots = [root(one) for one in range(count)]
    heads = np.array([head for head, _ in roots], np.intp)
    _, number = np.unique(heads, return_inverse=True)
    return Groups(number.astype(np.intp), np.array([way for _, way in roots], np.int8))


def _links(view: View, strong: float, check: Callable[[], None]) -> list[tuple[int, int, float]]:
    """(row, row, normalised kernel) of each sprite's strongest few links above `strong`, strongest first."""
    norms = np.sqrt(np.maximum(view.diagonal, 1e-6))
    firm = np.flatnonzero(view.diagonal > 0.05)  # near-symmetric sprites are turned like anything
    found: dict[tuple[int, int], float] = {}
    step = max(1, len(firm) // _EXHAUSTIVE)
    for offset in range(step):  # of very many sprites, only those in the same share are compared
        share = firm[offset::step]
        for first in range(0, len(share), _CHUNK):
            check()
            rows = share[first : first + _CHUNK]
            alike = view.between(rows, share) / norms[rows][:, None] / norms[share]
            alike[np.arange(len(rows)), first + np.arange(len(rows))] = 0
            most = min(_NEIGHBOURS, len(share) - 1)
            if most < 1:
                continue
            near = np.argpartition(-np.abs(alike), most - 1, axis=1)[:, :most]
            values = np.take_along_axis(alike, near, 1)
            for place, link in np.argwhere(np.abs(values) >= strong).tolist():
                a, b = int(rows[place]), int(share[near[place, link]])
                found[(min(a, b), max(a, b))] = float(values[place, link])
    return sorted(((a, b, value) for (a, b), value in found.items()), key=lambda one: (-abs(one[2]), one[:2]))
