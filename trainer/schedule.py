"""How far a run is, and its learning rates and penalty weight at that point."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainer.protocol.config import TrainConfig
from trainer.protocol.settings import Stop


@dataclass(frozen=True)
class Done:
    """Progress of a run: generator steps, real pictures seen, seconds of training without pauses."""

    iteration: int = 0
    images: int = 0
    seconds: float = 0.0


def share_done(stop: Stop, done: Done) -> float | None:
    """The share of the run that is done, in [0, 1], by its nearest limit; None without a limit."""
    shares = [
        now / limit
        for now, limit in (
            (done.iteration, stop.iterations),
            (done.seconds / 60, stop.minutes),
            (done.images, stop.images),
        )
        if limit > 0
    ]
    return min(1.0, max(shares)) if shares else None


def limit_reached(stop: Stop, done: Done) -> str:
    """The limit that is reached ("iterations", "minutes" or "images"), or ""."""
    if 0 < stop.iterations <= done.iteration:
        return "iterations"
    if 0 < stop.images <= done.images:
        return "images"
    return "minutes" if 0 < stop.minutes <= done.seconds / 60 else ""


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class Rates:
    """A factor for both learning rates, and Adam's beta2."""

    factor: float
    beta2: float


def rates(config: TrainConfig, done: Done) -> Rates:
    """Learning rates and beta2 at this point of the run."""
    schedule, beta2 = config.schedule, config.optimiser.beta2
    if schedule.kind == "step":
        return Rates(schedule.step_factor ** (done.iteration // schedule.step_every), beta2)
    if schedule.kind == "cosine":
        share = share_done(config.stop, done) or 0.0
        end = schedule.beta2_end or beta2
        return Rates(_cosine(1.0, schedule.end_factor, share), _cosine(beta2, end, share))
    return Rates(1.0, beta2)


def penalty_weight(config: TrainConfig, done: Done, step: int) -> float | None:
    """The penalty's weight at discriminator step `step` (0, 1, 2 ...), or None at steps without one.

    Lazy penalties are scaled to keep their mean effect (Karras 2020b, appendix B).
    """
    regulariser = config.regulariser
    if regulariser.kind == "none" or step % regulariser.every:
        return None
    weight = regulariser.weight
    if regulariser.weight_end >= 0:
        weight = _cosine(weight, regulariser.weight_end, share_done(config.stop, done) or 0.0)
    return weight * regulariser.every if weight > 0 else None
