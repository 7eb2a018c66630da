"""Even and odd halves of what a picture shows: the input of the facing assistant.

For features F(x) of a picture and F(m x) of its mirror image, the even half is (F(x) + F(m x)) / 2 and the odd half
(F(x) - F(m x)) / 2. Mirroring keeps the first and negates the second, exactly, because both are computed.

| kind | numbers a half | what |
|---|---|---|
| edges | 432 | histograms of oriented gradients, 6 x 6 cells, 12 signed orientations (Dalal and Triggs 2005), of the
                content in a square of 48 pixels, its shape kept |
| edges, stretched | 432 | the same, of the content stretched to the square |
| outline | 192 | 4 x 4 cells of the opacity alone, shape kept |
| outline, stretched | 192 | the same, stretched |
| patches | 128 and 1,152 | histograms of patches of 3 x 3 pixels by cells, at the sprite's own scale (`patches`) |
| network | 3,072 | what the middle of a trained network sees (`network`), the last numbers once it has looked |

At each pixel the channel (red, green, blue, opacity) with the steepest gradient counts. Cells overlap (linear weights),
so that a shift by a pixel changes little. Histograms are square-rooted and have length 1 a kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.hashing.content import find_content
from gandam_studio.core.suggestions.facing.patches import grid_slices, patch_halves

SIDE = 48
BINS = 12
_EDGE_CELLS, _OUTLINE_CELLS = 6, 4
_EDGES, _OUTLINE = _EDGE_CELLS**2 * BINS, _OUTLINE_CELLS**2 * BINS
KINDS = {
    "edges": slice(0, _EDGES),
    "edges, stretched": slice(_EDGES, 2 * _EDGES),
    "outline": slice(2 * _EDGES, 2 * _EDGES + _OUTLINE),
    "outline, stretched": slice(2 * _EDGES + _OUTLINE, 2 * (_EDGES + _OUTLINE)),
    **grid_slices(2 * (_EDGES + _OUTLINE)),
}
_SHAPES = 2 * (_EDGES + _OUTLINE)
DIMENSIONS = max(part.stop for part in KINDS.values())
"""Numbers of a half without the network's."""
NETWORK = "network"
KINDS[NETWORK] = slice(DIMENSIONS, None)
_CHUNK = 48  # pictures at a time: their gradients stay in the cache

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Halves:
    """The features of N pictures.

    Attributes:
        even, odd: (N, D) float16 or float32; D is DIMENSIONS, or more with what a network sees.
    """

    even: NDArray[np.floating]
    odd: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.even)

    @property
    def mirrored(self) -> Halves:
        """The features of the mirror images."""
        return Halves(self.even, -self.odd)

    def beside(self, others: Halves) -> Halves:
        """These features and others of the same pictures, as one."""
        return Halves(np.concatenate([self.even, others.even], axis=1), np.concatenate([self.odd, others.odd], axis=1))


def halves(pictures: Sequence[Picture]) -> Halves:
    """Return the features of N (H, W, 4) RGBA pictures of any size; zeros for blank ones."""
    even = np.zeros((len(pictures), DIMENSIONS), np.float32)
    odd = np.zeros_like(even)
    for first in range(0, len(pictures), _CHUNK):
        some = pictures[first : first + _CHUNK]
        contents = [find_content(picture).rgba for picture in some]
        both = np.stack([canvas for content in contents for canvas in _canvases(content)])  # (2 M, 2, S, S, 4)
        found = np.concatenate([_edges(both[:, way], _EDGE_CELLS) for way in (0, 1)], axis=1)
        alone = np.concatenate([_edges(both[:, way, ..., 3:], _OUTLINE_CELLS) for way in (0, 1)], axis=1)
        features = np.concatenate([found, alone], axis=1)
        even[first : first + len(some), :_SHAPES] = (features[0::2] + features[1::2]) / 2
        odd[first : first + len(some), :_SHAPES] = (features[0::2] - features[1::2]) / 2
        for row, content in enumerate(contents, start=first):
            even[row, _SHAPES:], odd[row, _SHAPES:] = patch_halves(content)
    return Halves(even, odd)


