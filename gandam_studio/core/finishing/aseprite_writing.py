"""Aseprite documents, by Aseprite's file specification (docs/ase-file-specs.md): one layer, a frame a picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.palette import Palette, packed

Pixels = NDArray[np.uint8]

MOST_FRAMES = 65_535
MOST_INDEXED = 255  # colours beside the transparent one
LONGEST_TEXT = 65_535  # bytes
_LAYER, _CEL, _PROFILE, _PALETTE, _USER_DATA = 0x2004, 0x2005, 0x2007, 0x2019, 0x2020
_COMPRESSED = 2
_SRGB = 1
_LEVEL = 9


def aseprite_bytes(
    pictures: Sequence[Pixels], palette: Palette, *, names: Sequence[str] = (), about: str = "", frame_ms: int = 100
) -> bytes:
    """Pictures (H, W, 4) of one size as a document that opens in Aseprite and LibreSprite.

    It is indexed where that keeps every pixel: all are clear or opaque, in the palette, and that has at most 255
    colours. Its first entry is the transparent one then. Otherwise it is RGBA, with the palette beside it.

    Args:
        pictures: frames, at most 65,535.
        palette: in this order.
        names: noted at the frames' cels as user data, "" for none. about: noted at the layer.
        frame_ms: how long a frame is shown.

    Raises UserError for no pictures, or too many.
    """
    if not pictures or len(pictures) > MOST_FRAMES:
        raise UserError(f"an Aseprite document has from 1 to {MOST_FRAMES:,} frames, not {len(pictures):,}")
    height, width = pictures[0].shape[:2]
    indexed = [_indices(picture, palette) for picture in pictures]
    is_indexed = len(palette.colours) <= MOST_INDEXED and all(found is not None for found in indexed)
    frames = []
    for number, picture in enumerate(pictures):
        chunks = []
        if number == 0:
            chunks += [_chunk(_PROFILE, struct.pack("<HHI8x", _SRGB, 0, 0)), _palette(palette, clear_first=is_indexed)]
            chunks.append(_chunk(_LAYER, struct.pack("<HHHHHHB3x", 3, 0, 0, 0, 0, 0, 255) + _text("Sprites")))
            chunks += _note(about)
        raw = indexed[number] if is_indexed else picture
        body = zlib.compress(np.ascontiguousarray(raw).tobytes(), _LEVEL)
        chunks.append(_chunk(_CEL, struct.pack("<HhhBHh5xHH", 0, 0, 0, 255, _COMPRESSED, 0, width, height) + body))
        chunks += _note(names[number] if names else "")
        data = b"".join(chunks)
        frames.append(struct.pack("<IHHH2xI", 16 + len(data), 0xF1FA, len(chunks), frame_ms, len(chunks)) + data)
    body = b"".join(frames)
    count = len(palette.colours) + 1 if is_indexed else min(len(palette.colours), 256)
    header = struct.pack(
        "<IHHHHHIHIIB3xHBBhhHH84x", 128 + len(body), 0xA5E0, len(pictures), width, height, 8 if is_indexed else 32, 1,
        frame_ms, 0, 0, 0, count % 256, 1, 1, 0, 0, 16, 16,
    )  # fmt: skip
    return header + body


def _indices(picture: Pixels, palette: Palette) -> Pixels | None:
    """(H, W, 4) -> (H, W): 0 where it is clear, else 1 and the colour's place; None where a pixel has no place."""
    alpha = picture[..., 3]
    if len(palette.colours) > MOST_INDEXED or not ((alpha == 0) | (alpha == 255)).all():
        return None
    colours = packed(palette.rgb)
    order = np.argsort(colours)
    values = packed(picture[..., :3])
    found = order[np.minimum(np.searchsorted(colours, values, sorter=order), len(order) - 1)]
    if not (colours[found] == values)[alpha > 0].all():
        return None
    return np.where(alpha > 0, found + 1, 0).astype(np.uint8)


def _chunk(kind: int, body: bytes) -> bytes:
    return struct.pack("<IH", 6 + len(body), kind) + body


def _text(text: str) -> bytes:
    data = text.encode()[:LONGEST_TEXT]
    return struct.pack("<H", len(data)) + data


def _note(text: str) -> list[bytes]:
    return [_chunk(_USER_DATA, struct.pack("<I", 1) + _text(text))] if text else []


def _palette(palette: Palette, *, clear_first: bool) -> bytes:
    entries = [(0, 0, 0, 0)] if clear_first else []
    entries += [(r, g, b, 255) for r, g, b in palette.colours]
    body = b"".join(struct.pack("<HBBBB", 0, *entry) for entry in entries)
    return _chunk(_PALETTE, struct.pack("<III8x", len(entries), 0, len(entries) - 1) + body)
