"""Deflate and inflate with ISA-L (through `isal`) where it is installed, and with zlib elsewhere.

Inflating is the largest single cost of reading a small picture, and deflating the largest of writing its thumbnail.
Each library reads what the other wrote.
"""

from __future__ import annotations

import zlib
from types import ModuleType

_library: ModuleType
_ERRORS: tuple[type[Exception], ...]
try:
    from isal import igzip_lib, isal_zlib

    _library, _ERRORS = isal_zlib, (zlib.error, igzip_lib.IsalError)  # type: ignore[assignment, unused-ignore]
    _FASTEST = isal_zlib.ISAL_BEST_SPEED
except ImportError:  # no wheel for this system or Python yet
    _library, _ERRORS = zlib, (zlib.error,)
    _FASTEST = zlib.Z_BEST_SPEED

RAW, ZLIB = -15, 15  # window bits: a raw deflate stream, and one with zlib's header and checksum


class DamagedStream(ValueError):
    """The bytes are not a valid deflate stream."""


class Inflater:
    """Inflates one stream in steps of a bounded size, so that a decompression bomb cannot exhaust memory.

    Attributes:
        kind: RAW or ZLIB.
    """

    def __init__(self, data: bytes | memoryview, kind: int = ZLIB) -> None:
        self.kind = kind
        self._stream = _library.decompressobj(kind)
        self._left: bytes | memoryview = data

    def read(self, most: int) -> bytes:
        """Return the next `most` bytes, or fewer at the end of the stream. Raises DamagedStream."""
        try:
            found: bytes = self._stream.decompress(self._left, most)
        except _ERRORS as error:
            raise DamagedStream(str(error)) from None
        self._left = self._stream.unconsumed_tail
        return found

    @property
    def whole(self) -> bool:
        """Whether the stream has ended with a correct checksum and no trailing data."""
        return bool(self._stream.eof) and not self._stream.unused_data


def inflate(data: bytes | memoryview, size: int, kind: int = RAW) -> bytes:
    """Inflate a whole stream. Raises DamagedStream if it is damaged or does not hold exactly `size` bytes."""
    stream = _library.decompressobj(kind)
    try:
        found: bytes = stream.decompress(data, max(size, 1))  # zlib takes 0 to mean no limit
        # ISA-L returns the last byte of data before it has processed the end-of-stream marker.
        if not stream.eof:
            found += stream.decompress(stream.unconsumed_tail, 1)
    except _ERRORS as error:
        raise DamagedStream(str(error)) from None
    if len(found) != size or not stream.eof or stream.unused_data:
        raise DamagedStream("unexpected stream length")
    return found


def deflate(data: bytes | memoryview) -> bytes:
    """Compress `data` to a RAW stream, at the fastest level."""
    stream = _library.compressobj(_FASTEST, zlib.DEFLATED, RAW)
    return bytes(stream.compress(data) + stream.flush())
