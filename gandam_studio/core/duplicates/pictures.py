"""A cache of decoded and prepared pictures for comparison, with least-recently-used eviction."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from gandam_studio.core.duplicates.canvases import Canvas, canvas_of
from gandam_studio.core.duplicates.drawings import Drawing
from gandam_studio.core.duplicates.enlarging import enlargement
from gandam_studio.core.duplicates.synthesis import background_under
from gandam_studio.core.duplicates.tiles import SIDE, tile
from gandam_studio.core.hashing.content import VISIBLE, Content, find_content, find_contents
from gandam_studio.core.hashing.layout import Flag, whole_sizes
from gandam_studio.core.workspace.seqsets import as_seqs

# Bytes of prepared pictures in the cache (about 110 per pixel of a sprite and 34 per pixel of a photograph), and the
# number of tiles, which more pairs need.
_PREPARED_BYTES = 256 << 20
_BYTES_A_PIXEL, _BYTES_A_CANVAS_PIXEL, _CANVAS_PIXELS = 34, 76, 128 * 128
_TILES, _FEW_TILES = 1 << 16, 256
_SPECK = 32.0  # levels off the background


class PixelSource(Protocol):
    """Provides the pixels and fingerprints of pictures by row."""

    def rgba(self, row: int) -> np.ndarray:
        """Return a picture as imported, (H, W, 4) uint8."""

    def prints(self, rows: np.ndarray) -> np.ndarray:
        """Return the (P, COLUMNS) uint64 fingerprints of (P,) rows."""


class ComparedPicture:
    """One picture, with lazily computed data for comparisons.

    Attributes:
        rgba: (H, W, 4) uint8.
        size: (width, height).
    """

    def __init__(self, rgba: np.ndarray) -> None:
        self.rgba = rgba
        self.size = (rgba.shape[1], rgba.shape[0])

    @cached_property
    def drawing(self) -> Drawing:
        """Its content, prepared for comparison."""
        return Drawing(find_content(self.rgba))

    @property
    def content(self) -> Content:
        """Its trimmed content."""
        return self.drawing.content

    @cached_property
    def enlargement(self) -> int:
        """How many times the pixels of the whole picture are repeated."""
        return enlargement(self.rgba)

    @cached_property
    def shown(self) -> Drawing:
        """Its content, or all of it where it is opaque, whatever was taken for background."""
        content = self.content
        if content.flags & (Flag.OPAQUE | Flag.KEYED) != Flag.OPAQUE | Flag.KEYED:
            return self.drawing
        return Drawing(Content(self.rgba, (0, 0, *self.size), Flag.OPAQUE))

    @cached_property
    def canvas(self) -> Canvas:
        """Its whole canvas."""
        return canvas_of(self.rgba)

    @cached_property
    def hides(self) -> bool:
        """Whether it has anything besides its content and an even background, such as specks."""
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
        """Whether it is opaque and its content is the whole picture."""
        return self.content.flags & (Flag.OPAQUE | Flag.KEYED) == Flag.OPAQUE

    @property
    def cost(self) -> int:
        """Approximate size in bytes once everything is prepared."""
        pixels = self.size[0] * self.size[1]
        return _BYTES_A_PIXEL * pixels + _BYTES_A_CANVAS_PIXEL * min(pixels, _CANVAS_PIXELS)


class Pictures:
    """The pictures of a source by row."""

    def __init__(self, source: PixelSource) -> None:
        self.source = source
        self._known: OrderedDict[int, ComparedPicture] = OrderedDict()
        self._bytes = 0
        self._tiles = np.empty((_FEW_TILES, SIDE, SIDE, 4), dtype=np.uint8)
        self._tile_of: dict[tuple[int, bool], int] = {}
        self._tile_names: list[tuple[int, bool]] = []
        self._tiles_made = 0

    def __getitem__(self, row: int) -> ComparedPicture:
        """Return a picture by row. Raises what the source raises."""
        known = self._known.get(row)
        if known is not None:
            self._known.move_to_end(row)
            return known
        made = self._known[row] = ComparedPicture(self.source.rgba(row))
        self._bytes += made.cost
        while self._bytes > _PREPARED_BYTES and len(self._known) > 2:  # at least both of a pair
            _, oldest = self._known.popitem(last=False)
            self._bytes -= oldest.cost
        return made

    def prepare(self, rows: np.ndarray, *, for_tiles: bool = False) -> None:
        """Read small pictures among (P,) rows, and find the contents of those of one size at once, which is faster.

        for_tiles: only those whose tiles are not known, where few pairs need more.
        """
        rows = np.array([row for row in as_seqs(rows).tolist() if not self._has(row, for_tiles)], dtype=np.int64)
        if len(rows) < 2:
            return
        small = whole_sizes(self.source.prints(rows)).prod(axis=1) <= _CANVAS_PIXELS
        of_size: dict[tuple[int, ...], list[ComparedPicture]] = {}
        for row in rows[small].tolist():
            picture = self[row]
            of_size.setdefault(picture.rgba.shape, []).append(picture)
        for pictures in of_size.values():
            if len(pictures) > 1 and pictures[0].rgba.size:
                contents = find_contents(np.stack([picture.rgba for picture in pictures]))
                for index, picture in enumerate(pictures):
                    picture.drawing = Drawing(contents.content(index))

    def _has(self, row: int, tile: bool) -> bool:
        """Whether a picture was read, or its tile is known."""
        return row in self._known or (tile and (row, False) in self._tile_of)

    def tiles(self, rows: Sequence[int], *, whole: bool = False) -> np.ndarray:
        """Return the (P, SIDE, SIDE, 4) uint8 tiles of the contents of pictures, or of the whole pictures.

        uint8 takes a quarter of the memory of float32 and is precise enough for a blurred tile.
        """
        places = [self._tile_of.get((row, whole), -1) for row in rows]
        made = self._tiles[places]
        for index, row in enumerate(rows):
            if places[index] < 0:
                made[index] = self._tile(row, whole)
        return made

    def _tile(self, row: int, whole: bool) -> np.ndarray:
        """Prepare a tile, and store it in the place of the oldest one if the store is full."""
        known = self._tile_of.get((row, whole))
        if known is not None:
            return self._tiles[known]
        made = np.rint(tile(self[row].rgba if whole else self[row].content.rgba) * 255).astype(np.uint8)
        place = self._tiles_made % _TILES
        if self._tiles_made >= _TILES:
            del self._tile_of[self._tile_names[place]]
            self._tile_names[place] = row, whole
        else:
            self._tile_names.append((row, whole))
            if place == len(self._tiles):
                self._tiles = np.concatenate([self._tiles, np.empty_like(self._tiles)])
        self._tiles[place] = made
        self._tile_of[row, whole] = place
        self._tiles_made += 1
        return made
