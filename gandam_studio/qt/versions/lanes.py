"""Layout of a history graph: newest at the top, one lane per branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RowLanes:
    """The lines of one row.

    Attributes:
        node: lane of the row's dot, counted from the left.
        above: (lane at the row's top, lane at its middle) for every line that enters from above.
        below: lanes of the lines that leave straight down.
    """

    node: int
    above: tuple[tuple[int, int], ...]
    below: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of lanes in the row."""
        used = [self.node, *self.below, *(lane for pair in self.above for lane in pair)]
        return max(used) + 1


def lay_out(rows: Sequence[tuple[int, int | None]]) -> list[RowLanes]:
    """Lanes for rows of (number, number of the parent or None), children before their parents.

    A branch keeps its lane down to the version it started from, where it joins that version's lane.
    """
    awaited: list[int | None] = []  # per lane: the number its line leads to
    found = []
    for number, parent in rows:
        mine = [lane for lane, waiting in enumerate(awaited) if waiting == number]
        if mine:
            node = mine[0]
        else:
            node = awaited.index(None) if None in awaited else len(awaited)
            awaited[node : node + 1] = [None]
        above = tuple(
            (lane, node if waiting == number else lane) for lane, waiting in enumerate(awaited) if waiting is not None
        )
        for lane in mine:
            awaited[lane] = None
        awaited[node] = parent
        found.append(RowLanes(node, above, tuple(lane for lane, waiting in enumerate(awaited) if waiting is not None)))
        while awaited and awaited[-1] is None:
            awaited.pop()
    return found
