"""Mutation fuzzing: randomly damaged pictures of every format are imported in workers."""

from __future__ import annotations

import contextlib
import io
import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, sprite
from PIL import Image

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.importing.atlases import Folder
from gandam_studio.core.importing.tables import read_table
from gandam_studio.core.pictures.decoding import Limits
from trainer.protocol.untrusted import UntrustedError


def seeds(shared_data: Path | None) -> list[bytes]:
    """Seed pictures: our own of every format, and the hostile files if available."""
    opaque = np.ascontiguousarray(sprite(1)[..., :3])
    found = [encoded(sprite(n), kind) for n, kind in enumerate(("PNG", "GIF", "WEBP", "TIFF", "ICO", "BMP", "AVIF"))]
    found += [encoded(opaque, "JPEG"), encoded(opaque, "JPEG", progressive=True)]
    stream = io.BytesIO()
    frames = [Image.fromarray(sprite(n)) for n in range(3)]
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    found.append(stream.getvalue())
    if shared_data is not None:
        with tarfile.open(shared_data / "hostile" / "hostile.tar.gz") as archive:
            for member in archive:
                if member.isfile() and 0 < member.size < 60_000:
                    found.append(archive.extractfile(member).read())
    return found


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A damaged copy: flipped bits; overwritten, removed, repeated or swapped runs; wrong lengths; or truncated."""
    body = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4, 16))):
        if not body:
            break
        at = dice.randrange(len(body))
        run = dice.choice((1, 1, 2, 4, 4, 16, 64))
        kind = dice.randrange(7)
        if kind == 0:
            body[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            body[at : at + run] = dice.randbytes(run)
        elif kind == 2:
            del body[at : at + run]
        elif kind == 3:
            body[at:at] = body[at : at + run]
        elif kind == 4:
            body[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80"))
        elif kind == 5:
            other = dice.randrange(len(body))
            body[at : at + run], body[other : other + run] = body[other : other + run], body[at : at + run]
        else:
            del body[dice.randrange(len(body)) :]
    return bytes(body)


def fuzz(workspace, tmp_path: Path, starts: list[bytes], variants: int, seed: int) -> None:
    dice = random.Random(seed)
    folder = tmp_path / "fuzz"
    folder.mkdir()
    for number in range(variants):
        (folder / f"{number:06d}").write_bytes(mutated(dice.choice(starts), dice))
    limits = Limits(seconds=10, max_pixels=4_000_000, memory_bytes=1 << 30)
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=2, limits=limits))
    archives = sum("archive" in r.reason for r in summary.rejected)
    assert summary.imported + summary.already + summary.rejected_count + summary.others_count == variants
    assert summary.missing_count == 0
    assert summary.imported > variants // 100
    assert summary.rejected_count > variants // 100
    assert archives < variants
    for kept in workspace.sprites():
        assert workspace.thumbnails.read(kept.seq) is not None
    lost = [r for r in summary.rejected if "crash" in r.reason or "longer" in r.reason]
    print(f"{summary.sentence()}; {len(lost)} cost a worker: {lost[:5]}")


@pytest.mark.filterwarnings("ignore")
def test_a_few_hundred_damaged_pictures(workspace, tmp_path) -> None:
    fuzz(workspace, tmp_path, seeds(None), 400, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
def test_twenty_thousand_damaged_pictures(workspace, tmp_path, shared_data) -> None:
    fuzz(workspace, tmp_path, seeds(shared_data), 20_000, seed=2)


def _broken(data: bytes, dice: random.Random) -> bytes:
    """Text with a few bytes changed, removed or inserted, or one value replaced."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed))
        kind = dice.randrange(4)
        if kind == 0:
            changed[at] = dice.randrange(256)
        elif kind == 1 and len(changed) > 8:
            del changed[at : at + dice.randrange(1, 5)]
        elif kind == 2:
            changed[at:at] = dice.randbytes(3)
        else:
            value = dice.choice([b"null", b"-1", b"1e999", b'"', b"[", b"9" * 20, b"\xff\xfe"])
            changed[at : at + len(value)] = value
    return bytes(changed)


def test_damaged_words_descriptions_and_names() -> None:
    """Parsers that run before an import return a result or raise a plain refusal for any input."""
    box = {"x": 0, "y": 0, "w": 4, "h": 4}
    godot = {"image": "w.png", "sprites": [{"filename": "a", "region": box, "margin": {**box, "x": 1}}]}
    trimmed = {"frame": box, "rotated": True, "sourceSize": {"w": 9, "h": 9}, "spriteSourceSize": {**box, "x": 1}}
    atlas = json.dumps({"textures": [godot, {"image": "v.png", "frames": {"b": trimmed}}]}).encode()
    table = b'{"file_name": "1.png", "text": "a slime, wet", "label": "slime", "tags": ["a"]}\n' * 2
    rows = b'file_name,text,label\r\n1.png,"a slime, wet",slime\r\n'
    rect = b"      rect:\n        x: 0\n        y: 1\n        width: 4\n        height: 4\n"
    meta = b"T:\n  spriteMode: 2\n  spriteSheet:\n    sprites:\n" + (b"    - name: 'a'\n" + rect) * 3
    tpsheet = b":format=40300\n:texture=w.png\n\n" + b"a%3B;0;1;4;4; 0.5;0.5; 0;0;0;0\n" * 3
    dice = random.Random(7)
    read = described = for_unity = 0
    for _ in range(400):
        for name, data in (("metadata.jsonl", table), ("metadata.csv", rows)):
            with contextlib.suppress(UserError, UntrustedError):
                read += bool(read_table(_broken(data, dice), name))
        folder = Folder()
        folder.read("w.json", _broken(atlas, dice), {"w.png", "v.png"})
        described += bool(folder.sheets)
        folder = Folder()
        folder.read("w.png.meta", _broken(meta, dice), {"w.png", "v.png"})
        for_unity += bool(folder.sheets)
        folder = Folder()
        folder.read("w.tpsheet", _broken(tpsheet, dice), {"w.png", "v.png"})
        for_unity += bool(folder.sheets)
    assert 0 < read < 800
    assert 0 < described < 400
    assert 0 < for_unity < 800
