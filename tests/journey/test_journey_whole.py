"""The whole workflow, from a folder of sprites to generated ones, by commands."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from studio_calls import Studio

from gandam_studio.samples.mechas import write_set
from trainer.protocol.config import TrainConfig
from trainer.protocol.run_directory import RunDirectory

TINY = ("--set", "generator_channels=16,16,16,16", "--set", "discriminator_channels=16,16,16,16",
        "--set", "batch.size=8", "--device", "cpu")  # fmt: skip


def decide(studio: Studio, ws: Path, source: Path, flips: int, drops: int) -> str:
    """New workspace, import, flip and drop by order of ids, dedupe, commit; returns the version's digest."""
    studio("new", ws)
    assert studio("import", source, "-w", ws, "--json").json["imported"] > flips + drops
    ids = sorted(row["id"] for row in studio("list", "-w", ws, "--json").json)
    studio("flip", *ids[:flips], "-w", ws)
    studio("drop", *ids[flips : flips + drops], "--reason", "wrong style", "-w", ws)
    assert studio("dedupe", "--apply", "--relation", "exact", "--relation", "mirrored", "-w", ws).code == 0
    digest: str = studio("commit", "-m", "in order", "-w", ws, "--json").json["digest"]
    return digest


def smoothness(grid: np.ndarray) -> float:
    """Correlation of horizontally neighbouring pixels: near 0 for noise, near 1 for pictures."""
    grey = grid.astype(float).mean(axis=-1)
    return float(np.corrcoef(grey[:, :-1].ravel(), grey[:, 1:].ravel())[0, 1])


def test_from_a_folder_to_generated_sprites(tmp_path: Path, studio: Studio) -> None:
    write_set(tmp_path / "art", 40, seed=3)
    ws = tmp_path / "ws"
    digest = decide(studio, ws, tmp_path / "art", flips=4, drops=3)
    assert decide(studio, tmp_path / "again", tmp_path / "art", flips=4, drops=3) == digest
    assert studio("export-manifest", "-w", ws, "--out", tmp_path / "m.jsonl").code == 0
    data = (tmp_path / "m.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest() == digest
    assert sum(json.loads(line)["flip"] for line in data.splitlines()) > 0
    done = studio("train", "--preset", "sprite-r3-cpu", "--iterations", 8, "--seed", 5, *TINY, "-w", ws, "--json").json
    assert (done["state"], done["iteration"], done["images_seen"]) == ("finished", 8, 64)
    assert (done["manifest"], done["preset"]) == (digest, "sprite-r3-cpu")
    run = RunDirectory(done["folder"])
    config = run.config()
    assert isinstance(config, TrainConfig)
    assert (config.seed, config.batch.size, config.stop.iterations) == (5, 8, 8)
    assert run.manifest_path.read_bytes() == data
    assert [row["run"] for row in studio("runs", "-w", ws, "--json").json] == [done["run"]]
    pictures = []
    for name, seed in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        answer = studio("sample", "latest", "--count", 9, "--seed", seed, "--out", tmp_path / name, "-w", ws, "--json")
        assert answer.json["out"] == str(tmp_path / name)
        assert len(set(answer.json["seeds"])) == 9
        pictures.append(np.asarray(Image.open(tmp_path / name)))
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()
    assert "is not being trained now; it is finished" in studio("ask", done["run"], "stop", "-w", ws).refusal


def test_the_demo_refuses_before_it_makes_anything_and_overwrites_nothing(
    tmp_path: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gandam_studio.commands import demo

    monkeypatch.chdir(tmp_path)
    (tmp_path / "gandam-demo").mkdir()
    assert demo.free_folder() == Path("gandam-demo-2")
    assert demo.preset_for("cpu") == "sprite-flow-cpu"
    assert demo.preset_for("cuda") == "sprite-r3"
    answer = studio("demo", "d", "--set", "gearhead-caramel", "--preset", "nonsense")
    assert "there is no preset 'nonsense'" in answer.refusal
    assert not Path("d").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["mechas", "gearhead-caramel"])
def test_the_demo_ends_with_a_grid(tmp_path: Path, studio: Studio, name: str) -> None:
    done = studio("demo", tmp_path / "d", "--set", name, "--iterations", 60, "--device", "cpu", "--json").json
    assert done["state"] == "finished"
    grid = np.asarray(Image.open(done["samples"]).convert("RGB"))
    assert smoothness(grid) > 0.5
    ws = Path(done["workspace"])
    assert studio("verify", "-w", ws).code == 0
    rows = studio("list", "--status", "not-dropped", "-w", ws, "--json").json
    assert "right" not in {row["facing"] for row in rows} or "left" not in {row["facing"] for row in rows}
    reasons = {row["reason"] for row in studio("list", "--status", "dropped", "-w", ws, "--json").json}
    assert "non-bipedal" in reasons
    # Every decision of the demo can be taken back.
    for _ in studio("history", "-w", ws, "--json").json:
        assert studio("undo", "-w", ws).code == 0
    assert studio("list", "--status", "dropped", "-w", ws, "--json").json == []


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_real_sprites_from_archive_to_grid(tmp_path: Path, studio: Studio, shared_data: Path) -> None:
    source = shared_data / "pokesprite" / "pokesprite-2.7.0.zip"
    ws = tmp_path / "ws"
    digest = decide(studio, ws, source, flips=20, drops=10)
    again = studio("import", source, "-w", ws, "--json").json
    assert again["imported"] == 0
    assert decide(studio, tmp_path / "again", source, flips=20, drops=10) == digest
    history = [row["label"] for row in studio("history", "-w", ws, "--json").json]
    assert "Flip 20 sprites" in history
    assert "Drop 10 sprites (wrong style)" in history
    studio("export-manifest", "-w", ws, "--out", tmp_path / "m.jsonl")
    assert hashlib.sha256((tmp_path / "m.jsonl").read_bytes()).hexdigest() == digest
    done = studio("train", "--preset", "sprite-r3-cpu", "--iterations", 300, "--device", "cpu", "-w", ws, "--json").json
    assert done["state"] == "finished"
    out = tmp_path / "grid.png"
    studio("sample", "latest", "--count", 64, "--seed", 1, "--out", out, "-w", ws)
    grid = np.asarray(Image.open(out).convert("RGB"))
    noise = np.random.default_rng(0).integers(0, 256, grid.shape)
    assert abs(smoothness(noise)) < 0.05
    assert smoothness(grid) > 0.6
    # Sprites stand on white: the corners of a picture are brighter than its middle.
    side = grid.shape[0] // 8
    tiles = (
        grid[: 8 * side, : 8 * side]
        .reshape(8, side, 8, side, 3)
        .swapaxes(1, 2)
        .reshape(64, side, side, 3)
        .astype(float)
    )
    corner, middle = (
        tiles[:, 1:5, 1:5].mean(),
        tiles[:, side // 2 - 4 : side // 2 + 4, side // 2 - 4 : side // 2 + 4].mean(),
    )
    assert corner > middle + 30
