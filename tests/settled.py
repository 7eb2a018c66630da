"""Waiting for background reads of a session."""

from __future__ import annotations

from PySide6.QtTest import QTest

from gandam_studio.qt.session import Session


def settle(session: Session, timeout_s: float = 60.0) -> None:
    """Wait until the session's list of runs is up to date."""
    for _ in range(int(timeout_s / 0.01)):
        if session.run_index.is_up_to_date:
            return
        QTest.qWait(10)
    raise AssertionError("the runs were not read")
