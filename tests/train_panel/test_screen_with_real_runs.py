"""The Train screen with the real trainer: start, watch, pause, sample, stop, resume, killed, reattached, queued."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox
from recorded_runs import Recorder, make_run, recorded

from gandam_studio.qt.train.screen import TrainScreen
from trainer.protocol import events as ev
from trainer.protocol.config import TrainConfig
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory

TINY = (
    "architecture.kind=dcgan", "architecture.size=32", "data.size=32", "architecture.latent=8",
    "architecture.generator_channels=8,8,8", "architecture.discriminator_channels=8,8,8", "batch.size=4",
    "sampling.every=20", "sampling.count=9", "sampling.progress_every=5", "sampling.checkpoint_every=40",
    "precision.threads=1", "precision.kind=fp32", "precision.channels_last=off", "ema.enabled=false", "device=cpu",
)  # fmt: skip
WAIT_MS = 90_000


def tiny(*more: str) -> TrainConfig:
    return apply_overrides(load_preset("dcgan"), [*TINY, "stop.iterations=1000000", *more])


@pytest.fixture
def screen(session, sprites, qtbot) -> Iterator[TrainScreen]:  # type: ignore[no-untyped-def]
    made = TrainScreen(session)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    made.activated()
    yield made
    made.close_run()
    live = made.control.live_run()
    for process in made.control.processes.values():
        if process.poll() is None:
            process.kill()
        process.wait(20)
    made.control.release()
    assert live is None or not RunDirectory(live.path).is_locked()


def _state(screen: TrainScreen) -> str:
    return screen.follower.state.state if screen.follower else ""


def _start(screen: TrainScreen, qtbot, config: TrainConfig) -> None:  # type: ignore[no-untyped-def]
    screen.create_and_start(screen.setup.version(), config)
    qtbot.waitUntil(lambda: screen.follower is not None and screen.follower.record.last_iteration > 20, timeout=WAIT_MS)


def test_a_run_is_started_watched_paused_sampled_stopped_and_resumed(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    _start(screen, qtbot, tiny())
    follower, watch = screen.follower, screen.watch
    qtbot.waitUntil(lambda: _state(screen) == "running", timeout=10_000)
    qtbot.waitUntil(lambda: "Running" in screen.chooser.currentText(), timeout=10_000)
    qtbot.waitUntil(lambda: watch.grids.random.view.image is not None, timeout=WAIT_MS)
    assert watch.grids.fixed.view.image.width() == 3 * 32
    assert not watch.pause_button.isHidden()

    screen.toggle_pause()
    qtbot.waitUntil(lambda: _state(screen) == "paused", timeout=WAIT_MS)
    reached = follower.record.last_iteration
    qtbot.wait(300)
    assert follower.record.last_iteration <= reached + 5
    screen.toggle_pause()
    qtbot.waitUntil(lambda: _state(screen) == "running", timeout=WAIT_MS)

    before = len(follower.record.samples)
    screen.command("sample")
    qtbot.waitUntil(lambda: len(follower.record.samples) > before, timeout=WAIT_MS)

    screen.command("stop")
    qtbot.waitUntil(lambda: _state(screen) == "stopped", timeout=WAIT_MS)
    saved = follower.record.checkpoints[-1].iteration
    assert watch.resume_button.text() == f"Resume from {saved:,}"
    for process in screen.control.processes.values():
        process.wait(WAIT_MS / 1000)
    screen.command("start")
    qtbot.waitUntil(lambda: follower.record.last_iteration > saved + 5, timeout=WAIT_MS)
    assert follower.record.attempts == [saved]
    assert any(isinstance(event, ev.RunResumed) for event in follower.record.story)


def test_a_trainer_killed_under_the_panel_is_told_and_goes_on_from_its_checkpoint(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    _start(screen, qtbot, tiny())
    follower, watch = screen.follower, screen.watch
    qtbot.waitUntil(lambda: len(follower.record.checkpoints) > 0, timeout=WAIT_MS)
    process = screen.control.processes[follower.name]
    os.kill(process.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait(20)
    qtbot.waitUntil(lambda: _state(screen) == "interrupted", timeout=10_000)
    assert "killed" in watch.card.cause.text()
    saved = follower.run_directory.newest_checkpoint()
    assert watch.card.button.text() == f"Resume from {int(saved.name):,}"
    watch.card.button.click()
    qtbot.waitUntil(lambda: _state(screen) == "running", timeout=WAIT_MS)
    assert watch.card.isHidden()
    qtbot.waitUntil(lambda: follower.record.attempts == [int(saved.name)], timeout=WAIT_MS)


@pytest.mark.slow
def test_a_finished_run_starts_the_next_of_the_queue(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    screen.create_and_start(screen.setup.version(), tiny("stop.iterations=40"))
    qtbot.waitUntil(lambda: screen.control.live_run() is not None, timeout=WAIT_MS)
    assert screen.setup.start_button.text() == "Add to the queue"
    screen.create_and_start(screen.setup.version(), tiny("stop.iterations=30"))
    qtbot.waitUntil(lambda: len(screen.control.queue.waiting()) == 1, timeout=WAIT_MS)
    second = screen.control.queue.waiting()[0]
    qtbot.waitUntil(lambda: second.state().state == "finished", timeout=WAIT_MS)
    assert screen.control.queue.waiting() == []
    assert second.state().iteration == 30


@pytest.mark.parametrize(("answer", "closes", "asks_to_stop"), [(0, True, False), (1, True, True), (2, False, False)])
def test_closing_while_training_asks(  # type: ignore[no-untyped-def]
    screen, session, qtbot, monkeypatch, answer: int, closes: bool, asks_to_stop: bool
) -> None:
    run = make_run(session.workspace.folder / "runs" / "r7-x")
    asked: list[list[str]] = []

    def choose(box: QMessageBox) -> int:
        asked.append([button.text() for button in box.buttons()])
        words = ("Keep running", "Save and stop", "Cancel")
        next(b for b in box.buttons() if words[answer] in b.text().replace("&", "")).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", choose)
    with run.locked():
        assert screen.may_close() is closes
        assert run.pending() == [], "another screen may still refuse"
        if closes:
            session.closing.emit()
    assert len(asked) == 1
    assert run.pending() == (["stop"] if asks_to_stop else [])


def test_nothing_is_asked_when_nothing_trains(screen, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(QMessageBox, "exec", lambda box: pytest.fail("asked without need"))
    assert screen.may_close()


def test_reopened_it_reattaches_to_what_trains(screen, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(session.workspace.folder / "runs" / "r7-x")
    recorder = Recorder(run)
    recorder.train(60)
    with run.locked():
        screen.activated()
        assert screen.follower is not None
        qtbot.waitUntil(lambda: screen.follower.record.last_iteration == 60, timeout=10_000)
        qtbot.waitUntil(lambda: _state(screen) == "running", timeout=10_000)


def test_a_run_from_another_machine_is_watched_like_any_other(screen, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(tmp_path / "copied" / "r1-x", iterations=300, every=100)
    screen.show_run(run.path)
    qtbot.waitUntil(lambda: screen.watch.grids.fixed.note.text() == "300", timeout=10_000)
    assert screen.chooser.currentText().endswith("r1-x")


def test_out_of_memory_offers_a_smaller_batch_as_a_child_of_the_run(screen, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(session.workspace.folder / "runs" / "r7-x", ("origin.version=v1", "batch.size=64"))
    recorder = Recorder(run)
    recorder.train(20)
    recorder.fail("oom", "out of memory")
    screen.show_run(run.path)
    qtbot.waitUntil(lambda: not screen.watch.card.isHidden(), timeout=10_000)
    screen.watch.card.button.click()
    assert screen.pages.currentWidget() is screen.setup
    departures = {path: after for path, (_, after) in screen.setup.draft.departures().items()}
    assert departures == {"batch.size": 64, "batch.micro": 32}
    assert screen.setup.draft.parent_run == "r7-x"


def test_the_desktop_is_told_only_when_nobody_looks(screen, session, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from PySide6.QtWidgets import QApplication

    run = make_run(session.workspace.folder / "runs" / "r7-x")
    recorder = Recorder(run)
    recorder.train(40)
    monkeypatch.setattr(QApplication, "activeWindow", staticmethod(lambda: None))
    with run.locked():
        screen.show_run(run.path)
        qtbot.waitUntil(lambda: _state(screen) == "running", timeout=10_000)
        recorder.finish()
    qtbot.waitUntil(lambda: len(screen.notifier.sent) == 1, timeout=10_000)
    assert "finished" in screen.notifier.sent[0][1]
    monkeypatch.setattr(QApplication, "activeWindow", staticmethod(lambda: screen))
    assert not screen.notifier.notify(screen, "t", "seen anyway")
    assert len(screen.notifier.sent) == 1


def test_asking_a_run_that_does_not_train_is_told(screen, session, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(session.workspace.folder / "runs" / "r7-x", iterations=100)
    screen.show_run(run.path)
    qtbot.waitUntil(lambda: _state(screen) == "finished", timeout=10_000)
    with qtbot.waitSignal(session.message_posted) as posted:
        screen.command("pause")
    assert "not training" in posted.args[0]
    assert run.pending() == []


def test_preflight_measures_a_real_step(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    screen.setup.draft.choose("dcgan")
    for text in TINY:
        path, _, value = text.partition("=")
        screen.setup.draft.set_text(path, value)
    screen.setup.draft.set_text("stop.iterations", "1000")
    with qtbot.waitSignal(screen.setup.preflight.measured, timeout=WAIT_MS) as measured:
        screen.setup.measure()
    costs = measured.args[0]
    assert 0 < costs["seconds_per_step"] < 30
    assert costs["seconds"] == pytest.approx(1000 * costs["seconds_per_step"])
    assert costs["disk_mb"] > costs["checkpoint_mb"] > 0
    assert screen.setup.preflight.values["memory"].text() != "–"


def test_actions_of_the_timeline_leave_the_forms_keys_alone(screen, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    assert not screen.previous_action.isEnabled()
    run = recorded(session.workspace.folder / "runs" / "r7-x", iterations=300, every=100)
    screen.show_run(run.path)
    assert screen.previous_action.isEnabled()
    qtbot.waitUntil(lambda: screen.watch.timeline.last == 300, timeout=10_000)
    screen.previous_action.trigger()
    screen.previous_action.trigger()
    assert screen.watch.timeline.position == 100
    screen.end_action.trigger()
    assert screen.watch.timeline.following
    start = time.monotonic()
    screen.show_setup()
    assert time.monotonic() - start < 1.0
    assert not screen.sample_action.isEnabled()
