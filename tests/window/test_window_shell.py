"""The shell: screens built on first visit, every action in a menu, the palette, locks, messages, closing."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget
from studio_window import CONTROL, SHIFT, OpenWindow, close, curate, press, statuses

from gandam_studio.core import failure_log
from gandam_studio.core.errors import WorkspaceLocked
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import rail
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.palette import CommandPalette, match
from gandam_studio.qt.screen import Screen

Key = Qt.Key


def test_screens_are_built_on_the_first_visit(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    assert list(window.screens) == [rail.PLACES[0].path]
    assert curate(window).isVisible()
    for place in window.rail.places:
        QTest.keyClick(window, Key(Key.Key_0.value + place.key), CONTROL)
        assert isinstance(window.screen_shown, Screen)
        assert window.screen_shown.isVisible()
        assert f"{place.path.partition(':')[0]}" == type(window.screen_shown).__module__
    QTest.keyClick(window, Key.Key_1, CONTROL)
    press(Key.Key_X)
    assert statuses(curate(window).session.workspace)[0] == "dropped", "back in the gallery, keys work at once"


def test_every_button_of_the_rail_leads_to_a_screen(qtbot) -> None:
    made = rail.Rail()
    qtbot.addWidget(made)
    assert [place.name for place in made.places] == ["Curate", "Duplicates", "Versions", "Train", "Runs", "Explore"]
    for place in made.places:
        module, _, name = place.path.partition(":")
        assert issubclass(getattr(importlib.import_module(module), name), Screen)


def test_every_action_of_every_screen_is_in_a_menu(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    for place in window.rail.places:
        screen = window.visit(place)
        in_menus = {id(action) for action, _ in window.commands()}
        for widget in (screen, *screen.findChildren(QWidget)):
            for action in widget.actions():
                if action.shortcut().toString() and action.parent() is screen:
                    assert id(action) in in_menus, f"{place.name}: {action.text()} is in no menu"


def test_no_two_actions_of_a_screen_share_a_shortcut(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    for place in window.rail.places:
        window.visit(place)
        seen: dict[str, str] = {}
        for action, _ in window.commands():
            for keys in action.shortcuts():
                text = keys.toString()
                assert seen.setdefault(text, action.text()) == action.text(), f"{place.name}: {text}"


def test_the_palette_finds_and_runs_a_command(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    QTest.keyClick(window, Key.Key_K, CONTROL)
    palette = QApplication.activePopupWidget()
    assert isinstance(palette, CommandPalette)
    QTest.keyClicks(palette.field, "flip left")
    assert palette.list.item(0).text() == "Flip left-right"
    QTest.keyClick(palette.field, Key.Key_Return)
    assert curate(window).session.workspace.sprite(1).flipped


def test_the_palette_prefers_beginnings_of_words() -> None:
    assert match("flip", "Flip left-right") == 0
    assert match("right", "Flip left-right") < match("ight", "Flip left-right")
    assert match("flip now", "Flip left-right") is None


def _answer(text: str, asked: list[str]) -> None:
    """Click a button of the open message box."""
    box = QApplication.activeModalWidget()
    assert isinstance(box, QMessageBox)
    asked.append(box.text())
    for button in box.findChildren(QPushButton):
        if button.text().replace("&", "") == text:
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
            return
    raise AssertionError(f"no button {text!r}")


def test_a_second_window_is_told_plainly_and_may_look(folder: Path, open_window: OpenWindow, qtbot) -> None:
    first = open_window(folder)
    press(Key.Key_X)
    second = MainWindow()
    qtbot.addWidget(second)
    second.show()
    asked: list[str] = []
    QTimer.singleShot(100, lambda: _answer("Cancel", asked))
    assert not second.open_folder(folder)
    QTimer.singleShot(100, lambda: _answer("Open read-only", asked))
    assert second.open_folder(folder)
    assert len(asked) == 2
    assert "is open in another window or command" in asked[0]
    screen = second.screen_shown
    assert screen is not None
    assert screen.session.read_only
    assert "read-only" in second.windowTitle()
    assert not screen.actions_of.flip.isEnabled()
    assert not screen.session.undo()
    assert "only" in second.status_strip.message.text()
    assert statuses(screen.session.workspace)[0] == "dropped"
    assert "1" in screen.filter_bar.status_buttons["dropped"].text()
    curate(first).decisions.drop()
    qtbot.waitUntil(lambda: "2" in screen.filter_bar.status_buttons["dropped"].text(), timeout=5000)
    close(second)
    close(first)
    with Workspace.open(folder) as workspace:
        assert statuses(workspace)[0] == "dropped"


def test_a_command_is_refused_while_the_window_is_open(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    with pytest.raises(WorkspaceLocked):
        Workspace.open(folder)
    code = "import sys; from gandam_studio.core.workspace import Workspace; Workspace.open(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "is open in another window or command" in done.stderr
    close(window)
    Workspace.open(folder).close()


def test_closing_asks_about_work_under_way(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    session = window.session
    assert session is not None

    def work(workspace: Any, job: Any) -> None:
        job.start("Counting", 10_000)
        for _ in range(10_000):
            job.advance()
            time.sleep(0.005)

    session.start_job("Long work", work)
    asked: list[str] = []
    QTimer.singleShot(100, lambda: _answer("Keep running", asked))
    window.close()
    assert window.isVisible()
    assert session.tasks
    QTimer.singleShot(100, lambda: _answer("Stop and close", asked))
    window.close()
    assert not window.isVisible()
    assert window.session is None
    assert asked == ["Still running: Long work."] * 2


def test_jobs_report_and_fail_in_the_strip(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    session = window.session
    assert session is not None
    results: list[Any] = []
    session.start_job("Count", lambda door, job: door.counts().total, results.append)
    qtbot.waitUntil(lambda: results == [24])

    def fail(door: Any, job: Any) -> None:
        job.start("Failing", 3)
        raise WorkspaceLocked("the disk is full of cheese")

    session.start_job("Fail", fail)
    qtbot.waitUntil(lambda: not session.tasks)
    assert window.status_strip.message.text() == "the disk is full of cheese"
    assert not window.status_strip.jobs


def test_a_bug_is_told_in_one_line_that_names_its_log(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(failure_log, "log_folder", lambda: tmp_path)
    window = open_window(folder)
    session = window.session
    assert session is not None

    def fail(door: Any, job: Any) -> None:
        raise ZeroDivisionError("of our own making")

    session.start_job("Fail", fail)
    qtbot.waitUntil(lambda: not session.tasks)
    text = window.status_strip.message.text()
    logs = list(tmp_path.glob("error-*.log"))
    assert len(logs) == 1
    assert str(logs[0]) in text
    assert "of our own making" in logs[0].read_text()
    assert "Traceback" not in text


def test_a_folder_that_is_no_workspace_is_offered_or_refused(tmp_path: Path, open_window: OpenWindow) -> None:
    window = open_window(None)
    asked: list[str] = []
    QTimer.singleShot(100, lambda: _answer("Create workspace", asked))
    assert window.open_folder(tmp_path / "fresh")
    assert (tmp_path / "fresh" / "workspace.sqlite").is_file()
    assert window.close_workspace()
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "x.txt").write_text("mine")
    QTimer.singleShot(100, lambda: _answer("OK", asked))
    assert not window.open_folder(tmp_path / "art")
    assert sorted(path.name for path in (tmp_path / "art").iterdir()) == ["x.txt"]


def test_recent_workspaces_are_offered(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    assert window.close_workspace()
    names = [button.text() for button in window.welcome.findChildren(QPushButton)]
    assert any(str(folder.parent) in name for name in names)


def test_the_shortcut_list_and_the_history_open(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    press(Key.Key_F)
    seen: list[str] = []

    def read() -> None:
        dialog = QApplication.activeModalWidget()
        assert dialog is not None
        seen.append(dialog.windowTitle())
        dialog.close()

    QTimer.singleShot(100, read)
    QTest.keyClick(window, Key.Key_F1)
    QTest.qWait(10)  # the closed dialog is deleted by the event loop
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    QTimer.singleShot(100, read)
    QTest.keyClick(window, Key.Key_H, CONTROL)
    assert seen == ["Keyboard shortcuts", "History"]
    QTest.keyClick(window, Key.Key_Z, CONTROL)
    QTest.keyClick(window, Key.Key_Z, CONTROL | SHIFT)
    assert curate(window).session.workspace.sprite(1).flipped


def test_opening_imports_nothing_heavy(folder: Path, repository: Path) -> None:
    code = """
