"""The training loop: iterations, and between them curves, grids, checkpoints and commands."""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from pathlib import Path

import torch

from trainer import checkpoints
from trainer.clock import TrainingClock
from trainer.commands import Command, take_commands
from trainer.diagnosis_watch import DiagnosisWatch
from trainer.fallbacks import Fallbacks
from trainer.flow import FlowGame, FlowValues
from trainer.fresh_pictures import FreshPictures
from trainer.game import Game
from trainer.meters import BestWeights
from trainer.objectives import DiscriminatorValues, GeneratorValues
from trainer.progress import ProgressWriter
from trainer.protocol import events
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import EventWriter
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import early_moments, limit_reached, penalty_weight, rates
from trainer.randomness import generator
from trainer.sample_grids import SampleGrids
from trainer.session import Session, checkpoint_name, save_checkpoint
from trainer.spike_watch import SpikeWatch

POLL_S = 0.25  # Seconds between two looks at the commands folder.
PAUSED_POLL_S = 0.1
HEARTBEAT_S = 10.0


class Stopped(Exception):
    """Training was asked to stop."""


def folder_is_gone(run: RunDirectory) -> TrainerError:
    """The error of a run whose folder was moved or deleted while it trained."""
    return TrainerError(f"{run.path} was moved or deleted while it was being trained", "folder")


