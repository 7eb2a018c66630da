"""Fingerprints: all the search for duplicates needs to know about a picture, without decoding it again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

from gandam_studio.core.hashing.content import Contents, find_contents
from gandam_studio.core.hashing.digest import pixel_digests
from gandam_studio.core.hashing.layout import (
    COLUMNS,
    HALVES,
    SKETCH,
    TINY_PIXELS,
    Column,
    Flag,
    pack_boxes,
    packed_sketches,
)
from gandam_studio.core.hashing.reducing import LONGEST, reduced_tones
from gandam_studio.core.hashing.sketching import sketches
from gandam_studio.core.hashing.spectral import coefficients, padded_size, sign_words

_FULL = 0.985  # a content that covers more of its box than this has no meaningful silhouette
_FLAT = 3.0  # standard deviation (of 255) of the brightness; a smaller one is a flat tone
_CHUNK = 256  # pictures processed at once; contents of similar size share one call, so larger chunks are faster
# The flags of a blank picture: nothing to compare, and equal to its mirror image.
_BLANK_FLAGS = int(
    Flag.BLANK
    | Flag.NO_SILHOUETTE
    | Flag.NO_INTERIOR
    | Flag.TINY
    | Flag.SYMMETRIC_SILHOUETTE
    | Flag.SYMMETRIC_INTERIOR
    | Flag.SYMMETRIC_WHOLE
)


def fingerprint_batch(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return fingerprints of (H, W, 4) uint8 RGBA pictures of any size: (N, COLUMNS) uint64, in the same order.

    `layout` describes the columns. A row depends only on its picture, not on the batch. Raises ValueError for an
    array of another shape or type.
    """
    # Pictures of one size are processed as one array: most sets of sprites have a single size.
    sizes: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, picture in enumerate(pictures):
        if picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
            raise ValueError(f"a picture must be (H, W, 4) uint8, not {picture.shape} {picture.dtype}")
        sizes[picture.shape[:2]].append(index)
    rows = np.zeros((len(pictures), COLUMNS), dtype=np.uint64)
    for (height, width), members in sizes.items():
        if not height * width:
            rows[members, Column.FLAGS] = _BLANK_FLAGS
            continue
        for start in range(0, len(members), _chunk(height, width)):
            part = members[start : start + _chunk(height, width)]
            # Concatenated along the first axis: three times as fast as np.stack for small pictures.
            joined = pictures[part[0]] if len(part) == 1 else np.concatenate([pictures[index] for index in part])
            rows[part] = _of_chunk(np.ascontiguousarray(joined).reshape(len(part), height, width, 4))
    return rows


def fingerprint_stack(stack: np.ndarray) -> np.ndarray:
    """`fingerprint_batch` for N pictures of one size, (N, H, W, 4) uint8, contiguous, H and W at least 1."""
    count, height, width = stack.shape[:3]
    step = _chunk(height, width)
    if count <= step:
        return _of_chunk(stack)
    return np.concatenate([_of_chunk(stack[start : start + step]) for start in range(0, count, step)])


def _chunk(height: int, width: int) -> int:
    """How many pictures of a size are processed at once. Large ones are processed singly, to bound memory."""
    return _CHUNK if max(height, width) <= LONGEST else 1


def _of_chunk(stack: np.ndarray) -> np.ndarray:
    """`fingerprint_stack` for one chunk; a large picture must be the only one."""
    count, height, width = stack.shape[:3]
    contents = find_contents(stack)
    rows = np.zeros((count, COLUMNS), dtype=np.uint64)
    rows[:, Column.BOX] = pack_boxes(contents.boxes)
    rows[:, Column.SIZE] = width << 32 | height
    flags = contents.flags
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    shown = []
    for index, (_, _, w, h) in enumerate(contents.boxes.tolist()):
        if w:
            shown.append(index)
            groups[padded_size(h, w)].append(index)
        else:
            flags[index] |= _BLANK_FLAGS
    if shown:
        rows[shown, SKETCH] = packed_sketches(sketches(contents.wholes))[shown]
        wholes = contents.wholes if len(shown) == len(flags) else contents.wholes[shown]
        if max(height, width) > LONGEST:  # a chunk of one picture
            wholes = reduced_tones(wholes[0], solid=bool(contents.solid[0]))[None]
        for size, members in groups.items():
            flags[members] |= _describe_looks(contents, wholes, size, members, rows)
        keyed = np.flatnonzero((flags & (Flag.OPAQUE | Flag.KEYED)) == Flag.OPAQUE | Flag.KEYED)
        if len(keyed):
            # Of an opaque picture an edge is cut off as it is, whatever was taken for background in it.
            entire = np.full(len(keyed), height), np.full(len(keyed), width)
            rows[keyed, HALVES[0] : HALVES[-1] + 1] = pixel_digests(contents.wholes[keyed], *entire)[2]
        words, symmetric = _look_of_wholes(wholes)
        rows[shown, Column.WHOLE_EVEN : Column.WHOLE_ODD + 1] = words
        flags[shown] |= symmetric * int(Flag.SYMMETRIC_WHOLE)
    rows[:, Column.FLAGS] |= flags.astype(np.uint64)
    return rows


