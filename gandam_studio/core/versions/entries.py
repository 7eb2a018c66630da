"""The manifest's lines for the current state of a workspace, as a commit would write them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from gandam_studio.core.places import file_name, split_earlier, split_member
from gandam_studio.core.versions.splits import HELD_OUT, TRAIN, assign_splits, inseparable
from gandam_studio.core.workspace.lineage import TAGGED
from gandam_studio.core.workspace.query import BLANK, Filter
from gandam_studio.core.workspace.sprite import COLUMNS, Sprite, are_sound, mirrored_facing
from trainer.protocol.manifest import LineFrame

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.seqsets import Seqs

_DECIDED = COLUMNS.split(", ").index("alpha")  # from this column on
_MOST_DECISIONS = 4096  # remembered at once
_AT_ONCE = 500  # sprites; a call for each would cost more than its line

_UNLESS_KEPT = " AND status != 'kept'"


class Kind(NamedTuple):
    """What sprites of a version are counted by."""

    status: str
    facing: str
    split: str
    flip: bool
    is_cropped: bool


class _Decided:
    """What is decided of many sprites alike, from a row of `COLUMNS`. Raises DamagedWorkspace for an invalid one.

    Texts are in NFC, so that decomposed ones from macOS give the same digest.

    Attributes:
        frame: of their lines.
        split: by word; "" for what follows the workspace's rule.
        kinds: of those in each split.
    """

    def __init__(self, row: tuple[object, ...]) -> None:
        sprite = Sprite.from_row(row)
        facing = mirrored_facing(sprite.facing) if sprite.flipped else sprite.facing
        self.frame = LineFrame(
            sprite.crop, sprite.rotation, sprite.flipped, facing, map(plain_text, sprite.tags), sprite.status,
            plain_text(sprite.family), sprite.weight,
        )  # fmt: skip
        self.split = sprite.split
        self.kinds = {
            split: Kind(sprite.status, facing, split, sprite.flipped, sprite.crop is not None)
            for split in (TRAIN, HELD_OUT)
        }


def present_lines(
    workspace: Workspace, *, kept_only: bool = False, with_generated: bool = False
) -> Iterator[tuple[list[str], list[Kind]]]:
    """Yield the lines of the sprites to commit (see `committed`), sorted by id, and their kinds, some hundreds at once.

    Rows are fetched as they are used. For consistency with other reads, the caller has to hold a transaction.
    """
    condition = committed(kept_only, with_generated)
    splits = present_splits(workspace, condition)
    chosen = chosen_sources(workspace)
    known: dict[tuple[object, ...], _Decided] = {}  # most sprites share few combinations of decisions
    cursor = workspace.connection.cursor()
    cursor.row_factory = None  # plain tuples
    cursor.execute(f"SELECT {COLUMNS} FROM sprites WHERE {condition} ORDER BY id")
    while rows := cursor.fetchmany(_AT_ONCE):
        if not are_sound(list(zip(*rows, strict=True))[:_DECIDED]):
            for row in rows:
                Sprite.checked(row)  # raises
        lines, kinds = [], []
        for row in rows:
            decisions = row[_DECIDED:]
            decided = known.get(decisions)
            if decided is None:
                if len(known) >= _MOST_DECISIONS:
                    known.clear()
                decided = known[decisions] = _Decided(row)
            seq, key, name, blob, part, width, height = row[: _DECIDED - 1]
            if seq in chosen:
                name, blob, part = chosen[seq]
            split = decided.split or splits[key]
            lines.append(decided.frame.line(key, plain_text(name), blob, width, height, part, split))
            kinds.append(decided.kinds[split])
        yield lines, kinds


def committed(kept_only: bool, with_generated: bool) -> str:
    """Return the SQL condition for sprites that are committed: all that are not dropped, or only the kept ones.

    Sprites that a run has drawn are candidates: they are committed only if they are kept and that is wished
    (`with_generated`), because a run that trains on them learns its own kind's mistakes.
    """
    chosen = "status = 'kept'" if kept_only else "status != 'dropped'"
    return f"({chosen} AND NOT ({TAGGED}{_UNLESS_KEPT if with_generated else ''}))"


def committed_seqs(workspace: Workspace, kept_only: bool, with_generated: bool) -> Seqs:
    """Return the row numbers of the sprites to commit (see `committed`), rising."""
    import numpy as np

    query = f"SELECT seq FROM sprites WHERE {committed(kept_only, with_generated)} ORDER BY seq"
    return np.fromiter((seq for (seq,) in workspace.connection.execute(query)), np.int64)


def count_generated(workspace: Workspace) -> tuple[int, int]:
    """Count the sprites that a run has drawn: kept, so that they can be committed, and undecided."""
    query = f"SELECT count(*) FROM sprites WHERE status = ? AND {TAGGED}"
    kept, undecided = (workspace.connection.execute(query, (status,)).fetchone()[0] for status in ("kept", "undecided"))
    return int(kept), int(undecided)


def count_blank(workspace: Workspace, *, kept_only: bool = False, with_generated: bool = False) -> int:
    """Count the sprites to commit that are blank: they show nothing, or a single colour."""
    query = f"SELECT count(*) FROM sprites WHERE {committed(kept_only, with_generated)} AND {BLANK}"
    return int(workspace.connection.execute(query).fetchone()[0])


def count_faint(workspace: Workspace, *, kept_only: bool = False) -> int:
    """Count the sprites to commit that can hardly be seen on the recipe's background, blank ones left out.

    The first time it reads their thumbnails: about 50,000 in a second.
    """
    chosen = Filter(status="kept" if kept_only else "not-dropped", blank=False, faint=True)
    return len(workspace.select(chosen))


def present_splits(workspace: Workspace, condition: str) -> dict[str, str]:
    """Apply the workspace's split rule to the sprites that meet an SQL condition: id -> split."""
    cursor = workspace.connection.cursor()
    cursor.row_factory = None  # plain tuples
    groups = dict(cursor.execute(f"SELECT id, family FROM sprites WHERE {condition}"))
    drawn = cursor.execute(f"SELECT id FROM sprites WHERE {condition} AND {TAGGED}")
    generated = {sprite for (sprite,) in drawn}
    return assign_splits(groups, workspace.split_rule, inseparable(workspace), generated)


