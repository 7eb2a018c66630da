"""Grids of sample pictures that a run saves while it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from trainer.dataset import snapped
from trainer.grids import draw_pictures, grid_shape, save_png, tile
from trainer.networks import Generator
from trainer.protocol import events, files
from trainer.protocol.run_directory import RunDirectory
from trainer.randomness import derived_seed, latents
from trainer.session import Session


class SampleGrids:
    """Saves grids of a session's pictures below `run`; `say` writes an event.

    Attributes:
        fixed_pictures: those of the newest grid of the fixed latents, uint8 (N, H, W, C), or None.
    """

    def __init__(self, session: Session, run: RunDirectory, say: Callable[[events.TrainEvent], None]) -> None:
        self._session, self._run, self._say = session, run, say
        self._fixed: torch.Tensor | None = None
        self.fixed_pictures: np.ndarray[Any, Any] | None = None

    def save(self) -> None:
        """Save one grid of the fixed latents and one of fresh latents, and write the event."""
        session = self._session
        if session.average:
            session.average.refresh_buffers()
        config, count = session.config, session.config.sampling.count
        seed = derived_seed(config.seed, "random", session.done.iteration)
        at = f"{session.done.iteration:08d}"
        fresh = latents(seed, "sample", count, self._session.sampler.latent)
        drawn = self._draw(session.sampler, self._fixed_latents())
        self.fixed_pictures = self._finished(drawn)
        fixed = self._save(f"fixed-{at}", self.fixed_pictures)
        raw_fixed = self._save_raw(f"raw-fixed-{at}", drawn, self.fixed_pictures)
        drawn = self._draw(session.sampler, fresh)
        finished = self._finished(drawn)
        random = self._save(f"random-{at}", finished)
        raw_random = self._save_raw(f"raw-random-{at}", drawn, finished)
        rows, columns = grid_shape(count)
        weights = "ema" if session.average else "raw"
        self._say(
            events.SamplesSaved(
                fixed=fixed, random=random, rows=rows, columns=columns,
                size=config.data.size, weights=weights, random_seed=seed, raw_fixed=raw_fixed, raw_random=raw_random,
            )
        )  # fmt: skip

    def save_fixed(self, name: str, network: Generator) -> str:
        """Save a grid of the fixed latents drawn by `network`; returns its path, relative to the run's folder."""
        return self._save(name, self._finished(self._draw(network, self._fixed_latents())))

    def _fixed_latents(self) -> torch.Tensor:
        config = self._session.config
        if self._fixed is None:
            self._fixed = latents(config.seed, "fixed", config.sampling.count, self._session.sampler.latent)
        return self._fixed

    def _draw(self, network: Generator, z: torch.Tensor) -> np.ndarray[Any, Any]:
        data, labels = self._session.data, None
        if data.class_names:
            labels = torch.arange(len(z)) % len(data.class_names)
        return draw_pictures(network, z, data.fill, labels)

    def _finished(self, pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return snapped(pictures, self._session.data.fill, self._session.config.sampling.snap)

    def _save_raw(self, name: str, drawn: np.ndarray[Any, Any], finished: np.ndarray[Any, Any]) -> str:
        """Save the pictures as they were drawn; returns the path, "" where finishing changed none."""
        return "" if np.array_equal(drawn, finished) else self._save(name, drawn)

    def _save(self, name: str, pictures: np.ndarray[Any, Any]) -> str:
        path = self._run.samples_path / f"{name}.png"
        files.own_folder(path.parent)
        save_png(path, tile(pictures))
        return path.relative_to(self._run.path).as_posix()
