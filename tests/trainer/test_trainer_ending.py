"""The trainer's process ends without taking apart what it has loaded, and loses nothing by that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WORK = """
import atexit, os, sys, threading, time
from trainer.ending import leave_after

class Large:
    def __del__(self):
        os.write(1, b"taken apart.")

def later():
    time.sleep(0.2)
    print("thread.", end="")

def work():
    atexit.register(lambda: print("atexit.", end=""))
    threading.Thread(target=later).start()
    print("printed.", end="")
    if sys.argv[1:]:
        sys.exit(int(sys.argv[1]))

loaded = Large()
leave_after(work)
"""
MAIN = """
import os, runpy, sys

class Large:
    def __del__(self):
        os.write(1, b"taken apart")

loaded = Large()
sys.argv[0] = "trainer"
runpy.run_module("trainer", run_name="__main__")
"""


def ended(repository: Path, script: str, *words: str, out: Any = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """A script that has run and printed through a buffer."""
    known = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", script, *words]
    environment = {**known, "PYTHONPATH": str(repository)}
    return subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, env=environment)


def ran(repository: Path, script: str, *words: str) -> tuple[int, str]:
    """The exit code of a script, and what it has printed."""
    done = ended(repository, script, *words)
    return done.returncode, done.stdout


def test_all_that_was_begun_is_done_first(repository: Path) -> None:
    assert ran(repository, WORK) == (0, "printed.thread.atexit.")


def test_a_failure_ends_as_usual(repository: Path) -> None:
    code, said = ran(repository, WORK, "3")
    assert code == 3
    assert said.startswith("printed.thread.atexit.")
    assert said.endswith("taken apart.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_what_cannot_be_written_is_still_reported(repository: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = ended(repository, WORK, out=full)
    assert done.returncode == 120
    assert "No space left" in done.stderr


@pytest.mark.parametrize(("word", "code", "whole"), [("--help", 0, True), ("--nonsense", 2, False)])
def test_the_trainer_ends_so(repository: Path, word: str, code: int, whole: bool) -> None:
    found, said = ran(repository, MAIN, word)
    assert found == code
    assert said.endswith("taken apart") is not whole
