"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests never need a screen; set before any test imports Qt.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's root folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real sprites and hostile files kept beside the checkout; not part of the project."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared test pictures (../shared/data) are not on this machine")
    return folder
