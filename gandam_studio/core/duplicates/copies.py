"""Exact copies that the import merged: several files with the same pixels or the same bytes."""

from __future__ import annotations

from dataclasses import dataclass

from gandam_studio.core.places import CURRENT, shown_place
from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class Copies:
    """The files of a sprite that has several; their relation is `exact`.

    Attributes:
        seq: the sprite's row number.
        paths: the files, sorted; archive entries as "archive!entry".
        same_file: whether all have the same bytes, not only the same pixels.
        others: all except the file that the sprite was imported from, in the order of import, and whether each has the
            same bytes as that file.
    """

    seq: int
    paths: tuple[str, ...]
    same_file: bool
    others: tuple[tuple[str, bool], ...] = ()


def exact_copies(workspace: Workspace) -> list[Copies]:
    """Return the files of every sprite that has more than one, by row number."""
    query = (
        f"SELECT sprite, path, member, file_digest FROM sources WHERE verdict = 'accepted' AND {CURRENT} AND sprite IN "
        f"(SELECT sprite FROM sources WHERE verdict = 'accepted' AND {CURRENT} GROUP BY sprite HAVING count(*) > 1) "
        "ORDER BY source"
    )
    files: dict[int, list[tuple[str, str]]] = {}
    for seq, path, member, digest in workspace.connection.execute(query):
        files.setdefault(int(seq), []).append((shown_place(path, member), digest))
    return [
        Copies(
            seq,
            tuple(sorted(path for path, _ in found)),
            len({digest for _, digest in found}) == 1,
            tuple((path, digest == found[0][1]) for path, digest in found[1:]),
        )
        for seq, found in sorted(files.items())
    ]
