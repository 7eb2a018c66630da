"""`report` on the command line, with a run that was really trained and samples that are really drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pages import Page, decoded
from PIL import Image
from recorded_runs import recorded
from studio_calls import Studio

from trainer.protocol import files
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory

TINY = (
    "architecture.kind=dcgan", "architecture.size=32", "data.size=32", "architecture.latent=8",
    "architecture.generator_channels=8,8,8", "architecture.discriminator_channels=8,8,8", "batch.size=4",
    "sampling.every=2", "sampling.count=9", "precision.threads=1", "precision.kind=fp32",
    "precision.channels_last=off", "ema.enabled=false", "device=cpu", "stop.iterations=4",
)  # fmt: skip


@pytest.fixture
def empty(studio: Studio, tmp_path: Path) -> Path:
    studio("new", tmp_path / "studio")
    return tmp_path / "studio"


@pytest.fixture
def trained(empty: Path, tmp_path: Path) -> RunDirectory:
    from trainer.train_run import train_run

    array, info = tmp_path / "x.npy", tmp_path / "x.json"
    np.save(array, np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8))
    files.write_json(info, {"ids": [f"{i:064x}" for i in range(12)], "background": [255, 255, 255]})
    run = RunDirectory.create(
        empty / "runs" / "r1-test", apply_overrides(load_preset("dcgan"), list(TINY)), array, info
    )
    train_run(run)
    return run


def test_final_samples_are_those_that_sample_draws(
    empty: Path, trained: RunDirectory, studio: Studio, tmp_path: Path
) -> None:
    out, again = tmp_path / "report.html", tmp_path / "samples.png"
    done = studio("report", "r1", "--samples", 6, "--seed", 5, "--out", out, "-w", empty, "--json").json
    assert done["out"] == str(out)
    assert done["runs"] == ["r1-test"]
    assert done["bytes"] == out.stat().st_size
    assert done["moments"] == done["known"]
    page = Page(out.read_text(encoding="utf-8"))
    section = page.section("samples")
    assert "Seed 5, samples 0 to 5" in section.text
    (command,) = [tag.text for tag in section.inside if tag.name == "code"]
    words = command.split()
    assert words[:3] == ["gandam-studio", "sample", "r1-test"]
    assert studio(*words[1:-1], again, "-w", empty).code == 0
    drawn = np.array(Image.open(again).convert("RGB"))
    shown = next(tag for tag in section.inside if tag.name == "img")
    assert np.array_equal(decoded(shown.attributes["src"]), drawn)
    # Nearest training pictures: distances of all six, of three pictures each, nearest first.
    rows = [tag for tag in section.inside if tag.name == "tr"][1:]
    assert len(rows) == 6
    for row in rows:
        near = [float(cell.text.split()[0]) for cell in row.inside if cell.name == "td"]
        assert near == sorted(near)
        assert len(near) == 3


def test_the_command_refuses_and_replaces(empty: Path, studio: Studio, tmp_path: Path) -> None:
    run = recorded(empty / "runs" / "r1-test", iterations=100)
    out = tmp_path / "report.html"
    words = ("report", "r1", "--samples", 0, "-w", empty, "--out")
    assert "2 of 2 moments" in studio(*words, out).out
    assert "exists" in studio(*words, out).refusal
    assert studio(*words, out, "--force").code == 0
    assert "inside the workspace" in studio(*words, empty / "report.html").refusal
    assert "no run 'r9'" in studio("report", "r9", "--out", tmp_path / "x.html", "-w", empty).refusal
    # A folder of a run needs no workspace.
    assert studio("report", run.path, "--samples", 0, "--out", tmp_path / "other.html", "-w", tmp_path).code == 0
    assert (tmp_path / "other.html").read_bytes() == out.read_bytes()
    told = studio(*words, out, "--force").err
    assert "not diagnosed" in told
