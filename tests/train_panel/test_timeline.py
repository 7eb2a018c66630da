"""The cursor: follows until grabbed, steps through sample points, previews without grabbing, plays."""

from __future__ import annotations

import pytest

from gandam_studio.qt.widgets.plots.timeline import Timeline


@pytest.fixture
def timeline(qapp) -> Timeline:  # type: ignore[no-untyped-def]
    made = Timeline()
    made.set_axis(1000, [0, 250, 500, 750, 1000])
    return made


def test_it_follows_until_it_is_grabbed_and_again_after_end(timeline: Timeline) -> None:
    timeline.set_axis(1100, timeline.stops)
    assert (timeline.position, timeline.following) == (1100, True)
    timeline.grab(300)
    timeline.set_axis(1200, timeline.stops)
    assert (timeline.position, timeline.following) == (300, False)
    timeline.end()
    timeline.set_axis(1300, timeline.stops)
    assert (timeline.position, timeline.following) == (1300, True)


def test_arrows_walk_the_sample_points_and_follow_again_beyond_the_last(timeline: Timeline) -> None:
    timeline.grab(300)
    timeline.step(1)
    assert timeline.position == 500
    timeline.step(-1)
    assert timeline.position == 250
    timeline.step(-2)
    assert timeline.position == 0
    timeline.step(-1)
    assert timeline.position == 0
    timeline.step(3)
    assert timeline.position == 750
    timeline.step(2)
    assert timeline.following


def test_a_preview_moves_what_is_shown_and_leaves_the_cursor(timeline: Timeline) -> None:
    moves: list[float] = []
    timeline.moved.connect(moves.append)
    timeline.preview(400)
    assert (timeline.shown, timeline.position, timeline.following) == (400, 1000, True)
    timeline.set_axis(1100, timeline.stops)
    assert timeline.shown == 400
    timeline.preview(None)
    assert timeline.shown == 1100
    assert moves == [400, 1100]


def test_the_cursor_stays_on_the_axis_also_when_a_resume_cuts_it_back(timeline: Timeline) -> None:
    timeline.grab(5000)
    assert timeline.position == 1000
    timeline.grab(-5)
    assert timeline.position == 0
    timeline.grab(900)
    timeline.set_axis(600, [0, 250, 500])
    assert timeline.position == 600


def test_home_and_play_walk_from_the_first_sample_point_to_the_end(timeline: Timeline, qtbot) -> None:  # type: ignore[no-untyped-def]
    timeline.set_axis(1000, list(range(0, 1001, 20)))
    timeline.toggle_play()
    assert timeline.is_playing
    assert timeline.position == 0
    qtbot.waitUntil(lambda: timeline.position >= 60, timeout=5000)
    timeline.toggle_play()
    assert not timeline.is_playing
    timeline.grab(980)
    timeline.toggle_play()
    qtbot.waitUntil(lambda: not timeline.is_playing, timeout=5000)
    assert timeline.following


def test_nothing_to_play_is_no_error(qapp) -> None:  # type: ignore[no-untyped-def]
    empty = Timeline()
    empty.toggle_play()
    empty.step(1)
    empty.home()
    empty.end()
    assert not empty.is_playing
