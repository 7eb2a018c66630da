"""Fixtures of the Runs screen's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from runs_screens import screen, session_on
from warm_starts import warm

__all__ = ["screen", "warm"]


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator:  # type: ignore[no-untyped-def]
    """A session of an empty workspace."""
    from gandam_studio.core.workspace import Workspace

    yield from session_on(Workspace.create(tmp_path / "workspace"))
