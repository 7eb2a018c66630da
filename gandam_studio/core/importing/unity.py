"""Sheet descriptions for Unity: TexturePacker's .tpsheet, and the .meta file that Unity keeps next to each picture.

Reads only the lines with the sprites' rectangles, and only the subset of YAML that Unity writes. In both formats y
starts at the sheet's lower edge.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from gandam_studio.core.importing.sheets import MAXIMUM_REGIONS
from trainer.protocol.untrusted import UntrustedError

_MOST_LINES = 1_000_000
_LONGEST_LINE = 4096
_SIDES = {"x": "x", "y": "y", "width": "w", "height": "h"}
_FLOW = re.compile(r"(x|y|width|height)\s*:\s*([^\s,}]+)")
_MULTIPLE = "2"  # TextureImporter.spriteMode

Frames = list[dict[str, Any]]


def read_tpsheet(data: bytes) -> tuple[str, Frames] | None:
    """Return the sheet's file name ("" if missing) and its frames in the layout of `atlases`; None without frames.

    A line is "name;x;y;w;h;" with more fields that are ignored. Reads at most MAXIMUM_REGIONS + 1 frames. Raises
    UntrustedError.
    """
    sheet = ""
    frames: Frames = []
    wrong = 0
    for number, line in enumerate(_lines(data), 1):
        if line.startswith(":texture="):
            sheet = line.partition("=")[2].strip()
        elif line.strip() and not line.startswith(("#", ":")):
            name, *numbers = line.split(";")
            try:
                x, y, w, h = (_whole(text) for text in numbers[:4])
            except ValueError:
                wrong = wrong or number
                continue
            if len(frames) > MAXIMUM_REGIONS:
                break  # the caller rejects this many
            frames.append({"filename": unquote(name.strip()), "frame": {"x": x, "y": y, "w": w, "h": h}})
    if frames and wrong:
        raise UntrustedError(f"line {wrong:,}: not a name and four numbers")
    return (sheet, frames) if frames else None


def read_meta(data: bytes) -> Frames | None:
    """Return the frames in a .meta file in the layout of `atlases`; None if its picture is not a sheet.

    Reads at most MAXIMUM_REGIONS + 1 frames.
    """
    if b"spriteSheet:" not in data:
        return None
    lines = list(_lines(data))
    modes = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("spriteMode:")]
    if modes and modes[0] != _MULTIPLE:
        return None  # Unity keeps the rectangles of a sheet that was turned back into a single sprite
    start = next((i for i, line in enumerate(lines) if line.strip() == "spriteSheet:"), None)
    if start is None:
        return None
    sheet = list(_below(lines, start))
    start = next((i for i, line in enumerate(sheet) if line.strip() == "sprites:"), None)
    if start is None:
        return None
    return [_sprite(item) for item in itertools.islice(_items(sheet, start), MAXIMUM_REGIONS + 1)] or None


def _below(lines: list[str], start: int) -> Iterator[str]:
    """The lines below the one at `start` that are indented deeper."""
    depth = _indent(lines[start])
    for line in lines[start + 1 :]:
        if line.strip() and _indent(line) <= depth:
            return
        yield line


def _items(lines: list[str], start: int) -> Iterator[list[str]]:
    """The lines of each item of the list under the key at `start`, with the dash replaced by a space.

    Unity does not indent the dashes.
    """
    depth = _indent(lines[start])
    dash: int | None = None
    item: list[str] = []
    for line in lines[start + 1 :]:
        indent = _indent(line)
        begins = line.lstrip().startswith("- ")
        if line.strip() and (indent < depth or (indent == depth and not begins)):
            break
        if begins and dash in (None, indent):
            dash = indent
            if item:
                yield item
            item = []
            line = line.replace("-", " ", 1)
        if dash is not None:
            item.append(line)
    if item:
        yield item


def _sprite(lines: list[str]) -> dict[str, Any]:
    depth = _indent(lines[0])
    name = ""
    box: dict[str, Any] = {}
    inside = False
    for line in lines:
        key, _, value = line.strip().partition(":")
        value = value.strip()
        if _indent(line) == depth:
            inside = key == "rect"
            if key == "name":
                name = _text(value)
            elif inside:
                box |= {_SIDES[side]: _number(text) for side, text in _FLOW.findall(value)}
        elif inside and key in _SIDES:
            box[_SIDES[key]] = _number(value)
    return {"filename": name, "frame": box}


def _lines(data: bytes) -> Iterator[str]:
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", "replace")
    for number, line in enumerate(text):
        if number == _MOST_LINES:
            raise UntrustedError(f"has more than {_MOST_LINES:,} lines")
        yield line.rstrip("\n")[:_LONGEST_LINE]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _whole(text: str) -> int:
    """A number rounded to the nearest pixel. Raises ValueError."""
    value = float(text[:40])
    if not math.isfinite(value):
        raise ValueError(text)
    return math.floor(value + 0.5)


def _number(text: str) -> Any:
    """As `_whole`, but returns the text if it is not a number, for the caller's error message."""
    try:
        return _whole(text)
    except ValueError:
        return text


def _text(value: str) -> str:
    """A YAML scalar as Unity writes it: plain or quoted."""
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) >= 2 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(re.sub(r"\\x([0-9A-Fa-f]{2})", r"\\u00\1", value)))
        except ValueError:
            return value[1:-1]
    return value
