"""Refused closing, late answers, failing work and garbage leave nothing behind."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from garbage import set_aside_all
from live_objects import live_objects, settle
from PySide6.QtCore import QObject, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QMessageBox
from recorded_runs import recorded
from studio_window import OpenWindow, curate

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip
from gandam_studio.qt import responsiveness
from gandam_studio.qt.background import BackgroundTask, Latest
from gandam_studio.qt.curate import screen as curate_module
from gandam_studio.qt.duplicates import screen as duplicates_module
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.queue_thread import WorkspaceThread
from gandam_studio.qt.screen import Screen
from gandam_studio.qt.versions import screen as versions_module

WAIT_MS = 20_000


def shown(window: MainWindow, name: str) -> Any:
    """The screen of this name, after visiting it."""
    screen = window.visit_by_name(name)
    assert isinstance(screen, Screen)
    return screen


def active_timers(screen: QObject) -> int:
    return sum(timer.isActive() for timer in screen.findChildren(QTimer) if not timer.isSingleShot())


# Closing


def test_a_refused_close_leaves_everything_going(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recorded(folder / "runs" / "r1-x", iterations=200)
    window = open_window(folder)
    train = shown(window, "Train")
    train.show_run(run.path)
    runs = shown(window, "Runs").session.run_index
    before = active_timers(train), active_timers(runs)
    assert min(before) > 0
    follower = train.follower
    done = threading.Event()
    assert window.session is not None
    window.session.start_job("Long work", lambda _door, _job: done.wait(30))
    monkeypatch.setattr(QMessageBox, "exec", lambda box: box.buttons()[1].click())  # keep working
    for refuse in (window.close, window.close_workspace):
        refuse()
        assert window.isVisible()
        assert window.session is not None
        assert (active_timers(train), active_timers(runs)) == before
        assert train.follower is follower
    done.set()
    qtbot.waitUntil(lambda: window.session is not None and not window.session.tasks, timeout=WAIT_MS)
    with run.locked():  # somebody starts it elsewhere: the screen must still notice
        follower.poke()
        qtbot.waitUntil(lambda: train.control.live_run() is not None, timeout=WAIT_MS)


def test_a_run_is_not_stopped_by_a_close_that_is_refused_later(
    folder: Path, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recorded(folder / "runs" / "r1-x", iterations=200)
    window = open_window(folder)
    shown(window, "Train")
    refusing = shown(window, "Runs")
    monkeypatch.setattr(refusing, "may_close", lambda: False)

    def save_and_stop(box: QMessageBox) -> int:
        next(button for button in box.buttons() if "stop" in button.text()).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", save_and_stop)
    with run.locked():
        assert not window.close_workspace()
        assert run.pending() == []
        monkeypatch.setattr(refusing, "may_close", lambda: True)
        assert window.close_workspace()
        assert run.pending() == ["stop"]


# Opening


@pytest.mark.parametrize("named", ["plainly", "by a detour", "by a link"])
def test_opening_the_open_workspace_changes_nothing(
    folder: Path, open_window: OpenWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str
) -> None:
    window = open_window(folder)
    session, screen = window.session, window.screen_shown
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: pytest.fail("nothing is to be asked"))
    again = folder
    if named == "by a detour":
        again = folder / "runs" / ".."
        (folder / "runs").mkdir(exist_ok=True)
    elif named == "by a link":
        again = tmp_path / "link"
        try:
            again.symlink_to(folder, target_is_directory=True)
        except OSError:
            pytest.skip("this account may not make links")
    assert window.open_folder(again)
    assert window.session is session
    assert window.screen_shown is screen
    assert session is not None
    assert not session.read_only
    assert curate(window).decisions.drop()


def test_a_window_that_only_looks_becomes_a_writer_when_it_may(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder, read_only=True)
    with Workspace.open(folder):
        assert window.open_folder(folder)
        assert window.session is not None
        assert window.session.read_only
    assert window.open_folder(folder)
    assert not window.session.read_only


def test_workspaces_opened_and_closed_leave_nothing(folder: Path, open_window: OpenWindow, qtbot) -> None:
    recorded(folder / "runs" / "r1-x", iterations=100)
    window = open_window(folder)

    def round_trip() -> None:
        for place in window.rail.places:
            window.visit(place)
        QTest.qWait(50)
        session = window.session
        assert session is not None
        qtbot.waitUntil(lambda: not session.tasks, timeout=WAIT_MS)
        assert window.close_workspace()
        settle()
        assert window.open_folder(folder)

    def count() -> Any:
        assert window.close_workspace()
        settle()
        counted = live_objects()
        assert window.open_folder(folder)
        return counted

    for _ in range(2):
        round_trip()
    before = count()
    rounds = 4
    for _ in range(rounds):
        round_trip()
    # What leaks, leaks in every round. A single timer more is one that has not fired yet.
    grown = {name: more - before[name] for name, more in count().items() if more - before[name] >= rounds}
    assert grown == {}


def test_menus_are_built_once(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    for place in window.rail.places:
        window.visit(place)
    menus, actions = len(window.findChildren(QMenu)), len(window.actions())
    for _ in range(3):
        for place in window.rail.places:
            window.visit(place)
            titles = [action.text().replace("&", "") for action in window.menuBar().actions()]
            assert titles[0] == "File"
            assert titles[-1] == "Help"
    screen = curate_of(window)
    for _ in range(5):
        screen.actions_of.saved.save("mine")
        screen.actions_of.saved.refresh()
        screen.actions_of.saved.delete("mine")
    assert len(window.findChildren(QMenu)) == menus
    assert len(window.actions()) == actions


def curate_of(window: MainWindow) -> Any:
    window.visit(window.rail.places[0])
    return curate(window)


# Answers


def waiting_task(answer: str, gate: threading.Event, told: list[str]) -> BackgroundTask:
    def work(_workspace: Any, _job: Any) -> str:
        assert gate.wait(30)
        if answer == "raise":
            raise UserError("it failed")
        return answer

    task = BackgroundTask("", None, work, None)
    task.succeeded.connect(told.append)
    task.failed.connect(lambda error: told.append(str(error)))
    task.start()
    return task


@pytest.mark.parametrize("older", ["an older answer", "raise"])
def test_only_the_newest_question_is_answered(qtbot, older: str) -> None:
    told: list[str] = []
    slow, quick = threading.Event(), threading.Event()
    latest = Latest()
    first = latest.follow(waiting_task(older, slow, told))
    second = latest.follow(waiting_task("the newer answer", quick, told))
    quick.set()
    with qtbot.waitSignal(second.ended, timeout=WAIT_MS):
        pass
    assert not latest.is_waiting
    with qtbot.waitSignal(first.ended, timeout=WAIT_MS):
        slow.set()
    assert told == ["the newer answer"]


def test_work_that_fails_leaves_nobody_waiting(qtbot) -> None:
    told: list[str] = []
    gate = threading.Event()
    latest = Latest()
    waiting_at_the_answer: list[bool] = []
    task = latest.follow(waiting_task("raise", gate, told))
    task.failed.connect(lambda _error: waiting_at_the_answer.append(latest.is_waiting))
    assert latest.is_waiting
    with qtbot.waitSignal(task.ended, timeout=WAIT_MS):
        gate.set()
    assert (told, waiting_at_the_answer, latest.is_waiting) == (["it failed"], [False], False)


def failing(times: int, instead: Callable[..., Any]) -> Callable[..., Any]:
    """As `instead`, but raises the first few times."""
    left = [times]

    def call(*arguments: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise UserError("the disk is full of cheese")
        return instead(*arguments, **options)

    return call


def test_a_count_that_failed_is_counted_again(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(folder)
    screen = curate(window)
    monkeypatch.setattr(curate_module, "LARGE", 0)
    monkeypatch.setattr(Workspace, "counts", failing(1, Workspace.counts))
    screen.decisions.drop()
    qtbot.waitUntil(lambda: "cheese" in window.status_strip.message.text(), timeout=WAIT_MS)
    screen.decisions.keep()
    screen.decisions.drop()  # while the one before is counted
    qtbot.waitUntil(lambda: screen.filter_bar.status_buttons["dropped"].text().endswith("1"), timeout=WAIT_MS)


def committed(folder: Path, count: int = 3) -> Path:
    """The workspace with that many versions."""
    with Workspace.open(folder) as workspace:
        for number in range(count):
            workspace.apply(Flip([number + 1]))
            versions.commit(workspace, f"number {number + 1}")
    return folder


def test_an_older_comparison_does_not_overwrite_a_newer(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(committed(folder))
    screen = shown(window, "Versions")
    qtbot.waitUntil(lambda: "Comparing" not in screen.detail.summary.text(), timeout=WAIT_MS)
    QTest.qWait(50)
    real, gate, ended = versions_module.diff, threading.Event(), threading.Event()

    def slow_from_the_first(door: Any, a: Any, b: Any, **options: Any) -> Any:
        if b is not None and b.number == 1:
            assert gate.wait(30)
            ended.set()
        return real(door, a, b, **options)

    monkeypatch.setattr(versions_module, "diff", slow_from_the_first)
    screen.history.go_to(3)  # the first version: everything is added
    screen.history.go_to(2)
    qtbot.waitUntil(lambda: "Comparing" not in screen.detail.summary.text(), timeout=WAIT_MS)
    before = screen.detail.summary.text()
    gate.set()
    qtbot.waitUntil(ended.is_set, timeout=WAIT_MS)
    settle()
    assert screen.detail.summary.text() == before


def test_an_older_look_at_the_present_does_not_overwrite_a_newer(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(committed(folder))
    screen = shown(window, "Versions")
    real, gate, calls = versions_module.diff, threading.Event(), []

    def first_is_slow(door: Any, a: Any, b: Any, **options: Any) -> Any:
        found = real(door, a, b, **options)
        if b is None:
            calls.append(1)
            if len(calls) == 1:
                assert gate.wait(30)
        return found

    qtbot.waitUntil(lambda: "Checking" not in screen.commit_box.state.text(), timeout=WAIT_MS)
    monkeypatch.setattr(versions_module, "diff", first_is_slow)
    screen.reload()
    qtbot.waitUntil(lambda: len(calls) == 1, timeout=WAIT_MS)
    before = screen.commit_box.state.text()
    window.session.apply(Drop([5], "text"))  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: screen.commit_box.state.text() != before, timeout=WAIT_MS)
    newer = screen.commit_box.state.text()
    gate.set()
    settle()
    QTest.qWait(100)
    assert screen.commit_box.state.text() == newer


def test_a_failed_look_at_the_versions_is_told_and_does_not_lock(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(committed(folder))
    monkeypatch.setattr(versions_module, "diff", failing(10_000, versions_module.diff))
    screen = shown(window, "Versions")
    qtbot.waitUntil(lambda: "cheese" in window.status_strip.message.text(), timeout=WAIT_MS)
    qtbot.waitUntil(screen.commit_box.button.isEnabled, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "Comparing" not in screen.detail.summary.text(), timeout=WAIT_MS)


def test_a_preview_that_failed_does_not_say_it_is_worked_out(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(folder)
    screen = shown(window, "Duplicates")
    qtbot.waitUntil(lambda: screen.findings is not None, timeout=WAIT_MS)
    monkeypatch.setattr(duplicates_module, "PLANNED_AT_ONCE", -1)
    monkeypatch.setattr(type(screen.findings), "plan", failing(1, type(screen.findings).plan))
    busy: list[str] = []
    real = screen.rules.show_busy
    monkeypatch.setattr(screen.rules, "show_busy", lambda: (real(), busy.append(screen.rules.headline.text())))
    screen.show_numbers()
    qtbot.waitUntil(lambda: "cheese" in window.status_strip.message.text(), timeout=WAIT_MS)
    assert screen.rules.headline.text() not in busy
    assert not screen.rules.apply_button.isEnabled()


class _Loader(WorkspaceThread):
    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(workspace, parent)
        self.seen: list[str] = []

    def work(self, door: Workspace, wanted: list[Any]) -> None:
        if wanted == ["bad"]:
            raise RuntimeError("of our own making")
        self.seen += wanted


def test_a_loader_outlives_what_defeats_it(folder: Path, qtbot) -> None:
    parent = QObject()
    with Workspace.open(folder) as workspace:
        loader = _Loader(workspace, parent)
        loader.want(["bad", "good"])
        qtbot.waitUntil(lambda: loader.seen == ["good"], timeout=WAIT_MS)
        loader.stop()


# Garbage


class _Knot:
    """A reference cycle, which only the garbage collector frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def thawed() -> Any:
    """Unfreezes garbage that the test froze."""
    yield
    set_aside_all()


@pytest.mark.parametrize("times", [1, 3])
def test_what_was_set_aside_is_collected_in_the_end(thawed: None, times: int) -> None:
    pinned = []
    for _ in range(times):
        knot = _Knot()
        gc.collect()  # it is old now
        pinned.append(weakref.ref(knot))
        del knot
        responsiveness.set_aside()
    gc.collect()
    assert all(one() is not None for one in pinned), "it was frozen: this is what is to be mended"
    responsiveness.collect_set_aside()
    assert all(one() is None for one in pinned)


def test_a_closed_workspace_gives_back_what_was_set_aside(thawed: None, folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    knot = _Knot()
    gc.collect()
    pinned = weakref.ref(knot)
    del knot
    responsiveness.set_aside()
    window.close_workspace()
    QTest.qWait(10)
    assert pinned() is None