import sys
import threading
from pathlib import Path
imported = set()
class Listen:
    def find_spec(self, name, path=None, target=None):
        # The loader's own thread makes thumbnails meanwhile, and needs more.
        if threading.current_thread() is threading.main_thread():
            imported.add(name)
sys.meta_path.insert(0, Listen())
from PySide6.QtCore import QSettings
from gandam_studio.qt import main_window
from gandam_studio.qt.application import MainWindow, make_application
main_window.SETTLED_MS = 1_000_000  # what may wait until the workspace is painted may need more
QSettings.setDefaultFormat(QSettings.Format.IniFormat)
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, sys.argv[1])
application = make_application()
window = MainWindow()
window.open_folder(Path(sys.argv[1]))
window.show()
application.processEvents()
assert window.screen_shown.gallery.current == 0
assert "gandam_studio.qt.main_window" in imported
print(*sorted({"torch", "pyqtgraph", "scipy", "cv2", "PIL"} & imported))
window.close()
"""
    environment = {**os.environ, "PYTHONPATH": str(repository), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_where_nothing_can_be_written_it_opens_read_only(folder: Path, qtbot, monkeypatch) -> None:
    """As from a read-only disk: no question, a permanent mark, and all edits disabled."""
    from filelock import FileLock

    def refuse(self: FileLock, *args: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    assert window.open_folder(folder)
    screen = window.screen_shown
    assert screen is not None
    assert screen.session.read_only
    assert "read-only" in window.windowTitle()
    assert window.status_strip.read_only_mark.isVisible()
    assert not screen.actions_of.flip.isEnabled()
    assert window.close_workspace()
    assert not window.status_strip.read_only_mark.isVisible()
    close(window)
