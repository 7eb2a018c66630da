"""The service that reads the runs of a workspace for all screens."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from recorded_runs import Recorder, make_run, recorded

from gandam_studio.qt.following import run_index
from gandam_studio.qt.following.run_index import RunIndex


@pytest.fixture
def index(tmp_path: Path, qtbot):  # type: ignore[no-untyped-def]
    made = RunIndex(tmp_path / "runs")
    yield made
    made.close()


def test_runs_are_read_off_the_gui_thread(index: RunIndex, tmp_path: Path, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    threads: list[int] = []
    read = run_index.runs_in

    def noted(folder: Path) -> object:
        threads.append(threading.get_ident())
        return read(folder)

    monkeypatch.setattr(run_index, "runs_in", noted)
    recorded(tmp_path / "runs" / "r1-a", iterations=100)
    with qtbot.waitSignal(index.changed):
        index.refresh()
    assert [run.run for run in index.runs] == ["r1-a"]
    assert not index.any_alive()
    assert index.summary(tmp_path / "runs" / "r1-a") is index.runs[0]
    assert index.summary(tmp_path / "r9") is None
    assert threads
    assert threading.get_ident() not in threads


def test_only_news_is_told(index: RunIndex, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    with qtbot.waitSignal(index.changed):
        index.refresh()  # the first answer counts, also when there are none
    assert index.is_read
    with qtbot.assertNotEmitted(index.changed, wait=300):
        index.refresh()
    recorded(tmp_path / "runs" / "r1-a", iterations=100)
    with qtbot.waitSignal(index.changed):
        index.refresh()


def test_states_of_live_runs_are_kept_fresh_while_watched(
    index: RunIndex,
    tmp_path: Path,
    qtbot,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.setattr(run_index, "POLL_MS", 20)
    index = RunIndex(tmp_path / "runs")
    recorder = Recorder(make_run(tmp_path / "runs" / "r1-a"))
    recorder.train(40)
    with recorder.run.locked():
        with qtbot.waitSignal(index.changed):
            index.watch(True)
        assert index.any_alive()
        with qtbot.waitSignal(index.changed):
            recorder.train(37)
        assert index.runs[0].state.iteration == 77
    index.close()
