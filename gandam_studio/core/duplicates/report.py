"""The report of a search: groups of related pictures, which can be regrouped without another search."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gandam_studio.core.duplicates import grouping
from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, Judged, RuleTable
from gandam_studio.core.duplicates.links import Link, Links
from gandam_studio.core.duplicates.verdicts import Transform, Verdict

DEFAULT_DISTANCE = 0.5  # the operating point; the slider goes from 0 to `links.LOOSEST`


@dataclass(frozen=True)
class Member:
    """A picture of a group other than its keeper.

    Attributes:
        seq: its row number.
        relation: to `related_to`; one of `verdicts.RELATIONS`.
        distance, confidence: of that relation, both in [0, 1].
        transform: maps it to `related_to`.
        related_to: the keeper, or another picture of the group if it is not directly related to the keeper.
        duplicate_of: the picture that can replace it; None for a relative.
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
    """A keeper with its duplicates and its relatives (recolours, similar ones, frames) and their duplicates.

    Attributes:
        keeper: row number of the best picture by the rules.
        members: the others; duplicates before relatives, then by distance.
    """

    keeper: int
    members: tuple[Member, ...]

    @property
    def seqs(self) -> tuple[int, ...]:
        """All row numbers, starting with the keeper's."""
        return (self.keeper, *(member.seq for member in self.members))

    @property
    def duplicates(self) -> tuple[Member, ...]:
        """Members that duplicate another picture of the group."""
        return tuple(member for member in self.members if member.duplicate_of is not None)

    @property
    def doubt(self) -> float:
        """The largest distance of a member."""
        return max((member.distance for member in self.members), default=0.0)


@dataclass(frozen=True)
class Superfluous:
    """A picture that duplicates a better one.

    Attributes:
        seq, favour: row numbers of it and of the better one.
        verdict: their relation.
        rule: the first rule by which the other is better; "" if only the tie-break decides.
        kept: whether the person kept it.
    """

    seq: int
    favour: int
    verdict: Verdict
    rule: str
    kept: bool


