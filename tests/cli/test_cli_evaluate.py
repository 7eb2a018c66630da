"""`evaluate`: a folder of pictures against a version, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from studio_calls import Studio

from gandam_studio.core.workspace import Workspace
from trainer.protocol.diagnosis import VERDICTS


@pytest.fixture
def versioned(ws: Path, studio: Studio) -> Path:
    """A workspace with one version."""
    studio("commit", "-w", ws, "-m", "first")
    return ws


def test_a_folder_is_judged_against_a_version(versioned: Path, art: Path, studio: Studio, tmp_path: Path) -> None:
    sheets = tmp_path / "sheets"
    answer = studio("evaluate", art, "--against", "v1", "-w", versioned, "--out", sheets, "--json").json
    assert answer["verdict"] in VERDICTS
    assert answer["why"]
    assert answer["version"] == "v1"
    assert answer["copying"]["kappa"] > 0.5, "they are the pictures that were imported"
    assert answer["samples"] == answer["pictures"]
    assert (sheets / "nearest.png").is_file()
    assert "already" in studio("evaluate", art, "-w", versioned, "--out", sheets).refusal


def test_a_folder_is_judged_while_the_window_is_open(versioned: Path, art: Path, studio: Studio) -> None:
    with Workspace.open(versioned):
        assert "another" in studio("evaluate", art, "-w", versioned).refusal, "the version was never rendered"
    first = studio("evaluate", art, "-w", versioned, "--json").json
    with Workspace.open(versioned):
        assert studio("evaluate", art, "-w", versioned, "--json").json == first


def test_what_cannot_be_evaluated_is_refused_in_a_line(versioned: Path, art: Path, studio: Studio) -> None:
    assert "run" in studio("evaluate", "r7", "-w", versioned).refusal
    assert "checkpoints" in studio("evaluate", art, "--iteration", "7", "-w", versioned).refusal
    assert "v9" in studio("evaluate", art, "--against", "v9", "-w", versioned).refusal
