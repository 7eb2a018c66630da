"""Picture files from anywhere: known formats, bounded, read by no other program, and one kind of error."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from trainer.create_run import read_folder
from trainer.protocol.picture_files import read_picture
from trainer.protocol.recipe import Recipe
from trainer.protocol.untrusted import UntrustedError

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\nshowpage\n"


def _png(width: int, height: int, rows: bytes = b"\0") -> bytes:
    """A PNG whose header says what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp", "gif"])
def test_pictures_are_read_as_they_are(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[2, 3] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}", lossless=True)
    assert (np.asarray(read_picture(tmp_path / f"a.{suffix}").convert("RGB")) == pixels).all()


@pytest.mark.skipif(os.name == "nt", reason="the program that is found is a script")
def test_postscript_by_a_picture_s_name_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gs").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (tmp_path / "bin" / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(folder / f"{number}.png")
    (folder / "evil.png").write_bytes(POSTSCRIPT)
    names, _, passed_over = read_folder(folder, Recipe())
    assert (names, passed_over) == (["0.png", "1.png"], ["evil.png"])
    with pytest.raises(UntrustedError):
        read_picture(folder / "evil.png", formats=None)
    assert not ran.exists()
    # Pillow itself would have started it.
    with pytest.raises(OSError), Image.open(folder / "evil.png") as picture:  # noqa: PT011
        picture.load()
    assert ran.exists()


@pytest.mark.parametrize("data", [
    _png(20_000, 20_000), _png(1 << 20, 1 << 20), _png(0, 8), _png(8, 8), _png(8, 8)[:40], b"", b"\x89PNG\r\n\x1a\n",
    b"GIF89a", b"BM" + b"\xff" * 60, b"RIFF\xff\xff\xff\xffWEBPVP8 ", b"\xff\xd8\xff\xe0" + b"\0" * 40,
])  # fmt: skip
def test_damaged_and_endless_ones_are_one_kind_of_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(UntrustedError) as found:
        read_picture(tmp_path / "x.png")
    assert "\n" not in str(found.value)


def test_the_bound_is_one_of_pixels(tmp_path: Path) -> None:
    Image.new("L", (64, 64)).save(tmp_path / "x.png")
    assert read_picture(tmp_path / "x.png", most_pixels=64 * 64).size == (64, 64)
    with pytest.raises(UntrustedError, match="64 x 64 pixels are too many"):
        read_picture(tmp_path / "x.png", most_pixels=64 * 64 - 1)
