"""Write uncompressed zip files sequentially, with bounded memory for any number of members.

`zipfile` keeps an object per member until the end; here the central directory is collected in a temporary file. The
layout follows PKWARE's APPNOTE 6.3: local headers with the data, then the central directory, in ZIP64 form if numbers
exceed 16 or 32 bits.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import IO

_CHUNK = 1 << 20
_MANY = 0xFFFF  # the maximum in 16 bits; more members need ZIP64
_LARGE = 0xFFFFFFFF  # in a 32-bit field: the value is in the ZIP64 extra field
MAX_PLAIN = _LARGE - 1  # the largest value such a field can hold itself
_PLAIN, _ZIP64 = 20, 45  # versions of the format needed to read
_UNIX = 3 << 8
_FIRST_DAY = 1 << 5 | 1  # 1980-01-01, the earliest date: equal contents give equal bytes
_UTF8 = 0x800
_MODE = 0o644 << 16


class StoredZip:
    """A zip being written; a context manager. The stream need not be seekable and is not closed."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._directory = tempfile.TemporaryFile()  # noqa: SIM115
        self._at = 0
        self._count = 0

    def __enter__(self) -> StoredZip:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._directory.close()

    def add(self, name: str, data: bytes) -> None:
        """Add a member. Duplicate names are not detected."""
        self._add(name, len(data), zlib.crc32(data), [data])

    def add_from(self, name: str, content: IO[bytes]) -> None:
        """Add a member from a stream, which is read twice: first for its checksum, which precedes the data in a zip."""
        content.seek(0)
        size, checksum = 0, 0
        for chunk in _chunks(content):
            size += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
        content.seek(0)
        self._add(name, size, checksum, _chunks(content))

    def _add(self, name: str, size: int, checksum: int, chunks: Iterable[bytes]) -> None:
        encoded = name.encode()
        flags = 0 if name.isascii() else _UTF8
        large = size > MAX_PLAIN
        far = self._at > MAX_PLAIN
        extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
        shown = _LARGE if large else size
        version = _ZIP64 if large or far else _PLAIN
        common = (0, _FIRST_DAY, checksum, shown, shown, len(encoded))
        local = struct.pack("<4sHHHHHLLLHH", b"PK\x03\x04", _ZIP64 if large else _PLAIN, flags, 0, *common, len(extra))
        sizes = [size, size] if large else []
        wide = [*sizes, self._at] if far else sizes
        beyond = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        central = struct.pack(
            "<4sHHHHHHLLLHHHHHLL",
            b"PK\x01\x02", _UNIX | version, version, flags, 0, *common, len(beyond), 0, 0, 0, _MODE,
            _LARGE if far else self._at,
        )  # fmt: skip
        self._directory.write(central + encoded + beyond)
        self._write(local + encoded + extra)
        for chunk in chunks:
            self._write(chunk)
        self._count += 1

    def _finish(self) -> None:
        start, size = self._at, self._directory.tell()
        self._directory.seek(0)
        shutil.copyfileobj(self._directory, self._stream, _CHUNK)
        if self._count > _MANY or start > MAX_PLAIN or size > MAX_PLAIN:
            self._stream.write(
                struct.pack(
                    "<4sQHHLLQQQQ", b"PK\x06\x06", 44, _ZIP64, _ZIP64, 0, 0, self._count, self._count, size, start
                )
                + struct.pack("<4sLQL", b"PK\x06\x07", 0, start + size, 1)
            )
        count = min(self._count, _MANY)
        self._stream.write(
            struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, count, count, min(size, _LARGE), min(start, _LARGE), 0)
        )

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._at += len(data)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk
