"""Sprites whose trimmed pixels are the same or mirrored, known from their stored digests alone."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable

import numpy as np

from gandam_studio.core.hashing.layout import COLUMNS, Column, Flag
from gandam_studio.core.workspace.seqsets import as_seqs, conditions

_WORDS = (Column.FLAGS, Column.PIXELS, Column.PIXELS_MIRRORED)
"""What is read of a fingerprint; they lie side by side."""


def twins(connection: sqlite3.Connection) -> set[tuple[int, int]]:
    """Return pairs of row numbers with the same or mirrored trimmed pixels; of several, a chain of pairs."""
    query = "SELECT seq, substr(hashes, ?, ?) FROM fingerprints WHERE length(hashes) = ? ORDER BY seq"
    rows = connection.execute(query, (8 * _WORDS[0] + 1, 8 * len(_WORDS), 8 * COLUMNS)).fetchall()
    if not rows:
        return set()
    numbers, words = zip(*rows, strict=True)
    flags, straight, turned = np.frombuffer(b"".join(words), dtype="<u8").reshape(-1, len(_WORDS)).T
    shown = (flags & np.uint64(Flag.BLANK | Flag.TINY)) == 0
    seqs = np.array(numbers, dtype=np.int64)[shown]
    # A content and its mirror image share the smaller of their two digests.
    either = np.minimum(straight[shown], turned[shown])
    order = np.lexsort((seqs, either))
    same = np.flatnonzero(either[order][1:] == either[order][:-1])
    return set(zip(seqs[order[same]].tolist(), seqs[order[same + 1]].tolist(), strict=True))


def named(connection: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    """Return pairs of row numbers, sorted, as pairs of sprite ids; those of rows that are missing are left out."""
    pairs = sorted(pairs)
    ids: dict[int, str] = {}
    for condition, values in conditions(as_seqs(itertools.chain.from_iterable(pairs))):
        rows = connection.execute(f"SELECT seq, id FROM sprites WHERE {condition}", values)
        ids.update((int(seq), str(key)) for seq, key in rows)
    return [(ids[a], ids[b]) for a, b in pairs if a in ids and b in ids]
