"""Untrusted runs in a workspace: bad ones are listed as damaged, and the others keep working."""

from __future__ import annotations

import contextlib
import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from recorded_runs import Recorder, make_run, recorded
from settled import settle

from gandam_studio.core import runs
from gandam_studio.core.runs.comparison import compare
from gandam_studio.core.runs.export import export_run
from gandam_studio.core.runs.queue import FILE, RunQueue
from gandam_studio.core.runs.record import RunRecord
from gandam_studio.qt.following.pictures import decode, inside, real_sheet
from gandam_studio.qt.runs.compare_view import CompareView
from gandam_studio.qt.train.screen import TrainScreen
from gandam_studio.qt.widgets.outside_text import OutsideLabel, tip, wrapped
from trainer.protocol import events as ev
from trainer.protocol.run_directory import RunDirectory

posix = pytest.mark.skipif(os.name == "nt", reason="FIFOs and symbolic links are POSIX's")
LONG = "reason " + "x" * 5000 + " <img src='file:///etc/hostname'>"


def spoil(folder: Path) -> list[str]:
    """Damage one run in each way; returns their names."""
    spoilt: list[str] = []

    def run(name: str) -> RunDirectory:
        spoilt.append(f"r{len(spoilt) + 1}-{name}")
        return make_run(folder / spoilt[-1])

    run("deep").config_path.write_text("[" * 100_000, encoding="utf-8")
    run("number").config_path.write_text("3", encoding="utf-8")
    run("nan").config_path.write_text('{"seed": NaN}', encoding="utf-8")
    run("types").config_path.write_text('{"stop": {"iterations": {}}}', encoding="utf-8")
    for name in ("config.json", "events.jsonl"):
        path = run(f"folder-{name}").path / name
        path.unlink(missing_ok=True)
        path.mkdir()
    if os.name != "nt":
        for name in ("config.json", "events.jsonl"):
            path = run(f"fifo-{name}").path / name
            path.unlink(missing_ok=True)
            os.mkfifo(path)
            path = run(f"loop-{name}").path / name
            path.unlink(missing_ok=True)
            path.symlink_to(path)
    return spoilt


def odd(folder: Path) -> list[RunDirectory]:
    """Runs that are unusual but readable."""
    superscript = make_run(folder / "r50-superscript")
    (superscript.checkpoints_path / "²").mkdir()
    (superscript.checkpoints_path / "²" / "state.json").write_text("{}", encoding="utf-8")
    huge = make_run(folder / "r51-huge")
    lines = [
        {"kind": "progress", "iteration": 13, "first_iteration": 13, "curves": {"loss_d": [1.0]}},
        {"kind": "progress", "iteration": 2**31, "first_iteration": 2**31, "curves": {"loss_d": [1.0]}},
        {"kind": "progress", "iteration": 2**31 - 1, "first_iteration": 2**31 - 1, "curves": {"loss_d": [1.0]}},
    ]
    huge.events_path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    long = Recorder(make_run(folder / "r52-long", ("origin.version=" + "v" * 4000,)))
    long.fail("c" * 5000, LONG)
    digits = make_run(folder / "r53-digits").path.rename(folder / ("r" + "9" * 240))
    return [superscript, huge, long.run, RunDirectory(digits)]


def test_a_bad_run_is_damaged_in_one_line_and_hides_no_other(session) -> None:  # type: ignore[no-untyped-def]
    folder = session.workspace.folder / "runs"
    spoilt, strange = spoil(folder), odd(folder)
    recorded(folder / "r60-good", iterations=100)
    (folder / "r61-file").write_text("no folder", encoding="utf-8")
    found = {run.run: run for run in runs.runs(session.workspace)}
    assert set(found) == {*spoilt, *(run.name for run in strange), "r60-good"}
    assert found["r60-good"].state.state == "finished"
    for name in spoilt:
        assert found[name].state.state == "damaged", name
        reason = found[name].to_json()["reason"]
        assert reason
        assert "\n" not in reason
        assert len(reason) <= 500
    assert {found[run.name].state.state for run in strange} == {"created", "interrupted", "failed"}
    assert len(found["r52-long"].state.reason) <= 500
    assert runs.any_run_trains(session.workspace) is False
    assert runs.find_run(session.workspace, "r60").name == "r60-good"


