"""Find the visible content of a picture: use its alpha, detect plain backgrounds, trim margins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from gandam_studio.core.hashing.layout import TINY_PIXELS, Flag
from gandam_studio.core.hashing.reducing import halved_evenly

VISIBLE = 8  # alpha above this is visible; colours of other pixels are ignored
_OPAQUE = 250
_INVISIBLE = np.uint32(VISIBLE << 24 | 0xFFFFFF)  # the largest 32-bit value of an invisible pixel
_LONGEST_KEYED = 256  # pixels; in larger opaque pictures the background is detected at this size
_CLEAN, _RINGING = 20.0, 72.0  # largest channel difference (of 255) from a clean and from a compressed background
_UNEVEN = 40.0  # how far (of 255) the border's colours may lie from their plane
_BORDER_SHARE = 0.8  # share of the border that must match before a background is removed


@dataclass(frozen=True)
class Content:
    """The visible part of a picture.

    Attributes:
        rgba: (h, w, 4) uint8, trimmed; invisible pixels, including a removed background, are 0.
        box: its x, y, w, h in the picture.
        flags: OPAQUE, KEYED and BLANK as they apply.
    """

    rgba: np.ndarray
    box: tuple[int, int, int, int]
    flags: Flag


@dataclass(frozen=True)
class Contents:
    """The visible parts of N pictures of one size. Pixels are 32-bit words; alpha is the highest byte.

    Attributes:
        seen: (N, H, W) uint32: 0 where nothing is visible or the background was removed.
        wholes: (N, H, W) uint32: 0 where nothing is visible; backgrounds are kept.
        boxes: (N, 4) int64: x, y, w, h of the visible part; zeros for a blank picture.
        flags: (N,) int64: OPAQUE, KEYED and BLANK as they apply.
        solid: (N,) bool: whether every pixel of `wholes` is fully opaque.
    """

    seen: np.ndarray
    wholes: np.ndarray
    boxes: np.ndarray
    flags: np.ndarray
    solid: np.ndarray

    @property
    def untrimmed(self) -> bool:
        """Whether every content fills its whole picture."""
        return self.seen is self.wholes and bool((self.boxes[:, 2:] == self.seen.shape[:0:-1]).all())

    def content(self, index: int) -> Content:
        """Return one of them, trimmed."""
        x, y, w, h = self.boxes[index].tolist()
        words = np.array(self.seen[index, y : y + h, x : x + w], order="C")
        return Content(words.view(np.uint8).reshape(h, w, 4), (x, y, w, h), Flag(int(self.flags[index])))

    def cropped(self, members: list[int], height: int, width: int) -> np.ndarray:
        """Return (M, height, width) uint32: the contents of some pictures, top left aligned, padded with zeros."""
        if len(members) == 1:
            x, y, w, h = self.boxes[members[0]].tolist()
            if (w, h) == (width, height):
                return self.seen[members[0] : members[0] + 1, y : y + h, x : x + w]
        words = np.zeros((len(members), height, width), dtype=np.uint32)
        for place, (index, (x, y, w, h)) in enumerate(zip(members, self.boxes[members].tolist(), strict=True)):
            words[place, :h, :w] = self.seen[index, y : y + h, x : x + w]
        return words


def find_content(rgba: np.ndarray) -> Content:
    """Find the visible content of one (H, W, 4) uint8 picture; that of a blank picture is (0, 0, 4)."""
    if not rgba.size:
        return Content(np.zeros((0, 0, 4), dtype=np.uint8), (0, 0, 0, 0), Flag.BLANK)
    return find_contents(np.ascontiguousarray(rgba)[None]).content(0)


def find_contents(stack: np.ndarray) -> Contents:
    """Find the visible contents of (N, H, W, 4) uint8 pictures, C-contiguous, H and W at least 1."""
    words = stack.view(np.uint32)[..., 0]
    count, height, width = words.shape
    flags = np.zeros(count, dtype=np.int64)
    smallest = words.reshape(count, -1).min(axis=1)
    opaque = np.flatnonzero(smallest >= _OPAQUE << 24)
    flags[opaque] = int(Flag.OPAQUE)
    seen = wholes = words
    boxes = np.tile(np.array([0, 0, width, height], dtype=np.int64), (count, 1))
    keyable = opaque
    if len(opaque) < count:
        visible = words > _INVISIBLE
        # Canonical pixels have no colours under alpha 0: only nearly invisible ones are left to clear.
        if np.count_nonzero(words) > np.count_nonzero(visible):
            seen = wholes = words * visible
        boxes = _bounding_boxes(visible)
        # An opaque picture with room around it shows its background all the same.
        keyable = _opaque_boxes(words, boxes)
    for index in keyable.tolist():
        x, y, w, h = boxes[index].tolist()
        mask = background_mask(stack[index, y : y + h, x : x + w])
        if mask is not None:
            seen = wholes.copy() if seen is wholes else seen
            seen[index, y : y + h, x : x + w] *= ~mask
            flags[index] |= int(Flag.KEYED)
    if seen is not wholes:
        boxes = _bounding_boxes(np.asarray(seen != 0))
    flags[boxes[:, 2] == 0] |= int(Flag.BLANK)
    return Contents(seen, wholes, boxes, flags, smallest >= 0xFF << 24)


def _opaque_boxes(words: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Which of (N, H, W) pictures are opaque all over their (N, 4) boxes; their corners rule out most others."""
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + np.maximum(boxes[:, 2], 1) - 1, top + np.maximum(boxes[:, 3], 1) - 1
    every = np.arange(len(words))
    corners = [words[every, y, x] for y in (top, bottom) for x in (left, right)]
    likely = np.flatnonzero(np.minimum.reduce(corners) >= _OPAQUE << 24)
    inside = [words[i, y : y + h, x : x + w] for i, (x, y, w, h) in zip(likely, boxes[likely].tolist(), strict=True)]
    return likely[[bool(part.min() >= _OPAQUE << 24) for part in inside]] if len(likely) else likely


