"""Write pictures as PNG files."""

from __future__ import annotations

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageFile

from gandam_studio.core.pictures.orienting import Pixels

_LEVEL = 6
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_MODES = {3: ("RGB", 2), 4: ("RGBA", 6)}  # channels -> Pillow's mode, PNG's colour type


def png_bytes(pixels: Pixels) -> bytes:
    """(H, W, C) uint8, C = 3 or 4, as a PNG; the same bytes for the same pixels and libraries."""
    return (_framed(pixels) if _is_known() else None) or _saved(pixels)


def _saved(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", compress_level=_LEVEL)
    return stream.getvalue()


def _framed(pixels: Pixels) -> bytes | None:
    """`_saved` by Pillow's encoder alone, in our own chunks, which saves an eighth; None for more than one of data."""
    height, width, channels = pixels.shape
    mode, kind = _MODES[channels]
    image = Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).data)
    data = image.tobytes("zip", mode, False, _LEVEL, -1, b"")
    if len(data) >= ImageFile.MAXBLOCK:
        return None
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    data = b"IDAT" + data
    return b"".join((_SIGNATURE, b"\0\0\0\r", header, _crc(header), _SIZE.pack(len(data) - 4), data, _crc(data), _END))


_SIZE = struct.Struct(">I")


def _crc(chunk: bytes) -> bytes:
    return _SIZE.pack(zlib.crc32(chunk))


@functools.cache
def _is_known() -> bool:
    """Whether Pillow's encoder takes what it is given here; that is no part of what Pillow documents."""
    tried = np.arange(9 * 7 * 4, dtype=np.uint8).reshape(9, 7, 4)
    try:
        return all(_framed(tried[..., :channels]) == _saved(tried[..., :channels]) for channels in _MODES)
    except (TypeError, ValueError, OSError, RuntimeError):
        return False
