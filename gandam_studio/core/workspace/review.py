"""Queries for reviewing sprites: rows of a page, the next undecided sprite, known tags, families and reasons."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gandam_studio.core.errors import DamagedWorkspace
from gandam_studio.core.places import shown_place
from gandam_studio.core.texts import natural_key
from gandam_studio.core.workspace.query import Filter, common_border
from gandam_studio.core.workspace.seqsets import Seqs, conditions
from gandam_studio.core.workspace.settings import FILTERS
from gandam_studio.core.workspace.sprite import COLUMNS, Sprite, split_tags

if TYPE_CHECKING:
    from gandam_studio.core.workspace.workspace import Workspace

# The setting for saved filters: {name: Filter.to_json()}.
SAVED_FILTERS = FILTERS
DIGITS = 9
"""How many of the reasons given have a key of their own, 1 to 9."""
# Up to this many undecided sprites, it is faster to fetch all of them than to walk along the view.
FEW = 2_000


def page(workspace: Workspace, seqs: Seqs) -> list[Sprite]:
    """Return the sprites of some rows, in the given order, without rows that do not exist.

    Damaged rows are returned as `Sprite.damaged`, so that a list can still be shown.
    """
    try:
        return _page(workspace, seqs)
    except (DamagedWorkspace, sqlite3.DatabaseError):
        return [_one(workspace, seq) for seq in seqs.tolist()]


def _one(workspace: Workspace, seq: int) -> Sprite:
    try:
        row = workspace.connection.execute(f"SELECT {COLUMNS} FROM sprites WHERE seq = ?", (seq,)).fetchone()
        return Sprite.damaged(seq) if row is None else Sprite.from_row(row)
    except (DamagedWorkspace, sqlite3.DatabaseError):
        return Sprite.damaged(seq)


def _page(workspace: Workspace, seqs: Seqs) -> list[Sprite]:
    if not len(seqs):
        return []
    first, last = int(seqs[0]), int(seqs[-1])
    if last - first + 1 == len(seqs) and (len(seqs) == 1 or bool(np.all(np.diff(seqs) == 1))):
        query = f"SELECT {COLUMNS} FROM sprites WHERE seq BETWEEN ? AND ? ORDER BY seq"
        return [Sprite.from_row(row) for row in workspace.connection.execute(query, (first, last))]
    found: dict[int, Sprite] = {}
    numbers = seqs.tolist()
    query = f"SELECT {COLUMNS} FROM sprites WHERE seq IN (SELECT value FROM json_each(?))"
    for row in workspace.connection.execute(query, (json.dumps(numbers),)):
        found[row[0]] = Sprite.from_row(row)
    return [found[number] for number in numbers if number in found]


def next_undecided(workspace: Workspace, order: Seqs, after: int) -> int | None:
    """Return the position in `order` of the first undecided sprite after position `after`, wrapping around at the end.

    None if every sprite in `order` is decided. `after` may be -1.
    """
    if not len(order):
        return None
    query = "SELECT seq FROM sprites WHERE status = 'undecided' LIMIT ?"
    undecided = np.fromiter((row[0] for row in workspace.connection.execute(query, (FEW + 1,))), np.int64)
    if len(undecided) <= FEW:
        places = np.flatnonzero(np.isin(order, undecided))
        if not len(places):
            return None
        behind = places[places > after]
        return int(behind[0] if len(behind) else places[0])
    # Many are undecided, so one is likely to be near: walk along the view in growing strides.
    for first, end in ((after + 1, len(order)), (0, after + 1)):
        stride = 64
        while first < end:
            sprites = page(workspace, order[first : min(first + stride, end)])
            for offset, sprite in enumerate(sprites):
                if sprite.status == "undecided":
                    return first + offset
            first, stride = first + stride, min(2 * stride, 4096)
    return None


def first_undecided(workspace: Workspace) -> int | None:
    """Return the row number of the first undecided sprite in import order; None if every sprite is decided."""
    # The index is in row order within each status and flip, so each query reads a single entry.
    query = "SELECT min(seq) FROM sprites WHERE status = 'undecided' AND flipped = ?"
    found = [
        row[0] for flipped in (0, 1) for row in workspace.connection.execute(query, (flipped,)) if row[0] is not None
    ]
    return min(found, default=None)


def still_matching(workspace: Workspace, chosen: Filter, seqs: Seqs) -> Seqs:
    """Return those of `seqs` (sorted) that match a filter: updates a large view after an edit of few sprites."""
    where, values = chosen.where()
    query = f"SELECT seq FROM sprites WHERE seq IN (SELECT value FROM json_each(?)) AND ({where}) ORDER BY seq"
    rows = workspace.connection.execute(query, [json.dumps(seqs.tolist()), *values])
    return np.fromiter((row[0] for row in rows), np.int64)


def _by_name(text: str) -> tuple[str, str]:
    return natural_key(text), text


def known_tags(workspace: Workspace) -> list[str]:
    """Return every tag in use, sorted."""
    rows = workspace.connection.execute("SELECT DISTINCT tags FROM sprites WHERE tags != ''")
    return sorted({tag for row in rows for tag in split_tags(row[0])}, key=_by_name)


def known_families(workspace: Workspace) -> list[str]:
    """Return every family in use, sorted."""
    rows = workspace.connection.execute("SELECT DISTINCT family FROM sprites WHERE family != ''")
    return sorted((row[0] for row in rows), key=_by_name)


def reasons_given(workspace: Workspace) -> list[str]:
    """Return the reasons for a drop that were given by hand, in the order of their first use.

    So a number keeps its reason. A reason that only undone edits gave is not among them.
    """
    query = """SELECT after, min(edit) AS first FROM deltas JOIN edits USING (edit)
               WHERE field = 'reason' AND kind != 'values' AND state = 'done' AND after != ''
               GROUP BY after ORDER BY first, position"""
    return [row[0] for row in workspace.connection.execute(query) if isinstance(row[0], str)]


def known_reasons(workspace: Workspace) -> list[str]:
    """Return the reasons given by hand, then others in use, such as those of a restored version."""
    in_use = "SELECT DISTINCT reason FROM sprites WHERE status = 'dropped' AND reason != '' ORDER BY 1"
    rows = workspace.connection.execute(in_use)
    return list(dict.fromkeys([*reasons_given(workspace), *(row[0] for row in rows)]))


def next_without_facing(workspace: Workspace, order: Seqs, after: int) -> int | None:
    """Return the position in `order` of the next sprite, not dropped, whose facing is unknown, wrapping at the end.

    None if every sprite in `order` has a facing or is dropped. `after` may be -1.
    """
    for first, end in ((after + 1, len(order)), (0, after + 1)):
        stride = 64
        while first < end:
            some = order[first : min(first + stride, end)]
            query = """SELECT seq FROM sprites WHERE seq IN (SELECT value FROM json_each(?))
                       AND facing = 'unknown' AND status != 'dropped'"""
            rows = workspace.connection.execute(query, (json.dumps(some.tolist()),))
            wanted = np.fromiter((row[0] for row in rows), np.int64)
            places = np.flatnonzero(np.isin(some, wanted))
            if len(places):
                return first + int(places[0])
            first, stride = first + stride, min(4 * stride, 65_536)
    return None


def with_status(workspace: Workspace, seqs: Seqs, status: str) -> Seqs:
    """Return those of `seqs` that have a status, sorted; "not-dropped" for those kept or undecided."""
    condition = "status != 'dropped'" if status == "not-dropped" else "status = ?"
    values = () if status == "not-dropped" else (status,)
    rows = workspace.connection.execute(f"SELECT seq FROM sprites WHERE {condition} ORDER BY seq", values)
    found = np.fromiter((row[0] for row in rows), np.int64)
    return found[np.isin(found, seqs)]


def count_without_side(workspace: Workspace, seqs: Seqs) -> int:
    """Return how many of `seqs` face neither left nor right as far as is known."""
    found = 0
    for condition, values in conditions(seqs):
        query = f"SELECT count(*) FROM sprites WHERE facing NOT IN ('left', 'right') AND {condition}"
        found += int(workspace.connection.execute(query, values).fetchone()[0])
    return found


def names_of(workspace: Workspace, seqs: Seqs) -> list[str]:
    """Return the names of a few sprites, in the given order; rows that do not exist are left out."""
    return [sprite.name for sprite in page(workspace, seqs)]


def sources_of(workspace: Workspace, seq: int, limit: int = 20) -> Sequence[str]:
    """Return the places a sprite was imported from: paths, with the archive member, frame or region after a '›'.

    Files that have changed since come last, marked as such.
    """
    query = "SELECT path, member FROM sources WHERE sprite = ? ORDER BY is_earlier(member), source LIMIT ?"
    rows = workspace.connection.execute(query, (int(seq), limit))
    return [shown_place(path, member, " › ") for path, member in rows]


def detected_background(workspace: Workspace) -> str:
    """Return the colour that "detected" in a recipe would stand for in a version committed now.

    It is the most common border colour of sprites that are not dropped, as "#rrggbb"; white if none has one.
    `core.versions.pictures` has the same rule for versions.
    """
    return common_border(workspace.connection)


def saved_filters(stored: dict[str, Any] | None) -> dict[str, Filter]:
    """Return the named filters in the setting's value, without those that cannot be read."""
    found: dict[str, Filter] = {}
    for name, values in (stored or {}).items():
        try:
            found[name] = Filter.from_json(values)
        except (TypeError, ValueError):
            continue
    return found
