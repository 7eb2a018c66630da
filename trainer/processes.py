"""Starts the other processes of a run with `processes = N` in its settings, without `torchrun`.

The process that was started is the first rank: it holds the lock, writes the files and receives signals. The others
read from a pipe that it holds open, and exit when it closes, however the first one ended.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainer.protocol.errors import TrainerError

COMPANION = "GANDAM_COMPANION"
"""Environment variable of processes that exit with the one that started them."""

PATIENCE_S = 20.0  # How long processes may wait for one that has failed.


@contextlib.contextmanager
def companions(run: Path, count: int) -> Iterator[None]:
    """Within this context, `count` processes train `run`, this one as the first. Does nothing under torchrun.

    Raises TrainerError when a process cannot be started.
    """
    if count == 1 or "WORLD_SIZE" in os.environ:
        if os.environ.get(COMPANION):
            threading.Thread(target=_end_with_the_first, daemon=True).start()
        yield
        return
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }
    if sys.platform == "win32":
        shared["USE_LIBUV"] = "0"  # torch's wheels for Windows are built without it.
    before = {name: os.environ.get(name) for name in (*shared, "RANK", "LOCAL_RANK")}
    found: list[subprocess.Popen[bytes]] = []
    watch = threading.Event()
    try:
        for rank in range(1, count):
            found.append(_started(run, {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}))
        os.environ.update({**shared, "RANK": "0", "LOCAL_RANK": "0"})
        threading.Thread(target=_end_with_any, args=(found, watch), daemon=True).start()
        yield
        watch.set()
        _wait(found, PATIENCE_S)
    finally:
        watch.set()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for process in found:
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
        _wait(found, 5.0)
        for process in found:
            if process.poll() is None:
                process.kill()
                process.wait()


def _started(run: Path, own: dict[str, str]) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {**os.environ, **own, COMPANION: "1", "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    # Ctrl+C in a console must reach the first rank only, which stops the others.
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        apart = {"creationflags": flags}
    command = [sys.executable, "-P", "-m", "trainer", "train", str(run)]
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, **apart)
    except OSError as error:
        raise TrainerError(f"a training process could not be started: {error.strerror or error}", "device") from None


def _end_with_the_first() -> None:
    """Exit once the first rank has ended or closed the pipe."""
    # Not sys.stdin: a thread inside its lock makes the interpreter abort when the main thread ends first.
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(1)


def _end_with_any(processes: list[subprocess.Popen[bytes]], over: threading.Event) -> None:
    """Exit when another process has failed and the main thread still waits for it after `PATIENCE_S`.

    gloo notices a lost process at once, NCCL only after ten minutes; the run can be resumed.
    """
    while not over.wait(1.0):
        if any(process.poll() not in (None, 0) for process in processes):
            if not over.wait(PATIENCE_S):
                os._exit(1)
            return


def _wait(processes: list[subprocess.Popen[bytes]], seconds: float) -> None:
    until = time.monotonic() + seconds
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
