"""Reading numbers and text from files that are not trusted: every step is checked against the end of the data."""

from __future__ import annotations

import struct

from gandam_studio.core.deflate import DamagedStream, Inflater
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture


class Reader:
    """A position in some bytes. Reading past their end raises UnreadablePicture("truncated").

    Attributes:
        data: the bytes.
        position: offset of the next byte.
        order: "<" for little-endian, ">" for big-endian numbers.
    """

    def __init__(self, data: bytes | memoryview, order: str, position: int = 0) -> None:
        self.data = memoryview(data)
        self.order = order
        self.position = position

    @property
    def left(self) -> int:
        """Number of bytes from the position to the end."""
        return max(0, len(self.data) - self.position)

    def take(self, count: int) -> memoryview:
        """Return the next `count` bytes without copying them."""
        if count < 0 or count > self.left:
            raise UnreadablePicture("truncated")
        found = self.data[self.position : self.position + count]
        self.position += count
        return found

    def skip(self, count: int) -> None:
        """Move on by `count` bytes."""
        self.take(count)

    def part(self, count: int) -> Reader:
        """Return a reader of the next `count` bytes alone, and move on past them."""
        return Reader(self.take(count), self.order)

    def numbers(self, layout: str) -> tuple[int, ...]:
        """Return numbers by a layout of the `struct` module, without its sign of byte order."""
        packed = struct.Struct(self.order + layout)
        return packed.unpack(self.take(packed.size))

    def number(self, code: str) -> int:
        """Return one number by its code in the `struct` module."""
        return self.numbers(code)[0]

    def text(self, count: int) -> str:
        """Return `count` bytes of UTF-8; what is not UTF-8 is replaced."""
        return bytes(self.take(count)).decode("utf-8", "replace")


def inflated(data: bytes | memoryview, size: int) -> bytes:
    """Inflate a zlib stream to exactly `size` bytes; never more is unpacked. Raises UnreadablePicture.

    Bytes that follow in the stream are ignored, as the programs that write these formats do.
    """
    try:
        found = Inflater(data).read(max(size, 1))
    except DamagedStream:
        raise UnreadablePicture("damaged: its compressed data is broken") from None
    if len(found) < size:
        raise UnreadablePicture("truncated")
    return found[:size]
