"""Fixtures of these tests."""

from __future__ import annotations

import pytest
from studio_calls import studio
from warm_starts import warm

from gandam_studio.core.suggestions.facing import network

__all__ = ["studio", "warm"]


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network looks at sprites unless a test asks for it: its processes take seconds to start."""
    monkeypatch.setattr(network, "installed", lambda: False)
