"""One rank and two gloo ranks at the same global batch are one experiment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import small_config

from trainer import checkpoints
from trainer.distributed import Ranks
from trainer.errors import TrainerError
from trainer.run_directory import RunDirectory
from trainer.start import train_run

MakeRun = Callable[..., RunDirectory]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def train_on(run: RunDirectory, ranks: int, repository: Path) -> None:
    """Start what torchrun starts: one process a rank, told about each other by the environment."""
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(ranks),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-W", "error::UserWarning:trainer", "-m", "trainer", "train", str(run.path)]
    processes = [
        subprocess.Popen(
            command, cwd=repository, env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(ranks)
    ]  # fmt: skip
    for process in processes:
        told, _ = process.communicate(timeout=200)
        assert process.returncode == 0, told


@pytest.mark.parametrize("preset", [pytest.param("gandam-part-1", marks=pytest.mark.slow), "sprite-r3-cpu"])
def test_two_ranks_equal_one(preset: str, make_run: MakeRun, repository: Path) -> None:
    # Batch norm, dropout, label noise and double backward are all in these two; a large eps keeps Adam near SGD,
    # whose steps do not blow rounding errors up.
    settings = [
        "stop.iterations=2",
        "sampling.every=1000",
        "optimiser.eps=0.01",
        "minibatch_std=no",
        "regulariser.every=1",
    ]
    config = small_config(preset, *settings)
    one, two = make_run("one", config), make_run("two", config)
    train_run(one)
    train_on(two, 2, repository)
    first = checkpoints.load(one.newest_checkpoint()).tensors
    second = checkpoints.load(two.newest_checkpoint()).tensors
    for stem in ("generator", "discriminator"):
        for name, value in first[stem].items():
            assert torch.allclose(value, second[stem][name], atol=1e-5), (stem, name)
    for name, value in first[
        "optimiser_g"
    ].items():  # Moments are averages of gradients: equal gradients, equal moments.
        assert torch.allclose(value, second["optimiser_g"][name], atol=1e-5), name
    assert two.events().read()[0].ranks == 2
    assert two.state().state == "finished"


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(TrainerError, match="9 cannot be divided among 2"):
        Ranks(0, 2).share(9)
