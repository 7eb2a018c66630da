"""XPM 3: pictures as C source text, with colours by number or by their X11 names."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

_STRING = re.compile(rb'"((?:[^"\\\r\n]|\\.)*)"')
_COMMENT = re.compile(rb'/\*.*?\*/|"(?:[^"\\\r\n]|\\.)*"', re.DOTALL)
_SIZES = re.compile(rb"\s*(\d{1,6})\s+(\d{1,6})\s+(\d{1,9})\s+(\d{1,3})(?:\s.*)?", re.DOTALL)
_VISUALS = (b"c", b"g", b"g4", b"m", b"s")
_MOST_COLORS = 1 << 20
_MOST_CHARACTERS = 7  # of a colour's key: more would not fit a 64-bit number
# Where X11's colours differ from CSS's of the same name.
_X11 = {
    "gray": (190, 190, 190), "grey": (190, 190, 190), "green": (0, 255, 0), "maroon": (176, 48, 96),
    "purple": (160, 32, 240), "lightgoldenrod": (238, 221, 130), "violetred": (208, 32, 144),
    "navyblue": (0, 0, 128), "lightslateblue": (132, 112, 255),
}  # fmt: skip
_GREY = re.compile(r"gr[ae]y(\d{1,3})")


def decode(data: bytes, limits: Limits) -> NDArray[np.uint8]:
    """Decode to (H, W, 4) RGBA uint8. Raises UnreadablePicture."""
    source = _COMMENT.sub(lambda found: b" " if found[0].startswith(b"/") else found[0], data)
    strings = _STRING.finditer(source)
    first = next(strings, None)
    sizes = _SIZES.fullmatch(first[1]) if first else None
    if sizes is None:
        raise UnreadablePicture("an XPM picture with a broken header")
    width, height, colors, characters = (int(text) for text in sizes.groups())
    limits.check_size(width, height)
    if not 1 <= colors <= _MOST_COLORS or not 1 <= characters <= _MOST_CHARACTERS:
        raise UnreadablePicture("an XPM picture with impossible values")
    keys: list[int] = []
    table = np.zeros((colors, 4), np.uint8)
    for index in range(colors):
        line = next(strings, None)
        if line is None:
            raise UnreadablePicture("truncated")
        text = _plain(line[1])
        keys.append(int.from_bytes(text[:characters].ljust(characters), "big"))
        table[index] = _color(text[characters:])
    rows = []
    for _ in range(height):
        line = next(strings, None)
        if line is None:
            raise UnreadablePicture("truncated")
        row = _plain(line[1])
        if len(row) < width * characters:
            raise UnreadablePicture("damaged: a row of its pixels is too short")
        rows.append(row[: width * characters])
    return _looked_up(np.frombuffer(b"".join(rows), np.uint8).reshape(-1, characters), keys, table).reshape(
        height, width, 4
    )


def _looked_up(letters: NDArray[np.uint8], keys: list[int], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colours of (N, characters) pixels."""
    words = np.zeros(len(letters), np.int64)
    for column in letters.T:
        words = words << 8 | column
    ordered = np.array(keys, np.int64)
    # The last of two equal keys counts, as in the library.
    order = len(ordered) - 1 - np.argsort(ordered[::-1], kind="stable")
    ordered = ordered[order]
    places = np.minimum(np.searchsorted(ordered, words), len(ordered) - 1)
    if not np.array_equal(ordered[places], words):
        raise UnreadablePicture("damaged: a pixel has no colour")
    return np.asarray(table[order[places]])


def _plain(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", text) if b"\\" in text else text


def _color(text: bytes) -> tuple[int, int, int, int]:
    """Return the RGBA colour of a line: "c" before shades of grey before black and white."""
    values: dict[bytes, list[bytes]] = {}
    current: list[bytes] | None = None
    for word in text.split():
        if word in _VISUALS and (current is None or current):
            current = values.setdefault(word, [])
        elif current is not None:
            current.append(word)
    for visual in (b"c", b"g", b"g4", b"m"):
        if values.get(visual):
            return _named(b" ".join(values[visual]).decode("latin-1"))
    raise UnreadablePicture("an XPM picture with a colour that has no value")


def _named(name: str) -> tuple[int, int, int, int]:
    plain = name.replace(" ", "").lower()
    if plain in ("none", "transparent"):
        return 0, 0, 0, 0
    digits = plain.removeprefix("#")
    if plain.startswith("#") and len(digits) in (3, 6, 9, 12) and re.fullmatch("[0-9a-f]+", digits):
        each = len(digits) // 3
        red, green, blue = (int(digits[at : at + each], 16) for at in range(0, 3 * each, each))
        most = 16**each - 1
        return (red * 510 // most + 1) // 2, (green * 510 // most + 1) // 2, (blue * 510 // most + 1) // 2, 255
    grey = _GREY.fullmatch(plain)
    if grey and int(grey[1]) <= 100:
        level = (int(grey[1]) * 510 // 100 + 1) // 2
        return level, level, level, 255
    known = _X11.get(plain) or ImageColor.colormap.get(plain)
    if known is None:
        raise UnreadablePicture(f"an XPM picture with a colour that is not known: {name[:40]!r}")
    if isinstance(known, str):
        red, green, blue = bytes.fromhex(known.removeprefix("#"))
        return red, green, blue, 255
    return known[0], known[1], known[2], 255
