"""Valid and invalid frames on the pipes."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.protocol import frames


@given(st.lists(st.tuples(st.integers(0, (1 << 64) - 1), st.binary(max_size=200)), max_size=5))
def test_frames_come_back_as_they_went(sent) -> None:
    stream = io.BytesIO()
    for number, body in sent:
        frames.write_frame(stream, number, body)
    stream.seek(0)
    assert [frames.read_frame(stream) for _ in sent] == sent
    assert frames.read_frame(stream) is None


def test_a_large_frame_is_read_in_pieces(monkeypatch) -> None:
    monkeypatch.setattr(frames, "AT_ONCE", 10)
    stream = io.BytesIO()
    frames.write_frame(stream, 7, bytes(range(95)))
    assert frames.read_frame(io.BytesIO(stream.getvalue())) == (7, bytes(range(95)))
    assert frames.read_frame(io.BytesIO(stream.getvalue()[:-1])) is None


@pytest.mark.parametrize("length", [1 << 40, (1 << 64) - 1, 100])
def test_a_frame_that_lies_about_its_length_is_no_frame(length: int) -> None:
    assert frames.read_frame(io.BytesIO(struct.pack("<QQ", length, 1) + bytes(99))) is None


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=9), st.lists(st.binary(), max_size=4))
def test_json_and_parts_come_back_as_they_went(meta, blobs) -> None:
    assert frames.unpack(frames.pack(meta, blobs)) == (meta, blobs)


@given(st.binary(max_size=60))
def test_garbage_is_a_value_error(garbage: bytes) -> None:
    try:
        meta, blobs = frames.unpack(garbage)
    except ValueError:
        return
    assert frames.unpack(frames.pack(meta, blobs)) == (meta, blobs)


@given(st.integers(0, 40))
def test_a_body_cut_short_is_a_value_error(cut: int) -> None:
    body = frames.pack({"a": [1, 2]}, [b"12345", b"", b"6"])
    with pytest.raises(ValueError, match="frame"):
        frames.unpack(body[: min(cut, len(body) - 1)])
