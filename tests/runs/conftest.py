"""Fixtures of the Runs screen's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from runs_screens import screen, session_on

__all__ = ["screen"]


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator:  # type: ignore[no-untyped-def]
    """A session of an empty workspace."""
    from gandam_studio.core.workspace import Workspace

    yield from session_on(Workspace.create(tmp_path / "workspace"))
