"""Notes in files of samples: what is written is read back from every format, and hostile ones are one clear line."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from trainer.protocol.sample_notes import LONGEST_NOTE, Spot, parsed, read_note, text_of, told, vector_of
from trainer.protocol.untrusted import UntrustedError

STEERED = np.array([0.5, -1.25, 3e-7, 2.0], np.float32)


def png(text: str, kind: str = "tEXt") -> bytes:
    notes, stream = PngImagePlugin.PngInfo(), io.BytesIO()
    if kind == "iTXt":
        notes.add_itxt("gandam", text)
    else:
        notes.add_text("gandam", text, zip=kind == "zTXt")
    Image.new("RGBA", (2, 2)).save(stream, "PNG", pnginfo=notes)
    return stream.getvalue()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_vectors_keep_every_bit(values: list[float]) -> None:
    vector = np.array(values, np.float32)
    assert vector_of(text_of(vector)).tobytes() == vector.tobytes()


@pytest.mark.parametrize("kind", ["tEXt", "iTXt", "zTXt"])  # Editors save the text in another kind of chunk.
def test_a_png_says_what_draws_it(tmp_path: Path, kind: str) -> None:
    own = {"run": "r1", "iteration": 40, "weights": "ema", "latent": "steered-7/3", "seed": None}
    own |= {"steps": 8, "raw": True}
    (tmp_path / "a.png").write_bytes(png(json.dumps({**own, **Spot("x", STEERED, "left").to_json()}), kind))
    note = read_note(tmp_path / "a.png")
    assert (note.run, note.iteration, note.weights, note.steps, note.raw) == ("r1", 40, "ema", 8, True)
    (spot,) = note.spots
    assert (spot.latent, spot.label) == ("steered-7/3", "left")
    assert spot.vector is not None
    assert spot.vector.tobytes() == STEERED.tobytes()


def test_a_name_needs_no_vector() -> None:
    note = parsed({"run": "r1", "iteration": 4, "latent": "7/3~0.25/5", "truncation": 0.5, "tag": "left"})
    assert [(one.latent, one.vector, one.label) for one in note.spots] == [("7/3~0.25/5", None, "left")]
    assert note.truncation == 0.5
    grid = parsed({"run": "r1", "iteration": 4, "seed": 7, "count": 3})
    assert [one.latent for one in grid.spots] == ["7/0", "7/1", "7/2"]
    several = parsed({"seeds": ["7/0", "fixed/1"], "weights": None, "seed": None})
    assert [one.latent for one in several.spots] == ["7/0", "fixed/1"]
    assert (several.iteration, several.weights, several.truncation) == (None, "", 1.0)


def test_what_has_no_room_is_left_to_the_files_of_each() -> None:
    spots = [Spot(f"steered-{index}", np.zeros(300_000, np.float32)) for index in range(3)]
    assert "sprites" in told({}, spots[:1])
    note = told({}, spots)
    assert len(json.dumps(note)) < LONGEST_NOTE
    assert note["seeds"] == ["steered-0", "steered-1", "steered-2"]
    with pytest.raises(UntrustedError, match="what draws it again"):
        parsed(note)
    assert "sprites" not in told({}, [Spot("7/0"), Spot("7/1")])


def base64_of(values: list[float]) -> str:
    return text_of(np.array(values, np.float32))


@pytest.mark.parametrize(
    "facts",
    [
        [], None, 3, {}, {"latent": 7}, {"latent": "x" * 5000, "vector": "AAAA"}, {"latent": "steered-1"},
        {"latent": "7/3; rm"}, {"latent": "7/3", "vector": ""}, {"latent": "7/3", "vector": "AAA"},
        {"latent": "7/3", "vector": "AAAAAAA="}, {"latent": "7/3", "vector": "!!!!"}, {"latent": "7/3", "vector": None},
        {"latent": "7/3", "vector": base64_of([float("nan")])}, {"latent": "7/3", "vector": base64_of([float("inf")])},
        {"latent": "7/3", "vector": [1, 2]}, {"latent": "7/3", "truncation": 1e9}, {"latent": "7/3", "truncation": "1"},
        {"latent": "7/3", "iteration": -1}, {"latent": "7/3", "iteration": 1.5}, {"latent": "7/3", "steps": "8"},
        {"latent": "7/3", "raw": 1}, {"latent": "7/3", "weights": "mine"}, {"latent": "7/3", "run": ["r1"]},
        {"latent": "7/3", "run": "r" * 999}, {"seeds": ["7/0"] * 10_001}, {"seeds": "7/0"}, {"sprites": {"a": 1}},
        {"sprites": [3]}, {"seed": 7}, {"seed": 7, "count": 10**9}, {"seed": "7", "count": 1},
        {"sprites": []}, {"walk": {"steps": 4}}, {"walk": 4, "seed": 1, "count": 2},
        {"walk": {"steps": 10**9}, "seed": 1, "count": 2}, {"walk": {"steps": 4}, "seed": 1, "count": 1},
    ],
)  # fmt: skip
def test_hostile_notes_are_one_line(tmp_path: Path, facts: object) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(json.dumps(facts)))
    with pytest.raises(UntrustedError) as found:
        read_note(path)
    assert str(found.value).startswith("a.png cannot be drawn again: ")
    assert len(str(found.value).splitlines()) == 1
    assert len(str(found.value)) < 300


def document(*frames: bytes, count: int | None = None) -> bytes:
    body = b"".join(frames)
    head = struct.pack("<IHH", 128 + len(body), 0xA5E0, len(frames) if count is None else count)
    return head.ljust(128, b"\0") + body


def frame(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"".join(chunks)
    size = 16 + len(body) if size is None else size
    return struct.pack("<IHHHHI", size, 0xF1FA, len(chunks), 0, 0, len(chunks)) + body


def chunk(kind: int, body: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack("<IH", 6 + len(body) if size is None else size, kind) + body


def user_data(text: str, length: int | None = None) -> bytes:
    data = text.encode()
    return chunk(0x2020, struct.pack("<IH", 1, len(data) if length is None else length) + data)


LAYER, CEL = chunk(0x2004), chunk(0x2005)


def test_a_document_is_read_in_the_order_of_its_frames(tmp_path: Path) -> None:
    facts = user_data('gandam {"run": "r1", "iteration": 4, "seeds": ["7/0", "7/1", "7/2"]}')
    steered = user_data("gandam " + json.dumps({"latent": "steered-1", **Spot("", STEERED).to_json()}))
    (tmp_path / "a.ase").write_bytes(document(frame(LAYER, facts, CEL, user_data("7/2")), frame(CEL, steered)))
    note = read_note(tmp_path / "a.ase")
    assert [one.latent for one in note.spots] == ["7/2", "steered-1"]
    assert (note.run, note.iteration) == ("r1", 4)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x89PNG\r\n\x1a\n" + b"x" * 50, b"GIF89a", b"RIFF\4\0\0\0WEBP", b"{", b"[1]", b'{"meta": {"gandam": 3}}',
        b"not",
        b"\xff\xfe{\0", png("{"), png('{"latent": NaN}'), png("[" * 5000), document(), document(count=9),
        document(frame(LAYER)), document(frame(LAYER, user_data("gandam {", 60_000))),
        document(frame(chunk(0x2004, size=0))), document(frame(chunk(0x2004, size=1 << 31))),
        document(frame(LAYER, user_data('gandam {"run": 1}'), size=1 << 31), count=2),
        document(frame(LAYER, chunk(0x2020, b"\1"))), document(frame(CEL, user_data("7/1"))),
    ],
)  # fmt: skip
def test_damaged_files_are_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.x").write_bytes(data)
    with pytest.raises(UntrustedError, match=r"^a\.x cannot be drawn again: ") as found:
        read_note(tmp_path / "a.x")
    assert len(str(found.value)) < 300


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(UntrustedError, match="a folder"):
        read_note(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_note(tmp_path / "none.png")
