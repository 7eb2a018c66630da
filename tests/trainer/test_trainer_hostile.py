"""Untrusted run folders: read with types and limits, never written through links, never waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from small_runs import small_config

from trainer import checkpoints
from trainer.cli import main
from trainer.create_run import fork_run
from trainer.dataset import load_training_set
from trainer.protocol import files
from trainer.protocol.arrays import open_pictures
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import (
    CheckpointSaved,
    EventReader,
    EventWriter,
    Progress,
    RunFailed,
    RunWarning,
    last_event,
)
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
posix = pytest.mark.skipif(os.name == "nt", reason="FIFOs, symbolic links and hang-ups are POSIX's")
SAVING = ["sampling.checkpoint_every=2", "sampling.every=1000"]
GOOD = b'{"kind":"progress","iteration":3,"first_iteration":3,"curves":{"loss_d":[1.5]}}'


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"progress","iteration":2147483648}',
        b'{"kind":"progress","first_iteration":99999999999999999999}',
        b'{"kind":"progress","iteration":-1}',
        b'{"kind":"progress","iteration":true}',
        b'{"kind":"progress","curves":{"loss_d":[NaN]}}',
        b'{"kind":"progress","curves":{"loss_d":[1e999]}}',
        b'{"kind":"progress","curves":{"loss_d":[1e39]}}',
        b'{"kind":"progress","curves":{"loss_d":["1"]}}',
        b'{"kind":"progress","curves":{"loss_d":{"a":1}}}',
        b'{"kind":"progress","eta_s":Infinity}',
        b'{"kind":"progress","eta_s":1e300}',
        b'{"kind":"heartbeat","wall_time":1e18}',
        b'{"kind":"spike_found","moments":{"at":4294967296}}',
        b'{"kind":"spike_found","pictures":{"at":7}}',
        b'{"kind":"samples_saved","rows":1000000000}',
        b'{"kind":"metric_measured","values":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
        b'{"kind":"dreamt","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"kind":"dreamt","deep":' + b"[" * 300 + b"]" * 300 + b"}",
        b"\xff\xfe{\x00}\x00",
        b"[1]",
        b"7",
    ],
    ids=lambda line: line[:40].decode("latin-1"),
)
def test_a_bad_line_is_skipped_and_counted(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(GOOD + b"\n" + line + b"\n" + GOOD + b"\n")
    reader = EventReader(path)
    assert [event.iteration for event in reader.read()] == [3, 3]
    assert reader.damaged == 1
    path.write_bytes(GOOD + b"\n" + line + b"\n")
    assert last_event(path).iteration == 3


def test_texts_of_events_can_be_printed_and_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = {"kind": "run_failed", "message": "no\nspace \ud800" + "x" * 50_000, "cause": "c" * 999, "iteration": 1}
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    (event,) = EventReader(path).read()
    assert isinstance(event, RunFailed)
    event.message.encode()
    assert len(event.message) <= 10_000
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    state = RunDirectory(tmp_path).state()
    assert "\n" not in state.reason
    assert len(state.reason) <= 500


def test_a_path_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    writer.write(RunFailed(message="cannot read \udcff.npy"))
    writer.close()
    assert EventReader(tmp_path / "events.jsonl").read()[0].message.startswith("cannot read")


def test_a_line_without_end_is_skipped_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.protocol.events.MAX_LINE", 1000)
    path = tmp_path / "events.jsonl"
    path.write_bytes(GOOD + b"\n" + b"x" * 3500)
    reader = EventReader(path)
    assert len(reader.read()) == 1
    with path.open("ab") as stream:
        stream.write(b"x" * 10 + b"\n" + GOOD + b"\n")
    assert len(reader.read()) == 1
    assert (reader.damaged, reader.restarts) == (1, 0)


def test_a_file_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    tracemalloc.start()
    try:
        reader = EventReader(path)
        assert reader.read() == []
        assert reader.damaged == 1
        assert last_event(path) is None
        assert tracemalloc.get_traced_memory()[1] < 300 << 20
    finally:
        tracemalloc.stop()


@posix
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(make_run: MakeRun, make: Callable[[Path], None]) -> None:
    run = make_run("r", small_config("dcgan"))
    run.config_path.unlink()
    for path in (run.config_path, run.events_path, run.lock_path, run.commands_path / "sample"):
        make(path)
    reader = run.events()
    assert reader.read() == []
    assert reader.damaged == 1
    assert not run.is_locked()
    with pytest.raises(ValueError, match=r"events\.jsonl"):
        run.state()
    with pytest.raises(TrainerError):
        run.config()
    with pytest.raises(TrainerError), run.locked(wait_s=0.1):
        pass
    run.take_commands()


@pytest.mark.parametrize("text", ["[]", "7", "{", '{"seed": NaN}', '{"seed": 1e999}', '{"preset": 5}', "[" * 100_000,
                                  '{"stop": 3}', '{"schema_version": "x"}', '{"description": ["a"]}'])  # fmt: skip
def test_a_damaged_configuration_is_one_line(make_run: MakeRun, text: str) -> None:
    run = make_run("r", small_config("dcgan"))
    run.config_path.write_text(text, encoding="utf-8")
    with pytest.raises(TrainerError) as refused:
        run.config()
    assert "\n" not in str(refused.value)
    assert refused.value.cause == "data"


@pytest.mark.parametrize("name", ["²", "٣", "1" * 5000 if os.name == "nt" else "1" * 200, "-1", "1_0", "+4", "best"])
def test_only_plain_numbers_are_checkpoints(make_run: MakeRun, name: str) -> None:
    run = make_run("r", small_config("dcgan"))
    for folder in (name[:200], "00000007"):
        (run.checkpoints_path / folder).mkdir()
        files.write_json(run.checkpoints_path / folder / "state.json", {})
    assert [folder.name for folder in run.checkpoints()] == ["00000007"]
    assert run.state().checkpoint == "checkpoints/00000007"


@pytest.mark.parametrize(
    "change",
    [
        {"iteration": "4"}, {"iteration": 10**30}, {"iteration": 2**40}, {"images_seen": -1}, {"trained_s": [1]},
        {"batch": 0}, {"bf16": "yes"}, {"augment": 7}, {"sign_sum": None}, {"best": []}, {"best": {"value": "x"}},
        {"best": {"name": 3}},
        {"files": 3}, {"files": {"../../x.safetensors": {"bytes": 1, "sha256": ""}}}, {"files": {"a.safetensors": 3}},
    ],
    ids=str,
)  # fmt: skip
def test_a_checkpoint_with_wrong_values_is_damaged_not_a_bug(make_run: MakeRun, change: dict[str, object]) -> None:
    run = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=4"))
    train_run(run)
    state = run.checkpoints()[-1] / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_bytes()), **change}), encoding="utf-8")
    folder, complaints = checkpoints.newest_good(run.checkpoints())
    assert folder is not None
    assert folder.name == "00000002"
    assert [error.cause for error in complaints] == ["checkpoint"]


def test_a_drive_that_hiccups_sets_no_checkpoint_aside(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=4"))
    train_run(run)
    read, left = checkpoints.read_json_object, [2]

    def flaky(path: Path, **kwargs: int) -> object:
        if "00000004" in str(path) and left[0] > 0:
            left[0] -= 1
            raise OSError(5, "Input/output error")
        return read(path, **kwargs)

    monkeypatch.setattr(checkpoints, "read_json_object", flaky)
    monkeypatch.setattr(checkpoints, "TRY_AGAIN_S", 0.0)
    assert checkpoints.newest_good(run.checkpoints()) == (run.checkpoints()[-1], [])
    left[0] = 1000
    with pytest.raises(TrainerError) as refused:
        train_run(run, limits=["stop.iterations=6"])
    assert refused.value.cause == "io"
    assert not list(run.checkpoints_path.glob("set-aside-*"))
    left[0] = 0
    assert train_run(run, limits=["stop.iterations=6"]).iteration == 6


def test_the_warning_names_the_folder_a_damaged_checkpoint_is_kept_in(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=4"))
    train_run(run)
    (run.checkpoints()[-1] / "state.json").write_text("{}", encoding="utf-8")
    train_run(run, limits=["stop.iterations=6"])
    (kept,) = run.checkpoints_path.glob("set-aside-*")
    (warning,) = [e for e in run.events().read() if isinstance(e, RunWarning) and e.about == "checkpoint"]
    assert kept.name in warning.message


@pytest.mark.parametrize(
    "data",
    [
        b"", b"PK\x03\x04" + bytes(60), b"\x93NUMPY\x01\x00\x10'" + b"(" * 10_000,
        b"\x93NUMPY\x09\x00\x10\x00" + bytes(99), b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{",
    ],
)  # fmt: skip
def test_no_array_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "dataset.npy"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="npy"):
        open_pictures(path)


@pytest.mark.parametrize(
    "shape", [(10**6, 32, 32, 3), (2**40, 2**16, 2**16, 3), (0, 32, 32, 3), (2, 32, 32), (2, 3, 3, 1)]
)
def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "dataset.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        stream.write(bytes(5000))
    with pytest.raises(ValueError, match=r"cut off|must hold"):
        open_pictures(path)


def test_arrays_are_mapped_in_either_order(tmp_path: Path) -> None:
    wanted = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    for order in (wanted, np.asfortranarray(wanted)):
        np.save(tmp_path / "a.npy", order)
        np.testing.assert_array_equal(open_pictures(tmp_path / "a.npy"), wanted)


@pytest.mark.parametrize(
    "facts",
    [
        {"weights": [[1, 2]] * 24}, {"weights": ["a"] * 24}, {"tags": [5] * 24},
        {"background": [1e400, 0, 0]}, {"background": [-1, 0, 0]},
    ],
    ids=str,
)  # fmt: skip
def test_facts_of_wrong_types_are_the_datas_fault(make_run: MakeRun, facts: dict[str, object]) -> None:
    run = make_run("r", small_config("dcgan", "data.condition=a"))
    info = json.loads(run.dataset_info_path.read_bytes())
    run.dataset_info_path.write_text(json.dumps({**info, **facts}), encoding="utf-8")
    with pytest.raises(TrainerError) as refused:
        load_training_set(run, run.config(), torch.device("cpu"))
    assert refused.value.cause == "data"


@posix
@pytest.mark.parametrize(
    "place", ["samples", "checkpoints", "commands", "lock", "events.jsonl", "trainer.log", "config.json", "tensorboard"]
)
def test_links_in_a_run_folder_are_not_written_through(make_run: MakeRun, tmp_path: Path, place: str) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=1"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine", encoding="utf-8")
    path = run.path / place
    if path.is_dir():
        path.rmdir()
        path.symlink_to(outside)
    elif place == "config.json":
        path.rename(outside / "config.json")
        path.symlink_to(outside / "config.json")
    else:
        path.symlink_to(outside if place == "tensorboard" else outside / "file")
    before = {item.name: item.read_bytes() for item in outside.iterdir()}
    with pytest.raises(TrainerError, match="link"):
        train_run(run, limits=["stop.iterations=2"])
    if place == "commands":
        with pytest.raises(TrainerError, match="link"):
            run.request("stop")
        assert run.pending() == []
    if place in ("events.jsonl", "trainer.log"):
        with pytest.raises(OSError, match="link"):
            files.open_append(path)
    assert {item.name: item.read_bytes() for item in outside.iterdir()} == before


def test_looking_at_a_run_takes_no_lock_and_makes_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    gone = RunDirectory(tmp_path / "moved" / "r1")
    assert not gone.is_locked()
    with pytest.raises(TrainerError), gone.locked(wait_s=0.0):
        pass
    assert not gone.path.parent.exists()
    run = make_run("r", small_config("dcgan"))
    with run.locked():
        assert run.is_locked()
    assert not run.is_locked()


@posix
def test_lookers_neither_keep_a_trainer_out_nor_take_each_other_for_one(make_run: MakeRun) -> None:
    import fcntl

    run = make_run("r", small_config("dcgan"))
    with run.locked():
        pass
    run.lock_path.touch()
    with run.lock_path.open("rb") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert not run.is_locked()
        threading.Timer(0.3, lambda: fcntl.flock(looker, fcntl.LOCK_UN)).start()
        with run.locked():
            assert run.is_locked()


def test_what_is_asked_while_paused_is_done(make_run: MakeRun) -> None:
    """A checkpoint is saved, and samples are drawn even if "resume" comes with them."""
    run = make_run("r", small_config("dcgan", "sampling.every=100000", "sampling.progress_every=2"))
    steps = iter([("pause",), ("checkpoint",), ("sample", "resume"), ("stop",)])
    kinds = iter(["progress", "run_paused", "checkpoint_saved", "run_resumed", ""])
    awaited, seen = [next(kinds)], []

    def ask(event: object) -> None:
        seen.append(event.kind)  # type: ignore[attr-defined]
        if event.kind == awaited[0]:  # type: ignore[attr-defined]
            awaited[0] = next(kinds)
            for command in next(steps, ()):
                run.request(command)

    outcome = train_run(run, on_event=ask)
    assert outcome.state == "stopped"
    paused = seen[seen.index("run_paused") : seen.index("run_resumed")]
    assert "checkpoint_saved" in paused
    assert "samples_saved" in paused


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), BrokenPipeError(32, "Broken pipe"), ValueError("closed")]
)
def test_a_console_that_is_gone_does_not_end_a_run(make_run: MakeRun, error: Exception) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=3"))

    def gone(_event: object) -> None:
        raise error

    assert train_run(run, on_event=gone).state == "finished"
    assert run.newest_checkpoint() is not None


@posix
@pytest.mark.timeout(120)
def test_a_closed_terminal_stops_a_run_with_a_checkpoint(make_run: MakeRun, repository: Path) -> None:
    """Its output fails, as with a closed terminal, and SIGHUP comes more than once."""
    run = make_run("r", small_config("dcgan", "sampling.progress_every=1"))
    read, write = os.pipe()
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and children inherit that
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer", "train", str(run.path)], stdout=write, stderr=write, cwd=repository
    )
    signal.signal(signal.SIGHUP, before)
    os.close(write)
    try:
        os.read(read, 1)
        os.close(read)
        limit = time.monotonic() + 60
        while not any(isinstance(event, Progress) for event in run.events().read()):
            assert time.monotonic() < limit
            assert process.poll() is None
            time.sleep(0.05)
        for _ in range(3):
            process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    state = run.state()
    assert (state.state, state.reason) == ("stopped", "its terminal was closed")
    assert int(run.newest_checkpoint().name) == state.iteration  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("number", "cause"), [(28, "disk_full"), (122, "disk_full"), (5, "io"), (13, "io"), (24, "io")]
)
@pytest.mark.skipif(sys.platform != "linux", reason="EDQUOT has another number elsewhere")
def test_only_a_full_disk_is_called_full(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, number: int, cause: str
) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=2"))

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number), "samples/x.png")

    monkeypatch.setattr("trainer.sample_grids.save_png", fail)
    with pytest.raises(TrainerError) as refused:
        train_run(run)
    assert refused.value.cause == run.state().cause == cause
    assert ("disk is full" in str(refused.value)) == (cause == "disk_full")


def test_a_trackers_failure_is_told_once(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from trainer import trackers

    class Failing(trackers.Trackers):
        def __init__(self, *_: object) -> None:
            self._found = {"Tracker": self}  # type: ignore[dict-item]
            self._failures: list[str] = []

        def write(self, event: object) -> None:
            if "Tracker" in self._found:
                self._try("Tracker", lambda: 1 / 0)

    monkeypatch.setattr("trainer.train_run.Trackers", Failing)
    run = make_run("r", small_config("dcgan", "stop.iterations=1"))
    train_run(run)
    assert sum(isinstance(event, RunWarning) and event.about == "tracker" for event in run.events().read()) == 1
    assert "Tracker" not in caplog.text


def test_a_fork_appears_whole_or_not_at_all(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=2"))
    train_run(parent)
    copy = checkpoints.copy_to

    def watched(folder: Path, target: Path) -> None:
        assert not (tmp_path / "f").exists()
        copy(folder, target)

    monkeypatch.setattr(checkpoints, "copy_to", watched)
    assert fork_run(tmp_path / "f", parent, []).newest_checkpoint() is not None

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "copy_to", full)
    with pytest.raises(TrainerError, match="disk is full"):
        fork_run(tmp_path / "g", parent, [])
    assert not (tmp_path / "g").exists()
    assert not list(tmp_path.glob(".g*"))


def test_a_fork_of_a_run_that_saves_meanwhile_is_consistent(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During the copy, the parent replaces its best weights and removes the checkpoint being copied."""
    parent = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=4"))
    train_run(parent)
    old, new = parent.checkpoints()
    best = parent.checkpoints_path / checkpoints.BEST
    saved = checkpoints.load(old)
    checkpoints.save(best, saved)
    aside = new.rename(tmp_path / "aside")
    copyfileobj, calls = checkpoints.shutil.copyfileobj, []

    def meanwhile(*arguments: object) -> None:
        copyfileobj(*arguments)  # type: ignore[arg-type]
        calls.append(arguments)
        if len(calls) == 1:
            aside.rename(new)
            checkpoints.shutil.rmtree(old)
        if len(calls) in (7, 8):
            saved.values["trained_s"] += 1.0
            checkpoints.save(best, saved)

    monkeypatch.setattr(checkpoints.shutil, "copyfileobj", meanwhile)
    fork = fork_run(tmp_path / "f", parent, [])
    assert [folder.name for folder in fork.checkpoints()] == ["00000004"]
    checkpoints.verify(fork.checkpoints()[0])
    checkpoints.verify(fork.checkpoints_path / checkpoints.BEST)


def test_the_device_of_a_run_can_be_changed_for_good(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=1", "device=auto"))
    done = CliRunner().invoke(main, ["train", str(run.path), "--device", "cpu"])
    assert done.exit_code == 0, done.output
    assert run.config().device == "cpu"
    assert any(isinstance(event, CheckpointSaved) for event in run.events().read())


def test_weights_that_are_no_real_numbers_do_not_match() -> None:
    network = torch.nn.Linear(2, 2)
    own = checkpoints.module_tensors(network)
    with pytest.raises(TrainerError, match="does not match"):
        checkpoints.restore_module(network, {**own, "weight": own["weight"].to(torch.complex64)})
