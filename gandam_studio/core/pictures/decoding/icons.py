"""Windows icons and cursors (ICO, CUR): every size in the file, the largest first.

A picture in them is a PNG, or a bitmap without a file header, followed by a mask of the transparent pixels.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from gandam_studio.core.pictures.decoding import png
from gandam_studio.core.pictures.decoding.binary import Reader
from gandam_studio.core.pictures.decoding.colour import rgb_to_srgb
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

Pixels = NDArray[np.uint8]

_PNG = b"\x89PNG\r\n\x1a\n"
_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_DEPTHS = (1, 4, 8, 16, 24, 32)
_MOST = 1024  # pictures in one file


@dataclass(frozen=True)
class _Entry:
    width: int
    height: int
    depth: int
    data: memoryview


class Icon:
    """An opened icon or cursor: a `sequences.Sequence` of its sizes.

    Attributes:
        count: number of pictures.
        first: always 0.
        size: (width, height) of the largest, in pixels.
    """

    first = 0

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._limits = limits
        reader = Reader(data, "<")
        _, kind, count = reader.numbers("HHH")
        if not 1 <= count <= _MOST:
            name = "a CUR" if kind == 2 else "an ICO"
            raise UnreadablePicture(f"{name} file of {count:,} pictures")
        found = []
        for _ in range(count):
            width, height, _, _, _, bits, _, offset = reader.numbers("BBBBHHII")
            if offset >= len(data):
                raise UnreadablePicture("truncated")
            body = memoryview(data)[offset:]  # the size in the directory is often wrong
            entry = _entry(body, width or 256, height or 256, bits if kind == 1 else 0)
            limits.check_size(entry.width, entry.height)
            found.append(entry)
        # The largest is the first; of two of one size, the one with more colours.
        self._entries = sorted(found, key=lambda entry: (-entry.width * entry.height, -entry.depth))
        self.count = len(self._entries)
        self.size = self._entries[0].width, self._entries[0].height

    def frame(self, index: int) -> Pixels:
        """Decode picture `index`, by size: (H, W, 4) RGBA uint8. Raises UnreadablePicture."""
        if not 0 <= index < self.count:
            raise UnreadablePicture(f"the icon has no frame={index}")
        entry = self._entries[index]
        return _png(entry, self._limits) if bytes(entry.data[:8]) == _PNG else _bitmap(entry)

    def tags(self, index: int) -> tuple[str, ...]:
        """Return no names: an icon has none."""
        return ()


def _entry(body: memoryview, width: int, height: int, bits: int) -> _Entry:
    """Return a picture with its size from its own header, which is right where the directory is not."""
    if bytes(body[:8]) == _PNG:
        reader = Reader(body, ">", 16)
        width, height = reader.numbers("II")
        return _Entry(width, height, bits or 32, body)
    reader = Reader(body, "<")
    head = reader.number("I")
    if len(body) < head <= _HEADERS[-1]:
        raise UnreadablePicture("truncated")
    if head not in _HEADERS:
        raise UnreadablePicture("an icon with a picture that is neither PNG nor bitmap")
    width, tall, _, depth = reader.numbers("HHHH") if head == 12 else reader.numbers("iiHH")
    if depth not in _DEPTHS:
        raise UnreadablePicture("an icon with impossible values")
    # The height counts the mask too.
    return _Entry(width, abs(tall) // 2, depth, body)


def _png(entry: _Entry, limits: Limits) -> Pixels:
    data = bytes(entry.data)
    header = png.read_header(data, limits)
    return rgb_to_srgb(png.decode_pixels(data, header), header.profile)


def _bitmap(entry: _Entry) -> Pixels:
    """Decode the colours with the bitmap decoder of Pillow, and the mask that follows them."""
    head = int.from_bytes(entry.data[:4], "little")
    body = bytearray(entry.data)
    if head == 12:
        struct.pack_into("<H", body, 6, entry.height)
        compression = used = 0
    else:
        tall = struct.unpack_from("<i", body, 8)[0]
        struct.pack_into("<i", body, 8, entry.height if tall > 0 else -entry.height)
        compression, _, _, _, used = struct.unpack_from("<IIiiI", body, 16)
    if compression not in (0, 3):
        raise UnreadablePicture("an icon with a compressed bitmap: not supported")
    entries = (used or 1 << entry.depth) if entry.depth <= 8 else used
    masks = 12 if compression == 3 and head == 40 else 0
    start = head + masks + min(entries, 1 << 16) * (3 if head == 12 else 4)
    stride = -(-entry.width * entry.depth // 32) * 4
    if len(body) < start + stride * entry.height:
        raise UnreadablePicture("truncated")
    stop = start + stride * entry.height
    if entry.depth == 32 and compression == 0:
        rows = np.frombuffer(bytes(body[start:stop]), np.uint8).reshape(entry.height, entry.width, 4)
        rgba = rows[::-1, :, [2, 1, 0, 3]].copy()
        if rgba[..., 3].any():
            return rgba
    else:
        header = b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + start)
        try:
            with Image.open(io.BytesIO(header + bytes(body[:stop])), formats=("BMP", "DIB")) as image:
                rgba = np.array(image.convert("RGBA"))
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
            raise UnreadablePicture("damaged: its pixels cannot be decoded") from None
        if rgba.shape[:2] != (entry.height, entry.width):
            raise UnreadablePicture("damaged: its pixels do not fill its size")
    rgba[..., 3] = _opacity(bytes(body[stop:]), entry)
    return rgba


def _opacity(data: bytes, entry: _Entry) -> Pixels:
    """Return alpha from the mask, in which set bits are transparent; opaque where there is no mask."""
    stride = -(-entry.width // 32) * 4
    if len(data) < stride * entry.height:
        return np.full((entry.height, entry.width), 255, np.uint8)
    rows = np.frombuffer(data, np.uint8, stride * entry.height).reshape(entry.height, stride)[::-1]
    return np.asarray((1 - np.unpackbits(rows, axis=1)[:, : entry.width]) * np.uint8(255))
