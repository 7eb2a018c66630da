"""The trainer's own meter: KID at sample points, to keep the best weights; it never spends more than a hundredth."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from trainer.dataset import over_background, to_pixels
from trainer.features import NAME, RandomFeatures
from trainer.grids import draw_pictures
from trainer.kid import Reference
from trainer.protocol import events
from trainer.randomness import derived_seed, latents
from trainer.session import Session

PICTURES = 256
LEAST = 32
SHARE = 0.01  # Of the training time.


class Meter:
    """KID of fresh pictures against held-out ones (or, with fewer than 32 of those, against training pictures)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._spent = 0.0
        rows = session.data.held_out if len(session.data.held_out) >= LEAST else session.data.train
        self._against = "held-out" if rows is session.data.held_out else "train"
        self._rows = rows[torch.linspace(0, len(rows) - 1, min(PICTURES, len(rows))).long()]
        self._reference: Reference | None = None
        self._network: RandomFeatures | None = None

    @property
    def possible(self) -> bool:
        """Whether there are pictures enough."""
        return len(self._rows) >= LEAST

    @property
    def affordable(self) -> bool:
        """Whether measuring now stays within its share of the time (the first time is free)."""
        return self.possible and self._spent <= SHARE * self._session.done.seconds

    def measure(self) -> events.MetricMeasured:
        """Measure now."""
        started, session = time.perf_counter(), self._session
        if self._network is None or self._reference is None:
            self._network = RandomFeatures().to(session.machine.device)
            self._reference = Reference.of(self._network(self._real()))
        seed = derived_seed(session.config.seed, "meter", session.done.iteration)
        z = latents(seed, "sample", PICTURES, session.config.architecture.latent)
        labels = None
        if session.data.class_names:
            labels = torch.arange(PICTURES) % len(session.data.class_names)
        value = self._reference.kid(self._network(draw_pictures(session.sampler, z, session.data.fill, labels)))
        self._spent += time.perf_counter() - started
        facts: dict[str, Any] = {"against": self._against, "pictures": PICTURES, "real": len(self._rows)}
        return events.MetricMeasured(name="kid", value=value, features=NAME, values=facts)

    def _real(self) -> np.ndarray[Any, Any]:
        x = self._session.data.pixels[self._rows.to(self._session.data.pixels.device)].permute(0, 3, 1, 2)
        x = x.to(self._session.data.fill.device).float() / 127.5 - 1
        return to_pixels(over_background(x, self._session.data.fill) if x.shape[1] == 4 else x, self._session.data.fill)
