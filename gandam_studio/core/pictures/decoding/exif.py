"""Read the orientation, and nothing else, from EXIF, XMP and PNG text. The data is not trusted."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112
_MAXIMUM_ENTRIES = 512
_LONGEST_TEXT = 1 << 20
_XMP_PREFIX = re.compile(rb"xmlns:([A-Za-z_][\w.-]*)\s*=\s*[\"']http://ns\.adobe\.com/tiff/1\.0/[\"']")


def orientation(block: bytes, xmp: bytes = b"") -> int:
    """Return the orientation (1 to 8) from an EXIF block, else from an XMP packet, else 1."""
    return in_exif(block) or in_xmp(xmp) or 1


def in_xmp(packet: bytes) -> int:
    """Return the TIFF namespace's Orientation in an XMP packet in UTF-8: 1 to 8, or 0 if there is none."""
    if not packet:
        return 0
    named = _XMP_PREFIX.search(packet)
    prefix = re.escape(named[1] if named else b"tiff")
    found = re.search(prefix + rb":Orientation(?:\s*=\s*[\"']|[^<>]*>)\s*([1-8])\s*[\"'<]", packet)
    return int(found[1]) if found else 0


def in_exif(block: bytes) -> int:
    """Return tag 0x0112 (EXIF 2.32) of the first directory: 1 to 8, or 0 if it is absent or the block is broken.

    `block` starts at the TIFF header, with or without the "Exif" prefix of a JPEG.
    """
    if block[:6] == b"Exif\x00\x00":
        block = block[6:]
    order = {b"II": "little", b"MM": "big"}.get(block[:2])
    if order is None or len(block) < 14:
        return 0

    def number(offset: int, size: int) -> int:
        return int.from_bytes(block[offset : offset + size], order)  # type: ignore[arg-type]

    directory = number(4, 4)
    for index in range(min(number(directory, 2), _MAXIMUM_ENTRIES)):
        entry = directory + 2 + 12 * index
        if entry + 12 > len(block):
            break
        if number(entry, 2) == _ORIENTATION:
            value = number(entry + 8, 2)
            return value if 1 <= value <= 8 else 0
    return 0


def in_png_texts(texts: Sequence[tuple[bytes, bytes]]) -> int:
    """Return the orientation from EXIF or XMP in PNG text chunks (kind, body): 1 to 8, or 0 if there is none."""
    xmp = 0
    for kind, body in texts:
        data = _metadata(kind, body)
        if data.startswith((b"Exif\0", b"II", b"MM")):
            if found := in_exif(data):
                return found
        else:
            xmp = xmp or in_xmp(data)
    return xmp


def _metadata(kind: bytes, body: bytes) -> bytes:
    """Return the EXIF block or XMP packet in a text chunk; b"" if it is broken."""
    keyword, _, rest = body.partition(b"\0")
    packed = kind == b"zTXt"
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, _LONGEST_TEXT)
        except zlib.error:
            return b""
    if not keyword.startswith(b"Raw profile type"):
        return rest
    # ImageMagick's format: a name and a length, each on its own line, then hexadecimal digits.
    try:
        return bytes.fromhex(b"".join(rest.split()[2:]).decode("ascii"))
    except ValueError:
        return b""


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Transform (H, W, C) pixels as stored to the upright picture, for an EXIF orientation of 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
