"""Another device than the CPU, simulated: everything that a step uses is on it, and nothing waits for it.

torch's FakeTensors know shapes, types and devices and compute nothing. Where torch itself is built with CUDA, its
autograd refuses their backward pass on "cuda", so that whole phases run on a device of another name there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from emulated_cuda import Recording
from small_runs import ADVERSARIAL, small_config, training_set
from test_trainer_graphs import FAMILIES, OBJECTIVES, REGULARISERS, combined
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from trainer import winograd
from trainer.batches import StepBatch
from trainer.dataset import TrainingSet
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.graphs import tensors_of, with_tensors
from trainer.objectives import needs_reals
from trainer.protocol.config import TrainConfig
from trainer.session import Session, make_session
from trainer.tuning import kept_machine, uses_winograd

CPU = torch.device("cpu")
WIDE = ["generator_channels=40,36,32,32", "discriminator_channels=32,32,36,40"]


def can_go_back(kind: str) -> bool:
    """Whether torch can differentiate FakeTensors on this device."""
    with FakeTensorMode():
        try:
            x = torch.ones(2, device=kind, requires_grad=True)
            (x * x).sum().backward()
        except (RuntimeError, AssertionError, NotImplementedError):
            return False
    return True


@pytest.fixture(scope="module")
def elsewhere() -> torch.device:
    """A device that exists in name only."""
    found = [kind for kind in ("cuda", "lazy") if can_go_back(kind)]
    if not found:
        pytest.skip("this torch derives FakeTensors on no other device than the CPU")
    return torch.device(found[0])


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """FakeTensors with two of their gaps filled: moving modules, and autocast for the device's name."""

    def to(self: nn.Module, device: torch.device, memory_format: Any = torch.preserve_format) -> nn.Module:
        for module in self.modules():
            for store in (module._parameters, module._buffers):
                for name, value in store.items():
                    if value is not None:
                        moved = value.detach().to(device)
                        if moved.ndim == 4:
                            moved = moved.contiguous(memory_format=memory_format)
                        store[name] = nn.Parameter(moved) if isinstance(value, nn.Parameter) else moved
        return self

    real = torch.autocast

    def autocast(kind: str, **options: Any) -> Any:
        return contextlib.nullcontext() if kind == "lazy" else real(kind, **options)

    monkeypatch.setattr(nn.Module, "to", to)
    monkeypatch.setattr(torch, "autocast", autocast)
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


class Elsewhere(Recording):
    """Checks that every tensor is on the device; only winograd's constants are copied, once, before a recording."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device.type

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket is torch.ops.aten._to_copy and not isinstance(args[0], FakeTensor):
            return func(*args, **(kwargs or {}))
        return super().__torch_dispatch__(func, types, args, kwargs)


def moved(config: TrainConfig, machine: Machine) -> tuple[Session, StepBatch, StepBatch]:
    """A session on the device, and batches for both phases."""
    reals = needs_reals(config.objective.kind)
    data = training_set(config)
    data = TrainingSet(torch.zeros_like(data.pixels), data.train, data.held_out, None, None, (), data.fill)
    here = make_session(config, data, Machine(CPU), Ranks(), 8)
    draws = [here.batches.draw("d", 0, 1.0, True), here.batches.draw("g", 0, 1.0, reals)]
    there = dataclasses.replace(data, train=data.train.to(machine.device), fill=data.fill.to(machine.device))
    session = make_session(config, there, machine, Ranks(), 8)
    of_d, of_g = (with_tensors(draw, [t.to(machine.device) for t in tensors_of(draw)]) for draw in draws)
    return session, of_d, of_g


def assert_it_trains(config: TrainConfig, machine: Machine) -> None:
    session, of_d, of_g = moved(config, machine)
    game = session.game
    weights = [None] if config.regulariser.kind == "none" else [torch.ones((), device=machine.device), None]
    for weight in weights:
        with Elsewhere(machine.device):
            values = game.discriminator_gradients(dataclasses.replace(of_d, weight=weight))
            loss = game.generator_gradients(of_g)
        assert values.device.type == loss.device.type == machine.device.type
    for parameter in (*game.parameters_g, *game.parameters_d):
        assert parameter.grad is None or parameter.grad.device.type == machine.device.type


# The large gandam networks are narrowed to the same ones.
@pytest.mark.parametrize("preset", FAMILIES)
def test_presets_train_on_another_device(preset: str, elsewhere: torch.device) -> None:
    config = small_config(preset, "dropout=0", "ema.enabled=no")  # Its copy: torch warns of copying FakeTensors.
    assert_it_trains(config, Machine(elsewhere, channels_last=True))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ADVERSARIAL)
def test_every_objective_and_regulariser_trains_on_another_device(preset: str, elsewhere: torch.device) -> None:
    for objective, regulariser in itertools.product(OBJECTIVES, REGULARISERS):
        assert_it_trains(combined(preset, objective, regulariser), Machine(elsewhere))


@pytest.mark.parametrize("preset", ["dcgan", "hinge-sn"])
def test_fewer_multiplications_on_another_device(preset: str, elsewhere: torch.device) -> None:
    """precision.winograd=on: its constants move to the device of the pictures."""
    config = small_config(preset, *WIDE, "precision.winograd=on")
    assert uses_winograd(config, elsewhere)
    assert_it_trains(config, Machine(elsewhere, winograd=True))


def test_constants_are_fetched_once(fakes: None) -> None:
    with torch._C._DisableTorchDispatch():
        there = torch.empty(1, device="meta")
        placed = winograd.placed(winograd.B, there)
        assert placed.device.type == "meta"
        assert winograd.placed(winograd.B, there) is placed
    winograd.PLACED.clear()


@pytest.mark.parametrize("preset", FAMILIES)
def test_types_under_autocast_on_cuda(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward only, which every torch supports: pictures and scores are float32 regardless of the types in between."""
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *args, **options: True)
    config = small_config(preset, "dropout=0", "ema.enabled=no")
    session, of_d, _ = moved(config, Machine(torch.device("cuda"), bf16=True, channels_last=True))
    game = session.game
    seen = set()
    for module in (*game.generator.modules(), *game.discriminator.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    with torch.no_grad(), game.machine.autocast():
        fake = game.generator(of_d.z, of_d.labels)
        scores = game.discriminator(fake, of_d.labels)
    assert (fake.dtype, fake.device.type) == (torch.float32, "cuda")
    assert (scores.dtype, scores.device.type) == (torch.float32, "cuda")
    assert torch.bfloat16 in seen


@pytest.mark.parametrize("older", [False, True])
def test_a_run_from_the_cpu_goes_on_on_cuda_and_back(older: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Precision and layout are kept; settings that only affect speed are chosen for the device."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    config, cuda = small_config("dcgan", *WIDE, "precision.channels_last=auto"), torch.device("cuda")
    values = {"bf16": False, "channels_last": True, "winograd": True, "device": "cpu"}
    if older:  # Of the version before, which did not say where.
        del values["device"]
    assert kept_machine(config, values, CPU).winograd
    there = kept_machine(config, values, cuda)
    assert (there.channels_last, there.bf16, there.winograd, there.graphs) == (True, False, False, True)
    back = kept_machine(config, {**values, "winograd": False, "device": "cuda"}, CPU)
    assert back.winograd
    # A run begun before there was winograd keeps its arithmetic.
    first = {"bf16": False, "channels_last": True}
    assert not kept_machine(config, first, CPU).winograd
