"""Fixtures of the Runs screen's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator:  # type: ignore[no-untyped-def]
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.qt.session import Session

    made = Session(Workspace.create(tmp_path / "workspace"))
    yield made
    made.close()


@pytest.fixture
def screen(session, qtbot) -> Iterator:  # type: ignore[no-untyped-def]
    """A shown Runs screen of an empty workspace."""
    from gandam_studio.qt.runs.screen import RunsScreen

    made = RunsScreen(session)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    made.activated()
    yield made
    made.closing()
