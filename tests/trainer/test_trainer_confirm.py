"""The end point of experiments: the best of a run's own checkpoints, measured on other latents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_runs import shapes, small_config

import trainer.confirm
from trainer.confirm import confirm
from trainer.protocol import files
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

Make = Callable[..., RunDirectory]
SPLIT = (["train"] * 3 + ["held-out"]) * 12


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at each checkpoint takes seconds otherwise."""
    monkeypatch.setattr(trainer.confirm, "CHOOSING", 32)


def _trained(make_run: Make, *more: str) -> RunDirectory:
    config = small_config(
        "dcgan", "stop.iterations=7", "sampling.checkpoint_every=2", "sampling.milestones=2", "sampling.keep=1",
        "sampling.every=3", *more,
    )  # fmt: skip
    run = make_run("run", config, 48, split=SPLIT)
    train_run(run)
    return run


def test_it_looks_at_milestones_and_the_last_and_confirms_the_lowest(make_run: Make) -> None:
    run = _trained(make_run)
    told = confirm(run, samples=64, seed=3)
    assert [look["iteration"] for look in told["looks"]] == [2, 4, 6, 7]
    lowest = min(told["looks"], key=lambda look: look["kid"])
    assert told["iteration"] == lowest["iteration"]
    # Measured again on other latents, not the value it was chosen by.
    assert told["kid"] != lowest["kid"]
    assert told["held_out"] == 12
    assert told["samples"] == 64
    assert confirm(run, samples=64, seed=3) == told
    assert confirm(run, samples=64, seed=4)["kid"] != told["kid"]
    json.dumps(told)


def test_another_data_set_changes_the_distance_and_not_the_verdict(make_run: Make, tmp_path: Path) -> None:
    run = _trained(make_run)
    own = confirm(run, samples=64)
    other = tmp_path / "other.npy"
    np.save(other, 255 - shapes(48, 3, seed=9))
    files.write_json(tmp_path / "other.json", {"split": SPLIT})
    told = confirm(run, against=other, samples=64)
    assert told["kid"] != own["kid"]
    assert told["copying"] == own["copying"] or told["iteration"] != own["iteration"]


def test_what_cannot_be_confirmed(make_run: Make) -> None:
    config = small_config("dcgan", "stop.iterations=2")
    fresh = make_run("fresh", config, 48, split=SPLIT)
    with pytest.raises(TrainerError, match="no checkpoint"):
        confirm(fresh, samples=64)
    few = make_run("few", config, 48, split=["train"] * 44 + ["held-out"] * 4)
    with pytest.raises(TrainerError, match="4 sprites are held out"):
        confirm(few, samples=64)
    with pytest.raises(TrainerError, match="too few"):
        confirm(fresh, samples=4)
