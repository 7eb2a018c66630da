"""Sprites that must be on the same side of a train / held-out split, for the held-out ones to be a fair test."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gandam_studio.core.duplicates.candidates import LOOK_RADIUS, WHOLE_RADIUS
from gandam_studio.core.duplicates.links import load_findings
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE
from gandam_studio.core.hashing import COLUMNS, Column
from gandam_studio.core.hashing.layout import Flag, flags
from gandam_studio.core.workspace import Workspace


def held_together(workspace: Workspace, distance: float = DEFAULT_DISTANCE) -> list[tuple[str, str]]:
    """Return pairs of sprite ids that no split may separate, for `versions.splits.assign_splits`.

    Equal and mirrored contents are known from fingerprints alone. Resized, recoloured and otherwise related sprites, up
    to `distance` (none if negative), are known after a search for duplicates. Pairs that the person called no
    duplicates are excluded unless their pixels are the same.
    """
    ids = {int(seq): str(key) for seq, key in workspace.connection.execute("SELECT seq, id FROM sprites")}
    distinct = {(int(a), int(b)) for a, b in workspace.connection.execute("SELECT a, b FROM pairs")}
    found = load_findings(workspace.folder, (LOOK_RADIUS, WHOLE_RADIUS)).links if distance >= 0 else []
    related = {
        (link.i, link.j) for link in found if link.verdict.distance <= distance and (link.i, link.j) not in distinct
    }
    pairs = sorted(related | set(_twins(workspace)))
    return [(ids[a], ids[b]) for a, b in pairs if a in ids and b in ids]


def _twins(workspace: Workspace) -> Iterable[tuple[int, int]]:
    """Pairs of row numbers with the same or mirrored trimmed pixels; several equal ones form a chain of pairs."""
    query = "SELECT seq, hashes FROM fingerprints WHERE length(hashes) = ? ORDER BY seq"
    rows = workspace.connection.execute(query, (8 * COLUMNS,)).fetchall()
    if not rows:
        return []
    prints = np.frombuffer(b"".join(blob for _, blob in rows), dtype="<u8").reshape(-1, COLUMNS)
    seqs = np.array([seq for seq, _ in rows], dtype=np.int64)
    shown = (flags(prints) & (Flag.BLANK | Flag.TINY)) == 0
    seqs = seqs[shown]
    # A content and its mirror image share the smaller of their two digests.
    either = np.minimum(prints[shown, Column.PIXELS], prints[shown, Column.PIXELS_MIRRORED])
    order = np.lexsort((seqs, either))
    same = np.flatnonzero(either[order][1:] == either[order][:-1])
    return list(zip(seqs[order[same]].tolist(), seqs[order[same + 1]].tolist(), strict=True))
