"""Our decoder for small unfiltered PNGs gives the same pixels as libpng (through OpenCV)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.pictures.decoding import png
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS

SAMPLES = {3: 1, 4: 2, 6: 4}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(color_type: int, pixels: np.ndarray, palette: bytes = b"", opacity: bytes = b"") -> bytes:
    """Encode (H, W * samples) uint8 as a PNG without row filters."""
    height, width = pixels.shape[0], pixels.shape[1] // SAMPLES[color_type]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0))]
    parts += [chunk(b"PLTE", palette)] if palette else []
    parts += [chunk(b"tRNS", opacity)] if opacity else []
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")])


def by_libpng(data: bytes, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    with monkeypatch.context() as patch:
        patch.setattr(png, "unfiltered", lambda *_: None)
        return png.decode_pixels(data, png.read_header(data, DEFAULT_LIMITS))


@pytest.mark.parametrize("color_type", SAMPLES)
def test_inflated_here_the_pixels_are_libpngs(color_type: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(color_type)
    for _ in range(40):
        height, width, colors = dice.integers(1, 40, 3).tolist()
        top = colors if color_type == 3 else 256
        pixels = dice.integers(0, top, (height, width * SAMPLES[color_type]), np.uint8)
        palette = dice.bytes(3 * colors) if color_type == 3 else b""
        opacity = dice.bytes(int(dice.integers(0, colors + 1))) if color_type == 3 else b""
        data = picture(color_type, pixels, palette, opacity)
        here = png.unfiltered(data, png.read_header(data, DEFAULT_LIMITS))
        assert here is not None
        assert np.array_equal(here, by_libpng(data, monkeypatch))


def test_an_index_outside_its_palette_is_left_to_libpng() -> None:
    data = picture(3, np.full((4, 4), 9, np.uint8), bytes(9))
    assert png.unfiltered(data, png.read_header(data, DEFAULT_LIMITS)) is None


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_filtered_row_is_left_to_libpng(where: int, kind: int) -> None:
    rows = bytearray(21 * 13)
    rows[where % 13 * 21] = kind
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 13, 8, 6, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")
    assert png.unfiltered(data, png.read_header(data, DEFAULT_LIMITS)) is None
