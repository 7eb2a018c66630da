"""The child's side: a loop that reads tasks from standard input and answers on standard output, until the parent ends.

`python -m gandam_studio.core.workers.serving MODULE` serves with the `prepare` of that module, which it imports only
after the pipes are out of the reach of what libraries print.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import json
import mmap
import os
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import IO, Any

from trainer.protocol.frames import HELLO, LAST_WORDS, private_pipes, read_frame, write_frame

HEARTBEAT = struct.Struct("<QQ")  # number of the task, position in it

Report = Callable[[int], None]
"""Called with the position in a task, whenever the work on it moves on."""
Handle = Callable[[bytes, Report], bytes]
"""Does one task and returns the answer."""
Prepare = Callable[[dict[str, Any]], AbstractContextManager[Handle]]
"""Makes ready for tasks, given the pool's settings."""


def serve(prepare: Prepare) -> int:
    """Serve until the parent closes the pipe or is gone; returns the exit status.

    An exception of `prepare` or of a task ends this process, as a crash would; the parent gets its traceback.
    """
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        requests, answers = private_pipes()
        first = read_frame(requests)
        if first is None:
            return 0
        start = json.loads(first[1])
        try:
            import cv2

            cv2.setNumThreads(1)
            with (
                prepare(start["settings"]) as handle,
                open(start["heartbeat"], "r+b") as stream,
                mmap.mmap(stream.fileno(), HEARTBEAT.size) as heartbeat,
            ):
                gc.freeze()  # what was imported stays: collections need not look through it
                _answer(requests, answers, handle, heartbeat, Watchdog(start["backstop"]))
        except BrokenPipeError:
            raise
        except Exception:
            write_frame(answers, LAST_WORDS, traceback.format_exc().encode(errors="backslashreplace"))
            return 1
    return 0


def _answer(requests: IO[bytes], answers: IO[bytes], handle: Handle, heartbeat: mmap.mmap, watchdog: Watchdog) -> None:
    write_frame(answers, HELLO, b"")
    while (frame := read_frame(requests)) is not None:
        number, body = frame

        def report(position: int, number: int = number) -> None:
            HEARTBEAT.pack_into(heartbeat, 0, number, position)
            watchdog.feed()

        report(0)
        answer = handle(body, report)
        watchdog.rest()
        write_frame(answers, number, answer)


class Watchdog:
    """Ends this process when its work hangs and no parent is left to kill it. Works without the interpreter lock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed_until = 0.0

    def feed(self) -> None:
        """Something moved. Re-arming costs a thread, so it is done only every few seconds."""
        now = time.monotonic()
        if now > self._armed_until:
            faulthandler.dump_traceback_later(self._seconds, exit=True, file=_nowhere())
            self._armed_until = now + self._seconds / 4

    def rest(self) -> None:
        """Nothing to do: waiting for work is no hang."""
        faulthandler.cancel_dump_traceback_later()
        self._armed_until = 0.0


def limit_memory(extra_bytes: int) -> None:
    """Bound this process's address space to what it has now plus `extra_bytes`.

    On Linux. macOS does not honour the limit and Windows has none of this kind.
    """
    if not sys.platform.startswith("linux"):
        return
    import resource

    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm", encoding="ascii") as stream:
            pages = int(stream.read().split()[0])
        wanted = pages * resource.getpagesize() + extra_bytes
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or wanted < hard:
            resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
        # A crash is expected now and then; its core file helps nobody.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _nowhere() -> IO[str]:
    if sys.stderr is None or sys.stderr.closed:
        return open(os.devnull, "w")
    return sys.stderr


if __name__ == "__main__":
    sys.exit(serve(lambda settings: importlib.import_module(sys.argv[1]).prepare(settings)))
