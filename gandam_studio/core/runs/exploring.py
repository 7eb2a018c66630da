"""What exploring needs besides drawing: pictures fitted to a model, samples as RGBA, and writing what was found."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.decoding.canonical import decode
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.pictures.rendering import render
from gandam_studio.core.runs.film import FilmPlan, film_bytes, too_large
from gandam_studio.core.runs.sampling import write_file
from trainer.protocol.errors import TrainerError
from trainer.protocol.recipe import Recipe
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.sample_notes import Note
from trainer.protocol.untrusted import read_regular
from trainer.protocol.weights import is_post_hoc

LARGEST_FILE = 64 << 20
Pixels = NDArray[np.uint8]
Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Facts:
    """What is known about a model that was opened.

    Attributes:
        iteration: of its checkpoint. latent: length of a latent. stages: how many latents one picture can be drawn
            from, coarse to fine. size: side of its pictures. channels: 3 or 4. classes: their names. compares: whether
            its training pictures are at hand. kind: of network. weights: as `protocol.weights` names them.
    """

    iteration: int
    latent: int
    stages: int
    size: int
    channels: int
    classes: tuple[str, ...] = ()
    compares: bool = False
    kind: str = ""
    weights: str = ""

    @property
    def is_flow(self) -> bool:
        """Whether its latents are pictures of noise; no directions can be read from its network."""
        return self.kind == "unet"

    def drew(self, note: Note) -> bool:
        """Whether these weights may have drawn the samples of a file: an average made after training is told apart."""
        told_apart = is_post_hoc(note.weights) or is_post_hoc(self.weights)
        return self.iteration == note.iteration and (self.weights == note.weights or not told_apart)

    @classmethod
    def from_answer(cls, values: Any) -> Facts:
        """From the drawing process. Raises UserError."""
        try:
            own = {field.name: values[field.name] for field in dataclasses.fields(cls) if field.name != "weights"}
            whole = [own[name] for name in ("iteration", "latent", "stages", "size", "channels")]
            if not all(type(value) is int and value >= 0 for value in whole):
                raise ValueError
            weights = str(values.get("weights") or "")
            return cls(**{**own, "classes": tuple(map(str, own["classes"])), "weights": weights})
        except (TypeError, KeyError, ValueError, AttributeError):
            raise UserError("the drawing process gave an answer that cannot be read") from None


def rgba(pixels: Pixels) -> Pixels:
    """Pictures (..., C) with three or four channels as RGBA, contiguous."""
    if pixels.shape[-1] == 4:
        return np.ascontiguousarray(pixels)
    opaque = np.full((*pixels.shape[:-1], 1), 255, np.uint8)
    return np.concatenate([pixels, opaque], axis=-1)


def picture_from(path: Path) -> bytes:
    """The bytes of a picture file. Raises UserError."""
    try:
        return read_regular(path, LARGEST_FILE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"{path} cannot be read: {reason}") from None


def fitted(folder: Path, facts: Facts, data: bytes) -> Pixels:
    """A picture file as the model's training pictures were prepared: (size, size, channels).

    By the run's own recipe where it is known, else centred in the square. Raises UserError.
    """
    try:
        picture = decode(data).rgba
    except UnreadablePicture as error:
        raise UserError(f"this picture cannot be read: {error}") from None
    info: Mapping[str, Any] = {}
    if (folder / "dataset.json").is_file():
        try:
            info = RunDirectory(folder).dataset_info()
        except TrainerError as error:
            raise UserError.of(error) from None
    colour = _colour(info.get("background"))
    try:
        recipe = Recipe.from_json(info.get("recipe") or {})
    except (ValueError, TypeError):
        recipe = Recipe()
    background = "alpha" if facts.channels == 4 else colour
    # A relative scale needs the whole set; one picture fills the square.
    scale = "fit" if recipe.is_relative else recipe.scale
    if picture.shape[:2] == (facts.size, facts.size):  # Already at its size, such as a sample that was saved.
        recipe = Recipe()
        scale, recipe = "whole", dataclasses.replace(recipe, trim=False, margin=0.0)
    try:
        recipe = dataclasses.replace(recipe, size=facts.size, background=background, scale=scale)
    except ValueError as error:
        raise UserError(f"this model's size is not supported: {error}") from None
    return render(picture, recipe, colour)


def _colour(value: Any) -> str:
    if isinstance(value, list) and len(value) == 3 and all(type(part) is int and 0 <= part <= 255 for part in value):
        return "#{:02x}{:02x}{:02x}".format(*value)
    return "#ffffff"


def png(picture: Pixels, notes: Mapping[str, Any], scale: int = 1) -> bytes:
    """One sample (H, W, C) as a PNG, enlarged without smoothing, with where it comes from in its text."""
    made = Image.fromarray(rgba(picture) if picture.shape[-1] == 4 else np.ascontiguousarray(picture))
    text = PngImagePlugin.PngInfo()
    text.add_text("gandam", json.dumps(notes))
    stream = io.BytesIO()
    size = made.width * scale, made.height * scale
    made.resize(size, Image.Resampling.NEAREST).save(stream, "PNG", pnginfo=text)
    return stream.getvalue()


def there_and_back(frames: list[Frame]) -> list[Frame]:
    """Frames of a path and of the way back, to be played again and again: neither end is repeated."""
    return [*frames, *frames[-2:0:-1]]


def write_path(
    pictures: Pixels, target: Path, plan: FilmPlan, near: Sequence[Path], *, back: bool = False, comment: str = "",
    force: bool = False, job: Job = NULL_JOB,
) -> int:  # fmt: skip
    """Write pictures (N, H, W, C) on a path as a film; `back`: and the way back. Returns the number of frames.

    `comment` is stored in the file, except in an MP4.

    Raises UserError (too large, target refused, no MP4 here) and Cancelled.
    """
    frames = [Image.fromarray(np.ascontiguousarray(picture)) for picture in pictures]
    if back:
        frames = there_and_back(frames)
    if problem := too_large(frames[0].width * plan.scale, frames[0].height * plan.scale, len(frames)):
        raise UserError(problem)
    job.start("Writing the film", len(frames))
    write_file(target, film_bytes(frames, plan, target.suffix, job, comment), near, force=force)
    return len(frames)
