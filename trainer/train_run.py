"""Trains a run from its folder: starts or resumes it, and writes how it ended to its events."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainer import checkpoints
from trainer.checkpoints import Checkpoint
from trainer.dataset import TrainingSet, load_training_set
from trainer.device import choose_device, set_threads
from trainer.distributed import Ranks, is_first, is_lost_contact, joined, local_rank, ranks_here
from trainer.environment import with_environment
from trainer.memory import is_out_of_memory
from trainer.networks import parameter_count
from trainer.processes import companions
from trainer.protocol import events, files
from trainer.protocol.config import TrainConfig
from trainer.protocol.effects import NO_LIMIT, without_effect
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.events import EventWriter
from trainer.protocol.extension import More, extend, with_limit
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import Done, limit_reached
from trainer.protocol.settings import Stop
from trainer.protocol.untrusted import UntrustedError
from trainer.protocol.widening import is_open
from trainer.session import Session, checkpoint_name, make_session, restore
from trainer.trackers import Trackers
from trainer.training import Stopped, Training, folder_is_gone
from trainer.tuning import choose_batch, choose_machine, choose_networks, kept_machine

log = logging.getLogger("trainer")


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: "finished" or "stopped", why, and how far it came."""

    state: str
    reason: str
    iteration: int
    images_seen: int


def train_run(
    run: RunDirectory,
    since: float = 0.0,
    on_event: Callable[[events.TrainEvent], None] | None = None,
    limits: Sequence[str] = (),
    more: More | None = None,
) -> RunOutcome:
    """Train or resume `run` until it finishes or is stopped. Commands older than `since` are dropped.

    `limits` are settings to change in the run, such as "stop.minutes=5"; `more` lets a finished run train longer. What
    its schedules do beyond their limit is written to its settings and events (see `protocol.extension`). Under torchrun
    every rank calls this; if the run asks for several processes and torchrun has started none, they are started here.
    How training ended is written to the events, unless the process is killed. Raises TrainerError (already written as
    RunFailed).
    """
    if more and "WORLD_SIZE" in os.environ:
        raise TrainerError("under torchrun, give the new limit itself: --iterations or --minutes", "usage")
    if not is_first():
        config, _ = _with_limits(run, limits, None)
        return _train(run, config, None, since)
    run.refuse_links()
    with run.locked():
        config, extended = _with_limits(run, limits, more)
        if limits or more:
            files.write_json(run.config_path, config.to_json())
        checkpoints.clear_remains(run.checkpoints_path)
        with contextlib.closing(_Writer(run, on_event)) as writer:
            return _train(run, config, writer, since, extended)


def _with_limits(
    run: RunDirectory, limits: Sequence[str], more: More | None
) -> tuple[TrainConfig, events.RunExtended | None]:
    """The run's settings with `limits` and `more`, and the event about its new limit, if that is another.

    Raises TrainerError if the run has already passed its new limit, or has not reached the one that `more` raises.
    """
    before = run.config()
    config = apply_overrides(before, limits)
    if config.stop == before.stop and more is None:
        return config, None
    newest, _ = checkpoints.newest_good(run.checkpoints())
    if newest is None:
        if more:
            raise TrainerError(f"{run.name} has no checkpoint to go on from", "checkpoint")
        return config, None
    values = checkpoints.state_of(newest)
    done = Done(values["iteration"], values["images_seen"], values["trained_s"])
    stop = config.stop
    config = dataclasses.replace(config, stop=before.stop)
    if more:
        try:
            found = extend(config, done, more)
        except TrainerError as error:
            raise TrainerError(f"{run.name}: {error}", error.cause, error.remedy) from None
    else:
        _refuse_passed(run, stop, done)
        found = with_limit(config, stop, done)
    stop = found.config.stop
    return found.config, events.RunExtended(
        iterations=stop.iterations, minutes=stop.minutes, images=stop.images, tail=found.tail,
        message=found.statement, factor_before=found.factor_before, factor=found.factor, factor_end=found.factor_end,
    )  # fmt: skip


def _refuse_passed(run: RunDirectory, stop: Stop, done: Done) -> None:
    """Raise TrainerError if the run has already passed its new limit."""
    if limit := limit_reached(stop, done):
        at = f"{done.seconds / 60:.1f} minutes" if limit == "minutes" else f"iteration {done.iteration:,}"
        raise TrainerError(f"{run.name} is already at {at}; limits count from the run's start, so use a larger one")


