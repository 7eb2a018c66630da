"""Sheets cut by a grid and by connected shapes."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import sprite

from gandam_studio.core.decoding import UnreadablePicture
from gandam_studio.core.importing.sheets import Components, Grid, propose, regions, sheet_from_json


def sheet(columns: int = 4, rows: int = 3, cell: int = 32, empty: tuple[int, ...] = ()) -> np.ndarray:
    rgba = np.zeros((rows * cell, columns * cell, 4), np.uint8)
    for n in range(columns * rows):
        if n not in empty:
            y, x = divmod(n, columns)
            rgba[y * cell + 6 : y * cell + 26, x * cell + 4 : x * cell + 28] = sprite(n)
    return rgba


def test_a_grid_leaves_out_empty_cells() -> None:
    found = regions(sheet(empty=(2, 5)), Grid(32, 32))
    assert len(found) == 10
    assert found[:3] == [(0, 0, 32, 32), (32, 0, 32, 32), (96, 0, 32, 32)]


def test_a_grid_with_margins_and_gaps() -> None:
    rgba = np.zeros((50, 75, 4), np.uint8)
    rgba[5:45, 7:70] = 255
    assert regions(rgba, Grid(20, 18, left=7, top=5, gap_x=1, gap_y=2)) == [
        (7, 5, 20, 18),
        (28, 5, 20, 18),
        (49, 5, 20, 18),
        (7, 25, 20, 18),
        (28, 25, 20, 18),
        (49, 25, 20, 18),
    ]


def test_shapes_in_reading_order_without_dust() -> None:
    rgba = sheet(empty=(1,))
    rgba[0, 0] = 255  # one stray pixel
    found = regions(rgba, Components())
    assert len(found) == 11
    # The body of `sprite` lies 4 in and 3 down.
    assert found[0] == (4 + 4, 6 + 3, 16, 14)
    assert found[1] == (2 * 32 + 8, 9, 16, 14)
    assert [y for _, y, _, _ in found] == sorted(y for _, y, _, _ in found)


def test_parts_a_little_apart_are_joined_on_request() -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[5:30, 5:15] = 255
    rgba[5:30, 17:25] = 255
    rgba[5:30, 45:55] = 255
    assert len(regions(rgba, Components(join=1))) == 3
    assert regions(rgba, Components(join=4)) == [(5, 5, 20, 25), (45, 5, 10, 25)]


def test_a_keyed_sheet_is_cut_by_its_background() -> None:
    rgba = sheet()
    rgba[rgba[..., 3] == 0] = (255, 0, 255, 255)
    assert len(regions(rgba, Components())) == 12
    assert len(regions(rgba, Grid(32, 32))) == 12


def test_proposals_put_the_right_cell_first() -> None:
    rgba = sheet()
    proposals = propose(rgba)
    assert proposals
    assert all(len(regions(rgba, proposal)) == 12 for proposal in proposals[:1])
    assert Grid(32, 32) in proposals
    assert propose(sprite(1)) == []


def test_json_and_names() -> None:
    for slicing in (Grid(16, 24, 1, 2, 3, 4), Components(3, 9)):
        assert sheet_from_json(slicing.to_json()) == slicing
    assert Grid(16, 24).mode != Grid(16, 24, 1).mode
    for wrong in ({"kind": "slices"}, {"kind": "grid", "width": 0, "height": 1}):
        with pytest.raises(ValueError, match=r"slicing|pixel"):
            sheet_from_json(wrong)


def test_no_slicing_without_end() -> None:
    noise = np.zeros((800, 800, 4), np.uint8)
    noise[::2, ::2] = 255
    with pytest.raises(UnreadablePicture, match="more than"):
        regions(noise, Components(join=0, smallest=1))
    with pytest.raises(UnreadablePicture):
        regions(np.full((3000, 3000, 4), 255, np.uint8), Grid(1, 1))
