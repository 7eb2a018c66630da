"""Files edited since their import: keeps the origin of the old sprites and carries decisions over to the new ones."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gandam_studio.core.importing.options import Edited
from gandam_studio.core.importing.scan import Pasted, Source
from gandam_studio.core.places import (
    CURRENT,
    earlier_suffix,
    is_earlier,
    join_member,
    shown_place,
    split_earlier,
    split_member,
    storable,
)
from gandam_studio.core.workspace.edits import SetValues
from gandam_studio.core.workspace.history import NOTHING, Changes
from gandam_studio.core.workspace.sprite import Sprite, format_crop, join_tags

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

REPLACED = "replaced"
"""Reason for dropping a sprite whose decisions were carried over."""


@dataclass(frozen=True)
class Placed:
    """A sprite that a file gives now: the member of its row in `sources`, its `seq` and id."""

    member: str
    seq: int
    id: str


def keep_places(
    connection: sqlite3.Connection, path: str, entry: str, digest: str, now: list[Placed], keys: set[str]
) -> list[Edited]:
    """Preserve the origin of the sprites that a file gave when its digest was `digest`, and pair old and new sprites.

    Called in the transaction that is about to write the rows `keys` of the file (`path`, `entry`) for the sprites
    `now`. Rows of `sources` that would be lost or become wrong are kept under an earlier place.
    """
    query = (
        "SELECT source, member, size, mtime_ns, sprite, id FROM sources JOIN sprites ON sprites.seq = sources.sprite "
        "WHERE file_digest = ? AND +path = ? AND verdict = 'accepted' ORDER BY source"
    )
    still = {one.member: one.seq for one in now}
    gone: list[Placed] = []
    for source, member, size, mtime_ns, seq, key in connection.execute(query, (digest, path)).fetchall():
        found, suffix = split_member(member)
        if found != entry or is_earlier(member) or still.get(member) == seq:
            continue
        gone.append(Placed(member, seq, key))
        kept = join_member(entry, earlier_suffix(suffix, digest))
        connection.execute(
            "INSERT OR REPLACE INTO sources (path, member, size, mtime_ns, file_digest, sprite, verdict) "
            "VALUES (?, ?, ?, ?, ?, ?, 'accepted')",
            (path, kept, size, mtime_ns, digest, seq),
        )
        if member not in keys:
            connection.execute("DELETE FROM sources WHERE source = ?", (source,))
    return [Edited(shown_place(path, one.member), old.id, one.id) for old, one in _pairs(gone, now)]


def forget_returned(connection: sqlite3.Connection, path: str, entry: str, digest: str, now: list[Placed]) -> None:
    """Remove the earlier places of sprites that a file gives again, because it was changed back."""
    returned = {one.seq for one in now}
    query = "SELECT source, member, sprite FROM sources WHERE file_digest = ? AND +path = ?"
    for source, member, seq in connection.execute(query, (digest, path)).fetchall():
        if seq in returned and is_earlier(member) and split_member(member)[0] == entry:
            connection.execute("DELETE FROM sources WHERE source = ?", (source,))


def _pairs(gone: list[Placed], now: list[Placed]) -> list[tuple[Placed, Placed]]:
    """Pairs of old and new sprites cut from the same part of a file, or that are its only ones."""
    if len(gone) == len(now) == 1:
        return [(gone[0], now[0])] if gone[0].seq != now[0].seq else []
    present, past = {one.seq for one in now}, {one.seq for one in gone}
    by_member = {one.member: one for one in now}
    return [
        (old, by_member[old.member])
        for old in gone
        if old.member in by_member and old.seq not in present and by_member[old.member].seq not in past
    ]


def pending(workspace: Workspace, sources: Iterable[Source]) -> list[tuple[Edited, tuple[int, ...]]]:
    """Return edited pictures below some sources whose old sprites are not replaced yet, each with the rows to drop.

    For a picture that was edited several times, the newest sprite with decisions is used.
    """
    roots = [storable(os.path.abspath(os.fspath(one))) for one in sources if not isinstance(one, Pasted)]
    query = "SELECT path, member, sprite FROM sources WHERE member LIKE '%was=%' AND sprite IS NOT NULL"
    chains: dict[tuple[str, str, str], list[int]] = {}
    for path, member, seq in workspace.connection.execute(f"{query} ORDER BY source DESC"):
        entry, suffix = split_member(member)
        part, was = split_earlier(suffix)
        if was and any(path == root or path.startswith(os.path.join(root, "")) for root in roots):
            chains.setdefault((path, entry, part), []).append(seq)
    found = []
    for (path, entry, part), seqs in sorted(chains.items()):
        after = _present(workspace.connection, path, entry, part)
        old = [workspace.sprite(seq) for seq in dict.fromkeys(seqs) if seq != after]
        old = [sprite for sprite in old if not _is_replaced(sprite)]
        if after is None or not old:
            continue
        which = next((place for place, sprite in enumerate(old) if has_decisions(sprite)), 0)
        pair = Edited(shown_place(path, join_member(entry, part)), old[which].id, workspace.sprite(after).id)
        found.append((pair, tuple(sprite.seq for sprite in old[: which + 1])))
    return found


def _present(connection: sqlite3.Connection, path: str, entry: str, part: str) -> int | None:
    """The sprite that a file gives now at the same part, or its only sprite."""
    found = sprites_of(connection, path, entry)
    only = next(iter(found.values())) if len(set(found.values())) == 1 else None
    return found.get(join_member(entry, part), only)


def sprites_of(connection: sqlite3.Connection, path: str, entry: str) -> dict[str, int]:
    """Return the `seq` of each sprite that a file or archive entry gives now, by the member of its row in `sources`."""
    query = (
        "SELECT member, sprite FROM sources WHERE path = ? AND (member = ? OR member >= ? AND member < ?) "
        f"AND verdict = 'accepted' AND sprite IS NOT NULL AND {CURRENT}"
    )
    # "$" comes right after "#".
    rows = connection.execute(query, (path, entry, f"{entry}#", f"{entry}$"))
    return {member: int(seq) for member, seq in rows if split_member(member)[0] == entry}


def has_decisions(sprite: Sprite) -> bool:
    """Whether a sprite has decisions. Tags do not count, as an import may set them; nor does a replaced sprite."""
    facts = (sprite.flipped, sprite.rotation, sprite.crop, sprite.family, sprite.split, sprite.weight != 1.0)
    decided = sprite.status != "undecided" or sprite.facing != "unknown" or any(facts)
    return decided and not _is_replaced(sprite)


def _is_replaced(sprite: Sprite) -> bool:
    return sprite.status == "dropped" and sprite.reason == REPLACED


def carry_over(workspace: Workspace, pairs: Iterable[tuple[Edited, tuple[int, ...]]]) -> tuple[Changes, int]:
    """Copy the decisions of old sprites to the new ones and drop the old ones, as one edit.

    Each pair comes with the rows to drop. A new sprite that has decisions is left alone, as is the one it replaces. An
    old sprite that another file still gives is not dropped. Returns what changed and how many sprites got decisions.
    Raises UserError.
    """
    values: dict[str, dict[int, Any]] = {}
    given: set[int] = set()

    def decide(seq: int, fields: dict[str, Any]) -> None:
        for field, value in fields.items():
            values.setdefault(field, {}).setdefault(seq, value)

    chosen = [(workspace.resolve(pair.before), workspace.resolve(pair.after), drop) for pair, drop in pairs]
    new = {after for _, after, _ in chosen}
    for old, after, drop in chosen:
        before, sprite = workspace.sprite(old), workspace.sprite(after)
        if has_decisions(sprite):
            continue
        given.add(after)
        decide(after, _decisions(before, sprite))
        for seq in drop:
            if seq not in new and not _is_elsewhere(workspace.connection, seq):
                decide(seq, {"status": "dropped", "reason": REPLACED})
    title = "Carry decisions over to edited pictures"
    return (workspace.apply(SetValues(values, title)) if values else NOTHING), len(given)


def _decisions(before: Sprite, after: Sprite) -> dict[str, Any]:
    """The values for the new sprite; a crop is copied only if both pictures have the same size."""
    same_size = (before.width, before.height) == (after.width, after.height)
    return {
        "status": before.status,
        "reason": before.reason,
        "flipped": int(before.flipped),
        "rotation": before.rotation,
        "crop": format_crop(before.crop) if same_size else "",
        "facing": before.facing,
        "tags": join_tags({*before.tags, *(() if _is_replaced(after) else after.tags)}),
        "family": before.family,
        "weight": before.weight,
        "split": before.split,
    }


def _is_elsewhere(connection: sqlite3.Connection, seq: int) -> bool:
    """Whether any file still gives a sprite."""
    query = f"SELECT 1 FROM sources WHERE sprite = ? AND verdict = 'accepted' AND {CURRENT} LIMIT 1"
    return connection.execute(query, (seq,)).fetchone() is not None
