"""The watcher on run folders in every condition: live, torn, replaced, deleted, of a newer version."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from recorded_runs import Recorder, make_run, recorded

from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.following.watcher import RunWatcher
from trainer.protocol import events as ev
from trainer.protocol import files
from trainer.protocol.events import EventReader
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.widening import settled


def test_a_finished_run_opens_with_all_it_has(tmp_path: Path, follow) -> None:  # type: ignore[no-untyped-def]
    follower = follow(recorded(tmp_path / "r1", iterations=600, every=200).path)
    assert follower.record.last_iteration == 600
    assert [sample.iteration for sample in follower.record.samples] == [0, 200, 400, 600]
    assert follower.timeline.stops == [0, 200, 400, 600]


def test_new_events_arrive_with_their_grids_decoded(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    follower: RunFollower = follow(run.path)
    recorder.train(40)
    qtbot.waitUntil(lambda: follower.record.last_iteration == 40, timeout=5000)
    recorder.sample()
    qtbot.waitUntil(lambda: len(follower.record.samples) == 1, timeout=5000)
    assert follower.picture(follower.record.samples[0].fixed) is not None, "decoded by the watcher, without asking"
    recorder.finish()
    qtbot.waitUntil(lambda: follower.state.state == "finished", timeout=5000)


def test_what_a_start_writes_to_the_settings_is_read(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    follower: RunFollower = follow(run.path)
    chosen = settled(run.config(), None)
    assert follower.config == run.config() != chosen
    files.write_json(run.config_path, chosen.to_json())
    Recorder(run).train(20)
    qtbot.waitUntil(lambda: follower.record.last_iteration == 20, timeout=5000)
    assert follower.config == chosen


def test_a_torn_last_line_waits_until_it_is_whole(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    Recorder(run).train(20)
    follower = follow(run.path)
    with run.events_path.open("ab") as stream:
        stream.write(b'{"kind":"warning","iteration":20,"mess')
        stream.flush()
        qtbot.wait(300)
        assert not any(isinstance(event, ev.RunWarning) for event in follower.record.story)
        stream.write(b'age":"whole now"}\n')
    qtbot.waitUntil(lambda: any(getattr(e, "message", "") == "whole now" for e in follower.record.story), timeout=5000)


def test_events_of_a_newer_version_and_damaged_lines_are_survived(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    recorder.train(20)
    with run.events_path.open("ab") as stream:
        stream.write(
            b'{"kind":"dream_dreamt","iteration":20,"depth":7}\n\xff\xfe damaged\n{"kind":"progress","iteration":"x"}\n'
        )
    follower = follow(run.path)
    assert follower.record.unknown == 1
    recorder.train(20)
    qtbot.waitUntil(lambda: follower.record.last_iteration == 40, timeout=5000)


def test_a_replaced_events_file_is_read_from_its_beginning(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "r1")
    Recorder(run).train(400)
    follower = follow(run.path)
    assert follower.record.last_iteration == 400
    other = make_run(tmp_path / "r2")
    Recorder(other, seed=2).train(60)
    with qtbot.waitSignal(follower.opened, timeout=5000):
        shutil.copyfile(other.events_path, run.events_path)
    assert follower.record.last_iteration == 60


def test_a_deleted_folder_is_told_and_what_was_read_stays(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(tmp_path / "r1", iterations=200)
    follower = follow(run.path)
    with qtbot.waitSignal(follower.vanished, timeout=5000):
        shutil.rmtree(run.path)
    assert follower.is_gone
    assert follower.record.last_iteration == 200


def test_a_folder_that_comes_back_is_read_again(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(tmp_path / "r1", iterations=200)
    follower = follow(run.path)
    with qtbot.waitSignal(follower.vanished, timeout=5000):
        run.path.rename(tmp_path / "away")
    with qtbot.waitSignal(follower.opened, timeout=5000):
        (tmp_path / "away").rename(run.path)
    assert follower.record.last_iteration == 200


def test_a_folder_that_cannot_be_read_for_a_moment_is_watched_on(  # type: ignore[no-untyped-def]
    tmp_path: Path, follow, qtbot, monkeypatch
) -> None:
    run = make_run(tmp_path / "r1")
    recorder = Recorder(run)
    recorder.train(40)
    follower: RunFollower = follow(run.path)
    failures = {"read": 0, "state": 0}

    def failing(name: str):  # type: ignore[no-untyped-def]
        def fail(*_: object) -> None:
            failures[name] += 1
            raise OSError(errno.EIO, "the drive hiccups")

        return fail

    with monkeypatch.context() as broken:
        broken.setattr(EventReader, "read", failing("read"))
        broken.setattr(RunDirectory, "state", failing("state"))
        qtbot.waitUntil(lambda: failures["read"] > 1, timeout=5000)
        broken.undo()
        broken.setattr(RunDirectory, "state", failing("state"))
        qtbot.waitUntil(lambda: failures["state"] > 0, timeout=5000)
        recorder.train(20)
        qtbot.waitUntil(lambda: follower.record.last_iteration == 60, timeout=5000)
    recorder.finish()
    qtbot.waitUntil(lambda: follower.state.state == "finished", timeout=5000)


def test_a_folder_may_go_in_the_middle_of_a_look(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    run = recorded(tmp_path / "r1", iterations=100)
    run.path.rename(tmp_path / "away")
    monkeypatch.setattr(Path, "is_dir", lambda path: True)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    assert run.checkpoints() == []
    assert run.state().state == "created"


def test_a_copy_without_lock_or_events_opens_empty(tmp_path: Path, follow) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "bare").mkdir()
    follower = follow(tmp_path / "bare")
    assert follower.record.last_iteration == 0
    assert "config.json" in follower.problem


def test_pictures_outside_the_run_are_refused(tmp_path: Path, follow) -> None:  # type: ignore[no-untyped-def]
    follower = follow(recorded(tmp_path / "r1", iterations=100).path)
    assert follower.picture("../r1/samples/fixed-00000100.png") is None
    assert follower.picture(str(tmp_path / "r1/samples/fixed-00000100.png")) is None


def test_the_thread_ends_when_asked(tmp_path: Path, qapp) -> None:  # type: ignore[no-untyped-def]
    watcher = RunWatcher(recorded(tmp_path / "r1", iterations=100).path, 50)
    watcher.start()
    watcher.stop()
    assert watcher.isFinished()


def test_old_runs_get_their_spikes_after_they_are_on_screen(tmp_path: Path, follow, qtbot) -> None:  # type: ignore[no-untyped-def]
    follower = follow(recorded(tmp_path / "r1", iterations=600, spikes=(333,)).path)
    qtbot.waitUntil(lambda: [s.spike_iteration for s in follower.record.spikes] == [333], timeout=10_000)
