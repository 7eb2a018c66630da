"""What was found: groups that can be shown, regrouped at another distance without looking again, and decided on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gandam_studio.core.duplicates import grouping
from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, Judged, ranking
from gandam_studio.core.duplicates.relations import DUPLICATES, Transform
from gandam_studio.core.duplicates.sources import PictureSource
from gandam_studio.core.duplicates.verifying import Link

DEFAULT_DISTANCE = 0.5  # where the judgement tips; the slider goes from 0 to `verifying.KEPT_DISTANCE`


@dataclass(frozen=True)
class Member:
    """A picture of a group, next to the group's keeper.

    Attributes:
        seq: its row number.
        relation: to `related_to`; one of `relations.RELATIONS`.
        distance, confidence: of that relation.
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
    def duplicates(self) -> tuple[Member, ...]:
        """Members that one of the pictures here makes superfluous."""
        return tuple(member for member in self.members if member.duplicate_of is not None)

    @property
    def doubt(self) -> float:
        """The largest distance among the members: groups are looked at in falling order of it."""
        return max((member.distance for member in self.members), default=0.0)


class DuplicateReport:
    """What was found, with every verified distance kept, so that another threshold regroups without looking again.

    Attributes:
        source: the pictures, by row; `source.seqs` are their row numbers in the workspace.
        links: every verified relation within the loosest distance.
        distance: the threshold of `groups`.
        rules: the order of rules by which keepers were chosen.
    """

    def __init__(
        self,
        source: PictureSource,
        links: Sequence[Link],
        judged: dict[int, Judged],
        *,
        distance: float = DEFAULT_DISTANCE,
        rules: Sequence[str] = DEFAULT_RULES,
        apart: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.source = source
        self.links = list(links)
        self.distance = distance
        self.rules = tuple(rules)
        self._judged = judged
        self._rows = np.array(sorted(judged), dtype=np.int64)
        place = {row: index for index, row in enumerate(self._rows.tolist())}
        self._seqs = source.seqs[self._rows]
        self._i = np.array([place[link.i] for link in self.links], dtype=np.int64)
        self._j = np.array([place[link.j] for link in self.links], dtype=np.int64)
        self._distances = np.array([link.verdict.distance for link in self.links])
        self._true = np.array([link.verdict.relation in DUPLICATES for link in self.links], dtype=bool)
        self._by_pair = {(link.i, link.j): link for link in self.links}
        self._rank = ranking([judged[row] for row in self._rows.tolist()], self.rules)
        called = {int(seq): index for index, seq in enumerate(self._seqs)}
        pairs = sorted({(called[a], called[b]) for a, b in apart if a in called and b in called})
        self._apart = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self._allowed = ~_listed(self._i, self._j, self._apart, len(self._rows))
        self._duplicate_of, self._family_of = self._group(distance)

    def regroup(self, distance: float | None = None, rules: Sequence[str] | None = None) -> DuplicateReport:
        """The same findings at another threshold (0 to `KEPT_DISTANCE`), or with keepers chosen by other rules.

        Nothing is compared again. Raises UserError for an unknown rule.
        """
        other = object.__new__(DuplicateReport)
        other.__dict__.update(self.__dict__)
        other.distance = self.distance if distance is None else distance
        if rules is not None and tuple(rules) != self.rules:
            other.rules = tuple(rules)
            other._rank = ranking([self._judged[row] for row in self._rows.tolist()], other.rules)
        other._duplicate_of, other._family_of = other._group(other.distance)
        return other

    def without(self, pairs: Sequence[tuple[int, int]]) -> DuplicateReport:
        """The same findings once the person has said that the pictures of these pairs (row numbers) are different."""
        called = {int(seq): index for index, seq in enumerate(self._seqs)}
        fresh = [(called[a], called[b]) for a, b in pairs if a in called and b in called]
        other = object.__new__(DuplicateReport)
        other.__dict__.update(self.__dict__)
        other._apart = np.concatenate([self._apart, np.array(fresh, dtype=np.int64).reshape(-1, 2)])
        other._allowed = ~_listed(self._i, self._j, other._apart, len(self._rows))
        other._duplicate_of, other._family_of = other._group(other.distance)
        return other

    def _group(self, distance: float) -> tuple[np.ndarray, np.ndarray]:
        """For each linked picture its duplicates' keeper and its family's keeper, as places in `_rows`."""
        near = (self._distances <= distance) & self._allowed
        true = near & self._true
        duplicate_of = grouping.stars(self._rank, self._i[true], self._j[true], self._distances[true])
        duplicate_of = grouping.parted(duplicate_of, self._rank, self._apart)
        # Families join the keepers of duplicates, along any relation between their pictures.
        a, b = duplicate_of[self._i[near]], duplicate_of[self._j[near]]
        between = a != b
        family = grouping.stars(self._rank, a[between], b[between], self._distances[near][between])
        family_of = grouping.parted(family[duplicate_of], self._rank, self._apart)
        return duplicate_of, family_of

    @property
    def judged(self) -> dict[int, Judged]:
        """What the rules know of every linked picture, by row of the source."""
        return self._judged

    @property
    def group_count(self) -> int:
        """How many groups there are, without building them."""
        return int(np.count_nonzero(grouping.sizes(self._family_of) > 1))

    @property
    def duplicate_count(self) -> int:
        """How many pictures are superfluous."""
        return int(np.count_nonzero(self._duplicate_of != np.arange(len(self._rows))))

    @property
    def groups(self) -> list[DuplicateGroup]:
        """All groups, the most doubtful first; ties by the keeper's key."""
        order = np.lexsort((self._rank, self._family_of))
        cuts = np.flatnonzero(np.diff(self._family_of[order])) + 1
        made = [self._build(part) for part in np.split(order, cuts) if len(part) > 1]
        keys = {int(seq): self.source.facts[row].key for seq, row in zip(self._seqs, self._rows.tolist(), strict=True)}
        return sorted(made, key=lambda group: (-group.doubt, keys[group.keeper]))

    def _build(self, places: np.ndarray) -> DuplicateGroup:
        """The group of some linked pictures, given as places in `_rows`, best first."""
        keeper = int(self._family_of[places[0]])
        members = [self._member(place, keeper) for place in places.tolist() if place != keeper]
        members.sort(key=lambda member: (member.duplicate_of is None, member.distance))
        return DuplicateGroup(int(self._seqs[keeper]), tuple(members))

    def _member(self, place: int, keeper: int) -> Member:
        """How one picture stands to its group's keeper, or else to the picture it duplicates or is related to."""
        kept = int(self._duplicate_of[place])
        link, other = self._nearest_link(place, keeper, kept)
        verdict, transform = link.verdict, link.verdict.transform
        if link.i == self._rows[place]:
            widths = [self.source.facts[row].width for row in (link.i, link.j)]
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

    def _nearest_link(self, place: int, keeper: int, kept: int) -> tuple[Link, int]:
        """The relation that says why a picture is in the keeper's group, and the other picture's place."""
        for other in (keeper, kept):
            link = self._link(place, other)
            if link is not None:
                return link, other
        # It keeps duplicates of its own, and one of those is what the keeper's side is related to.
        family = np.flatnonzero(self._family_of == keeper)
        found = [
            (link.verdict.distance, int(other), link) for other in family if (link := self._link(place, int(other)))
        ]
        if not found:
            mine = family[self._duplicate_of[family] == place]
            found = [
                (link.verdict.distance, int(other), link)
                for other in family
                for twin in mine
                if (link := self._link(int(twin), int(other))) and self._duplicate_of[other] != place
            ]
        _, other, link = min(found, key=lambda item: item[:2])
        return link, other

    def _link(self, a: int, b: int) -> Link | None:
        """The verified relation of two places, if they have one that counts."""
        first, second = sorted((int(self._rows[a]), int(self._rows[b])))
        return self._by_pair.get((first, second)) if a != b else None


def _listed(i: np.ndarray, j: np.ndarray, pairs: np.ndarray, count: int) -> np.ndarray:
    """(E,) bool: which relations are between two pictures named as a pair, (P, 2) in any order."""
    key = np.minimum(i, j) * count + np.maximum(i, j)
    return np.isin(key, pairs.min(axis=1) * count + pairs.max(axis=1)) if len(pairs) else np.zeros(len(i), dtype=bool)
