"""Trains a run beyond its limit, or ends it early: what its schedules do then, as a change of its configuration.

Rates never go up again by themselves: schedules keep the limit they were made for and stay at their end, unless a new
cool-down is chosen. To end a run early is to let it cool down from where it is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from trainer.protocol.config import TrainConfig
from trainer.protocol.effects import has_limit
from trainer.protocol.errors import TrainerError
from trainer.protocol.remedies import Remedy
from trainer.protocol.schedule import (
    Done,
    is_cooling,
    limit_reached,
    planned_stop,
    rates,
    share_cooled,
    share_done,
    share_fallen,
)
from trainer.protocol.settings import COOL_DOWN, FALLING, Extension, Stop

AUTO, CONSTANT, COOLDOWN = TAILS = ("auto", "constant", "cool-down")
"""What the learning rates do after the limit: stay at their end, or go up once and fall again; before it, only fall."""
TOO_LOW = 0.1
"""Below this share of the learning rates set, a cosine's end teaches little more: "auto" chooses a new cool-down."""
COOLDOWN_START = 0.5
"""A cool-down starts at this share of the learning rates set, or where they are, if that is higher."""


@dataclass(frozen=True)
class More:
    """How much longer to train, from where the run is: iterations or minutes, and one of `TAILS`."""

    iterations: int = 0
    minutes: float = 0.0
    tail: str = AUTO

    def stop(self, done: Done) -> Stop:
        """The limit this gives a run that is at `done`."""
        iterations = done.iteration + self.iterations if self.iterations else 0
        minutes = round(done.seconds / 60 + self.minutes, 3) if self.minutes else 0.0
        return Stop(iterations=iterations, minutes=minutes)


@dataclass(frozen=True)
class Extended:
    """A run's configuration with a higher limit.

    Attributes:
        tail: "constant" or "cool-down". statement: what the learning rates do, a clause in plain English.
        factor_before, factor, factor_end: the learning rates as shares of those set: now, at the first iteration after
            the change, and at the new limit.
    """

    config: TrainConfig
    tail: str
    statement: str
    factor_before: float
    factor: float
    factor_end: float


def extend(config: TrainConfig, done: Done, more: More) -> Extended:
    """Let a run that is at `done` train on beyond its limit or, by a cool-down, end it early.

    Raises TrainerError for another tail before the limit is reached.
    """
    if not limit_reached(config.stop, done) and more.tail != COOLDOWN:
        raise TrainerError(
            "it has not reached its limit yet; resume it first, or end it early by a cool-down", remedy=Remedy.COOL_DOWN
        )
    return with_limit(config, more.stop(done), done, more.tail)


def with_limit(config: TrainConfig, stop: Stop, done: Done, tail: str = AUTO) -> Extended:
    """Give a run that is at `done` another limit.

    Schedules are made anew only where that does not raise the rates: for an earlier limit, before the first step, or
    before a planned cool-down. A run that would be in the midst of its planned cool-down by the new limit cools down
    from where it is.
    """
    before = rates(config, done).factor
    planned = planned_stop(config)
    if tail != COOLDOWN and _can_be_made_anew(config, stop, done):
        changed = dataclasses.replace(config, stop=stop, extension=Extension())
        return _extended(changed, CONSTANT, "the schedules end at the new limit", before, done)
    ends_early = not limit_reached(config.stop, done)
    if not ends_early and (share_done(planned, done) or 0.0) < 1:
        planned = config.stop  # It was ended early: what changes over the run has reached its end here.
    extension = dataclasses.replace(
        config.extension, iterations=planned.iterations, minutes=planned.minutes, images=planned.images
    )
    if tail == AUTO:
        cools = _is_cut_short(config, stop, done) if ends_early else _has_ended_low(config, done)
        tail = COOLDOWN if cools else CONSTANT
    if tail == COOLDOWN:
        start, end = max(COOLDOWN_START, before), TOO_LOW
        if ends_early:  # As the schedule would have ended, and from where it is.
            start, end = before, config.schedule.end_factor if config.schedule.kind in FALLING else TOO_LOW
        extension = dataclasses.replace(
            extension, start_factor=start, end_factor=min(end, before),
            start_share=share_cooled(config.extension, done),
            from_iterations=done.iteration, from_minutes=done.seconds / 60, from_images=done.images,
            to_iterations=stop.iterations, to_minutes=stop.minutes, to_images=stop.images,
        )  # fmt: skip
    changed = dataclasses.replace(config, stop=stop, extension=extension)
    return _extended(changed, tail, _statement(changed, tail, done, before), before, done)


def _can_be_made_anew(config: TrainConfig, stop: Stop, done: Done) -> bool:
    """Whether schedules made for `stop` would be as far on as they are, or farther, and no cool-down in its midst."""
    old, new = share_done(planned_stop(config), done), share_done(stop, done)
    if is_cooling(config.extension, done):
        return False
    if old is None or not done.iteration:
        return True
    if config.schedule.kind == COOL_DOWN:
        return not share_fallen(config, done) and not _is_cut_short(config, stop, done)
    return new is not None and new >= old


def _is_cut_short(config: TrainConfig, stop: Stop, done: Done) -> bool:
    """Whether a planned cool-down would be in its midst at `done` if it were made for `stop`."""
    changed = dataclasses.replace(config, stop=stop, extension=Extension())
    return config.schedule.kind == COOL_DOWN and share_fallen(changed, done) > share_fallen(config, done)


def _has_ended_low(config: TrainConfig, done: Done) -> bool:
    """Whether a schedule that was made for a limit has come to an end at which little is learned."""
    ends = config.schedule.kind in FALLING or config.extension.start_factor > 0
    return ends and limit_reached(config.stop, done) != "" and rates(config, done).factor < TOO_LOW


def _extended(config: TrainConfig, tail: str, statement: str, before: float, done: Done) -> Extended:
    return Extended(config, tail, statement, before, rates(config, done).factor, _at_the_end(config, done))


def _at_the_end(config: TrainConfig, done: Done) -> float:
    """The factor at the run's limit; with a limit of time or pictures, steps until then are not known."""
    stop = config.stop
    if not has_limit(stop):
        return rates(config, done).factor
    end = Done(stop.iterations or done.iteration, stop.images or done.images, 60 * stop.minutes or done.seconds)
    return rates(config, end).factor


def _statement(config: TrainConfig, tail: str, done: Done, before: float) -> str:
    now = rates(config, done).factor
    if tail == COOLDOWN:
        end = config.extension.end_factor
        if now <= before:
            return f"a cool-down: until the new limit the rates fall from {now:.3g} to {end:.3g} times those set"
        return (
            f"a new cool-down: the learning rates start at {now:.3g} times those set and fall to {end:.3g} times by "
            "the new limit, so pictures may get worse before they get better"
        )
    if config.schedule.kind == "step" and config.schedule.step_factor < 1 and not config.extension.start_factor:
        return "the learning rates go on falling in steps"
    end = _at_the_end(config, done)
    if end < now - 1e-9:
        return f"the learning rates fall to {end:.3g} times those set by the old limit and then stay there"
    if now == 1:
        return "the learning rates stay as they were set"
    return f"the learning rates stay where the schedule ended, at {now:.3g} times those set"
