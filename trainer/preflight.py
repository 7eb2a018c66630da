"""Estimates what a run will cost by running a few steps on random pictures."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from trainer.dataset import TrainingSet
from trainer.device import choose_device, memory_mb, set_threads
from trainer.distributed import Ranks
from trainer.generators import build_all
from trainer.memory import attempt, free_memory, out_of_memory
from trainer.networks import parameter_count
from trainer.post_hoc import WIDTHS
from trainer.protocol.config import TrainConfig
from trainer.protocol.schedule import early_moments, iterations_to_limit
from trainer.tuning import choose_machine, choose_networks, time_steps

PNG_SHARE = 0.45  # Sprites as PNG take about this share of their raw size.
MB = 1e6


def preflight(config: TrainConfig) -> dict[str, Any]:
    """Run one to three iterations and measure them.

    Returns {"device", "precision", "batch", "micro_batch" (that fits), "memory_mb" (peak), "seconds_per_step",
    "pictures_per_s", "steps" (None without a limit), "seconds" (None without a limit), "wider" (that the last stages
    are wider, and why, or ""), "disk_mb", "checkpoint_mb", "generator_parameters", "discriminator_parameters"}. Raises
    TrainerError (cause "oom") when not even one picture at a time fits.
    """
    set_threads(config.precision.threads)
    device = choose_device(config.device)
    data = _made_up(config, device)
    config, wider = choose_networks(config, data, device, Ranks())
    machine = choose_machine(config, data, device, Ranks())
    batch = config.batch.size or min(64, len(data.train))
    micro = config.batch.micro or batch
    while (seconds := attempt(lambda: time_steps(_with_micro(config, micro), data, machine, batch))) is None:  # noqa: B023
        free_memory(device)
        if machine.graphs:  # As in training: first without graphs, then with smaller micro-batches.
            machine = dataclasses.replace(machine, graphs=False)
        elif micro <= 1:
            raise out_of_memory(1)
        else:
            micro //= 2
    steps = iterations_to_limit(config, batch, seconds)
    return {
        "device": str(device),
        "precision": machine.precision,
        "batch": batch,
        "micro_batch": micro,
        "memory_mb": round(memory_mb(device), 1),
        "seconds_per_step": seconds,
        "pictures_per_s": config.pictures_per_iteration(batch) / seconds,
        "steps": steps,
        "seconds": None if steps is None else steps * seconds,
        "wider": wider,
        **_disk(config, steps),
    }


def _with_micro(config: TrainConfig, micro: int) -> TrainConfig:
    return dataclasses.replace(config, batch=dataclasses.replace(config.batch, micro=micro))


def _made_up(config: TrainConfig, device: torch.device) -> TrainingSet:
    """Random pictures of the right shape."""
    count, side, channels = max(2, min(config.batch.size or 64, 256)), config.data.size, config.data.channels
    pixels = torch.randint(0, 256, (count, side, side, channels), dtype=torch.uint8, device=device)
    names = tuple(config.data.condition)
    labels = torch.zeros(count, dtype=torch.long, device=device) if names else None
    return TrainingSet(
        pixels, torch.arange(count), torch.arange(0), None, labels, names, torch.ones(channels).to(device)
    )


def _disk(config: TrainConfig, steps: int | None) -> dict[str, Any]:
    """Size of checkpoints, grids and events in the run's folder."""
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        counts = {name: parameter_count(network) for name, network in build_all(config).items()}
    generator, discriminator = counts["generator"], counts.get("discriminator", 0)
    # Weights and Adam's two moments of both networks, and the averages of the generator.
    averages = config.ema.enabled + config.ema.post_hoc * len(WIDTHS)
    checkpoint = 4 * (3 * (generator + discriminator) + averages * generator) / MB
    total = steps or 0
    sampling = config.sampling
    milestones = total // sampling.milestones if sampling.milestones else 0
    kept = sampling.keep + milestones + 2  # The best one, and one being written.
    side = config.data.size
    # Two grids, and those from before their background was cleaned.
    grid = (4 if sampling.snap else 2) * sampling.count * side * side * config.data.channels * PNG_SHARE / MB
    moments = total // sampling.every + 1 + len(early_moments(sampling.every))
    events = total * 70 / MB
    return {
        "disk_mb": round(kept * checkpoint + moments * grid + events, 1),
        "checkpoint_mb": round(checkpoint, 1),
        "generator_parameters": generator,
        "discriminator_parameters": discriminator,
    }
