"""Layout of the gallery's cells by arithmetic, at the same cost for any number of sprites."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from PySide6.QtCore import QRect

GAP = 8  # between tiles, and around them
CAPTION_GAP = 4


@dataclass(frozen=True)
class Grid:
    """A grid of equal cells, filled row by row; positions count from 0, pixels are logical.

    Attributes:
        count: number of cells.
        width: of the viewport.
        tile: side of the square that holds a picture.
        caption: height of the line of text below it, 0 for none.
    """

    count: int
    width: int
    tile: int
    caption: int = 0

    @functools.cached_property
    def cell_width(self) -> int:
        """Distance between the left edges of adjacent tiles."""
        return self.tile + GAP

    @functools.cached_property
    def cell_height(self) -> int:
        """Distance between the top edges of adjacent tiles."""
        return self.tile + GAP + (self.caption + CAPTION_GAP if self.caption else 0)

    @functools.cached_property
    def columns(self) -> int:
        """Cells per row; at least one."""
        return max(1, (self.width - GAP) // self.cell_width)

    @property
    def rows(self) -> int:
        """Number of rows, including an incomplete last one."""
        return -(-self.count // self.columns)

    @property
    def height(self) -> int:
        """Height of the content."""
        return self.rows * self.cell_height + GAP if self.count else 0

    @functools.cached_property
    def left(self) -> int:
        """Left edge of the first column; the remaining width is split between both sides."""
        return max(GAP, (self.width - self.columns * self.cell_width + GAP) // 2)

    def cell(self, position: int, scrolled: int) -> QRect:
        """Rectangle of a cell (tile and caption) in the viewport, when scrolled down by `scrolled`."""
        row, column = divmod(position, self.columns)
        height = self.cell_height - GAP
        return QRect(self.left + column * self.cell_width, GAP + row * self.cell_height - scrolled, self.tile, height)

    def at(self, x: int, y: int, scrolled: int) -> int | None:
        """The cell under a point of the viewport; None in a gap or after the last cell."""
        column, inside_x = divmod(x - self.left, self.cell_width)
        row, inside_y = divmod(y + scrolled - GAP, self.cell_height)
        if not 0 <= column < self.columns or row < 0 or inside_x >= self.tile or inside_y >= self.cell_height - GAP:
            return None
        position = row * self.columns + column
        return position if position < self.count else None

    def span(self, top: int, bottom: int) -> range:
        """Cells of the rows that intersect `top` to `bottom` (inclusive, content coordinates)."""
        first = max(0, (top - GAP) // self.cell_height)
        last = max(0, bottom // self.cell_height)
        return range(min(self.count, first * self.columns), min(self.count, (last + 1) * self.columns))

    def within(self, band: QRect) -> list[range]:
        """Cells that intersect a rectangle (content coordinates), as one range per row."""
        first_column = max(0, (band.left() - self.left + GAP) // self.cell_width)
        last_column = min(self.columns - 1, (band.right() - self.left) // self.cell_width)
        first_row = max(0, band.top() // self.cell_height)
        last_row = min(self.rows - 1, (band.bottom() - GAP) // self.cell_height)
        if last_column < first_column:
            return []
        found = []
        for row in range(first_row, last_row + 1):
            start = row * self.columns
            found.append(range(min(self.count, start + first_column), min(self.count, start + last_column + 1)))
        return found
