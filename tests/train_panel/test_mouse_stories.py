"""Plots and timeline with a real mouse: hover, click a spike, drag, zoom, pan, and the legend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from recorded_runs import Recorder, make_run, recorded

from gandam_studio.qt.train.watch.watch_page import WatchPage
from gandam_studio.qt.widgets.plots.plot_canvas import PlotCanvas

LEFT = Qt.MouseButton.LeftButton
Page = Callable[[Path], WatchPage]


@pytest.fixture
def shown(tmp_path: Path, page: Page, qtbot) -> WatchPage:  # type: ignore[no-untyped-def]
    """A finished run of 1,000 iterations, a sample point every 100, a spike at 555; plots and grids painted."""
    made = page(recorded(tmp_path / "r1", iterations=1000, every=100, spikes=(555,)).path)
    qtbot.waitUntil(lambda: _notes(made) == ["1,000", "1,000"], timeout=10_000)
    qtbot.waitUntil(lambda: len(made.follower.record.spikes) == 1, timeout=10_000)
    made.plots.draw_now()
    made.grab()
    return made


def _notes(page: WatchPage) -> list[str]:
    return [page.grids.fixed.note.text(), page.grids.random.note.text()]


def _at(canvas: PlotCanvas, position: float, above: int = 60) -> QPoint:
    return QPoint(round(canvas.x_of(position)), max(4, canvas.height() - above))


def _turn_wheel(canvas: PlotCanvas, at: QPoint, notches: int) -> None:
    event = QWheelEvent(
        QPointF(at), canvas.mapToGlobal(QPointF(at)), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_the_pictures_follow_the_pointer_over_a_plot_and_come_back(shown: WatchPage, qtbot) -> None:  # type: ignore[no-untyped-def]
    canvas = shown.plots.plots[1].canvas
    qtbot.mouseMove(canvas, _at(canvas, 300))
    qtbot.mouseMove(canvas, _at(canvas, 330))
    qtbot.waitUntil(lambda: _notes(shown) == ["300", "300"], timeout=5000)
    assert all(plot.canvas.crosshair == pytest.approx(330, abs=5) for plot in shown.plots.plots)
    assert shown.timeline.position == 1000, "hovering looks, it does not grab"
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: _notes(shown) == ["1,000", "1,000"], timeout=5000)
    assert all(plot.canvas.crosshair is None for plot in shown.plots.plots)


def test_clicking_and_dragging_in_a_plot_moves_the_cursor_everywhere(shown: WatchPage, qtbot) -> None:  # type: ignore[no-untyped-def]
    canvas = shown.plots.plots[0].canvas
    qtbot.mousePress(canvas, LEFT, pos=_at(canvas, 210))
    qtbot.waitUntil(lambda: _notes(shown) == ["200", "200"], timeout=5000)
    qtbot.mouseMove(canvas, _at(canvas, 715))
    qtbot.mouseRelease(canvas, LEFT, pos=_at(canvas, 715))
    qtbot.waitUntil(lambda: _notes(shown) == ["700", "700"], timeout=5000)
    assert {round(plot.canvas.cursor_position, 3) for plot in shown.plots.plots} == {round(shown.timeline.position, 3)}
    assert not shown.timeline.following


def test_clicking_a_spikes_mark_in_a_plot_shows_before_at_and_after(shown: WatchPage, qtbot) -> None:  # type: ignore[no-untyped-def]
    canvas = shown.plots.plots[1].canvas
    mark = _at(canvas, 555, above=24)
    assert canvas.spike_at(QPointF(mark)) == 555
    qtbot.mouseMove(canvas, mark)
    assert canvas.cursor().shape() == Qt.CursorShape.PointingHandCursor
    qtbot.mouseClick(canvas, LEFT, pos=mark)
    told = lambda: [grid.note.text() for grid in shown.grids.moments]  # noqa: E731
    qtbot.waitUntil(lambda: told() == ["500", "600", "700"], timeout=5000)
    assert shown.timeline.position == 555
    # A click on one of the three goes there, and the three make room for the grids under the cursor.
    view = shown.grids.moments[0].view
    qtbot.mouseClick(view, LEFT, pos=view.rect().center())
    qtbot.waitUntil(lambda: _notes(shown) == ["500", "500"], timeout=5000)
    assert shown.grids.spike is None


def test_the_wheel_zooms_under_the_pointer_and_a_double_click_shows_all(shown: WatchPage, qtbot) -> None:  # type: ignore[no-untyped-def]
    canvas = shown.plots.plots[2].canvas
    here = _at(canvas, 400)
    before = canvas.position_at(here.x())
    _turn_wheel(canvas, here, 5)
    shown.grab()
    low, high = shown.plots.plots[2].shown_range
    assert high - low == pytest.approx(1000 * 0.85**5, rel=0.01)
    assert canvas.position_at(here.x()) == pytest.approx(before, abs=1), "what is under the pointer stays under it"
    assert {plot.shown_range for plot in shown.plots.plots} == {(low, high)}
    qtbot.mouseDClick(canvas, LEFT, pos=here)
    assert shown.plots.plots[0].shown_range == (0, 1000)
    assert shown.plots.reset_button.isHidden()


def test_shift_drags_the_axis_and_not_the_cursor(shown: WatchPage, qtbot) -> None:  # type: ignore[no-untyped-def]
    canvas = shown.plots.plots[3].canvas
    _turn_wheel(canvas, _at(canvas, 500), 6)
    shown.grab()
    low, high = shown.plots.plots[3].shown_range
    held = _at(canvas, (low + high) / 2)
    at = canvas.position_at(held.x())
    qtbot.mousePress(canvas, LEFT, Qt.KeyboardModifier.ShiftModifier, held)
    qtbot.mouseMove(canvas, held + QPoint(40, 0))
    shown.grab()
    qtbot.mouseRelease(canvas, LEFT, Qt.KeyboardModifier.ShiftModifier, held + QPoint(40, 0))
    assert shown.plots.plots[3].shown_range[0] < low
    assert canvas.position_at(held.x() + 40) == pytest.approx(at, abs=1), "the position held stays under the pointer"
    assert shown.timeline.position == 1000


def test_the_legend_tells_the_smoothed_values_at_the_cursor(shown: WatchPage) -> None:
    plot = shown.plots.plots[2]
    shown.timeline.grab(437)
    record = shown.follower.record
    wanted = [f"{record.curve(name).smooth.value_at(437):.3g}" for name in ("d_real", "d_fake")]
    assert [entry.value for entry in plot.legend.entries] == wanted
    assert len({entry.label for entry in plot.legend.entries}) == 2
    assert all(text in plot.accessibleName() for text in wanted)


def test_dragging_the_timeline_scrubs_all_the_way_and_its_end_follows(shown: WatchPage, qtbot) -> None:  # type: ignore[no-untyped-def]
    track = shown.timeline_bar.track
    middle = track.height() // 2
    qtbot.mousePress(track, LEFT, pos=QPoint(round(track.x_of(820)), middle))
    for wanted in (600, 400, 100):
        qtbot.mouseMove(track, QPoint(round(track.x_of(wanted + 10)), middle))
        qtbot.waitUntil(lambda wanted=wanted: _notes(shown) == [str(wanted)] * 2, timeout=5000)
    qtbot.mouseRelease(track, LEFT, pos=QPoint(track.width() - 1, middle))
    assert shown.timeline.following


def test_a_live_run_tells_how_busy_its_device_is(tmp_path: Path, page: Page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    with run.locked():
        recorder.train(100)
        live = page(run.path)
        qtbot.waitUntil(lambda: "CPU 62 %" in live.numbers_label.text(), timeout=10_000)
        assert "900 MB" in live.numbers_label.text()
