"""Utilisation of the device: this process's share of the CPU, or the GPU's as reported by nvidia-smi."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import torch

QUERY_S = 5.0
"""Seconds between two runs of nvidia-smi."""
TIMEOUT_S = 4.0


class CpuUtilisation:
    """Share of all CPU cores that this process has used since the last call."""

    def __init__(self) -> None:
        self._at = (time.perf_counter(), time.process_time())

    def percent(self) -> float | None:
        """In [0, 100]; None when called again within 10 ms."""
        wall, used = time.perf_counter(), time.process_time()
        passed = wall - self._at[0]
        if passed < 0.01:
            return None
        share = (used - self._at[1]) / (passed * (os.cpu_count() or 1))
        self._at = (wall, used)
        return min(100.0, 100 * share)

    def close(self) -> None:
        """Does nothing."""


class GpuUtilisation:
    """Share of time in which a GPU was busy, queried by a command in a background thread."""

    def __init__(self, command: Sequence[str], every: float = QUERY_S) -> None:
        """`command` prints a number in [0, 100]; it is not called again once it is missing, fails or takes too long."""
        self._command, self._every = list(command), every
        self._newest: float | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="utilisation", daemon=True)
        self._thread.start()

    def percent(self) -> float | None:
        """The newest value, or None."""
        return self._newest

    def close(self) -> None:
        """Stop the thread."""
        self._closed.set()

    def _ask(self) -> None:
        while not self._closed.is_set():
            self._newest = _output_number(self._command)
            if self._newest is None or self._closed.wait(self._every):
                return


def utilisation_of(device: torch.device) -> CpuUtilisation | GpuUtilisation | None:
    """The utilisation meter for a device, or None (MPS)."""
    if device.type == "cpu":
        return CpuUtilisation()
    if device.type == "cuda":
        # By UUID: nvidia-smi does not know CUDA_VISIBLE_DEVICES and may number GPUs in another order.
        uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
        if uuid is not None:
            return GpuUtilisation(nvidia_smi(f"GPU-{uuid}"))
    return None


def nvidia_smi(gpu: str) -> list[str]:
    """The command that prints the utilisation of the GPU with this UUID, percent."""
    return ["nvidia-smi", f"--id={gpu}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]


def _output_number(command: list[str]) -> float | None:
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0) if sys.platform == "win32" else 0
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=True,
            creationflags=flags,
        )  # fmt: skip
        value = float(done.stdout.strip())
        return value if 0 <= value <= 100 else None
    return None
