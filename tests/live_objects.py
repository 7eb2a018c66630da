"""Counts what a process holds: QObjects by class, memory, open files by what they are, and threads."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import sys
from collections import Counter
from pathlib import Path

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gandam_studio.qt.queue_thread import QueueThread


def settle() -> None:
    """Process everything deferred: posted events, deletions, and full garbage collections."""
    for _ in range(3):
        QTest.qWait(1)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()


def live_objects() -> Counter[str]:
    """Every QObject that can be found, by Qt class: all widgets, all known to Python, and all below either."""
    application = QApplication.instance()
    assert application is not None
    roots: list[QObject] = [application, *QApplication.allWidgets()]
    # By type: asking an object for its class makes some of torch's warn.
    roots += [one for one in gc.get_objects() if issubclass(type(one), QObject) and shiboken6.isValid(one)]
    found: dict[int, str] = {}
    while roots:
        one = roots.pop()
        address = shiboken6.getCppPointer(one)[0]
        if address not in found:
            found[address] = one.metaObject().className()
            roots.extend(one.children())
    return Counter(found.values())


def memory_mb() -> float | None:
    """Resident memory of this process in MB; None if unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_files() -> Counter[str] | None:
    """Open file descriptors by what they lead to: a path, "pipe", "socket" or "anon_inode:[...]"; None if unknown."""
    if not sys.platform.startswith("linux"):
        return None
    found: Counter[str] = Counter()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the listing is closed by now
            path = os.readlink(f"/proc/self/fd/{number}")
            found[re.sub(r"(pipe|socket):\[\d+\]", r"\1", path)] += 1
    return found


def thread_count() -> int | None:
    """Threads of the process; None if unknown."""
    return len(os.listdir("/proc/self/task")) if sys.platform.startswith("linux") else None


def running_loaders() -> int:
    """Threads with a queue and, most of them, a handle of their own on the workspace; they start when first used."""
    threads = [one for one in gc.get_objects() if issubclass(type(one), QueueThread) and shiboken6.isValid(one)]
    return sum(one.isRunning() for one in threads)
