"""Processes that judge shares of pairs. Whatever they leave undone, dying or never starting, is given back undone."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gandam_studio.core.duplicates.verifying_worker import Judged, unpack_judged
from gandam_studio.core.importing.pool import started
from gandam_studio.core.importing.worker import read_frame, write_frame

# -P: a folder of downloads that holds a numpy.py must not become part of the program.
COMMAND = [sys.executable, "-P", "-m", "gandam_studio.core.duplicates.verifying_worker"]
_POLL_S = 0.1
_END_S = 5.0


class VerifyingPool:
    """A context manager over `workers` processes that read the originals in a folder.

    Plain children on pipes, as the import's (`importing.pool`): they can be killed at once, open no console, and what
    they answer is data. Each works at one share at a time.
    """

    def __init__(self, originals: Path, workers: int) -> None:
        self._start = json.dumps({"originals": str(originals)}).encode("ascii")
        self._processes: list[subprocess.Popen[bytes]] = []
        for _ in range(workers):
            with contextlib.suppress(OSError):  # too many processes, or too little memory for another
                self._processes.append(started(COMMAND))
        for process in self._processes:
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                write_frame(process.stdin, self._start)

    def __enter__(self) -> VerifyingPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the processes and let go of everything."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self._processes = []

    def run(
        self, tasks: Sequence[Callable[[], bytes]], check: Callable[[], None]
    ) -> Iterator[tuple[int, Judged | None]]:
        """(number, answer) of every task as it is done, None for what no process has done.

        tasks: each gives its frame (`verifying_worker.pack_share`). `check` is called often and may raise
        (cancellation); the processes are then killed.
        """
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(tasks)):
            waiting.put(number)
        events: queue.SimpleQueue[tuple[int, Judged | None]] = queue.SimpleQueue()
        threads = [
            threading.Thread(target=_serve, args=(process, tasks, waiting, events), daemon=True)
            for process in self._processes
        ]
        for thread in threads:
            thread.start()
        left = set(range(len(tasks)))
        try:
            while left:
                check()
                try:
                    number, judged = events.get(timeout=_POLL_S)
                except queue.Empty:
                    if any(thread.is_alive() for thread in threads) or not events.empty():
                        continue
                    number, judged = min(left), None  # nobody is left to do it
                left.discard(number)
                yield number, judged
        except BaseException:
            self.close()
            raise
        finally:
            for thread in threads:
                thread.join(_END_S)


def _serve(
    process: subprocess.Popen[bytes],
    tasks: Sequence[Callable[[], bytes]],
    waiting: queue.SimpleQueue[int],
    events: queue.SimpleQueue[tuple[int, Judged | None]],
) -> None:
    """Hand tasks to one process until none is left or it died; runs in a thread of its own."""
    assert process.stdin is not None
    assert process.stdout is not None
    while True:
        try:
            number = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            write_frame(process.stdin, tasks[number]())
            frame = read_frame(process.stdout)
            judged = unpack_judged(frame) if frame is not None else None
        except (OSError, ValueError, TypeError):
            judged = None
        events.put((number, judged))
        if judged is None:
            process.kill()
            return
