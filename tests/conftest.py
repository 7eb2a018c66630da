"""Fixtures every test may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from garbage import set_aside_all

# Tests never need a screen; set before any test imports Qt.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Hundreds of processes are started, each of which would compile the program anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_finish() -> None:
    set_aside_all()


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


@pytest.fixture(scope="session")
def themed(qapp) -> None:  # type: ignore[no-untyped-def]
    """The application in the Studio's theme; installed once, because every widget there is is styled anew."""
    from gandam_studio.qt import theme

    theme.install(qapp)
