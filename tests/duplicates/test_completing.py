"""Pictures that share a neighbour are compared too, and relations are kept as columns."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.links import Link, Links
from gandam_studio.core.duplicates.searching import pairs_to_judge
from gandam_studio.core.duplicates.verdicts import RELATIONS, Transform, Verdict

ROWS = 80
pairs = st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)), max_size=200).map(
    lambda found: sorted({(min(pair), max(pair)) for pair in found if pair[0] != pair[1]})
)


@settings(deadline=None)
@given(linked=pairs, star=st.booleans(), compared=pairs, first_new=st.integers(0, ROWS))
def test_who_shares_a_neighbour_is_compared(linked, star, compared, first_new):
    if star:  # more neighbours than are completed
        linked = sorted({*linked, *((0, other) for other in range(1, 70))})
    around: dict[int, set[int]] = {}
    for i, j in linked:
        around.setdefault(i, set()).add(j)
        around.setdefault(j, set()).add(i)
    expected = {
        (a, b)
        for middle, neighbours in around.items()
        if len(neighbours) <= 64
        for a in neighbours
        for b in neighbours
        if a < b and (a, b) not in compared and (a, b) not in linked and max(middle, b) >= first_new
    }
    rows = np.array(compared, dtype=np.int64).reshape(-1, 2)
    found = pairs_to_judge(
        np.array(linked, dtype=np.int64).reshape(-1, 2),
        Candidates(rows[:, 0], rows[:, 1], np.zeros(len(rows), dtype=bool)),
        first_new,
        ROWS,
    )
    assert [tuple(row) for row in found.tolist()] == sorted(expected)


floats = st.floats(allow_nan=False)
verdicts = st.builds(
    Verdict,
    st.sampled_from(RELATIONS),
    st.builds(Transform, st.booleans(), floats, floats, floats, floats, *[st.booleans()] * 4),
    floats,
    floats,
)


@settings(deadline=None)
@given(found=st.lists(st.tuples(pairs.filter(bool), verdicts), max_size=9), data=st.data())
def test_columns_give_back_every_link(found, data):
    links = [Link(*ends[0], verdict) for ends, verdict in found]
    columns = Links.of(links)
    assert list(columns) == links
    assert [columns[number] for number in range(len(columns))] == links
    assert columns.ends.tolist() == sorted({row for link in links for row in (link.i, link.j)})
    cut = data.draw(st.integers(0, len(links)))
    joined = columns[:cut].with_others(links[cut:])
    assert list(joined) == sorted(links, key=lambda link: (link.i, link.j))
