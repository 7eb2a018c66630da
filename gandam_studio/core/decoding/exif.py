"""The orientation in an EXIF block: one number, read without trusting anything else in the block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112
_MAXIMUM_ENTRIES = 512


def orientation(block: bytes) -> int:
    """EXIF 2.32, tag 0x0112 of the first directory: 1 to 8; 1 when absent or the block is broken.

    `block` starts at the TIFF header, with or without the "Exif" prefix of a JPEG.
    """
    if block[:6] == b"Exif\x00\x00":
        block = block[6:]
    order = {b"II": "little", b"MM": "big"}.get(block[:2])
    if order is None or len(block) < 14:
        return 1

    def number(offset: int, size: int) -> int:
        return int.from_bytes(block[offset : offset + size], order)  # type: ignore[arg-type]

    directory = number(4, 4)
    for index in range(min(number(directory, 2), _MAXIMUM_ENTRIES)):
        entry = directory + 2 + 12 * index
        if entry + 12 > len(block):
            break
        if number(entry, 2) == _ORIENTATION:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 1
    return 1


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn (H, W, C) pixels as stored into the picture as meant, for an EXIF orientation of 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