def _describe_looks(
    contents: Contents, wholes: np.ndarray, size: tuple[int, int], members: list[int], rows: np.ndarray
) -> np.ndarray:
    """Fill in the digests, visible pixels and hashes of contents of one `padded_size`; return their (M,) int64 flags.

    `wholes` (reduced, for a large picture) is used for a content that fills its whole picture.
    """
    widths, heights = contents.boxes[members, 2], contents.boxes[members, 3]
    large = max(widths[0], heights[0]) > LONGEST  # a chunk of one picture
    words = contents.cropped(members, *((int(heights[0]), int(widths[0])) if large else size))
    straight, turned, halves = pixel_digests(words, heights, widths)
    rows[members, Column.PIXELS], rows[members, Column.PIXELS_MIRRORED] = straight, turned
    rows[members, HALVES[0] : HALVES[-1] + 1] = halves
    if large:
        solid = bool(contents.solid[members[0]]) and contents.untrimmed
        visible = heights * widths if solid else np.array([cv2.countNonZero(words[0].view(np.int32))])
    else:
        channels = _channels(words)
        # Invisible pixels are all zero, and visible ones have an alpha above 0.
        visible = np.count_nonzero(channels[0].reshape(len(members), -1), axis=1)
    rows[members, Column.FLAGS] = np.minimum(visible, 0xFFFFFFFF).astype(np.uint64) << np.uint64(32)
    flags = (visible < TINY_PIXELS) * int(Flag.TINY)
    flags |= (visible > _FULL * heights * widths) * int(Flag.NO_SILHOUETTE)
    if large:
        words = wholes if contents.untrimmed else reduced_tones(words[0])[None]
        heights, widths = np.array(words.shape[1:2]), np.array(words.shape[2:])
        channels = _channels(words)
    planes, spread = _planes(*channels)
    flags |= (spread < _FLAT) * int(Flag.NO_INTERIOR)
    mirrored = np.zeros((*planes.shape[:3], (planes.shape[3] + 1) // 2), dtype=np.float32)
    for index, (h, w) in enumerate(zip(heights.tolist(), widths.tolist(), strict=True)):
        half = (w + 1) // 2
        mirrored[index, :, :h, :half] = planes[index, :, :h, w - half : w][..., ::-1]
    found, zero = sign_words(coefficients(planes, mirrored, heights, widths))
    rows[members, Column.SILHOUETTE_EVEN : Column.INTERIOR_ODD + 1] = found.reshape(len(members), 4)
    flags |= zero[:, 0, 1] * int(Flag.SYMMETRIC_SILHOUETTE)
    return flags | zero[:, 1, 1] * int(Flag.SYMMETRIC_INTERIOR)


def _planes(opacity: np.ndarray, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the opacity and interior brightness of (N, H, W) contents, given their `_channels`.

    (N, 2, H, W) float32 whole numbers, and the (N,) standard deviations of the brightness.

    The brightness is relative to its mean and multiplied by the opacity, so that invisible pixels are 0 and the
    silhouette's edge does not show up in the interior. Grey is computed in fixed point and summed in whole numbers,
    so the mirrored picture has exactly the mirrored planes.
    """
    count, height, width = grey.shape
    planes = np.empty((count, 2, height, width), dtype=np.float32)
    planes[:, 0], planes[:, 1] = opacity, grey
    inside, brightness = planes.reshape(count, 2, -1).transpose(1, 0, 2)
    pixels = np.maximum(np.count_nonzero(opacity.reshape(count, -1), axis=1), 1)
    # Invisible pixels are black, so a sum over all pixels is the sum over the visible ones. All are whole numbers: the
    # sums of rows of at most LONGEST pixels are exact in float32, their totals in float64.
    total = np.einsum("nyx->ny", planes[:, 1]).sum(axis=1, dtype=np.float64)
    squares = np.einsum("nyx,nyx->ny", planes[:, 1], planes[:, 1]).sum(axis=1, dtype=np.float64)
    mean = total / pixels
    brightness -= np.rint(mean).astype(np.float32)[:, None]
    brightness *= inside
    return planes, np.sqrt(np.maximum(squares / pixels - mean * mean, 0))


def _look_of_wholes(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sign words of (N, H, W) untrimmed pictures: (N, 2) even and odd, and (N,) bool for symmetric ones.

    Pictures are composited on white and inverted, so that white contributes nothing.
    """
    count, height, width = words.shape
    opacity, grey = _channels(words)
    dark = np.empty((count * height, width), dtype=np.float32)
    np.multiply(np.invert(grey, out=grey).reshape(dark.shape), opacity.reshape(dark.shape), out=dark, dtype=np.float32)
    half = (width + 1) // 2
    mirrored = np.asarray(cv2.flip(dark[:, width - half :], 1)).reshape(count, 1, height, half)
    planes = dark.reshape(count, 1, height, width)
    sizes = np.full(count, height), np.full(count, width)
    found, zero = sign_words(coefficients(planes, mirrored, *sizes))
    return found[:, 0], zero[:, 0, 1]


def _channels(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return opacity and brightness (Rec. 601, fixed point) of (N, H, W) uint32 RGBA words: two (N, H, W) uint8."""
    tall = np.ascontiguousarray(words).view(np.uint8).reshape(-1, words.shape[2], 4)
    opacity, grey = cv2.extractChannel(tall, 3), cv2.cvtColor(tall, cv2.COLOR_RGBA2GRAY)
    return np.asarray(opacity).reshape(words.shape), np.asarray(grey).reshape(words.shape)
