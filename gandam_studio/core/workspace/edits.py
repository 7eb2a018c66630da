"""Edits: the decisions a user can make. Each reads the current state and returns exactly reversible deltas."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from gandam_studio.core.errors import DamagedWorkspace, UserError
from gandam_studio.core.texts import LONGEST_REASON, LONGEST_TAG, checked, encodable, forms
from gandam_studio.core.workspace.deltas import FIELDS, Delta
from gandam_studio.core.workspace.seqsets import Seqs, as_seqs, conditions
from gandam_studio.core.workspace.sprite import (
    COLUMN_DOMAINS,
    FACINGS,
    STATUSES,
    format_crop,
    join_tags,
    mirrored_facing,
    parse_crop,
    split_tags,
)
from trainer.protocol.manifest import is_crop
from trainer.protocol.untrusted import parse_json, shortened


class Edit(Protocol):
    """A decision about some sprites."""

    kind: ClassVar[str]

    def label(self, count: int) -> str:
        """Return the name shown for undo; `count` is the number of sprites changed."""

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        """Return the changes for the current state, without unchanged rows."""


def _sprites(count: int) -> str:
    return f"{count:,} sprite" if count == 1 else f"{count:,} sprites"


def read_fields(connection: sqlite3.Connection, seqs: Seqs, fields: str) -> list[tuple[Any, ...]]:
    """Return rows (seq, *fields) of the given sprites, ordered by seq.

    Raises UserError if a sprite does not exist or has an invalid value.
    """
    rows: list[tuple[Any, ...]] = []
    for condition, values in conditions(seqs):
        query = f"SELECT seq, {fields} FROM sprites WHERE {condition} ORDER BY seq"
        rows.extend(tuple(row) for row in connection.execute(query, values))
    if len(rows) != len(seqs):
        raise UserError("one of the sprites is not in this workspace")
    for place, field in enumerate(fields.split(", "), start=1):
        # Many rows have few distinct values: check each value once.
        if not all(map(COLUMN_DOMAINS[field], {row[place] for row in rows})):
            raise DamagedWorkspace(f"the {field} of a sprite is not valid")
    return rows


def changes_of(field: str, values: Iterable[tuple[int, Any, Any]]) -> list[Delta]:
    """Group (seq, before, after) by equal before and after into deltas, without unchanged rows."""
    groups: dict[tuple[Any, Any], list[int]] = {}
    for seq, before, after in values:
        if before != after:
            groups.setdefault((before, after), []).append(seq)
    return [Delta(field, before, after, as_seqs(seqs)) for (before, after), seqs in groups.items()]


def _map_field(connection: sqlite3.Connection, seqs: Seqs, field: str, change: Callable[[Any], Any]) -> list[Delta]:
    rows = read_fields(connection, seqs, field)
    return changes_of(field, ((seq, value, change(value)) for seq, value in rows))


@dataclass(frozen=True, eq=False)
class _OnSprites(Edit):
    """Base of edits of a selection; `seqs` may be any iterable of row numbers."""

    seqs: Seqs

    def __post_init__(self) -> None:
        object.__setattr__(self, "seqs", as_seqs(self.seqs))


@dataclass(frozen=True, eq=False)
class Flip(_OnSprites):
    """Mirror left-right; a second flip undoes the first."""

    kind: ClassVar[str] = "flip"

    def label(self, count: int) -> str:
        return f"Flip {_sprites(count)}"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        return _map_field(connection, self.seqs, "flipped", lambda flipped: 1 - flipped)


@dataclass(frozen=True, eq=False)
class SetFlipped(_OnSprites):
    """Set whether sprites are flipped."""

    flipped: bool = True
    kind: ClassVar[str] = "set-flipped"

    def label(self, count: int) -> str:
        return f"{'Flip' if self.flipped else 'Unflip'} {_sprites(count)}"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        return _map_field(connection, self.seqs, "flipped", lambda _: int(self.flipped))


@dataclass(frozen=True, eq=False)
class Rotate(_OnSprites):
    """Rotate by quarter turns clockwise. A half turn mirrors the facing, a quarter turn makes it unknown."""

    quarter_turns: int = 1
    kind: ClassVar[str] = "rotate"

    def label(self, count: int) -> str:
        return f"Rotate {_sprites(count)}"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        rows = read_fields(connection, self.seqs, "rotation, facing, flipped")
        turns, facings = [], []
        for seq, rotation, facing, flipped in rows:
            # The flip is applied after the rotation, so rotating a flipped picture reverses the direction.
            turn = -self.quarter_turns if flipped else self.quarter_turns
            turns.append((seq, rotation, (rotation + turn) % 4))
            turned = mirrored_facing(facing) if turn % 4 == 2 else facing if turn % 4 == 0 else "unknown"
            facings.append((seq, facing, turned))
        return changes_of("rotation", turns) + changes_of("facing", facings)


@dataclass(frozen=True, eq=False)
class SetStatus(_OnSprites):
    """Keep sprites, drop them, with or without a reason, or make them undecided again."""

    status: str = "undecided"
    reason: str = ""
    kind: ClassVar[str] = "status"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.status not in STATUSES:
            raise UserError(f"status must be one of {', '.join(STATUSES)}, not {shortened(str(self.status))!r}")
        object.__setattr__(self, "reason", checked(self.reason, "the reason", LONGEST_REASON))

    def label(self, count: int) -> str:
        if self.status == "undecided":
            return f"Make {_sprites(count)} undecided"
        verb = {"kept": "Keep", "dropped": "Drop"}[self.status]
        return f"{verb} {_sprites(count)}" + (f" ({shortened(self.reason)})" if self.reason else "")

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        rows = read_fields(connection, self.seqs, "status, reason")
        return changes_of("status", ((seq, status, self.status) for seq, status, _ in rows)) + changes_of(
            "reason", ((seq, reason, self.reason) for seq, _, reason in rows)
        )


def Drop(seqs: Iterable[int] | Seqs, reason: str = "") -> SetStatus:
    """Drop sprites, which leaves them out of the next version; "" gives no reason."""
    return SetStatus(as_seqs(seqs), "dropped", reason.strip())


def Keep(seqs: Iterable[int] | Seqs) -> SetStatus:
    """Keep sprites."""
    return SetStatus(as_seqs(seqs), "kept")


def Undecide(seqs: Iterable[int] | Seqs) -> SetStatus:
    """Make sprites undecided again."""
    return SetStatus(as_seqs(seqs), "undecided")


@dataclass(frozen=True, eq=False)
class Tag(_OnSprites):
    """Add and remove tags."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    kind: ClassVar[str] = "tag"

    def __post_init__(self) -> None:
        super().__post_init__()
        add = frozenset(checked(tag, "a tag", LONGEST_TAG) for tag in self.add)
        # Any existing tag can be removed, also one that is not valid now.
        remove = frozenset(form for tag in self.remove for form in forms(tag))
        if not all(tag.strip() for tag in (*add, *remove)):
            raise UserError("a tag must be a line of text")
        object.__setattr__(self, "add", add)
        object.__setattr__(self, "remove", remove)

    def label(self, count: int) -> str:
        signed = [f"+{tag}" for tag in sorted(self.add)] + [f"-{tag}" for tag in sorted(self.remove)]
        return f"Tag {_sprites(count)} ({shortened(' '.join(signed), 200)})"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        def change(text: str) -> str:
            return join_tags((set(split_tags(text)) | self.add) - self.remove)

        return _map_field(connection, self.seqs, "tags", change)


