"""Assign held-out sprites: seeded, stable when sprites are added, and never splitting a family."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from gandam_studio.core.duplicates.twins import named, twins
from gandam_studio.core.workspace.split_rule import HELD_OUT, TRAIN, SplitRule, draw

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


def assign_splits(
    groups: Mapping[str, str], rule: SplitRule, links: Iterable[tuple[str, str]] = (), generated: Collection[str] = ()
) -> dict[str, str]:
    """Return the split of every sprite: id -> "train" or "held-out".

    Args:
        groups: sprite id -> family, "" for a sprite without one.
        rule: seed and share.
        links: pairs of ids that must share a split (duplicates, mirror images). An id not in `groups` connects the
            sprites linked to it and has no other effect.
        generated: sprites that a run has drawn. They decide no split, and none is held out but with a real one that it
            is linked to: quality is measured by real sprites.

    Families and linked sprites share one split. A sprite's split depends only on the seed and its group, so adding
    other sprites changes nothing. A group that grows by a link keeps its split unless the new member draws a smaller
    number than all others. (A rule that does not depend on order cannot do better: one that never changes when groups
    join would have to give every group the same split.) If the rule would hold out everything, nothing is held out.
    """
    atoms = {sprite: f"family:{family}" if family else f"sprite:{sprite}" for sprite, family in groups.items()}
    heads = _joined(atoms, links)
    present = set(atoms.values())
    members: dict[str, list[str]] = {}
    for atom, head in heads.items():
        if atom in present:
            members.setdefault(head, []).append(atom)
    # Of joined groups, the one with the smallest draw decides, regardless of the order in which they were joined.
    real = {atom for sprite, atom in atoms.items() if sprite not in generated} if generated else present
    deciding = {
        head: min(
            [atom for atom in joined if atom in real] or joined,
            key=lambda atom: (draw(rule.seed, "speaker", atom), atom),
        )
        for head, joined in members.items()
    }
    split_of_atom = rule.splits_of(real)
    for atom, head in heads.items():
        decides = deciding.get(head, atom)
        if atom in present:
            split_of_atom[atom] = rule.split_of(decides) if decides in real else TRAIN
    if all(split_of_atom[atom] == HELD_OUT for atom in real):
        return dict.fromkeys(atoms, TRAIN)
    return {sprite: split_of_atom.get(atom, TRAIN) for sprite, atom in atoms.items()}


def inseparable(workspace: Workspace) -> list[tuple[str, str]]:
    """Return pairs of sprite ids whose trimmed pixels are equal or mirrored, from the fingerprints alone.

    Relations found by a search for duplicates are not used, because a digest must not depend on whether there was a
    search. Its suggestions (recolours, forms) take effect once they are decided, as a family or a drop.
    """
    return named(workspace.connection, twins(workspace.connection))


def _joined(atoms: Mapping[str, str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Union-find over the linked atoms: atom -> representative of its group."""
    heads: dict[str, str] = {}

    def head(atom: str) -> str:
        heads.setdefault(atom, atom)
        while heads[atom] != atom:
            heads[atom] = heads[heads[atom]]
            atom = heads[atom]
        return atom

    for a, b in links:
        heads[head(atoms.get(a, f"absent:{a}"))] = head(atoms.get(b, f"absent:{b}"))
    return {atom: head(atom) for atom in list(heads)}
