"""A long day: thousands of visits and decisions leave objects, memory, handles and threads constant."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from live_objects import live_objects, memory_mb, open_files, running_loaders, settle, thread_count
from PySide6.QtCore import QPoint, Qt, QThread, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from recorded_runs import recorded
from studio_window import CONTROL, SHIFT, OpenWindow, curate, press

from gandam_studio.core import versions
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.query import Filter
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.train.screen import TrainScreen
from gandam_studio.qt.train.setup import preflight_card

Key = Qt.Key
NONE = Qt.KeyboardModifier.NoModifier
# Keep, drop, undecide, flip, turn, face, undo and redo, with the keys that do it.
DECISIONS = (
    (Key.Key_U, NONE), (Key.Key_X, NONE), (Key.Key_U, SHIFT), (Key.Key_F, NONE), (Key.Key_BracketRight, NONE),
    (Key.Key_L, NONE), (Key.Key_Z, CONTROL), (Key.Key_Z, CONTROL | SHIFT), (Key.Key_Right, NONE),
)  # fmt: skip
TAGS = ("boss", "tank", "small")
MEMORY_SLACK_MB = 24
POOLED = 2 * QThread.idealThreadCount()  # Qt's own pools start threads when there is work, and end them later
TASKS_AT_ONCE = 8
EVENTS = "anon_inode:[eventfd]"
# What the trainer says of a step; measuring one would be another test.
COSTS = {
    "memory_mb": 100, "seconds_per_step": 0.1, "steps": 10, "disk_mb": 10, "seconds": 1.0, "device": "cpu",
    "precision": "fp32", "pictures_per_s": 100.0, "batch": 8, "micro_batch": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Held:
    """What the process holds at one moment."""

    objects: Counter[str]
    memory: float | None
    files: Counter[str] | None
    threads: int | None
    loaders: int


def held(window: MainWindow) -> Held:
    """Count what is held, after background work and deferred deletions."""
    session, screen = window.session, curate(window)
    assert session is not None
    screen.filter_bar.set_filter(Filter())
    screen.gallery.select_all()
    screen.panel.inspector.tags_requested.emit(set(), set(TAGS))
    screen.gallery.select_none()
    screen.gallery.go_to(0)
    QTest.qWait(200)  # the panel follows
    looks = 0  # one task may start the next
    for _ in range(1000):
        looks = looks + 1 if session.is_idle else 0
        if looks == 20:
            break
        QTest.qWait(10)
    settle()
    return Held(live_objects(), memory_mb(), open_files(), thread_count(), running_loaders())


def visit(window: MainWindow, count: int) -> None:
    """Go from screen to screen and open what they offer."""
    places = itertools.cycle(window.rail.places)
    for number, place in zip(range(count), places, strict=False):
        screen = window.visit(place)
        QTest.qWait(1)
        if place.name == "Curate" and number % 2 == 0:
            open_and_close_what_lies_over(window, number)
        elif place.name == "Versions":
            screen.reload()


def open_and_close_what_lies_over(window: MainWindow, number: int) -> None:
    """Open and close a menu, a dialog or the palette, in turn."""
    screen = curate(window)

    def close() -> None:
        over = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        assert over is not None
        over.close()

    ways = (
        lambda: screen.show_menu(QPoint(10, 10)),
        screen.choose_reason,
        window.help_action.trigger,
        window.history_action.trigger,
        window.about_action.trigger,
        window.show_palette,
    )
    QTimer.singleShot(0, close)
    ways[number // 10 % len(ways)]()
    QTest.qWait(1)
    screen.actions_of.saved.refresh()
    window.activateWindow()


def decide(window: MainWindow, count: int) -> None:
    """Decide with keys, a few steps on each sprite; every tenth in a filtered view."""
    screen = curate(window)
    screen.focus_work()
    for number, (key, modifiers) in zip(range(count), itertools.cycle(DECISIONS), strict=False):
        if number % 100 == 90:
            screen.filter_bar.set_filter(Filter(status="undecided"))
        elif number % 100 == 0:
            screen.filter_bar.set_filter(Filter())
        if QApplication.focusWidget() is None or not len(screen.gallery.order):
            screen.filter_bar.set_filter(Filter())
            screen.focus_work()
        press(key, modifiers)
        if number % 20 == 0:
            QTest.qWait(1)
            tag = TAGS[number // 20 % len(TAGS)]
            screen.panel.inspector.tags_requested.emit({tag}, set())
            screen.panel.inspector.tags_requested.emit(set(), {tag})


def soak(window: MainWindow, visits: int, decisions: int) -> tuple[Held, Held]:
    """What is held after a first round of everything, and after all further rounds."""
    kinds = len(window.rail.places)

    def turn(visits: int, decisions: int) -> None:
        visit(window, visits)
        window.visit(window.rail.places[0])
        decide(window, decisions)

    turn(10 * kinds, 2 * len(DECISIONS))
    curate(window).filter_bar.set_filter(Filter(text="nowhere"))  # the page for that is built now
    before = held(window)
    rounds = 10
    for _ in range(rounds):
        turn(visits // rounds, decisions // rounds)
    return before, held(window)


def too_many(before: Held, after: Held, folder: Path) -> dict[str, int]:
    """Open files that have no holder, and how many: an earlier round must have left them open.

    The window and each loader that was started by now hold a file of the workspace once. Loaders start, and open what
    they read, when they are first used: how many do so before the first count depends on the speed of the machine.
    """
    assert before.files is not None
    assert after.files is not None
    threads = (after.threads or 0) - (before.threads or 0)
    found = {}
    for path, count in after.files.items():
        if Path(path).is_relative_to(folder.resolve()):
            most = 1 + after.loaders
            if path.endswith(".sqlite"):
                # SQLite leaves it open, for the next connection, while another one holds a lock on it: there are as
                # many as there ever were connections at once. The log beside it is closed with its connection.
                most += TASKS_AT_ONCE
        elif path == EVENTS:
            most = before.files[path] + max(0, threads)  # each thread of Qt has one
        else:
            most = before.files[path]
        if count > most:
            found[path] = count
    return found


def prepared(folder: Path) -> Path:
    """The workspace with a version, a saved filter and a finished run."""
    with Workspace.open(folder) as workspace:
        versions.commit(workspace, "first")
    recorded(folder / "runs" / "r1-sprite-r3-cpu", iterations=200)
    return folder


@pytest.mark.parametrize(
    ("visits", "decisions"),
    [
        pytest.param(60, 500, id="short"),
        pytest.param(2000, 20_000, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_nothing_grows_with_visits_and_decisions(
    folder: Path, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch, qtbot, visits: int, decisions: int
) -> None:
    monkeypatch.setattr(preflight_card, "measure_step", lambda _config, _job: COSTS)
    window = open_window(prepared(folder))
    train = window.visit_by_name("Train")
    assert isinstance(train, TrainScreen)
    train.setup.measure()
    qtbot.waitUntil(lambda: train.setup.preflight.costs is not None)
    before, after = soak(window, visits, decisions)
    grown = {name: count - before.objects[name] for name, count in after.objects.items()}
    assert {name: more for name, more in grown.items() if more > 0} == {}
    if before.memory is not None and after.memory is not None:
        assert after.memory - before.memory < MEMORY_SLACK_MB
    if before.threads is not None and after.threads is not None:
        assert after.threads - after.loaders <= before.threads - before.loaders + POOLED
    if before.files is not None and after.files is not None:
        assert too_many(before, after, folder) == {}
