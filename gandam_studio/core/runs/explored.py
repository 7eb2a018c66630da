"""Favourites and named directions of a run: in explored.json in its folder, so that they travel with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.texts import LONGEST_LABEL, checked
from trainer.protocol import files
from trainer.protocol.sample_notes import Vector as Vector
from trainer.protocol.sample_notes import text_of, vector_of
from trainer.protocol.untrusted import UntrustedError, Values, read_json_object

FILE = "explored.json"
KINDS = ("sefa", "pca", "tag", "picks")
MOST = 1000
LONGEST_NOTE = 400
_SCHEMA = 1
_BYTES = 64 << 20
_LONGEST_REST = 8 << 10  # of an entry, without its vector


@dataclass(frozen=True, eq=False)
class Favourite:
    """A sample that a person keeps.

    Attributes:
        name: unique. vector: its latent. iteration: of the checkpoint it was found with. origin: what it is, in words.
        label: name of its class, "" for none. latent: what alone draws it again, such as "7/3"; "" if nothing does.
    """

    name: str
    vector: Vector
    iteration: int = 0
    origin: str = ""
    label: str = ""
    latent: str = ""


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction that a person keeps.

    Attributes:
        name: unique. vector: of length 1. iteration: of the checkpoint it was found with. kind: one of `KINDS`.
        note: what is known about it, in words.
    """

    name: str
    vector: Vector
    iteration: int = 0
    kind: str = "sefa"
    note: str = ""


@dataclass(frozen=True)
class Explored:
    """What is kept of a run."""

    favourites: tuple[Favourite, ...] = ()
    directions: tuple[Direction, ...] = field(default=())

    def with_favourite(self, one: Favourite) -> Explored:
        """With another favourite, under a name that is free."""
        named = dataclasses.replace(one, name=free_name(one.name, self.favourites))
        return dataclasses.replace(self, favourites=(*self.favourites, named))

    def with_direction(self, one: Direction) -> Explored:
        """With another direction, under a name that is free."""
        named = dataclasses.replace(one, name=free_name(one.name, self.directions))
        return dataclasses.replace(self, directions=(*self.directions, named))

    def beyond(self, other: Explored) -> Explored:
        """What is kept here and not in `other`."""
        favourites, directions = set(map(_key, other.favourites)), set(map(_key, other.directions))
        return Explored(
            tuple(one for one in self.favourites if _key(one) not in favourites),
            tuple(one for one in self.directions if _key(one) not in directions),
        )

    def with_all(self, other: Explored) -> Explored:
        """With all that `other` keeps as well, under names that are free."""
        found = self
        for favourite in other.favourites:
            found = found.with_favourite(favourite)
        for direction in other.directions:
            found = found.with_direction(direction)
        return found


def _key(one: Favourite | Direction) -> tuple[str, bytes]:
    return one.name, one.vector.tobytes()


def free_name(wanted: str, taken: Sequence[Favourite | Direction]) -> str:
    """`wanted`, or the same with a number that nothing has yet."""
    names = {one.name for one in taken}
    name, number = wanted, 2
    while name in names:
        name, number = f"{wanted} {number}", number + 1
    return name


def explored(folder: Path) -> Explored:
    """What is kept in a run's folder; nothing where there is no file. Raises UserError for one that cannot be read."""
    try:
        values = Values(read_json_object(folder / FILE, max_bytes=_BYTES, follow_links=False))
        if values.integer("schema_version", 0) > _SCHEMA:
            raise UntrustedError("it was written by a newer version of this program")
        return Explored(
            tuple(_favourite(Values(raw, "favourite")) for raw in values.items("favourites", [], most=MOST)),
            tuple(_direction(Values(raw, "direction")) for raw in values.items("directions", [], most=MOST)),
        )
    except FileNotFoundError:
        return Explored()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"the favourites of {folder.name} cannot be read ({folder / FILE}): {reason}") from None


def keep(folder: Path, what: Explored) -> None:
    """Write what is kept of a run, atomically. Raises UserError."""
    for kind, own in (("favourites", what.favourites), ("directions", what.directions)):
        if len(own) > MOST:
            raise UserError(f"more than {MOST:,} {kind} cannot be kept")
    value: dict[str, Any] = {
        "schema_version": _SCHEMA,
        "favourites": [
            {**_common(one), "origin": one.origin, "class": one.label, "latent": one.latent}
            for one in what.favourites
        ],
        "directions": [{**_common(one), "kind": one.kind, "note": one.note} for one in what.directions],
    }  # fmt: skip
    entries = [*value["favourites"], *value["directions"]]
    if sum(len(one["vector"]) + _LONGEST_REST for one in entries) > _BYTES:
        raise UserError("there is no room for another one: the latents of this model are long; remove some first")
    path = folder / FILE
    try:
        if not folder.is_dir():
            raise UserError(f"there is no run at {folder}")
        files.write_own_json(path, value)
    except OSError as error:
        raise UserError(f"the favourites of {folder.name} cannot be saved: {error.strerror or error}") from None


def _common(one: Favourite | Direction) -> dict[str, Any]:
    name = checked(one.name, "the name", LONGEST_LABEL)
    if not name:
        raise UserError("a name is missing")
    return {"name": name, "vector": text_of(one.vector), "iteration": one.iteration}


def _favourite(values: Values) -> Favourite:
    return Favourite(
        values.text("name", max_length=LONGEST_LABEL), vector_of(values.text("vector", max_length=1 << 24)),
        values.integer("iteration", 0), values.text("origin", "", max_length=LONGEST_NOTE),
        values.text("class", "", max_length=LONGEST_LABEL), values.text("latent", "", max_length=LONGEST_LABEL),
    )  # fmt: skip


def _direction(values: Values) -> Direction:
    return Direction(
        values.text("name", max_length=LONGEST_LABEL), vector_of(values.text("vector", max_length=1 << 24)),
        values.integer("iteration", 0), values.choice("kind", KINDS, "sefa"),
        values.text("note", "", max_length=LONGEST_NOTE),
    )  # fmt: skip
