"""Real trainers: an experiment ends with the same table, killed at random instants or spread by a real cluster."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from studio_calls import Studio
from tiny_experiments import TINY

from gandam_studio.core.experiments.folder import Experiment
from gandam_studio.samples.mechas import write_set

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
KILLS = 12


def _command(place: Path, *more: str) -> subprocess.Popen[bytes]:
    words = [
        sys.executable,
        "-m",
        "gandam_studio",
        "experiment",
        "run",
        "try",
        "--no-estimate",
        "-w",
        str(place),
        *more,
    ]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _trainers(place: Path) -> list[int]:
    """Processes whose command line names a run of the workspace."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes()
                if str(place).encode() in words and b"trainer" in words:
                    found.append(int(folder.name))
    return found


def _table(place: Path, studio: Studio) -> list[tuple]:
    told = studio("experiment", "results", "try", "-w", place, "--json").json
    assert told["complete"]
    keys = ("name", "seed", "state", "kid", "kid_error", "iteration", "verdict", "images_seen")
    return [tuple(cell[key] for key in keys) for cell in told["cells"]] + [tuple(e["words"] for e in told["effects"])]


def _made(tmp_path: Path, studio: Studio, pictures: int) -> Path:
    """A workspace with an experiment of two combinations and two seeds."""
    write_set(tmp_path / "art", 80, seed=5)
    place = tmp_path / "ws"
    studio("new", place)
    studio("import", tmp_path / "art", "-w", place, "--workers", "1")
    studio("commit", "-m", "first", "-w", place)
    new = (
        "experiment", "new", "try", "--preset", "dcgan", *(word for text in TINY for word in ("--set", text)),
        "--set", "diagnostics.enabled=false", "--factor", "lr_g=2e-4|2e-3", "--pictures", str(pictures), "--looks", "4",
        "--seeds", "2", "--samples", "64", "--held-out", "0.3", "--no-estimate", "-w", place,
    )  # fmt: skip
    assert studio(*new).code == 0
    return place


def test_a_real_cluster_gives_the_same_table(tmp_path: Path, studio: Studio) -> None:
    pytest.importorskip("ray")
    place = _made(tmp_path, studio, 400)
    twin = Path(shutil.copytree(place, tmp_path / "twin"))
    assert _command(place).wait(900) == 0
    assert _command(twin, "--engine", "ray").wait(900) == 0
    assert _table(twin, studio) == _table(place, studio)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds trainers in /proc")
def test_killed_at_random_instants_it_resumes_to_the_same_table(tmp_path: Path, studio: Studio) -> None:
    place = _made(tmp_path, studio, 4000)
    twin = Path(shutil.copytree(place, tmp_path / "twin"))
    assert _command(place).wait(900) == 0
    dice = random.Random(4)
    kills = 0
    deadline = time.monotonic() + 2000
    while time.monotonic() < deadline:
        process = _command(twin)
        if kills < KILLS:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(dice.uniform(2, 25))
        else:
            process.wait(900)
        if process.poll() is not None:
            break
        # Now the driver alone, now the trainers too, now these alone.
        which = dice.choice(("driver", "all", "trainers"))
        if which != "driver":
            for pid in _trainers(twin):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if which != "trainers":
            process.kill()
        process.terminate()
        process.wait(60)
        kills += 1
    print(f"killed {kills} times")
    assert kills >= 3
    experiment = Experiment.open(twin, "try")
    attempts = [run.state().attempt for run in experiment.runs().values()]
    print(f"attempts of the runs: {attempts}")
    assert max(attempts) > 1
    assert _table(twin, studio) == _table(place, studio)