@dataclass(frozen=True, eq=False)
class SetFacing(_OnSprites):
    """Set the direction that the pictures, as shown, face."""

    facing: str = "unknown"
    kind: ClassVar[str] = "facing"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.facing not in FACINGS:
            raise UserError(f"facing must be one of {', '.join(FACINGS)}, not {self.facing!r}")

    def label(self, count: int) -> str:
        return f"Facing {self.facing} for {_sprites(count)}"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        rows = read_fields(connection, self.seqs, "facing, flipped")
        shown = {False: self.facing, True: mirrored_facing(self.facing)}
        return changes_of("facing", ((seq, before, shown[bool(flipped)]) for seq, before, flipped in rows))


@dataclass(frozen=True, eq=False)
class LookAlike(_OnSprites):
    """Flip the sprites that face the other way, so that all face `facing` ("left" or "right") as shown.

    Sprites that face front or whose facing is unknown stay as they are.
    """

    facing: str = "left"
    kind: ClassVar[str] = "look-alike"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.facing not in ("left", "right"):
            raise UserError(f"sprites can be turned to the left or the right, not {shortened(str(self.facing))!r}")

    def label(self, count: int) -> str:
        return f"Flip {_sprites(count)} to face {self.facing}"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        rows = read_fields(connection, self.seqs, "facing, flipped")
        away = mirrored_facing(self.facing)
        return changes_of(
            "flipped",
            (
                (seq, flipped, 1 - flipped)
                for seq, facing, flipped in rows
                if (mirrored_facing(facing) if flipped else facing) == away
            ),
        )


