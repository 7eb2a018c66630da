"""Chooses the width of the networks, precision, memory layout and batch size by trying them."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch

from trainer.dataset import TrainingSet
from trainer.device import Machine, available_memory, bf16_may_pay, set_tf32, synchronize
from trainer.distributed import Ranks, ranks_here
from trainer.flow import FlowGame
from trainer.memory import attempt, free_memory, largest_batch
from trainer.objectives import needs_reals
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.schedule import Done, iterations_to_limit, penalty_weight
from trainer.protocol.shapes import stages
from trainer.protocol.widening import is_open, settled
from trainer.session import Session, make_session

BUDGET_S = 6.0  # Seconds after which no more is tried.
MOST_ROUNDS = 4
CLEARLY = 1.2  # By what factor one must be faster for a look at one step to be enough.
BF16_HANDICAP = 1.1  # It costs accuracy, so it must be faster by a tenth.
WIDTH_STEPS = 5  # Of every kind, of which the fastest counts: half a second on a fast core.
WIDTH_BUDGET_S = 2.0
CPU_BATCH = 512  # A larger batch is never faster on a CPU.


def choose_networks(
    config: TrainConfig, data: TrainingSet, device: torch.device, ranks: Ranks
) -> tuple[TrainConfig, str]:
    """The configuration with wider last stages if its limits leave time for `wide_from` iterations of them.

    A limit in minutes is divided by what such an iteration takes here: in float32, unless another format is set, since
    what is tried later can only be faster; of several ranks on the first alone, without what they exchange. Networks
    that do not fit in memory where they are tried stay narrow. Returns also what to say of wider ones, else "".
    """
    if not is_open(config):
        return config, ""
    wide, stop = settled(config, None), config.stop
    machine = _untried(wide, device)
    batch = config.batch.size or 1
    if not config.batch.size and (stop.minutes or stop.images):
        try:
            batch = choose_batch(wide, data, machine, ranks)
        except TrainerError as error:
            if error.cause != "oom":
                raise
            return settled(config, 0), ""
    iterations = iterations_to_limit(wide, batch)
    if stop.minutes and (iterations is None or iterations >= config.architecture.wide_from):
        seconds = 0.0
        if ranks.first:
            share = batch // ranks.count
            timing = partial(time_steps, wide, data, machine, share, WIDTH_STEPS, WIDTH_BUDGET_S)
            seconds = attempt(timing) or math.inf
            free_memory(device)
        iterations = ranks.agreed(iterations_to_limit(wide, batch, seconds) or 0)
    found = settled(config, iterations)
    return found, _said(config, found, iterations) if found == wide else ""


def _said(narrow: TrainConfig, wide: TrainConfig, iterations: int | None) -> str:
    """That the last stages are wider, and why; "" where pictures are so small that those stages are left out."""
    before, after = (stages(one.architecture, one.data.size).generator for one in (narrow, wide))
    channels = " and ".join(str(own) for own, other in zip(after, before, strict=True) if own != other)
    if not channels:
        return ""
    why = "there is no limit"
    if iterations is not None:
        # A measured number has two digits that mean something.
        why = f"there is time for about {int(float(f'{iterations:.2g}')):,} iterations"
        if not wide.stop.minutes:
            why = f"there is time for {iterations:,} iterations"
    return f"{why}, so the last stages are wider ({channels} channels), which draws cleaner insides"


def _untried(config: TrainConfig, device: torch.device) -> Machine:
    """Precision and layout without trying any: float32 unless bfloat16 is set."""
    precision = config.precision
    last = precision.channels_last == "on" or (precision.channels_last == "auto" and device.type == "cpu")
    tf32 = set_tf32(precision.tf32, device)
    return Machine(
        device, precision.kind == "bf16", last, uses_graphs(config, device), uses_winograd(config, device), tf32
    )


def choose_machine(config: TrainConfig, data: TrainingSet, device: torch.device, ranks: Ranks) -> Machine:
    """Precision and layout as configured; "auto" tries each candidate and keeps the fastest.

    bfloat16 must be faster by a tenth, since it costs accuracy. The first rank chooses for all.
    """
    precision, layout = config.precision.kind, config.precision.channels_last
    tf32 = set_tf32(config.precision.tf32, device)
    may_pay = precision == "auto" and bool(ranks.smallest(int(bf16_may_pay(device))))
    bf16s = [precision == "bf16"] if precision != "auto" else [False, True] if may_pay else [False]
    # On CPUs channels-last won every comparison (1.04 to 1.25 times): a fixed choice keeps runs repeatable.
    auto = [True] if device.type == "cpu" else [False, True]
    layouts = [layout == "on"] if layout != "auto" else auto
    candidates = [
        Machine(device, bf16, last, uses_graphs(config, device), uses_winograd(config, device), tf32)
        for bf16 in bf16s
        for last in layouts
    ]
    chosen = 0
    if len(candidates) > 1 and ranks.first:
        batch = min(config.batch.size or 32, 32 if device.type == "cpu" else 128)
        chosen = _fastest(config, data, candidates, batch)
        free_memory(device)
    return candidates[ranks.agreed(chosen)]


def kept_machine(config: TrainConfig, values: Mapping[str, Any], device: torch.device) -> Machine:
    """Precision and layout of a checkpoint's `values`; other settings as suits `device`."""
    bf16, winograd = bool(values["bf16"]), bool(values.get("winograd", False))
    if values.get("device", "cpu") != device.type:
        winograd = uses_winograd(config, device)
    tf32 = set_tf32(config.precision.tf32, device)
    return Machine(device, bf16, bool(values["channels_last"]), uses_graphs(config, device), winograd, tf32)


