"""KID at sample points, within a hundredth of the training time, and the checkpoint of the best weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from trainer import checkpoints
from trainer.dataset import real_pixels
from trainer.fresh_pictures import PICTURES, FreshPictures
from trainer.kid import Reference
from trainer.memory import attempt, free_memory
from trainer.protocol import events
from trainer.protocol.run_directory import RunDirectory
from trainer.session import Session, capture

LEAST = 32
SHARE = 0.01  # Of the training time.


class Meter:
    """KID of fresh pictures against held-out ones, or against training pictures when fewer than 32 are held out."""

    def __init__(self, session: Session, fresh: FreshPictures) -> None:
        self._session, self._fresh = session, fresh
        self._spent = 0.0
        rows = session.data.held_out if len(session.data.held_out) >= LEAST else session.data.train
        self._against = "held-out" if rows is session.data.held_out else "train"
        self._rows = rows[torch.linspace(0, len(rows) - 1, min(PICTURES, len(rows))).long()]
        self._reference: Reference | None = None

    @property
    def possible(self) -> bool:
        """Whether there are enough pictures."""
        return len(self._rows) >= LEAST

    @property
    def affordable(self) -> bool:
        """Whether measuring now stays within its share of the training time (the first time does not count)."""
        return self.possible and self._spent <= SHARE * self._session.done.seconds

    def measure(self) -> events.MetricMeasured:
        """Draw pictures and compare them with the real ones."""
        started, session = time.perf_counter(), self._session
        if self._reference is None:
            real = self._fresh.features_of(real_pixels(session.data, self._rows))
            self._reference = Reference.of(real, one_scale=self._fresh.space.one_scale)
        value = self._reference.kid(self._fresh.features())
        self._spent += time.perf_counter() - started
        return self._measured("kid", value)

    def measure_anew(self) -> events.MetricMeasured:
        """The same of other pictures of this moment, after `measure`."""
        started = time.perf_counter()
        assert self._reference is not None
        value = self._reference.kid(self._fresh.features_anew())
        self._spent += time.perf_counter() - started
        return self._measured("kid_best", value)

    def _measured(self, name: str, value: float) -> events.MetricMeasured:
        facts: dict[str, Any] = {"against": self._against, "pictures": PICTURES, "real": len(self._rows)}
        return events.MetricMeasured(name=name, value=value, features=self._fresh.space.name, values=facts)


class BestWeights:
    """Measures a session and saves the weights with the lowest KID so far as the checkpoint "best".

    The lowest of many values is low by luck too. So a moment that comes out lower than the best one is measured again
    with other latents, and only that value counts, now and when later moments are compared with it.

    Only the first rank measures. `say` writes an event.
    """

    def __init__(
        self, session: Session, run: RunDirectory, fresh: FreshPictures, say: Callable[[events.TrainEvent], None]
    ) -> None:
        self._session, self._run, self._say = session, run, say
        self._meter = Meter(session, fresh) if session.ranks.first else None
        self._measured = -1

    def measure(self) -> None:
        """Measure if that is affordable."""
        if self._meter and self._session.done.iteration and self._meter.affordable:
            self._measure(self._meter)

    def measure_last(self) -> None:
        """Measure if that is possible and has not been done at this iteration.

        A short run could afford no measurement but its first, and an early checkpoint would stay the best one.
        """
        iteration = self._session.done.iteration
        if self._meter and iteration and iteration != self._measured and self._meter.possible:
            self._measure(self._meter)

    def _measure(self, meter: Meter) -> None:
        session = self._session
        self._measured = session.done.iteration
        measured = attempt(meter.measure)
        if measured is None:
            self._meter = None
            free_memory(session.machine.device)
            self._say(
                events.RunWarning(message="Out of memory: the quality (KID) is no longer measured.", about="memory")
            )
            return
        self._say(measured)
        # What was measured by other features, as before an update of the program, says nothing about this value.
        comparable = session.best.get("features") == measured.features
        lowest = session.best.get("value", float("inf")) if comparable else float("inf")
        if measured.value is None or measured.value >= lowest:
            return
        again = attempt(meter.measure_anew)
        if again is None or again.value is None or again.value >= lowest:
            return
        self._say(again)
        session.best = {
            "name": measured.name, "value": again.value, "iteration": session.done.iteration,
            "features": measured.features,
        }  # fmt: skip
        folder = checkpoints.save(self._run.checkpoints_path / checkpoints.BEST, capture(session, only_weights=True))
        self._say(events.CheckpointSaved(path=folder.relative_to(self._run.path).as_posix(), reason="best"))
