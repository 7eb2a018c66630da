"""The balance of a data set: families by size, and two ways to limit the influence of large ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Edit, SetValues

CAP_REASON = "family cap"


@dataclass(frozen=True)
class Family:
    """Sprites of one family that are not dropped.

    Attributes:
        name: the family's name.
        seqs: row numbers, in the order of import.
        weight: the sum of their sampling weights, as a number of sprites in training.
    """

    name: str
    seqs: tuple[int, ...]
    weight: float


def families(workspace: Workspace) -> list[Family]:
    """Return every family, the largest first, then by name."""
    query = "SELECT family, seq, weight FROM sprites WHERE family != '' AND status != 'dropped' ORDER BY seq"
    rows: dict[str, list[tuple[int, float]]] = {}
    for name, seq, weight in workspace.connection.execute(query):
        rows.setdefault(name, []).append((int(seq), float(weight)))
    found = [
        Family(name, tuple(seq for seq, _ in members), sum(weight for _, weight in members))
        for name, members in rows.items()
    ]
    return sorted(found, key=lambda family: (-len(family.seqs), family.name))


def weigh_families(workspace: Workspace, at_most: float = 1.0) -> Edit:
    """Return an edit that gives members equal weights, so that a family counts for its size or `at_most`, if less.

    The weights are part of the manifest. Raises UserError unless `at_most` is positive.
    """
    if at_most <= 0:
        raise UserError("a family must count for more than nothing")
    weights = {
        seq: round(min(1.0, at_most / len(family.seqs)), 6) for family in families(workspace) for seq in family.seqs
    }
    return SetValues({"weight": weights}, f"Families count for at most {at_most:g}")


def cap_families(workspace: Workspace, at_most: int) -> Edit:
    """Return an edit that drops sprites beyond `at_most` in a family, with the reason "family cap".

    Sprites that the person kept are dropped last. Otherwise the digest of the id decides, so that the choice is stable
    when a family grows. Raises UserError if `at_most` is below 1.
    """
    if at_most < 1:
        raise UserError("a family must keep at least one sprite")
    dropped: list[int] = []
    for family in families(workspace):
        if len(family.seqs) <= at_most:
            continue
        members = list(workspace.sprites(family.seqs))
        members.sort(key=lambda sprite: (sprite.status != "kept", hashlib.sha256(sprite.id.encode()).digest()))
        dropped += [sprite.seq for sprite in members[at_most:]]
    return Drop(dropped, CAP_REASON)
