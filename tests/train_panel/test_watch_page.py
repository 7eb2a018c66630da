"""Watching a run: all views move together, live and later; spikes, close-ups, failures."""

from __future__ import annotations

import dataclasses
import gc
import shutil
import time
from pathlib import Path

import pytest
from garbage import set_aside_all
from PySide6.QtCore import QPoint, Qt
from recorded_runs import COLUMNS, Recorder, make_run, pictures, recorded
from runs_screens import story_lines

from gandam_studio.qt.following.texts import time_left
from gandam_studio.qt.train.watch import log_drawer
from gandam_studio.qt.widgets.plots.curve_plot import RAW_ALPHA
from gandam_studio.qt.widgets.plots.plot_panel import REST_S
from gandam_studio.qt.widgets.plots.plot_specs import plot_specs
from trainer.protocol import events as ev
from trainer.protocol import files, untrusted
from trainer.protocol.events import FLOW_CURVES
from trainer.protocol.presets import load_preset


def _grid_shown(page, iteration: int) -> bool:  # type: ignore[no-untyped-def]
    return page.grids.fixed.note.text() == f"{iteration:,}" and page.grids.random.note.text() == f"{iteration:,}"


def test_scrubbing_moves_grids_plots_log_and_numbers_together(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1", iterations=1000, every=100).path)
    qtbot.waitUntil(lambda: _grid_shown(shown, 1000), timeout=10_000)
    shown.timeline.grab(437)
    qtbot.waitUntil(lambda: _grid_shown(shown, 400), timeout=5000)
    shown.plots.draw_now()
    assert all(plot.canvas.cursor_position == 437 for plot in shown.plots.plots)
    line = shown.log.story.currentIndex().data()
    assert " 400 " in line
    pixel = shown.grids.fixed.view.image.pixelColor(0, 0)
    expected = pictures(1, 400)[0, 0, 0]
    assert (pixel.red(), pixel.green(), pixel.blue()) == tuple(expected)


def test_the_four_plots_show_the_curves_of_the_objective(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1", iterations=300, preset="wgan-gp").path)
    titles = [plot.title.text() for plot in shown.plots.plots]
    specs = plot_specs(shown.follower.config)
    assert titles == [spec.title for spec in specs]
    assert [[line.curve for line in spec.lines] for spec in specs] == [
        ["loss_d_real", "loss_d_fake"], ["loss_g"], ["d_real", "d_fake"], ["grad_norm_d", "grad_norm_g", "penalty"],
    ]  # fmt: skip
    shown.plots.draw_now()
    raw, smooth = shown.plots.plots[1].canvas.drawing.lines
    assert (raw.alpha, smooth.alpha) == (RAW_ALPHA, 1.0), "the raw values lie faint under the smoothed ones"
    values = shown.follower.record.curve("loss_g").raw.values
    assert raw.x.tolist() == list(range(1, 301))
    assert raw.y.tolist() == values.tolist()
    assert titles[1] in shown.plots.plots[1].accessibleName()


def test_hovering_a_plot_moves_the_pictures_and_leaving_brings_them_back(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1", iterations=600, every=200).path)
    qtbot.waitUntil(lambda: _grid_shown(shown, 600), timeout=10_000)
    shown.plots.plots[0].hovered.emit(250.0)
    qtbot.waitUntil(lambda: _grid_shown(shown, 200), timeout=5000)
    assert shown.plots.plots[2].canvas.crosshair == 250
    shown.plots.plots[0].hovered.emit(None)
    qtbot.waitUntil(lambda: _grid_shown(shown, 600), timeout=5000)
    assert shown.timeline.following


def test_live_it_follows_until_grabbed(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    recorder.train(100)
    recorder.sample()
    shown = page(run.path)
    recorder.train(100)
    recorder.sample()
    qtbot.waitUntil(lambda: _grid_shown(shown, 200), timeout=5000)
    shown.timeline.step(-1)
    qtbot.waitUntil(lambda: _grid_shown(shown, 100), timeout=5000)
    recorder.train(100)
    recorder.sample()
    qtbot.waitUntil(lambda: shown.timeline.last == 300, timeout=5000)
    assert _grid_shown(shown, 100), "grabbed: stays while the run goes on"
    shown.timeline.end()
    qtbot.waitUntil(lambda: _grid_shown(shown, 300), timeout=5000)


def test_data_that_keep_coming_are_drawn_once_a_second_and_all_in_the_end(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    recorder.train(200)
    with run.locked():
        shown = page(run.path)
        plot = shown.plots.plots[0]
        qtbot.waitUntil(lambda: plot.shown_range == (0, 200), timeout=5000)
        drawn: list[float] = []
        prepare = plot.canvas.prepare
        plot.canvas.prepare = lambda: (drawn.append(time.monotonic()), prepare())
        start = time.monotonic()
        for _ in range(8):
            recorder.train(20)
            qtbot.waitUntil(lambda: shown.timeline.last == recorder.iteration, timeout=5000)
        qtbot.waitUntil(lambda: plot.shown_range == (0, 360), timeout=5000)
        assert len(drawn) <= 2 + (drawn[-1] - start) / REST_S[0]
        qtbot.waitUntil(lambda: plot.canvas.cursor_position == 360, timeout=5000)
        # What lies in the past now, as after a resume, is gone at once.
        recorder.iteration = 100
        recorder.write(ev.RunResumed(checkpoint="checkpoints/00000100"))
        qtbot.waitUntil(lambda: plot.shown_range[1] == 100, timeout=900)


def test_clicking_a_spike_shows_the_grids_before_at_and_after(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1", iterations=1000, every=100, spikes=(555,)).path)
    qtbot.waitUntil(lambda: len(shown.follower.record.spikes) == 1, timeout=10_000)
    track = shown.timeline_bar.track
    qtbot.mouseClick(track, Qt.MouseButton.LeftButton, pos=QPoint(round(track.x_of(555)), 7))
    notes = lambda: [grid.note.text() for grid in shown.grids.moments]  # noqa: E731
    qtbot.waitUntil(lambda: notes() == ["500", "600", "700"], timeout=5000)
    assert shown.timeline.position == 555
    assert "555" in shown.grids.spike_title.text()
    assert "loss_g" in shown.grids.spike_title.toolTip(), "the name in the events comes second"
    plain = shown.grids.spike_title.text()
    shown.back()
    assert shown.grids.spike is None
    shown.follower.record.changed_from = 541
    shown.show_spike_at(555)
    explained = shown.grids.spike_title.text()
    assert explained.startswith(plain)
    assert len(explained) > len(plain)
    shown.follower.record.changed_from = 401
    shown.show_spike_at(555)
    assert shown.grids.spike_title.text() == plain, "that is too long ago"


def test_dragging_the_timeline_scrubs_and_its_end_follows(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1", iterations=1000, every=100).path)
    track = shown.timeline_bar.track
    middle = QPoint(track.width() // 2, track.height() // 2)
    qtbot.mousePress(track, Qt.MouseButton.LeftButton, pos=middle)
    assert 480 <= shown.timeline.position <= 520
    qtbot.mouseRelease(track, Qt.MouseButton.LeftButton, pos=QPoint(track.width() - 1, middle.y()))
    assert shown.timeline.following
    track.setFocus()
    qtbot.keyClick(track, Qt.Key.Key_Home)
    assert shown.timeline.position == 0
    qtbot.keyClick(track, Qt.Key.Key_Right)
    assert shown.timeline.position == 100


def test_a_close_up_finds_the_mirrored_training_picture(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    import numpy as np

    run = recorded(tmp_path / "r1", iterations=200, every=100)
    data = pictures(40, 9)
    asymmetric = np.concatenate([pictures(16, 200)[:, :, :8], pictures(16, 77)[:, :, 8:]], axis=2)
    data[17] = asymmetric[3][:, ::-1]
    np.save(run.dataset_path, data)
    from PIL import Image

    sheet = asymmetric.reshape(4, 4, 16, 16, 3).swapaxes(1, 2).reshape(64, 64, 3)
    Image.fromarray(sheet).save(run.path / "samples/fixed-00000200.png")
    shown = page(run.path)
    qtbot.waitUntil(lambda: _grid_shown(shown, 200), timeout=10_000)
    shown.grids.cell_clicked.emit("fixed", 3)
    qtbot.waitUntil(lambda: shown.zoom.near[0].caption.startswith("⇋ 0.000"), timeout=10_000)
    assert shown.zoom.near[0].toolTip() == "Training picture 18, mirrored"
    assert "copy" in shown.zoom.near_note.text()
    assert shown.zoom.film_at == [0.0, 100.0, 200.0]
    shown.zoom.moment_chosen.emit(100.0)
    qtbot.waitUntil(lambda: _grid_shown(shown, 100), timeout=5000)


def test_zooming_panning_and_smoothing_show_what_they_should(tmp_path: Path, page) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1", iterations=1000).path)
    shown.plots.draw_now()
    plot = shown.plots.plots[1]
    plot.zoomed.emit(500.0, 0.2)
    low, high = plot.shown_range
    assert (round(low), round(high)) == (400, 600)
    assert not shown.plots.reset_button.isHidden()
    plot.panned.emit(50.0)
    assert round(shown.plots.plots[3].shown_range[0]) == 450, "all plots share the axis"
    shown.plots.smoothing.setValue(0)
    (only,) = plot.canvas.drawing.lines
    assert only.alpha == 1.0
    assert only.y.std() > 0.01, "the raw values, unsmoothed"
    shown.plots.log_button.setChecked(True)
    assert plot.is_log
    plot.reset_requested.emit()
    assert plot.shown_range == (0, 1000)


@pytest.mark.parametrize(
    ("cause", "action"), [("oom", "smaller_batch"), ("nan", "slower"), ("disk_full", "folder"), ("bug", "log")]
)
def test_a_failed_run_shows_cause_what_is_safe_and_one_action(  # type: ignore[no-untyped-def]
    tmp_path: Path, page, qtbot, cause: str, action: str
) -> None:
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    recorder.train(400)
    recorder.checkpoint()
    recorder.fail(cause, "the trainer's own words")
    shown = page(run.path)
    qtbot.waitUntil(lambda: not shown.card.isHidden(), timeout=5000)
    assert "the trainer's own words" in shown.card.cause.text()
    assert "Checkpoint 400" in shown.card.safe.text()
    with qtbot.waitSignal(shown.action_requested) as asked:
        qtbot.mouseClick(shown.card.button, Qt.MouseButton.LeftButton)
    assert asked.args == [action]
    assert shown.resume_button.isHidden(), "one action, not two"


def test_a_run_at_its_limit_says_that_it_finishes_and_its_first_samples_that_they_are_untrained(  # type: ignore[no-untyped-def]
    tmp_path: Path, page, qtbot
) -> None:
    run = make_run(tmp_path / "r1", ("stop.minutes=2",))
    recorder = Recorder(run)
    recorder.sample()
    progress = ev.Progress(first_iteration=1, curves={}, pictures_per_s=800.0, eta_s=0.0, share=1.0)
    assert time_left(progress) == time_left(dataclasses.replace(progress, eta_s=None))
    assert not any(letter.isdigit() for letter in time_left(progress))
    assert time_left(dataclasses.replace(progress, eta_s=65.0, share=0.5)).startswith("1 min 5 s")
    shown = page(run.path)
    notes = lambda: [grid.note.text() for grid in (shown.grids.fixed, shown.grids.random)]  # noqa: E731
    qtbot.waitUntil(lambda: all(note and not note.isdigit() for note in notes()), timeout=5000)
    recorder.train(40)
    recorder.sample()
    qtbot.waitUntil(lambda: notes() == ["40"] * 2, timeout=5000)


def test_a_time_limit_is_told_beside_the_iterations_it_cut_short(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1", ("stop.minutes=2",))
    recorder = Recorder(run)
    recorder.train(449)
    recorder.write(ev.RunFinished(limit="minutes"))
    shown = page(run.path)
    qtbot.waitUntil(lambda: "Finished" in shown.state_label.text(), timeout=5000)
    assert shown.state_label.text().endswith("<b>Finished</b>: time limit reached")
    assert shown.numbers_label.text().startswith("449 of at most 6,000")
    assert story_lines(shown)[-1].endswith("Finished: time limit reached")


def test_a_long_run_opens_without_work_for_what_is_not_in_view(tmp_path: Path, page, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    described: list[ev.TrainEvent] = []

    def describe(event: ev.TrainEvent) -> str:
        described.append(event)
        return f"line {event.iteration}"

    monkeypatch.setattr(log_drawer, "describe", describe)
    recorder = Recorder(make_run(tmp_path / "r1"))
    for _ in range(400):
        recorder.train(50)
        recorder.checkpoint()
    recorder.finish()
    frozen = gc.get_freeze_count()
    try:
        shown = page(recorder.run.path)
        assert gc.get_freeze_count() > frozen + 400, "its events are kept out of garbage collections"
    finally:
        set_aside_all()
    qtbot.waitUntil(lambda: "Finished" in shown.state_label.text(), timeout=5000)
    assert len(described) <= 1, "the log is not in view; a list of equal rows may measure one"
    shown.tabs.setCurrentWidget(shown.log)
    qtbot.waitUntil(lambda: len(described) > 5, timeout=5000)
    assert len({id(event) for event in described}) < 100
    assert described[-1].iteration == 20_000, "it opens at the cursor, which is at the end"
    shown.timeline.grab(10_020)
    assert shown.log.story.currentIndex().data().endswith("line 10000")


def test_a_run_that_ended_without_a_word_can_be_resumed(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    recorder.train(400)
    recorder.checkpoint()
    recorder.train(60)
    shown = page(run.path)
    qtbot.waitUntil(lambda: not shown.card.isHidden(), timeout=5000)
    assert shown.card.button.text() == "Resume from 400"
    assert "killed" in shown.card.cause.text()


def test_a_deleted_folder_is_told_on_a_card(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(tmp_path / "r1", iterations=200)
    shown = page(run.path)
    qtbot.waitUntil(lambda: shown.follower.state.state == "finished", timeout=5000)
    shutil.rmtree(run.path)
    qtbot.waitUntil(lambda: not shown.card.isHidden(), timeout=5000)
    assert "missing" in shown.card.headline.text()


def test_a_run_of_a_newer_version_is_shown_as_far_as_it_goes(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(tmp_path / "r1", iterations=200)
    config = untrusted.read_json(run.config_path)
    config["schema_version"] = 99
    files.write_json(run.config_path, config)
    shown = page(run.path)
    qtbot.waitUntil(lambda: _grid_shown(shown, 200), timeout=10_000)
    assert "newer version" in shown.card.cause.text()


def test_a_missing_grid_leaves_the_rest_alone(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(tmp_path / "r1", iterations=300, every=100)
    (run.samples_path / "fixed-00000200.png").unlink()
    (run.samples_path / "random-00000200.png").write_bytes(b"no picture")
    shown = page(run.path)
    qtbot.waitUntil(lambda: _grid_shown(shown, 300), timeout=10_000)
    shown.timeline.grab(200)
    shown.timeline.grab(100)
    qtbot.waitUntil(lambda: _grid_shown(shown, 100), timeout=5000)
    assert shown.grids.fixed.view.columns == COLUMNS


def test_a_run_whose_losses_explode_is_told_with_a_way_out(page, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    recorder = Recorder(make_run(tmp_path / "r1-a"))
    recorder.train(400)
    with recorder.run.locked():
        shown = page(recorder.run.path)
        assert not shown.card.isVisible(), "nothing is wrong yet"
        huge = [1e6] * 200
        recorder.iteration += 200
        recorder.write(
            ev.Progress(first_iteration=recorder.iteration - 199, curves={"loss_d": huge, "loss_g": huge}, share=0.5)
        )
        qtbot.waitUntil(lambda: shown.card.isVisible(), timeout=10_000)
        with qtbot.waitSignal(shown.action_requested) as asked:
            qtbot.mouseClick(shown.card.button, Qt.MouseButton.LeftButton)
        assert asked.args == ["slower"]


def test_plots_and_numbers_explain_themselves(page, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1-a", iterations=300, every=100).path)
    for plot in (*shown.plots.plots, *shown.meters.plots):
        assert "Good:" in plot.title.toolTip(), plot.title.text()
        assert "Bad:" in plot.title.toolTip(), plot.title.text()
    assert "Good:" in shown.numbers_label.toolTip()


def test_a_flow_has_no_plots_of_a_discriminator() -> None:
    specs = plot_specs(load_preset("sprite-flow-cpu"))
    lines = [line.curve for spec in specs for line in spec.lines]
    assert sorted(lines) == sorted(FLOW_CURVES)
    assert all(spec.meaning for spec in specs)
