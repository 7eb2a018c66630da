"""Finding by trial what is fastest and what fits: precision, memory layout, batch."""

from __future__ import annotations

import dataclasses
import time

import torch

from trainer.config import TrainConfig
from trainer.dataset import TrainingSet
from trainer.device import Machine, available_memory, bf16_may_pay
from trainer.distributed import Ranks
from trainer.memory import attempt, free_memory, largest_batch
from trainer.objectives import needs_reals
from trainer.schedule import Done, penalty_weight

BUDGET_S = 6.0  # Seconds of trial at most; no more layouts are tried beyond it.
CPU_BATCH = 512  # A larger batch is never faster on a CPU.


def choose_machine(config: TrainConfig, data: TrainingSet, device: torch.device, ranks: Ranks) -> Machine:
    """Precision and layout as configured; "auto" runs two steps of each candidate and keeps the fastest.

    bfloat16 must win by a tenth, since it costs accuracy; with several ranks all take the first one's choice.
    """
    precision, layout = config.precision.kind, config.precision.channels_last
    bf16s = [precision == "bf16"] if precision != "auto" else [False, True] if bf16_may_pay(device) else [False]
    # On CPUs channels-last won every comparison (1.04 to 1.25 times): a fixed choice keeps runs repeatable.
    auto = [True] if device.type == "cpu" else [False, True]
    layouts = [layout == "on"] if layout != "auto" else auto
    graphs = device.type == "cuda" and config.precision.cuda_graphs != "off"
    candidates = [
        Machine(device, bf16, last, graphs, uses_winograd(config, device, bf16)) for bf16 in bf16s for last in layouts
    ]
    chosen = 0
    if len(candidates) > 1 and ranks.first:
        batch = min(config.batch.size or 32, 32 if device.type == "cpu" else 128)
        chosen = _fastest(config, data, candidates, batch)
    return candidates[ranks.agreed(chosen)]


def uses_winograd(config: TrainConfig, device: torch.device, bf16: bool) -> bool:
    """Whether 4x4 convolutions are computed by `trainer.winograd`: a rule, not a trial, so that runs repeat exactly."""
    return config.precision.winograd == "on" or (
        config.precision.winograd == "auto" and device.type == "cpu" and not bf16
    )


def _fastest(config: TrainConfig, data: TrainingSet, candidates: list[Machine], batch: int) -> int:
    times: list[float] = []
    started = time.perf_counter()
    for machine in candidates:
        if times and time.perf_counter() - started > BUDGET_S:
            break
        found = attempt(lambda machine=machine: time_steps(config, data, machine, batch))  # type: ignore[misc]
        times.append(found if found is not None else float("inf"))
        free_memory(machine.device)
    handicap = [seconds * (1.1 if machine.bf16 else 1.0) for seconds, machine in zip(times, candidates, strict=False)]
    return handicap.index(min(handicap))


def time_steps(config: TrainConfig, data: TrainingSet, machine: Machine, batch: int, steps: int = 2) -> float:
    """Seconds for one iteration at `batch`, the best of `steps` after one for warming up; nothing is kept."""
    from trainer.session import make_session

    trial = dataclasses.replace(config, augmentation=dataclasses.replace(config.augmentation, mirror=False))
    session = make_session(trial, data, machine, Ranks(), batch)
    best = float("inf")
    for number in range(steps + 1):
        started = time.perf_counter()
        weight = penalty_weight(trial, Done(), 0)
        session.game.discriminator_phase(session.drawer.draw("d", number, 0.0, with_reals=True), weight)
        reals = needs_reals(trial.objective.kind)
        session.game.generator_phase(session.drawer.draw("g", number, 0.0, with_reals=reals))
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
        if number:
            best = min(best, time.perf_counter() - started)
    return best


def choose_batch(config: TrainConfig, data: TrainingSet, machine: Machine, ranks: Ranks) -> int:
    """The largest power of two that fits, by one real step each (at most the number of pictures, and 512 on a CPU)."""
    device = machine.device
    most = max(4, min(4096 if device.type != "cpu" else CPU_BATCH, len(data.train)))

    def fits(size: int) -> bool:
        if device.type == "cpu" and _estimate(config, size) > available_memory() // 2:
            return False
        passed = attempt(lambda: time_steps(config, data, machine, size, steps=1)) is not None
        free_memory(device)
        return passed

    found = largest_batch(fits, high=most) if ranks.first else 0
    return ranks.agreed(found) * ranks.count


def _estimate(config: TrainConfig, batch: int) -> int:
    """A generous guess of the bytes one step needs, since a CPU's memory gives no error but the system's killer."""
    channels = max(config.architecture.discriminator_channels[0], config.architecture.generator_channels[-1])
    return batch * config.data.size**2 * channels * 4 * 60
