"""Positions of cells: every cell is found where it is drawn, at any size of the view."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect

from gandam_studio.qt.widgets.geometry import GAP, Grid

grids = st.builds(Grid, st.integers(1, 5000), st.integers(60, 3000), st.integers(48, 320), st.sampled_from([0, 14, 17]))


@given(grids, st.data())
def test_a_cell_is_found_where_it_is_drawn(grid: Grid, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, grid.count - 1))
    scrolled = data.draw(st.integers(0, max(0, grid.height)))
    rect = grid.cell(position, scrolled)
    for corner in (rect.topLeft(), rect.center(), rect.bottomRight()):
        assert grid.at(corner.x(), corner.y(), scrolled) == position


@given(grids)
def test_cells_do_not_overlap_and_fill_the_height(grid: Grid) -> None:
    last = grid.cell(grid.count - 1, 0)
    assert last.bottom() < grid.height
    assert grid.height - last.bottom() <= grid.cell_height + GAP
    if grid.count > 1:
        assert not grid.cell(0, 0).intersects(grid.cell(1, 0))
    if grid.count > grid.columns:
        assert not grid.cell(0, 0).intersects(grid.cell(grid.columns, 0))


@given(grids, st.integers(0, 50_000), st.integers(1, 2000))
def test_the_span_holds_exactly_the_rows_that_are_seen(grid: Grid, top: int, height: int) -> None:
    span = grid.span(top, top + height)
    seen = [
        position
        for position in range(max(0, span.start - 2 * grid.columns), min(grid.count, span.stop + 2 * grid.columns))
        if grid.cell(position, 0).bottom() >= top and grid.cell(position, 0).top() <= top + height
    ]
    assert set(seen) <= set(span)


@given(grids, st.tuples(*[st.integers(0, 3000)] * 4))
def test_a_rubber_band_takes_what_it_touches(grid: Grid, numbers: tuple[int, int, int, int]) -> None:
    x, y, w, h = numbers
    band = QRect(x, y, w + 1, h + 1)
    taken = {position for one in grid.within(band) for position in one}
    for position in range(min(grid.count, 400)):
        cell = grid.cell(position, 0)
        if cell.adjusted(1, 1, -1, -1).intersects(band):
            assert position in taken
        elif not cell.adjusted(-GAP, -GAP, GAP, GAP + 4).intersects(band):
            assert position not in taken


def test_a_million_cells_cost_nothing_and_stay_within_an_int() -> None:
    grid = Grid(1_000_000, 900, 144, 17)
    assert grid.columns == 5
    assert grid.height < 2**31
    assert grid.cell(999_999, 0).top() == 8 + 199_999 * grid.cell_height
    assert grid.at(grid.left, GAP, 0) == 0
    assert grid.at(0, 0, 0) is None
    assert grid.at(QPoint(grid.left, 0).x(), GAP - 1, 0) is None
