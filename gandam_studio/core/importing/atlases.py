"""Descriptions beside a sheet that say where its frames lie: the JSON that TexturePacker, Aseprite and Phaser write.

Both layouts are read, frames by name ("hash") and frames in a list ("array"), and the files for Godot (.tpsheet). One
file may describe several sheets. Rotated frames are set upright, trimmed ones are laid on their full size again. Those
for Unity are no JSON (`unity`).
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from gandam_studio.core.importing.items import REJECTED, Item, Outcome
from gandam_studio.core.importing.sheets import MAXIMUM_REGIONS, Atlas
from gandam_studio.core.importing.unity import Frames, read_meta, read_tpsheet
from gandam_studio.core.pictures.decoding.parts import Piece
from trainer.protocol import untrusted
from trainer.protocol.untrusted import UntrustedError, Values, read_regular

MAXIMUM_BYTES = 16 << 20
_MOST_DESCRIPTIONS = 10_000  # in one folder
_MOST_SHEETS = 200  # that one file describes
_LARGEST = 999_999  # pixels a side, as parts name them
_META = ".meta"


@dataclass(frozen=True)
class Folder:
    """What the descriptions in one folder say.

    Attributes:
        sheets: the atlas of a sheet, by the sheet's file name.
        descriptions: names of the files that were used for it.
        problems: names of those that describe a sheet wrongly, or one that is not there, and why.
    """

    sheets: dict[str, Atlas] = field(default_factory=dict)
    descriptions: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, data: bytes, names: Container[str]) -> None:
        """Take what the description `name` says; `names` are those of the folder's files. Files about other things are
        passed over.
        """
        try:
            found = _described(name, data)
        except UntrustedError as error:
            self.problems[name] = f"describes a sheet wrongly: {error}"
            return
        for sheet, atlas in found:
            if sheet not in names:
                self.problems[name] = f"describes a sheet that is not there: {untrusted.shortened(sheet)}"
            elif sheet not in self.sheets:
                self.sheets[sheet] = atlas
                self.descriptions.add(name)
            elif name.lower().endswith(_META):
                self.descriptions.add(name)  # TexturePacker lets Unity write there what its own file says
            else:
                self.problems[name] = f"describes {untrusted.shortened(sheet)} as another file does"

    def settle(self, item: Item, name: str, key_mode: str = "") -> Item | tuple[Item, Outcome] | None:
        """What becomes of the folder's file `name`: nothing of a description, and a sheet is cut by its own.

        `key_mode` names the import's key colour, "" without one.
        """
        if name in self.problems:
            return item, Outcome(REJECTED, self.problems[name])
        if name in self.descriptions:
            return None
        if (atlas := self.sheets.get(name)) is not None:
            item.cut, item.cut_mode = atlas.to_json(), f"{atlas.mode}+{key_mode}" if key_mode else atlas.mode
        return item


def describe_folder(path: str) -> Folder:
    """Read every description in a folder; what cannot be read is left to whoever lists the folder."""
    folder = Folder()
    try:
        names = {entry.name for entry in os.scandir(path)}
    except OSError:
        return folder
    for name in reading_order(name for name in names if may_describe(name, names))[:_MOST_DESCRIPTIONS]:
        try:
            folder.read(name, read_regular(os.path.join(path, name), MAXIMUM_BYTES), names)
        except (UntrustedError, OSError):
            continue
    return folder


def may_describe(name: str, names: Container[str] | None = None) -> bool:
    """Whether a file may describe sheets, by its name; `names` are those of its folder's files, if they are known."""
    lower = name.lower()
    if lower.endswith(_META):
        return names is None or name[: -len(_META)] in names
    return lower.endswith((".json", ".tpsheet"))


def reading_order(names: Iterable[str]) -> list[str]:
    """Sort descriptions, those that Unity keeps for itself last: what another program says of a sheet counts first."""
    return sorted(names, key=lambda name: (name.lower().endswith(_META), name))


def _described(name: str, data: bytes) -> list[tuple[str, Atlas]]:
    """The sheets that a description names, with their frames. Raises UntrustedError when it describes one wrongly."""
    if name.lower().endswith(_META):
        frames = read_meta(data)
        return [(name[: -len(_META)], _from_below(frames))] if frames else []
    stem = PurePosixPath(name).stem
    try:
        values = untrusted.parse_json(data)
    except UntrustedError:
        read = read_tpsheet(data) if name.lower().endswith(".tpsheet") else None
        return [(_file_name(read[0] or f"{stem}.png"), _from_below(read[1]))] if read else []
    return parse_atlases(values, stem)


def _from_below(frames: Frames) -> Atlas:
    if len(frames) > MAXIMUM_REGIONS:
        raise UntrustedError(f"names more than {MAXIMUM_REGIONS:,} frames")
    return Atlas(tuple(_frame(None, frame) for frame in frames), from_below=True)


def _file_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def parse_atlases(values: Any, stem: str = "") -> list[tuple[str, Atlas]]:
    """The file names of the sheets that parsed JSON describes, with their frames; none when it is about other things.

    `stem` is the description's own name, whose PNG is meant where none is named. Raises UntrustedError when it
    describes one wrongly.
    """
    if not isinstance(values, dict):
        return []
    textures = values.get("textures")
    if not isinstance(textures, list):
        read = _parse_one(values, stem)
        return [read] if read is not None else []
    found = []
    for texture in textures[:_MOST_SHEETS]:  # Phaser 3, and TexturePacker for Godot
        if isinstance(texture, dict):
            frames = _godot_frames(texture) if "sprites" in texture else texture.get("frames")
            read = _parse_one({"frames": frames, "meta": {"image": texture.get("image", "")}}, stem)
            if read is not None:
                found.append(read)
    return found


def _godot_frames(texture: dict[str, Any]) -> list[Any]:
    """The frames of a texture for Godot, as other programs have them: the margin is what was trimmed on all sides."""
    sprites = texture["sprites"] if isinstance(texture["sprites"], list) else []
    frames = []
    for sprite in sprites[: MAXIMUM_REGIONS + 1]:
        if not isinstance(sprite, dict) or not isinstance(sprite.get("region"), dict):
            continue
        frame: dict[str, Any] = {"filename": sprite.get("filename"), "frame": sprite["region"]}
        if isinstance(sprite.get("margin"), dict):
            name = f"frame {untrusted.shortened(str(sprite.get('filename')), 40)!r}"
            left, top, more_w, more_h = _box(Values(sprite["margin"], name), least_side=0)
            _, _, w, h = _box(Values(sprite["region"], name), least_side=1)
            frame["sourceSize"] = {"w": w + more_w, "h": h + more_h}
            frame["spriteSourceSize"] = {"x": left, "y": top, "w": w, "h": h}
        frames.append(frame)
    return frames


def _parse_one(values: dict[str, Any], stem: str) -> tuple[str, Atlas] | None:
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
    return _file_name(image), Atlas(tuple(found))


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
