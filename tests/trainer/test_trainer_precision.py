"""Reduced precision is a setting and is reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from small_runs import small_config, training_set

from trainer import tuning
from trainer.device import Machine, set_tf32
from trainer.distributed import Ranks
from trainer.game import Game
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


class Steps:
    """Stands for the steps of trials: what each takes, the plain format's and bf16's in turns; None: out of memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: list[float | None]) -> None:
        self.now, self.left, self.taken = 0.0, list(seconds), 0
        monkeypatch.setattr(tuning.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(tuning.time, "process_time", lambda: self.now * torch.get_num_threads())
        monkeypatch.setattr(Game, "discriminator_turn", lambda game, batch, weight: None)
        monkeypatch.setattr(Game, "generator_phase", lambda game, batch: self.step())
        monkeypatch.setattr(tuning, "bf16_may_pay", lambda device: True)

    def step(self) -> None:
        self.taken += 1
        if (one := self.left.pop(0)) is None:
            raise MemoryError
        self.now += one

    def choose(self) -> Machine:
        config = small_config("dcgan", "precision.kind=auto")
        return choose_machine(config, training_set(config), torch.device("cpu"), Ranks())


@pytest.mark.parametrize(("seconds", "tried"), [(7.0, False), (2.0, True)])
def test_trials_end_after_six_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float, tried: bool) -> None:
    steps = Steps(monkeypatch, [seconds, seconds, *[seconds, seconds / 2] * 4])
    assert steps.choose().bf16 is tried
    assert steps.taken == (4 if tried else 1)


@pytest.mark.parametrize(
    ("seconds", "taken", "chosen"),
    [
        ([9.0, 9.0, 5.0, 4.0], 10, True),  # 4.4 with what it costs: faster, but not clearly.
        ([9.0, 9.0, 5.0, 3.0], 4, True),
        ([9.0, 9.0, 5.0, 7.0], 4, False),
        ([9.0, 9.0, 5.0, 4.7], 10, False),  # 4.7 is not faster by a tenth.
        ([9.0, 9.0, 5.0, 4.0, 4.0, 9.0], 10, False),  # The best step of each counts.
        ([None, 9.0, 4.0], 3, True),  # Where one does not fit, there is nothing to win against.
        ([9.0, None, 4.0], 3, False),
        ([9.0, 9.0, None, 4.0], 4, True),
    ],
)
def test_number_formats_are_tried_in_turns_until_one_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float | None], taken: int, chosen: bool
) -> None:
    steps = Steps(monkeypatch, [*seconds, *seconds[2:4] * 3])
    monkeypatch.setattr(tuning, "BUDGET_S", 1e9)
    assert (steps.choose().bf16, steps.taken) == (chosen, taken)


def test_work_of_other_programs_does_not_end_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes while others compute is not counted, so that a run's number format does not depend on them."""
    steps = Steps(monkeypatch, [2.0, 2.0, 1.0, 0.5])
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: steps.now * 100)
    assert steps.choose().bf16
