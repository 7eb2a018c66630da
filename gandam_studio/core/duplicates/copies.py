"""Exact copies that the import already made one: several files whose pixels, or whose very bytes, are the same."""

from __future__ import annotations

from dataclasses import dataclass

from gandam_studio.core.places import CURRENT, shown_place
from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class Copies:
    """The files behind one sprite, when there are several; their relation to each other is `exact`.

    Attributes:
        seq: the sprite's row number.
        paths: the files, as shown to people, sorted; entries of archives after "!".
        same_file: whether all have the same bytes, not only the same pixels.
        others: all but the file the sprite was taken from, in the order they came, each with whether its bytes are the
            same as that one's.
    """

    seq: int
    paths: tuple[str, ...]
    same_file: bool
    others: tuple[tuple[str, bool], ...] = ()


def exact_copies(workspace: Workspace) -> list[Copies]:
    """Every sprite that came in more than one file, in order of row number."""
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