class DuplicateReport:
    """Verified relations among pictures, grouped at one distance.

    A sequence of groups, the most doubtful first; `report.group(n)` builds one, `report.groups` all. `regroup`,
    `without` and `only` return other reports on the same findings without comparing pictures again.

    Attributes:
        distance: how different two pictures of a group may be.
        rules: the rules by which keepers are chosen, in order (`keeping.RULES`).
        unreadable: names of sprites that could not be read and were not compared.
        nearest: with how many of the nearest each sprite was compared, where more look alike than can be compared;
            0 if it was with all of them.
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
        self._links = Links.of(links)
        self.unreadable: tuple[str, ...] = ()
        self.nearest = 0
        self.distance = distance
        self.rules = tuple(rules)
        self._judged = judged
        self._sprites = np.array(sorted(judged), dtype=np.int64)
        self._table = RuleTable([judged[seq] for seq in self._sprites.tolist()])
        self._ends_of = self._links.pairs
        self._link_distances = self._links.distances
        self._is_true = self._links.duplicates
        names = self._keys(*self._ends_of.T)
        self._by_pair = np.argsort(names, kind="stable")
        self._pair_names = names[self._by_pair]
        self._membership: tuple[np.ndarray, np.ndarray] | None = None
        self._present = np.ones(len(self._sprites), dtype=bool)
        self._apart = np.array(apart, dtype=np.int64).reshape(-1, 2)
        self._arrange()
        self._group()

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self._starts)

    def __iter__(self) -> Iterator[DuplicateGroup]:
        """Yield the groups, the most doubtful first."""
        places, numbers = self._membership_places()
        found, others = self._direct(places)
        links = list(self._links.taken(found))
        ends = np.cumsum(np.bincount(numbers, minlength=len(self))).tolist()
        for start, end in zip([0, *ends], ends, strict=False):
            direct = [
                link if number >= 0 else None
                for link, number in zip(links[start:end], found[start:end].tolist(), strict=True)
            ]
            yield self._grouped(places[start:end], direct, others[start:end])

    @property
    def groups(self) -> list[DuplicateGroup]:
        """All groups, the most doubtful first, then by rank of the keeper."""
        return list(self)

    @property
    def links(self) -> list[Link]:
        """All verified relations between the sprites of the report, up to `links.LOOSEST`, by row number."""
        there = self._present[np.searchsorted(self._sprites, self._ends_of)].all(axis=1)
        return list(self._links.taken(np.asarray(there)))

    @property
    def link_count(self) -> int:
        """Number of verified relations found, up to `links.LOOSEST`."""
        return len(self._links)

    def regroup(self, distance: float | None = None, rules: Sequence[str] | None = None) -> DuplicateReport:
        """Return a report with another distance or other rules for keepers. Raises UserError for an unknown rule."""
        other = copy.copy(self)
        if distance is not None:
            other.distance = distance
        if rules is not None:
            other.rules = tuple(rules)
            other._arrange()
        other._group()
        return other

    def without(self, pairs: Sequence[tuple[int, int]]) -> DuplicateReport:
        """Return a report in which these pairs of sprites are no duplicates."""
        other = copy.copy(self)
        other._apart = np.concatenate([self._apart, np.array(pairs, dtype=np.int64).reshape(-1, 2)])
        other._arrange()
        other._group()
        return other

    def only(self, seqs: Sequence[int] | np.ndarray, kept: Sequence[int] | np.ndarray | None = None) -> DuplicateReport:
        """Return a report on these sprites only, for use after others were dropped.

        kept: the sprites that the person keeps now; None if unchanged since the search.
        """
        other = copy.copy(self)
        other._present = self._present & np.isin(self._sprites, np.asarray(seqs, dtype=np.int64))
        if kept is not None:
            other._table = self._table.with_kept(np.isin(self._sprites, np.asarray(kept, dtype=np.int64)))
        other._arrange()
        other._group()
        return other

    def membership(self) -> tuple[np.ndarray, np.ndarray]:
        """Return row numbers and their group numbers, (M,) int64 each, without building groups.

        The arrays are cached and must not be modified.
        """
        if self._membership is None:
            places, numbers = self._membership_places()
            self._membership = self._seqs[places], numbers
        return self._membership

    def numbers_of(self, seqs: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the numbers of the groups of some row numbers, (N,) int64; -1 for those in no group."""
        wanted = np.asarray(seqs, dtype=np.int64)
        if not len(self._sprites):
            return np.full(len(wanted), -1, dtype=np.int64)
        rows = np.minimum(self._sprites.searchsorted(wanted), len(self._sprites) - 1)
        numbers = np.full(len(self._seqs), -1, dtype=np.int64)
        # The keeper is the best of its group, and so the first.
        numbers[self._order.take(self._starts)] = np.arange(len(self))
        found = numbers.take(self._family_of.take(self._place.take(rows)))
        return np.where(self._sprites.take(rows) == wanted, found, -1)

    def sizes(self) -> np.ndarray:
        """Return the number of sprites in each group, (G,) int64."""
        return np.asarray(self._ends - self._starts)

    def _membership_places(self) -> tuple[np.ndarray, np.ndarray]:
        """`membership`, with places instead of row numbers."""
        sizes = self.sizes()
        first = np.cumsum(sizes) - sizes
        places = np.arange(int(sizes.sum())) + np.repeat(self._starts - first, sizes)
        return self._order[places], np.repeat(np.arange(len(sizes)), sizes)

    def group(self, number: int) -> DuplicateGroup:
        """Return one group. Raises IndexError."""
        places = self._order[self._starts[number] : self._ends[number]]
        found, others = self._direct(places)
        return self._grouped(places, [self._links[one] if one >= 0 else None for one in found.tolist()], others)

    def _direct(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The relations by which the sprites at (M,) places belong to their groups.

        (M,) indices in `_links`, and the places of the other ends: of the keeper, or else of what it duplicates; -1 for
        those related to neither.
        """
        keeper, kept = self._family_of[places], self._duplicate_of[places]
        to_keeper, to_kept = (self._links_of(self._seqs[places], self._seqs[other]) for other in (keeper, kept))
        return np.where(to_keeper >= 0, to_keeper, to_kept), np.where(to_keeper >= 0, keeper, kept)

    def _grouped(self, places: np.ndarray, direct: list[Link | None], others: np.ndarray) -> DuplicateGroup:
        """The group at (M,) places; direct, others: see `_direct`."""
        keeper = int(self._family_of[places[0]])
        members = [
            self._member(place, link, other, places)
            for place, link, other in zip(places.tolist(), direct, others.tolist(), strict=True)
            if place != keeper
        ]
        members.sort(key=lambda one: (one.duplicate_of is None, one.distance, self._judged[one.seq].facts.key))
        return DuplicateGroup(int(self._seqs[keeper]), tuple(members))

    def as_copy(self, member: Member) -> Member:
        """Return a member with its relation to the picture that it duplicates instead of the group's keeper.

        A relative, or a member without a direct relation to that picture, is returned unchanged.
        """
        if member.duplicate_of in (None, member.related_to):
            return member
        place, kept = (int(one) for one in self._place_of(np.array([member.seq, member.duplicate_of])))
        link = self._between(place, kept)
        return member if link is None else self._described(link, place, kept, place=place, kept=kept)

    def superfluous(self) -> list[Superfluous]:
        """Return all duplicates, in the order of the groups and their members, without building groups."""
        seqs, numbers = self.membership()
        places = self._place_of(seqs)
        favour = self._duplicate_of[places]
        found = favour != places
        places, favour, numbers = places[found], favour[found], numbers[found]
        direct = self._links_of(self._seqs[places], self._seqs[favour])
        to_keeper = self._links_of(self._seqs[places], self._seqs[self._family_of[places]])
        shown = np.where(to_keeper >= 0, to_keeper, direct)
        rows = self._rows[places]
        order = np.lexsort((self._table.by_key[rows], self._link_distances[shown], numbers))
        rules = self._table.deciding(self._rows[favour[order]], rows[order], self.rules)
        kept = self._table.kept[rows[order]].tolist()
        ends = self._seqs[places[order]].tolist(), self._seqs[favour[order]].tolist()
        verdicts = [self._links[number].verdict for number in direct[order].tolist()]
        return [Superfluous(*row) for row in zip(*ends, verdicts, rules, kept, strict=True)]

    def why(self, best: int, other: int) -> str:
        """Return the first rule by which one sprite is better than another; "" if only the tie-break decides."""
        first, second = np.searchsorted(self._sprites, [[best], [other]])
        return self._table.deciding(first, second, self.rules)[0]

    def verdict(self, a: int, b: int) -> Verdict | None:
        """Return the relation of two sprites at this distance, mapping the later to the earlier one, or None."""
        link = self._link(a, b)
        return link.verdict if link is not None else None

    def key(self, seq: int) -> str:
        """Return the id of a sprite in the report."""
        return self._judged[seq].facts.key

    def is_kept(self, seq: int) -> bool:
        """Whether the person kept a sprite, as of this report."""
        return bool(self._table.kept[np.searchsorted(self._sprites, seq)])

    def _keys(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """One number per pair of row numbers, the same in both directions."""
        return np.minimum(a, b) << np.int64(32) | np.maximum(a, b)

    def _links_of(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(P,) int64 indices in `_links` of the relations within the distance; -1 for pairs without one."""
        wanted = self._keys(a, b)
        at = np.minimum(np.searchsorted(self._pair_names, wanted), max(0, len(self._pair_names) - 1))
        if not len(self._pair_names):
            return np.full(len(wanted), -1, dtype=np.int64)
        number = self._by_pair[at]
        counts = (self._pair_names[at] == wanted) & (self._link_distances[number] <= self.distance)
        return np.where(counts, number, -1)

    def _link(self, a: int, b: int) -> Link | None:
        """The verified relation of two sprites within the distance, or None."""
        # As `_links_of`, which takes ten times as long for one pair: a card that is shown asks for several.
        wanted = min(a, b) << 32 | max(a, b)
        at = int(self._pair_names.searchsorted(wanted))
        if at == len(self._pair_names) or self._pair_names[at] != wanted:
            return None
        number = int(self._by_pair[at])
        return self._links[number] if self._link_distances[number] <= self.distance else None

    def _place_of(self, seqs: np.ndarray) -> np.ndarray:
        """Places of row numbers, which must all be in the report."""
        return self._place[np.searchsorted(self._sprites, seqs)]

    def _arrange(self) -> None:
        """Rank the sprites from the best down, so that a place in `_seqs` is a rank, and select the relations."""
        self._rows = self._table.best_first(self.rules)
        self._seqs = self._sprites[self._rows]
        self._place = np.empty(len(self._rows), dtype=np.int64)
        self._place[self._rows] = np.arange(len(self._rows))
        apart = self._apart[np.isin(self._apart, self._sprites).all(axis=1)]
        self._apart_places = self._place_of(apart)
        allowed = ~np.isin(self._keys(*self._ends_of.T), self._keys(*apart.T))
        allowed &= self._present[np.searchsorted(self._sprites, self._ends_of)].all(axis=1)
        # Sorted by distance, so that the relations within a distance come first.
        counted = np.flatnonzero(allowed)
        counted = counted[np.argsort(self._link_distances[counted], kind="stable")]
        ends = self._place_of(self._ends_of[counted])
        self._better, self._worse = ends.min(axis=1), ends.max(axis=1)
        self._distances, self._true = self._link_distances[counted], self._is_true[counted]
        # Which are further than others; as whole numbers, by which groups are sorted faster.
        self._ranks = np.cumsum(np.diff(self._distances, prepend=0.0) > 0)

    def _group(self) -> None:
        """Find the keeper of the duplicates and of the family of each linked sprite, as places in `_seqs`."""
        count = len(self._seqs)
        near = slice(int(np.searchsorted(self._distances, self.distance, side="right")))
        a, b, ranks = self._better[near], self._worse[near], self._ranks[near]
        true = np.flatnonzero(self._true[near])
        keeper, doubt = grouping.stars(count, a[true], b[true], ranks[true])
        self._duplicate_of = grouping.parted(keeper, self._apart_places)
        # Families join the keepers of duplicates by any relation between their pictures.
        stars = self._duplicate_of[a], self._duplicate_of[b]
        between = np.flatnonzero(stars[0] != stars[1])
        family, family_doubt = grouping.stars(count, stars[0][between], stars[1][between], ranks[between])
        self._family_of = grouping.parted(family[self._duplicate_of], self._apart_places)
        family_doubt = family_doubt[self._duplicate_of]
        if len(self._apart_places):
            lost = self._lost(a[between], b[between])
            self._family_of[lost], family_doubt[lost] = self._duplicate_of[lost], 0
        doubt = np.maximum(doubt, family_doubt)
        members = np.flatnonzero(np.bincount(self._family_of, minlength=count)[self._family_of] > 1)
        order = members[grouping.sorted_by(self._family_of[members])]
        starts = np.flatnonzero(np.diff(self._family_of[order], prepend=-1))
        ends = np.append(starts[1:], len(order))
        group_doubt = np.maximum.reduceat(doubt[order], starts) if len(starts) else doubt[:0]
        shown = grouping.sorted_by(len(self._ranks) - group_doubt)  # by rank of the keeper for equal doubt
        self._order, self._starts, self._ends = order, starts[shown], ends[shown]
        self._membership = None

    def _lost(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Places of sprites related to their family only by a sprite that left it, to be apart from another.

        a, b: (E,) places of the relations between sprites that duplicate different ones.
        """
        mine, family = self._duplicate_of, self._family_of
        within = np.flatnonzero(family[a] == family[b])
        a, b = a[within], b[within]
        joined = np.concatenate((mine[b][mine[a] == family[a]], mine[a][mine[b] == family[b]]))
        places = np.arange(len(mine))
        return np.flatnonzero((family != places) & (family != mine) & ~np.isin(mine, joined))

    def _member(self, place: int, link: Link | None, other: int, family: np.ndarray) -> Member:
        """The member for a sprite: its relation to the keeper, or else to the one it duplicates or is related to."""
        kept = int(self._duplicate_of[place])
        explaining = self._explaining(place, family) if link is None else (link, place, other)
        return self._described(*explaining, place=place, kept=kept)

    def _described(self, link: Link, mine: int, other: int, place: int, kept: int) -> Member:
        """The member at `place`, with the relation between the places `mine` and `other`; it duplicates `kept`."""
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

    def _explaining(self, place: int, family: np.ndarray) -> tuple[Link, int, int]:
        """The closest relation of a sprite or its duplicates to others of the group, and the places of its two ends."""
        mine = [place, *family[self._duplicate_of[family] == place].tolist()]
        found = [
            (link.verdict.distance, one != place, other, one, link)
            for one in mine
            for other in family.tolist()
            if other not in mine and (link := self._between(one, other))
        ]
        _, _, other, one, link = min(found, key=lambda item: item[:4])
        return link, one, other

    def _between(self, a: int, b: int) -> Link | None:
        """The verified relation of the sprites at two places within the distance, or None."""
        return self._link(int(self._seqs[a]), int(self._seqs[b]))
