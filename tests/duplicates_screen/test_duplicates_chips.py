"""Which relations of a group fit on its card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.qt.widgets.sprite_painting import CHIP_GAP, chips_that_fit


@pytest.mark.parametrize(
    ("widths", "room", "shown"),
    [
        ([40], 40, 1),
        ([40], 39, 0),
        ([40, 40], 85, 2),
        ([40, 40], 84, 1),  # 40, a gap, and "+1"
        ([40, 40, 40], 84, 1),
        ([40, 40, 40], 110, 2),
        ([40, 40, 20], 110, 3),  # the last in the place of "+1"
    ],
)
def test_as_many_as_fit_beside_the_number_of_those_that_do_not(widths: list[int], room: int, shown: int) -> None:
    assert chips_that_fit(widths, 20, room) == shown


@given(st.lists(st.integers(10, 90), max_size=6), st.integers(10, 30), st.integers(0, 400))
def test_what_is_shown_never_reaches_beyond_its_room(widths: list[int], more: int, room: int) -> None:
    shown = chips_that_fit(widths, more, room)
    drawn = [*widths[:shown], *([more] if shown < len(widths) else [])]
    if shown:
        assert sum(drawn) + CHIP_GAP * (len(drawn) - 1) <= room
    if shown < len(widths):
        rest = [*widths[: shown + 1], *([more] if shown + 1 < len(widths) else [])]
        assert sum(rest) + CHIP_GAP * (len(rest) - 1) > room
