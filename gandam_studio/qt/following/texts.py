"""Display texts of a run's events, states and failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from gandam_studio.core.runs.concerns import Concern
from gandam_studio.qt.counts import counted, duration
from trainer.protocol import events as ev
from trainer.protocol.diagnosis import diagnosis_of
from trainer.protocol.diagnosis_cards import alarm_text, summary
from trainer.protocol.errors import NO_DEVICE
from trainer.protocol.measures import in_words, title
from trainer.protocol.run_directory import RunState, is_number
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.qt.following.follower import RunFollower

LONGEST_LINE = 500
SETTLING = 100
"""Iterations in which a jump may come of changed pictures that set in."""
STATE_COLORS = {
    "created": "secondary", "running": "accent", "paused": "warning", "interrupted": "warning",
    "stopped": "secondary", "failed": "dropped", "finished": "kept", "damaged": "dropped",
}  # fmt: skip


def _tr(text: str) -> str:
    return QCoreApplication.translate("train", text)


def state_name(state: str) -> str:
    """The name of a state."""
    return {
        "created": _tr("Waiting"), "running": _tr("Running"), "paused": _tr("Paused"),
        "interrupted": _tr("Interrupted"), "stopped": _tr("Stopped"), "failed": _tr("Failed"),
        "finished": _tr("Finished"), "damaged": _tr("Damaged"),
    }.get(state, state)  # fmt: skip


def pending_name(command: str) -> str:
    """What a run is about to do after a command; "" for none."""
    return {
        "start": _tr("Starting…"), "pause": _tr("Pausing…"), "resume": _tr("Resuming…"), "stop": _tr("Stopping…"),
    }.get(command, "")  # fmt: skip


def time_left(progress: ev.Progress) -> str:
    """How long a live run will still take; after its limit it draws and judges its last samples, and saves."""
    if progress.share is not None and progress.share >= 1:
        return _tr("Finishing…")
    if progress.eta_s is None:
        return _tr("Estimating…")
    return _tr("{0} left").format(duration(progress.eta_s))


def state_words(state: RunState, pending: str = "") -> str:
    """A short text for a state, with the limit if a run was finished by another limit than its iterations.

    pending: a command that the run has not carried out yet, shown instead.
    """
    if pending:
        return pending_name(pending)
    limit = {"minutes": _tr("time limit"), "images": _tr("picture limit")}.get(state.cause, "")
    return f"{state_name(state.state)} ({limit})" if state.state == "finished" and limit else state_name(state.state)


def pauses(follower: RunFollower) -> bool:
    """Whether a run is paused, or about to be: then the button next to it resumes."""
    return follower.pending_command == "pause" or (
        follower.state.state == "paused" and follower.pending_command != "resume"
    )


def why_finished(state: RunState) -> str:
    """The limit that a finished run reached, as a phrase; "" for other states or an unknown limit."""
    reached = {
        "iterations": _tr("iteration limit reached"), "minutes": _tr("time limit reached"),
        "images": _tr("picture limit reached"),
    }  # fmt: skip
    return reached.get(state.cause, "") if state.state == "finished" else ""


def checkpoint_iteration(path: str) -> int | None:
    """The iteration in a checkpoint's path ("checkpoints/00004200" -> 4200), or None."""
    name = path.rstrip("/").rsplit("/", 1)[-1]
    return int(name) if is_number(name) else None


def resume_label(state: RunState) -> str:
    """Label of the button to resume: "Resume from 4,200"."""
    return resume_words(checkpoint_iteration(state.checkpoint))


def resume_words(iteration: int | None) -> str:
    """Label of the button that resumes from a checkpoint, or without one."""
    return _tr("Start again") if iteration is None else _tr("Resume from {0:,}").format(iteration)


def clock(wall_time: float) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(wall_time)) if wall_time else "–"


def day(wall_time: float) -> str:
    """Local date, in an order that reads the same everywhere: "2026-11-28"."""
    return time.strftime("%Y-%m-%d", time.localtime(wall_time)) if wall_time else "–"


def describe(event: ev.TrainEvent) -> str:
    """Describe an event in one line for the log drawer."""
    return shortened(_DESCRIPTIONS.get(type(event), _other)(event), LONGEST_LINE)


