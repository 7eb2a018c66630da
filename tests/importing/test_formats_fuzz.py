"""Damaged documents of every format: our decoders never crash, hang or exceed the memory limit."""

from __future__ import annotations

import contextlib
import io
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from documents import (
    Xcf,
    ase_cel,
    ase_layer,
    ase_link,
    ase_palette,
    ase_tags,
    ase_tilemap,
    ase_tileset,
    aseprite,
    icon,
    icon_bitmap,
    openraster,
    psd,
    xcf_property,
)  # fmt: skip
from pictures import encoded, sprite
from PIL import Image
from test_import_fuzz import mutated

from gandam_studio.core.pictures.decoding import Limits, UnreadablePicture, decode, decode_frames
from gandam_studio.core.workers.serving import limit_memory

LIMITS = Limits(max_pixels=1_000_000, max_frames=50, max_layers=100, memory_bytes=1 << 30)
SECONDS = 10.0


def seeds() -> dict[str, list[bytes]]:
    """Small valid files of every format that our own code decodes."""
    picture = sprite(1)
    return {
        "aseprite": _aseprite(picture),
        "xcf": _xcf(picture),
        "psd": _psd([picture[..., n] for n in range(4)]),
        "icon": _icons(picture),
        "netpbm": _netpbm(picture),
        "pcx": [_pcx(picture)],
        "openraster": [openraster({"mergedimage.png": encoded(picture)})],
        "xpm": [b'/* XPM */ char *x[] = {"3 2 3 1", "a c red", "b c #00ff00", "c c None", "abc", "cba"};'],
    }


def _aseprite(picture: np.ndarray) -> list[bytes]:
    tiles = np.stack([np.zeros((4, 4, 4), np.uint8), sprite(2)[3:7, 3:7]])
    layers = [ase_layer("g", kind=1), ase_layer("a", level=1, mode=13), ase_layer("t", kind=2, tileset=3)]
    words = np.array([[0, 1], [1 | 1 << 31, 1 | 1 << 29]])
    cels = [ase_tags((0, 1, "x")), ase_tileset(3, tiles), ase_cel(1, picture), ase_tilemap(2, words)]
    palette = ase_palette([(n, 2 * n, 3 * n, 255) for n in range(64)])
    indexed = [ase_layer("a"), palette, ase_cel(0, picture[..., :1] % 64)]
    layered = [[*layers, *cels], [ase_link(1, 0)]]
    return [aseprite(layered, (24, 20), flags=3), aseprite([indexed], (24, 20), depth=8)]


def _xcf(picture: np.ndarray) -> list[bytes]:
    mask, large = np.full((20, 24), 99, np.uint8), sprite(2, width=80, height=70)
    documents = [Xcf(80, 70, compression=n).add(large, mode=3).add(picture, mask=mask, x=-3) for n in (0, 1, 2)]
    documents.append(Xcf(24, 20, 2, colors=bytes(range(90))).add(picture[..., [0, 3]] % 30))
    precise = Xcf(24, 20, version=12, precision=600, sample=">f4").add(picture / 255, mode=28)
    documents.append(precise.add(picture / 255, xcf_property(29)))
    return [document.write() for document in documents]


def _psd(planes: list[np.ndarray]) -> list[bytes]:
    return [psd(planes, compression=n, transparency=True) for n in range(4)] + [psd(planes, 4, large=True)]


def _icons(picture: np.ndarray) -> list[bytes]:
    two = icon_bitmap(np.zeros((9, 9, 4), np.uint8), 1, [(0, 0, 0), (255, 255, 255)])
    pictures = [icon_bitmap(picture), encoded(picture), two]
    return [icon(pictures, (24, 24, 9), kind) for kind in (1, 2)]


def _netpbm(picture: np.ndarray) -> list[bytes]:
    pam = b"P7\nWIDTH 24\nHEIGHT 20\nDEPTH 4\nMAXVAL 255\nENDHDR\n" + picture.tobytes()
    plain = [b"P1 # x\n8 2\n" + b"01" * 8, b"P2 3 2 9\n1 2 3 4 5 6 "]
    return [b"P6 24 20 255\n" + picture[..., :3].tobytes(), pam, *plain]


def _pcx(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture[..., :3])).save(stream, "PCX")
    return stream.getvalue()


def judge(data: bytes) -> bool:
    """Decode every frame and return whether it succeeded. Only UnreadablePicture is a valid failure."""
    began = time.monotonic()
    try:
        for _, picture in decode_frames(data, LIMITS):
            assert picture.rgba.shape[0] * picture.rgba.shape[1] <= LIMITS.max_pixels
        return True
    except UnreadablePicture:
        return False
    finally:
        assert time.monotonic() - began < SECONDS


def fuzz(kind: str, variants: int) -> None:
    dice = random.Random(f"{kind} {variants}")
    starts = seeds()[kind]
    assert all(judge(start) for start in starts)
    good = sum(judge(mutated(dice.choice(starts), dice)) for _ in range(variants))
    assert variants // 100 < good < variants


@contextlib.contextmanager
def memory_limited() -> Iterator[None]:
    """Limit the memory of this process like that of a worker (Linux only)."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    limit_memory(LIMITS.memory_bytes)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("kind", sorted(seeds()))
@pytest.mark.filterwarnings("ignore")
def test_some_damaged_documents(kind: str) -> None:
    fuzz(kind, 60)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", sorted(seeds()))
@pytest.mark.filterwarnings("ignore")
def test_thousands_of_damaged_documents(kind: str) -> None:
    with memory_limited():
        fuzz(kind, 5_000)


@pytest.mark.parametrize("kind", sorted(seeds()))
def test_documents_cut_anywhere(kind: str, tmp_path: Path) -> None:
    for start in seeds()[kind]:
        for stop in range(0, len(start), max(1, len(start) // 40)):
            with contextlib.suppress(UnreadablePicture):
                decode(start[:stop], LIMITS)
