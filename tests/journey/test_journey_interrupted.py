"""Killed with -9 during an import and during training: no decision is lost, and the same command continues."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from studio_calls import Studio
from warm_starts import cold

from trainer.protocol.events import RunFinished, RunResumed
from trainer.protocol.run_directory import RunDirectory

__all__ = ["cold"]

PICTURES = 4000
TINY = ("--set", "generator_channels=16,16,16,16", "--set", "discriminator_channels=16,16,16,16", "--set",
        "batch.size=8", "--device", "cpu")  # fmt: skip


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def sprites_in(ws: Path) -> int:
    with sqlite3.connect(f"{(ws / 'workspace.sqlite').as_uri()}?mode=ro", uri=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM sprites").fetchone()
    connection.close()
    return int(count)


def start_cli(*arguments: object) -> subprocess.Popen[bytes]:
    """The command line in its own process group, so that its workers can be killed with it."""
    command = [sys.executable, "-m", "gandam_studio", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=os.name != "nt"
    )


def kill_hard(process: subprocess.Popen[bytes]) -> None:
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small different pictures, enough to interrupt an import in the middle."""
    folder = tmp_path_factory.mktemp("many")
    noise = np.random.default_rng(5).integers(0, 256, (PICTURES, 8, 8, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"noise-{number:05d}.png", compress_level=1)
    return folder


def test_an_import_killed_in_its_middle_goes_on_where_it_was(
    tmp_path: Path, many: Path, art: Path, studio: Studio
) -> None:
    ws = tmp_path / "ws"
    studio("new", ws)
    before = studio("import", art, "-w", ws, "--json", "--workers", 1).json["imported"]
    studio("flip", "mecha-000002.png", "-w", ws)
    studio("drop", "mecha-000004.png", "--reason", "non-bipedal", "-w", ws)
    process = start_cli("import", many, "-w", ws, "--workers", 1)
    try:
        wait_for(lambda: sprites_in(ws) > before or process.poll() is not None)
    finally:
        kill_hard(process)
    caught = sprites_in(ws) - before
    assert 0 < caught < PICTURES
    rows = {row["name"]: row for row in studio("list", "-w", ws, "--json").json}
    assert rows["mecha-000002.png"]["flipped"]
    assert rows["mecha-000004.png"]["reason"] == "non-bipedal"
    assert studio("verify", "-w", ws).code == 0
    again = studio("import", many, "-w", ws, "--json", "--workers", 1).json
    assert (again["imported"], again["already"], again["rejected"]) == (PICTURES - caught, caught, [])
    assert sprites_in(ws) == before + PICTURES
    assert studio("verify", "-w", ws).code == 0
    # Undo still knows what was decided before the kill.
    assert "Drop 1 sprite" in studio("undo", "-w", ws).out


@pytest.mark.slow  # tests/training kills the same trainer in every run; this is the long way, by typed commands
def test_training_killed_in_its_middle_resumes_from_its_checkpoint(ws: Path, studio: Studio) -> None:
    studio("commit", "-m", "v1", "-w", ws)
    answer = studio("train", "--preset", "sprite-r3-cpu", "--iterations", 60, "--set", "checkpoint_every=10", *TINY,
                    "--detach", "-w", ws, "--json").json  # fmt: skip
    run = RunDirectory(answer["folder"])
    wait_for(lambda: run.newest_checkpoint() is not None)
    assert studio("runs", "-w", ws, "--json").json[0]["state"] == "running"
    kill_trainer(run)
    found = studio("runs", "-w", ws, "--json").json[0]
    assert found["state"] == "interrupted"
    kept = int(run.newest_checkpoint().name)  # type: ignore[union-attr]
    assert 10 <= kept < 60
    done = studio("train", "--resume", answer["run"], "-w", ws, "--json").json
    assert (done["state"], done["iteration"], done["manifest"]) == ("finished", 60, answer["manifest"])
    events = run.events().read()
    (resumed,) = [event for event in events if isinstance(event, RunResumed)]
    assert resumed.iteration == kept
    assert isinstance(events[-1], RunFinished)
    out = ws.parent / "grid.png"
    assert len(studio("sample", answer["run"], "--count", 4, "--out", out, "-w", ws, "--json").json["seeds"]) == 4
    assert np.asarray(Image.open(out)).std() > 0


def kill_trainer(run: RunDirectory) -> None:
    """Kill the detached trainer of one run, found by the run's folder on its command line."""
    proc = Path("/proc")
    if not proc.is_dir():
        pytest.skip("this system has no /proc to find the trainer by")
    for entry in proc.iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if b"trainer" in command and os.fsencode(run.path) in command:
            os.kill(int(entry.name), signal.SIGKILL)
    wait_for(lambda: not run.is_locked())


@pytest.mark.skipif(os.name == "nt", reason="Ctrl+C reaches a whole console there")
def test_ctrl_c_ends_an_import_with_one_line(tmp_path: Path, many: Path, studio: Studio) -> None:
    ws = tmp_path / "ws"
    studio("new", ws)
    command = [sys.executable, "-m", "gandam_studio", "import", str(many), "-w", str(ws), "--workers", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: sprites_in(ws) > 0 or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert err.splitlines() == ["gandam-studio: cancelled; everything finished so far is kept"]
    assert 0 < sprites_in(ws) < PICTURES
    assert studio("verify", "-w", ws).code == 0


@pytest.mark.skipif(os.name == "nt", reason="Ctrl+C reaches a whole console there")
@pytest.mark.slow
def test_ctrl_c_stops_training_with_a_checkpoint(ws: Path, studio: Studio) -> None:
    studio("commit", "-w", ws)
    command = ["-m", "gandam_studio", "train", "--preset", "sprite-r3-cpu", "--iterations", "100000", *TINY]
    process = subprocess.Popen(
        [sys.executable, *command, "-w", str(ws)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: any((run["iteration"] or 0) > 0 for run in studio("runs", "-w", ws, "--json").json))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    last = err.splitlines()[-1]
    assert "stopped after iteration" in last
    assert "train --resume r1-sprite-r3-cpu" in last
    found = studio("runs", "-w", ws, "--json").json[0]
    assert found["state"] == "stopped"
    run = RunDirectory(found["folder"])
    newest = run.newest_checkpoint()
    assert newest is not None
    assert int(newest.name) == found["iteration"] > 0
