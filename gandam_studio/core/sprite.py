"""A sprite as people and machines see it: what was imported and what has been decided."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

STATUSES = ("undecided", "kept", "dropped")
FACINGS = ("left", "right", "front", "unknown")
DROP_REASONS = ("non-bipedal", "cropped", "text", "wrong style", "duplicate")

COLUMNS = (
    "seq, id, name, blob, part, width, height, colors, alpha, background, "
    "status, reason, flipped, rotation, crop, facing, tags, family, weight, split"
)


@dataclass(frozen=True, slots=True)
class Sprite:
    """One row of the workspace; `core.schema` comments every column.

    Attributes that read differently from the column: `flipped`, `alpha` are bool; `crop` is (x, y, w, h) or None;
    `tags` a sorted tuple; `facing` is that of the picture before the flip (see `shown_facing`).
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
        """Build from a row of `COLUMNS`."""
        values = list(row)
        values[8] = bool(values[8])
        values[12] = bool(values[12])
        values[14] = parse_crop(values[14])
        values[16] = split_tags(values[16])
        return cls(*values)

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


def mirrored_facing(facing: str) -> str:
    """Left becomes right and right becomes left; the others stay."""
    return {"left": "right", "right": "left"}.get(facing, facing)


def parse_crop(text: str) -> tuple[int, int, int, int] | None:
    """'x,y,w,h' -> four ints; '' -> None."""
    if not text:
        return None
    x, y, w, h = map(int, text.split(","))
    return x, y, w, h


def format_crop(crop: tuple[int, int, int, int] | None) -> str:
    """The column's text for a crop (see `parse_crop`)."""
    return "" if crop is None else ",".join(str(int(value)) for value in crop)


def split_tags(text: str) -> tuple[str, ...]:
    """The column's text -> sorted tags."""
    return tuple(text.strip("\n").split("\n")) if text else ()


def join_tags(tags: set[str] | frozenset[str] | tuple[str, ...]) -> str:
    """Sorted tags -> the column's text: framed by newlines, so `LIKE '%\\ntag\\n%'` finds whole tags only."""
    return "\n" + "\n".join(sorted(set(tags))) + "\n" if tags else ""
