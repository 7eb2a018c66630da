"""Undo and redo. Edits are stored in the database, in the same transaction as their effect."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from gandam_studio.core.errors import DamagedWorkspace, UserError
from gandam_studio.core.texts import LONGEST_LABEL, encodable
from gandam_studio.core.workspace.deltas import FIELDS, Delta
from gandam_studio.core.workspace.seqsets import Seqs, as_seqs, conditions, pack, unpack
from gandam_studio.core.workspace.settings import check_setting
from gandam_studio.core.workspace.sprite import check_value, parse_crop
from gandam_studio.core.workspace.store import transaction
from trainer.protocol.untrusted import MAX_INTEGER, shortened

if TYPE_CHECKING:
    from gandam_studio.core.workspace.edits import Edit


@dataclass(frozen=True, eq=False)
class Changes:
    """The effect of an edit, undo or redo.

    Attributes:
        label: name of the edit, as in "Undo <label>"; "" if nothing changed.
        seqs: row numbers that changed, sorted.
        fields: names of the fields that changed.
        edit: number of the edit in the history; 0 if nothing changed.
        parts: how many deltas the edit now has, for `take_back`.
    """

    label: str
    seqs: Seqs
    fields: frozenset[str]
    edit: int = 0
    parts: int = 0

    def __bool__(self) -> bool:
        return self.edit != 0


NOTHING = Changes("", np.empty(0, dtype=np.int64), frozenset())


@dataclass(frozen=True)
class HistoryEntry:
    """A row of the history. `state` is "done", "undone" (can be redone) or "abandoned" (cannot be redone)."""

    edit: int
    kind: str
    label: str
    sprites: int
    at: str
    state: str


class History:
    """The history of a workspace's edits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def apply(self, edit: Edit, *, into: int = 0) -> Changes:
        """Apply an edit and record it, in one transaction. An edit that changes nothing is not recorded.

        into: number of an edit that this one continues: its changes become part of that edit, so that one step undoes
            both. Once another edit followed, or a version was saved that contains it, a new edit begins instead.
        """
        with transaction(self._connection):
            deltas = edit.deltas(self._connection)
            if not deltas:
                return NOTHING
            changes = _changes("", deltas)
            for delta in deltas:
                _apply_delta(self._connection, delta)
            # Undone edits can no longer be redone, but stay in the history.
            self._connection.execute("UPDATE edits SET state = 'abandoned' WHERE state = 'undone'")
            if self._may_grow(into):
                number, known = into, self._deltas(into)
                label = self._rename(number, edit.label, known + deltas)
            else:
                known = []
                label = _label_of(edit.label, len(changes.seqs))
                number = self._insert(edit.kind, label, len(changes.seqs), "done")
            try:
                for position, delta in enumerate(deltas, start=len(known)):
                    self._connection.execute(
                        "INSERT INTO deltas VALUES (?, ?, ?, ?, ?, ?)",
                        (number, position, delta.field, delta.before, delta.after, pack(delta.seqs)),
                    )
            except sqlite3.IntegrityError:
                raise DamagedWorkspace(f"the history has changes of edit {number}, but not the edit itself") from None
        return Changes(label, changes.seqs, changes.fields, number, len(known) + len(deltas))

    def take_back(self, edit: int, parts: int, label: Callable[[int], str]) -> Changes:
        """Undo what the newest edit was continued by after its first `parts` deltas; 0 takes all of it back.

        What is taken back stays in the history as an edit of its own that cannot be redone. `label` names both, given
        the number of sprites. Raises UserError if the edit is not the newest that is done.
        """
        with transaction(self._connection):
            if not edit or edit != self.last_edit():
                raise UserError("something else was changed since, so that this cannot be taken back by itself")
            deltas = self._deltas(edit)
            later = deltas[parts:]
            if not later:
                return NOTHING
            for delta in reversed(later):
                _apply_delta(self._connection, delta.inverse())
            changes = _changes("", later)
            name = _label_of(label, len(changes.seqs))
            if parts:
                (kind,) = self._connection.execute("SELECT kind FROM edits WHERE edit = ?", (edit,)).fetchone()
                number = self._insert(kind, name, len(changes.seqs), "abandoned")
                self._connection.execute(
                    "UPDATE deltas SET edit = ?, position = position - ? WHERE edit = ? AND position >= ?",
                    (number, parts, edit, parts),
                )
                self._rename(edit, label, deltas[:parts])
            else:
                self._connection.execute("UPDATE edits SET state = 'abandoned' WHERE edit = ?", (edit,))
        return Changes(name, changes.seqs, changes.fields, edit, parts)

    def undo(self) -> Changes:
        """Undo the newest edit that is done; return `NOTHING` if there is none."""
        return self._move("done", "undone", "DESC")

    def redo(self) -> Changes:
        """Redo the oldest edit that is undone; return `NOTHING` if there is none."""
        return self._move("undone", "done", "ASC")

    def undo_label(self) -> str:
        """Return the label of the edit that `undo` would undo, or ""."""
        return self._label("done", "DESC")

    def redo_label(self) -> str:
        """Return the label of the edit that `redo` would redo, or ""."""
        return self._label("undone", "ASC")

    def entries(self, limit: int = 100) -> list[HistoryEntry]:
        """Return the newest `limit` edits, newest first."""
        query = "SELECT edit, kind, label, sprites, at, state FROM edits ORDER BY edit DESC LIMIT ?"
        rows = self._connection.execute(query, (min(limit, MAX_INTEGER),))
        return [HistoryEntry(*_typed(row, (int, str, str, int, str, str))) for row in rows]

    def seqs_of(self, edit: int) -> Seqs:
        """Return the row numbers of the sprites that an edit changed, sorted; empty for an unknown edit."""
        parts = [delta.seqs for delta in self._deltas(edit)]
        return as_seqs(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)

    def last_edit(self) -> int:
        """Return the number of the newest edit that is done; 0 if there is none."""
        (number,) = self._connection.execute("SELECT max(edit) FROM edits WHERE state = 'done'").fetchone()
        return number or 0

    def _may_grow(self, edit: int) -> bool:
        """Whether an edit may be continued. A version names the last edit it contains, which must stay as it was."""
        if not edit or edit != self.last_edit():
            return False
        return self._connection.execute("SELECT 1 FROM versions WHERE edit >= ? LIMIT 1", (edit,)).fetchone() is None

    def _insert(self, kind: str, label: str, sprites: int, state: str) -> int:
        cursor = self._connection.execute(
            "INSERT INTO edits (kind, label, sprites, at, state) VALUES (?, ?, ?, ?, ?)",
            (kind, label, sprites, now(), state),
        )
        return int(cursor.lastrowid or 0)

    def _rename(self, edit: int, label: Callable[[int], str], deltas: list[Delta]) -> str:
        """Note how many sprites an edit changes by now, and when; returns its label."""
        count = len(_changes("", deltas).seqs)
        name = _label_of(label, count)
        self._connection.execute(
            "UPDATE edits SET label = ?, sprites = ?, at = ? WHERE edit = ?", (name, count, now(), edit)
        )
        return name

    def _label(self, state: str, order: str) -> str:
        row = self._connection.execute(
            f"SELECT label FROM edits WHERE state = ? ORDER BY edit {order} LIMIT 1", (state,)
        ).fetchone()
        return str(row[0]) if row else ""

    def _move(self, state: str, to: str, order: str) -> Changes:
        with transaction(self._connection):
            row = self._connection.execute(
                f"SELECT edit, label FROM edits WHERE state = ? ORDER BY edit {order} LIMIT 1", (state,)
            ).fetchone()
            if row is None:
                return NOTHING
            number, label = _typed(row, (int, str))
            deltas = self._deltas(number)
            if not deltas:
                raise DamagedWorkspace(f"the changes of edit {number} are missing")
            if to == "undone":
                deltas = [delta.inverse() for delta in reversed(deltas)]
            for delta in deltas:
                _apply_delta(self._connection, delta)
            self._connection.execute("UPDATE edits SET state = ? WHERE edit = ?", (to, number))
        changes = _changes(label, deltas)
        return Changes(label, changes.seqs, changes.fields, number)

    def _deltas(self, edit: int) -> list[Delta]:
        (last,) = self._connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
        query = "SELECT field, before, after, seqs FROM deltas WHERE edit = ? ORDER BY position"
        deltas = []
        for row in self._connection.execute(query, (edit,)):
            field, seqs = _typed((row[0], row[3]), (str, bytes))
            try:
                # A pair is two numbers, and there may be more pairs than sprites.
                rows = unpack(seqs) if field == "pair" else unpack(seqs, last)
            except ValueError:
                raise DamagedWorkspace(f"edit {edit} cannot be read") from None
            if len(rows) and not (rows.min() >= 1 and rows.max() <= last):
                raise DamagedWorkspace(f"edit {edit} refers to sprites that do not exist")
            deltas.append(Delta(field, row[1], row[2], rows))
        return deltas


