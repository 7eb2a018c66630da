"""The process that decodes: reads tasks from its standard input, answers on its standard output, dies with its parent.

Started by `pool` as `python -m gandam_studio.core.importing.worker`; a crash or a hang in here costs one picture.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import mmap
import os
import struct
import sys
import time
from typing import IO

HEARTBEAT = struct.Struct("<QQ")  # task, index of the item being looked at
LENGTH = struct.Struct("<Q")
_MAXIMUM_FRAME = 1 << 33
_BACKSTOP_S = 60.0


def main() -> int:
    """Serve until the parent closes the pipe."""
    requests, answers = private_pipes()
    # Imported only now: what these libraries print must not reach the answers.
    import cv2

    from gandam_studio.core.importing.examining import Examiner
    from gandam_studio.core.importing.items import pack_outcomes, unpack_items
    from gandam_studio.core.importing.options import WorkSettings

    cv2.setNumThreads(1)
    start = json.loads(read_frame(requests) or b"{}")
    if not start:
        return 0
    settings = WorkSettings(**start["settings"])
    limit_memory(settings.decoding_limits.memory_bytes)
    examiner = Examiner(settings)
    with open(start["heartbeat"], "r+b") as stream, mmap.mmap(stream.fileno(), HEARTBEAT.size) as heartbeat:
        watchdog = Watchdog(settings.decoding_limits.seconds)
        write_frame(answers, b"")
        while (frame := read_frame(requests)) is not None:
            task, items = unpack_items(frame)

            def report(index: int, task: int = task) -> None:
                HEARTBEAT.pack_into(heartbeat, 0, task, index)
                watchdog.feed()

            report(0)
            outcomes = examiner.examine(items, report)
            watchdog.rest()
            write_frame(answers, pack_outcomes(task, outcomes))
    return 0


class Watchdog:
    """Ends this process when a picture hangs and no parent is left to kill it. Works without the interpreter lock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds * 2 + _BACKSTOP_S
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


def read_frame(stream: IO[bytes]) -> bytes | None:
    """One length-prefixed frame; None at the end of the stream, also in the middle of a frame."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if length > _MAXIMUM_FRAME:
        return None
    body = stream.read(length)
    return body if len(body) == length else None


def write_frame(stream: IO[bytes], body: bytes) -> None:
    """The inverse of `read_frame`."""
    stream.write(LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def limit_memory(extra_bytes: int) -> None:
    """Bound this process's address space to what it has now plus `extra_bytes`.

    On Linux. macOS does not honour the limit and Windows has none of this kind: there the check of the header's size
    is what bounds memory.
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


def private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Take standard input and output for ourselves and leave decoders a sink to print to."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    sink = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(sink, descriptor)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the life of the process
    return requests, answers


def _nowhere() -> IO[str]:
    if sys.stderr is None or sys.stderr.closed:
        return open(os.devnull, "w")
    return sys.stderr


if __name__ == "__main__":
    # The parent is gone or has closed the pipe: there is nobody left to tell.
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main()
