"""Documents, sheets and animations: what is written is what other readers see."""

from __future__ import annotations

import io
import json
import struct
import zlib

import numpy as np
import pytest
from drawn import clean_sprites, soiled
from PIL import Image, ImageSequence

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.animation import FORMATS, animated
from gandam_studio.core.finishing.aseprite_writing import aseprite_bytes
from gandam_studio.core.finishing.finish import Finish, finished
from gandam_studio.core.finishing.palette import Palette, palette_of
from gandam_studio.core.finishing.sheet import atlas, grid_of, laid_out
from gandam_studio.core.pictures.decoding import DEFAULT_LIMITS, aseprite


def finished_sprites(count: int, colours: int = 24) -> tuple[list[np.ndarray], Palette]:
    real = clean_sprites(count)
    palette = palette_of(real, colours)
    return [finished(soiled(picture, 1), Finish(palette)) for picture in real], palette


def plainly_parsed(data: bytes) -> list[np.ndarray]:
    """Frames of a document of one layer, read by the specification alone, without any of the program's code."""
    size, magic, frames, _, _, depth = struct.unpack_from("<IHHHHH", data)
    assert (size, magic) == (len(data), 0xA5E0)
    at, palette, pictures = 128, np.zeros((256, 4), np.uint8), []
    for _ in range(frames):
        length, magic, chunks = struct.unpack_from("<IHH", data, at)
        assert magic == 0xF1FA
        inner = at + 16
        for _ in range(chunks):
            whole, kind = struct.unpack_from("<IH", data, inner)
            body = data[inner + 6 : inner + whole]
            if kind == 0x2019:
                _, first, last = struct.unpack_from("<III", body)
                for index in range(first, last + 1):
                    palette[index % 256] = list(body[20 + 6 * (index - first) + 2 : 20 + 6 * (index - first) + 6])
            elif kind == 0x2005:
                w, h = struct.unpack_from("<HH", body, 16)
                raw = np.frombuffer(zlib.decompress(body[20:]), np.uint8).reshape(h, w, depth // 8)
                pictures.append(palette[raw[..., 0]] if depth == 8 else raw)
            inner += whole
        at += length
        assert inner == at
    assert at == size
    return pictures


@pytest.mark.parametrize("colours", [1, 24, 255, 256])
def test_a_document_is_read_back_pixel_by_pixel(colours: int) -> None:
    pictures, palette = finished_sprites(7, colours)
    data = aseprite_bytes(pictures, palette, names=[f"3/{i}" for i in range(7)], about="{}")
    document = aseprite.Document(data, DEFAULT_LIMITS)
    assert (document.count, document.size) == (7, (64, 64))
    for index, (picture, plain) in enumerate(zip(pictures, plainly_parsed(data), strict=True)):
        assert (document.frame(index) == picture).all()
        assert (plain == picture).all()
    assert data[12] == (8 if len(palette.colours) < 256 else 32)
    assert [tuple(rgb) for rgb in document.palette(0)[:, :3].tolist()] == list(palette.colours)


def test_half_clear_or_foreign_pixels_make_an_rgba_document() -> None:
    pictures, palette = finished_sprites(2)
    half = pictures[0].copy()
    half[10, 10] = (*palette.colours[0], 77)
    foreign = pictures[0].copy()
    foreign[10, 10] = (1, 2, 3, 255)
    for picture in (half, foreign):
        data = aseprite_bytes([pictures[1], picture], palette)
        assert data[12] == 32
        assert (aseprite.Document(data, DEFAULT_LIMITS).frame(1) == picture).all()


def test_equal_pictures_give_equal_documents_and_none_are_refused() -> None:
    pictures, palette = finished_sprites(3)
    assert aseprite_bytes(pictures, palette) == aseprite_bytes(pictures, palette)
    with pytest.raises(UserError, match="not 0"):
        aseprite_bytes([], palette)


def test_a_sheet_holds_every_sprite_where_its_description_says() -> None:
    pictures, _ = finished_sprites(7)
    sheet = laid_out(pictures)
    assert grid_of(7) == (3, 3)
    assert sheet.shape == (192, 192, 4)
    names = [f"s{index}.png" for index in range(7)]
    told = json.loads(atlas(names, (64, 64), "sheet.png", 1, {"run": "r1"}))
    assert list(told["frames"]) == names
    assert told["meta"]["size"] == {"w": 192, "h": 192}
    for name, picture in zip(names, pictures, strict=True):
        frame = told["frames"][name]["frame"]
        x, y, w, h = (frame[key] for key in "xywh")
        assert (sheet[y : y + h, x : x + w] == picture).all()
    assert not sheet[128:, 64:].any()


def test_a_sheet_that_no_card_loads_is_refused() -> None:
    with pytest.raises(UserError, match="too large"):
        laid_out([np.zeros((2048, 2048, 4), np.uint8)] * 65)


@pytest.mark.parametrize("suffix", FORMATS)
def test_animations_keep_every_pixel_of_few_colours(suffix: str) -> None:
    pictures, _ = finished_sprites(5)
    data = animated([Image.fromarray(p) for p in pictures], suffix, 3, [100] * 5, comment="where from")
    with Image.open(io.BytesIO(data)) as film:
        found = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(film)]
        assert film.info["loop"] == 0
    assert len(found) == 5
    for picture, frame in zip(pictures, found, strict=True):
        wanted = picture.repeat(3, 0).repeat(3, 1)
        shown = wanted[..., 3] > 0
        assert (frame[..., 3] == wanted[..., 3]).all()
        assert (frame[shown] == wanted[shown]).all()
    assert data == animated([Image.fromarray(p) for p in pictures], suffix, 3, [100] * 5, comment="where from")


@pytest.mark.parametrize("colours", [24, 256])
def test_a_document_is_read_alike_by_another_program(colours: int) -> None:
    other = pytest.importorskip("aseprite", reason="the package aseprite needs Python 3.12")
    pictures, palette = finished_sprites(4, colours)
    sprite = other.Sprite.from_bytes(aseprite_bytes(pictures, palette, names=["1/0", "1/1", "1/2", "1/3"]))
    assert [layer.name for layer in sprite.layers] == ["Sprites"]
    for index, picture in enumerate(pictures):
        assert (np.frombuffer(sprite.flatten(frame=index), np.uint8).reshape(64, 64, 4) == picture).all()
