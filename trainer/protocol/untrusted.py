"""Reading untrusted files: regular files only, of limited size, with typed values, inside their folder.

Everything here raises `UntrustedError`, a ValueError with a message of one short line.
"""

from __future__ import annotations

import codecs
import errno
import json
import math
import os
import stat
import unicodedata
from collections.abc import Collection, Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

MAX_JSON_BYTES = 16 << 20
MAX_JSON_DEPTH = 64
MAX_INTEGER = 2**63 - 1
"""The largest integer that SQLite, numpy and other programs can hold."""
MAX_TEXT = 10_000


class UntrustedError(ValueError):
    """Input that is refused; the message is one line."""


# Files


def open_regular(path: Path | str, *, follow_links: bool = True) -> BufferedReader:
    """Open a regular file for reading; folders, devices, FIFOs and sockets are refused without blocking.

    With `follow_links=False` a symbolic link is refused too. Raises UntrustedError, and OSError as `open` does.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    # Checked before opening, since opening a device can have side effects.
    try:
        before = os.stat(path) if follow_links else os.lstat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UntrustedError(f"{path} is a loop of symbolic links") from None
        raise
    if stat.S_ISLNK(before.st_mode):
        raise UntrustedError(f"{path} is a symbolic link")
    if not stat.S_ISREG(before.st_mode):
        raise UntrustedError(f"{path} is {kind_of(before.st_mode)}, not a file")
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise UntrustedError(f"{path} is {kind_of(mode)}, not a file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path | str, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """The bytes of a regular file of at most `max_bytes`. Raises UntrustedError and OSError."""
    with open_regular(path, follow_links=follow_links) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise UntrustedError(f"{path} is larger than {_size(max_bytes)}")
    return data


def kind_of(mode: int) -> str:
    """The kind of file that a mode stands for: "a folder", "a named pipe" ..."""
    for test, name in (
        (stat.S_ISREG, "a file"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISLNK, "a symbolic link"),
    ):
        if test(mode):
            return name
    return "something else"


def _size(count: int) -> str:
    return f"{count >> 20:,} MiB" if count >= 1 << 20 else f"{count:,} bytes"


class BoundedReader:
    """A readable stream of at most `limit` bytes of `stream`, for instance the output of a decompressor.

    `read(n)` never reads all of `stream` at once.
    """

    def __init__(self, stream: IO[bytes], limit: int, what: str) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit
        self._what = what

    def read(self, count: int = -1) -> bytes:
        """At most `count` bytes (all, when negative). Raises UntrustedError when there are more than the limit."""
        if count < 0:
            return b"".join(iter(lambda: self.read(1 << 16), b""))
        data = self._stream.read(min(count, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise UntrustedError(f"{self._what} unpacks to more than {_size(self._limit)}")
        return data


# Paths


def relative_parts(name: str) -> tuple[str, ...]:
    """The parts of a relative path with `/` between them, as stored in manifests and archives.

    Refuses absolute paths, drives, `..`, empty names and NUL. Backslashes are separators on all systems, so that a name
    means the same everywhere. Raises UntrustedError.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise UntrustedError("a path is missing")
    windows = PureWindowsPath(name)
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if windows.drive or windows.root or name.startswith("/"):
        raise UntrustedError(f"{shortened(name)!r} is an absolute path")
    if ".." in parts:
        raise UntrustedError(f"{shortened(name)!r} leads out of its folder")
    if not parts:
        raise UntrustedError(f"{shortened(name)!r} names no file")
    return parts


def path_inside(folder: Path, name: str) -> Path:
    """The path of `name` inside `folder`, which need not exist; links must not lead out of the folder.

    Raises UntrustedError.
    """
    path = folder.joinpath(*relative_parts(name))
    try:
        real, root = path.resolve(), folder.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a loop of links (before Python 3.13).
        raise UntrustedError(f"{shortened(name)!r} cannot be followed") from None
    if not real.is_relative_to(root):
        raise UntrustedError(f"{shortened(name)!r} is a link that leads out of its folder")
    return path


# JSON