@dataclass(frozen=True, eq=False)
class SetCrop(_OnSprites):
    """Crop to a rectangle of the original, or remove the crop (None)."""

    crop: tuple[int, int, int, int] | None = None
    kind: ClassVar[str] = "crop"

    def label(self, count: int) -> str:
        return f"{'Crop' if self.crop else 'Uncrop'} {_sprites(count)}"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        """Return the changes. Raises UserError if the rectangle extends beyond a picture."""
        text = format_crop(self.crop)
        if self.crop:
            for _, name, width, height in read_fields(connection, self.seqs, "name, width, height"):
                if not is_crop(self.crop, width, height):
                    raise UserError(f"the crop {text} extends beyond {name}, which is {width} x {height}")
        return _map_field(connection, self.seqs, "crop", lambda _: text)


@dataclass(frozen=True, eq=False)
class SetValues(Edit):
    """Set fields to a value per sprite, for families, weights, splits and restored versions.

    Attributes:
        values: field -> {seq: new value}, values as the column stores them.
        title: name shown for undo; the number of sprites is appended.
    """

    values: Mapping[str, Mapping[int, Any]]
    title: str
    kind: ClassVar[str] = "values"

    def label(self, count: int) -> str:
        return f"{self.title} ({_sprites(count)})"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        found: list[Delta] = []
        for field, wanted in self.values.items():
            if field not in FIELDS:
                raise ValueError(f"no edit may change {field!r}")
            for text in {value for value in wanted.values() if isinstance(value, str)}:
                if encodable(text) != text:
                    raise UserError(f"the {field} {shortened(encodable(text))!r} is not valid text")
            rows = read_fields(connection, as_seqs(wanted), field)
            found += changes_of(field, ((seq, before, wanted[seq]) for seq, before in rows))
        return found


@dataclass(frozen=True, eq=False)
class NotDuplicates(Edit):
    """Record that the two sprites of each pair are different pictures."""

    pairs: tuple[tuple[int, int], ...]
    kind: ClassVar[str] = "not-duplicates"

    def label(self, count: int) -> str:
        return f"Not duplicates: {_sprites(count)}"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        query = "SELECT 1 FROM pairs WHERE a = ? AND b = ?"
        wanted = sorted({(min(pair), max(pair)) for pair in self.pairs if pair[0] != pair[1]})
        fresh = [pair for pair in wanted if connection.execute(query, pair).fetchone() is None]
        return [Delta("pair", None, "distinct", np.array(fresh, dtype=np.int64).ravel())] if fresh else []


def _setting_text(value: Any) -> str:
    """Return a setting's value as stored. Raises UserError if it could not be read back."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    try:
        parse_json(text)
    except ValueError as error:
        raise UserError(f"this cannot be stored as a setting: {error}") from None
    return text


@dataclass(frozen=True, eq=False)
class SetSetting(Edit):
    """Change a setting of the data set, such as the recipe. `value` is any JSON value; None removes the setting."""

    key: str
    value: Any
    title: str = "Change a setting"
    kind: ClassVar[str] = "setting"

    def label(self, count: int) -> str:
        return self.title

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        row = connection.execute("SELECT value FROM settings WHERE key = ?", (self.key,)).fetchone()
        before = row[0] if row else None
        after = None if self.value is None else _setting_text(self.value)
        if before == after:
            return []
        if after is not None and encodable(after) != after:
            raise UserError("a setting is not valid text")
        return [Delta(f"setting:{self.key}", before, after, np.empty(0, dtype=np.int64))]


@dataclass(frozen=True, eq=False)
class Together(Edit):
    """Several edits as one step of undo. They must not change the same field of the same sprite."""

    edits: tuple[Edit, ...]
    title: str
    kind: ClassVar[str] = "together"

    def label(self, count: int) -> str:
        return f"{self.title} ({_sprites(count)})"

    def deltas(self, connection: sqlite3.Connection) -> list[Delta]:
        """Return the changes. Raises ValueError if two edits would change one field of one sprite."""
        found = [delta for edit in self.edits for delta in edit.deltas(connection)]
        by_field: dict[str, list[Seqs]] = {}
        for delta in found:
            by_field.setdefault(delta.field, []).append(delta.seqs)
        for field, parts in by_field.items():
            rows = np.concatenate(parts)
            if field != "pair" and len(as_seqs(rows)) != len(rows):
                raise ValueError(f"two edits in one step change {field} of the same sprite")
        return found


__all__ = [
    "Delta", "Drop", "Edit", "Flip", "Keep", "LookAlike", "NotDuplicates", "Rotate", "SetCrop", "SetFacing",
    "SetFlipped", "SetSetting", "SetStatus", "SetValues", "Tag", "Together", "Undecide", "parse_crop",
]  # fmt: skip