def _canvases(content: Picture) -> list[NDArray[np.float32]]:
    """The content's canvases and those of its mirror image, each (2, SIDE, SIDE, 4): shape kept, and stretched."""
    return [np.stack([_kept(way), _stretched(way)]) for way in (content, content[:, ::-1])]


def _premultiplied(content: Picture) -> NDArray[np.float32]:
    pixels = np.ascontiguousarray(content, np.float32) / np.float32(255)
    pixels[..., :3] *= pixels[..., 3:]
    return pixels


def _stretched(content: Picture) -> NDArray[np.float32]:
    if not content.size:
        return np.zeros((SIDE, SIDE, 4), np.float32)
    return _resized(_premultiplied(content), SIDE, SIDE)


def _kept(content: Picture) -> NDArray[np.float32]:
    result = np.zeros((SIDE, SIDE, 4), np.float32)
    if not content.size:
        return result
    height, width = content.shape[:2]
    scale = SIDE / max(height, width)
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    result[top : top + height, left : left + width] = _resized(_premultiplied(content), width, height)
    return result


def _resized(pixels: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    reduces = pixels.shape[1] >= width and pixels.shape[0] >= height
    # Linear to enlarge: the steps between enlarged pixels are no edges.
    method = cv2.INTER_AREA if reduces else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), np.float32)


def _edges(canvases: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """(M, cells * cells * BINS) histograms of (M, S, S, C) canvases."""
    count = len(canvases)
    dx, dy = np.zeros_like(canvases), np.zeros_like(canvases)
    dx[:, :, 1:-1] = canvases[:, :, 2:] - canvases[:, :, :-2]
    dy[:, 1:-1] = canvases[:, 2:] - canvases[:, :-2]
    if canvases.shape[-1] > 1:
        steepest = (dx * dx + dy * dy).argmax(axis=-1)[..., None]
        dx, dy = np.take_along_axis(dx, steepest, -1), np.take_along_axis(dy, steepest, -1)
    magnitude, angle = cv2.cartToPolar(dx.reshape(1, -1), dy.reshape(1, -1))
    places = np.flatnonzero(magnitude[0] > 1e-6)  # most of a sprite is flat
    strength, position = magnitude[0, places], angle[0, places] * np.float32(BINS / (2 * np.pi))
    low = position.astype(np.int64)
    turns = ((low % BINS, 1 - (position - low)), ((low + 1) % BINS, position - low))
    picture, pixel = np.divmod(places, SIDE * SIDE)
    rows, columns = np.divmod(pixel, SIDE)
    nearby, shares = _cells_near(cells)
    result = np.zeros(count * cells * cells * BINS)
    # Each pixel counts in the two nearest cells each way and the two nearest orientations.
    for down in (0, 1):
        for across in (0, 1):
            share = strength * shares[down][rows] * shares[across][columns]
            cell = ((picture * cells + nearby[down][rows]) * cells + nearby[across][columns]) * BINS
            for turn, part in turns:
                result += np.bincount(cell + turn, share * part, len(result))
    vectors = np.sqrt(np.maximum(result, 0)).astype(np.float32).reshape(count, -1)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _cells_near(cells: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(2, SIDE) the two cells nearest to a pixel's row or column, and (2, SIDE) its linear shares in them."""
    place = (np.arange(SIDE) + 0.5) * cells / SIDE - 0.5
    lower = np.floor(place).astype(np.int64)
    upper_share = place - lower
    shares = np.stack([(1 - upper_share) * (lower >= 0), upper_share * (lower + 1 < cells)]).astype(np.float32)
    return np.stack([np.maximum(lower, 0), np.minimum(lower + 1, cells - 1)]), shares
