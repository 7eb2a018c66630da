"""Windows for the tests of this folder."""

import pytest
from studio_window import folder, open_window, own_settings
from warm_starts import warm

from gandam_studio.core.suggestions.facing import network

__all__ = ["folder", "open_window", "own_settings", "warm"]


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network looks at sprites unless a test asks for it: its processes take seconds to start."""
    monkeypatch.setattr(network, "installed", lambda: False)
