"""The Sprite: a row of the table `sprites`, with what was imported and what has been decided."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from gandam_studio.core.errors import DamagedWorkspace, UserError
from trainer.protocol.manifest import (
    FACINGS,
    MAX_SIDE,
    MAX_TAGS,
    SPLITS,
    is_crop,
    is_digest,
    is_name,
    is_part,
    is_rotation,
    is_side,
    is_tag,
    is_weight,
    is_whole,
)
from trainer.protocol.untrusted import MAX_INTEGER, shortened

STATUSES = ("undecided", "kept", "dropped")

COLUMNS = (
    "seq, id, name, blob, part, width, height, colors, alpha, background, "
    "status, reason, flipped, rotation, crop, facing, tags, family, weight, split"
)


@dataclass(frozen=True, slots=True)
class Sprite:
    """One row of the table `sprites`; the columns are described in `schema`.

    Attributes that differ from the column: `flipped` and `alpha` are bool, `crop` is (x, y, w, h) or None, `tags` is a
    sorted tuple. `facing` is that of the picture before the flip (see `shown_facing`).
    """

    seq: int
    id: str
    name: str
    blob: str
    part: str
    width: int
    height: int
    colors: int
    alpha: bool
    background: str
    status: str
    reason: str
    flipped: bool
    rotation: int
    crop: tuple[int, int, int, int] | None
    facing: str
    tags: tuple[str, ...]
    family: str
    weight: float
    split: str

    @classmethod
    def from_row(cls, row: sqlite3.Row | tuple[Any, ...]) -> Sprite:
        """Build from a row of `COLUMNS`. Raises DamagedWorkspace if a value is outside its column's domain."""
        return cls(*cls.checked(row))

    @staticmethod
    def checked(row: sqlite3.Row | tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the attributes, in their order, of the sprite in a row of `COLUMNS`. Raises as `from_row`."""
        seq, key, name, blob, part, width, height, colors = row[:8]
        decisions = _DECISIONS_CACHE.get(row[8:])
        # A fast check that most rows pass; other rows are checked column by column (`are_sound` checks many at once).
        if not (
            decisions is not None
            and (part == "" or is_part(part))
            and type(seq) is type(width) is type(height) is type(colors) is int
            and type(key) is type(name) is type(blob) is str
            and len(key) == 64
            and _TWO_DIGESTS(key + blob)
            and ((name.isascii() and name.isprintable() and len(name) < 256) or is_name(name))
            and 0 < width <= MAX_SIDE
            and 0 < height <= MAX_SIDE
            and seq > 0
            and colors >= 0
        ):
            decisions = _checked_decisions(tuple(row))
        return (seq, key, name, blob, part, width, height, colors, *decisions)

    @property
    def shown_facing(self) -> str:
        """Facing of the picture as shown, after the flip."""
        return mirrored_facing(self.facing) if self.flipped else self.facing

    def to_json(self) -> dict[str, Any]:
        """The contract of `gandam-studio list --json`."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "reason": self.reason,
            "flipped": self.flipped,
            "facing": self.shown_facing,
            "tags": list(self.tags),
            "width": self.width,
            "height": self.height,
            "rotation": self.rotation,
            "crop": list(self.crop) if self.crop else None,
            "family": self.family,
            "weight": self.weight,
            "split": self.split,
            "colors": self.colors,
            "alpha": self.alpha,
            "background": self.background,
            "part": self.part,
            "source_digest": self.blob,
        }

    @classmethod
    def damaged(cls, seq: int) -> Sprite:
        """Return a placeholder for a row that cannot be read, so that a list keeps its length: dropped, no picture."""
        return cls(
            seq, "0" * 64, "(damaged)", "0" * 64, "", 1, 1, 0, False, "", "dropped", "damaged", False, 0, None,
            "unknown", (), "", 1.0, "",
        )  # fmt: skip


def are_sound(pictures: Sequence[Sequence[Any]]) -> bool:
    """Whether the first eight of `COLUMNS`, each given as the values of many rows, hold valid values only.

    A tenth of the time of checking row by row. Where it is false, `Sprite.checked` tells which row is damaged.
    """
    seqs, keys, names, blobs, parts, widths, heights, colors = pictures
    numbers, texts = chain(seqs, widths, heights, colors), chain(keys, names, blobs, parts)
    if {*map(type, numbers)} != {int} or {*map(type, texts)} != {str}:
        return False
    shown = "".join(names)
    return (
        {*map(len, keys), *map(len, blobs)} == {64}
        and _HEX("".join(chain(keys, blobs))) is not None
        and ((shown.isascii() and shown.isprintable() and max(map(len, names)) < 256) or all(map(is_name, names)))
        and (not any(parts) or all(map(is_part, parts)))
        and min(map(min, (seqs, widths, heights))) > 0
        and max(map(max, (widths, heights))) <= MAX_SIDE
        and min(colors) >= 0
    )


