"""The curves of a run: buffered on the device, written as Progress events, watched for spikes and divergence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

from trainer import checkpoints
from trainer.curves import CurveBuffer, Throughput
from trainer.device import memory_mb
from trainer.protocol import events
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import rates, share_done
from trainer.session import Session
from trainer.spike_watch import SpikeWatch
from trainer.utilisation import utilisation_of

WRITE_S = (0.5, 2.0)
"""Curves are written at most once in the first time, and at least once in the second."""


class ProgressWriter:
    """Collects the curves of a session and writes them through `say`; on other ranks than the first drops them.

    `spikes`, when given, sees every event written. `measures_device`: whether events hold the device's utilisation.
    """

    def __init__(
        self,
        session: Session,
        run: RunDirectory,
        say: Callable[[events.TrainEvent], None],
        spikes: SpikeWatch | None,
        measures_device: bool,
    ) -> None:
        self._session, self._run, self._say, self._spikes = session, run, say, spikes
        self._every = session.config.sampling.progress_every
        names = events.FLOW_CURVES if session.config.is_flow else events.CURVES
        self._curves = CurveBuffer(session.machine.device, max(256, self._every), names)
        self._throughput = Throughput()
        self._busy = utilisation_of(session.machine.device) if measures_device else None
        self._written = time.perf_counter()

    def add(self, values: Mapping[str, torch.Tensor], penalised: bool) -> None:
        """Add the values of the iteration just done, by the curves' names; does not wait for the device."""
        self._curves.add(self._session.done.iteration, values, penalised)

    def is_due(self, now: float) -> bool:
        """Whether to write at `now` (of time.perf_counter)."""
        quiet = now - self._written
        enough = len(self._curves) >= self._every and quiet >= WRITE_S[0]
        return self._curves.full or enough or quiet >= WRITE_S[1]

    def write(self) -> None:
        """Write the waiting curves. Raises TrainerError (cause "nan") naming the first iteration with a NaN."""
        if not len(self._curves):
            return
        session = self._session
        if not session.ranks.first:  # All ranks hold the same values.
            self._curves.clear()
            return
        first = self._curves.first_iteration
        curves, broken = self._curves.take()
        rate, share = self._throughput.mark(session.done.images), share_done(session.config.stop, session.done)
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
            lr_d=0.0 if session.config.is_flow else session.config.optimiser.lr_d * now.factor,
            augment_probability=session.augment,
            trained_s=round(session.done.seconds, 3),
        )
        self._say(progress)
        self._written = time.perf_counter()
        if broken is not None:
            raise TrainerError(self._diverged(broken), "nan")
        if self._spikes:
            self._spikes.look(progress)

    def skip_pause(self) -> None:
        """Measure rates anew after a pause."""
        self._throughput.clear()
        self._written = time.perf_counter()

    def close(self) -> None:
        """Stop measuring the device."""
        if self._busy:
            self._busy.close()

    def _eta(self, share: float | None, rate: float) -> float | None:
        """Seconds to the nearest limit; None without one."""
        session, stop = self._session, self._session.config.stop
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

    def _diverged(self, broken: int) -> str:
        text = f"training diverged: a loss or gradient was no longer a number at iteration {broken:,}"
        try:
            good, _ = checkpoints.newest_good(self._run.checkpoints())
        except checkpoints.Unreadable as error:
            return f"{text}; {error}"
        rate = self._session.config.optimiser.lr_g / 2
        if good is None:
            return f"{text}; there is no checkpoint yet, so start again with a lower rate (optimiser.lr_g={rate:g})"
        return f"{text}; the last good checkpoint is {int(good.name):,}: start a new run from it at a lower rate"
