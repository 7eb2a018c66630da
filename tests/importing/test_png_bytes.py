"""PNG files are written in our own frame, with the bytes that Pillow writes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core.pictures import encoding

SIZES = ((1, 1), (1, 9), (7, 1), (64, 64), (3, 300), (180, 210))


def by_pillow(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def pictures() -> list[np.ndarray]:
    """Noise, which a PNG larger than one of Pillow's blocks is made of, few colours, one colour, and a view."""
    made = []
    for height, width in SIZES:
        dice = np.random.default_rng(height * width)
        for channels in (3, 4):
            noise = dice.integers(0, 256, (height, width, channels), dtype=np.uint8)
            made += [noise, noise // 100 * 100, np.zeros_like(noise), noise[::-1, ::-1]]
    return made


def test_bytes_are_those_of_pillow() -> None:
    made = pictures()
    files = [encoding.png_bytes(one) for one in made]
    assert max(map(len, files)) > 1 << 16
    assert files == [by_pillow(one) for one in made]
    for pixels, data in zip(made, files, strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)


def test_pillow_writes_the_file_where_its_encoder_takes_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = pictures()[12]
    expected = by_pillow(picture)

    def changed(*_given: object) -> bytes:
        raise TypeError("function takes exactly 2 arguments")

    monkeypatch.setattr(Image.Image, "tobytes", changed)
    encoding._is_known.cache_clear()
    try:
        assert encoding.png_bytes(picture) == expected
    finally:
        encoding._is_known.cache_clear()
