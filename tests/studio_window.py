"""The real window on real workspaces, driven by keys and clicks, with separate settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from small_workspaces import add_sprites

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import theme
from gandam_studio.qt.curate.screen import CurateScreen
from gandam_studio.qt.main_window import MainWindow

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
OpenWindow = Callable[..., MainWindow]


def are_final(screen: Any, count: int) -> bool:
    """Whether Explore shows so many samples, none of them a preview, as it does first on a busy machine."""
    cells = screen.grid.cells
    return len(cells) == count and not any(cell.preview for cell in cells)


@pytest.fixture
def own_settings(themed: None, tmp_path: Path) -> Iterator[None]:
    """Empty window settings, separate from the person's."""
    QCoreApplication.setOrganizationName("GANdam Studio tests")
    QCoreApplication.setApplicationName("GANdam Studio")
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    yield
    theme.set_scheme("system")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace of 24 small sprites, closed."""
    with Workspace.create(tmp_path / "w") as workspace:
        add_sprites(workspace, list(range(24)))
    return tmp_path / "w"


@pytest.fixture
def open_window(own_settings: None) -> Iterator[OpenWindow]:
    """`open_window(folder)`: the window, shown and active; closed at the end of the test."""
    windows: list[MainWindow] = []

    def make(folder: Path | None, *, read_only: bool = False) -> MainWindow:
        window = MainWindow()
        windows.append(window)
        window.resize(1000, 700)
        window.show()
        if folder is not None:
            assert window.open_folder(folder, read_only=read_only)
        window.activateWindow()
        assert QTest.qWaitForWindowActive(window)
        if isinstance(window.screen_shown, CurateScreen):
            window.screen_shown.focus_work()
        return window

    yield make
    for window in windows:
        close(window)


def close(window: MainWindow) -> None:
    """Close a window and release it; calling it twice is harmless."""
    try:
        # A question at closing would wait for an answer for ever.
        for task in tuple(window.session.tasks) if window.session else ():
            task.cancel()
            task.wait()
        QTest.qWait(1)
        window.close()
        window.deleteLater()
    except RuntimeError:
        return
    QTest.qWait(1)


def curate(window: MainWindow) -> CurateScreen:
    """The Curate screen of a window that shows it."""
    screen = window.screen_shown
    assert isinstance(screen, CurateScreen)
    return screen


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key wherever the keyboard focus is, as a person would."""
    target = QApplication.focusWidget()
    assert target is not None, "no widget has the keys"
    QTest.keyClick(target, key, modifiers)


def reactivate(window: MainWindow) -> None:
    """Activate the window again after a popup: on the offscreen platform, closing one leaves none active."""
    QTest.qWait(1)
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    QTest.qWait(1)


def statuses(folder_or_workspace: Path | Workspace) -> list[str]:
    """The status of every sprite, by row."""
    if isinstance(folder_or_workspace, Workspace):
        return [sprite.status for sprite in folder_or_workspace.sprites()]
    with Workspace.open(folder_or_workspace, read_only=True) as workspace:
        return [sprite.status for sprite in workspace.sprites()]
