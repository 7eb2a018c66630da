"""Finds spikes in the curves while a run trains, and saves grids from before, at and after each.

A copy of the generator's weights is kept from the last time the curves were written, and only drawn when the curves
since then hold a spike.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import torch

from trainer.protocol.events import Progress, SpikeFound
from trainer.protocol.spikes import SpikeFeed
from trainer.session import Session

SHARE = 0.003  # Of the training time, for copies and for grids each.

SaveGrid = Callable[[str, Any], str]
"""(name of the file, generator) -> path of the saved grid of the fixed latents, relative to the run's folder."""


class SpikeWatch:
    """Finds spikes in the curves of one session; `say` writes an event."""

    def __init__(self, session: Session, save_grid: SaveGrid, say: Callable[[SpikeFound], None]) -> None:
        self._session, self._save_grid, self._say = session, save_grid, say
        self._feed = SpikeFeed()
        self._kept: list[torch.Tensor] = []
        self._kept_at = -1
        self._copying = self._drawing = 0.0  # Seconds spent.
        self._scratch: Any = None
        self._waiting: list[SpikeFound] = []

    def look(self, progress: Progress) -> None:
        """Look at the newest curves. A spike is written at the next look, when its "after" can be drawn."""
        self._write()
        found = self._feed.feed([progress])
        if found:
            grids = self._before_and_at(found[0])
            self._waiting = [dataclasses.replace(found[0], **grids), *found[1:]]
        self._keep()

    def settle(self) -> None:
        """Write the spikes that still wait, before training ends."""
        self._write()

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        for spike in waiting:
            if spike.pictures:
                started = time.perf_counter()
                path = self._save_grid(f"spike-{spike.spike_iteration:08d}-after", self._session.sampler)
                self._drawing += time.perf_counter() - started
                spike = dataclasses.replace(
                    spike,
                    pictures={**spike.pictures, "after": path},
                    moments={**spike.moments, "after": self._session.done.iteration},
                )
            self._say(spike)

    def _before_and_at(self, spike: SpikeFound) -> dict[str, Any]:
        session = self._session
        known = 0 <= self._kept_at < spike.spike_iteration
        if not known or self._drawing > SHARE * session.done.seconds:
            return {}
        started = time.perf_counter()
        if self._scratch is None:
            self._scratch = copy.deepcopy(session.sampler).eval().requires_grad_(False)
        for target, source in zip(_tensors(self._scratch), self._kept, strict=True):
            target.copy_(source)
        name = f"spike-{spike.spike_iteration:08d}"
        pictures = {
            "before": self._save_grid(f"{name}-before", self._scratch),
            "at": self._save_grid(f"{name}-at", session.sampler),
        }
        self._drawing += time.perf_counter() - started
        return {"pictures": pictures, "moments": {"before": self._kept_at, "at": session.done.iteration}}

    @torch.no_grad()
    def _keep(self) -> None:
        """Copy the weights that draw pictures, unless copies have taken their share of the time."""
        session = self._session
        if self._copying > SHARE * session.done.seconds:
            return
        started = time.perf_counter()
        if session.average:
            session.average.refresh_buffers()
        now = _tensors(session.sampler)
        if not self._kept:
            self._kept = [torch.empty_like(tensor) for tensor in now]
        for target, source in zip(self._kept, now, strict=True):
            target.copy_(source)
        self._kept_at = session.done.iteration
        self._copying += time.perf_counter() - started


def _tensors(network: Any) -> list[torch.Tensor]:
    return [tensor.detach() for tensor in (*network.parameters(), *network.buffers())]
