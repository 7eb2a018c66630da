"""Films of a run's samples: their frames, errors, and no partial files."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence
from recorded_runs import SIDE, recorded

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.runs.film import FilmPlan, check_film, chosen_moments, film_size, write_film
from trainer.protocol.events import SamplesSaved
from trainer.protocol.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return recorded(tmp_path / "runs" / "r1-test", iterations=400)


def samples(run: RunDirectory) -> list[SamplesSaved]:
    return [event for event in run.events().read() if isinstance(event, SamplesSaved)]


def grid(run: RunDirectory, sample: SamplesSaved) -> np.ndarray:
    return np.asarray(Image.open(run.path / sample.fixed).convert("RGB"))


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_a_film_shows_every_moment_enlarged_and_holds_the_last(run: RunDirectory, tmp_path: Path, suffix: str) -> None:
    found, out = samples(run), tmp_path / f"film{suffix}"
    plan = FilmPlan(cell=5, scale=3, frame_ms=120, hold_ms=900)
    assert film_size(found, plan) == (3 * SIDE, 3 * SIDE, 5)
    assert write_film(run, found, out, plan) == 5
    with Image.open(out) as film:
        frames = []
        for frame in ImageSequence.Iterator(film):
            duration = frame.info.get("duration")  # of a WebP, it is known once the frame is read
            pixels = np.asarray(frame.convert("RGB"))
            frames.append((pixels, duration or frame.info["duration"]))
        assert film.info["loop"] == 0
    assert [duration for _, duration in frames] == [120, 120, 120, 120, 900]
    for (pixels, _), sample in zip(frames, found, strict=True):
        own = grid(run, sample)[SIDE : 2 * SIDE, SIDE : 2 * SIDE].repeat(3, 0).repeat(3, 1)
        # A GIF has 256 colours a frame, and one sprite has fewer.
        assert np.abs(pixels.astype(int) - own).max() <= (8 if suffix == ".gif" else 0)


def test_an_mp4_plays_with_the_frames_of_the_run(run: RunDirectory, tmp_path: Path) -> None:
    found, out = samples(run), tmp_path / "film.mp4"
    write_film(run, found, out, FilmPlan(scale=4, frame_ms=200, hold_ms=400))
    film = cv2.VideoCapture(str(out))
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(5)
    frames = []
    while True:
        ok, frame = film.read()
        if not ok:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    film.release()
    assert len(frames) == 6  # The last one twice.
    for frame, sample in zip(frames, found, strict=False):
        own = grid(run, sample).repeat(4, 0).repeat(4, 1).astype(int)
        assert np.abs(frame.astype(int) - own).mean() < 12  # Lossy, but this moment and no other.


def test_half_clear_pixels_have_no_fringes_in_a_gif(run: RunDirectory, tmp_path: Path) -> None:
    found = samples(run)
    for sample in found:
        rgba = np.zeros((4 * SIDE, 4 * SIDE, 4), np.uint8)
        rgba[::2] = (200, 30, 40, 255)
        rgba[1::2] = (9, 9, 9, 60)
        Image.fromarray(rgba).save(run.path / sample.fixed)
    write_film(run, found, tmp_path / "film.gif", FilmPlan())
    with Image.open(tmp_path / "film.gif") as film:
        alpha = np.asarray(film.convert("RGBA"))[..., 3]
    assert set(np.unique(alpha)) == {0, 255}


def test_opaque_pixels_of_many_colours_stay_opaque_in_a_gif(run: RunDirectory, tmp_path: Path) -> None:
    found = samples(run)
    rgba = np.random.default_rng(0).integers(0, 256, (4 * SIDE, 4 * SIDE, 4)).astype(np.uint8)
    rgba[:, : 2 * SIDE, 3], rgba[:, 2 * SIDE :, 3] = 255, 0
    for sample in found:
        Image.fromarray(rgba).save(run.path / sample.fixed)
    write_film(run, found, tmp_path / "film.gif", FilmPlan())
    with Image.open(tmp_path / "film.gif") as film:
        alpha = np.asarray(film.convert("RGBA"))[..., 3]
    middle = alpha.shape[1] // 2
    assert (alpha[:, :middle] == 255).all()
    assert (alpha[:, middle:] == 0).all()


def test_few_moments_of_many_include_the_first_and_the_last(run: RunDirectory) -> None:
    found = samples(run)
    assert [one.iteration for one in chosen_moments(found, FilmPlan(most=3))] == [0, 200, 400]


def test_missing_and_damaged_moments_are_left_out(run: RunDirectory, tmp_path: Path) -> None:
    found = samples(run)
    (run.path / found[1].fixed).unlink()
    (run.path / found[2].fixed).write_bytes(b"not a picture")
    assert write_film(run, found, tmp_path / "film.gif", FilmPlan()) == 3
    outside = [SamplesSaved(fixed="../../outside.png", rows=4, columns=4, size=SIDE)]
    with pytest.raises(UserError, match="none of the samples"):
        write_film(run, outside, tmp_path / "other.gif", FilmPlan())


def test_what_cannot_be_written_is_said_before(run: RunDirectory, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gif"
    mine.write_text("mine")
    check_film(run, mine, force=True)
    refused = (
        (mine, "exists"), (tmp_path / "film.avi", "must end in"), (tmp_path / "no" / "film.gif", "no folder"),
        (run.path / "samples" / "film.gif", "part of the run"),
    )  # fmt: skip
    for target, why in refused:
        with pytest.raises(UserError, match=why):
            check_film(run, target)
    for plan in (FilmPlan(scale=100), FilmPlan(scale=65)):
        with pytest.raises(UserError, match="smaller"):
            film_size(samples(run), plan)
    with pytest.raises(UserError, match="no samples"):
        film_size([], FilmPlan())


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_cancelled_or_refused_it_leaves_the_target_alone(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    class Impatient(NullJob):
        def advance(self, count: int = 1) -> None:
            raise Cancelled

    out = tmp_path / f"film{suffix}"
    out.write_text("mine")
    with pytest.raises(Cancelled):
        write_film(run, samples(run), out, FilmPlan(), force=True, job=Impatient())
    if suffix == ".mp4":
        monkeypatch.setattr(cv2.VideoWriter, "isOpened", lambda self: False, raising=False)
    assert out.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == [out.name, "runs"]


def test_a_machine_without_the_codec_is_told_in_one_line(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Without:
        fourcc = staticmethod(lambda *_: 0)

        def __init__(self, *_: object) -> None: ...

        def isOpened(self) -> bool:
            return False

        def release(self) -> None: ...

    monkeypatch.setattr(cv2, "VideoWriter", Without)
    with pytest.raises(UserError, match="cannot write MP4; use GIF"):
        write_film(run, samples(run), tmp_path / "film.mp4", FilmPlan())
    assert not (tmp_path / "film.mp4").exists()
