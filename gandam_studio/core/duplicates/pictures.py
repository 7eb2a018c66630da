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

# Bytes of prepared pictures in the cache (about 110 per pixel of a sprite and 34 per pixel of a photograph); of those
# that were put aside, with their pixels and contents only; and the number of tiles, which more pairs need.
_PREPARED_BYTES, _ASIDE_BYTES = 160 << 20, 96 << 20
_BYTES_A_PIXEL, _BYTES_A_CANVAS_PIXEL, _CANVAS_PIXELS = 34, 76, 128 * 128
_TILES, _FEW_TILES = 1 << 14, 256
_SPECK = 32.0  # levels off the background
_SCATTER, _BINS = np.uint32(0x9E3779B1), 64  # an odd factor that spreads colours, and by the highest bits into how many


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

    @property
    def trimmed(self) -> bool:
        """Whether its content is known already."""
        return "drawing" in self.__dict__

    @property
    def plain_cost(self) -> int:
        """The bytes of its pixels, and of its content if that is known."""
        return self.rgba.nbytes + (self.content.rgba.nbytes if self.trimmed else 0)

    def unprepared(self) -> ComparedPicture:
        """Return it as it was read, with its content if that is known."""
        made = ComparedPicture(self.rgba)
        if self.trimmed:
            made.drawing = Drawing(self.content)
        return made


class Pictures:
    """The pictures of a source by row."""

    def __init__(self, source: PixelSource) -> None:
        self.source = source
        self._known: OrderedDict[int, ComparedPicture] = OrderedDict()
        self._bytes = 0
        self._aside: OrderedDict[int, ComparedPicture] = OrderedDict()
        self._aside_bytes = 0
        self._tiles = np.empty((_FEW_TILES, SIDE, SIDE, 4), dtype=np.uint8)
        self._binned = np.empty((_FEW_TILES, _BINS), dtype=np.int32)
        self._tile_of: dict[tuple[int, bool], int] = {}
        self._tile_names: list[tuple[int, bool]] = []
        self._tiles_made = 0

    def __getitem__(self, row: int) -> ComparedPicture:
        """Return a picture by row. Raises what the source raises."""
        known = self._known.get(row)
        if known is not None:
            self._known.move_to_end(row)
            return known
        made = self._aside.pop(row, None)
        if made is None:
            made = ComparedPicture(self.source.rgba(row))
        else:
            self._aside_bytes -= made.plain_cost
        self._known[row] = made
        self._bytes += made.cost
        while self._bytes > _PREPARED_BYTES and len(self._known) > 2:  # at least both of a pair
            oldest_row, oldest = self._known.popitem(last=False)
            self._bytes -= oldest.cost
            self._put_aside(oldest_row, oldest)
        return made

    def _put_aside(self, row: int, picture: ComparedPicture) -> None:
        """Keep what takes long to read, not what was prepared from it."""
        plain = self._aside[row] = picture.unprepared()
        self._aside_bytes += plain.plain_cost
        while self._aside_bytes > _ASIDE_BYTES:
            _, oldest = self._aside.popitem(last=False)
            self._aside_bytes -= oldest.plain_cost

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
            if not picture.trimmed:
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

    def may_share(self, rows: np.ndarray, others: np.ndarray, share: float) -> np.ndarray:
        """(P,) bool: False for pairs of (P,) rows whose contents cannot have `share` of their visible pixels in common.

        However they lie on each other: there are not enough of each colour in both. Of what is `shown`.
        """
        mine, theirs = (self._counted(each) for each in (rows, others))
        common = np.minimum(mine, theirs).sum(axis=1)
        fewer = np.minimum(mine.sum(axis=1), theirs.sum(axis=1))
        return np.asarray(common >= share * fewer)

    def _counted(self, rows: np.ndarray) -> np.ndarray:
        """(P, _BINS) int32: how many visible pixels of (P,) rows have colours that fall into each of a few bins."""
        made = np.empty((len(rows), _BINS), dtype=np.int32)
        for index, row in enumerate(rows.tolist()):
            self._tile(row, False)
            made[index] = self._binned[self._tile_of[row, False]]  # at once: the next tile may take its place
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
                self._binned = np.concatenate([self._binned, np.empty_like(self._binned)])
        self._tiles[place] = made
        if not whole:
            self._binned[place] = _binned(self[row].shown.content.rgba)
        self._tile_of[row, whole] = place
        self._tiles_made += 1
        return made


def _binned(rgba: np.ndarray) -> np.ndarray:
    """(_BINS,) how many visible pixels of (h, w, 4) uint8 have colours that fall into each bin; equal ones into one."""
    words = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    bins = (words[rgba[..., 3] > 0] * _SCATTER) >> np.uint32(32 - _BINS.bit_length() + 1)
    return np.bincount(bins, minlength=_BINS)