def uses_graphs(config: TrainConfig, device: torch.device) -> bool:
    """Whether steps are replayed as CUDA graphs."""
    return device.type == "cuda" and config.precision.cuda_graphs != "off"


def uses_winograd(config: TrainConfig, device: torch.device) -> bool:
    """Whether `trainer.winograd` and `trainer.columns` compute 4x4 convolutions: not by trial, to be reproducible."""
    return config.precision.winograd == "on" or (config.precision.winograd == "auto" and device.type == "cpu")


def _fastest(config: TrainConfig, data: TrainingSet, candidates: list[Machine], batch: int) -> int:
    """The index of the fastest.

    On a CPU they take their steps in turns, so that whatever else the machine does slows all alike, and end as soon as
    one is clearly faster. On others one after the other: all together might not fit in memory.
    """
    device = candidates[0].device
    began = _clock(device)
    if device.type != "cpu":
        times: list[float] = []
        for machine in candidates:
            if times and _clock(device) - began > BUDGET_S:
                break
            found = attempt(partial(time_steps, config, data, machine, batch))
            times.append(_weighed(machine, found))
            free_memory(device)
        return times.index(min(times))
    trials: list[_Trial | None] = []
    for machine in candidates:
        if any(trials) and _clock(device) - began > BUDGET_S:
            break
        trials.append(attempt(partial(_started, config, data, machine, batch)))
    best = 0
    for _ in range(MOST_ROUNDS if len(trials) > 1 else 0):
        for place, trial in enumerate(trials):
            if trial is not None and attempt(trial.step) is None:
                trials[place] = None
        weighed = [
            _weighed(machine, None if trial is None else trial.seconds())
            for machine, trial in zip(candidates, trials, strict=False)
        ]
        least, next_least = sorted(weighed)[:2]
        best = weighed.index(least)
        if least * CLEARLY < next_least or _clock(device) - began > BUDGET_S:
            break
    return best


def _weighed(machine: Machine, seconds: float | None) -> float:
    """The seconds by which candidates are compared; infinite where memory ran out."""
    return math.inf if seconds is None else seconds * (BF16_HANDICAP if machine.bf16 else 1.0)


def _clock(device: torch.device) -> float:
    """Seconds of this process: on a CPU those it could compute in, which do not pass while other programs do."""
    return time.process_time() / torch.get_num_threads() if device.type == "cpu" else time.perf_counter()


