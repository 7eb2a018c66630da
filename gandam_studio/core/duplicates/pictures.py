"""The pictures under comparison: decoded and prepared when first asked for, the longest unused ones forgotten."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import Protocol

import numpy as np

from gandam_studio.core.duplicates.canvases import Canvas, canvas_of
from gandam_studio.core.duplicates.drawings import Drawing
from gandam_studio.core.duplicates.synthesis import background_under
from gandam_studio.core.duplicates.tiles import tile
from gandam_studio.core.hashing.content import VISIBLE, Content, find_content
from gandam_studio.core.hashing.layout import Flag

# Bytes a process keeps at hand of prepared pictures, about 110 a pixel of a sprite and 34 a pixel of a photograph; and
# how many tiles, which many more pairs need.
_PREPARED_BYTES = 256 << 20
_BYTES_A_PIXEL, _BYTES_A_CANVAS_PIXEL, _CANVAS_PIXELS = 34, 76, 128 * 128
_TILES = 1 << 16
_SPECK = 32.0  # levels off the background


class PixelSource(Protocol):
    """Where pixels and hashes of numbered pictures come from."""

    def rgba(self, row: int) -> np.ndarray:
        """A picture as imported, (H, W, 4) uint8."""

    def prints(self, rows: np.ndarray) -> np.ndarray:
        """(P, COLUMNS) uint64 fingerprints of (P,) rows."""


class Picture:
    """One picture and what comparisons need of it.

    Attributes:
        rgba: (H, W, 4) uint8.
        size: its width and height.
    """

    def __init__(self, rgba: np.ndarray) -> None:
        self.rgba = rgba
        self.size = (rgba.shape[1], rgba.shape[0])

    @cached_property
    def drawing(self) -> Drawing:
        """Its content, ready to be laid on others."""
        return Drawing(find_content(self.rgba))

    @property
    def content(self) -> Content:
        """Its trimmed content."""
        return self.drawing.content

    @cached_property
    def canvas(self) -> Canvas:
        """All of it."""
        return canvas_of(self.rgba)

    @cached_property
    def hides(self) -> bool:
        """Whether it shows more than its content and an even background: specks count as neither."""
        content = self.content
        if not content.flags & Flag.KEYED:
            return False
        x, y, width, height = content.box
        free = self.rgba[..., 3] > VISIBLE
        free[y : y + height, x : x + width] &= content.rgba[..., 3] == 0
        colours = self.rgba[..., :3].astype(np.float32)
        return bool(np.abs(colours - background_under(colours, free))[free].max(initial=0) > _SPECK)

    @property
    def plain(self) -> bool:
        """Whether it is opaque and all of it its content."""
        return self.content.flags & (Flag.OPAQUE | Flag.KEYED) == Flag.OPAQUE

    @property
    def cost(self) -> int:
        """Bytes it takes once everything is prepared, roughly."""
        pixels = self.size[0] * self.size[1]
        return _BYTES_A_PIXEL * pixels + _BYTES_A_CANVAS_PIXEL * min(pixels, _CANVAS_PIXELS)


class Pictures:
    """The pictures of a source by row."""

    def __init__(self, source: PixelSource) -> None:
        self.source = source
        self._known: OrderedDict[int, Picture] = OrderedDict()
        self._bytes = 0
        self._tiles: OrderedDict[tuple[int, bool], np.ndarray] = OrderedDict()

    def __getitem__(self, row: int) -> Picture:
        """A picture by row. Raises what its source does."""
        known = self._known.get(row)
        if known is not None:
            self._known.move_to_end(row)
            return known
        made = self._known[row] = Picture(self.source.rgba(row))
        self._bytes += made.cost
        while self._bytes > _PREPARED_BYTES and len(self._known) > 2:  # the two of a pair at least
            _, oldest = self._known.popitem(last=False)
            self._bytes -= oldest.cost
        return made

    def tile(self, row: int, *, whole: bool = False) -> np.ndarray:
        """(SIDE, SIDE, 4) uint8 of its content, or of all of it.

        A quarter of the memory of float32, and no difference to a blurred picture.
        """
        made = self._tiles.get((row, whole))
        if made is None:
            shown = self[row].rgba if whole else self[row].content.rgba
            made = self._tiles[row, whole] = np.rint(tile(shown) * 255).astype(np.uint8)
            if len(self._tiles) > _TILES:
                self._tiles.popitem(last=False)
        return made
