"""How far a run is, and its learning rates and penalty weight at that point."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainer.protocol.config import TrainConfig
from trainer.protocol.effects import has_limit
from trainer.protocol.settings import Extension, Stop


@dataclass(frozen=True)
class Done:
    """Progress of a run: generator steps, real pictures seen, seconds of training without pauses."""

    iteration: int = 0
    images: int = 0
    seconds: float = 0.0


def share_done(stop: Stop, done: Done) -> float | None:
    """The share of the run that is done, in [0, 1], by its nearest limit; None without a limit."""
    return _share(Done(), stop, done)


def _share(start: Done, stop: Stop, done: Done) -> float | None:
    """The share done, in [0, 1], of the way from `start` to the nearest limit of `stop`; None without a limit."""
    shares = [
        (now - first) / (limit - first) if limit > first else 1.0
        for first, now, limit in (
            (start.iteration, done.iteration, stop.iterations),
            (start.seconds / 60, done.seconds / 60, stop.minutes),
            (start.images, done.images, stop.images),
        )
        if limit > 0
    ]
    return min(1.0, max(0.0, *shares)) if shares else None


def planned_stop(config: TrainConfig) -> Stop:
    """The limit that the schedules were made for: the run's own, unless it was raised later."""
    extension = config.extension
    before = Stop(iterations=extension.iterations, minutes=extension.minutes, images=extension.images)
    return before if has_limit(before) else config.stop


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
    """Learning rates and beta2 at this point of the run.

    Beyond the limit they were made for, cosines stay at their end; a cool-down changes the learning rates only.
    """
    schedule, beta2 = config.schedule, config.optimiser.beta2
    factor = 1.0
    if schedule.kind == "step":
        factor = schedule.step_factor ** (done.iteration // schedule.step_every)
    elif schedule.kind == "cosine":
        share = share_done(planned_stop(config), done) or 0.0
        factor = _cosine(1.0, schedule.end_factor, share)
        beta2 = _cosine(beta2, schedule.beta2_end or beta2, share)
    if done.iteration < schedule.warmup:
        factor *= (done.iteration + 1) / schedule.warmup
    return Rates(_cooled(config.extension, done, factor), beta2)


def _cooled(extension: Extension, done: Done, factor: float) -> float:
    """The factor of the newest cool-down once that has started, else `factor`."""
    if extension.start_factor <= 0 or done.iteration < extension.from_iterations:
        return factor
    start = Done(extension.from_iterations, extension.from_images, 60 * extension.from_minutes)
    end = Stop(iterations=extension.to_iterations, minutes=extension.to_minutes, images=extension.to_images)
    return _cosine(extension.start_factor, extension.end_factor, _share(start, end, done) or 0.0)


def penalty_weight(config: TrainConfig, done: Done, step: int) -> float | None:
    """The penalty's weight at discriminator step `step` (0, 1, 2 ...), or None at steps without one.

    Lazy penalties are scaled to keep their mean effect (Karras 2020b, appendix B).
    """
    regulariser = config.regulariser
    if regulariser.kind == "none" or step % regulariser.every:
        return None
    weight = regulariser.weight
    if regulariser.weight_end >= 0:
        weight = _cosine(weight, regulariser.weight_end, share_done(planned_stop(config), done) or 0.0)
    return weight * regulariser.every if weight > 0 else None
