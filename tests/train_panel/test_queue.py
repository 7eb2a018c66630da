"""Runs that wait for their turn."""

from __future__ import annotations

from pathlib import Path

from recorded_runs import Recorder, make_run

from gandam_studio.core.runs.queue import FILE, RunQueue


def _queue(folder: Path, count: int = 3) -> RunQueue:
    queue = RunQueue(folder)
    for number in range(1, count + 1):
        make_run(folder / f"r{number}-x")
        queue.add(f"r{number}-x")
    return queue


def _names(queue: RunQueue) -> list[str]:
    return [run.name for run in queue.waiting()]


def test_first_come_first_served_unless_moved(tmp_path: Path) -> None:
    queue = _queue(tmp_path)
    queue.add("r1-x")
    assert _names(queue) == ["r1-x", "r2-x", "r3-x"]
    queue.move("r3-x", -2)
    queue.remove("r2-x")
    assert _names(RunQueue(tmp_path)) == ["r3-x", "r1-x"], "kept on disk"
    taken = queue.take_next()
    assert taken is not None
    assert taken.name == "r3-x"
    assert _names(queue) == ["r1-x"]


def test_what_is_gone_or_has_begun_drops_out(tmp_path: Path) -> None:
    import shutil

    queue = _queue(tmp_path)
    shutil.rmtree(tmp_path / "r2-x")
    Recorder(make_run(tmp_path / "r9-x")).train(20)
    queue.add("r9-x")
    Recorder(make_run(tmp_path / "r8-x"))
    assert [name for name in _names(queue) if (tmp_path / name).is_dir()] == ["r1-x", "r3-x"]
    assert queue.take_next().name == "r1-x"


def test_a_damaged_or_hostile_file_is_an_empty_queue(tmp_path: Path) -> None:
    queue = _queue(tmp_path, 1)
    (tmp_path / FILE).write_text("{ torn")
    assert _names(queue) == []
    (tmp_path / FILE).write_text('["../elsewhere", 7, "..", "r1-x"]')
    assert _names(queue) == ["r1-x"]


def test_an_empty_queue_gives_none(tmp_path: Path) -> None:
    assert RunQueue(tmp_path / "none").take_next() is None