def chosen_sources(workspace: Workspace) -> dict[int, tuple[str, str, str]]:
    """Return row -> (name, digest, part) for sprites that were imported from more than one file.

    Of files with equal pixels the first by name is chosen, so that the manifest does not depend on the order of
    imports. Only files with a stored original are considered, because pictures are rendered from it.
    """
    query = """
        SELECT sprites.seq, sprites.name, sprites.blob, sprites.part, path, member, file_digest
        FROM sources JOIN sprites ON sprites.seq = sources.sprite
        WHERE verdict = 'accepted' AND sprite IN (
            SELECT sprite FROM sources WHERE sprite IS NOT NULL AND verdict = 'accepted'
            GROUP BY sprite HAVING count(*) > 1)"""
    found: dict[int, set[tuple[str, str, str]]] = {}
    for seq, name, blob, part, path, member, digest in workspace.connection.execute(query):
        candidates = found.setdefault(seq, {(name, blob, part)})
        if digest == blob or workspace.originals.contains(digest):
            candidates.add(_as_source(path, member, digest))
    return {seq: min(candidates) for seq, candidates in found.items() if len(candidates) > 1}


def _as_source(path: str, member: str, digest: str) -> tuple[str, str, str]:
    """Return a row of `sources` as (file name, digest, part)."""
    suffix, _ = split_earlier(split_member(member)[1])
    return file_name(path, member), digest, suffix if suffix.startswith(("frame=", "key=", "region=")) else ""


def plain_text(text: str) -> str:
    """Normalize text to the same UTF-8 bytes on every machine: composed, with undecodable bytes escaped."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.encode("utf-8", "backslashreplace").decode())
