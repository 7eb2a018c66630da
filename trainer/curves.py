"""The raw curves: one row an iteration, gathered on the device and read only now and then."""

from __future__ import annotations

import math
import time

import torch

from trainer.game import D_VALUES
from trainer.protocol.events import CURVES


class CurveBuffer:
    """Per-iteration values waiting to be written.

    Attributes:
        first_iteration: the oldest waiting row's.
    """

    def __init__(self, device: torch.device, capacity: int) -> None:
        self._rows = torch.zeros(capacity, len(CURVES), device=device)
        self._penalised: list[bool] = []
        self.first_iteration = 1

    def __len__(self) -> int:
        return len(self._penalised)

    @property
    def full(self) -> bool:
        """Whether the next row would not fit."""
        return len(self) == len(self._rows)

    def add(self, iteration: int, of_d: torch.Tensor, of_g: torch.Tensor, penalised: bool) -> None:
        """Note one iteration: what the discriminator's and the generator's phase returned. No waiting."""
        if not self._penalised:
            self.first_iteration = iteration
        d = dict(zip((*D_VALUES, "grad_norm_d"), of_d, strict=True))
        g = dict(zip(("loss_g", "grad_norm_g"), of_g, strict=True))
        self._rows[len(self)] = torch.stack([(d | g)[name].float() for name in CURVES])
        self._penalised.append(penalised)

    def take(self) -> tuple[dict[str, list[float | None]], int | None]:
        """All waiting rows as curves, and the first iteration with a value that is no number, or None. Waits."""
        table = self._rows[: len(self)].tolist()
        broken = None
        curves: dict[str, list[float | None]] = {name: [] for name in CURVES}
        for offset, (row, penalised) in enumerate(zip(table, self._penalised, strict=True)):
            for name, value in zip(CURVES, row, strict=True):
                if not math.isfinite(value) and broken is None:
                    broken = self.first_iteration + offset
                absent = not math.isfinite(value) or (name == "penalty" and not penalised)
                curves[name].append(None if absent else float(f"{value:.5g}"))
        self.forget()
        return curves, broken

    def forget(self) -> None:
        """Drop the waiting rows unread. No waiting."""
        self._penalised.clear()


class Rate:
    """Pictures a second over the last half minute or so."""

    def __init__(self, window_s: float = 30.0) -> None:
        self._window = window_s
        self._marks: list[tuple[float, int]] = []

    def mark(self, images: int) -> float:
        """Note that `images` have been seen by now; returns the rate (0.0 at first)."""
        now = time.perf_counter()
        self._marks.append((now, images))
        while len(self._marks) > 2 and self._marks[0][0] < now - self._window:
            self._marks.pop(0)
        then, before = self._marks[0]
        span = now - then
        return (images - before) / span if span > 0 and len(self._marks) > 1 else 0.0

    def forget(self) -> None:
        """Start anew, after a pause."""
        self._marks.clear()
