"""Queries over many rows, for the packages above the workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gandam_studio.core.workspace.query import BLANK
from gandam_studio.core.workspace.sprite import COLUMNS, Sprite
from gandam_studio.core.workspace.store import transaction

if TYPE_CHECKING:
    from gandam_studio.core.hashing.features import Features
    from gandam_studio.core.workspace.seqsets import Seqs
    from gandam_studio.core.workspace.workspace import Workspace


def last_seq(workspace: Workspace) -> int:
    """Return the highest row number, which is the number of sprites; 0 in an empty workspace."""
    return int(workspace.connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()[0])


def data_version(workspace: Workspace) -> int:
    """Return SQLite's counter that changes whenever another connection commits."""
    return int(workspace.connection.execute("PRAGMA data_version").fetchone()[0])


def decided(workspace: Workspace) -> Iterator[tuple[int, str]]:
    """Yield (row number, status) of every sprite that is kept or dropped."""
    yield from workspace.connection.execute("SELECT seq, status FROM sprites WHERE status != 'undecided'")


def seqs_by_id(workspace: Workspace) -> Iterator[tuple[str, int]]:
    """Yield (id, row number) of every sprite."""
    yield from workspace.connection.execute("SELECT id, seq FROM sprites")


def sizes_by_id(workspace: Workspace) -> dict[str, tuple[int, int]]:
    """Return id -> (width, height) in pixels, for every sprite."""
    rows = workspace.connection.execute("SELECT id, width, height FROM sprites")
    return {key: (width, height) for key, width, height in rows}


def blank_ids(workspace: Workspace) -> Iterator[str]:
    """Yield the ids of blank sprites, which show nothing or a single colour."""
    for (key,) in workspace.connection.execute(f"SELECT id FROM sprites WHERE {BLANK}"):
        yield key


def sprites_with_ids(workspace: Workspace, ids: Sequence[str]) -> Iterator[Sprite]:
    """Yield the sprites with these ids (at most a few hundred), in any order. Raises DamagedWorkspace."""
    marks = ", ".join("?" * len(ids))
    for row in workspace.connection.execute(f"SELECT {COLUMNS} FROM sprites WHERE id IN ({marks})", ids):
        yield Sprite.from_row(row)


def seqs_with_ids(workspace: Workspace, ids: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield id and row number of the sprites with these ids (at most a few hundred), in any order."""
    marks = ", ".join("?" * len(ids))
    yield from workspace.connection.execute(f"SELECT id, seq FROM sprites WHERE id IN ({marks})", ids)


def distinct_pairs(workspace: Workspace) -> frozenset[tuple[int, int]]:
    """Return the pairs of row numbers that the user marked as not duplicates."""
    rows = workspace.connection.execute("SELECT a, b FROM pairs WHERE verdict = 'distinct'")
    return frozenset((int(a), int(b)) for a, b in rows)


def stored_features(workspace: Workspace, seqs: Seqs) -> Features:
    """Return the (N, DIMENSIONS) curation features of some rows, in their order; zeros for rows without any."""
    import numpy as np

    from gandam_studio.core.hashing.features import DIMENSIONS, unpack

    found = np.zeros((last_seq(workspace) + 1, DIMENSIONS), np.float16)
    cursor = workspace.connection.execute(
        "SELECT seq, features FROM fingerprints WHERE seq < ? AND length(features) = ?", (len(found), DIMENSIONS * 2)
    )
    while rows := cursor.fetchmany(20_000):
        found[[seq for seq, _ in rows]] = unpack([blob for _, blob in rows])
    return np.nan_to_num(found[seqs], posinf=0, neginf=0)


def surprising(workspace: Workspace, seqs: Seqs) -> Seqs:
    """Return some rows, sorted, in the order "surprise" (see `surprising.by_surprise`)."""
    from gandam_studio.core.workspace.surprising import by_surprise

    return by_surprise(workspace.connection, seqs)


def source_places(workspace: Workspace, seq: int) -> Iterator[tuple[str, str]]:
    """Yield (path, member) of every file a sprite came from, in order of import."""
    query = "SELECT path, member FROM sources WHERE sprite = ? ORDER BY source"
    yield from workspace.connection.execute(query, (int(seq),))


def rename(workspace: Workspace, names: Mapping[int, str]) -> None:
    """Rename sprites (row number -> file name), in one transaction."""
    rows = [(name, seq) for seq, name in names.items()]
    with transaction(workspace.connection) as connection:
        connection.executemany("UPDATE sprites SET name = ? WHERE seq = ?", rows)
