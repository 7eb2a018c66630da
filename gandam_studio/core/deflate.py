"""Deflate streams at the speed of ISA-L (through `isal`) where it is installed, of zlib elsewhere: the same pixels.

Inflating is the largest single cost of a small picture, and deflating the largest of its thumbnail. Streams are told
apart by neither library, so what one wrote the other reads.
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

RAW, ZLIB = -15, 15  # window bits: a bare deflate stream, and one with zlib's header and checksum


class DamagedStream(ValueError):
    """The bytes are no deflate stream, or one that was altered."""


class Inflater:
    """Inflates one stream in steps, never more at once than asked for: a bomb costs what was asked.

    Attributes:
        kind: RAW or ZLIB.
    """

    def __init__(self, data: bytes | memoryview, kind: int = ZLIB) -> None:
        self.kind = kind
        self._stream = _library.decompressobj(kind)
        self._left: bytes | memoryview = data

    def read(self, most: int) -> bytes:
        """The next `most` bytes, fewer when the stream ends before. Raises DamagedStream."""
        try:
            found: bytes = self._stream.decompress(self._left, most)
        except _ERRORS as error:
            raise DamagedStream(str(error)) from None
        self._left = self._stream.unconsumed_tail
        return found

    @property
    def whole(self) -> bool:
        """Whether the stream came to its end, its checksum was right, and nothing lies behind it."""
        return bool(self._stream.eof) and not self._stream.unused_data


def inflate(data: bytes | memoryview, size: int, kind: int = RAW) -> bytes:
    """A whole stream that holds `size` bytes. Raises DamagedStream, also when it holds more or fewer."""
    stream = Inflater(data, kind)
    found = stream.read(max(size, 1))  # to zlib, 0 means everything
    # ISA-L has read the last byte of data before it has seen the end of the stream.
    if not stream.whole:
        found += stream.read(1)
    if len(found) != size or not stream.whole:
        raise DamagedStream("a stream of another length")
    return found


def deflate(data: bytes | memoryview) -> bytes:
    """A RAW stream of `data`, made as fast as can be rather than as small."""
    stream = _library.compressobj(_FASTEST, zlib.DEFLATED, RAW)
    return bytes(stream.compress(data) + stream.flush())
