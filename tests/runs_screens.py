"""A session, a shown Runs screen and the lines of a run's log, for tests of the screens of runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


def session_on(workspace) -> Iterator:  # type: ignore[no-untyped-def]
    """A session of an open workspace, closed afterwards."""
    from gandam_studio.qt.session import Session

    made = Session(workspace)
    yield made
    made.close()


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
