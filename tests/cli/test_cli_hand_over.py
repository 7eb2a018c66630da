"""`sample` with palettes, sizes and formats, on a run that was really trained for three steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from studio_calls import Studio

from gandam_studio.core.finishing.palette import packed
from gandam_studio.core.pictures.decoding import DEFAULT_LIMITS, aseprite
from gandam_studio.core.workspace import Workspace
from gandam_studio.samples.mechas.collection import render
from trainer.protocol import files
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory

TINY = (
    "architecture.kind=dcgan", "architecture.size=64", "data.size=64", "data.channels=4", "architecture.latent=8",
    "architecture.generator_channels=8,8,8,8", "architecture.discriminator_channels=8,8,8,8", "batch.size=4",
    "sampling.every=20", "sampling.count=9", "precision.threads=1", "precision.kind=fp32",
    "precision.channels_last=off", "ema.enabled=false", "device=cpu", "stop.iterations=3",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a run of three steps on drawn mechas."""
    from trainer.train_run import train_run

    folder = tmp_path_factory.mktemp("trained")
    Workspace.create(folder / "w").close()
    np.save(folder / "x.npy", np.array([render(2, index) for index in range(10)]))
    files.write_json(folder / "x.json", {"ids": [f"{i:064x}" for i in range(10)], "background": [255, 255, 255]})
    config = apply_overrides(load_preset("dcgan"), list(TINY))
    train_run(RunDirectory.create(folder / "w" / "runs" / "r1-tiny", config, folder / "x.npy", folder / "x.json"))
    return folder / "w"


def test_a_folder_with_everything(trained: Path, studio: Studio, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [
        "sample",
        "r1",
        "--count",
        5,
        "--seed",
        9,
        "--out",
        out,
        "--singly",
        "--sheet",
        "--aseprite",
        "-w",
        trained,
    ]
    told = studio(*words, "--palette", "data", "--colours", 10, "--scale", 1, "--scale", 3, "--json").json
    assert told["seeds"] == [f"9/{index}" for index in range(5)]
    assert told["colours"] == 10
    assert told["stray"] <= 1.2 * told["data_stray"]
    names = [f"r1-tiny-3-seed-9-{index:04d}" for index in range(5)]
    assert {path.name for path in out.glob("r1-*")} == {f"{name}{at}.png" for name in names for at in ("", "@3x")}
    frames = json.loads((out / "sheet@3x.json").read_text(encoding="utf-8"))["frames"]
    assert list(frames) == [f"{name}@3x.png" for name in names]
    document = aseprite.Document((out / "sprites.aseprite").read_bytes(), DEFAULT_LIMITS)
    colours = set(packed(document.palette(0)[:, :3]).tolist())
    for index, name in enumerate(names):
        with Image.open(out / f"{name}.png") as picture:
            pixels = np.asarray(picture)
        assert (pixels == document.frame(index)).all()
        assert set(np.unique(pixels[..., 3]).tolist()) <= {0, 255}
        assert set(packed(pixels[pixels[..., 3] > 0][:, :3]).tolist()) <= colours
    # The same again, and one of them alone.
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    studio(*words, "--palette", "data", "--colours", 10, "--scale", 1, "--scale", 3, "--force")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    alone = ["sample", "r1", "--latent", "9/3", "--out", tmp_path / "one.png", "-w", trained]
    said = studio(*alone, "--palette", "data", "--colours", 10)
    assert "palette: 10 colours" in said.out
    with Image.open(tmp_path / "one.png") as one, Image.open(out / f"{names[3]}.png") as earlier:
        assert (np.asarray(one) == np.asarray(earlier)).all()


def test_a_document_and_a_walk(trained: Path, studio: Studio, tmp_path: Path) -> None:
    words = ["sample", "r1", "--count", 3, "--palette", "each", "-w", trained]
    studio(*words, "--out", tmp_path / "three.aseprite")
    document = aseprite.Document((tmp_path / "three.aseprite").read_bytes(), DEFAULT_LIMITS)
    assert document.count == 3
    walk = tmp_path / "walk.webp"
    told = studio(*words, "--out", walk, "--steps", 4, "--scale", 2, "--frame-ms", 60, "--json").json
    assert len(told["seeds"]) == 12
    with Image.open(walk) as film:
        frames = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(film)]
    assert frames[0].shape == (128, 128, 4)
    # The walk begins with the first sample. Frames that are equal may be shown longer instead of twice.
    assert (frames[0][::2, ::2] == document.frame(0)).all()


def test_without_a_palette_the_drawn_pixels_are_kept(trained: Path, studio: Studio, tmp_path: Path) -> None:
    words = ["sample", "r1", "--count", 2, "-w", trained]
    studio(*words, "--out", tmp_path / "plain.png")
    studio(*words, "--out", tmp_path / "two.png", "--scale", 2)
    studio(*words, "--out", tmp_path / "singly", "--singly")
    with Image.open(tmp_path / "plain.png") as one, Image.open(tmp_path / "two.png") as two:
        plain = np.asarray(one)
        assert (np.asarray(two)[::2, ::2] == plain).all()
    with Image.open(tmp_path / "singly" / "r1-tiny-3-seed-0-0001.png") as second:
        assert (np.asarray(second) == plain[:64, 64:128]).all()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--out", "x.png", "--aseprite"], "--aseprite needs --singly"),
        (["--out", "x.png", "--sheet"], "--sheet needs --singly"),
        (["--out", "x.png", "--scale", 1, "--scale", 2], "need --singly"),
        (["--out", "x.png", "--colours", 5], "--colours needs --palette"),
        (["--out", "x.png", "--clean", "off"], "--clean needs --palette"),
        (["--out", "x.png", "--outline", 1], "--outline needs --palette"),
        (["--out", "x.png", "--palette", "data", "--clean", "much"], "from 0 to 100, or off"),
        (["--out", "x.png", "--palette", "a.gpl", "--colours", 3], "its own number of colours"),
        (["--out", "x.gif", "--latent", "1/1"], "a walk goes between"),
        (["--out", "x.png", "--singly"], "cannot end in .png"),
    ],
)
def test_wishes_that_do_not_fit_together(trained: Path, studio: Studio, words: list[object], reason: str) -> None:
    said = studio("sample", "r1", "-w", trained, *words)
    assert said.code == 2
    assert reason in " ".join(said.err.split())


def test_what_cannot_be_read_or_written_is_one_line(trained: Path, studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "bad.gpl").write_bytes(b"GIMP Palette\n1 2 900\n")
    out = ("sample", "r1", "--count", 2, "-w", trained, "--out")
    assert (
        "bad.gpl cannot be used as a palette"
        in studio(*out, tmp_path / "x.png", "--palette", tmp_path / "bad.gpl").refusal
    )
    assert "must end in .png, .aseprite" in studio(*out, tmp_path / "x.bmp").refusal
    assert "no folder" in studio(*out, tmp_path / "none" / "x.aseprite").refusal
    assert "are too many" in studio(*out, tmp_path / "x.gif", "--count", 900).refusal
    assert list(tmp_path.iterdir()) == [tmp_path / "bad.gpl"]
