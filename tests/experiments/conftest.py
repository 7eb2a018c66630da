"""Fixtures of the experiments' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from studio_calls import Studio, art, imported, studio, ws
from tiny_experiments import tiny_plan

from gandam_studio.core.experiments.folder import Experiment

__all__ = ["Studio", "art", "imported", "studio", "ws"]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Experiment]:
    """Create a tiny experiment in an empty folder."""

    def make(**changes) -> Experiment:  # type: ignore[no-untyped-def]
        return Experiment.create(tmp_path, tiny_plan(**changes))

    return make
