from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainer.protocol.errors import TrainerError
from trainer.protocol.events import EventWriter, Progress, RunFailed, RunFinished, RunPaused, RunStarted, RunStopped
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "d.npy").write_bytes(b"pixels")
    (tmp_path / "d.json").write_text('{"ids": []}')
    return RunDirectory.create(tmp_path / "r1", load_preset("dcgan"), tmp_path / "d.npy", tmp_path / "d.json")


def said(run: RunDirectory, *events: object) -> None:
    writer = EventWriter(run.events_path)
    for event in events:
        writer.write(event)
    writer.close()


def test_a_new_run_is_complete_and_created(run: RunDirectory) -> None:
    assert run.state().state == "created"
    assert run.config() == load_preset("dcgan")
    assert run.dataset_path.read_bytes() == b"pixels"
    assert run.dataset_info() == {"ids": []}
    assert [p.name for p in run.path.parent.glob(".*")] == []


def test_an_existing_folder_with_things_in_it_is_refused_untouched(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="exists already"):
        RunDirectory.create(run.path, load_preset("wgan-gp"), tmp_path / "d.npy", tmp_path / "d.json")
    assert run.config().preset == "dcgan"


def test_a_failed_creation_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="cannot create"):
        RunDirectory.create(tmp_path / "r", load_preset("dcgan"), tmp_path / "missing.npy", tmp_path / "missing.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (Progress(iteration=20), "interrupted"),
        (RunPaused(iteration=20), "interrupted"),
        (RunStopped(iteration=20, reason="asked to"), "stopped"),
        (RunFailed(iteration=20, message="out of memory", cause="oom"), "failed"),
        (RunFinished(iteration=20), "finished"),
    ],
)
def test_the_state_follows_from_lock_and_last_event(run: RunDirectory, last: object, state: str) -> None:
    said(run, RunStarted(), last)
    found = run.state()
    assert (found.state, found.iteration, found.attempt) == (state, 20, 1)
    if state == "failed":
        assert (found.reason, found.cause) == ("out of memory", "oom")


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ("iterations", "iteration limit reached"),
        ("minutes", "time limit reached"),
        ("images", "picture limit reached"),
        ("", ""),
        ("dreams", ""),  # Of a newer version.
    ],
)
def test_a_finished_run_says_which_limit_it_has_reached(run: RunDirectory, limit: str, reason: str) -> None:
    said(run, RunStarted(), RunFinished(iteration=20, limit=limit))
    assert (run.state().reason, run.state().cause) == (reason, limit)


HOLD = """
import sys, time
from trainer.protocol.run_directory import RunDirectory
with RunDirectory(sys.argv[1]).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_free(run: RunDirectory, repository: Path) -> None:
    said(run, RunStarted(), Progress(iteration=3))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True, cwd=repository
    )
    assert holder.stdout is not None
    with holder, holder.stdout:
        try:
            assert holder.stdout.readline() == "held\n"
            assert run.state().state == "running"
            said(run, RunPaused(iteration=3))
            assert run.state().state == "paused"
            with pytest.raises(TrainerError, match="another process"), run.locked(wait_s=0.1):
                pass
        finally:
            holder.kill()
    assert run.state().state == "interrupted"
    with run.locked(wait_s=0.1):
        pass


def test_commands_are_taken_once_in_order_and_stale_ones_dropped(run: RunDirectory) -> None:
    run.request("stop")
    started = time.time() + 0.001
    time.sleep(0.01)
    run.request("sample")
    time.sleep(0.01)
    run.request("checkpoint")
    assert run.pending() == ["stop", "sample", "checkpoint"]
    assert run.take_commands(since=started) == ["sample", "checkpoint"]
    assert run.take_commands() == []
    (run.commands_path / "pause").touch()
    assert run.take_commands(since=started) == ["pause"]
    with pytest.raises(TrainerError, match="not a command"):
        run.request("dance")


def test_a_folder_that_is_no_run_or_has_a_bad_configuration_says_so(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="not a run folder"):
        RunDirectory(tmp_path).config()
    run.config_path.write_text(json.dumps({"batch": {"sise": 3}}))
    with pytest.raises(TrainerError, match=r"batch\.size"):
        run.config()