def parse_json(data: bytes | str, *, max_depth: int = MAX_JSON_DEPTH) -> Any:
    """Parse JSON (UTF-8) strictly: no NaN or infinity, no integer beyond 64 bits, no deep nesting.

    The caller limits the size. Raises UntrustedError.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        value = _DECODER.decode(text)
    except UntrustedError:
        raise
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise UntrustedError(f"not valid JSON: {reason}") from None
    if text.count("[") + text.count("{") > max_depth:
        check_depth(value, max_depth)
    return value


def read_json(path: Path | str, *, max_bytes: int = MAX_JSON_BYTES, follow_links: bool = True) -> Any:
    """Parse a regular JSON file of at most `max_bytes` (see `parse_json`). Raises UntrustedError and OSError."""
    return parse_json(read_regular(path, max_bytes, follow_links=follow_links))


def read_json_object(path: Path | str, *, max_bytes: int = MAX_JSON_BYTES, follow_links: bool = True) -> dict[str, Any]:
    """As `read_json`, for an object."""
    value = read_json(path, max_bytes=max_bytes, follow_links=follow_links)
    if not isinstance(value, dict):
        raise UntrustedError(f"{path} does not hold a JSON object")
    return value


def bounded_lines(stream: IO[bytes], max_bytes: int) -> Iterator[bytes]:
    """The lines of a stream, without their ends. A longer line than `max_bytes` raises UntrustedError."""
    number = 0
    while line := stream.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes:
            raise UntrustedError(f"line {number} is longer than {_size(max_bytes)}")
        yield line.rstrip(b"\r\n")


def _no_constant(name: str) -> Any:
    raise UntrustedError(f"{name} is not a valid number")


def _integer(text: str) -> int:
    if len(text) > 20 or not -MAX_INTEGER <= (value := int(text)) <= MAX_INTEGER:
        raise UntrustedError(f"{shortened(text, 24)} is beyond 64 bits")
    return value


def _float(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise UntrustedError(f"{shortened(text, 24)} is too large a number")
    return value


# `json.loads` with these options would create a decoder at every call.
_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer, parse_float=_float)


def check_depth(value: Any, most: int) -> None:
    """Raise UntrustedError when lists and objects are nested more than `most` deep."""
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level:
        depth += 1
        if depth > most:
            raise UntrustedError("not valid JSON: nested too deeply")
        below: list[Any] = []
        for parent in level:
            children = parent.values() if isinstance(parent, dict) else parent
            below.extend(child for child in children if isinstance(child, (dict, list)))
        level = below


# Values


class Values:
    """A JSON object whose fields are read by type and range; other values raise UntrustedError.

    A missing field gives the default, if one is passed. `where` begins every message ("line 3").
    """

    _MISSING = object()

    def __init__(self, values: Any, where: str = "") -> None:
        self._where = f"{where}: " if where else ""
        if not isinstance(values, dict):
            raise UntrustedError(f"{self._where}not a JSON object")
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def error(self, name: str, expected: str) -> UntrustedError:
        """An error about a field, with the expected and the actual value."""
        found = shortened(json.dumps(self._values.get(name), ensure_ascii=False, default=str), 40)
        return UntrustedError(f"{self._where}{name} must be {expected}, not {found}")

    def raw(self, name: str, default: Any = _MISSING) -> Any:
        """The raw value of a field."""
        if name in self._values:
            return self._values[name]
        if default is self._MISSING:
            raise UntrustedError(f"{self._where}{name} is missing")
        return default

    def text(self, name: str, default: Any = _MISSING, *, max_length: int = MAX_TEXT) -> str:
        """A string of at most `max_length` characters that UTF-8 can encode, without NUL."""
        value = self.raw(name, default)
        if name not in self._values:
            return value
        if not is_text(value):
            raise self.error(name, "text")
        if len(value) > max_length:
            raise self.error(name, f"text of at most {max_length:,} characters")
        return value

    def integer(self, name: str, default: Any = _MISSING, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        """A whole number from `least` to `most` (not a bool)."""
        value = self.raw(name, default)
        if name not in self._values:
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.error(name, f"a whole number {_range(least, most)}")
        return value

    def number(self, name: str, default: Any = _MISSING, *, least: float = -math.inf, most: float = math.inf) -> float:
        """A finite number from `least` to `most`."""
        value = self.raw(name, default)
        if name not in self._values:
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(name, f"a number {_range(least, most)}")
        if not least <= value <= most:
            raise self.error(name, f"a number {_range(least, most)}")
        return float(value)

    def flag(self, name: str, default: Any = _MISSING) -> bool:
        """True or false."""
        value = self.raw(name, default)
        if name not in self._values:
            return value
        if not isinstance(value, bool):
            raise self.error(name, "true or false")
        return value

    def choice(self, name: str, choices: Collection[str], default: Any = _MISSING) -> str:
        """One of `choices`."""
        value = self.raw(name, default)
        if name not in self._values:
            return value
        if not isinstance(value, str) or value not in choices:
            raise self.error(name, f"one of {', '.join(repr(choice) for choice in choices)}")
        return value

    def items(self, name: str, default: Any = _MISSING, *, most: int = 100_000) -> list[Any]:
        """A list of at most `most` items."""
        value = self.raw(name, default)
        if name not in self._values:
            return value
        if not isinstance(value, list) or len(value) > most:
            raise self.error(name, f"a list of at most {most:,} items")
        return value

    def texts(
        self, name: str, default: Any = _MISSING, *, most: int = 100_000, max_length: int = MAX_TEXT
    ) -> list[str]:
        """A list of strings."""
        value = self.items(name, default, most=most)
        if name not in self._values:
            return value
        if any(not is_text(item) or len(item) > max_length for item in value):
            raise self.error(name, "a list of texts")
        return value

    def object(self, name: str, default: Any = _MISSING) -> Values:
        """A nested object."""
        value = self.raw(name, default)
        if name not in self._values:
            return value
        if not isinstance(value, dict):
            raise self.error(name, "an object")
        return Values(value, f"{self._where}{name}")


def _range(least: float, most: float) -> str:
    low, high = least > -math.inf, most < math.inf and most != MAX_INTEGER
    if low and high:
        return f"from {least:,} to {most:,}"
    return f"of at least {least:,}" if low else f"of at most {most:,}" if high else "that is finite"


# Text


def is_text(value: Any) -> bool:
    """Whether `value` is a string without NUL and lone surrogates, which files and databases cannot hold."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode_text(data: bytes) -> str:
    """Text of a file or stream: UTF-8, or UTF-16 or UTF-32 after a byte-order mark. Raises UntrustedError."""
    # The byte-order mark of UTF-32 begins with that of UTF-16.
    encoding = "utf-8"
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            break
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UntrustedError(
            f"line {line} is not valid {encoding.upper().removesuffix('-LE').removesuffix('-BE')}"
        ) from None
    if "\0" in text:
        raise UntrustedError("it is not text, or UTF-16 without a byte-order mark")
    return text


def shortened(text: str, length: int = 80) -> str:
    """`text` on one line without control characters, cut in the middle to `length` characters."""
    text = one_line(text)
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def one_line(text: str) -> str:
    """`text` with line ends, control and formatting characters (also bidirectional ones) replaced by spaces.

    Lone surrogates, which cannot be printed, become question marks.
    """
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return "".join(
        " " if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and character != "\u200d" else character
        for character in text
    ).strip()
