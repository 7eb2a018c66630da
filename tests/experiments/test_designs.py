"""Designs: the right combinations, balanced columns, and aliases that are really equal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.designs import FRACTIONAL, FULL, ONE_AT_A_TIME, make_design

NAMES = list("ABCDEFGH")


def _column(combinations, factors) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array([np.prod([2 * c[f] - 1 for f in factors]) for c in combinations])


def test_one_at_a_time() -> None:
    design = make_design(ONE_AT_A_TIME, (2, 3))
    assert design.combinations == ((0, 0), (1, 0), (0, 1), (0, 2))
    assert [(c.factors, c.level) for c in design.contrasts] == [((0,), 1), ((1,), 1), ((1,), 2)]
    told, cannot = design.tells(NAMES)
    assert "by itself" in told[0]
    assert "help or hinder" in cannot[0]


def test_a_full_design_compares_beside_every_other_level() -> None:
    design = make_design(FULL, (2, 2, 3))
    assert len(design.combinations) == 12
    first = design.contrasts[0]
    assert len(first.parts) == 6
    for part in first.parts:
        (changed, plus), (base, minus) = part.weights
        assert (plus, minus) == (1.0, -1.0)
        assert (changed[0], base[0]) == (1, 0)
        assert changed[1:] == base[1:]
    assert [c.factors for c in design.contrasts if len(c.factors) == 2] == [(0, 1)]


@pytest.mark.parametrize(
    ("count", "resolution", "cells"),
    [(3, 3, 4), (4, 4, 8), (5, 3, 8), (5, 5, 16), (6, 3, 8), (6, 4, 16), (6, 5, 32), (7, 3, 8), (7, 4, 16),
     (7, 5, 64), (8, 4, 16), (8, 5, 64)],
)  # fmt: skip
def test_fractions_have_their_resolution(count: int, resolution: int, cells: int) -> None:
    design = make_design(FRACTIONAL, (2,) * count, resolution)
    assert design.resolution >= resolution
    assert len(set(design.combinations)) == cells
    assert (0,) * count in design.combinations
    columns = {f: _column(design.combinations, (f,)) for f in range(count)}
    for f in range(count):
        assert columns[f].sum() == 0
    for f, g in itertools.combinations(range(count), 2):
        assert columns[f] @ columns[g] == 0
        if design.resolution >= 4:
            assert all(abs(columns[h] @ (columns[f] * columns[g])) == 0 for h in range(count) if h not in (f, g))


@pytest.mark.parametrize(("count", "resolution"), [(3, 3), (5, 3), (6, 4), (7, 3), (5, 5)])
def test_aliases_are_columns_that_are_equal_up_to_sign(count: int, resolution: int) -> None:
    design = make_design(FRACTIONAL, (2,) * count, resolution)
    every = [s for r in range(1, count + 1) for s in itertools.combinations(range(count), r)]
    for contrast in design.contrasts:
        own = _column(design.combinations, contrast.factors)
        equal = {s for s in every if abs(own @ _column(design.combinations, s)) == len(own)} - {contrast.factors}
        assert set(contrast.aliases) == equal


def test_what_a_fraction_cannot_tell_is_said() -> None:
    _, cannot = make_design(FRACTIONAL, (2, 2, 2), 3).tells(["dense", "width", "batch"])
    assert "dense cannot be told from width × batch" in cannot
    _, cannot = make_design(FRACTIONAL, (2,) * 5, 5).tells(NAMES)
    assert cannot == []


def test_a_saturated_set_is_independent() -> None:
    for design in (make_design(FULL, (2, 2, 2)), make_design(FRACTIONAL, (2,) * 6, 3)):
        rows = np.array([[dict(part.weights)[c] for c in design.combinations] for part in design.saturated()])
        assert np.linalg.matrix_rank(rows) == len(design.combinations) - 1


@pytest.mark.parametrize(
    ("kind", "levels", "resolution", "why"),
    [(FULL, (), 0, "at least two"), (FULL, (2,) * 9, 0, "too many"), (FRACTIONAL, (2, 3, 2), 0, "two levels"),
     (FRACTIONAL, (2, 2), 0, "no fractional"), (FRACTIONAL, (2,) * 4, 3, "resolution 3"),
     (FULL, (1, 2), 0, "two levels")],
)  # fmt: skip
def test_designs_that_are_refused(kind: str, levels: tuple[int, ...], resolution: int, why: str) -> None:
    with pytest.raises(UserError, match=why):
        make_design(kind, levels, resolution)
