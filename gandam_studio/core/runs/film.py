"""Films of a run: how its samples changed over time, as GIF, MP4 or animated PNG."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from trainer.protocol import outputs
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import SamplesSaved
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import path_inside, read_regular

FORMATS = (".gif", ".mp4", ".png")
LARGEST_SIDE = 4096
"""Pixels of a film's side; viewers and encoders end there."""
MOST_PIXELS = 1 << 30
"""Pixels of all frames together, which Pillow holds in memory."""
LARGEST_FILE = 256 << 20
LEAST_MS = 20
"""Viewers show GIF frames that are shorter than this much slower."""
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
    if max(width, height) > LARGEST_SIDE:
        raise UserError(f"{width:,} x {height:,} pixels are too many; use a smaller size")
    if width * height * len(chosen) > MOST_PIXELS:
        raise UserError("so many large frames do not fit into memory; use a smaller size or fewer moments")
    return width, height, len(chosen)


def chosen_moments(samples: Sequence[SamplesSaved], plan: FilmPlan) -> list[SamplesSaved]:
    """The moments of a film: those with grids of the newest shape, at most `plan.most`, first and last included."""
    shape = (samples[-1].rows, samples[-1].columns, samples[-1].size) if samples else ()
    alike = [one for one in samples if (one.rows, one.columns, one.size) == shape]
    if len(alike) <= plan.most:
        return alike
    return [alike[round(i * (len(alike) - 1) / (plan.most - 1))] for i in range(plan.most)]


def check_film(run: RunDirectory, target: Path, *, force: bool = False) -> str:
    """Why a film cannot be written to `target`, in one line; "" if it can."""
    if target.suffix.lower() not in FORMATS:
        return f"{target.name or target} must end in {', '.join(FORMATS)}"
    if not target.is_absolute():
        return f"{target} is no full path"
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}"
    try:
        outputs.check_file(target, force=force, near=[run.path])
    except TrainerError as error:
        return str(error)
    return ""


def write_film(
    run: RunDirectory, samples: Sequence[SamplesSaved], target: Path, plan: FilmPlan, *, force: bool = False,
    job: Job = NULL_JOB,
) -> int:  # fmt: skip
    """Write the samples of a run over time to `target`, in the format of its suffix; returns the number of frames.

    Moments whose pictures are missing or damaged are left out. The target is complete or unchanged. Raises UserError
    (nothing to show, target refused, no MP4 here) and Cancelled.
    """
    film_size(samples, plan)
    if problem := check_film(run, target, force=force):
        raise UserError(problem)
    chosen = chosen_moments(samples, plan)
    job.start("Reading samples", len(chosen))
    frames = list(_frames(run, chosen, plan, job))
    if not frames:
        run.require_folder()
        raise UserError("none of the samples can be read")
    job.start("Writing the film", len(frames))
    data = _mp4(frames, plan, job) if target.suffix.lower() == ".mp4" else _animated(frames, plan, target, job)
    try:
        with outputs.new_file(target, force=force, near=[run.path]) as stream:
            stream.write(data)
    except TrainerError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from None
    return len(frames)


def _frames(run: RunDirectory, chosen: list[SamplesSaved], plan: FilmPlan, job: Job) -> Iterator[Image.Image]:
    for sample in chosen:
        job.advance()
        try:
            path = path_inside(run.path, sample.fixed if plan.which == "fixed" else sample.random)
            with Image.open(io.BytesIO(read_regular(path, LARGEST_FILE)), formats=["PNG"]) as picture:
                if picture.size != (sample.columns * sample.size, sample.rows * sample.size):
                    continue
                frame = picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "P") else "RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
        if plan.cell is not None:
            left, top = plan.cell % sample.columns * sample.size, plan.cell // sample.columns * sample.size
            frame = frame.crop((left, top, left + sample.size, top + sample.size))
        yield frame


def _enlarged(frame: Image.Image, plan: FilmPlan) -> Image.Image:
    return frame.resize((frame.width * plan.scale, frame.height * plan.scale), Image.Resampling.NEAREST)


def _durations(count: int, plan: FilmPlan) -> list[int]:
    usual = max(LEAST_MS, round(plan.frame_ms / 10) * 10)
    return [usual] * (count - 1) + [max(usual, round(plan.hold_ms / 10) * 10)]


def _animated(frames: list[Image.Image], plan: FilmPlan, target: Path, job: Job) -> bytes:
    """A GIF, or an animated PNG with all colours and half-transparent pixels."""
    gif = target.suffix.lower() == ".gif"
    pictures = []
    for frame in frames:
        pictures.append(_enlarged(_paletted(frame) if gif else frame, plan))
        job.advance()
    stream = io.BytesIO()
    pictures[0].save(
        stream, "GIF" if gif else "PNG", save_all=True, append_images=pictures[1:], loop=0,
        duration=_durations(len(pictures), plan), disposal=2 if gif else 0, optimize=False,
    )  # fmt: skip
    return stream.getvalue()


def _paletted(frame: Image.Image) -> Image.Image:
    """A frame in 256 colours of its own, chosen before it is enlarged.

    GIF knows no half-transparent pixels, which would get fringes: they become clear or opaque.
    """
    if frame.mode != "RGBA":
        return _quantized(frame, 256)
    pixels = np.array(frame)
    clear = pixels[..., 3] < 128
    pixels[clear] = 0
    indices = _quantized(Image.fromarray(np.ascontiguousarray(pixels[..., :3])), 255)
    palette = indices.getpalette() or []
    numbers = np.array(indices)
    numbers[clear] = 255
    made = Image.fromarray(numbers, "P")
    made.putpalette([*palette[:765], *[0] * (768 - len(palette[:765]))])
    made.info["transparency"] = 255
    return made


def _quantized(frame: Image.Image, colours: int) -> Image.Image:
    """With few colours, all of them; of many, an octree is five hundred times as quick as the median cut."""
    few = frame.getcolors(colours) is not None
    method = Image.Quantize.MEDIANCUT if few else Image.Quantize.FASTOCTREE
    return frame.quantize(colours, method, dither=Image.Dither.NONE)


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
                picture = _enlarged(frame, plan)
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
