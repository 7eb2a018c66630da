"""The sprites of a view, fetched in pages when they become visible."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.review import page
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.sprite import Sprite

PAGE = 24
PAGES_KEPT = 160


@dataclass(frozen=True, slots=True)
class WantedRows:
    """A page to fetch in another thread: its number, row numbers, and the state of the view when requested."""

    number: int
    seqs: Seqs
    state: int


class Rows:
    """A view's row numbers in order, and its sprites.

    Attributes:
        order: row numbers by position.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pages: OrderedDict[int, list[Sprite]] = OrderedDict()
        self.order: Seqs = np.empty(0, dtype=np.int64)
        self._is_everything = True
        self._state = 0  # incremented by every edit and change of the view

    def __len__(self) -> int:
        return len(self.order)

    def show(self, order: Seqs) -> None:
        """Show another view."""
        self.order = order
        self._is_everything = bool(not len(order) or (order[0] == 1 and order[-1] == len(order))) and bool(
            np.array_equal(order, np.arange(1, len(order) + 1))
        )
        self.forget()

    def forget(self) -> None:
        """Discard all pages after an edit."""
        self._pages.clear()
        self._state += 1

    def missing(self, positions: range) -> list[WantedRows]:
        """The pages of some positions that are not loaded yet, to fetch in another thread; see `take`."""
        stop = min(positions.stop, len(self.order))
        if positions.start >= stop:
            return []
        numbers = range(positions.start // PAGE, (stop - 1) // PAGE + 1)
        return [WantedRows(number, self._seqs(number), self._state) for number in numbers if number not in self._pages]

    def take(self, wanted: WantedRows, sprites: list[Sprite]) -> None:
        """Store a page fetched in another thread, unless it is outdated."""
        if wanted.state == self._state and wanted.number not in self._pages:
            self._keep(wanted.number, sprites)

    def known(self, positions: range) -> Iterator[Sprite]:
        """Like `between`, without fetching: missing pages are skipped."""
        first, stop = positions.start, min(positions.stop, len(self.order))
        while first < stop:
            number, offset = divmod(first, PAGE)
            if (sprites := self._pages.get(number)) is not None:
                yield from sprites[offset : offset + stop - first]
            first += PAGE - offset

    def __getitem__(self, position: int) -> Sprite:
        number, offset = divmod(position, PAGE)
        return self._page(number)[offset]

    def between(self, positions: range) -> Iterator[Sprite]:
        """The sprites of consecutive positions, fetched in pages."""
        first, stop = positions.start, min(positions.stop, len(self.order))
        while first < stop:
            number, offset = divmod(first, PAGE)
            sprites = self._page(number)[offset : offset + stop - first]
            yield from sprites
            first += PAGE - offset

    def _page(self, number: int) -> list[Sprite]:
        sprites = self._pages.get(number)
        if sprites is None:
            sprites = page(self._workspace, self._seqs(number))
            self._keep(number, sprites)
        else:
            self._pages.move_to_end(number)
        return sprites

    def _keep(self, number: int, sprites: list[Sprite]) -> None:
        self._pages[number] = sprites
        if len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)

    def _seqs(self, number: int) -> Seqs:
        return self.order[number * PAGE : (number + 1) * PAGE]

    def position_of(self, seq: int) -> int | None:
        """Position of a row in the view; None if it is not shown."""
        if self._is_everything:
            return seq - 1 if 1 <= seq <= len(self.order) else None
        places = np.flatnonzero(self.order == seq)
        return int(places[0]) if len(places) else None