def now() -> str:
    """Return the current time in UTC, ISO 8601, in whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _label_of(label: Callable[[int], str], count: int) -> str:
    return shortened(encodable(label(count)), LONGEST_LABEL)


def _changes(label: str, deltas: list[Delta]) -> Changes:
    seqs = as_seqs(np.concatenate([delta.seqs for delta in deltas]))
    return Changes(label, seqs, frozenset(delta.field for delta in deltas))


def _typed(row: Any, types: tuple[type, ...]) -> tuple[Any, ...]:
    """Return the values of a row. Raises DamagedWorkspace if one has the wrong type."""
    if not all(isinstance(value, wanted) for value, wanted in zip(row, types, strict=True)):
        raise DamagedWorkspace("a row of the history is not valid")
    return tuple(row)


def _apply_delta(connection: sqlite3.Connection, delta: Delta) -> None:
    """Apply a delta to the database. Raises UserError for a value outside its domain, also on undo and redo."""
    if delta.field == "pair":
        if delta.after not in (None, "distinct") or len(delta.seqs) % 2:
            raise UserError("a pair of sprites can only be marked as distinct")
        pairs = delta.seqs.reshape(-1, 2).tolist()
        if delta.after is None:
            connection.executemany("DELETE FROM pairs WHERE a = ? AND b = ?", pairs)
        else:
            rows = [(a, b, delta.after) for a, b in pairs]
            connection.executemany("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", rows)
    elif delta.field.startswith("setting:"):
        key = delta.field.removeprefix("setting:")
        check_setting(key, delta.after)
        if delta.after is None:
            connection.execute("DELETE FROM settings WHERE key = ?", (key,))
        else:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, delta.after))
    elif delta.field in FIELDS:
        check_value(delta.field, delta.after)
        if delta.field == "crop" and delta.after:
            _check_crop(connection, delta)
        for condition, values in conditions(delta.seqs):
            connection.execute(f"UPDATE sprites SET {delta.field} = ? WHERE {condition}", (delta.after, *values))
    else:
        raise DamagedWorkspace("an edit changes a field that edits cannot change")


def _check_crop(connection: sqlite3.Connection, delta: Delta) -> None:
    """Raise UserError if the crop extends beyond one of the pictures."""
    x, y, w, h = parse_crop(delta.after) or (0, 0, 0, 0)
    for condition, values in conditions(delta.seqs):
        query = f"SELECT name, width, height FROM sprites WHERE {condition} AND (width < ? OR height < ?) LIMIT 1"
        if found := connection.execute(query, (*values, x + w, y + h)).fetchone():
            name, width, height = found
            raise UserError(f"the crop {delta.after} extends beyond {name}, which is {width} x {height}")
