"""A checkpoint is hashed once before it is used: those of large networks have hundreds of megabytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from small_runs import small_config

from trainer import checkpoints
from trainer.protocol.run_directory import RunDirectory
from trainer.sampling import load_trained
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def run(make_run: MakeRun) -> RunDirectory:
    """A run with checkpoints of iterations 2 and 3, and one of the best."""
    settings = "stop.iterations=3", "sampling.checkpoint_every=2"
    run = make_run("r", small_config("sprite-r3-cpu", *settings))
    train_run(run)
    checkpoints.copy_to(run.newest_checkpoint() or Path(), run.checkpoints_path / checkpoints.BEST)
    return run


@pytest.fixture
def hashed(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the checkpoints' files that are hashed from now on."""
    found: list[str] = []
    real = hashlib.file_digest
    names = {path.stat().st_ino: f"{path.parent.name}/{path.name}" for path in run.checkpoints_path.glob("*/*")}

    def digest(stream: BinaryIO, name: str) -> object:
        number = os.fstat(stream.fileno()).st_ino
        found.extend([names[number]] if number in names else [])
        return real(stream, name)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "file_digest", digest)
    return found


def files_of(run: RunDirectory, name: str) -> list[str]:
    """The files of a checkpoint that are verified."""
    return sorted(f"{name}/{path.name}" for path in (run.checkpoints_path / name).glob("*.safetensors"))


@pytest.mark.parametrize(("iteration", "name"), [(None, "00000003"), (2, "00000002"), ("best", "best")])
def test_before_drawing(run: RunDirectory, hashed: list[str], iteration: int | str | None, name: str) -> None:
    load_trained(run, iteration=iteration)
    assert sorted(hashed) == files_of(run, name) != []


def test_before_going_on(run: RunDirectory, hashed: list[str]) -> None:
    train_run(run)  # has reached its limit, which its checkpoint says
    assert sorted(hashed) == files_of(run, "00000003") != []