class _Writer(EventWriter):
    """An event writer that also passes events to a listener (the console's output) and to trackers."""

    def __init__(self, run: RunDirectory, listener: Callable[[events.TrainEvent], None] | None) -> None:
        try:
            super().__init__(run.events_path)
        except UntrustedError as error:
            raise TrainerError(str(error), "data") from None
        except OSError as error:
            raise io_failure(f"cannot write to {run.events_path}", error) from error
        self._run, self._listener = run, listener
        self._trackers: Trackers | None = None

    def write(self, event: events.TrainEvent) -> events.TrainEvent:
        written = super().write(event)
        if isinstance(event, events.RunStarted):  # Not before: a start can still choose the networks.
            self._trackers = Trackers(self._run.path, self._run.config())
        if self._trackers:
            self._trackers.write(written)
        if self._listener:
            try:
                self._listener(written)
            except (OSError, ValueError):  # The terminal or pipe it prints to was closed.
                self._listener = None
        for failure in self._trackers.failures() if self._trackers else ():
            self.write(
                events.RunWarning(
                    iteration=written.iteration, images_seen=written.images_seen, message=failure, about="tracker"
                )
            )
        return written

    def close(self) -> None:
        super().close()
        if not self._trackers:
            return
        self._trackers.close()
        for failure in self._trackers.failures():  # Too late for an event.
            log.warning(failure)


@contextlib.contextmanager
def _together(run: RunDirectory, config: TrainConfig) -> Iterator[tuple[Ranks, torch.device]]:
    """The ranks of this run and the device of this one; starts the other processes if necessary."""
    with companions(run.path, config.processes):
        device = choose_device(config.device, local_rank())
        with joined(device) as ranks:
            yield ranks, device


def _train(
    run: RunDirectory,
    config: TrainConfig,
    writer: EventWriter | None,
    since: float,
    extended: events.RunExtended | None = None,
) -> RunOutcome:
    training: Training | None = None
    at = Done()

    def say(event: events.TrainEvent) -> None:
        if writer:
            done = training.session.done if training else at
            writer.write(dataclasses.replace(event, iteration=done.iteration, images_seen=done.images))

    try:
        with _together(run, config) as (ranks, device):
            saved, folder, complaints = _newest(run, ranks)
            if saved:
                at = Done(saved.values["iteration"], saved.values["images_seen"], saved.values["trained_s"])
            for complaint in complaints:
                say(events.RunWarning(message=complaint, about="checkpoint"))
            if saved and (limit := limit_reached(config.stop, at)):
                say(events.RunFinished(limit=limit, checkpoint=_relative(run, folder)))
                return RunOutcome(
                    "finished", f"it had already reached its {events.LIMITS[limit]}", at.iteration, at.images
                )
            session, wider = _prepare(run, config, device, ranks, saved)
            training = Training(session, run, writer, since)
            _announce(session, say, _relative(run, folder), wider)
            if extended:
                say(extended)
            # Also while the last checkpoint is saved: a closing terminal can send SIGHUP twice.
            with _signals(training):
                try:
                    limit = training.train()
                except Stopped as stop:
                    training.flush()
                    training.checkpoint("stop")
                    say(events.RunStopped(reason=str(stop), checkpoint=_relative(run, run.newest_checkpoint())))
                    return RunOutcome("stopped", str(stop), session.done.iteration, session.done.images)
            say(events.RunFinished(limit=limit, checkpoint=_relative(run, run.newest_checkpoint())))
            return RunOutcome("finished", limit, session.done.iteration, session.done.images)
    except Exception as error:
        failure = _understood(error, run)
        try:
            say(events.RunFailed(message=str(failure), cause=failure.cause, checkpoint=_newest_name(run)))
        except OSError:
            log.warning("the failure could not be written to the events")
        raise failure from error


def _newest_name(run: RunDirectory) -> str:
    """The path of the newest checkpoint, or ""."""
    with contextlib.suppress(OSError):
        return _relative(run, run.newest_checkpoint())
    return ""


def _newest(run: RunDirectory, ranks: Ranks) -> tuple[Checkpoint | None, Path | None, list[str]]:
    """The newest checkpoint that verifies, its folder, and messages about damaged newer ones.

    The first rank chooses for all ranks, which may be on several machines. It sets damaged ones aside: having the
    highest numbers, they would be kept in place of the new ones when old checkpoints are removed. Raises TrainerError.
    """
    folders = run.checkpoints() if ranks.first else []
    folder, verified, complaints = checkpoints.newest_verified(folders)
    where = f"continuing from {int(folder.name):,}" if folder else "starting from the beginning"
    messages = []
    for newer, complaint in zip(reversed(folders), complaints, strict=False):
        aside = ""
        if not isinstance(complaint, checkpoints.NewerVersion):
            aside = f"; it is kept as {checkpoints.set_aside(newer).name}"
        messages.append(f"{complaint}{aside}; {where}")
    chosen = ranks.agreed(int(folder.name) if folder else -1)
    if chosen < 0:
        return None, None, messages
    folder = folder or run.checkpoints_path / checkpoint_name(chosen)
    if not folder.is_dir():
        raise TrainerError(
            f"rank {ranks.rank} has no checkpoint {chosen:,}: all ranks need the same run folder", "ranks"
        )
    return checkpoints.load(folder, verified=verified), folder, messages


