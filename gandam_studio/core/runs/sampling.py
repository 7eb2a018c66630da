"""Draws new sprites from a run's checkpoint, in the trainer's process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.process import ask
from trainer.protocol import outputs
from trainer.protocol.errors import TrainerError
from trainer.protocol.output_folders import check_folder
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.sample_folders import SAMPLES

MOST = 10_000
"""Pictures drawn at once."""
ASEPRITE = (".aseprite", ".ase")
MOVING = (".gif", ".webp", ".apng")
"""Suffixes of the files that samples are written to, beside .png."""


@dataclass(frozen=True)
class Choice:
    """Which samples are drawn, beyond their number and seed.

    Attributes:
        around: variations of this one, "7/3" or a seed; radius: how far they go, above 0 and at most 1.
        truncation: share of variety, 1 for all. copies_out: leave out those that look like a training picture.
        raw: leave the background as it was drawn, where the run cleans it.
        passes: of a flow, from noise to picture; None for as many as the run says.
        tag: this class alone, of a run that learned classes; "" for all in turns.
    """

    around: str = ""
    radius: float = 0.25
    truncation: float = 1.0
    copies_out: bool = False
    raw: bool = False
    passes: int | None = None
    tag: str = ""

    def words(self) -> list[str]:
        """As options of `python -m trainer sample`."""
        words = ["--around", self.around, "--radius", str(self.radius)] if self.around else []
        words += ["--truncation", str(self.truncation)] if self.truncation != 1 else []
        words += ["--copies-out"] if self.copies_out else []
        words += ["--raw"] if self.raw else []
        words += ["--tag", self.tag] if self.tag else []
        return words + (["--steps", str(self.passes)] if self.passes else [])


PLAIN = Choice()
"""As they come."""


def check_target(
    run: RunDirectory, target: Path, *, folder: bool, suffixes: Sequence[str] = (".png",), force: bool = False
) -> None:
    """Raise UserError if sprites of `run` cannot be written to `target`.

    A file must have one of the suffixes. With `force`, a file is replaced, and a folder that holds earlier samples and
    nothing else.
    """
    if not folder and target.suffix.lower() not in suffixes:
        raise UserError(f"{target.name or target} must end in {', '.join(suffixes)}")
    if not target.is_absolute():
        raise UserError(f"{target} is no full path")
    if not target.parent.is_dir():
        raise UserError(f"there is no folder {target.parent}")
    try:
        if folder:
            check_folder(target, SAMPLES, force=force, near=[run.path])
        else:
            outputs.check_file(target, force=force, near=[run.path])
    except TrainerError as error:
        raise UserError.of(error) from None
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from None


def write_file(target: Path, data: bytes, near: Sequence[Path], *, force: bool = True) -> Path:
    """Write a file that a person asked for; it is complete or unchanged. Raises UserError."""
    try:
        with outputs.new_file(target, force=force, near=near) as stream:
            stream.write(data)
    except TrainerError as error:
        raise UserError.of(error) from None
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from None
    return target


def draw_sprites(
    run: RunDirectory, target: Path, *, count: int = 64, seed: int = 0, iteration: int | str | None = None,
    latents: Sequence[str] = (), again: Path | None = None, choice: Choice = PLAIN, singly: bool = False,
    sheet: bool = False, force: bool = False, job: Job = NULL_JOB,
) -> dict[str, Any]:  # fmt: skip
    """Let the trainer draw uncurated pictures to `target`: one PNG, or a folder of them with `singly`.

    Args:
        run: the run to draw from.
        target: what to write; its folder must exist. It is complete or unchanged.
        count: how many pictures of `seed`.
        seed: equal seeds draw equal pictures.
        iteration: a checkpoint's iteration, "best", or None for the newest.
        latents: draw these instead, each SEED/NUMBER or fixed/NUMBER.
        again: draw what is in this file instead, as it says; `iteration` then None for that of the file.
        choice: variations of one picture, less variety, no copies, how a flow draws.
        singly: a PNG for each picture. sheet: and all of them in one, sheet.png.
        force: replace a file, or a folder of earlier samples.
        job: receives progress.

    Returns the trainer's output: "out", "seeds", "iteration" and more. Raises UserError and Cancelled.
    """
    target = target.absolute()
    if not target.parent.is_dir():
        raise UserError(f"there is no folder {target.parent}")
    words = ["--out", str(target)]
    words += ["--count", str(count), "--seed", str(seed)] if again is None else ["--from", str(again)]
    words += ["--singly"] if singly else []
    words += ["--sheet"] if sheet else []
    words += ["--force"] if force else []
    words += ["--iteration", str(iteration)] if iteration is not None else []
    for latent in latents:
        words += ["--latent", latent]
    words += choice.words()
    job.start("Loading the checkpoint", None)
    return ask("sample", str(run.path), *words, "--progress", job=job, label="Drawing sprites")
