"""Processes that start warm, for tests that are about something else: forks of one that has loaded the libraries.

Loading torch takes most of the time of a short command of the trainer, loading OpenCV and numpy half of that of a
worker. Each fork is a process of its own with the folder, the environment and the streams it was given. It imports this
program anew, can be killed and tells its exit code. Tests of starting, killing and resources start the real one. Only
on Linux; elsewhere every start is real.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gandam_studio.core.duplicates import verifying_pool
from gandam_studio.core.importing import pool
from gandam_studio.core.runs import drawing, process
from gandam_studio.core.suggestions.facing import network
from gandam_studio.core.versions import rendering_pool
from gandam_studio.core.workers import child

HERE = Path(__file__).resolve().parent
TORCH = ("click", "numpy", "PIL.Image", "torch")
PICTURES = ("numpy", "PIL.Image", "cv2")


@functools.cache
def _server(libraries: tuple[str, ...]) -> str:
    """The name of this process's server, which is started when it is first needed and ends with this process."""
    name = f"gandam-studio-tests-{uuid.uuid4()}"
    server = subprocess.Popen(
        [sys.executable, "-P", str(HERE / "warm_server.py"), name, *libraries],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=process.environment() if libraries == TORCH else child.environment(),
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    stdin, stdout = server.stdin, server.stdout
    assert stdout.readline() == b"ready\n"

    def end() -> None:
        stdin.close()
        stdout.close()
        server.wait()

    atexit.register(end)
    return name


def warm_command(module: str, words: tuple[str, ...], libraries: tuple[str, ...]) -> list[str]:
    """`python -m module words...`, warm."""
    if not sys.platform.startswith("linux"):
        return [sys.executable, "-P", "-m", module, *words]
    return [sys.executable, "-I", "-S", str(HERE / "warm_client.py"), _server(libraries), module, *words]


def trainer_command(*arguments: str) -> list[str]:
    """The command line of a trainer that starts warm, otherwise like `gandam_studio.core.runs.trainer_command`."""
    return warm_command("trainer", arguments, TORCH)


@contextlib.contextmanager
def warm_starts() -> Iterator[None]:
    """Within this context the Studio in this process starts its trainer and its workers warm."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (process, drawing):
            patch.setattr(module, "trainer_command", trainer_command)
        for workers in (pool, rendering_pool, verifying_pool):
            *_, serving, prepared = workers.COMMAND
            patch.setattr(workers, "COMMAND", warm_command(serving, (prepared,), PICTURES))
        *_, serving, _ = network.command(network.WORKER)
        patch.setattr(network, "command", lambda prepared: warm_command(serving, (prepared,), TORCH))
        yield


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """Where this fixture is imported, the Studio in the tests' process starts others warm."""
    with warm_starts():
        yield


@pytest.fixture(scope="module", autouse=True, name="warm")
def cold() -> None:
    """In a module that imports this, every start is real although its folder's are warm."""


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this fixture is imported, no network looks at sprites unless a test asks for it: that takes seconds."""
    monkeypatch.setattr(network, "installed", lambda: False)
