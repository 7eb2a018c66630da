"""What travels between processes on pipes: numbered frames of bytes, and JSON with binary parts. No pickles."""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import IO, Any

HELLO = 0
"""Number of the frame that opens a conversation, each way; tasks are numbered from 1."""
LAST_WORDS = (1 << 64) - 1
"""Number of the frame in which a worker names the exception that ends it."""

_HEAD = struct.Struct("<QQ")  # bytes of the body, number
_MAXIMUM = 1 << 33
AT_ONCE = 64 << 20  # more is not allocated on the strength of a head alone
_PARTS = struct.Struct("<II")  # bytes of the JSON, count of binary parts


def write_frame(stream: IO[bytes], number: int, body: bytes) -> None:
    """Write one frame and flush. Raises OSError when the other side is gone."""
    stream.write(_HEAD.pack(len(body), number))
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[int, bytes] | None:
    """(number, body) of the next frame; None at the end of the stream, also in the middle of a frame.

    None, too, for a length that no frame has: what follows in such a stream cannot be read.
    """
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, number = _HEAD.unpack(head)
    if length > _MAXIMUM:
        return None
    body = stream.read(min(length, AT_ONCE))
    if len(body) < length:
        body = _rest(stream, body, length)
    return (number, body) if len(body) == length else None


def _rest(stream: IO[bytes], body: bytes, length: int) -> bytes:
    pieces = [body]
    left = length - len(body)
    while left and pieces[-1]:
        pieces.append(stream.read(min(left, AT_ONCE)))
        left -= len(pieces[-1])
    return b"".join(pieces)


def pack(meta: Any, blobs: list[bytes]) -> bytes:
    """JSON and binary parts as one body."""
    text = json.dumps(meta, separators=(",", ":")).encode("ascii")
    lengths = struct.pack(f"<{len(blobs)}Q", *map(len, blobs))
    return b"".join((_PARTS.pack(len(text), len(blobs)), lengths, text, *blobs))


def unpack(body: bytes) -> tuple[Any, list[bytes]]:
    """The inverse of `pack`. Raises ValueError for a malformed body."""
    try:
        text_length, count = _PARTS.unpack_from(body)
        lengths = struct.unpack_from(f"<{count}Q", body, _PARTS.size)
    except struct.error as error:
        raise ValueError(f"a frame that is cut short: {error}") from None
    position = _PARTS.size + 8 * count
    if position + text_length + sum(lengths) != len(body):
        raise ValueError("a frame of the wrong length")
    meta = json.loads(body[position : position + text_length])
    position += text_length
    blobs = []
    for length in lengths:
        blobs.append(body[position : position + length])
        position += length
    return meta, blobs


def private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Take standard input and output for ourselves and leave libraries a sink to print to."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    sink = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(sink, descriptor)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the life of the process
    return requests, answers
