"""The first entry of a file's palette, which many games take for transparent, in still pictures and in animations."""

from __future__ import annotations

import contextlib
import zlib
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding import canonical, pcx, pillow, sequences
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, Limits

_PALETTED = ("png", "gif", "bmp", "tga", "pcx")
_FLIP = bytes(value ^ 0x80 for value in range(256))
_FIRST = 3  # bytes of the first entry


class FirstEntry:
    """Makes the pixels of the palette's first entry transparent, in the frames of one file. A context manager.

    Of an animation those pixels count that come out otherwise when the entry is changed: frames are laid over each
    other, and only the result can be seen. Frames are best asked for in their order.
    """

    def __init__(self, data: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
        self._data = data
        self._limits = limits
        self._stack = contextlib.ExitStack()
        self._kind = ""
        self._changed: sequences.Sequence | None = None
        self._still: NDArray[np.bool_] | None = None
        self._is_open = False

    def __enter__(self) -> FirstEntry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def without(self, rgba: NDArray[np.uint8], frame: int = 0) -> NDArray[np.uint8] | None:
        """Return a copy of frame `frame`, (H, W, 4) RGBA as decoded, with the entry's pixels made transparent.

        None where the file has no palette. Raises UnreadablePicture.
        """
        if not self._is_open:
            self._open()
        first = self._still
        if self._changed is not None:
            other = self._changed.frame(frame)
            first = (other != rgba).any(axis=2) if other.shape == rgba.shape else None
        if first is None or first.shape != rgba.shape[:2]:
            return None
        rgba = rgba.copy()
        rgba[first] = 0
        return rgba

    def _open(self) -> None:
        self._is_open = True
        kind = canonical.picture_kind(self._data, self._limits)
        if kind not in _PALETTED:
            return
        if kind == "pcx":
            indices = pcx.indices(self._data, self._limits)
            self._still = None if indices is None else indices == 0
            return
        with pillow.opened(self._data, kind, self._limits) as image:
            moves = getattr(image, "n_frames", 1) > 1
            if not moves and image.mode == "P":
                self._still = np.asarray(image) == 0
        changed = _changed(self._data, kind) if moves else None
        if changed is not None:
            self._changed = self._stack.enter_context(canonical.opened(changed, kind, self._limits))


def without_index_0(
    data: bytes, rgba: NDArray[np.uint8], limits: Limits = DEFAULT_LIMITS, frame: int = 0
) -> NDArray[np.uint8] | None:
    """As `FirstEntry.without`, for one frame."""
    with FirstEntry(data, limits) as entry:
        return entry.without(rgba, frame)


def _changed(data: bytes, kind: str) -> bytes | None:
    """Return an animation with another colour in the first entry of its palettes; None if it has no palette."""
    changed = bytearray(data)
    places = _gif_palettes(data) if kind == "gif" else _png_palettes(data)
    for place in places:
        changed[place : place + _FIRST] = changed[place : place + _FIRST].translate(_FLIP)
    if kind == "png":
        for place in places:
            length = int.from_bytes(changed[place - 8 : place - 4], "big")
            crc = zlib.crc32(changed[place - 4 : place + length])
            changed[place + length : place + length + 4] = crc.to_bytes(4, "big")
    return bytes(changed) if places else None


def _gif_palettes(data: bytes) -> list[int]:
    """Where the colour tables of a GIF begin (GIF89a, sections 18 to 21)."""
    places = []
    position = 13
    if data[10] & 0x80:
        places.append(position)
        position += _table_size(data[10])
    while position < len(data):
        block = data[position]
        if block == 0x2C and position + 10 < len(data):
            flags = data[position + 9]
            position += 10
            if flags & 0x80:
                places.append(position)
                position += _table_size(flags)
            position = _after_blocks(data, position + 1)
        elif block == 0x21:
            position = _after_blocks(data, position + 2)
        elif block == 0x3B:
            break
        else:
            position += 1  # as Pillow does
    return [place for place in places if place + _FIRST <= len(data)]


def _table_size(flags: int) -> int:
    return 3 << ((flags & 7) + 1)


def _after_blocks(data: bytes, position: int) -> int:
    while position < len(data) and data[position]:
        position += data[position] + 1
    return position + 1


def _png_palettes(data: bytes) -> list[int]:
    """Where the palette of a PNG begins; its chunks have been checked."""
    if data[25] != 3:
        return []  # with full colours it is only a suggestion
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        if kind == b"PLTE" and length >= _FIRST:
            return [position + 8]
        if kind == b"IEND":
            break
        position += 12 + length
    return []
