"""How long training has taken on a device that lags behind the program, without waiting for it at every step."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import torch

from trainer import device as devices

AHEAD = 8
"""Iterations that the program may be ahead of the device: enough for it never to run dry, and few seconds of work."""


class TrainingClock:
    """Seconds of training: from `start` to `stop`, and what `settle` waits; what lies between is not counted.

    A step returns before the device has computed it, so the program's own time alone says too little. It waits for the
    iteration `AHEAD` before, and wherever it would wait anyway (`settle`); both belong to the training.

    Attributes:
        seconds: counted so far; may be set.
    """

    def __init__(self, device: torch.device, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._device = device
        self._since = 0.0
        self._unfinished: deque[Any] = deque()

    def start(self) -> None:
        """An iteration begins."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """An iteration has been handed to the device."""
        if (mark := devices.marked(self._device)) is not None:
            self._unfinished.append(mark)
            if len(self._unfinished) > AHEAD:
                self._unfinished.popleft().synchronize()
        self.seconds += time.perf_counter() - self._since

    def settle(self) -> None:
        """Wait until the device has done everything; between iterations."""
        if self._unfinished:
            self.start()
            self._unfinished.pop().synchronize()
            self._unfinished.clear()
            self.seconds += time.perf_counter() - self._since
