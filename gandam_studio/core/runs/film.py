"""Films of a run: how its samples changed over time, as GIF, MP4, animated PNG or WebP."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.animation import LEAST_MS as LEAST_MS
from gandam_studio.core.finishing.animation import animated, enlarged, rounded_ms
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.sampling import check_target
from trainer.protocol import outputs
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import SamplesSaved
from trainer.protocol.picture_files import read_picture
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import path_inside

FORMATS = (".gif", ".mp4", ".png", ".webp")
LARGEST_SIDE = 4096
"""Pixels of a film's side; viewers and encoders end there."""
MOST_PIXELS = 1 << 30
"""Pixels of all frames together, which Pillow holds in memory."""
NO_MP4 = "this machine's OpenCV cannot write MP4; use GIF"


@dataclass(frozen=True)
class FilmPlan:
    """What a film shows.

    Attributes:
        which: "fixed" (the same samples over time) or "random". cell: one sample of the grid, or None for all.
        scale: enlargement, without smoothing. frame_ms: how long a moment is shown. hold_ms: the last one.
        most: at most this many moments, spread evenly over the run.
    """

    which: str = "fixed"
    cell: int | None = None
    scale: int = 1
    frame_ms: int = 150
    hold_ms: int = 1000
    most: int = 200


def film_size(samples: Sequence[SamplesSaved], plan: FilmPlan) -> tuple[int, int, int]:
    """(width, height, number of moments) of a film; raises UserError if there is nothing to show or it is too large."""
    chosen = chosen_moments(samples, plan)
    if not chosen:
        raise UserError("there are no samples yet")
    last = chosen[-1]
    rows, columns = (1, 1) if plan.cell is not None else (last.rows, last.columns)
    width, height = columns * last.size * plan.scale, rows * last.size * plan.scale
    if problem := too_large(width, height, len(chosen)):
        raise UserError(problem)
    return width, height, len(chosen)


def too_large(width: int, height: int, frames: int) -> str:
    """Why a film of that many frames of `width` x `height` pixels cannot be written, in one line; "" if it can."""
    if max(width, height) > LARGEST_SIDE:
        return f"{width:,} x {height:,} pixels are too many; use a smaller size"
    if width * height * frames > MOST_PIXELS:
        return "so many large frames do not fit into memory; use a smaller size or fewer frames"
    return ""


def chosen_moments(samples: Sequence[SamplesSaved], plan: FilmPlan) -> list[SamplesSaved]:
    """The moments of a film: those with grids of the newest shape, at most `plan.most`, first and last included."""
    shape = (samples[-1].rows, samples[-1].columns, samples[-1].size) if samples else ()
    alike = [one for one in samples if (one.rows, one.columns, one.size) == shape]
    if len(alike) <= plan.most:
        return alike
    return [alike[round(i * (len(alike) - 1) / (plan.most - 1))] for i in range(plan.most)]


def check_film(run: RunDirectory, target: Path, *, force: bool = False) -> None:
    """Raise UserError if a film cannot be written to `target`."""
    check_target(run, target, folder=False, suffixes=tuple(FORMATS), force=force)


def write_film(
    run: RunDirectory, samples: Sequence[SamplesSaved], target: Path, plan: FilmPlan, *, force: bool = False,
    job: Job = NULL_JOB,
) -> int:  # fmt: skip
    """Write the samples of a run over time to `target`, in the format of its suffix; returns the number of frames.

    Moments whose pictures are missing or damaged are left out. The target is complete or unchanged. Raises UserError
    (nothing to show, target refused, no MP4 here) and Cancelled.
    """
    film_size(samples, plan)
    check_film(run, target, force=force)
    chosen = chosen_moments(samples, plan)
    job.start("Reading samples", len(chosen))
    frames = list(_frames(run, chosen, plan, job))
    if not frames:
        run.require_folder()
        raise UserError("none of the samples can be read")
    job.start("Writing the film", len(frames))
    data = film_bytes(frames, plan, target.suffix, job)
    try:
        with outputs.new_file(target, force=force, near=[run.path]) as stream:
            stream.write(data)
    except TrainerError as error:
        raise UserError.of(error) from None
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from None
    return len(frames)


def film_bytes(frames: list[Image.Image], plan: FilmPlan, suffix: str, job: Job = NULL_JOB, comment: str = "") -> bytes:
    """Frames of equal size as a film in the format of `suffix`, one of `FORMATS`. Raises UserError and Cancelled.

    `comment` is stored in the file, except in an MP4.
    """
    suffix = suffix.lower()
    if suffix == ".mp4":
        return _mp4(frames, plan, job)
    return animated(frames, suffix, plan.scale, _durations(len(frames), plan), comment=comment, advance=job.advance)


def _frames(run: RunDirectory, chosen: list[SamplesSaved], plan: FilmPlan, job: Job) -> Iterator[Image.Image]:
    for sample in chosen:
        job.advance()
        try:
            path = path_inside(run.path, sample.grid(plan.which))
            picture = read_picture(path, formats=["PNG"])
            if picture.size != (sample.columns * sample.size, sample.rows * sample.size):
                continue
            frame = picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "P") else "RGB")
        except (OSError, ValueError):
            continue
        if plan.cell is not None:
            left, top = plan.cell % sample.columns * sample.size, plan.cell // sample.columns * sample.size
            frame = frame.crop((left, top, left + sample.size, top + sample.size))
        yield frame


def _durations(count: int, plan: FilmPlan) -> list[int]:
    usual = rounded_ms(plan.frame_ms)
    return [usual] * (count - 1) + [max(usual, rounded_ms(plan.hold_ms))]


def _mp4(frames: list[Image.Image], plan: FilmPlan, job: Job) -> bytes:
    """An MP4; transparency is shown on white. Its sides are even, as encoders want them."""
    import cv2

    durations = _durations(len(frames), plan)
    rate = 1000 / durations[0]
    width, height = (plan.scale * side + plan.scale * side % 2 for side in frames[0].size)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        film = Path(folder) / "film.mp4"
        film.touch()  # Raises a clear error; OpenCV does not say why it failed.
        writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
        try:
            if not writer.isOpened():
                raise UserError(NO_MP4)
            for frame, duration in zip(frames, durations, strict=True):
                sheet = Image.new("RGB", (width, height), "white")
                picture = enlarged(frame, plan.scale)
                sheet.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
                pixels = cv2.cvtColor(np.asarray(sheet), cv2.COLOR_RGB2BGR)
                for _ in range(max(1, round(duration / durations[0]))):
                    writer.write(pixels)
                job.advance()
        finally:
            writer.release()
        data = film.read_bytes()
    if not data:
        raise UserError(NO_MP4)
    return data
