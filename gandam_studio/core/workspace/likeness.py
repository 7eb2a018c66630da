"""Sort sprites by similarity to one of them: cosine distance of the curation features, mirror-aware."""

from __future__ import annotations

import sqlite3

import numpy as np

from gandam_studio.core.errors import UserError
from gandam_studio.core.hashing.features import DIMENSIONS, mirrored, unpack
from gandam_studio.core.workspace.seqsets import Seqs

# Rows compared at a time, to bound memory: 20,000 vectors take 18 MB as float32.
_CHUNK = 20_000


def by_likeness(connection: sqlite3.Connection, seqs: Seqs, like: int) -> Seqs:
    """Sort `seqs` by similarity to sprite `like`, which comes first; sprites without features come last.

    Uses the smaller of the distances to the sprite and to its mirror image. Raises UserError if `like` has no features.
    """
    row = connection.execute("SELECT features FROM fingerprints WHERE seq = ?", (int(like),)).fetchone()
    if row is None or len(row[0]) != DIMENSIONS * 2:
        raise UserError("this sprite has no features to compare; import it again")
    wanted = unpack([row[0]])
    both = np.concatenate((wanted, mirrored(wanted))).astype(np.float32)
    both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-6)
    distances = np.full(int(seqs.max(initial=0)) + 1, np.inf, np.float32)
    cursor = connection.execute(
        "SELECT seq, features FROM fingerprints WHERE seq <= ? AND length(features) = ?",
        (len(distances) - 1, DIMENSIONS * 2),
    )
    while rows := cursor.fetchmany(_CHUNK):
        features = unpack([blob for _, blob in rows]).astype(np.float32)
        norms = np.maximum(np.linalg.norm(features, axis=1), 1e-6)
        distances[[seq for seq, _ in rows]] = 1 - (features @ both.T).max(axis=1) / norms
    if like < len(distances):
        distances[like] = -1
    return seqs[np.argsort(distances[seqs], kind="stable")]
