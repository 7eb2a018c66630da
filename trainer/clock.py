"""Measures training time on an asynchronous device without waiting for it at every step."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import torch

from trainer import device as devices

AHEAD = 8
"""Iterations the program may be ahead of the device: enough to keep it busy, and only seconds of work."""


class TrainingClock:
    """Counts seconds of training: the time from `start` to `stop`, and the time `settle` waits.

    A step returns before the device has computed it. `stop` waits for the iteration `AHEAD` before, `settle` for all.

    Attributes:
        seconds: counted so far; can be set.
    """

    def __init__(self, device: torch.device, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._device = device
        self._since = 0.0
        self._unfinished: deque[Any] = deque()

    def start(self) -> None:
        """Start counting, at the beginning of an iteration."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Stop counting, when the iteration has been handed to the device."""
        if (mark := devices.marked(self._device)) is not None:
            self._unfinished.append(mark)
            if len(self._unfinished) > AHEAD:
                self._unfinished.popleft().synchronize()
        self.seconds += time.perf_counter() - self._since

    def settle(self) -> None:
        """Between iterations: wait until the device is done, and count that time."""
        if self._unfinished:
            self.start()
            self._unfinished.pop().synchronize()
            self._unfinished.clear()
            self.seconds += time.perf_counter() - self._since
