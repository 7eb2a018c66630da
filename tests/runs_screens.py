"""A session, a shown Runs screen, the lines of a run's log and a trainer that never answers, for tests of runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from gandam_studio.core.jobs import Job


def session_on(workspace) -> Iterator:  # type: ignore[no-untyped-def]
    """A session of an open workspace, closed afterwards."""
    from gandam_studio.qt.session import Session

    made = Session(workspace)
    yield made
    made.close()


def never_ending(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> threading.Event:
    """Let what `module` asks of the trainer go on until it is cancelled; returns the event that it was asked."""
    started = threading.Event()

    def forever(*_words: str, job: Job, label: str = "") -> dict[str, Any]:
        started.set()
        while True:
            job.check()
            threading.Event().wait(0.01)

    monkeypatch.setattr(module, "ask", forever)
    return started


@pytest.fixture
def screen(session, qtbot) -> Iterator:  # type: ignore[no-untyped-def]
    """The Runs screen of the test's `session`."""
    from gandam_studio.qt.runs.screen import RunsScreen

    made = RunsScreen(session)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    made.activated()
    yield made
    made.closing()


def story_lines(page) -> list[str]:  # type: ignore[no-untyped-def]
    """The lines of the events in the log of a page that watches a run."""
    model = page.log.story.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]
