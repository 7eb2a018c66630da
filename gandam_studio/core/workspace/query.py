"""Filters: which sprites to show, and in which order. A Filter becomes one SQL query for row numbers."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandam_studio.core.errors import UserError
from gandam_studio.core.places import PLACE, place_contains
from gandam_studio.core.texts import contains, equals
from gandam_studio.core.workspace.seqsets import Seqs
from trainer.protocol.untrusted import MAX_INTEGER, MAX_TEXT, Values

# Sort order -> SQL. Ties are broken by import order, so that the order is stable.
ORDERS = {
    "imported": "seq",
    "name": "natural_key(name), seq",
    "status": "status, seq",
    "facing": "facing, seq",
    "size": "width * height, seq",
    "aspect": "CAST(width AS REAL) / height, seq",
    "colors": "colors, seq",
    "alpha": "alpha, seq",
    "tags": "natural_key(tags), seq",
    "source": f"natural_key(coalesce((SELECT {PLACE} FROM sources WHERE sprite = sprites.seq LIMIT 1), '')), seq",
    "family": "natural_key(family), seq",
    "similarity": "seq",  # then sorted by similarity to the sprite `like`, see likeness.py
    "surprise": "seq",  # then each as unlike those before it as can be, see surprising.py
}


BLANK = "(colors = 0 OR colors = 1 AND alpha = 0)"
"""SQL: the sprite shows nothing, or a single colour."""


@dataclass(frozen=True)
class Filter:
    """Criteria that a sprite must meet, all of them, and a sort order. None or "" means any.

    Attributes:
        status: one of sprite.STATUSES, or "not-dropped".
        facing: as shown, after the flip.
        tag: a whole tag; "-tag" for sprites without it.
        source: text in the place a sprite was imported from: its path, including the entry of an archive.
        text: text in the file name.
        family: name of a family; "*" for sprites in any family.
        reason: the reason for a drop.
        flipped, alpha: whether the sprite is flipped, has transparency.
        blank: whether it shows nothing, or a single colour.
        faint: whether it can hardly be seen on the recipe's background (see `Workspace.select`).
        min_side, max_side: bounds on the longer side, in pixels.
        min_colors, max_colors: bounds on the number of distinct colours.
        min_aspect, max_aspect: bounds on width / height.
        order: a key of ORDERS.
        descending: reverse the order.
        like: row number of the sprite that the order "similarity" compares with.
    """

    status: str = ""
    facing: str = ""
    tag: str = ""
    source: str = ""
    text: str = ""
    family: str = ""
    reason: str = ""
    flipped: bool | None = None
    alpha: bool | None = None
    blank: bool | None = None
    faint: bool | None = None
    min_side: int | None = None
    max_side: int | None = None
    min_colors: int | None = None
    max_colors: int | None = None
    min_aspect: float | None = None
    max_aspect: float | None = None
    order: str = "imported"
    descending: bool = False
    like: int | None = None

    def __post_init__(self) -> None:
        for name in ("tag", "source", "text", "family", "reason"):
            if len(getattr(self, name)) > MAX_TEXT:
                raise UserError(f"a filter's {name} is longer than {MAX_TEXT:,} characters")

    @property
    def is_everything(self) -> bool:
        """True without criteria and in import order: the rows are then 1, 2, 3 ... count."""
        return self == Filter()

    @property
    def has_criteria(self) -> bool:
        """True if any criterion is set, regardless of the order."""
        return dataclasses.replace(self, order="imported", descending=False, like=None) != Filter()

    def to_json(self) -> dict[str, Any]:
        """Return the values that differ from the defaults."""
        plain = Filter()
        values = dataclasses.asdict(self)
        return {name: value for name, value in values.items() if value != getattr(plain, name)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Filter:
        """Build from plain values. Raises ValueError for an unknown name or order, or a wrong type."""
        known = {field.name: field.type for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise ValueError(f"unknown filter {unknown[0]!r}")
        found = Values(values)
        for name in values:
            _READ[str(known[name])](found, name)
        made = cls(**values)
        if made.order not in ORDERS:
            raise ValueError(f"unknown order {made.order!r}")
        return made

    def where(self) -> tuple[str, list[Any]]:
        """Return the SQL condition (without WHERE; "1" for any) and its parameters."""
        terms: list[str] = []
        values: list[Any] = []

        def term(sql: str, *parameters: Any) -> None:
            terms.append(sql)
            values.extend(parameters)

        if self.status == "not-dropped":
            term("status != 'dropped'")
        elif self.status:
            term("status = ?", self.status)
        if self.facing in ("left", "right"):
            other = "right" if self.facing == "left" else "left"
            term("facing = CASE flipped WHEN 0 THEN ? ELSE ? END", self.facing, other)
        elif self.facing:
            term("facing = ?", self.facing)
        if self.tag:
            condition, parameters = contains("tags", f"\n{self.tag.removeprefix('-')}\n")
            term(f"NOT {condition}" if self.tag.startswith("-") else condition, *parameters)
        if self.source:
            condition, parameters = place_contains(self.source)
            term(f"seq IN (SELECT sprite FROM sources WHERE {condition})", *parameters)
        if self.text:
            condition, parameters = contains("name", self.text)
            term(condition, *parameters)
        if self.family == "*":
            term("family != ''")
        elif self.family:
            condition, parameters = equals("family", self.family)
            term(condition, *parameters)
        if self.reason:
            condition, parameters = equals("reason", self.reason)
            term(condition, *parameters)
        for column, flag in (("flipped", self.flipped), ("alpha", self.alpha)):
            if flag is not None:
                term(f"{column} = ?", int(flag))
        if self.blank is not None:
            term(BLANK if self.blank else f"NOT {BLANK}")
        for sql, bound in (
            ("max(width, height) >= ?", self.min_side),
            ("max(width, height) <= ?", self.max_side),
            ("colors >= ?", self.min_colors),
            ("colors <= ?", self.max_colors),
            ("CAST(width AS REAL) / height >= ?", self.min_aspect),
            ("CAST(width AS REAL) / height <= ?", self.max_aspect),
        ):
            if bound is not None:
                # SQLite does not accept integers beyond 64 bits; no picture has such values.
                term(sql, max(-MAX_INTEGER, min(bound, MAX_INTEGER)))
        return " AND ".join(terms) or "1", values

    def select(self, connection: sqlite3.Connection) -> Seqs:
        """Return the row numbers that match all but `faint`, sorted. Raises UserError for an unknown order."""
        if self.order not in ORDERS:
            raise UserError(f"cannot sort by {self.order!r}; known: {', '.join(ORDERS)}")
        if self.is_everything:
            (count,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
            return np.arange(1, count + 1, dtype=np.int64)
        where, values = self.where()
        order = ORDERS[self.order]
        if self.descending:
            first, _, last = order.rpartition(", ")  # the first term may contain commas
            order = f"{first} DESC, {last} DESC" if first else f"{last} DESC"
        rows = connection.execute(f"SELECT seq FROM sprites WHERE {where} ORDER BY {order}", values)
        found = np.fromiter((row[0] for row in rows), dtype=np.int64)
        if self.order == "surprise":
            from gandam_studio.core.workspace.surprising import by_surprise

            ordered = by_surprise(connection, np.sort(found))
            return ordered[::-1] if self.descending else ordered
        if self.order != "similarity":
            return found
        if self.like is None:
            raise UserError("sorting by similarity needs a sprite to compare with")
        from gandam_studio.core.workspace.likeness import by_likeness

        ordered = by_likeness(connection, np.sort(found), self.like)
        return ordered[::-1] if self.descending else ordered


def common_border(connection: sqlite3.Connection) -> str:
    """Return the most common border colour of sprites that are not dropped, "#rrggbb"; white if none has one."""
    query = """SELECT background FROM sprites WHERE background != '' AND status != 'dropped'
               GROUP BY background ORDER BY count(*) DESC, background LIMIT 1"""
    row = connection.execute(query).fetchone()
    return row[0] if row else "#ffffff"


# Type of a field -> how to read a stored value.
_READ: dict[str, Callable[[Values, str], Any]] = {
    "str": Values.text,
    "bool": Values.flag,
    "bool | None": lambda values, name: values.raw(name) is None or values.flag(name),
    "int | None": lambda values, name: values.raw(name) is None or values.integer(name, least=-MAX_INTEGER),
    "float | None": lambda values, name: values.raw(name) is None or values.number(name),
}
