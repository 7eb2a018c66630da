"""What travels between the facing assistant and its worker with torch: canvases there, halves of features back."""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCKS = (8, 11, 15)
"""Blocks of EfficientNet-Lite0 whose outputs are looked at."""
SIDE = 128
"""Pixels of a canvas: the content of a sprite on white, in its middle, its shape kept."""
CELLS = 4
"""Cells a side that outputs are pooled to; halves of features keep the left half of them."""
DIMENSIONS = (80 + 112 + 192) * CELLS * CELLS // 2
"""Numbers of a half."""

Canvases = np.ndarray[Any, np.dtype[np.uint8]]
Halves = np.ndarray[Any, np.dtype[np.float32]]


def pack_canvases(canvases: Canvases) -> bytes:
    """(N, SIDE, SIDE, 3) uint8."""
    return np.ascontiguousarray(canvases, np.uint8).tobytes()


def unpack_canvases(frame: bytes) -> Canvases:
    """The opposite of `pack_canvases`."""
    return np.frombuffer(frame, np.uint8).reshape(-1, SIDE, SIDE, 3)


def pack_halves(halves: Halves) -> bytes:
    """(N, 2, DIMENSIONS), even and odd."""
    return np.ascontiguousarray(halves, "<f4").tobytes()


def unpack_halves(frame: bytes, count: int) -> Halves:
    """The opposite of `pack_halves`. Raises ValueError for other than `count` pictures, or numbers that are none."""
    found = np.frombuffer(frame, "<f4").reshape(count, 2, DIMENSIONS).astype(np.float32)
    if not np.isfinite(found).all():
        raise ValueError("a feature is no number")
    return found
