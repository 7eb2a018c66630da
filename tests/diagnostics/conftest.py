"""Fixtures for diagnostics."""

from __future__ import annotations

import pytest
from known_sprites import Known, known


@pytest.fixture(scope="module")
def sprites() -> Known:
    """One data set of 100 sprites, with 20 held out."""
    return known(0)
