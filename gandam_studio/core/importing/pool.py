"""Worker processes that may be killed: chunks go in, outcomes come out in the same order, whatever dies in between.

A worker that crashes or overstays on a picture is replaced; the picture is looked at once more alone, and refused when
it fails again. Everything else in its chunk is done by another worker.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gandam_studio.core.importing.items import REJECTED, Item, Outcome, pack_items, unpack_outcomes
from gandam_studio.core.importing.options import WorkSettings
from gandam_studio.core.importing.worker import HEARTBEAT, read_frame, write_frame
from gandam_studio.core.workspace.originals import PACKED_BYTES

# -P: a folder of downloads that holds a numpy.py must not become part of the program.
COMMAND = [sys.executable, "-P", "-m", "gandam_studio.core.importing.worker"]
_POLL_S = 0.1
_START_S = 60.0  # a worker that has not said hello by then never will
_FAILED_STARTS = 3
_UNWATCHED_S = 5.0
_PREFETCH = 2  # tasks a worker holds, so that it never waits for the parent
# Per worker, chunks under way and bytes of their small originals: bounds what waits for a slow picture before it.
_WINDOW = 32
_WINDOW_BYTES = 16 * 1024 * 1024
# Bytes: blocks up to this size are kept for reuse, and this much of it at most (glibc, mallopt(3)).
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}

Chunk = list[Item]
Check = Callable[[], None]


@dataclass
class _Slot:
    """A chunk under way: its items' outcomes come in pieces when a worker died on one of them."""

    items: Chunk
    outcomes: list[Outcome | None]
    left: int
    held_bytes: int  # that its outcomes may hold: originals small enough to be packed


@dataclass
class _Task:
    slot: _Slot
    first: int
    stop: int
    tries: int = 0


