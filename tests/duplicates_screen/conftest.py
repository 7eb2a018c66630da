"""A workspace with known duplicates, and the real window on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from known_duplicates import add_pictures, eventually, known_pictures
from studio_window import OpenWindow, open_window, own_settings

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.duplicates.screen import DuplicatesScreen
from gandam_studio.qt.main_window import MainWindow

__all__ = ["open_window", "own_settings"]


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """The folder of a workspace with the known pictures, closed."""
    with Workspace.create(tmp_path / "w") as workspace:
        add_pictures(workspace, known_pictures())
    return tmp_path / "w"


OpenScreen = Callable[..., DuplicatesScreen]


@pytest.fixture
def open_screen(open_window: OpenWindow) -> OpenScreen:
    """`open_screen(folder)`: the Duplicates screen in the window, after its search, with keyboard focus."""

    def make(folder: Path, **how: bool) -> DuplicatesScreen:
        window: MainWindow = open_window(folder, **how)
        screen = window.visit_by_name("Duplicates")
        assert isinstance(screen, DuplicatesScreen)
        assert eventually(lambda: screen.findings is not None)
        return screen

    return make


@pytest.fixture
def screen(open_screen: OpenScreen, known: Path) -> DuplicatesScreen:
    """The screen on the known pictures."""
    return open_screen(known)
