"""Several processes of one machine on one run, without `torchrun`: `processes = N` in the run's settings.

The process that was started stays the first rank: it holds the lock, writes the files and is the one to signal or to
end. The others read a pipe from it that never carries anything and end when it closes, however the first one ended.
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
"""Set in the environment of processes that end with the one that started them."""

PATIENCE_S = 20.0  # Between one process's end and the end of those that wait for it in vain.


@contextlib.contextmanager
def companions(run: Path, count: int) -> Iterator[None]:
    """Within this, `count` processes train `run`, this one as the first; where torchrun has started us, nothing.

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
    # Ctrl+C in a console is for the first rank alone, which tells the others.
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
    """Wait until the first rank has gone or lets go; then nothing of this process is wanted any more."""
    # Not sys.stdin: a thread inside its lock makes the interpreter abort when the main thread ends first.
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(1)


def _end_with_any(processes: list[subprocess.Popen[bytes]], over: threading.Event) -> None:
    """End this process when another one has failed and the main thread still waits for it after a while.

    gloo notices a lost process at once; NCCL waits for ten minutes, and a killed trainer can be resumed.
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
