"""The service that reads the runs of a workspace for all screens."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from recorded_runs import Recorder, make_run, recorded

from gandam_studio.core.runs import listing
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


def test_polls_read_only_what_may_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = recorded(tmp_path / "runs" / "r1-a", iterations=40)
    live, again = (Recorder(make_run(tmp_path / "runs" / name)) for name in ("r2-b", "r3-c"))
    with live.run.locked():
        known = listing.runs_in(tmp_path / "runs")
    read: list[str] = []
    summary = listing.summary
    monkeypatch.setattr(listing, "summary", lambda path: (read.append(path.name), summary(path))[1])
    make_run(tmp_path / "runs" / "r4-d")
    with again.run.locked():
        found = {run.run: run.state.state for run in listing.runs_in(tmp_path / "runs", known)}
    assert read == ["r2-b", "r3-c", "r4-d"], "one that was alive, one that is again, a new one"
    assert found == {ended.name: "finished", "r2-b": "interrupted", "r3-c": "running", "r4-d": "created"}
