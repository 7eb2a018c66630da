"""Read compressed streams in steps: no call returns, or buffers, more than was asked for."""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from typing import IO, Any, Protocol

from trainer.protocol.untrusted import UntrustedError

_INPUT = 1 << 16
_XZ_MEMORY = 256 << 20  # `xz -9` needs 65 MiB to unpack


class DamagedArchive(UntrustedError):
    """The bytes do not follow their format, or are of an unsupported kind; the message is a short reason."""


class _Decompressor(Protocol):
    """The common interface of decompressors: return at most `most` bytes of the stream at a time."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, most: int) -> bytes: ...


class _Zlib:
    """zlib's decompressor with the interface of bz2 and lzma."""

    def __init__(self, window: int) -> None:
        self._stream = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, most)


def decompressor(kind: str) -> Any:
    """Return a decompressor for "deflate" (no header), "gzip", "bzip2", "xz" or "zstd".

    Raises DamagedArchive if it is not supported here.
    """
    if kind == "deflate":
        return _Zlib(-15)
    if kind == "gzip":
        return _Zlib(31)
    if kind == "bzip2":
        return bz2.BZ2Decompressor()
    if kind == "xz":
        return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY)
    if kind == "zstd":
        try:
            return importlib.import_module("compression.zstd").ZstdDecompressor()
        except ImportError:
            raise DamagedArchive("packed with Zstandard, which needs Python 3.14 or later") from None
    raise DamagedArchive("packed by a method that is not supported")


def lzma_alone(properties: bytes, size: int) -> lzma.LZMADecompressor:
    """Return a decompressor for a zip entry of method 14 that holds `size` bytes, from its five property bytes."""
    if len(properties) != 5 or properties[0] >= 9 * 5 * 5:
        raise DamagedArchive("damaged in its archive")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    # A dictionary longer than the data would only waste memory.
    dictionary = max(4096, min(int.from_bytes(properties[1:], "little"), size))
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


class Unpacked:
    """A readable stream of the unpacked data of a compressed stream, which may consist of several concatenated ones.

    Raises DamagedArchive for damaged bytes, and OSError from the underlying stream.
    """

    def __init__(self, stream: IO[bytes], kind: str) -> None:
        self._stream = stream
        self._kind = kind
        self._unit: _Decompressor = decompressor(kind)
        self._input = b""
        self._begun = False

    def read(self, count: int) -> bytes:
        """Return at least one and at most `count` bytes; b"" at the end."""
        while count > 0:
            if self._unit.eof and not self._next_unit():
                return b""
            if self._unit.needs_input and not self._input:
                self._input = self._stream.read(_INPUT)
                if not self._input:
                    if self._begun:
                        raise DamagedArchive("a truncated archive")
                    return b""
            data, self._input = self._input, b""
            self._begun = True
            found = _stepped(self._unit, data, count)
            if found:
                return found
        return b""

    def _next_unit(self) -> bool:
        """Start on the next concatenated stream; return False if nothing follows, or only padding."""
        rest = self._unit.unused_data + self._input
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._stream.read(_INPUT)):
                return False
        self._unit = decompressor(self._kind)
        self._input = rest
        return True


def _stepped(unit: _Decompressor, data: bytes, most: int) -> bytes:
    try:
        return unit.decompress(data, most)
    except lzma.LZMAError as error:
        text = "needs too much memory to unpack" if "memory" in str(error).lower() else "a damaged archive"
        raise DamagedArchive(text) from None
    except (zlib.error, OSError, EOFError, ValueError):
        raise DamagedArchive("a damaged archive") from None
    except Exception as error:
        if type(error).__name__ == "ZstdError":  # cannot be imported where Zstandard is not available
            raise DamagedArchive("a damaged archive") from None
        raise


def unpack_exactly(unit: Any, data: bytes, size: int) -> bytes:
    """Unpack `data`. Raises DamagedArchive unless it holds exactly `size` bytes."""
    parts: list[bytes] = []
    left = size + 1  # one byte more than declared is enough to detect a wrong size
    while left > 0 and not unit.eof:
        part = _stepped(unit, data, left)
        data = b""
        if not part and (unit.needs_input or unit.eof):
            break
        parts.append(part)
        left -= len(part)
    if left != 1:
        raise DamagedArchive("damaged in its archive")
    return b"".join(parts)
