"""Descriptions beside a sheet that say where its frames lie: the JSON that TexturePacker, Aseprite and Phaser write.

Both layouts are read, frames by name ("hash") and frames in a list ("array"). Rotated frames are set upright, trimmed
ones are laid on their full size again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from gandam_studio.core.importing.sheets import MAXIMUM_REGIONS, Atlas
from gandam_studio.core.pictures.decoding.parts import Piece
from trainer.protocol import untrusted
from trainer.protocol.untrusted import UntrustedError, Values

MAXIMUM_BYTES = 16 << 20
_MOST_DESCRIPTIONS = 10_000  # in one folder
_LARGEST = 999_999  # pixels a side, as parts name them


@dataclass(frozen=True)
class Folder:
    """What the descriptions in one folder say.

    Attributes:
        sheets: the atlas of a sheet, by the sheet's file name.
        descriptions: names of the JSON files that were used for it.
        problems: names of those that describe a sheet wrongly, or one that is not there, and why.
    """

    sheets: dict[str, Atlas] = field(default_factory=dict)
    descriptions: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)


def describe_folder(path: str) -> Folder:
    """Read every description in a folder; what cannot be read is left to whoever lists the folder."""
    folder = Folder()
    try:
        names = {entry.name for entry in os.scandir(path)}
    except OSError:
        return folder
    for name in sorted(name for name in names if name.lower().endswith(".json"))[:_MOST_DESCRIPTIONS]:
        try:
            read = read_atlas(os.path.join(path, name))
        except UntrustedError as error:
            folder.problems[name] = f"describes a sheet wrongly: {error}"
            continue
        except OSError:
            continue
        if read is None:
            continue
        sheet, atlas = read
        if sheet not in names:
            folder.problems[name] = f"describes a sheet that is not there: {untrusted.shortened(sheet)}"
        elif sheet in folder.sheets:
            folder.problems[name] = f"describes {untrusted.shortened(sheet)} as another file does"
        else:
            folder.sheets[sheet] = atlas
            folder.descriptions.add(name)
    return folder


def read_atlas(path: Path | str) -> tuple[str, Atlas] | None:
    """The sheet's file name and its frames, when a JSON file describes a sheet; None when it is about other things.

    Raises UntrustedError when it describes one wrongly, and OSError.
    """
    try:
        values = untrusted.read_json(path, max_bytes=MAXIMUM_BYTES)
    except UntrustedError:
        return None
    return parse_atlas(values, Path(os.fspath(path)).stem)


def parse_atlas(values: Any, stem: str = "") -> tuple[str, Atlas] | None:
    """As `read_atlas`, of parsed JSON; `stem` is the description's own name, whose PNG is meant where none is named."""
    if not isinstance(values, dict):
        return None
    if "textures" in values and isinstance(values["textures"], list) and len(values["textures"]) == 1:
        texture = values["textures"][0]  # Phaser 3
        if not isinstance(texture, dict):
            return None
        return parse_atlas({**texture, "meta": {"image": texture.get("image", "")}, "textures": None}, stem)
    frames = values.get("frames")
    if not isinstance(frames, dict | list) or not frames:
        return None
    named = list(frames.items()) if isinstance(frames, dict) else [(None, frame) for frame in frames]
    if not all(isinstance(frame, dict) and isinstance(frame.get("frame"), dict) for _, frame in named):
        return None
    if len(named) > MAXIMUM_REGIONS:
        raise UntrustedError(f"names more than {MAXIMUM_REGIONS:,} frames")
    meta = values.get("meta")
    image = meta.get("image") if isinstance(meta, dict) else None
    if not isinstance(image, str) or not image:
        image = f"{stem}.png"
    found = [_frame(name, frame) for name, frame in named]
    return PurePosixPath(image.replace("\\", "/")).name, Atlas(tuple(found))


def _frame(name: str | None, values: dict[str, Any]) -> Piece:
    name = str(values.get("filename") or "") if name is None else name
    where = f"frame {untrusted.shortened(name, 40)!r}"
    frame = Values(values, where)
    x, y, w, h = _box(frame.object("frame"), least_side=1)
    turned = frame.raw("rotated", False) is True
    # The rotated frame's sides are given as they are upright; on the sheet it lies turned clockwise.
    box = (x, y, h, w) if turned else (x, y, w, h)
    canvas = None
    if "sourceSize" in frame and "spriteSourceSize" in frame:
        size = frame.object("sourceSize")
        wide, high = size.integer("w", least=1, most=_LARGEST), size.integer("h", least=1, most=_LARGEST)
        left, top, _, _ = _box(frame.object("spriteSourceSize"), least_side=0)
        if left + w > wide or top + h > high:
            raise UntrustedError(f"{where}: does not fit its own size")
        if (wide, high, left, top) != (w, h, 0, 0):
            canvas = (wide, high, left, top)
    return Piece(box, 3 if turned else 0, canvas, name=untrusted.shortened(name, 200))


def _box(values: Values, *, least_side: int) -> tuple[int, int, int, int]:
    x, y = (values.integer(name, least=0, most=_LARGEST) for name in ("x", "y"))
    w, h = (values.integer(name, least=least_side, most=_LARGEST) for name in ("w", "h"))
    return x, y, w, h
