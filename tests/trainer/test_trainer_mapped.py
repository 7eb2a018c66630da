"""A data set too large for memory is memory-mapped from the run's folder and trains to the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import small_config

from trainer import checkpoints, dataset
from trainer.dataset import load_training_set
from trainer.protocol import files, untrusted
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]


@pytest.mark.parametrize(("preset", "channels"), [("sprite-r3-cpu", 4), ("dcgan", 3)])
def test_mapped_and_in_memory_train_to_the_same_bits(
    preset: str, channels: int, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(preset, "stop.iterations=4", "sampling.every=1000", channels=channels)
    runs = [make_run(name, config, split=["train"] * 20 + ["held-out"] * 4) for name in ("memory", "first", "second")]
    train_run(runs[0])
    monkeypatch.setattr(dataset, "MAPPED_FROM", 0)
    for run in runs[1:]:
        train_run(run)
    memory, *mapped = (checkpoints.load(run.newest_checkpoint()).tensors for run in runs)
    for found in mapped:
        for stem, tensors in memory.items():
            for name, value in tensors.items():
                assert torch.equal(value, found[stem][name]), (stem, name)
    before = untrusted.read_json(runs[1].dataset_info_path)["sha256"]
    assert files.file_digest(runs[1].dataset_path) == before  # Nothing is ever written through the map.


def test_a_mapped_set_that_is_damaged_or_half_written_is_refused(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "MAPPED_FROM", 0)
    config = small_config("dcgan", "stop.iterations=1")
    run = make_run("r", config)
    whole = run.dataset_path.read_bytes()
    run.dataset_path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 4]) + whole[-8:])
    with pytest.raises(TrainerError, match=r"dataset\.npy is damaged"):
        train_run(run)
    run.dataset_path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainerError, match=r"cannot read dataset\.npy"):
        train_run(run)
    run.dataset_path.write_bytes(whole)
    assert train_run(run).state == "finished"


def test_the_digest_of_the_pixels_alone_is_accepted_too(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    monkeypatch.setattr(dataset, "DIGEST_CHUNK", 5)
    run = make_run("r", small_config("dcgan"))
    pixels = np.load(run.dataset_path, allow_pickle=False)
    facts = untrusted.read_json(run.dataset_info_path)
    files.write_json(run.dataset_info_path, {**facts, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()})
    assert len(load_training_set(run, run.config(), torch.device("cpu")).train) == 24


GROWTH = """
import sys
from trainer import dataset
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

def anonymous():  # Memory that is this process's own; mapped pages are the file cache's.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

dataset.MAPPED_FROM = int(sys.argv[2])
kept = []
def look(event):
    if event.kind in ("samples_saved", "checkpoint_saved"):
        kept.append(anonymous())
train_run(RunDirectory(sys.argv[1]), on_event=look)
print(max(kept))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the memory that is a process's own")
def test_memory_does_not_grow_with_a_mapped_set(tmp_path: Path, repository: Path) -> None:
    """300 MB of pictures take memory if they are loaded, but not if they are mapped."""
    config = small_config("dcgan", "stop.iterations=40", "sampling.every=1000", "batch.size=64")
    count = 300 * 1024**2 // (32 * 32 * 3)
    array, info = tmp_path / "many.npy", tmp_path / "many.json"
    np.lib.format.open_memmap(array, mode="w+", dtype=np.uint8, shape=(count, 32, 32, 3))[::97] = 200
    files.write_json(info, {"background": [255, 255, 255], "sha256": files.file_digest(array)})
    peaks = []
    for threshold in (2**40, 0):
        run = RunDirectory.create(tmp_path / f"run{threshold}", config, array, info)
        command = [sys.executable, "-c", GROWTH, str(run.path), str(threshold)]
        done = subprocess.run(
            command,
            cwd=repository,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(float(done.stdout.split()[-1]))
    in_memory, mapped = peaks
    assert in_memory - mapped > 250, peaks
