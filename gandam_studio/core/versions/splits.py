"""Which sprites are held out from training: seeded, stable when sprites are added, never through a family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gandam_studio.core.workspace.split_rule import HELD_OUT, TRAIN, SplitRule, draw

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


def assign_splits(groups: Mapping[str, str], rule: SplitRule, links: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """The split of every sprite.

    Args:
        groups: sprite id -> family, "" for a sprite without one.
        rule: seed and share.
        links: pairs of ids that must stay together (duplicates, mirror twins); an id not in `groups` joins those
            linked to it and has no other influence.

    Returns id -> "train" or "held-out". Families and linked sprites share one split. A sprite's split depends on the
    seed and its group only, so adding others moves nothing; a group that grows by a link keeps its split unless the
    newcomer draws a smaller number than all before it (a rule for unordered sets cannot do better: one that never
    changed when groups join would have to give every group the same split). When the rule would hold out everything
    it holds out nothing.
    """
    atoms = {sprite: f"family:{family}" if family else f"sprite:{sprite}" for sprite, family in groups.items()}
    heads = _joined(atoms, links)
    present = set(atoms.values())
    members: dict[str, list[str]] = {}
    for atom, head in heads.items():
        if atom in present:
            members.setdefault(head, []).append(atom)
    # Of joined groups the one with the smallest draw speaks for all: no order of work can change that.
    speakers = {
        head: min(joined, key=lambda atom: (draw(rule.seed, "speaker", atom), atom)) for head, joined in members.items()
    }
    split_of_atom: dict[str, str] = {}
    for atom in present:
        split_of_atom[atom] = rule.split_of(speakers[heads[atom]] if atom in heads else atom)
    if split_of_atom and all(split == HELD_OUT for split in split_of_atom.values()):
        return dict.fromkeys(atoms, TRAIN)
    return {sprite: split_of_atom[atom] for sprite, atom in atoms.items()}


def inseparable(workspace: Workspace) -> list[tuple[str, str]]:
    """Pairs of sprite ids whose trimmed pixels are equal or mirrored, known from the fingerprints alone.

    Relations that a search for duplicates found are left out: whether somebody searched must not change a digest.
    What the search suggests (recolours, forms) takes effect once it is decided, as a family or a drop.
    """
    from gandam_studio.core.duplicates.togetherness import held_together

    return held_together(workspace, distance=-1.0)


def _joined(atoms: Mapping[str, str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Union-find over the atoms that links name: atom -> the head of what it is joined with."""
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