def time_steps(
    config: TrainConfig, data: TrainingSet, machine: Machine, batch: int, steps: int = 2, budget_s: float = math.inf
) -> float:
    """Seconds for one iteration at `batch`, the best of `steps` after a warm-up, or of fewer once the budget is spent.

    Discriminator steps with and without penalty are timed separately and weighted by how often they occur. Runs on this
    rank alone.
    """
    began = time.perf_counter()
    trial = _started(config, data, machine, batch)
    for _ in range(steps):
        trial.step()
        if time.perf_counter() - began > budget_s:
            break
    return trial.seconds()


class _Trial:
    """Steps of every kind that training will take, and what they took."""

    def __init__(self, config: TrainConfig, data: TrainingSet, machine: Machine, batch: int) -> None:
        plain = dataclasses.replace(config, augmentation=dataclasses.replace(config.augmentation, mirror=False))
        self._device = machine.device
        self._parts = _parts(plain, make_session(plain, data, machine, Ranks(), batch))
        self._rounds: list[list[float]] = []

    def step(self) -> bool:
        """Take each kind of step once more."""
        number = len(self._rounds)
        self._rounds.append([_timed(part.take, number, self._device) for part in self._parts])
        return True

    def seconds(self) -> float:
        """Of an iteration, by the best of all steps but the first, which warm up."""
        kinds = zip(self._parts, *self._rounds[1:], strict=True)
        return sum(part.times * min(seconds) for part, *seconds in kinds)


def _started(config: TrainConfig, data: TrainingSet, machine: Machine, batch: int) -> _Trial:
    """A trial that has warmed up."""
    trial = _Trial(config, data, machine, batch)
    trial.step()
    return trial


class _Part(NamedTuple):
    """A kind of step: how often an iteration has it, on average, and what takes the one of a number."""

    times: float
    take: Callable[[int], object]


def _parts(config: TrainConfig, session: Session) -> list[_Part]:
    """The kinds of steps of an iteration, in their order."""
    game, draw = session.game, session.batches.draw
    if isinstance(game, FlowGame):
        return [_Part(1.0, lambda number: game.step(draw("flow", number, 0.0, with_reals=True)))]
    reals = needs_reals(config.objective.kind)
    weights = [penalty_weight(config, Done(), step) for step in range(config.regulariser.every)]

    def turn(weight: float | None, number: int) -> object:
        return game.discriminator_turn(draw("d", number, 0.0, with_reals=True), weight)

    turns = config.objective.critic_steps / len(weights)
    found = [_Part(turns * weights.count(weight), partial(turn, weight)) for weight in dict.fromkeys(weights)]
    return [*found, _Part(1.0, lambda number: game.generator_phase(draw("g", number, 0.0, with_reals=reals)))]


def _timed(take: Callable[[int], object], number: int, device: torch.device) -> float:
    """The seconds of one step."""
    started = time.perf_counter()
    take(number)
    synchronize(device)
    return time.perf_counter() - started


def choose_batch(config: TrainConfig, data: TrainingSet, machine: Machine, ranks: Ranks) -> int:
    """The largest power of two that fits on every rank, times the number of ranks.

    Tried with one step each; at most the number of pictures, and 512 on a CPU. Raises TrainerError (cause "oom").
    """
    device = machine.device
    most = max(4, min(4096 if device.type != "cpu" else CPU_BATCH, len(data.train) // ranks.count))

    def fits(size: int) -> bool:
        if device.type == "cpu" and _estimate(config, size) > available_memory() // (2 * ranks_here()):
            return False
        passed = attempt(lambda: time_steps(config, data, machine, size, steps=1)) is not None
        free_memory(device)
        return passed

    found = ranks.smallest(largest_batch(fits, high=most))
    if not found:
        raise TrainerError("not even a batch of 4 fits in memory; use smaller pictures or networks", "oom")
    return found * ranks.count


def _estimate(config: TrainConfig, batch: int) -> int:
    """A generous estimate of the bytes one step needs: running out of main memory may kill the process."""
    channels = max(config.architecture.discriminator_channels[0], config.architecture.generator_channels[-1])
    return batch * config.data.size**2 * channels * 4 * 60