def test_the_screens_show_all_runs_beside_bad_ones_and_grow_no_wider(session, screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    folder = session.workspace.folder / "runs"
    spoilt, strange = spoil(folder), odd(folder)
    good = recorded(folder / "r60-good", iterations=100)
    failed = Recorder(make_run(folder / "r61-failed"))
    failed.fail("settings", "No such preset.")
    (folder / FILE).write_text(json.dumps([run.name for run in strange]), encoding="utf-8")
    session.runs_changed.emit()
    settle(session)
    assert len(screen.tree.run_items) == len(spoilt) + len(strange) + 2
    train = TrainScreen(session)
    train.control.autostart = False
    qtbot.addWidget(train)
    train.resize(1200, 800)
    train.show()
    train.activated()
    assert train.chooser.count() == len(screen.tree.run_items)
    # The narrowest that the screens can be with ordinary runs: a failed one has a card, which takes some room.
    usual = [0, 0]
    for path in [good.path, failed.run.path, *(run.path for run in strange), *(folder / name for name in spoilt)]:
        screen.tree.select([path])
        screen.show_selected()
        train.show_run(path)
        follower = train.follower
        assert follower is not None
        qtbot.waitUntil(lambda follower=follower: follower.is_open, timeout=10_000)
        with contextlib.suppress(OSError, ValueError):  # What has a state of its own is shown with it.
            wanted = RunDirectory(path).state().state
            qtbot.waitUntil(lambda follower=follower, wanted=wanted: follower.state.state == wanted, timeout=10_000)
        now: list[int] = []
        settled = 0
        while settled < 3:  # Cards and what they say come with later events.
            qtbot.wait(10)
            train.grab()
            screen.grab()
            before, now = now, [widget.minimumSizeHint().width() for widget in (train, screen)]
            settled = settled + 1 if now == before else 0
        if path in (good.path, failed.run.path):
            usual = [max(pair) for pair in zip(usual, now, strict=True)]
        # A wrapped label asks for more width when its text is long, but never for more than some 500 pixels.
        assert all(w <= known + 200 for w, known in zip(now, usual, strict=True)), (path.name, now, usual)
    screen.tree.select([good.path, strange[2].path, folder / spoilt[0]])
    screen.show_selected()
    screen.grab()
    session.post(LONG, "error")
    train.close_run()
    train.may_close()


def test_iterations_out_of_reach_are_skipped_told_once_and_cost_no_memory(session, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.following.follower import RunFollower

    _, huge, *_ = odd(session.workspace.folder / "runs")
    tracemalloc.start()
    follower = RunFollower(huge.path)
    try:
        with qtbot.waitSignal(follower.opened, timeout=10_000):
            follower.start()
        assert follower.record.last_iteration == 13
        told = [event for event in follower.record.story if isinstance(event, ev.RunWarning)]
        assert len(told) == 1
        assert "2" in told[0].message
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        follower.close()
        tracemalloc.stop()


def test_a_line_that_turns_bad_while_it_is_followed_is_told_once(session, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.following.follower import RunFollower

    run = recorded(session.workspace.folder / "runs" / "r1-grows", iterations=100)
    follower = RunFollower(run.path)

    def told() -> list[ev.RunWarning]:
        return [e for e in follower.record.story if isinstance(e, ev.RunWarning) and e.about == "damaged"]

    try:
        with qtbot.waitSignal(follower.opened, timeout=10_000):
            follower.start()
        assert not told()
        for count in (1, 2):
            with run.events_path.open("a", encoding="utf-8") as stream:
                stream.write("no event\n" + json.dumps({"kind": "odd", "iteration": 100, "sequence": count}) + "\n")
            follower.poke()
            qtbot.waitUntil(lambda count=count: follower.record.unknown == count, timeout=10_000)
            assert len(told()) == 1
    finally:
        follower.close()


def test_runs_tells_of_bad_lines_once_a_run(session, capsys) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio import cli

    folder = session.workspace.folder / "runs"
    odd(folder)
    recorded(folder / "r60-good", iterations=100)
    torn = make_run(folder / "r61-torn")
    torn.events_path.write_text('{"kind": "odd", "iteration": 2}\n{\n\n{"kind"\n{"kin', encoding="utf-8")
    assert torn.state().damaged == 2
    capsys.readouterr()
    assert cli.run(["runs", "-w", str(session.workspace.folder), "--json"]) == 0
    answer = capsys.readouterr()
    assert len(json.loads(answer.out)) == 6
    assert len(answer.err.splitlines()) == 1
    assert "r61-torn" in answer.err


def test_a_resumed_run_tells_of_its_bad_lines_once(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.commands.following import follow
    from gandam_studio.commands.progress import ConsoleJob

    class Ended:
        def poll(self) -> int:
            return 0

    run = recorded(tmp_path / "r1-torn", iterations=100)
    for bad in (0, 3):
        with run.events_path.open("a", encoding="utf-8") as stream:
            stream.write("no event\n" * bad)
        capsys.readouterr()
        with ConsoleJob() as job:
            follow(run, Ended(), job)  # type: ignore[arg-type]
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
        assert len(told) == (1 if bad else 0)
        assert not bad or "3" in told[0]


END = ev.MAX_ITERATION


@pytest.mark.parametrize(
    "events",
    [
        [ev.Progress(iteration=1, first_iteration=1, curves={"a": [1.0]}),
         ev.Progress(iteration=END, first_iteration=2, curves={"a": [1.0]}),
         ev.Progress(iteration=END, first_iteration=END, curves={"a": [1.0]})],
        [ev.RunResumed(iteration=END - 1, checkpoint="c"),
         ev.Progress(iteration=1, first_iteration=1, curves={"a": [1.0]}),
         ev.Progress(iteration=END, first_iteration=END, curves={"a": [1.0]})],
        [ev.MetricMeasured(iteration=END, name="m", value=1.0),
         ev.Progress(iteration=1, first_iteration=1, curves={"a": [1.0]}),
         ev.MetricMeasured(iteration=2, name="m", value=1.0)],
        [ev.Progress(iteration=1, first_iteration=1, curves={"a": [1.0]}),
         ev.MetricMeasured(iteration=1, name="m", value=1.0), ev.MetricMeasured(iteration=END, name="m", value=1.0)],
        [ev.Progress(iteration=k * 900_000, first_iteration=k * 900_000, curves={"a": [1.0]}) for k in range(1, 2000)],
        [ev.Progress(iteration=1, first_iteration=1, curves={f"c{k}-{n}": [1.0] for n in range(60)})
         for k in range(200)],
    ],
)  # fmt: skip
def test_no_events_make_a_record_grow_beyond_them(events: list[ev.TrainEvent]) -> None:
    from gandam_studio.qt.train.watch.meters import meter_plots

    tracemalloc.start()
    record = RunRecord()
    record.apply(events)
    record.settle()
    meter_plots(record)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def test_a_fork_far_from_the_beginning_is_shown_whole() -> None:
    start = 20_000_000
    record = RunRecord()
    record.apply([
        ev.RunFailed(iteration=0), ev.RunStarted(iteration=start), ev.RunResumed(iteration=start, checkpoint="c"),
        ev.Progress(iteration=start + 2, first_iteration=start + 1, curves={"a": [1.0, 3.0]}),
    ])  # fmt: skip
    assert (record.skipped, record.last_iteration) == (0, start + 2)
    x, y = record.curves["a"].raw.window(start, start + 10, 100)
    assert (list(x), list(y)) == ([start + 1, start + 2], [1.0, 3.0])
    assert record.curves["a"].smooth.value_at(start + 2) is not None


@pytest.mark.parametrize(
    "text", ["3", "null", '"r1"', "{}", "[[1]]", "[" * 100_000, '["../x", "a/b", "", "..", "a\\u0000b", 5]']
)
def test_a_queue_of_anything_is_an_empty_one(tmp_path: Path, text: str) -> None:
    make_run(tmp_path / "r1-x")
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    queue = RunQueue(tmp_path)
    assert queue.waiting() == []
    queue.add("r1-x")
    assert [run.name for run in queue.waiting()] == ["r1-x"]


def test_damaged_and_missing_runs_wait_for_nothing(tmp_path: Path) -> None:
    names = spoil(tmp_path)
    make_run(tmp_path / "r90-x")
    (tmp_path / FILE).write_text(json.dumps([*names, "gone", "r90-x"]), encoding="utf-8")
    assert "r90-x" in [run.name for run in RunQueue(tmp_path).waiting()]
    assert "gone" not in [run.name for run in RunQueue(tmp_path).waiting()]


def test_damaged_runs_can_be_compared(tmp_path: Path) -> None:
    good = recorded(tmp_path / "good", iterations=100)
    for name in spoil(tmp_path):
        assert compare([good.path, tmp_path / name]).names == ("good", name)


@posix
def test_links_in_a_run_are_not_taken_away_with_it(tmp_path: Path) -> None:
    run = recorded(tmp_path / "r1-a", iterations=100)
    private = tmp_path / "private"
    private.mkdir()
    (private / "key").write_text("secret", encoding="utf-8")
    (run.samples_path / "x.png").symlink_to(private / "key")
    (run.path / "more").symlink_to(private)
    os.mkfifo(run.path / "pipe")
    export_run(run, tmp_path / "out.zip")
    export_run(run, tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
    assert "r1-a/config.json" in names
    assert not [name for name in names if name.endswith(("x.png", "key", "pipe"))]
    assert not list((tmp_path / "out").rglob("key"))


@posix
def test_pictures_are_read_inside_the_run_and_never_waited_for(tmp_path: Path) -> None:
    run = recorded(tmp_path / "r1-a", iterations=100)
    (run.path / "away").symlink_to(tmp_path)
    os.mkfifo(run.samples_path / "pipe.png")
    for name in ("../x.png", "/x.png", "away/x.png", "", "a\0b", "C:\\x.png"):
        assert inside(run.path, name) is None
    assert decode(run.samples_path / "pipe.png") is None
    assert decode(run.samples_path) is None
    run.dataset_path.unlink()
    os.mkfifo(run.dataset_path)
    assert real_sheet(run.dataset_path, 10_000, 10_000) is None


@posix
def test_a_run_is_neither_started_nor_made_through_a_link(session, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.core.errors import UserError

    folder = session.workspace.folder / "runs"
    real = make_run(tmp_path / "elsewhere" / "r1-a")
    folder.mkdir(exist_ok=True)
    (folder / "r1-a").symlink_to(real.path)
    with pytest.raises(UserError, match="link"):
        runs.start(RunDirectory(folder / "r1-a"))
    run = make_run(folder / "r2-b")
    run.log_path.symlink_to(tmp_path / "target.log")
    with pytest.raises(UserError, match="link"):
        runs.start(run)
    assert not (tmp_path / "target.log").exists()
    moved = folder.rename(tmp_path / "runs")
    folder.symlink_to(moved)
    with pytest.raises(UserError, match="link"):
        RunQueue(folder).add("r2-b")
    assert not (moved / FILE).exists()


def test_labels_of_text_from_data_are_plain_and_narrow(qtbot) -> None:  # type: ignore[no-untyped-def]
    label = OutsideLabel(LONG)
    qtbot.addWidget(label)
    label.resize(200, 20)
    assert label.text().startswith("reason x")
    assert label.minimumSizeHint().width() < 100
    assert label.sizeHint().width() < 600
    label.setText("short")
    assert label.text() == "short"
    assert label.toolTip() == ""
    assert len(wrapped(LONG)) < 700
    assert max(map(len, wrapped(LONG).replace("\u200b", " ").split())) <= 64
    assert "<img" not in tip(LONG)
    assert max(map(len, tip(LONG + "\n" + LONG).split("<br>"))) < 400


def test_a_drive_that_fails_for_hours_is_told_once(session, monkeypatch, caplog, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.following import watcher

    run = recorded(session.workspace.folder / "runs" / "r1-a", iterations=100)
    turns: list[int] = []

    def fail(_self: object, *_given: object) -> None:
        turns.append(1)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(RunDirectory, "events", fail)
    monkeypatch.setattr(watcher, "POLL_S", 0.001)
    watched = watcher.RunWatcher(run.path, 50.0)
    watched.start()
    qtbot.waitUntil(lambda: len(turns) > 20, timeout=10_000)
    watched.stop()
    assert sum("Input/output" in record.getMessage() for record in caplog.records) == 1


def test_a_folder_that_cannot_be_read_is_said_until_it_can(session, monkeypatch, qtbot) -> None:  # type: ignore[no-untyped-def]

    from gandam_studio.qt.following import watcher

    run = recorded(session.workspace.folder / "runs" / "r1-a", iterations=100)
    monkeypatch.setattr(watcher, "TROUBLE_SHOWN_AFTER_S", 0.0)
    failing = [True]
    read = ev.EventReader.read

    def fail(reader: ev.EventReader) -> list[ev.TrainEvent]:
        if failing[0]:
            raise OSError(5, "Input/output error")
        return read(reader)

    monkeypatch.setattr(ev.EventReader, "read", fail)
    view = CompareView()
    qtbot.addWidget(view)
    view.show_runs([run.path])
    follower, grid = view.followers[0], view.grids[0]
    qtbot.waitUntil(lambda: "Input/output error" in grid.view.message, timeout=10_000)
    assert follower.state.state == "finished"  # state.json can be read
    failing[0] = False
    qtbot.waitUntil(lambda: follower.is_open and not follower.trouble, timeout=10_000)
    qtbot.waitUntil(lambda: "Input/output error" not in grid.view.message or grid.view.image is not None)
    view.close_runs()
