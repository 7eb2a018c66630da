"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from garbage import set_aside_all

# Tests never need a screen; set before any test imports Qt.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Hundreds of processes are started, each of which would compile the program anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Hardly anything is garbage while thousands of tests and what they import are loaded; see `pytest_runtestloop`.
gc.disable()
# Threads of several processes at once mostly wait for each other: a short run took three times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parent.parent


ROOM = 4e9


def _memory() -> Path | None:
    """A folder in memory with enough room for the tests' files, if the system has one."""
    place = Path("/dev/shm")
    if not sys.platform.startswith("linux") or not os.access(place, os.W_OK):
        return None
    facts = os.statvfs(place)
    # Some tests start programs that they write.
    return place if facts.f_bavail * facts.f_frsize > ROOM and not facts.f_flag & os.ST_NOEXEC else None


# Originals, edits and checkpoints are flushed to the disk, and waiting for that is half the time of many tests.
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and (memory := _memory()):
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(memory)


@pytest.fixture(scope="session", autouse=True)
def memory_given_back(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove test folders, which are in memory, unless a test failed."""
    yield
    base = tmp_path_factory.getbasetemp()
    if base.is_relative_to("/dev/shm") and not request.session.testsfailed:
        shutil.rmtree(base, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors, as window tests often wait."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (known or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test, for which all processes but one would wait at the end."""
    items.sort(key=lambda item: item.name != "test_types_agree")


def pytest_collection_finish() -> None:
    set_aside_all()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    gc.enable()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's root folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real sprites and hostile files next to the checkout; not part of the project."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared test pictures (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def themed(qapp) -> None:  # type: ignore[no-untyped-def]
    """The application in the Studio's theme; set once, because it restyles every existing widget."""
    from gandam_studio.qt import theme

    theme.install(qapp)
