"""The sprites of a view, fetched in pages as they come into sight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from gandam_studio.core.review import page
from gandam_studio.core.seqsets import Seqs
from gandam_studio.core.sprite import Sprite
from gandam_studio.core.workspace import Workspace

PAGE = 24
PAGES_KEPT = 160


class Rows:
    """A view's row numbers in order, and its sprites.

    Attributes:
        order: row numbers, one a position.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pages: OrderedDict[int, list[Sprite]] = OrderedDict()
        self.order: Seqs = np.empty(0, dtype=np.int64)
        self._is_everything = True

    def __len__(self) -> int:
        return len(self.order)

    def show(self, order: Seqs) -> None:
        """Take another view."""
        self.order = order
        self._is_everything = bool(not len(order) or (order[0] == 1 and order[-1] == len(order))) and bool(
            np.array_equal(order, np.arange(1, len(order) + 1))
        )
        self._pages.clear()

    def forget(self) -> None:
        """Fetch everything anew: something was edited."""
        self._pages.clear()

    def __getitem__(self, position: int) -> Sprite:
        number, offset = divmod(position, PAGE)
        return self._page(number)[offset]

    def between(self, positions: range) -> Iterator[Sprite]:
        """The sprites of neighbouring positions: a page at a time, which is quicker than one by one."""
        first, stop = positions.start, min(positions.stop, len(self.order))
        while first < stop:
            number, offset = divmod(first, PAGE)
            sprites = self._page(number)[offset : offset + stop - first]
            yield from sprites
            first += PAGE - offset

    def _page(self, number: int) -> list[Sprite]:
        sprites = self._pages.get(number)
        if sprites is None:
            sprites = page(self._workspace.connection, self.order[number * PAGE : (number + 1) * PAGE])
            self._pages[number] = sprites
            if len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(number)
        return sprites

    def position_of(self, seq: int) -> int | None:
        """Where a row stands in the view; None when it is not shown."""
        if self._is_everything:
            return seq - 1 if 1 <= seq <= len(self.order) else None
        places = np.flatnonzero(self.order == seq)
        return int(places[0]) if len(places) else None
