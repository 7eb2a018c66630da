"""Handmade pictures with known pixels, byte by byte where it matters."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, depth: int, color_type: int, rows: list[bytes], *, before: bytes = b"", interlace: int = 0
) -> bytes:
    """Encode a PNG from its raw unfiltered rows; `before` are chunks between IHDR and IDAT."""
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlace)
    raw = b"".join(b"\0" + row for row in rows)
    body = chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def sprite(number: int, width: int = 24, height: int = 20) -> np.ndarray:
    """A unique RGBA sprite for each number: a coloured body with a hole on a transparent background."""
    random = np.random.default_rng(number)
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[3:-3, 4:-4] = (*random.integers(0, 256, 3), 255)
    rgba[6:9, 6:9] = (*random.integers(0, 256, 3), 255)
    rgba[10:12, 8:10] = 0
    rgba[4, 4] = (number & 255, number >> 8 & 255, number >> 16 & 255, 255)
    return rgba


def noise(side: int, seed: int = 0) -> np.ndarray:
    """A square opaque picture that cannot be compressed: about three bytes per pixel as PNG."""
    rgba = np.random.default_rng(seed).integers(0, 256, (side, side, 4), np.uint8)
    rgba[..., 3] = 255
    return rgba


def encoded(rgba: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, kind, **options)
    return stream.getvalue()


def sprite_png(number: int, **size: int) -> bytes:
    return encoded(sprite(number, **size))


def linear_profile() -> bytes:
    """A minimal ICC v2 matrix profile (ICC.1:2001-04, section 6.3.1.2) with sRGB's primaries and no gamma at all."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    name = b"linear test\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)  # no entries: the identity
    tags = {
        b"desc": description,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4360747, 0.2225045, 0.0139322),
        b"gXYZ": xyz(0.3850649, 0.7168786, 0.0971045),
        b"bXYZ": xyz(0.1430804, 0.0606169, 0.7141733),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, bodies = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for key, body in tags.items():
        body += bytes(-len(body) % 4)
        table += key + struct.pack(">II", start + len(bodies), len(body))
        bodies += body
    head = struct.pack(">I4sI4s4s4s", 0, b"test", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + xyz(0.9642, 1.0, 0.8249)[8:]
    head = head.ljust(128, b"\0")
    profile = head + struct.pack(">I", len(tags)) + table + bodies
    return struct.pack(">I", len(profile)) + profile[4:]


def exif(orientation: int, order: str = ">") -> bytes:
    """An EXIF block (from its TIFF header on) with only an orientation."""
    mark = b"MM" if order == ">" else b"II"
    return mark + struct.pack(f"{order}HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
