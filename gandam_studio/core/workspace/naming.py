"""Find the sprite that a text refers to: by file name, id, or path it was imported from."""

from __future__ import annotations

import os
import sqlite3

from gandam_studio.core.places import CURRENT, PLACE, file_name, is_earlier, place_ends_with, storable
from gandam_studio.core.texts import folded, forms
from trainer.protocol.untrusted import MAX_TEXT

MINIMUM_PREFIX = 4
_HEX = frozenset("0123456789abcdef")
_CANDIDATES = 1000


def find_named(connection: sqlite3.Connection, text: str) -> list[int]:
    """Return the row numbers of the sprites a text refers to; at most two, which means that it is ambiguous.

    Tried in order: a file name, composed or decomposed; the start of an id; a path or the end of one, also into
    archives; file names and paths regardless of case. For a file that has changed, its current content is preferred.
    """
    if len(text) > MAX_TEXT:
        return []
    text = storable(text)
    return (
        _by_name(connection, text)
        or _by_id(connection, text)
        or _by_path(connection, text)
        or _by_anything(connection, text)
    )


def _by_name(connection: sqlite3.Connection, text: str) -> list[int]:
    query = "SELECT seq FROM sprites WHERE name = ?"
    present = f"{query} AND EXISTS (SELECT 1 FROM sources WHERE sprite = seq AND {CURRENT}) LIMIT 2"
    for form in forms(text):
        if rows := connection.execute(f"{query} LIMIT 2", (form,)).fetchall():
            if len(rows) > 1:
                rows = connection.execute(present, (form,)).fetchall() or rows
            return [row[0] for row in rows]
    return []


def _by_id(connection: sqlite3.Connection, text: str) -> list[int]:
    if len(text) < MINIMUM_PREFIX or not set(text) <= _HEX:
        return []
    query = "SELECT seq FROM sprites WHERE id >= ? AND id < ? LIMIT 2"
    return [row[0] for row in connection.execute(query, (text, text + "g"))]


def _by_path(connection: sqlite3.Connection, text: str) -> list[int]:
    """Find sprites by a relative or absolute path, among those whose name is its last part."""
    if not any(mark in text for mark in "/\\!"):
        return []
    ends = [text.replace("\\", "/").removeprefix("./"), storable(os.path.abspath(text)).replace("\\", "/")]
    ends += [end.replace("!", "/", 1) for end in ends if "!" in end]
    wanted = [form for end in ends for form in forms(end)]
    found: dict[bool, set[int]] = {
        False: set(),
        True: set(),
    }  # by whether the row is for an earlier content of its file
    for name in dict.fromkeys(file_name("/" + end) for end in wanted):
        query = (
            f"SELECT sprite, replace({PLACE}, '\\', '/'), member FROM sprites "
            "JOIN sources ON sources.sprite = sprites.seq WHERE name = ? LIMIT ?"
        )
        rows = connection.execute(query, (name, _CANDIDATES)).fetchall()
        if len(rows) == _CANDIDATES:
            return []  # too many sprites of one name: compare every place instead
        for seq, place, member in rows:
            if any(place == end or place.endswith("/" + end) for end in wanted):
                found[is_earlier(member)].add(seq)
    return sorted(found[False] or found[True])[:2]


def _by_anything(connection: sqlite3.Connection, text: str) -> list[int]:
    """Find sprites by comparing every name and place. Slow, so tried last."""
    query = "SELECT seq FROM sprites WHERE folded(name) = ? LIMIT 2"
    rows = connection.execute(query, (folded(text),)).fetchall()
    if not rows:
        condition, values = place_ends_with(text)
        query = f"SELECT DISTINCT sprite FROM sources WHERE sprite IS NOT NULL AND {condition}"
        rows = connection.execute(f"{query} AND {CURRENT} LIMIT 2", values).fetchall()
        rows = rows or connection.execute(f"{query} LIMIT 2", values).fetchall()
    return [row[0] for row in rows]
