"""One worker process as its pool sees it: two pipe threads, a heartbeat, and the tasks it holds."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Generic, TypeVar

from gandam_studio.core.workers.serving import HEARTBEAT
from trainer.protocol.frames import HELLO, read_frame, write_frame

Held = TypeVar("Held")

# Bytes: blocks up to this size are kept for reuse, and this much of it at most (glibc, mallopt(3)).
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
_JOIN_S = 5.0


def command(module: str) -> list[str]:
    """The command line of a worker that serves with `prepare` of a module.

    `-P`: a folder of downloads that holds a numpy.py must not become part of the program.
    """
    return [sys.executable, "-P", "-m", "gandam_studio.core.workers.serving", module]


def environment() -> dict[str, str]:
    """Ours, with this checkout importable, numeric libraries held to one thread each, and freed memory kept at hand.

    glibc gives a batch's temporary arrays back to the system at once, and fetching their pages again cost a sixth of a
    worker's time. Other systems' allocators do not know the two variables.
    """
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, **_KEEP_MEMORY, "PYTHONPATH": path}


class Child(Generic[Held]):
    """A process on pipes. Opens no console; is killed, never asked to end.

    Attributes:
        process: the process itself.
        held: tasks it was given and has not answered, by number.
        ready: whether it has said hello.
        last_words: traceback of the exception that ended it, "" for none.
    """

    def __init__(
        self, command: list[str], settings: dict[str, Any], backstop_s: float, events: queue.SimpleQueue, folder: Path
    ) -> None:
        """Raises OSError when no process can be started. `events` gets (child, frame), and (child, None) at its end."""
        self.held: dict[int, Held] = {}
        self.ready = False
        self.last_words = ""
        self._events = events
        self._path = folder / f"heartbeat-{id(self)}"
        self._path.write_bytes(bytes(HEARTBEAT.size))
        with self._path.open("r+b") as stream:
            self._heartbeat = mmap.mmap(stream.fileno(), HEARTBEAT.size)
        self._seen: tuple[int, int] = (0, 0)
        self._seen_at = time.monotonic()
        self._outbox: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError:
            self._forget_heartbeat()
            raise
        start = {"settings": settings, "heartbeat": str(self._path), "backstop": backstop_s}
        self._outbox.put((HELLO, json.dumps(start).encode("ascii")))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def give(self, number: int, held: Held, body: bytes) -> None:
        """Send it a task."""
        if not self.held:
            self._seen_at = time.monotonic()
        self.held[number] = held
        self._outbox.put((number, body))

    def position(self) -> tuple[int, int]:
        """(number of the task it works at, position in it), as it reported last."""
        number, position = HEARTBEAT.unpack_from(self._heartbeat)
        return int(number), int(position)

    def forgive(self) -> None:
        """Count its time anew: nobody was watching, or the machine slept."""
        self._seen_at = time.monotonic()

    def stuck_seconds(self) -> float:
        """How long its position has not changed; 0 with nothing to do."""
        now = time.monotonic()
        position = self.position()
        if position != self._seen or not self.held:
            self._seen, self._seen_at = position, now
        return now - self._seen_at

    def stop(self) -> None:
        """Kill it at once and release everything."""
        self.process.kill()
        self.process.wait()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(_JOIN_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._forget_heartbeat()

    def _forget_heartbeat(self) -> None:
        self._heartbeat.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _send(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while (frame := self._outbox.get()) is not None:
                write_frame(self.process.stdin, *frame)

    def _receive(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(OSError, ValueError, MemoryError):
            while (frame := read_frame(self.process.stdout)) is not None:
                self._events.put((self, frame))
        self._events.put((self, None))
