"""Decisions on groups of duplicates: a preview of what would be dropped and why, and the edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from gandam_studio.core.duplicates.report import DuplicateGroup, DuplicateReport
from gandam_studio.core.duplicates.verdicts import DUPLICATES
from gandam_studio.core.workspace.edits import Drop, Edit, Keep, NotDuplicates, SetFlipped, SetValues, Together
from gandam_studio.core.workspace.seqsets import as_seqs

REASON = "duplicate"


@dataclass(frozen=True)
class PlannedDrop:
    """One sprite that would be dropped.

    Attributes:
        seq: its row number.
        favour: the sprite that stays instead.
        relation: its relation to that one (`relations.RELATIONS`).
        rule: the rule by which the other one is better; "" if only the tie-break decided.
        confidence: probability that they are the same picture.
    """

    seq: int
    favour: int
    relation: str
    rule: str
    confidence: float


@dataclass(frozen=True)
class DropPlan:
    """The result of applying the rules to every group.

    Attributes:
        drops: in the order of the report.
        spared: duplicates that stay because the person kept them.
        spared_groups: the number of groups with such duplicates.
        unsure: duplicates that stay because their confidence is below the minimum.
        unchosen: relation -> number of duplicates that stay because that relation was not chosen.
        relatives: the number of members that are related to others but no copies; these are never dropped.
    """

    drops: tuple[PlannedDrop, ...]
    spared: tuple[int, ...]
    spared_groups: int = 0
    unsure: tuple[int, ...] = ()
    unchosen: dict[str, int] = field(default_factory=dict)
    relatives: int = 0

    def edit(self) -> Edit:
        """Return all drops as one edit."""
        return Drop([drop.seq for drop in self.drops], REASON)


def plan_drops(
    report: DuplicateReport,
    *,
    relations: frozenset[str] | set[str] = DUPLICATES,
    minimum_confidence: float = 0.0,
    include_kept: bool = False,
) -> DropPlan:
    """Return which duplicates would be dropped by the report's rules.

    Only members related by one of `relations` are dropped, and relatives (recolours, similar ones, frames) never.
    Sprites that the person kept are spared unless `include_kept`; even then one sprite of each group of duplicates
    stays.
    """
    drops, spared, unsure = [], [], []
    unchosen: Counter[str] = Counter()
    found = report.superfluous()
    for one in found:
        verdict = one.verdict
        if verdict.relation not in relations:
            unchosen[verdict.relation] += 1
        elif verdict.confidence < minimum_confidence:
            unsure.append(one.seq)
        elif one.kept and not include_kept:
            spared.append(one.seq)
        else:
            drops.append(PlannedDrop(one.seq, one.favour, verdict.relation, one.rule, verdict.confidence))
    seqs, numbers = report.membership()
    return DropPlan(
        tuple(drops),
        tuple(spared),
        spared_groups=len(np.unique(numbers[np.isin(seqs, spared)])),
        unsure=tuple(unsure),
        unchosen=dict(unchosen),
        relatives=len(seqs) - len(report) - len(found),
    )


def keep_best(group: DuplicateGroup) -> Edit:
    """Return an edit that keeps a group's keeper and drops its duplicates; relatives are left alone."""
    dropped = [member.seq for member in group.duplicates]
    edits: tuple[Edit, ...] = (Keep([group.keeper]), Drop(dropped, REASON)) if dropped else (Keep([group.keeper]),)
    return Together(edits, "Keep the best, drop its duplicates")


def keep_both(seqs: Sequence[int]) -> Edit:
    """Return an edit that records that no two of these are duplicates."""
    return NotDuplicates(tuple(combinations(sorted({int(seq) for seq in seqs}), 2)))


def flip_and_keep(kept: int, dropped: Sequence[int], *, flipped: bool) -> Edit:
    """Return an edit that flips and keeps one sprite of a mirrored pair and drops the others.

    `flipped`: whether it is flipped now.
    """
    edits: list[Edit] = [SetFlipped(as_seqs([kept]), not flipped), Keep([kept])]
    if dropped:
        edits.append(Drop(list(dropped), REASON))
    return Together(tuple(edits), "Flip and keep")


def name_families(report: DuplicateReport) -> Edit:
    """Return an edit that records every group as a family, named by the first 12 characters of its keeper's id."""
    names = {seq: report.key(group.keeper)[:12] for group in report for seq in group.seqs}
    return SetValues({"family": names}, "Name families")
