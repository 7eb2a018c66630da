"""A workspace with one trained run, and the window on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_workspaces import add_sprites
from studio_window import OpenWindow, are_final, open_window, own_settings
from trained_runs import trained_run
from warm_starts import warm

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.explore.screen import ExploreScreen
from gandam_studio.qt.main_window import MainWindow

__all__ = ["open_window", "own_settings", "warm"]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained run, made once."""
    return trained_run(tmp_path_factory.mktemp("prepared") / "r1-sprite").path


@pytest.fixture
def folder(tmp_path: Path, prepared: Path) -> Path:
    """A workspace that holds a copy of it."""
    with Workspace.create(tmp_path / "w") as workspace:
        add_sprites(workspace, list(range(4)))
    (tmp_path / "w" / "runs").mkdir(exist_ok=True)
    shutil.copytree(prepared, tmp_path / "w" / "runs" / "r1-sprite")
    return tmp_path / "w"


Explore = Callable[[], tuple[MainWindow, ExploreScreen]]


@pytest.fixture
def explore(open_window: OpenWindow, folder: Path, qtbot) -> Explore:  # type: ignore[no-untyped-def]
    """`explore()`: the window on the screen, with samples drawn."""

    def go() -> tuple[MainWindow, ExploreScreen]:
        window = open_window(folder)
        screen = window.visit_by_name("Explore")
        assert isinstance(screen, ExploreScreen)
        qtbot.waitUntil(lambda: are_final(screen, 36), timeout=90_000)
        screen.grid.setFocus()
        return window, screen

    return go
