"""How busy the device is: this process's share of the CPU, or what NVIDIA's driver says of a GPU, asked by a thread."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

QUERY_S = 5.0
"""A GPU is asked this often: without nvidia-ml-py each question starts a process."""
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
    """Share of time in which a GPU computed, as its driver says; asked by a thread that nobody waits for."""

    def __init__(self, ask: Callable[[], float | None], every: float = QUERY_S) -> None:
        """`ask` returns a number in [0, 100], or None where there is none: then it is not called again."""
        self._ask, self._every = ask, every
        self._newest: float | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="utilisation", daemon=True)
        self._thread.start()

    def percent(self) -> float | None:
        """The newest value, or None."""
        return self._newest

    def close(self) -> None:
        """Stop the thread."""
        self._closed.set()

    def _work(self) -> None:
        while not self._closed.is_set():
            self._newest = self._ask()
            if self._newest is None or self._closed.wait(self._every):
                return


def utilisation_of(device: torch.device) -> CpuUtilisation | GpuUtilisation | None:
    """The utilisation meter for a device, or None (MPS)."""
    if device.type == "cpu":
        return CpuUtilisation()
    if device.type == "cuda":
        # By UUID: the driver does not know CUDA_VISIBLE_DEVICES and may number GPUs in another order.
        uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
        if uuid is not None:
            return GpuUtilisation(by_library(f"GPU-{uuid}") or partial(number_printed, nvidia_smi(f"GPU-{uuid}")))
    return None


def by_library(gpu: str) -> Callable[[], float | None] | None:
    """What asks the driver within this process, of the GPU with this UUID; None without nvidia-ml-py or the driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(gpu)
    except pynvml.NVMLError:
        return None

    def ask() -> float | None:
        try:
            return _percent(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        except pynvml.NVMLError:
            return None

    return ask


def nvidia_smi(gpu: str) -> list[str]:
    """The command that prints the utilisation of the GPU with this UUID, percent."""
    return ["nvidia-smi", f"--id={gpu}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]


def number_printed(command: Sequence[str]) -> float | None:
    """The number in [0, 100] that a command prints; None when it is missing, fails or takes too long."""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0) if sys.platform == "win32" else 0
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        done = subprocess.run(
            list(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=True,
            creationflags=flags,
        )  # fmt: skip
        return _percent(float(done.stdout.strip()))
    return None


def _percent(value: float) -> float | None:
    return float(value) if 0 <= value <= 100 else None
