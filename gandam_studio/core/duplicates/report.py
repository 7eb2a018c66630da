"""What was found: groups that can be shown, regrouped at another distance without looking again, and decided on."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gandam_studio.core.duplicates import grouping
from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, Judged, deciding_rule, ranking
from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.relations import DUPLICATES, Transform, Verdict

DEFAULT_DISTANCE = 0.5  # where the judgement tips; a slider goes from 0 to `links.LOOSEST`


@dataclass(frozen=True)
class Member:
    """A picture of a group, next to the group's keeper.

    Attributes:
        seq: its row number.
        relation: to `related_to`; one of `relations.RELATIONS`.
        distance, confidence: of that relation, both in [0, 1].
        transform: what maps it onto `related_to`.
        related_to: the keeper, unless only another picture of the group is directly related to it.
        duplicate_of: the picture it can be dropped in favour of; None when it is a relative, no duplicate.
    """

    seq: int
    relation: str
    distance: float
    confidence: float
    transform: Transform
    related_to: int
    duplicate_of: int | None


@dataclass(frozen=True)
class DuplicateGroup:
    """One family: a keeper, its duplicates, and its relatives (recolours, near ones, frames) with their duplicates.

    Attributes:
        keeper: row number of the best picture by the rules.
        members: the others, duplicates before relatives, nearest first.
    """

    keeper: int
    members: tuple[Member, ...]

    @property
    def seqs(self) -> tuple[int, ...]:
        """All row numbers, the keeper's first."""
        return (self.keeper, *(member.seq for member in self.members))

    @property
    def duplicates(self) -> tuple[Member, ...]:
        """Members that one of the pictures here makes superfluous."""
        return tuple(member for member in self.members if member.duplicate_of is not None)

    @property
    def doubt(self) -> float:
        """The largest distance among the members."""
        return max((member.distance for member in self.members), default=0.0)


