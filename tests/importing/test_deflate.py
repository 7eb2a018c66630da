"""The two inflate libraries read each other's streams, reject damaged ones, and stop at the requested size."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.deflate import RAW, ZLIB, DamagedStream, Inflater, deflate, inflate


@given(st.binary(max_size=5_000))
def test_what_is_deflated_comes_back_and_zlib_reads_it_too(data: bytes) -> None:
    packed = deflate(data)
    assert inflate(packed, len(data)) == data
    assert zlib.decompress(packed, RAW) == data


@given(st.binary(max_size=5_000), st.integers(0, 9))
def test_streams_of_zlib_are_read(data: bytes, level: int) -> None:
    assert inflate(zlib.compress(data, level), len(data), ZLIB) == data


@given(st.binary(min_size=1, max_size=2_000), st.data())
def test_a_cut_stream_or_a_wrong_length_is_refused(data: bytes, draw: st.DataObject) -> None:
    packed = zlib.compress(data)
    for damaged, size in (
        (packed[: draw.draw(st.integers(0, len(packed) - 1))], len(data)),
        (packed + b"\0", len(data)),
        (packed, len(data) + 1),
        (packed, len(data) - 1),
    ):
        with pytest.raises(DamagedStream):
            inflate(damaged, size, ZLIB)


def test_a_wrong_checksum_is_refused() -> None:
    packed = zlib.compress(b"sprite" * 100)
    with pytest.raises(DamagedStream):
        inflate(packed[:-1] + bytes((packed[-1] ^ 1,)), 600, ZLIB)


def test_a_bomb_is_inflated_no_further_than_asked() -> None:
    bomb = Inflater(zlib.compress(bytes(50_000_000)))
    assert len(bomb.read(1_000)) == 1_000
    assert not bomb.whole
