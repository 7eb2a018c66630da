"""Untrusted workspaces, runs, manifests and exports, tried with every command and every screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenes import Scene, add_tries, build

ATTACK = Path(__file__).with_name("attack.py")
LIMIT_S = 10.0
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is measured through Linux's /proc"
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return build(tmp_path_factory.mktemp("hostile") / "base")


@pytest.fixture(scope="module")
def tries(base: Scene, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return add_tries(base.copy_to(tmp_path_factory.mktemp("hostile") / "tries"))


def attack(base: Scene, scratch: Path, first: int, last: int, *, screens: bool = False) -> list[str]:
    """Run the cases from `first` to `last` in child processes; a child that hangs or dies costs only its case."""
    found: list[str] = []
    scratch.mkdir(exist_ok=True)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(scratch / "config"), "XDG_STATE_HOME": str(scratch / "logs")}
    while first < last:
        command = [sys.executable, "-X", "faulthandler", str(ATTACK), str(base.root), str(scratch), str(first)]
        command += [str(last), "--limit", str(LIMIT_S), *(["--screens"] if screens else [])]
        command += ["--tries"] if base.tries else []
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        case, step, mutations = first, "", []
        for record in records:
            case = record.get("case", case)
            step = record.get("step", step)
            mutations = record.get("mutations", mutations)
            found += [f"case {case} ({'; '.join(mutations)}): {fault}" for fault in record.get("faults", ())]
        if done.returncode:
            found.append(f"case {case} ({'; '.join(mutations)}): ended in {step}: {done.stderr[-1500:]}")
            first = case + 1
        else:
            first = last
    return found


# What a case does depends on its number alone, so these are the same cases on every machine.
COMMANDS = [range(40), *(pytest.param(range(n, n + 250), marks=pytest.mark.slow) for n in range(40, 4040, 250))]
SCREENS = [range(10_000, 10_012), *(
    pytest.param(range(n, n + 100), marks=pytest.mark.slow) for n in range(10_012, 11_012, 100)
)]  # fmt: skip


TRIES = [range(20_000, 20_020), *(
    pytest.param(range(n, n + 100), marks=pytest.mark.slow) for n in range(20_020, 20_520, 100)
)]  # fmt: skip


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("cases", COMMANDS, ids=lambda cases: f"{cases.start}-{cases.stop}")
def test_every_command_answers_in_one_line(base: Scene, tmp_path: Path, cases: range) -> None:
    assert attack(base, tmp_path / "scratch", cases.start, cases.stop) == []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("cases", SCREENS, ids=lambda cases: f"{cases.start}-{cases.stop}")
def test_every_screen_stays(base: Scene, tmp_path: Path, cases: range) -> None:
    assert attack(base, tmp_path / "scratch", cases.start, cases.stop, screens=True) == []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("cases", TRIES, ids=lambda cases: f"{cases.start}-{cases.stop}")
def test_experiments_and_favourites_of_strangers_are_told_in_one_line(
    tries: Scene, tmp_path: Path, cases: range
) -> None:
    assert attack(tries, tmp_path / "scratch", cases.start, cases.stop) == []
