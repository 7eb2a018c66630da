"""Groups do not drift, and do not depend on the order of pictures or relations."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.duplicates import DuplicateReport, Transform
from gandam_studio.core.duplicates.grouping import parted, sorted_by, stars
from gandam_studio.core.duplicates.keeping import Judged
from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.sources import Facts
from gandam_studio.core.duplicates.verdicts import Verdict


def group(count: int, relations: list[tuple[int, int, float]], rank: list[int] | None = None) -> list[int]:
    """Group with `stars`, which wants pictures numbered from the best down."""
    place = np.array(rank if rank is not None else range(count), dtype=np.int64)
    i, j, distance = zip(*relations, strict=True) if relations else ((), (), ())
    ends = place[np.array(i, dtype=np.int64)], place[np.array(j, dtype=np.int64)]
    keeper, _ = stars(count, *ends, np.array(distance, dtype=float))
    return np.argsort(place)[keeper[place]].tolist()


def sequential(count: int, relations: list[tuple[int, int, float]], rank: list[int]) -> list[int]:
    """Reference implementation of the rule, one picture at a time."""
    near: dict[int, dict[int, float]] = {node: {} for node in range(count)}
    for a, b, distance in relations:
        for one, other in ((a, b), (b, a)):
            near[one][other] = min(distance, near[one].get(other, 9.0))
    keepers: set[int] = set()
    keeper = list(range(count))
    for node in sorted(range(count), key=lambda one: rank[one]):
        if not any(other in keepers and rank[other] < rank[node] for other in near[node]):
            keepers.add(node)
    for node in range(count):
        if node not in keepers:
            better = [other for other in near[node] if other in keepers and rank[other] < rank[node]]
            keeper[node] = min(better, key=lambda other: (near[node][other], rank[other]))
    return keeper


def test_a_chain_does_not_join_its_ends():
    # 0 - 1 - 2: 1 looks like both, 0 and 2 do not look alike.
    assert group(3, [(0, 1, 0.2), (1, 2, 0.1)]) == [0, 0, 2]
    assert group(3, [(0, 1, 0.2), (1, 2, 0.1)], rank=[1, 0, 2]) == [1, 1, 1]


def test_a_member_joins_the_nearest_keeper():
    assert group(3, [(0, 2, 0.3), (1, 2, 0.1)]) == [0, 1, 1]
    assert group(3, [(0, 2, 0.1), (1, 2, 0.1)]) == [0, 1, 0]


def test_alone_and_nothing():
    assert group(3, []) == [0, 1, 2]
    assert group(0, []) == []


graphs = st.integers(1, 14).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(
            st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), st.sampled_from([0.0, 0.1, 0.2, 0.5])),
            max_size=40,
        ).map(lambda rows: [row for row in rows if row[0] != row[1]]),
        st.permutations(range(count)),
    )
)


@settings(max_examples=300, deadline=None)
@given(graphs, st.randoms())
def test_arrays_give_what_the_definition_gives_in_any_order(graph, random):
    count, relations, rank = graph
    expected = sequential(count, relations, rank)
    assert group(count, relations, rank) == expected
    random.shuffle(relations)
    assert group(count, [(b, a, d) for a, b, d in relations], rank) == expected
    pairs = {frozenset((a, b)) for a, b, _ in relations}
    assert all(keeper == node or frozenset((node, keeper)) in pairs for node, keeper in enumerate(expected))


@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(65_530, 65_540), max_size=50))
def test_whole_numbers_are_sorted_and_equal_ones_stay_in_order(numbers):
    order = sorted_by(np.array(numbers, dtype=np.int64))
    assert order.tolist() == sorted(range(len(numbers)), key=numbers.__getitem__)


def test_pairs_that_must_stay_apart():
    keeper, _ = stars(4, np.array([0, 0, 0]), np.array([1, 2, 3]), np.zeros(3))
    assert keeper.tolist() == [0, 0, 0, 0]
    assert parted(keeper, np.array([[1, 3]])).tolist() == [0, 0, 0, 3]


def test_a_hundred_thousand_regroup_while_the_slider_moves():
    generator = np.random.default_rng(0)
    count = 100_000
    i = generator.integers(0, count, 120_000)
    j = (i + generator.integers(1, 30, len(i))) % count
    distance = generator.random(len(i))
    taken = []
    for threshold in (0.3, 0.5, 0.7):
        near = distance <= threshold
        start = time.process_time()
        stars(count, i[near], j[near], distance[near])
        taken.append(time.process_time() - start)
    assert min(taken) < 0.5  # the goal is 0.1 s on a quiet machine; see the search benchmark


WORDS = ("exact", "mirrored", "resized", "recoloured", "near")


def report_of(relations: list[tuple[int, int, float]], sizes: list[int]) -> DuplicateReport:
    """A report on these relations, with kinds in turn; larger pictures first."""
    pairs = {(min(a, b) + 1, max(a, b) + 1): distance for a, b, distance in relations}
    links = [
        Link(a, b, Verdict(WORDS[number % len(WORDS)], Transform(), distance, 1 - distance))
        for number, ((a, b), distance) in enumerate(pairs.items())
    ]
    judged = {
        seq: Judged(Facts(f"{seq * 7919 % 101:03d}", 8, 8, order=seq), sizes[seq - 1], 1)
        for link in links
        for seq in (link.i, link.j)
    }
    return DuplicateReport(links, judged)


@settings(max_examples=200, deadline=None)
@given(graphs, st.sampled_from([0.0, 0.1, 0.3, 0.7]), st.data())
def test_what_is_superfluous_is_what_the_groups_say_and_the_rest_does_not_matter(graph, distance, data):
    count, relations, sizes = graph
    report = report_of(relations, sizes).regroup(distance)
    said = [(member.seq, member.duplicate_of) for one in report for member in one.duplicates]
    assert [(one.seq, one.favour) for one in report.superfluous()] == said
    assert all(one.verdict is report.verdict(one.seq, one.favour) for one in report.superfluous())
    assert all(one.rule == report.why(one.favour, one.seq) for one in report.superfluous())
    # Sprites left out: as if they had never been compared.
    left = data.draw(st.sets(st.integers(1, count)))
    fewer = [(a, b, apart) for a, b, apart in relations if a + 1 in left and b + 1 in left]
    only = report.only(sorted(left))
    assert [one.seqs for one in only] == [one.seqs for one in report_of(fewer, sizes).regroup(distance)] or fewer
    assert {seq for one in only for seq in one.seqs} <= left
    assert {(link.i, link.j) for link in only.links} == {(min(a, b) + 1, max(a, b) + 1) for a, b, _ in fewer}


def test_who_was_in_a_family_by_a_sprite_that_left_it_leaves_too():
    # 1 and 2, 3 and 4 are copies; 2 and 3 alone make one family of them, and 3 leaves it, since it is not like 1.
    relations = [(0, 2, 0.0), (0, 1, 0.0), (2, 3, 0.0), (1, 2, 0.0)]
    report = report_of(relations, [1, 1, 1, 2]).without([(1, 3)])
    assert [one.seqs for one in report.groups] == [(1, 2)]
    assert report.numbers_of([1, 2, 3, 4]).tolist() == [0, 0, -1, -1]


@settings(max_examples=150, deadline=None)
@given(graphs, st.floats(0, 1), st.data())
def test_each_sprite_is_in_the_group_that_lists_it(graph, distance, data):
    count, relations, _ = graph
    report = report_of(relations, data.draw(st.lists(st.integers(1, 3), min_size=count, max_size=count)))
    apart = data.draw(st.lists(st.sampled_from(relations), max_size=2)) if relations else []
    report = report.without([(a + 1, b + 1) for a, b, _ in apart]).regroup(distance)
    listed = {seq: number for number, one in enumerate(report.groups) for seq in one.seqs}
    asked = list(range(-1, count + 3))
    assert report.numbers_of(asked).tolist() == [listed.get(seq, -1) for seq in asked]
    assert report.sizes().tolist() == [len(one.seqs) for one in report.groups]
    within = {frozenset((link.i, link.j)) for link in report.links if link.verdict.distance <= distance}
    pairs = [(a, b) for a in range(count + 2) for b in range(count + 2) if a != b]
    assert {frozenset(pair) for pair in pairs if report.verdict(*pair) is not None} == within


def test_what_was_kept_meanwhile_leads_its_group():
    report = report_of([(0, 1, 0.1), (1, 2, 0.1), (0, 2, 0.1)], [3, 2, 1])
    assert report.group(0).keeper == 1
    assert report.only([1, 2, 3], kept=[3]).group(0).keeper == 3
    assert report.only([1, 2, 3], kept=[3]).is_kept(3)
    assert not report.is_kept(3), "another report is another report"