def check_value(field: str, value: Any) -> None:
    """Raise UserError unless `value`, as stored in its column, is valid for `field`.

    Every decision is checked before it is stored, also on undo and redo.
    """
    if not COLUMN_DOMAINS[field](value):
        shown = shortened(str(value), 40) if isinstance(value, (str, int, float)) else type(value).__name__
        raise UserError(f"{field} cannot be {shown!r}")


def mirrored_facing(facing: str) -> str:
    """Swap left and right; other values are unchanged."""
    return {"left": "right", "right": "left"}.get(facing, facing)


def parse_crop(text: str) -> tuple[int, int, int, int] | None:
    """Parse 'x,y,w,h' to four ints; '' to None."""
    if not text:
        return None
    x, y, w, h = map(int, text.split(","))
    return x, y, w, h


def format_crop(crop: tuple[int, int, int, int] | None) -> str:
    """Return the column's text for a crop (see `parse_crop`)."""
    return "" if crop is None else ",".join(str(int(value)) for value in crop)


def split_tags(text: str) -> tuple[str, ...]:
    """Return the sorted tags in the column's text."""
    return tuple(text.strip("\n").split("\n")) if text else ()


def _is_flag(value: Any) -> bool:
    return is_whole(value, 0, 1)


def _is_count(value: Any) -> bool:
    return is_whole(value, 0, MAX_INTEGER)


def _is_background(value: Any) -> bool:
    return value == "" or (isinstance(value, str) and re.fullmatch("#[0-9a-f]{6}", value) is not None)


def _is_crop_text(value: Any) -> bool:
    return value == "" or (
        isinstance(value, str)
        and re.fullmatch("[0-9]{1,7}(,[0-9]{1,7}){3}", value) is not None
        and is_crop(parse_crop(value))
    )


def _is_tags_text(value: Any) -> bool:
    if value == "":
        return True
    if not isinstance(value, str):
        return False
    tags = split_tags(value)
    return len(tags) <= MAX_TAGS and all(map(is_tag, tags)) and value == join_tags(tags)


# Column of `sprites` -> whether a value is valid there.
COLUMN_DOMAINS: dict[str, Callable[[Any], bool]] = {
    "seq": lambda value: is_whole(value, 1, MAX_INTEGER),
    "id": is_digest,
    "name": is_name,
    "blob": is_digest,
    "part": is_part,
    "width": is_side,
    "height": is_side,
    "colors": _is_count,
    "alpha": _is_flag,
    "background": _is_background,
    "status": STATUSES.__contains__,
    "reason": is_name,
    "flipped": _is_flag,
    "rotation": is_rotation,
    "crop": _is_crop_text,
    "facing": FACINGS.__contains__,
    "tags": _is_tags_text,
    "family": is_name,
    "weight": is_weight,
    "split": ("", *SPLITS).__contains__,
}


# Cache: the columns after `colors` as stored -> as in `Sprite`. Most rows share few distinct combinations.
_DECISIONS_CACHE: dict[tuple[Any, ...], tuple[Any, ...]] = {}
_CACHE_SIZE = 4096
_TWO_DIGESTS = re.compile("[0-9a-f]{128}").fullmatch
_HEX = re.compile("[0-9a-f]*").fullmatch


def _checked_decisions(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Check every value of a row and return those after `colors`. Raises DamagedWorkspace."""
    for column, value in zip(COLUMNS.split(", "), row, strict=True):
        if not COLUMN_DOMAINS[column](value):
            which = f"sprite {row[0]}" if isinstance(row[0], int) else "a sprite"
            raise DamagedWorkspace(f"the {column} of {which} is not valid")
    alpha, background, status, reason, flipped, rotation, crop, facing, tags, family, weight, split = row[8:]
    found = (
        bool(alpha), background, status, reason, bool(flipped), rotation, parse_crop(crop), facing, split_tags(tags),
        family, weight, split,
    )  # fmt: skip
    if len(_DECISIONS_CACHE) >= _CACHE_SIZE:
        _DECISIONS_CACHE.clear()
    _DECISIONS_CACHE[row[8:]] = found
    return found


def join_tags(tags: set[str] | frozenset[str] | tuple[str, ...]) -> str:
    """Return the column's text for tags: sorted, framed by newlines, so `LIKE '%\\ntag\\n%'` finds whole tags only."""
    return "\n" + "\n".join(sorted(set(tags))) + "\n" if tags else ""
