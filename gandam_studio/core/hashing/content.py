"""What of a picture is the sprite: transparency respected, plain backgrounds recognised, margins trimmed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gandam_studio.core.hashing.layout import Flag

VISIBLE = 8  # opacity above this is seen; invisible colours under the rest never count
_OPAQUE = 250
_LONGEST_KEYED = 256  # larger opaque pictures are searched for a background at this size
_CLEAN, _RINGING = 20.0, 72.0  # greatest channel difference (of 255) from a clean and from a compressed background
_UNEVEN = 40.0  # how far a border's colours may lie off their plane
_BORDER_SHARE = 0.8  # of the border must look like background before any is taken away


@dataclass(frozen=True)
class Content:
    """The visible part of a picture.

    Attributes:
        rgba: (h, w, 4) uint8, trimmed; colours under invisible pixels are 0, and what was keyed out is invisible.
        box: x, y, w, h of it in the picture.
        flags: OPAQUE, KEYED and BLANK as they apply.
    """

    rgba: np.ndarray
    box: tuple[int, int, int, int]
    flags: Flag


def find_content(rgba: np.ndarray) -> Content:
    """The visible content of one (H, W, 4) uint8 picture; a blank picture gives an empty (0, 0, 4) one."""
    if not rgba.size:
        return Content(np.zeros((0, 0, 4), dtype=np.uint8), (0, 0, 0, 0), Flag.BLANK)
    rgba = np.ascontiguousarray(rgba)
    alpha = cv2.extractChannel(rgba, 3)
    found = Flag(0)
    if cv2.minMaxLoc(alpha)[0] >= _OPAQUE:
        found = Flag.OPAQUE
        mask = background_mask(rgba)
        if mask is not None:
            found = Flag.OPAQUE | Flag.KEYED
            alpha[mask] = 0
    seen = cv2.threshold(alpha, VISIBLE, 0, cv2.THRESH_TOZERO)[1]
    x, y, width, height = cv2.boundingRect(seen)
    if not width:
        return Content(np.zeros((0, 0, 4), dtype=np.uint8), (0, 0, 0, 0), found | Flag.BLANK)
    shown = seen[y : y + height, x : x + width] > 0
    # One 32-bit word a pixel: colours under what is invisible become 0 in one go.
    words = rgba.view(np.uint32)[y : y + height, x : x + width, 0] * shown
    return Content(words.view(np.uint8).reshape(height, width, 4), (x, y, width, height), found)


def background_mask(rgba: np.ndarray) -> np.ndarray | None:
    """(H, W) bool, true where an opaque picture shows its plain background; None when it has none to speak of.

    The background is a colour or an even gradient: a plane fitted to the border's colours, twice, the second time
    without the border pixels that lie off it. It reaches inwards as far as it is connected, so a white belly inside
    an outline stays.
    """
    height, width = rgba.shape[:2]
    if min(height, width) < 8:
        return None
    scale = _LONGEST_KEYED / max(height, width)
    rgb = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB))
    if scale < 1:
        size = (max(8, round(width * scale)), max(8, round(height * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    plane = _border_plane(rgb)
    if plane is None:
        return None
    distance = np.abs(rgb - plane).max(axis=2)
    mask = _connected_to_border((distance <= _tolerance(distance)).astype(np.uint8))
    mask = _without_specks(mask)
    share = mask.mean()
    if share < 0.02 or share > 0.998:
        return None
    if scale < 1:
        mask = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return mask


def _border_plane(rgb: np.ndarray) -> np.ndarray | None:
    """(H, W, 3) float32 plane through the border's colours, or None when the border is not nearly all on one."""
    height, width = rgb.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    edge = np.zeros((height, width), dtype=bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    design = np.stack([np.ones(edge.sum()), rows[edge] / height, columns[edge] / width], axis=1)
    colours = rgb[edge].astype(np.float64)
    used = np.ones(len(colours), dtype=bool)
    for limit in (4 * _UNEVEN, 2 * _UNEVEN, _UNEVEN):
        solution, *_ = np.linalg.lstsq(design[used], colours[used], rcond=None)
        off = np.abs(colours - design @ solution).max(axis=1)
        used = off <= max(limit, float(np.median(off)))
    used = off <= _UNEVEN
    if used.mean() < _BORDER_SHARE:
        return None
    a, b, c = solution.astype(np.float32)
    return a + rows[..., None] / height * b + columns[..., None] / width * c


def _tolerance(distance: np.ndarray) -> float:
    """How far from the background still is background: more where compression has made it restless.

    Clean art has next to no pixels a little off its background; JPEG at quality 30 rings by up to 70 around outlines.
    """
    restless = np.count_nonzero((distance > 2) & (distance <= _CLEAN))
    return _RINGING if restless > 0.03 * np.count_nonzero(distance <= _CLEAN) else _CLEAN


def _connected_to_border(near: np.ndarray) -> np.ndarray:
    """(H, W) bool: the part of `near` (uint8 0/1) that touches the border, 4-connected."""
    padded = cv2.copyMakeBorder(near, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(padded, connectivity=4, ltype=cv2.CV_32S)
    return labels[1:-1, 1:-1] == labels[0, 0]


def _without_specks(mask: np.ndarray) -> np.ndarray:
    """The background with specks of foreground (compression noise, stray pixels) given back to it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return mask | (areas < max(3, 0.01 * areas.max()))[labels] & ~mask
