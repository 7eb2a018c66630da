"""Sheet descriptions: files that list the frames of a sheet, as TexturePacker, Aseprite and Phaser write them.

Reads the JSON layouts "hash" (frames by name) and "array" (a list of frames) and Godot's .tpsheet; Unity's formats are
in `unity`. One file may describe several sheets. Rotated frames are turned upright, and trimmed frames are padded to
their original size.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from gandam_studio.core.importing.items import REJECTED, Item, ItemOutcome
from gandam_studio.core.importing.sheets import MAXIMUM_REGIONS, Atlas
from gandam_studio.core.importing.unity import Frames, read_meta, read_tpsheet
from gandam_studio.core.pictures.decoding.parts import Piece
from trainer.protocol import untrusted
from trainer.protocol.untrusted import UntrustedError, Values, read_regular

MAXIMUM_BYTES = 16 << 20
_MOST_DESCRIPTIONS = 10_000  # in one folder
_MOST_SHEETS = 200  # in one description
_LARGEST = 999_999  # pixels a side, as parts name them
_META = ".meta"


@dataclass(frozen=True)
class Folder:
    """The sheet descriptions of one folder.

    Attributes:
        sheets: the atlas of each sheet, by file name.
        descriptions: names of the description files that were used.
        problems: name of each invalid description, with the reason.
    """

    sheets: dict[str, Atlas] = field(default_factory=dict)
    descriptions: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, data: bytes, names: Container[str]) -> None:
        """Add the description `name`; `names` are the files of the folder. Files that describe no sheet are ignored."""
        try:
            found = _described(name, data)
        except UntrustedError as error:
            self.problems[name] = f"invalid description of a sheet: {error}"
            return
        for sheet, atlas in found:
            if sheet not in names:
                self.problems[name] = f"describes a sheet that does not exist: {untrusted.shortened(sheet)}"
            elif sheet not in self.sheets:
                self.sheets[sheet] = atlas
                self.descriptions.add(name)
            elif name.lower().endswith(_META):
                self.descriptions.add(name)  # Unity's copy of what TexturePacker wrote to its own file
            else:
                self.problems[name] = f"describes {untrusted.shortened(sheet)}, which another file already describes"

    def settle(self, item: Item, name: str, key_mode: str = "") -> Item | tuple[Item, ItemOutcome] | None:
        """Set how the file `name` is cut if it is a described sheet. Returns None for a description, and an outcome
        too for an invalid one.

        `key_mode` names the import's key colour; "" for none.
        """
        if name in self.problems:
            return item, ItemOutcome(REJECTED, self.problems[name])
        if name in self.descriptions:
            return None
        if (atlas := self.sheets.get(name)) is not None:
            item.cut, item.cut_mode = atlas.to_json(), f"{atlas.mode}+{key_mode}" if key_mode else atlas.mode
        return item


def describe_folder(path: str) -> Folder:
    """Read every description in a folder. Unreadable files are skipped: the scan of the folder reports them."""
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
    """Whether a file may describe sheets, by its name; `names` are the files of its folder, if known."""
    lower = name.lower()
    if lower.endswith(_META):
        return names is None or name[: -len(_META)] in names
    return lower.endswith((".json", ".tpsheet"))


def reading_order(names: Iterable[str]) -> list[str]:
    """Sort descriptions by name, Unity's .meta files last: for each sheet, the first description counts."""
    return sorted(names, key=lambda name: (name.lower().endswith(_META), name))


def _described(name: str, data: bytes) -> list[tuple[str, Atlas]]:
    """The sheets in a description, with their frames. Raises UntrustedError if it is invalid."""
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
        raise UntrustedError(f"has more than {MAXIMUM_REGIONS:,} frames")
    return Atlas(tuple(_frame(None, frame) for frame in frames), from_below=True)


def _file_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def parse_atlases(values: Any, stem: str = "") -> list[tuple[str, Atlas]]:
    """Return the file names of the sheets that parsed JSON describes, with their frames; [] if it describes none.

    `stem` is the name of the description without its suffix: a sheet without a name is taken to be its PNG. Raises
    UntrustedError for an invalid description.
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
    """Convert Godot's frames to the common layout. Godot's margin is what was trimmed on all sides."""
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
        raise UntrustedError(f"has more than {MAXIMUM_REGIONS:,} frames")
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
    # Width and height are those of the upright frame; on the sheet it is rotated clockwise.
    box = (x, y, h, w) if turned else (x, y, w, h)
    canvas = None
    if "sourceSize" in frame and "spriteSourceSize" in frame:
        size = frame.object("sourceSize")
        wide, high = size.integer("w", least=1, most=_LARGEST), size.integer("h", least=1, most=_LARGEST)
        left, top, _, _ = _box(frame.object("spriteSourceSize"), least_side=0)
        if left + w > wide or top + h > high:
            raise UntrustedError(f"{where}: does not fit its source size")
        if (wide, high, left, top) != (w, h, 0, 0):
            canvas = (wide, high, left, top)
    return Piece(box, 3 if turned else 0, canvas, name=untrusted.shortened(name, 200))


def _box(values: Values, *, least_side: int) -> tuple[int, int, int, int]:
    x, y = (values.integer(name, least=0, most=_LARGEST) for name in ("x", "y"))
    w, h = (values.integer(name, least=least_side, most=_LARGEST) for name in ("w", "h"))
    return x, y, w, h
