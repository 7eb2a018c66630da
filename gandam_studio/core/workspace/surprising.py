"""The order "surprise": each sprite as unlike all before it as can be, so that the first show what kinds there are."""

from __future__ import annotations

import sqlite3

import numpy as np

from gandam_studio.core.hashing.features import DIMENSIONS, unpack
from gandam_studio.core.hashing.variety import even_features, farthest_first
from gandam_studio.core.workspace.seqsets import Seqs

MOST = 300  # surprises; the rest follows in the order it came in
_CHUNK = 20_000


def by_surprise(connection: sqlite3.Connection, seqs: Seqs) -> Seqs:
    """Order `seqs`, sorted, by farthest point first (Gonzalez 1985). Sprites without features count as blank ones."""
    if not len(seqs):
        return seqs
    stored = np.zeros((len(seqs), DIMENSIONS), np.float16)
    sides = np.ones((len(seqs), 2))
    cursor = connection.execute(
        "SELECT seq, width, height, features FROM sprites LEFT JOIN fingerprints USING (seq) WHERE seq <= ?",
        (int(seqs[-1]),),
    )
    while rows := cursor.fetchmany(_CHUNK):
        found = np.array([row[0] for row in rows], np.int64)
        places = np.minimum(np.searchsorted(seqs, found), len(seqs) - 1)
        wanted = np.flatnonzero(seqs[places] == found)
        if not len(wanted):
            continue
        sides[places[wanted]] = [rows[one][1:3] for one in wanted]
        whole = [one for one in wanted if rows[one][3] is not None and len(rows[one][3]) == DIMENSIONS * 2]
        if whole:
            stored[places[whole]] = unpack([rows[one][3] for one in whole])
    features = even_features(np.nan_to_num(stored, posinf=0, neginf=0), sides)
    first = farthest_first(features, MOST)
    return seqs[np.concatenate((first, np.setdiff1d(np.arange(len(seqs)), first)))]