class DuplicateReport:
    """Verified relations among pictures, grouped at one distance.

    `len(report)` groups, the most doubtful first; `report.group(n)` builds one, `report.groups` all. `regroup` and
    `without` give other reports over the same findings and compare nothing again.

    Attributes:
        links: every verified relation within the loosest distance, between row numbers.
        distance: how unlike two pictures of a group may be.
        rules: the order of rules by which keepers are chosen (`keeping.RULES`).
        unreadable: names of sprites that could not be read and therefore were not compared.
    """

    def __init__(
        self,
        links: Sequence[Link],
        judged: dict[int, Judged],
        *,
        distance: float = DEFAULT_DISTANCE,
        rules: Sequence[str] = DEFAULT_RULES,
        apart: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.links = list(links)
        self.unreadable: tuple[str, ...] = ()
        self.distance = distance
        self.rules = tuple(rules)
        self._judged = judged
        self._seqs = np.array(sorted(judged), dtype=np.int64)
        self._i = self._places(np.array([link.i for link in self.links], dtype=np.int64))
        self._j = self._places(np.array([link.j for link in self.links], dtype=np.int64))
        self._distances = np.array([link.verdict.distance for link in self.links], dtype=np.float64)
        self._true = np.array([link.verdict.relation in DUPLICATES for link in self.links], dtype=bool)
        self._by_pair = {(link.i, link.j): link for link in self.links}
        self._rank = ranking([judged[seq] for seq in self._seqs.tolist()], self.rules)
        self._apart = np.zeros((0, 2), dtype=np.int64)
        self._forbid(apart)
        self._group()

    def __len__(self) -> int:
        """How many groups."""
        return len(self._starts)

    def __iter__(self) -> Iterator[DuplicateGroup]:
        """The groups, the most doubtful first."""
        return map(self.group, range(len(self)))

    @property
    def groups(self) -> list[DuplicateGroup]:
        """All groups, the most doubtful first; equal doubt goes by the keeper's rank."""
        return list(self)

    @property
    def duplicate_count(self) -> int:
        """How many pictures another one makes superfluous."""
        return int(np.count_nonzero(self._duplicate_of != np.arange(len(self._seqs))))

    def regroup(self, distance: float | None = None, rules: Sequence[str] | None = None) -> DuplicateReport:
        """The same findings at another distance, or with keepers chosen by other rules.

        Raises UserError for an unknown rule.
        """
        other = copy.copy(self)
        if distance is not None:
            other.distance = distance
        if rules is not None:
            other.rules = tuple(rules)
            other._rank = ranking([self._judged[seq] for seq in self._seqs.tolist()], other.rules)
        other._group()
        return other

    def without(self, pairs: Sequence[tuple[int, int]]) -> DuplicateReport:
        """The same findings once the person has said that the sprites of these pairs are no duplicates."""
        other = copy.copy(self)
        other._forbid(pairs)
        other._group()
        return other

    def only(self, seqs: Sequence[int] | np.ndarray, kept: Sequence[int] | np.ndarray | None = None) -> DuplicateReport:
        """The same findings among these sprites alone, for when others were dropped.

        kept: the sprites the person says belong by now, when that has changed since the search.
        """
        wanted = {int(seq) for seq in seqs}
        links = [link for link in self.links if link.i in wanted and link.j in wanted]
        judged = {seq: self._judged[seq] for link in links for seq in (link.i, link.j)}
        if kept is not None:
            named = {int(seq) for seq in kept}
            judged = {seq: replace(one, facts=replace(one.facts, kept=seq in named)) for seq, one in judged.items()}
        apart = [(int(a), int(b)) for a, b in self._seqs[self._apart].tolist()]
        return DuplicateReport(links, judged, distance=self.distance, rules=self.rules, apart=apart)

    def membership(self) -> tuple[np.ndarray, np.ndarray]:
        """Which sprite is in which group, without building one: row numbers and group numbers, (M,) int64 each."""
        sizes = self._ends - self._starts
        first = np.cumsum(sizes) - sizes
        places = np.arange(int(sizes.sum())) + np.repeat(self._starts - first, sizes)
        return self._seqs[self._order[places]], np.repeat(np.arange(len(sizes)), sizes)

    def group(self, number: int) -> DuplicateGroup:
        """One group. Raises IndexError."""
        places = self._order[self._starts[number] : self._ends[number]]
        keeper = int(self._family_of[places[0]])
        members = [self._member(place, keeper, places) for place in places.tolist() if place != keeper]
        members.sort(key=lambda one: (one.duplicate_of is None, one.distance, self._judged[one.seq].facts.key))
        return DuplicateGroup(int(self._seqs[keeper]), tuple(members))

    def why(self, best: int, other: int) -> str:
        """The first rule by which one sprite beats another; "" when only the tie-break does."""
        return deciding_rule(self._judged[best], self._judged[other], self.rules)

    def verdict(self, a: int, b: int) -> Verdict | None:
        """The verified relation of two sprites at this distance, the later one laid on the earlier.

        None without one.
        """
        link = self._by_pair.get((min(a, b), max(a, b)))
        return link.verdict if link is not None and link.verdict.distance <= self.distance else None

    def key(self, seq: int) -> str:
        """The stable name of a sprite in the report: its id."""
        return self._judged[seq].facts.key

    def is_kept(self, seq: int) -> bool:
        """Whether the person had said that a sprite belongs when this was found."""
        return self._judged[seq].facts.kept

    def _places(self, seqs: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._seqs, seqs)

    def _forbid(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Let no relation hold between the sprites of these pairs any more."""
        given = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        known = np.isin(given, self._seqs).all(axis=1)
        self._apart = np.concatenate([self._apart, self._places(given[known])])
        count = len(self._seqs)
        key = np.minimum(self._i, self._j) * count + np.maximum(self._i, self._j)
        forbidden = np.minimum(*self._apart.T) * count + np.maximum(*self._apart.T)
        self._allowed = ~np.isin(key, forbidden)

    def _group(self) -> None:
        """Find for each linked sprite the keeper of its duplicates and that of its family, as places in `_seqs`."""
        near = (self._distances <= self.distance) & self._allowed
        true = near & self._true
        keeper, doubt = grouping.stars(self._rank, self._i[true], self._j[true], self._distances[true])
        self._duplicate_of = grouping.parted(keeper, self._rank, self._apart)
        # Families join the keepers of duplicates, along any relation between their pictures.
        a, b = self._duplicate_of[self._i[near]], self._duplicate_of[self._j[near]]
        between = a != b
        family, family_doubt = grouping.stars(self._rank, a[between], b[between], self._distances[near][between])
        self._family_of = grouping.parted(family[self._duplicate_of], self._rank, self._apart)
        doubt = np.maximum(doubt, family_doubt[self._duplicate_of])
        order = np.lexsort((self._rank, self._family_of))
        starts = np.flatnonzero(np.diff(self._family_of[order], prepend=-1))
        ends = np.append(starts[1:], len(order))
        real = ends - starts > 1
        group_doubt = np.maximum.reduceat(doubt[order], starts)[real] if len(starts) else doubt
        starts, ends = starts[real], ends[real]
        shown = np.lexsort((self._rank[self._family_of[order[starts]]], -group_doubt))
        self._order, self._starts, self._ends = order, starts[shown], ends[shown]

    def _member(self, place: int, keeper: int, family: np.ndarray) -> Member:
        """How one sprite stands to its group's keeper, or else to the one it duplicates or is related to."""
        kept = int(self._duplicate_of[place])
        link, mine, other = self._explaining(place, keeper, kept, family)
        verdict, transform = link.verdict, link.verdict.transform
        if link.i == self._seqs[mine]:
            widths = [self._judged[seq].facts.width for seq in (link.i, link.j)]
            transform = transform.inverted(widths[0], widths[1])
        return Member(
            seq=int(self._seqs[place]),
            relation=verdict.relation,
            distance=verdict.distance,
            confidence=verdict.confidence,
            transform=transform,
            related_to=int(self._seqs[other]),
            duplicate_of=int(self._seqs[kept]) if kept != place else None,
        )

    def _explaining(self, place: int, keeper: int, kept: int, family: np.ndarray) -> tuple[Link, int, int]:
        """The relation that says why a sprite is in the keeper's group, and the places of its two ends."""
        for other in (keeper, kept):
            link = self._link(place, other)
            if link is not None:
                return link, place, other
        # Its own pictures' nearest relation to the others of the group.
        mine = [place, *family[self._duplicate_of[family] == place].tolist()]
        found = [
            (link.verdict.distance, one != place, other, one, link)
            for one in mine
            for other in family.tolist()
            if other not in mine and (link := self._link(one, other))
        ]
        _, _, other, one, link = min(found, key=lambda item: item[:4])
        return link, one, other

    def _link(self, a: int, b: int) -> Link | None:
        """The verified relation of two places, if they have one that counts at this distance."""
        first, second = sorted((int(self._seqs[a]), int(self._seqs[b])))
        return self._by_pair[first, second] if self.verdict(first, second) else None