def _other(event: ev.TrainEvent) -> str:
    kind = event.values.get("kind", "?") if isinstance(event, ev.UnknownEvent) else event.kind
    return _tr("{0}: unknown event").format(kind)


def _started(event: ev.RunStarted) -> str:
    if event.generator_parameters and not event.discriminator_parameters:
        text = _tr("Started on {0} ({1}): {2:,} pictures, batch {3}; {4:.2f} M parameters")
        return text.format(event.device, event.precision, event.pictures, event.batch, event.generator_parameters / 1e6)
    text = _tr(
        "Started on {0} ({1}): {2:,} pictures, batch {3}; parameters: generator {4:.2f} M, discriminator {5:.2f} M"
    )
    return text.format(
        event.device, event.precision, event.pictures, event.batch,
        event.generator_parameters / 1e6, event.discriminator_parameters / 1e6,
    )  # fmt: skip


def _metric(event: ev.MetricMeasured) -> str:
    if event.value is None:
        return _tr("{0}: could not be measured").format(title(event.name))
    text = f"{title(event.name)}: {event.value:.3g}"
    if event.low is None or event.high is None:
        return text
    return text + " " + _tr("(between {0:.3g} and {1:.3g})").format(event.low, event.high)


def jump_title(spike: ev.SpikeFound) -> str:
    """A spike in words: "Sudden jump in the discriminator's loss at 51"."""
    return _tr("Sudden jump in {0} at {1:,}").format(in_words(spike.curve), spike.spike_iteration)


def jump_reason(spike: ev.SpikeFound, changed_from: int | None) -> str:
    """What explains a spike, if augmentation set in at `changed_from`, just before it; or ""."""
    if changed_from is None or not 0 <= spike.spike_iteration - changed_from <= SETTLING:
        return ""
    return _tr("Training began to show changed pictures here, which are harder: this is no fault")


def jump_size(spike: ev.SpikeFound) -> str:
    """How far a spike is from the values before it, and the curve's name in the events; for a tool tip."""
    size = abs(spike.z)
    times = _tr("more than 1,000") if size > 1000 else f"{size:,.0f}"  # beyond that, the number tells no more
    return _tr(
        "{0} times as far from the values before as these usually vary ({1}, robust standard deviations)"
    ).format(times, spike.curve)


def _resumed(event: ev.RunResumed) -> str:
    if not event.checkpoint:
        return _tr("Resumed")
    return _tr("Resumed from the checkpoint at {0:,}; later results were discarded").format(event.iteration)


def _extended(event: ev.RunExtended) -> str:
    limit = _tr("no limit")
    if event.iterations:
        limit = _tr("{0:,} iterations").format(event.iterations)
    elif event.minutes:
        limit = _tr("{0:,.1f} minutes").format(event.minutes)
    elif event.images:
        limit = _tr("{0:,} pictures").format(event.images)
    return _tr("New limit: {0}. {1}").format(limit, event.message[:1].upper() + event.message[1:])


def _diagnosed(event: ev.Diagnosed) -> str:
    found = diagnosis_of(event.values)
    return _tr("Diagnosis: {0}").format(summary(found).title) if found else _tr("The diagnosis cannot be read")


def alarm_words(event: ev.Alarm) -> str:
    """What an alarm says, as a sentence without a full stop."""
    text = alarm_text(event.about, event.state, event.action)
    return text[:1].upper() + text[1:]


def _finished(event: ev.RunFinished) -> str:
    why = why_finished(RunState("finished", cause=event.limit))
    return _tr("Finished: {0}").format(why) if why else _tr("Finished")


_DESCRIPTIONS: dict[type, Callable[[Any], str]] = {
    ev.RunStarted: _started,
    ev.SamplesSaved: lambda e: _tr("{0} samples saved").format(e.rows * e.columns),
    ev.CheckpointSaved: lambda e: _tr("Checkpoint saved ({0})").format(e.reason),
    ev.MetricMeasured: _metric,
    ev.SpikeFound: jump_title,
    ev.Diagnosed: _diagnosed,
    ev.Alarm: alarm_words,
    ev.RunPaused: lambda e: _tr("Paused"),
    ev.RunResumed: _resumed,
    ev.RunExtended: _extended,
    ev.RunWarning: lambda e: e.message[:1].upper() + e.message[1:],
    ev.RunStopped: lambda e: _tr("Stopped: {0}").format(e.reason) if e.reason else _tr("Stopped"),
    ev.RunFailed: lambda e: _tr("Failed: {0}").format(e.message),
    ev.RunFinished: _finished,
}  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """What the card of a failed run shows: cause, what is safe, one action.

    Attributes:
        action: "resume", "on_cpu", "smaller_batch", "slower", "versions", "folder", "" (none).
    """

    cause: str
    safe: str
    action: str
    action_label: str


