"""A worker that misbehaves as its tasks say: doubles numbers, crashes, hangs, or writes garbage to the pipe."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import struct
import sys
import threading
import time
from pathlib import Path

from gandam_studio.core.workers import serving


@contextlib.contextmanager
def prepare(settings):
    if settings.get("broken"):
        raise LookupError("the settings are broken")
    if settings.get("mute"):
        os._exit(0)
    print("libraries may print what they like")

    def handle(frame: bytes, report) -> bytes:
        words, positions = json.loads(frame), []
        for position, word in enumerate(words):
            report(position)
            positions.append(act(word, settings))
        return json.dumps(positions).encode()

    yield handle


def act(word, settings):
    if isinstance(word, int):
        return 2 * word
    do, _, what = word.partition(" ")
    if do == "once" and not Path(what).exists():
        Path(what).touch()
        crash()
    if do == "crash":
        crash()
    if do == "hang":
        hang()
    if do == "raise":
        raise LookupError("as asked")
    if do == "sleep":
        time.sleep(float(what))
    if do == "write":
        Path(what).write_text(str(os.getpid()))
    if do == "wait":
        while not Path(what).exists():
            time.sleep(0.01)
    if do == "pipe":
        os.write(settings["pipe"], bytes.fromhex(what))
        if what:
            threading.Event().wait()
    if do == "threads":
        import cv2

        return cv2.getNumThreads(), os.environ["OMP_NUM_THREADS"]
    return word


def crash() -> None:
    if sys.platform == "win32":
        ctypes.string_at(0)
    os.kill(os.getpid(), 9)


def hang() -> None:
    """Hold the interpreter lock for two minutes if possible, so that no Python code can end this process."""
    if sys.platform != "win32":
        ctypes.PyDLL(None).usleep(120_000_000)
    threading.Event().wait(120)


def answers_pipe() -> int:
    """A duplicate of standard output, taken before `serve` replaces it."""
    return os.dup(1)


if __name__ == "__main__":
    pipe = answers_pipe()

    @contextlib.contextmanager
    def with_pipe(settings):
        if garbage := settings.get("garbage_hello"):
            os.write(pipe, struct.pack("<QQ", 3, 0) + garbage.encode())
        with prepare({**settings, "pipe": pipe}) as handle:
            yield handle

    sys.exit(serving.serve(with_pipe))
