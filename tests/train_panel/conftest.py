"""Fixtures of the Train panel's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator:
    from gandam_studio.core.workspace import Workspace

    with Workspace.create(tmp_path / "workspace") as opened:
        yield opened


@pytest.fixture
def session(qapp, workspace) -> Iterator:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.session import Session

    made = Session(workspace)
    yield made
    made.run_index.close()
    for task in list(made.tasks):
        task.cancel()
        task.wait()


@pytest.fixture
def sprites(workspace):  # type: ignore[no-untyped-def]
    """A committed version of 24 sprites, made without a worker process."""
    from known_duplicates import add_pictures
    from recorded_runs import pictures

    from gandam_studio.core import versions

    opaque = np.full((24, 32, 32, 4), 255, np.uint8)
    opaque[..., :3] = pictures(24, 5).repeat(2, axis=1).repeat(2, axis=2)
    add_pictures(workspace, {f"{index:02}.png": rgba for index, rgba in enumerate(opaque)})
    return versions.commit(workspace, "test")


@pytest.fixture
def follow(qtbot) -> Iterator:  # type: ignore[no-untyped-def]
    """follow(folder): an open RunFollower, closed at the end."""
    from gandam_studio.qt.following.follower import RunFollower

    made: list[RunFollower] = []

    def start(folder: Path) -> RunFollower:
        follower = RunFollower(folder)
        made.append(follower)
        with qtbot.waitSignal(follower.opened, timeout=10_000):
            follower.start()
        return follower

    yield start
    for follower in made:
        follower.close()


@pytest.fixture
def page(qtbot) -> Iterator:  # type: ignore[no-untyped-def]
    """page(folder): a shown WatchPage that watches the run in that folder."""
    from gandam_studio.qt.following.follower import RunFollower
    from gandam_studio.qt.train.watch.watch_page import WatchPage

    made: list[WatchPage] = []

    def show(folder: Path) -> WatchPage:
        widget = WatchPage()
        qtbot.addWidget(widget)
        widget.resize(1200, 760)
        widget.show()
        made.append(widget)
        follower = RunFollower(folder, widget, widget.timeline)
        widget.show_run(follower)
        with qtbot.waitSignal(follower.opened, timeout=10_000):
            follower.start()
        return widget

    yield show
    for widget in made:
        widget.wait()
        if widget.follower is not None:
            widget.follower.close()