class Training:
    """Trains a session into a run's folder.

    Attributes:
        stop_reason: set it (from a signal handler) to end training after the current iteration.
        grids: saves sample pictures.
    """

    def __init__(self, session: Session, run: RunDirectory, writer: EventWriter | None, since: float) -> None:
        """`writer` is None on other ranks than the first. Commands older than `since` (epoch seconds) are dropped."""
        self.session, self.run, self._writer, self._since = session, run, writer, since
        self.stop_reason = ""
        self._clock = TrainingClock(session.machine.device, session.done.seconds)
        self._fallbacks = Fallbacks(session, self.say)
        self.grids = SampleGrids(session, run, self.say)
        fresh = FreshPictures(session)
        self._best = BestWeights(session, run, fresh, self.say)
        watches = writer is not None and session.ranks.first
        self._diagnosis = DiagnosisWatch(session, run, fresh, self.say) if watches else None
        self._spikes = SpikeWatch(session, self.grids.save_fixed, self._say_spike) if watches else None
        self._progress = ProgressWriter(session, run, self.say, self._spikes, writer is not None)
        self._asked_by_alarm = Command.NONE
        self._polled = self._spoke = time.perf_counter()
        self._saved_at = session.done.seconds
        self._sampled = self._checkpointed = session.done.iteration if session.done.iteration else -1

    def train(self) -> str:
        """Train until a limit is reached; returns its name. Raises Stopped, TrainerError, OSError."""
        session, stop = self.session, self.session.config.stop
        try:
            if session.done.iteration == 0:
                self.sample()
            while not (limit := limit_reached(stop, session.done)):
                self._clock.start()
                self.iterate()
                self._clock.stop()
                self._agree_on_time()
                self._housekeeping()
            self.flush()
            self._agree_on_time()
            if self._sampled != session.done.iteration:
                self.sample()
            self._best.measure_last()
            self._diagnose(last=True)
            self.checkpoint("finished")
            return limit
        finally:
            self._progress.close()

    def iterate(self) -> None:
        """One iteration: `critic_steps` turns of the discriminator and one step of the generator; a flow's one step."""
        session = self.session
        now = rates(session.config, session.done)
        session.game.set_rates(now.factor, now.beta2)
        session.plan_augmentation()
        if isinstance(session.game, FlowGame):
            values, penalised = self._fallbacks.run(partial(self._flow_step, session.game))._asdict(), False
        else:
            values, penalised = self._adversarial_steps(session.game)
        session.end_iteration()
        self._progress.add(values, penalised)

    def _flow_step(self, game: FlowGame) -> FlowValues:
        session = self.session
        return game.step(session.batches.draw("flow", session.done.iteration, session.augment, with_reals=True))

    def _adversarial_steps(self, game: Game) -> tuple[dict[str, torch.Tensor], bool]:
        """The curves' values of the last turn, and whether it had a penalty."""
        session, config = self.session, self.session.config
        done, steps = session.done, config.objective.critic_steps
        for step in range(done.iteration * steps, (done.iteration + 1) * steps):
            weight = penalty_weight(config, done, step)
            parts = [
                self._fallbacks.run(partial(self._discriminator_step, game, step, weight, part))
                for part in game.criterion.parts
            ]
            of_d = DiscriminatorValues.merged(parts)
            session.add_sign(of_d.sign)
        of_g = self._fallbacks.run(partial(self._generator_step, game))
        return {**of_d._asdict(), **of_g._asdict()}, weight is not None

    def _discriminator_step(self, game: Game, step: int, weight: float | None, part: str) -> DiscriminatorValues:
        """One part of a turn, on a batch of its own: when memory runs out in the second, only that is repeated."""
        session = self.session
        reals = game.criterion.discriminator_needs_reals(part)
        batch = session.batches.draw("d", step, session.augment, with_reals=reals)
        if part == "fake":  # Other dropout masks than those of the real pictures.
            source = generator(session.config.seed, "d fake", step, session.machine.device)
            batch = dataclasses.replace(batch, source=source)
        return game.discriminator_phase(batch, weight, part)

    def _generator_step(self, game: Game) -> GeneratorValues:
        session = self.session
        reals = game.criterion.generator_needs_reals
        return game.generator_phase(
            session.batches.draw("g", session.done.iteration, session.augment, with_reals=reals)
        )

    def _housekeeping(self) -> None:
        """Everything that is due between two iterations; all ranks decide alike."""
        session, sampling = self.session, self.session.config.sampling
        iteration, now = session.done.iteration, time.perf_counter()
        sample_is_due = iteration % sampling.every == 0 or iteration in early_moments(sampling.every)
        if sample_is_due or self._progress.is_due(now):
            self.flush()
        if sample_is_due:
            self.sample()
        by_time = session.done.seconds - self._saved_at >= 60 * sampling.checkpoint_minutes
        if iteration % sampling.checkpoint_every == 0 or by_time:
            self.checkpoint("scheduled")
        self._obey(now)

    def flush(self) -> None:
        """Write the waiting curves. Raises TrainerError (cause "nan") when training has diverged."""
        if self.session.ranks.first:
            self._clock.settle()  # Reading the curves waits for the device, and that is training.
        if self.session.ranks.count == 1:
            self._agree_on_time()
        self._progress.write()

    def sample(self) -> None:
        """Save grids of sample pictures and, where there is time for it, measure their KID."""
        self._sampled = self.session.done.iteration
        if self.session.ranks.first:
            self.grids.save()
            self._best.measure()
            self._diagnose()

    def _diagnose(self, *, last: bool = False) -> None:
        """Diagnose the newest samples, and do what the configuration asks for when an alarm is raised."""
        if self._diagnosis is None:
            return
        if not last:
            self._diagnosis.follow(self.grids.fixed_pictures)
        self._diagnosis.look(self.grids.fixed_pictures, last=last)
        if not self._diagnosis.alarmed or last:
            return
        on_alarm = self.session.config.diagnostics.on_alarm
        if on_alarm == "stop":
            self.stop_reason = f"alarm: {', '.join(self._diagnosis.alarmed)}"
        elif on_alarm == "checkpoint":
            self._asked_by_alarm = Command.CHECKPOINT

    def checkpoint(self, reason: str, *, answer: bool = False) -> Path:
        """Save a checkpoint unless this iteration has one, and remove old ones.

        `answer`: write the event in any case, as the answer to a command.
        """
        session, sampling = self.session, self.session.config.sampling
        folder = self.run.checkpoints_path / checkpoint_name(session.done.iteration)
        saved = events.CheckpointSaved(path=folder.relative_to(self.run.path).as_posix(), reason=reason)
        if self._checkpointed == session.done.iteration:
            if answer and session.ranks.first:
                self.say(saved)
            return folder
        self.flush()
        self._agree_on_time()
        if self._spikes:
            self._spikes.settle()
        session.ranks.check_equal(session.game.parameters_g)
        self._saved_at, self._checkpointed = session.done.seconds, session.done.iteration
        if session.ranks.first:
            save_checkpoint(session, self.run.checkpoints_path)
            checkpoints.prune(self.run.checkpoints(), sampling.keep, sampling.milestones)
            self.say(saved)
        return folder

    def say(self, event: events.TrainEvent) -> None:
        """Write an event, dated by the session's progress (first rank only)."""
        if self._writer:
            done = self.session.done
            self._writer.write(dataclasses.replace(event, iteration=done.iteration, images_seen=done.images))
            self._spoke = time.perf_counter()

    def _say_spike(self, spike: events.SpikeFound) -> None:
        self.say(spike)
        if self._diagnosis:
            self._diagnosis.spiked(spike.spike_iteration)

    def _agree_on_time(self) -> None:
        """Set the session's training time from the clock, with several ranks from the first one's; all call this."""
        session = self.session
        if session.ranks.count > 1:  # Clocks differ; schedules and limits must not.
            self._clock.seconds = session.ranks.agreed(round(self._clock.seconds * 1e6)) / 1e6
        session.done = dataclasses.replace(session.done, seconds=self._clock.seconds)

    def _obey(self, now: float) -> None:
        """Carry out the waiting commands. Raises Stopped."""
        ranks = self.session.ranks
        if ranks.count > 1:  # Any of them may have received a signal.
            own = self._commands() if ranks.first else Command.STOP if self.stop_reason else Command.NONE
            self._carry_out(Command(ranks.largest(int(own))))
        elif self.stop_reason or self._asked_by_alarm or now - self._polled >= POLL_S:
            self._polled = now
            self._carry_out(self._commands())

    def _commands(self) -> Command:
        asked, self._asked_by_alarm = self._asked_by_alarm, Command.NONE
        return take_commands(self.run, self._since) | asked | (Command.STOP if self.stop_reason else Command.NONE)

    def _carry_out(self, commands: Command) -> None:
        self._save_or_stop(commands)
        if Command.PAUSE in commands:
            self._pause()

    def _save_or_stop(self, commands: Command) -> None:
        """Carry out sample and checkpoint first, then stop. Raises Stopped."""
        if Command.ABANDON in commands:
            raise folder_is_gone(self.run)
        if Command.SAMPLE in commands:
            self.flush()
            self.sample()
        if Command.CHECKPOINT in commands:
            self.checkpoint("asked", answer=True)
        if Command.STOP in commands:
            raise Stopped(self.stop_reason or "asked to stop")

    def _pause(self) -> None:
        self.flush()
        self.checkpoint("asked")
        self.say(events.RunPaused())
        ranks = self.session.ranks
        while True:
            commands = Command.NONE
            if ranks.first:
                commands = self._commands()
                if time.perf_counter() - self._spoke >= HEARTBEAT_S:
                    self.say(events.Heartbeat(state="paused"))
            commands = Command(ranks.agreed(int(commands)))
            self._save_or_stop(commands)
            if Command.RESUME in commands:
                break
            if commands & (Command.SAMPLE | Command.CHECKPOINT):
                self.say(events.RunPaused())
            time.sleep(PAUSED_POLL_S)
        self._progress.skip_pause()
        self.say(events.RunResumed())
