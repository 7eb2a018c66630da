"""The training loop: steps, and between them curves, grids, checkpoints and commands."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from trainer import checkpoints
from trainer.augmentation import adapted
from trainer.clock import TrainingClock
from trainer.curves import CurveBuffer, Rate
from trainer.device import memory_mb
from trainer.game import merged
from trainer.grids import draw_pictures, grid_shape, save_png, tile
from trainer.layers import BatchNorm2d
from trainer.memory import attempt, free_memory, with_less_memory
from trainer.meters import Meter
from trainer.networks import Generator
from trainer.objectives import needs_reals
from trainer.protocol import events, files
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import EventWriter
from trainer.protocol.run_directory import RunDirectory
from trainer.randomness import derived_seed, generator, latents
from trainer.schedule import Done, limit_reached, penalty_weight, rates, share_done
from trainer.session import Session, capture, save_checkpoint
from trainer.spike_watch import SpikeWatch
from trainer.utilisation import utilisation_of

ADAPT_EVERY = 16  # Iterations between two moves of the adaptive augmentation.
POLL_S = 0.25  # Seconds between two looks at the commands folder.
FLUSH_S = (0.5, 2.0)  # Curves are written no oftener than the first, no more seldom than the second.
HEARTBEAT_S = 10.0
_STOP, _PAUSE, _SAMPLE, _CHECKPOINT, _GIVE_UP, _RESUME = 1, 2, 4, 8, 16, 32
_BITS = {"stop": _STOP, "pause": _PAUSE, "sample": _SAMPLE, "checkpoint": _CHECKPOINT, "resume": _RESUME}
SIGN = -2  # Place of "sign" in what the discriminator's phase returns.


class Stopped(Exception):
    """Somebody asked for the end."""


def folder_is_gone(run: RunDirectory) -> TrainerError:
    """What a run says that was moved or deleted while it trained; moved, its events still can be written."""
    return TrainerError(f"{run.path} was moved or deleted while it was being trained", "folder")


class Training:
    """A session being trained into a run's folder.

    Attributes:
        stop_reason: set from outside (a signal handler) to end after the current iteration.
    """

    def __init__(self, session: Session, run: RunDirectory, writer: EventWriter | None, since: float) -> None:
        self.session, self.run, self._writer, self._since = session, run, writer, since
        self.stop_reason = ""
        sampling = session.config.sampling
        self._curves = CurveBuffer(session.machine.device, max(256, sampling.progress_every))
        self._rate = Rate()
        self._clock = TrainingClock(session.machine.device, session.done.seconds)
        self._flushed = self._polled = self._spoke = time.perf_counter()
        self._saved_at = session.done.seconds
        self._sampled = self._checkpointed = session.done.iteration if session.done.iteration else -1
        self._measured = -1
        self._fixed: torch.Tensor | None = None
        self._meter = Meter(session) if session.ranks.first else None
        self._spikes = SpikeWatch(session, self._fixed_grid, self.say) if writer and session.ranks.first else None
        self._busy = utilisation_of(session.machine.device) if writer else None

    def say(self, event: events.TrainEvent) -> None:
        """Write an event, dated by the session's progress (first rank only)."""
        if self._writer:
            done = self.session.done
            self._writer.write(dataclasses.replace(event, iteration=done.iteration, images_seen=done.images))
            self._spoke = time.perf_counter()

    def train(self) -> str:
        """Train until a limit is reached; returns its name. Raises Stopped, TrainerError, OSError."""
        try:
            return self._train()
        finally:
            if self._busy:
                self._busy.close()

    def _train(self) -> str:
        session, config = self.session, self.session.config
        if session.done.iteration == 0:
            self.sample()
        while not (limit := limit_reached(config.stop, session.done)):
            self._clock.start()
            self._iterate()
            self._clock.stop()
            self._agree_on_time()
            self._housekeeping()
        self.flush()
        self._agree_on_time()
        if self._sampled != session.done.iteration:
            self.sample()
        # However short the run: "best" would else be among the first pictures, which alone were measured.
        if self._measured != session.done.iteration:
            self._measure(last=True)
        self.checkpoint("finished")
        return limit

    def _agree_on_time(self) -> None:
        """Date the session by the clock: with several ranks by the first one's. All come here together."""
        session = self.session
        if session.ranks.count > 1:  # Clocks differ; schedules and limits must not.
            self._clock.seconds = session.ranks.agreed(round(self._clock.seconds * 1e6)) / 1e6
        session.done = dataclasses.replace(session.done, seconds=self._clock.seconds)

    def _iterate(self) -> None:
        session, game, config = self.session, self.session.game, self.session.config
        done, steps = session.done, config.objective.critic_steps
        now = rates(config, done)
        game.set_rates(now.factor, now.beta2)
        penalised = False
        for step in range(done.iteration * steps, (done.iteration + 1) * steps):
            weight = penalty_weight(config, done, step)
            penalised = weight is not None  # As of the values kept: the last step's.
            of_d = merged([self._guarded(partial(self._discriminator_step, step, weight, p)) for p in game.parts])
            session.sign_sum += of_d[SIGN]
            session.sign_count += 1
        reals = needs_reals(config.objective.kind)
        of_g = self._guarded(
            lambda: game.generator_phase(session.batches.draw("g", done.iteration, session.augment, with_reals=reals))
        )
        images = done.images + session.images_per_iteration
        if session.average:
            session.average.update(session.images_per_iteration, images)
        session.done = Done(done.iteration + 1, images, done.seconds)
        self._curves.add(session.done.iteration, of_d, of_g, penalised)
        if config.augmentation.adaptive and session.done.iteration % ADAPT_EVERY == 0:
            signal = float(session.sign_sum) / max(session.sign_count, 1)
            seen = ADAPT_EVERY * session.images_per_iteration
            session.augment = adapted(session.augment, signal, config.augmentation, seen)
        if session.done.iteration % ADAPT_EVERY == 0:
            session.sign_sum, session.sign_count = torch.zeros_like(session.sign_sum), 0

    def _discriminator_step(self, step: int, weight: float | None, part: str) -> torch.Tensor:
        """One of `game.parts`. Each draws anew: where memory runs out in the second, the first is not repeated."""
        session, config = self.session, self.session.config
        reals = part != "fake" or config.augmentation.adaptive or config.regulariser.kind == "gp"
        draw = session.batches.draw("d", step, session.augment, with_reals=reals)
        if part == "fake":  # Dropout of its own, not that of the real pictures again.
            draw = dataclasses.replace(draw, source=generator(config.seed, "d fake", step, session.machine.device))
        return session.game.discriminator_phase(draw, weight, part)

    def _guarded(self, phase: Callable[[], torch.Tensor]) -> torch.Tensor:
        game = self.session.game
        recorded = game.graphs
        values = with_less_memory(phase, self._lower, self.session.machine.device, game.least)
        if recorded and not game.graphs and game.complaint:
            self.say(
                events.RunWarning(message=f"CUDA graphs are off, going on without: {game.complaint}", about="graphs")
            )
        return values

    def _lower(self) -> bool:
        """Need less memory: without recordings first, then with fewer pictures at once."""
        game = self.session.game
        if game.graphs:
            game.graphs = False
            self.say(events.RunWarning(message="Out of memory: CUDA graphs are off, going on without.", about="graphs"))
            return True
        if (micro := game.lowered()) == game.micro:
            return False
        networks = (game.generator, game.discriminator)
        norms = any(isinstance(module, BatchNorm2d) for network in networks for module in network.modules())
        if norms and self.session.ranks.count > 1:  # They average statistics together, layer by layer.
            raise TrainerError(f"out of memory in one of several processes; set batch.micro={micro}", "oom")
        game.micro = micro
        note = " Batch normalisation now sees these smaller groups." if norms else ""
        self.say(
            events.RunWarning(
                message=f"Out of memory: from here on {micro} pictures at once, gradients accumulated to the "
                f"same batch of {self.session.batch}.{note}",
                about="memory",
            )
        )
        return True

    def _housekeeping(self) -> None:
        """What is due between two iterations. Every rank comes to the same conclusions."""
        session, sampling = self.session, self.session.config.sampling
        iteration, now = session.done.iteration, time.perf_counter()
        early = {sampling.every // 8, sampling.every // 4, sampling.every // 2}
        sample_due = iteration % sampling.every == 0 or (iteration in early and iteration > 0)
        quiet = now - self._flushed
        if (
            self._curves.full
            or sample_due
            or (len(self._curves) >= sampling.progress_every and quiet >= FLUSH_S[0])
            or quiet >= FLUSH_S[1]
        ):
            self.flush()
        if sample_due:
            self.sample()
        by_time = session.done.seconds - self._saved_at >= 60 * sampling.checkpoint_minutes
        if iteration % sampling.checkpoint_every == 0 or by_time:
            self.checkpoint("scheduled")
        self._obey(now)

    def flush(self) -> None:
        """Write the waiting curves. Raises TrainerError (cause "nan") naming the first broken iteration."""
        if self.session.ranks.first:
            self._clock.settle()  # Reading the curves waits for the device, and that is training.
        if self.session.ranks.count == 1:
            self._agree_on_time()
        if not len(self._curves):
            return
        if not self.session.ranks.first:  # All hold the same values: the first one reads, tells and judges them.
            self._curves.forget()
            return
        session, first = self.session, self._curves.first_iteration
        curves, broken = self._curves.take()
        rate, share = self._rate.mark(session.done.images), share_done(session.config.stop, session.done)
        now = rates(session.config, session.done)
        busy = self._busy.percent() if self._busy else None
        progress = events.Progress(
            iteration=session.done.iteration,
            first_iteration=first,
            curves=curves,
            pictures_per_s=round(rate, 1),
            eta_s=self._eta(share, rate),
            share=share,
            memory_mb=round(memory_mb(session.machine.device), 1),
            busy_percent=None if busy is None else round(busy, 1),
            lr_g=session.config.optimiser.lr_g * now.factor,
            lr_d=session.config.optimiser.lr_d * now.factor,
            augment_probability=session.augment,
            trained_s=round(session.done.seconds, 3),
        )
        self.say(progress)
        self._flushed = time.perf_counter()
        if broken is None and self._spikes:
            self._spikes.look(progress)
        if broken is not None:
            raise TrainerError(self._broken_text(broken), "nan")

    def _broken_text(self, broken: int) -> str:
        text = f"training diverged: a loss or gradient was no longer a number at iteration {broken:,}"
        try:
            good, _ = checkpoints.newest_good(self.run.checkpoints())
        except checkpoints.Unreadable as error:
            return f"{text}; {error}"
        rate = self.session.config.optimiser.lr_g / 2
        if good is None:
            return f"{text}; there is no checkpoint yet, so start again with a lower rate (optimiser.lr_g={rate:g})"
        return f"{text}; the last good checkpoint is {int(good.name):,}: start a new run from it at a lower rate"

    def _eta(self, share: float | None, rate: float) -> float | None:
        session, stop = self.session, self.session.config.stop
        if share is None or rate <= 0:
            return None
        per_s = rate / session.images_per_iteration
        left = []
        if stop.iterations:
            left.append((stop.iterations - session.done.iteration) / per_s)
        if stop.images:
            left.append((stop.images - session.done.images) / rate)
        if stop.minutes:
            left.append(stop.minutes * 60 - session.done.seconds)
        return round(max(0.0, min(left)), 1)

    def sample(self) -> None:
        """Save a grid of fixed latents and one of fresh ones, all from this moment, then tell where."""
        session = self.session
        self._sampled = session.done.iteration
        if not session.ranks.first:
            return
        if session.average:
            session.average.refresh_buffers()
        config, count = session.config, session.config.sampling.count
        seed = derived_seed(config.seed, "random", session.done.iteration)
        at = f"{session.done.iteration:08d}"
        fresh = latents(seed, "sample", count, config.architecture.latent)
        saved = {
            "fixed": self._fixed_grid(f"fixed-{at}", session.sampler),
            "random": self._grid(f"random-{at}", session.sampler, fresh),
        }
        rows, columns = grid_shape(count)
        weights = "ema" if session.average else "raw"
        self.say(
            events.SamplesSaved(
                fixed=saved["fixed"], random=saved["random"], rows=rows, columns=columns,
                size=config.data.size, weights=weights, random_seed=seed,
            )
        )  # fmt: skip
        self._measure()

    def _fixed_grid(self, name: str, network: Generator) -> str:
        """A grid of the fixed latents as `network` draws them; returns its path, relative to the run's folder."""
        config = self.session.config
        if self._fixed is None:
            self._fixed = latents(config.seed, "fixed", config.sampling.count, config.architecture.latent)
        return self._grid(name, network, self._fixed)

    def _grid(self, name: str, network: Generator, z: torch.Tensor) -> str:
        data, labels = self.session.data, None
        if data.class_names:
            labels = torch.arange(len(z)) % len(data.class_names)
        path = self.run.samples_path / f"{name}.png"
        files.own_folder(path.parent)
        save_png(path, tile(draw_pictures(network, z, data.fill, labels)))
        return path.relative_to(self.run.path).as_posix()

    def _measure(self, last: bool = False) -> None:
        """Measure KID where that is affordable (`last`: possible), and keep the best weights so far."""
        session = self.session
        if self._meter is None or not session.done.iteration:
            return
        if not (self._meter.possible if last else self._meter.affordable):
            return
        self._measured = session.done.iteration
        measured = attempt(self._meter.measure)
        if measured is None:
            self._meter = None
            free_memory(session.machine.device)
            self.say(events.RunWarning(message="Out of memory: KID is no longer measured.", about="memory"))
            return
        self.say(measured)
        if measured.value is None or measured.value >= session.best.get("value", float("inf")):
            return
        session.best = {"name": measured.name, "value": measured.value, "iteration": session.done.iteration}
        folder = checkpoints.save(self.run.checkpoints_path / checkpoints.BEST, capture(session, only_weights=True))
        self.say(events.CheckpointSaved(path=folder.relative_to(self.run.path).as_posix(), reason="best"))

    def checkpoint(self, reason: str, *, answer: bool = False) -> Path:
        """Save a checkpoint (unless this iteration has one), remove old ones, tell where.

        With `answer` it is told also where it was there already: somebody asked and waits.
        """
        session, sampling = self.session, self.session.config.sampling
        folder = self.run.checkpoints_path / f"{session.done.iteration:08d}"
        if self._checkpointed == session.done.iteration:
            if answer and session.ranks.first:
                self.say(events.CheckpointSaved(path=folder.relative_to(self.run.path).as_posix(), reason=reason))
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
            self.say(events.CheckpointSaved(path=folder.relative_to(self.run.path).as_posix(), reason=reason))
        return folder

    def _obey(self, now: float) -> None:
        """Take and obey the waiting commands. Raises Stopped."""
        ranks = self.session.ranks
        if ranks.count > 1:  # A signal may have come to any of them.
            self._carry_out(ranks.largest(self._bits() if ranks.first else int(bool(self.stop_reason))))
            return
        if self.stop_reason or now - self._polled >= POLL_S:
            self._polled = now
            self._carry_out(self._bits())

    def _bits(self) -> int:
        """What is to be done as one number for ranks to agree on (`_BITS`).

        Without its folder a run has nowhere to put what it trains, and nobody could ever ask it to stop.
        """
        if self.run.is_gone():
            return _GIVE_UP
        taken = self.run.take_commands(self._since)
        if "pause" in taken and "resume" in taken:  # What was asked last counts.
            taken.remove(min(("pause", "resume"), key=taken.index))
        return sum(_BITS[name] for name in taken) | (_STOP if self.stop_reason else 0)

    def _carry_out(self, bits: int) -> None:
        self._save_what_was_asked(bits)
        if bits & _PAUSE:
            self._pause()

    def _save_what_was_asked(self, bits: int) -> None:
        """Samples and checkpoints, before anything else that was asked at the same time. Raises Stopped."""
        if bits & _GIVE_UP:
            raise folder_is_gone(self.run)
        if bits & _SAMPLE:
            self.flush()
            self.sample()
        if bits & _CHECKPOINT:
            self.checkpoint("asked", answer=True)
        if bits & _STOP:
            raise Stopped(self.stop_reason or "asked to stop")

    def _pause(self) -> None:
        self.flush()
        self.checkpoint("asked")
        self.say(events.RunPaused())
        ranks = self.session.ranks
        while True:
            bits = 0
            if ranks.first:
                bits = self._bits()
                if time.perf_counter() - self._spoke >= HEARTBEAT_S:
                    self.say(events.Heartbeat(state="paused"))
            bits = ranks.agreed(bits)
            self._save_what_was_asked(bits)
            if bits & _RESUME:
                break
            if bits & (_SAMPLE | _CHECKPOINT):
                self.say(events.RunPaused())
            time.sleep(0.1)
        self._rate.forget()
        self._flushed = time.perf_counter()
        self.say(events.RunResumed())
