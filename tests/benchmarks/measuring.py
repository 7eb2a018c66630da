"""What several benchmarks need: peaks of memory by process, and why something is not measured."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

NOT_INSTALLED = "not installed"
_MB = 1024 / 1e6


def reason(stderr: str) -> str:
    """Why a process failed, in a few words: NOT_INSTALLED where it lacks a module, else its last line."""
    last = (stderr.strip().splitlines() or ["no word why"])[-1]
    return NOT_INSTALLED if last.startswith(("ModuleNotFoundError", "ImportError")) else f"failed: {last[:80]}"


class PeakMemory:
    """Watches the peak resident memory of this process and of those that it starts, on Linux (elsewhere None).

    Not `resource.getrusage`: a child's figure there begins with its parent's, which fork and exec hand down.
    """

    def __init__(self) -> None:
        self._peaks: dict[int, int] = {}  # kB by process
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def megabytes(self) -> float | None:
        """The sum of all peaks, in MB (10^6 bytes), as everywhere here."""
        return sum(self._peaks.values()) * _MB if self._peaks else None

    def own_megabytes(self) -> float | None:
        """The peak of this process."""
        return self._peaks[os.getpid()] * _MB if self._peaks else None

    def largest_child_megabytes(self) -> float | None:
        """The highest peak among the processes that this one started; None where there was none."""
        others = [peak for process, peak in self._peaks.items() if process != os.getpid()]
        return max(others) * _MB if others else None

    def _watch(self) -> None:
        while Path("/proc/self/task").is_dir():
            for process in (os.getpid(), *_children()):
                with contextlib.suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{process}/status").read_text().splitlines()
                    peak = next(line for line in lines if line.startswith("VmHWM"))
                    self._peaks[process] = int(peak.split()[1])
            if self._done.wait(0.05):
                return


def _children() -> list[int]:
    """The processes that threads of this one started."""
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found