class _Worker:
    """One child process with its two pipe threads and its heartbeat file."""

    def __init__(self, settings: WorkSettings, events: queue.SimpleQueue, folder: Path) -> None:
        self.tasks: dict[int, _Task] = {}
        self.ready = False
        self._events = events
        self._path = folder / f"heartbeat-{id(self)}"
        self._path.write_bytes(bytes(HEARTBEAT.size))
        with self._path.open("r+b") as stream:
            self._heartbeat = mmap.mmap(stream.fileno(), HEARTBEAT.size)
        self._seen: tuple[int, int] = (0, 0)
        self._seen_at = time.monotonic()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.process = started(COMMAND)
        start = {"settings": asdict(settings), "heartbeat": str(self._path)}
        self._outbox.put(json.dumps(start).encode("ascii"))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def give(self, number: int, task: _Task) -> None:
        if not self.tasks:
            self._seen_at = time.monotonic()
        self.tasks[number] = task
        self._outbox.put(pack_items(number, task.slot.items[task.first : task.stop]))

    def position(self) -> tuple[int, int]:
        """(task number, index) of the item it looks at."""
        task, index = HEARTBEAT.unpack_from(self._heartbeat)
        return int(task), int(index)

    def forgive(self) -> None:
        """Count its time anew: nobody was watching, or the machine slept."""
        self._seen_at = time.monotonic()

    def idle_seconds(self) -> float:
        """How long the same item has been looked at; 0 with nothing to do."""
        now = time.monotonic()
        position = self.position()
        if position != self._seen or not self.tasks:
            self._seen, self._seen_at = position, now
        return now - self._seen_at

    def stop(self) -> None:
        """Kill it at once and let go of everything."""
        self.process.kill()
        self.process.wait()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._heartbeat.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _send(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while (frame := self._outbox.get()) is not None:
                write_frame(self.process.stdin, frame)

    def _receive(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while (frame := read_frame(self.process.stdout)) is not None:
                self._events.put((self, frame))
        self._events.put((self, None))


class Pool:
    """A context manager over `workers` processes, started as there is work for them.

    Attributes:
        restarts: how many workers had to be replaced.
    """

    def __init__(self, settings: WorkSettings, workers: int) -> None:
        self.restarts = 0
        self._settings = settings
        self._seconds = settings.decoding_limits.seconds
        self._size = workers
        self._workers: list[_Worker] = []
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        self._number = 0
        self._failed_starts = 0
        self._watched_at = time.monotonic()
        self._folder = tempfile.TemporaryDirectory(prefix="gandam-import-", ignore_cleanup_errors=True)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers = []
        self._folder.cleanup()

    def run(self, chunks: Iterator[Chunk], check: Check = lambda: None) -> Iterator[tuple[Chunk, list[Outcome]]]:
        """Outcomes of each chunk, in order. `check` is called often and may raise (cancellation)."""
        waiting: deque[_Task] = deque()
        order: deque[_Slot] = deque()
        held = 0
        exhausted = False
        while True:
            check()
            while (
                not exhausted
                and len(waiting) < self._size
                and len(order) < _WINDOW * self._size
                and held < _WINDOW_BYTES * self._size
            ):
                chunk = next(chunks, None)
                exhausted = chunk is None
                if chunk:
                    slot = _Slot(chunk, [None] * len(chunk), len(chunk), _small_bytes(chunk))
                    held += slot.held_bytes
                    order.append(slot)
                    waiting.append(_Task(slot, 0, len(chunk)))
            self._hand_out(waiting)
            while order and order[0].left == 0:
                slot = order.popleft()
                held -= slot.held_bytes
                yield slot.items, [outcome for outcome in slot.outcomes if outcome is not None]
            if exhausted and not order:
                return
            self._wait(waiting)

    def _hand_out(self, waiting: deque[_Task]) -> None:
        while waiting:
            # A picture under suspicion is looked at with nobody else's work behind it.
            free = [w for w in self._workers if len(w.tasks) < (1 if waiting[0].tries else _PREFETCH)]
            idle = [worker for worker in free if not worker.tasks]
            if not idle and len(self._workers) < self._size:
                idle = [_Worker(self._settings, self._events, Path(self._folder.name))]
                self._workers += idle
            if not (idle or free):
                return
            self._number += 1
            min(idle or free, key=lambda worker: len(worker.tasks)).give(self._number, waiting.popleft())

    def _wait(self, waiting: deque[_Task]) -> None:
        """Take in what workers report, for a moment; replace those that died or hang."""
        try:
            worker, frame = self._events.get(timeout=_POLL_S)
            while True:
                self._take(worker, frame, waiting)
                worker, frame = self._events.get_nowait()
        except queue.Empty:
            pass
        now = time.monotonic()
        if now - self._watched_at > _UNWATCHED_S:
            for worker in self._workers:
                worker.forgive()
        self._watched_at = now
        for worker in list(self._workers):
            if worker.ready and worker.idle_seconds() > self._seconds:
                self._replace(worker, waiting, f"took longer than {self._seconds:g} seconds")
            elif not worker.ready and worker.idle_seconds() > _START_S:
                self._replace(worker, waiting, "")

    def _take(self, worker: _Worker, frame: bytes | None, waiting: deque[_Task]) -> None:
        if worker not in self._workers:
            return
        if frame is None:
            self._replace(worker, waiting, "")
        elif not worker.ready:
            worker.ready = True
            self._failed_starts = 0
        else:
            try:
                number, outcomes = unpack_outcomes(frame)
                task = worker.tasks.pop(number)
                if len(outcomes) != task.stop - task.first:
                    raise ValueError("a wrong number of outcomes")
            except (ValueError, KeyError, TypeError) as error:
                raise RuntimeError("an import worker gave a malformed answer") from error
            _settle(task, outcomes)

    def _replace(self, worker: _Worker, waiting: deque[_Task], overtime: str) -> None:
        """Stop a worker; its tasks go back to the front, the picture it died on apart from the others."""
        number, index = worker.position()
        self._workers.remove(worker)
        worker.stop()
        self.restarts += 1
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                raise RuntimeError("import workers cannot be started")
        back: list[_Task] = []
        for task_number, task in worker.tasks.items():
            if task_number == number and worker.ready:
                back += _after_death(task, index, overtime)
            else:
                back.append(task)
        waiting.extendleft(reversed(back))


def _small_bytes(items: Chunk) -> int:
    return sum(item.size for item in items if item.size <= PACKED_BYTES)


def _after_death(task: _Task, index: int, overtime: str) -> list[_Task]:
    """What remains to be done of a task whose worker died while looking at its item `index`."""
    slot, count = task.slot, task.stop - task.first
    if count == 1 and (task.tries or overtime):
        _settle(task, [Outcome(REJECTED, overtime or "the decoder crashed on it")])
        return []
    if index >= count:
        # It died hashing a batch: any of them may be the one.
        return [_Task(slot, i, i + 1, task.tries + 1) for i in range(task.first, task.stop)]
    culprit = task.first + index
    suspect = _Task(slot, culprit, culprit + 1, task.tries + 1)
    parts = [_Task(slot, task.first, culprit), suspect, _Task(slot, culprit + 1, task.stop)]
    if overtime:
        _settle(suspect, [Outcome(REJECTED, overtime)])
        parts.remove(suspect)
    return [part for part in parts if part.stop > part.first]


def _settle(task: _Task, outcomes: list[Outcome]) -> None:
    task.slot.outcomes[task.first : task.stop] = outcomes
    task.slot.left -= task.stop - task.first


def started(command: list[str]) -> subprocess.Popen[bytes]:
    """A process on pipes, in `worker_environment`; opens no console. Raises OSError when it cannot be started."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=worker_environment(),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def worker_environment() -> dict[str, str]:
    """Ours, with this checkout importable, numeric libraries held to one thread each, and freed memory kept at hand.

    glibc gives a batch's temporary arrays back to the system at once, and fetching their pages again cost a sixth of a
    worker's time. Other systems' allocators do not know the two variables.
    """
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, **_KEEP_MEMORY, "PYTHONPATH": path}
