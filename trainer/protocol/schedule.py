"""How far a run is, and its learning rates and penalty weight at that point."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainer.protocol.config import TrainConfig
from trainer.protocol.effects import has_limit
from trainer.protocol.settings import COOL_DOWN, FALLING, Extension, Stop


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
    """The limit that the schedules were made for: the run's own, unless it was changed later; it may be none."""
    extension = config.extension
    before = Stop(iterations=extension.iterations, minutes=extension.minutes, images=extension.images)
    return before if has_limit(before) or extension.start_factor > 0 else config.stop


def limit_reached(stop: Stop, done: Done) -> str:
    """The limit that is reached ("iterations", "minutes" or "images"), or ""."""
    if 0 < stop.iterations <= done.iteration:
        return "iterations"
    if 0 < stop.images <= done.images:
        return "images"
    return "minutes" if 0 < stop.minutes <= done.seconds / 60 else ""


def iterations_to_limit(config: TrainConfig, batch: int, seconds: float = 0.0) -> int | None:
    """Iterations from a run's start to its first limit, with `batch` pictures a step; None without a limit.

    `seconds`: of an iteration; with 0, a limit in minutes is left out.
    """
    stop = config.stop
    limits = [
        stop.iterations,
        max(1, round(stop.minutes * 60 / seconds)) if stop.minutes and seconds else 0,
        -(-stop.images // config.pictures_per_iteration(batch)),
    ]
    return min((limit for limit in limits if limit), default=None)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class Rates:
    """A factor for both learning rates, and Adam's beta2."""

    factor: float
    beta2: float


def share_fallen(config: TrainConfig, done: Done) -> float:
    """How far what changes over the run is from its start to its end, in [0, 1]; 0 without a limit.

    It changes over the whole run or, with the schedule "cool-down", over its last part alone, before which all stays as
    it was set (warm-up, stable, decay: Hu 2024; Hägele 2024). A cool-down that ends a run early takes it along.
    """
    share = share_done(planned_stop(config), done) or 0.0
    if config.schedule.kind == COOL_DOWN:
        # Rounded, so that it has not begun at its first moment by an error of 1e-16.
        share = min(1.0, max(0.0, round(1 - (1 - share) / config.schedule.cooldown, 12)))
    return max(share, share_cooled(config.extension, done))


def rates(config: TrainConfig, done: Done) -> Rates:
    """Learning rates and beta2 at this point of the run.

    Beyond the limit they were made for, they stay at their end, and a new cool-down changes the learning rates only.
    """
    schedule, beta2 = config.schedule, config.optimiser.beta2
    factor = 1.0
    if schedule.kind == "step":
        factor = schedule.step_factor ** (done.iteration // schedule.step_every)
    elif schedule.kind in FALLING:
        fallen = share_fallen(config, done)
        factor = _cosine(1.0, schedule.end_factor, fallen)
        beta2 = _cosine(beta2, schedule.beta2_end or beta2, fallen)
    if done.iteration < schedule.warmup:
        factor *= (done.iteration + 1) / schedule.warmup
    return Rates(_cooled(config.extension, done, factor), beta2)


def _cooled(extension: Extension, done: Done, factor: float) -> float:
    """The factor of the newest cool-down once that has started, else `factor`."""
    if not is_cooling(extension, done):
        return factor
    return _cosine(extension.start_factor, extension.end_factor, _share_of_cool_down(extension, done))


def is_cooling(extension: Extension, done: Done) -> bool:
    """Whether a cool-down was chosen later than the schedules were made, and has begun."""
    return extension.start_factor > 0 and done.iteration >= extension.from_iterations


def _share_of_cool_down(extension: Extension, done: Done) -> float:
    """The share of the newest cool-down, which has begun, that is done, in [0, 1]."""
    start = Done(extension.from_iterations, extension.from_images, 60 * extension.from_minutes)
    end = Stop(iterations=extension.to_iterations, minutes=extension.to_minutes, images=extension.to_images)
    return _share(start, end, done) or 0.0


def share_cooled(extension: Extension, done: Done) -> float:
    """How far cool-downs have brought what changes over the run, in [0, 1]: a new one goes on where the last one is."""
    if not is_cooling(extension, done):
        return 0.0
    return extension.start_share + (1 - extension.start_share) * _share_of_cool_down(extension, done)


def penalty_weight(config: TrainConfig, done: Done, step: int) -> float | None:
    """The penalty's weight at discriminator step `step` (0, 1, 2 ...), or None at steps without one.

    Lazy penalties are scaled to keep their mean effect (Karras 2020b, appendix B).
    """
    regulariser = config.regulariser
    if regulariser.kind == "none" or step % regulariser.every:
        return None
    weight = regulariser.weight
    if regulariser.weight_end >= 0:
        weight = _cosine(weight, regulariser.weight_end, share_fallen(config, done))
    return weight * regulariser.every if weight > 0 else None


def augmentation_probability(config: TrainConfig, done: Done, pictures: int) -> float | None:
    """The planned share of augmented pictures at this point of the run; None where the adaptive rule sets it.

    `pictures`: how many the run trains on.
    """
    augmentation = config.augmentation
    if augmentation.adaptive and not config.is_flow:  # A flow has no score to adapt to.
        return None
    if done.images < augmentation.after_views * pictures:
        return 0.0
    if augmentation.probability_end < 0:
        return augmentation.probability
    return _cosine(augmentation.probability, augmentation.probability_end, share_fallen(config, done))


def early_moments(every: int) -> set[int]:
    """Iterations before the first multiple of `every` after which samples are saved, too: much changes at first."""
    return {every // 8, every // 4, every // 2}
