"""Results of a duplicate search as listed by the screen: regrouped, filtered, combined with later decisions."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gandam_studio.core.duplicates import (
    DUPLICATES,
    DropPlan,
    DuplicateGroup,
    DuplicateReport,
    Member,
    find_duplicates,
    plan_drops,
)
from gandam_studio.core.duplicates.verdicts import Verdict
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.lookups import decided, distinct_pairs, last_seq
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.seqsets import Seqs

UNDECIDED, KEPT, DROPPED = range(3)
_GROUPS_KEPT = 1024
_STATES = {"undecided": UNDECIDED, "kept": KEPT, "dropped": DROPPED}


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes:
        report: covers the sprites that were not dropped at that time.
        apart: the pairs marked as different by then.
        left_out: the sprites dropped by then, sorted row numbers.
    """

    report: DuplicateReport
    apart: frozenset[tuple[int, int]]
    left_out: Seqs


def find(workspace: Workspace, job: Job) -> Found:
    """Search a workspace, reusing the comparisons of earlier searches. Callable from any thread."""
    apart, left_out = distinct_pairs(workspace), workspace.select(Filter(status="dropped"))
    return Found(find_duplicates(workspace, job=job), apart, left_out)


class Statuses:
    """The status of every sprite in one byte each, for fast lookups of many."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._states = np.zeros(1, dtype=np.int8)
        self.refresh()

    def refresh(self, seqs: Seqs | None = None) -> None:
        """Read again, for all sprites or those of an edit."""
        if seqs is not None and len(seqs) < 500:
            for sprite in self._workspace.sprites(seqs):
                self._states[sprite.seq] = _STATES[sprite.status]
            return
        self._states = np.zeros(last_seq(self._workspace) + 1, dtype=np.int8)
        for seq, status in decided(self._workspace):
            self._states[seq] = _STATES[status]

    def of(self, seqs: Sequence[int] | np.ndarray) -> np.ndarray:
        """(N,) int8 of UNDECIDED, KEPT, DROPPED."""
        return self._states[np.asarray(seqs, dtype=np.int64)]

    def decided(self) -> np.ndarray:
        """The row numbers of what is kept or dropped, in rising order."""
        return np.flatnonzero(self._states)

    def __getitem__(self, seq: int) -> int:
        return int(self._states[seq])

    def is_settled(self, seqs: Sequence[int]) -> bool:
        """True if nothing is left to decide: all are kept or dropped, or all but one are dropped."""
        states = self.of(seqs)
        return bool((states != UNDECIDED).all() or (states != DROPPED).sum() <= 1)


@dataclass(frozen=True)
class GroupCard:
    """What the card of a group shows.

    Attributes:
        group: the group's number in the report.
        seqs: its sprites; the first is the one that would be kept.
        members: the other sprites and what they are to which.
        relations: the relations of the others to it, each once.
        confidence: of the least certain member, in [0, 1].
        distance: of the most distant member, in [0, 1].
    """

    group: int
    seqs: tuple[int, ...]
    relations: tuple[str, ...]
    confidence: float
    distance: float
    members: tuple[Member, ...] = ()


class Findings:
    """A report with the current distance, rules and filter.

    Attributes:
        report: regrouped with the current distance and rules.
    """

    def __init__(self, found: Found, statuses: Statuses) -> None:
        self._found = found
        self._statuses = statuses
        self._apart = found.apart
        self._built: OrderedDict[int, DuplicateGroup] = OrderedDict()
        self._related: dict[str, np.ndarray] = {}  # relation -> (L, 3) sprites and distance
        self._ranked = self.report = found.report
        self._in_force = found.apart
        self._listed = np.arange(len(self.report))

    @property
    def total(self) -> int:
        """Number of groups at this distance, listed or not."""
        return len(self.report)

    def __len__(self) -> int:
        """Number of listed groups."""
        return len(self._listed)

    def group(self, row: int) -> DuplicateGroup:
        """A listed group, built on first use; copies are described by what they are copies of."""
        number = int(self._listed[row])
        made = self._built.get(number)
        if made is None:
            made = self.report.group(number)
            made = dataclasses.replace(made, members=tuple(map(self.report.as_copy, made.members)))
            self._built[number] = made
            if len(self._built) > _GROUPS_KEPT:
                self._built.popitem(last=False)
        return made

    def regroup(self, distance: float, rules: Sequence[str]) -> None:
        """Group again from the cached distances, and list all groups."""
        # Ranking by the rules is the slow part, and does not depend on the distance.
        if tuple(rules) != self._ranked.rules or self._apart != self._in_force:
            fresh = sorted(self._apart - self._found.apart)
            report = self._found.report.without(fresh) if fresh else self._found.report
            self._ranked = report if tuple(rules) == report.rules else report.regroup(rules=rules)
            self._in_force = self._apart
        self.report = self._ranked.regroup(distance)
        self._built.clear()
        self._listed = np.arange(len(self.report))

    def set_apart(self, pairs: frozenset[tuple[int, int]]) -> bool:
        """Set the pairs marked as different; takes effect with `regroup`.

        Returns False if a pair that the search had excluded is no longer marked: only a new search can find it.
        """
        self._apart = pairs
        return self._found.apart <= pairs

    def list(self, relation: str, undecided_only: bool, copies: Sequence[tuple[int, int]] | None = None) -> None:
        """List only groups with that relation ("" for any), only unsettled groups, or only groups with these `copies`.

        copies: pairs of row numbers; a group is listed if it holds both sprites of a pair.
        """
        listed = np.arange(len(self.report))
        if copies is not None:
            pairs = np.array(copies, dtype=np.int64).reshape(-1, 2)
            listed = listed[np.isin(listed, self._groups_of(pairs))]
        if undecided_only:
            listed = listed[~self._settled()]
        if relation:
            listed = listed[np.isin(listed, self._groups_with(relation))]
        self._listed = listed

    def counts(self) -> tuple[int, int, int]:
        """Numbers of listed groups, of sprites in them, and of settled groups."""
        sizes = self.report.sizes()
        return len(self._listed), int(sizes[self._listed].sum()), int(self._settled()[self._listed].sum())

    def row_of(self, seq: int) -> int | None:
        """The row of a sprite's group; None if it is not listed."""
        (number,) = self.report.numbers_of([seq])
        rows = np.flatnonzero(self._listed == number)
        return int(rows[0]) if len(rows) else None

    def next_unsettled(self, row: int, step: int) -> int | None:
        """The row of the next (step 1) or previous (-1) unsettled group."""
        open_rows = np.flatnonzero(~self._settled()[self._listed])
        ahead = open_rows[open_rows > row] if step > 0 else open_rows[open_rows < row][::-1]
        return int(ahead[0]) if len(ahead) else None

    def card(self, row: int) -> GroupCard:
        """The card of a listed group."""
        group = self.group(row)
        return GroupCard(
            group=row,
            seqs=group.seqs,
            relations=tuple(dict.fromkeys(member.relation for member in group.members)),
            confidence=min(member.confidence for member in group.members),
            distance=group.doubt,
            members=group.members,
        )

    def plan(
        self,
        relations: frozenset[str] = DUPLICATES,
        confidence: float = 0.0,
        include_kept: bool = False,
        job: Job = NULL_JOB,
    ) -> DropPlan:
        """What the rules would drop at this distance, among duplicates related by one of `relations`.

        confidence: minimum confidence of a drop, in [0, 1].
        include_kept: whether sprites marked keep may be dropped too.

        Dropped sprites are ignored, so nothing is dropped in favour of a dropped sprite.
        """
        report = self.restated()
        job.check()
        return plan_drops(report, relations=relations, minimum_confidence=confidence, include_kept=include_kept)

    def plan_for(self, group: DuplicateGroup, include_kept: bool = False) -> DropPlan:
        """What the rules would drop in one group."""
        return plan_drops(self._restated(np.array(group.seqs, dtype=np.int64)), include_kept=include_kept)

    def dropped(self) -> int:
        """The number of sprites in all groups that are dropped by now."""
        return int((self._statuses.of(self.report.membership()[0]) == DROPPED).sum())

    def restated(self) -> DuplicateReport:
        """The report updated to the current decisions: without dropped sprites, with the kept ones marked."""
        return self._restated(self.report.membership()[0])

    def _restated(self, seqs: np.ndarray) -> DuplicateReport:
        states = self._statuses.of(seqs)
        return self.report.only(seqs[states != DROPPED], kept=seqs[states == KEPT])

    def is_incomplete(self, seqs: Seqs) -> bool:
        """Whether a sprite that the search left out as dropped is no longer dropped."""
        back = seqs[self._statuses.of(seqs) != DROPPED]
        return bool(np.isin(back, self._found.left_out).any())

    def _settled(self) -> np.ndarray:
        """(G,) bool: which groups are settled."""
        seqs = self._statuses.decided()
        numbers = self.report.numbers_of(seqs)
        seqs, numbers = seqs[numbers >= 0], numbers[numbers >= 0]
        decided = np.bincount(numbers, minlength=len(self.report))
        dropped = np.bincount(numbers[self._statuses.of(seqs) == DROPPED], minlength=len(self.report))
        sizes = self.report.sizes()
        return (decided == sizes) | (sizes - dropped <= 1)

    def _groups_with(self, relation: str) -> np.ndarray:
        """Numbers of the groups in which two sprites have this relation, possibly among others."""
        pairs = self._related.get(relation)
        if pairs is None:
            links = (link for link in self._found.report.links if relation in _words(link.verdict))
            rows = [(link.i, link.j, link.verdict.distance) for link in links]
            pairs = self._related[relation] = np.array(rows, dtype=np.float64).reshape(-1, 3)
        return self._groups_of(pairs[pairs[:, 2] <= self.report.distance, :2].astype(np.int64))

    def _groups_of(self, pairs: np.ndarray) -> np.ndarray:
        """Numbers of the groups that hold both sprites of one of the pairs, (P, 2) row numbers."""
        seqs, numbers = self.report.membership()
        group_of = np.full(int(seqs.max(initial=0)) + 1, -1)
        group_of[seqs] = numbers
        known = pairs[(pairs < len(group_of)).all(axis=1)]
        first, second = group_of[known[:, 0]], group_of[known[:, 1]]
        return np.unique(first[(first == second) & (first >= 0)])


def _words(verdict: Verdict) -> tuple[str, ...]:
    return (verdict.relation, *verdict.transform.words)


__all__ = [
    "DROPPED", "KEPT", "UNDECIDED", "Findings", "Found", "GroupCard", "Statuses", "find",
]  # fmt: skip