def _bounding_boxes(seen: np.ndarray) -> np.ndarray:
    """Return (N, 4) int64: x, y, w, h of the true region of each (H, W) mask; zeros if it is empty."""
    rows, columns = np.any(seen, axis=2), np.any(seen, axis=1)
    top, left = rows.argmax(axis=1), columns.argmax(axis=1)
    bottom = rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    right = columns.shape[1] - columns[:, ::-1].argmax(axis=1)
    boxes = np.stack([left, top, right - left, bottom - top], axis=1)
    boxes[~rows.any(axis=1)] = 0
    return boxes


def background_mask(rgba: np.ndarray) -> np.ndarray | None:
    """Return an (H, W) bool mask of the plain background of an opaque picture; None if it has no such background.

    The background is a colour or a linear gradient: a plane fitted to the border's colours, repeatedly, without the
    border pixels that lie off it. Only the region connected to the border counts, so a white area inside an outline
    is kept.
    """
    height, width = rgba.shape[:2]
    if min(height, width) < 8:
        return None
    scale = _LONGEST_KEYED / max(height, width)
    if scale < 1:
        size = (max(8, round(width * scale)), max(8, round(height * scale)))
        rgba = cv2.resize(halved_evenly(rgba, _LONGEST_KEYED), size, interpolation=cv2.INTER_AREA)
    rgb = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB))
    plane = _border_plane(rgb)
    if plane is None:
        return None
    distance = np.abs(rgb - plane).max(axis=2)
    mask = _connected_to_border((distance <= _tolerance(distance)).astype(np.uint8))
    mask = _without_specks(mask)
    share = mask.mean()
    if share < 0.02 or share > 0.998 or mask.size - np.count_nonzero(mask) < TINY_PIXELS:  # a texture's specks are left
        return None
    if scale < 1:
        mask = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return mask


def _border_plane(rgb: np.ndarray) -> np.ndarray | None:
    """Fit an (H, W, 3) float32 plane to the border's colours; None if too little of the border lies on it."""
    height, width = rgb.shape[:2]
    design = _border_design(height, width)
    colours = np.concatenate([rgb[0], rgb[-1], rgb[1:-1, 0], rgb[1:-1, -1]]).astype(np.float64)
    used = np.ones(len(colours), dtype=bool)
    for limit in (4 * _UNEVEN, 2 * _UNEVEN, _UNEVEN):
        # Normal equations: positions lie in [0, 1), so no precision is lost, and only 3 x 3 systems are solved.
        weighted = design.T * used
        solution, *_ = np.linalg.lstsq(weighted @ design, weighted @ colours, rcond=None)
        off = np.abs(colours - design @ solution).max(axis=1)
        used = off <= max(limit, _median(off))
    used = off <= _UNEVEN
    if used.mean() < _BORDER_SHARE:
        return None
    a, b, c = solution.astype(np.float32)
    return a + _spaced(height)[:, None, None] * b + _spaced(width)[:, None] * c


@lru_cache(maxsize=64)
def _border_design(height: int, width: int) -> np.ndarray:
    """Return (2 W + 2 H - 4, 3) float64: 1, y / H and x / W for each border pixel."""
    rows, columns = _spaced(height), _spaced(width)
    down = np.concatenate([np.zeros(width), np.full(width, rows[-1]), rows[1:-1], rows[1:-1]])
    across = np.concatenate([columns, columns, np.zeros(height - 2), np.full(height - 2, columns[-1])])
    return np.stack([np.ones(len(down)), down, across], axis=1)


def _median(values: np.ndarray) -> float:
    """Return the median; np.median takes ten times as long for so few values."""
    middle = len(values) // 2
    low, high = np.partition(values, (middle - 1, middle))[middle - 1 : middle + 1].tolist()
    return high if len(values) % 2 else (low + high) / 2


def _spaced(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32) / count


def _tolerance(distance: np.ndarray) -> float:
    """Return how far a background pixel may lie from the plane: further if the background has compression noise.

    Clean art has almost no pixels slightly off its background; JPEG at quality 30 rings by up to 70 around outlines.
    """
    noisy = np.count_nonzero((distance > 2) & (distance <= _CLEAN))
    return _RINGING if noisy > 0.03 * np.count_nonzero(distance <= _CLEAN) else _CLEAN


def _connected_to_border(near: np.ndarray) -> np.ndarray:
    """Return an (H, W) bool mask of the part of `near` (uint8 0/1) that is 4-connected to the border."""
    padded = cv2.copyMakeBorder(near, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(padded, connectivity=4, ltype=cv2.CV_32S)
    return labels[1:-1, 1:-1] == labels[0, 0]


def _without_specks(mask: np.ndarray) -> np.ndarray:
    """Return the background mask with specks of foreground (compression noise, stray pixels) added to it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return mask | (areas < max(3, 0.01 * areas.max()))[labels] & ~mask
