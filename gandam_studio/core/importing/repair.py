"""Recomputes hashes and features of an older version from the originals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.hashing import fingerprint_batch
from gandam_studio.core.hashing.features import features_batch
from gandam_studio.core.hashing.layout import boxes
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.workspace.described import SETTING, versions
from gandam_studio.core.workspace.store import transaction

if TYPE_CHECKING:
    import numpy as np

    from gandam_studio.core.workspace import Workspace

_BATCH = 64


def describe_again(workspace: Workspace, job: Job = NULL_JOB) -> int:
    """Recompute the hashes and features of every sprite from its original; returns how many rows were written.

    Commits in batches. If it is cancelled, the workspace stays stale and the next call starts over. A sprite without an
    original keeps its row. Raises Cancelled, or UserError (disk full).
    """
    workspace.require_writable()
    (last,) = workspace.connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
    job.start("Describing sprites", last)
    written = 0
    for first in range(1, last + 1, _BATCH):
        seqs, pictures = _pictures(workspace, range(first, min(first + _BATCH, last + 1)))
        if pictures:
            hashes = fingerprint_batch(pictures)
            features = features_batch(pictures, boxes(hashes))
            words, vectors = hashes.astype("<u8"), features.astype("<f2")
            rows = [(seq, words[i].tobytes(), vectors[i].tobytes()) for i, seq in enumerate(seqs)]
            with transaction(workspace.connection) as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO fingerprints (seq, hashes, features) VALUES (?, ?, ?)", rows
                )
            written += len(rows)
        job.advance(min(_BATCH, last + 1 - first))
    with transaction(workspace.connection) as connection:
        connection.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (SETTING, versions()))
    return written


def _pictures(workspace: Workspace, seqs: range) -> tuple[list[int], list[np.ndarray]]:
    """Row numbers and canonical pixels of the sprites whose originals can be decoded."""
    found: list[int] = []
    pictures: list[np.ndarray] = []
    for sprite in workspace.sprites(seqs):
        try:
            pictures.append(workspace.pixels(sprite))
        except (UserError, UnreadablePicture):
            continue
        found.append(sprite.seq)
    return found, pictures