def failure(state: RunState, batch: int) -> Failure:
    """The card of a failed or interrupted run; `batch` is the number of pictures it held in memory at once."""
    resume = ("resume", resume_label(state))
    slower = ("slower", _tr("Retry with half the learning rates"))
    held = counted(batch, _tr("1 picture"), _tr("{0} pictures"))
    fewer = counted(max(1, batch // 2), _tr("1 picture at a time"), _tr("{0} pictures at a time"))
    smaller = ("smaller_batch", _tr("Retry with {0}").format(fewer))
    # A device that is not there will not come by itself; one that failed may work again.
    absent = state.reason.startswith(NO_DEVICE)
    device = ("on_cpu", _tr("Train on the CPU instead")) if absent else resume
    causes = {
        "oom": (_tr("Not enough memory for {0} at once.").format(held), smaller),
        "nan": (_tr("Training broke down: a number became infinite or invalid (NaN)."), slower),
        "disk_full": (_tr("The disk is full."), ("folder", _tr("Open the folder"))),
        "io": (_tr("Reading or writing failed."), ("folder", _tr("Open the folder"))),
        "device": (_tr("The device is missing.") if absent else _tr("The device failed."), device),
        "data": (_tr("The run's data could not be read."), ("versions", _tr("Show the versions"))),
        "checkpoint": (_tr("A checkpoint could not be read."), resume),
        "folder": (_tr("The run's folder was moved or deleted during training."), resume),
        "locked": (_tr("Another process is training this run."), ("", "")),
        "ranks": (_tr("One of the training processes was lost."), resume),
        "usage": (_tr("The settings do not fit together."), ("edit", _tr("Change the settings"))),
        "bug": (_tr("Something went wrong inside the trainer."), ("log", _tr("Show the log"))),
    }  # fmt: skip
    if state.state == "interrupted":
        cause, (action, label) = (
            _tr("Training stopped unexpectedly: the trainer was killed, or the computer went down."),
            resume,
        )
    else:
        cause, (action, label) = causes.get(state.cause, causes["bug"])
        if state.reason:
            cause = f"{cause.removesuffix('.')} ({state.reason.removesuffix('.')})."
    return Failure(cause, _what_is_safe(state), action, label)


def concern_card(found: Concern) -> tuple[str, Failure]:
    """Headline and card about a run whose curves show plainly that it goes wrong."""
    if found.kind == "diverging":
        cause = _tr(
            "They have grown to {0}, where single digits are normal. Runs rarely recover from that (they diverge)."
        )
        safe = _tr("Earlier checkpoints and samples are safe. Lower learning rates usually help.")
        size = f"{found.value:,.0f}" if found.value < 1e6 else _tr("more than a million")
        card = Failure(cause.format(size), safe, "slower", _tr("Retry with half the learning rates"))
        return _tr("The losses have exploded"), card
    if found.kind == "discriminator":
        cause = _tr(
            "The discriminator's loss was close to 0 for {0:,} iterations: the generator learns hardly anything."
        )
        safe = _tr("A lower learning rate of the discriminator, a stronger penalty or more augmentation usually helps.")
        card = Failure(cause.format(found.iterations), safe, "edit", _tr("Change the settings"))
        return _tr("The discriminator has won"), card
    cause = _tr("Quality (KID, lower is better) is {0:.3g}, and was {1:.3g} before.").format(found.value, found.before)
    safe = _tr("If the samples look no better either, stop here, or change a setting.")
    headline = _tr("No better for {0:,} iterations").format(found.iterations)
    return headline, Failure(cause, safe, "", "")


def _what_is_safe(state: RunState) -> str:
    iteration = checkpoint_iteration(state.checkpoint)
    if iteration is None:
        return _tr("No checkpoint has been saved yet. Curves and samples up to {0:,} are safe.").format(state.iteration)
    return _tr("Checkpoint {0:,} and all curves and samples are safe.").format(iteration)