def _prepare(
    run: RunDirectory, config: TrainConfig, device: torch.device, ranks: Ranks, saved: Checkpoint | None
) -> tuple[Session, str]:
    """Build the session; resumed runs, and forks that do not change them, keep precision and batch.

    Networks whose width is open are chosen by a run that has not trained yet, which keeps them in its settings.
    Returns also what to say of wider ones, else "".
    """
    set_threads(config.precision.threads, ranks_here())
    data: TrainingSet = load_training_set(run, config, device)
    wider = ""
    if saved is None and is_open(config):
        config, wider = choose_networks(config, data, device, ranks)
        if ranks.first:
            files.write_json(run.config_path, config.to_json())
    if saved is None or saved.values.get(checkpoints.MACHINE_ANEW):
        machine = choose_machine(config, data, device, ranks)
        batch = config.batch.size or choose_batch(config, data, machine, ranks)
        session = make_session(config, data, machine, ranks, batch)
        if saved:
            restore(session, saved)
        return session, wider
    values = saved.values
    machine = kept_machine(config, values, device)
    session = make_session(config, data, machine, ranks, int(values["batch"]), _micro(saved, ranks))
    restore(session, saved)
    return session, ""


def _micro(saved: Checkpoint, ranks: Ranks) -> int:
    return min(int(saved.values["micro_batch"]), int(saved.values["batch"]) // ranks.count)


def _announce(session: Session, say: Callable[[events.TrainEvent], None], checkpoint: str, wider: str) -> None:
    config, machine = session.config, session.machine
    started = events.RunStarted(
        device=str(machine.device),
        precision=machine.precision,
        generator_parameters=parameter_count(session.game.generator),
        discriminator_parameters=sum(
            parameter_count(network) for name, network in session.game.networks.items() if name == "discriminator"
        ),
        pictures=len(session.data.train),
        ranks=session.ranks.count,
        batch=session.batch,
        micro_batch=session.game.micro,
        total_iterations=config.stop.iterations,
        scaled=config.scaled,
        finds_spikes=True,
    )
    say(with_environment(started, machine.device))
    if session.done.iteration:
        say(events.RunResumed(checkpoint=checkpoint))
        return
    if config.scaled:
        how = "left out" if config.data.size < config.architecture.size else "added"
        text = f"the preset {config.preset} is designed for {config.architecture.size} px; for {config.data.size} px"
        say(events.RunWarning(message=f"{text}, its outermost layers are {how}", about="scaled"))
    if wider:
        say(events.RunWarning(message=wider, about="wider"))
    if NO_LIMIT in without_effect(config).values():
        text = (
            "this run has no limit, so what should change until its end (learning rates, beta2, penalty) "
            "stays as it starts"
        )
        say(events.RunWarning(message=text, about="schedule"))
    if config.augmentation.mirror and config.origin.facing_curated:
        say(
            events.RunWarning(
                message="mirror images are shown too (augmentation.mirror), which undoes the facing you have sorted",
                about="mirror",
            )
        )


class _signals:  # noqa: N801 - used as a context manager, like a function
    """On Ctrl+C, SIGTERM or SIGHUP, stop training with a checkpoint; a second Ctrl+C ends it at once."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        asked = [(signal.SIGINT, "interrupted from the keyboard"), (signal.SIGTERM, "asked by a signal")]
        # Under nohup, SIGHUP is ignored and stays so.
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            asked.append((signal.SIGHUP, "its terminal was closed"))
        for number, name in asked:
            try:
                self._before[number] = signal.signal(number, lambda *_, name=name: self._asked(name))
            except ValueError:  # Not in the main thread.
                return

    def _asked(self, name: str) -> None:
        if self._training.stop_reason and "keyboard" in name:
            raise KeyboardInterrupt
        self._training.stop_reason = name

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _understood(error: Exception, run: RunDirectory) -> TrainerError:
    """Any failure as a TrainerError; unexpected ones are logged with their traceback."""
    if isinstance(error, TrainerError):
        return error
    if is_out_of_memory(error):
        return TrainerError("out of memory; use smaller pictures, networks or batch.micro", "oom")
    if is_lost_contact(error):
        return TrainerError(
            "another process of this run was lost; the same command resumes from the last checkpoint", "ranks"
        )
    if isinstance(error, OSError) and run.is_gone():
        return folder_is_gone(run)
    if isinstance(error, OSError):
        return io_failure(f"cannot read or write {error.filename or run.path}", error)
    with contextlib.suppress(OSError), files.open_append(run.log_path) as stream:
        text = "".join(traceback.format_exception(error))
        stream.write(f"unexpected failure at {time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}".encode("utf-8", "replace"))
    return TrainerError(f"unexpected error ({type(error).__name__}: {error}); see {run.log_path.name}", "bug")


def _relative(run: RunDirectory, folder: Path | None) -> str:
    return folder.relative_to(run.path).as_posix() if folder else ""
