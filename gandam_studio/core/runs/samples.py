"""One sample, or a whole grid of them, as a run has saved it: its exact pixels, and its name to draw it again."""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.sheet import sheet_problem
from gandam_studio.core.runs.sampling import write_file
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import SamplesSaved
from trainer.protocol.picture_files import read_picture
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import path_inside

FIXED, RANDOM = "fixed", "random"
MOST_CELLS = 16_384
"""Samples in a grid; a run is asked for 1,024 at most."""


@dataclass(frozen=True)
class SampleSpot:
    """A place in a grid.

    Attributes:
        run: the run. sample: its sample point. which: "fixed" or "random". index: of the sample, counted row by row;
            None for the whole grid. raw: as it was drawn, before its background was cleaned.
    """

    run: RunDirectory
    sample: SamplesSaved
    which: str
    index: int | None = None
    raw: bool = False

    @property
    def path(self) -> str:
        """The grid's path, relative to the run's folder."""
        return self.sample.grid(self.which, self.raw)

    @property
    def is_raw(self) -> bool:
        """Whether its background was cleaned, and `path` is the grid from before that."""
        return self.path != self.sample.grid(self.which)

    @property
    def latent(self) -> str:
        """What `sample --latent` takes to draw it again: "fixed/7" or "1234/7"; "" for a grid."""
        if self.index is None:
            return ""
        return f"{FIXED if self.which == FIXED else self.sample.random_seed}/{self.index}"

    @property
    def file_name(self) -> str:
        """A name for its picture, without a suffix."""
        number = "" if self.index is None else f"-{self.index + 1}"
        raw = "-raw" if self.is_raw else ""
        return f"{self.run.name}-{self.sample.iteration}-{self.which}{number}{raw}"

    @property
    def passes(self) -> int | None:
        """Passes of a flow's network that it was drawn in, fewer than those of `sample`; None for other networks."""
        try:
            config = self.run.config()
        except TrainerError:
            return None
        return config.flow.grid_steps if config.is_flow else None

    def command(self, checkpoint: str) -> str:
        """The command that draws it again from a checkpoint; what a shell would act on is quoted."""
        passes = self.passes
        return shlex.join([
            "gandam-studio", "sample", self.run.name, "--iteration", checkpoint, "--latent", self.latent,
            "--out", f"{self.file_name}.png", *(["--passes", str(passes)] if passes else []),
            *(["--raw"] if self.is_raw else []),
        ])  # fmt: skip

    def png(self, scale: int = 1) -> bytes:
        """Its picture as a PNG, enlarged `scale` times without smoothing, with where it comes from in its text.

        Raises UserError when the grid cannot be read.
        """
        picture = self._picture()
        size = picture.width * scale, picture.height * scale
        if problem := sheet_problem(1, *size):
            raise UserError(problem)
        notes = PngImagePlugin.PngInfo()
        notes.add_text("gandam", json.dumps(self._facts()))
        stream = io.BytesIO()
        picture.resize(size, Image.Resampling.NEAREST).save(stream, "PNG", pnginfo=notes)
        return stream.getvalue()

    def pixels(self) -> NDArray[np.uint8]:
        """Its picture as RGBA, (H, W, 4). Raises UserError as `png` does."""
        return np.array(self._picture().convert("RGBA"))

    def _picture(self) -> Image.Image:
        try:
            grid = read_picture(path_inside(self.run.path, self.path), formats=["PNG"])
        except (OSError, ValueError) as error:
            raise self._unreadable(error.strerror if isinstance(error, OSError) and error.strerror else error) from None
        if self.index is None:
            return grid
        rows, columns, height, width = self.layout(grid.height, grid.width)
        if self.index >= rows * columns:
            raise self._unreadable(f"it holds {rows * columns:,} samples")
        left, top = self.index % columns * width, self.index // columns * height
        return grid.crop((left, top, left + width, top + height))

    def layout(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(rows, columns, height, width) of the samples in a grid of this size.

        Raises UserError when the run says that there are more than the grid can hold, or than any run draws.
        """
        rows, columns = max(1, self.sample.rows), max(1, self.sample.columns)
        if height < rows or width < columns or rows * columns > MOST_CELLS:
            raise self._unreadable(f"{rows:,} x {columns:,} samples do not fit into it")
        return rows, columns, height // rows, width // columns

    def _unreadable(self, reason: object) -> UserError:
        return UserError(f"the samples at {self.sample.iteration:,} cannot be read: {reason}")

    def _facts(self) -> dict[str, object]:
        passes = self.passes
        return {
            "run": self.run.name, "iteration": self.sample.iteration, "weights": self.sample.weights,
            "latent": self.latent or self.which, **({"steps": passes} if passes else {}),
            **({"raw": True} if self.is_raw else {}),
        }  # fmt: skip


def write_png(spot: SampleSpot, target: Path, scale: int = 1) -> Path:
    """Write a sample's picture to `target`, which the person has agreed to replace. Raises UserError."""
    return write_file(target, spot.png(scale), [spot.run.path])
