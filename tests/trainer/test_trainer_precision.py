"""Reduced precision is a setting and is reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from small_runs import small_config, training_set

from trainer import tuning
from trainer.dataset import TrainingSet
from trainer.device import Machine, set_tf32
from trainer.distributed import Ranks
from trainer.game import Game
from trainer.protocol.config import TrainConfig
from trainer.protocol.settings import Precision
from trainer.tuning import choose_machine

CUDA = torch.device("cuda")


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """Restore these process-wide switches."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.mark.parametrize(
    ("wanted", "convolutions", "products"), [("off", False, False), ("convolutions", True, False), ("all", True, True)]
)
def test_tf32_is_used_where_it_was_asked_for(
    wanted: str, convolutions: bool, products: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    assert set_tf32(wanted, CUDA) == wanted
    assert torch.backends.cudnn.allow_tf32 is convolutions
    assert torch.backends.cuda.matmul.allow_tf32 is products


def test_unasked_it_is_as_torch_has_it() -> None:
    """TF32 for convolutions only, so that numbers on a GPU do not change."""
    assert Precision().tf32 == "convolutions"
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (True, False)


def test_it_is_said_where_it_is_used_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    plain = ["precision.kind=fp32", "precision.channels_last=off", "device=cuda", "precision.cuda_graphs=off"]
    told = {}
    for wanted in ("off", "convolutions", "all"):
        config = small_config("dcgan", *plain, f"precision.tf32={wanted}")
        told[wanted] = choose_machine(config, training_set(config), CUDA, Ranks()).precision
    assert told["off"] == "fp32"
    assert "TF32" in told["convolutions"]
    assert "TF32" in told["all"]
    assert len(set(told.values())) == 3
    config = small_config("dcgan")
    assert choose_machine(config, training_set(config), torch.device("cpu"), Ranks()).precision == "fp32"
    assert Machine(CUDA, bf16=True, tf32="all").precision == "bf16"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert set_tf32("all", CUDA) == "off"  # Older GPUs do not know it.


@pytest.mark.parametrize(("seconds", "tried"), [(7.0, 1), (2.0, 2)])
def test_trials_end_after_six_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float, tried: int) -> None:
    now, asked = [0.0], []

    def time_steps(
        config: TrainConfig, data: TrainingSet, machine: Machine, batch: int, *, enough: float = 0.0
    ) -> float:
        asked.append(machine.bf16)
        now[0] += seconds
        return 1.0 - 0.5 * machine.bf16

    monkeypatch.setattr(tuning.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(tuning, "time_steps", time_steps)
    monkeypatch.setattr(tuning, "bf16_may_pay", lambda device: True)
    config = small_config("dcgan", "precision.kind=auto")
    machine = choose_machine(config, training_set(config), torch.device("cpu"), Ranks())
    assert asked == [False, True][:tried]
    assert machine.bf16 is (tried == 2)


@pytest.mark.parametrize(
    ("seconds", "taken", "chosen"),
    [
        ([9.0, 5.0, 5.5, 4.5, 1.0, 1.0], 4, True),  # Won by the warm-up.
        ([9.0, 5.0, 5.5, 9.0, 4.5, 1.0], 5, True),
        ([9.0, 5.0, 5.5, 9.0, 4.8, 4.4], 6, True),  # 4.8 is not faster by a tenth.
        ([9.0, 5.0, 5.5, 9.0, 4.8, 4.7], 6, False),
        ([3.0, 5.0, 5.5, 4.5, 1.0, 1.0], 4, True),  # Its own warm-up does not count for the first.
        ([None, 4.5, 1.0, 1.0], 4, True),  # Where the first does not fit, there is nothing to win against.
    ],
)
def test_bf16_is_tried_until_it_has_won(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float | None], taken: int, chosen: bool
) -> None:
    now, left = [0.0], list(seconds)

    def step(game: Game, batch: object) -> None:
        if (one := left.pop(0)) is None:
            raise MemoryError
        now[0] += one

    monkeypatch.setattr(tuning.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(tuning, "BUDGET_S", 1e9)
    monkeypatch.setattr(Game, "discriminator_turn", lambda self, batch, weight: None)
    monkeypatch.setattr(Game, "generator_phase", step)
    monkeypatch.setattr(tuning, "bf16_may_pay", lambda device: True)
    config = small_config("dcgan", "precision.kind=auto")
    machine = choose_machine(config, training_set(config), torch.device("cpu"), Ranks())
    assert (machine.bf16, len(seconds) - len(left)) == (chosen, taken)
