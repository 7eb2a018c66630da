"""Per-iteration values of a run: gathered on the device, read in batches."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import torch

from trainer.protocol.events import CURVES

MAY_BE_ABSENT = ("error_much_noise", "error_some_noise", "error_little_noise")
"""NaN here means that there was nothing to measure, not that training has diverged."""


class CurveBuffer:
    """Per-iteration values waiting to be written.

    Attributes:
        first_iteration: the iteration of the oldest row.
    """

    def __init__(self, device: torch.device, capacity: int, names: tuple[str, ...] = CURVES) -> None:
        """`names`: the curves' (see `events.CURVES`, `events.FLOW_CURVES`)."""
        self._names = names
        self._rows = torch.zeros(capacity, len(names), device=device)
        self._penalised: list[bool] = []
        self.first_iteration = 1

    def __len__(self) -> int:
        return len(self._penalised)

    @property
    def full(self) -> bool:
        """Whether the next row would not fit."""
        return len(self) == len(self._rows)

    def add(self, iteration: int, values: Mapping[str, torch.Tensor], penalised: bool) -> None:
        """Add a row of scalars by name; does not wait for the device."""
        if not self._penalised:
            self.first_iteration = iteration
        self._rows[len(self)] = torch.stack([values[name].float() for name in self._names])
        self._penalised.append(penalised)

    def take(self) -> tuple[dict[str, list[float | None]], int | None]:
        """Remove all rows; returns them as curves, and the first iteration with a NaN or infinity, or None.

        Waits for the device.
        """
        table = self._rows[: len(self)].tolist()
        broken = None
        curves: dict[str, list[float | None]] = {name: [] for name in self._names}
        for offset, (row, penalised) in enumerate(zip(table, self._penalised, strict=True)):
            for name, value in zip(self._names, row, strict=True):
                if not math.isfinite(value) and broken is None and name not in MAY_BE_ABSENT:
                    broken = self.first_iteration + offset
                absent = not math.isfinite(value) or (name == "penalty" and not penalised)
                curves[name].append(None if absent else float(f"{value:.5g}"))
        self.clear()
        return curves, broken

    def clear(self) -> None:
        """Drop all rows; does not wait for the device."""
        self._penalised.clear()


class Throughput:
    """Pictures per second over the last `window_s` seconds."""

    def __init__(self, window_s: float = 30.0) -> None:
        self._window = window_s
        self._marks: list[tuple[float, int]] = []

    def mark(self, images: int) -> float:
        """Record that `images` have been seen by now; returns the rate (0.0 the first time)."""
        now = time.perf_counter()
        self._marks.append((now, images))
        while len(self._marks) > 2 and self._marks[0][0] < now - self._window:
            self._marks.pop(0)
        then, before = self._marks[0]
        span = now - then
        return (images - before) / span if span > 0 and len(self._marks) > 1 else 0.0

    def clear(self) -> None:
        """Forget all marks."""
        self._marks.clear()
