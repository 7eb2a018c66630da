"""A folder of pictures as input of the trainer, and its outputs for other programs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from small_runs import COMMON, SMALL, small_config

from trainer.cli import main
from trainer.create_run import new_run
from trainer.interpolate import gif_bytes
from trainer.networks import build_networks
from trainer.protocol.errors import TrainerError
from trainer.protocol.remedies import Remedy
from trainer.protocol.run_directory import RunDirectory

SETS = [*SMALL["dcgan"], *COMMON]


def drawn(folder: Path, count: int = 4) -> Path:
    folder.mkdir()
    for index in range(count):
        Image.new("RGB", (32, 32), (40 * index, 90, 200)).save(folder / f"{index}.png")
    return folder


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    art = drawn(tmp_path / "art")
    (art / "broken.png").write_bytes(b"no picture")
    (art / "empty.png").touch()
    words = ["new", str(tmp_path / "r"), "--preset", "dcgan", "--data", str(art), "--size", "32"]
    done = CliRunner().invoke(main, [*words, *(f"--set={text}" for text in SETS)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[:3] == [
        "4 pictures",
        "skipped, cannot be read: broken.png",
        "skipped, cannot be read: empty.png",
    ]
    assert RunDirectory(tmp_path / "r").dataset_info()["passed_over"] == ["broken.png", "empty.png"]


def test_sixteen_bits_of_grey_become_eight_and_cameras_are_believed(tmp_path: Path) -> None:
    art = drawn(tmp_path / "art", 2)
    ramp = np.linspace(0, 65535, 32 * 32).astype(np.uint16).reshape(32, 32)
    Image.fromarray(ramp).save(art / "ramp.png")
    turned = Image.new("RGB", (32, 32))
    turned.paste((255, 255, 255), (0, 0, 32, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # To be shown turned by a quarter, clockwise.
    turned.save(art / "turned.jpg", exif=exif, quality=95)
    run = new_run(tmp_path / "r", small_config("dcgan"), art, [], 32)
    pixels = dict(zip(run.dataset_info()["ids"], np.load(run.dataset_path), strict=True))
    assert abs(pixels["ramp.png"].astype(int) - (ramp >> 8)[:, :, None]).max() <= 1
    assert pixels["turned.jpg"][:, 20:].min() > 240, "white is at the right"
    assert pixels["turned.jpg"][:, :12].max() < 15


def test_a_picture_with_damaged_notes_of_a_camera_is_read(tmp_path: Path) -> None:
    art = drawn(tmp_path / "art", 2)
    Image.new("RGB", (32, 32), (9, 99, 199)).save(art / "cut.png", exif=b"II*\0")
    run = new_run(tmp_path / "r", small_config("dcgan"), art, [], 32)
    assert run.dataset_info()["ids"] == ["0.png", "1.png", "cut.png"]


def test_a_file_that_is_no_array_is_refused_without_talk_of_pickles(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "s.png")
    with pytest.raises(TrainerError, match=r"not a \.npy array; use such an array or a folder") as refused:
        new_run(tmp_path / "r", small_config("dcgan"), tmp_path / "s.png", [])
    assert "pickle" not in str(refused.value)


@pytest.mark.parametrize("change", ["generator_channels=16,8", "discriminator_channels=6,8,8,8,16"])
def test_sprite_networks_of_another_number_of_stages_are_refused(change: str) -> None:
    with pytest.raises(TrainerError, match="sprite networks of 32 px have 4 stages"):
        build_networks(small_config("sprite-r3-cpu", change), 0)


def test_a_gif_knows_only_there_and_not_there() -> None:
    frames = np.zeros((2, 4, 4, 4), np.uint8)
    frames[:, :, :2] = (200, 10, 10, 20)  # nearly nothing
    frames[:, :, 2:] = (10, 200, 10, 240)
    frames[1, 0, 3] = (10, 10, 200, 255)  # Equal frames would become one.
    with Image.open(io.BytesIO(gif_bytes(frames, 1, 60))) as gif:
        seen = np.asarray(gif.convert("RGBA"))
        assert gif.info["duration"] == 20, "what lasts shorter is shown at a tenth of a second by many"
    assert (seen[:, :2, 3] == 0).all()
    assert (seen[:, 2:, 3] == 255).all()


@pytest.mark.parametrize("command", ["interpolate", "export", "sample"])
def test_nothing_is_replaced_unless_told_to(command: str, tmp_path: Path) -> None:
    there = tmp_path / "there.png"
    if command == "export":
        there.mkdir()
        (there / "model.txt").write_text("mine")
    else:
        there.write_text("mine")
    done = CliRunner().invoke(main, [command, str(tmp_path / "r"), "--out", str(there)])
    assert isinstance(done.exception, TrainerError)
    assert done.exception.remedy is Remedy.REPLACE
