"""Fixtures of the trainer's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import shapes

from trainer.protocol import files
from trainer.protocol.config import TrainConfig
from trainer.protocol.run_directory import RunDirectory


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """With small tensors, threads cost more time than they save."""
    torch.set_num_threads(1)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunDirectory]:
    """make_run(name, config, count=24, **facts): a run's folder with real small pictures."""

    def make(name: str, config: TrainConfig, count: int = 24, **facts: object) -> RunDirectory:
        array, info = tmp_path / f"{name}.npy", tmp_path / f"{name}.json"
        np.save(array, shapes(count, config.data.channels))
        ids = [f"{index:064x}" for index in range(count)]
        values = {"ids": ids, "background": [255, 255, 255], "sha256": files.file_digest(array), **facts}
        files.write_json(info, values)
        return RunDirectory.create(tmp_path / name, config, array, info)

    return make
