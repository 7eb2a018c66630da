"""Sets of rows are sorted and hold each row once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.workspace.seqsets import as_seqs

ENDS = np.iinfo(np.int64)


@given(st.lists(st.integers(-3, 12) | st.integers(int(ENDS.min), int(ENDS.max))))
def test_rows_become_a_set(rows: list[int]) -> None:
    expected = sorted(set(rows))
    for given_as in (rows, iter(rows), np.array(rows, np.int64)):
        found = as_seqs(given_as)
        assert found.dtype == np.int64
        assert found.tolist() == expected


@pytest.mark.parametrize("kind", [np.int32, np.uint16])
def test_other_numbers_and_shapes_become_rows(kind: type[np.generic]) -> None:
    given_as = np.array([[3, 1], [2, 3]], kind)
    assert as_seqs(given_as).tolist() == [1, 2, 3]
    assert given_as.tolist() == [[3, 1], [2, 3]]
