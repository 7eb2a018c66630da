"""The samples at the end of a run, drawn by seed and never picked, and the training pictures nearest to them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.reports.facts import RunFacts
from gandam_studio.core.reports.pictures import EXACT, data_uri, fitted, share, sheet_of
from gandam_studio.core.runs.nearest import Neighbour, nearest_training
from gandam_studio.core.runs.samples import RANDOM, SampleSpot
from gandam_studio.core.runs.sampling import draw_sprites
from trainer.protocol.events import SamplesSaved

LARGEST_SHEET = 900_000
"""Bytes of the sheet of one or two runs, and of that of its nearest training pictures; see `share`."""
COMPARED, NEIGHBOURS = 12, 3
"""Samples compared with the training pictures, and how many of these are shown for each."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of pictures inside the page.

    Attributes:
        uri: its data. width, height: in pixels. rows, columns: of pictures. bits: of each colour channel, 8 is exact.
    """

    uri: str
    width: int
    height: int
    rows: int
    columns: int
    bits: int = EXACT


@dataclass(frozen=True)
class Finals:
    """The final samples of a run.

    Attributes:
        sheet: None if there are none. iteration: of the weights. seed: which drew them. count: how many are shown.
        drawn: drawn for this report; else as the run had saved them. weights: "ema" (averaged) or "raw".
        why: why they were not drawn, or "".
        compared: the first of them, one a column, above the training pictures nearest to each, or None.
        distances: of those, for each column; 0 is equal, 1 is black against white.
    """

    sheet: Sheet | None = None
    iteration: int = 0
    seed: int = 0
    count: int = 0
    drawn: bool = False
    weights: str = ""
    why: str = ""
    compared: Sheet | None = None
    distances: tuple[tuple[Neighbour, ...], ...] = field(default_factory=tuple)


def final_samples(
    facts: RunFacts, *, count: int, seed: int, iteration: str | None = None, runs: int = 1, job: Job = NULL_JOB
) -> Finals:
    """Draw `count` samples of `seed` as `sample` does; 0, or where that fails, takes the newest saved ones.

    `runs`: how many share the page. Raises Cancelled, and UserError if `iteration` names no checkpoint of the run.
    """
    why = ""
    if count:
        if facts.checkpoints:
            try:
                return _drawn(facts, count, seed, iteration, share(LARGEST_SHEET, runs), job)
            except UserError as error:
                if iteration is not None:
                    raise
                why = f"They could not be drawn anew: {error}."
        else:
            why = "They could not be drawn anew: it has no checkpoint."
    return _saved(facts, why, share(LARGEST_SHEET, runs), job)


def _drawn(facts: RunFacts, count: int, seed: int, iteration: str | None, most: int, job: Job) -> Finals:
    with tempfile.TemporaryDirectory(prefix="gandam-", ignore_cleanup_errors=True) as folder:
        target = Path(folder).resolve() / "samples.png"
        answer = draw_sprites(facts.run, target, count=count, seed=seed, iteration=iteration, job=job)
        with Image.open(target, formats=["PNG"]) as picture:
            pixels = np.array(picture.convert("RGBA"))
    side = facts.config.data.size if facts.config else pixels.shape[0]
    at, weights = answer.get("iteration"), answer.get("weights")
    return _finals(
        facts, pixels, side, count, most, job, iteration=at if isinstance(at, int) else 0, seed=seed, drawn=True,
        weights=weights if isinstance(weights, str) else "",
    )  # fmt: skip


def _saved(facts: RunFacts, why: str, most: int, job: Job) -> Finals:
    for moment in reversed(facts.record.samples):
        try:
            pixels = SampleSpot(facts.run, moment, RANDOM).pixels()
        except UserError:
            continue
        return _finals(
            facts, pixels, _side(moment, pixels), moment.rows * moment.columns, most, job, iteration=moment.iteration,
            seed=moment.random_seed, why=why, weights=moment.weights,
        )  # fmt: skip
    return Finals(why=why)


def _side(moment: SamplesSaved, pixels: np.ndarray) -> int:
    return moment.size or pixels.shape[0] // max(1, moment.rows) or 1


def _finals(
    facts: RunFacts, pixels: np.ndarray, side: int, count: int, most: int, job: Job, *, iteration: int, seed: int,
    drawn: bool = False, weights: str = "", why: str = "",
) -> Finals:  # fmt: skip
    rows, columns = max(1, pixels.shape[0] // side), max(1, pixels.shape[1] // side)
    shown = _sheet(pixels, rows, columns, most)
    count = min(count, shown.rows * columns)
    compared, distances = _compared(facts, pixels, side, columns, count, most, job)
    return Finals(shown, iteration, seed, count, drawn, weights, why, compared, distances)


def _sheet(pixels: np.ndarray, rows: int, columns: int, most: int) -> Sheet:
    data, bits, kept = fitted(pixels, most, rows)
    height = pixels.shape[0] if kept == rows else kept * (pixels.shape[0] // rows)
    return Sheet(data_uri(data), pixels.shape[1], height, kept, columns, bits)


def _compared(
    facts: RunFacts, pixels: np.ndarray, side: int, columns: int, count: int, most: int, job: Job
) -> tuple[Sheet | None, tuple[tuple[Neighbour, ...], ...]]:
    """The first samples above the training pictures nearest to each of them."""
    if facts.pictures is None or facts.pictures.shape[1:3] != (side, side):
        return None, ()
    four = facts.pictures.shape[3] == 4
    tops, below, found = [], [[] for _ in range(NEIGHBOURS)], []  # type: ignore[var-annotated]
    compared = min(COMPARED, count)
    job.start("Nearest training pictures", compared)
    for index in range(compared):
        job.advance()
        top, left = index // columns * side, index % columns * side
        sample = np.ascontiguousarray(pixels[top : top + side, left : left + side, : 4 if four else 3])
        try:
            near = nearest_training(facts.run.dataset_path, sample, NEIGHBOURS)
        except (OSError, ValueError):
            return None, ()
        tops.append(sample)
        found.append(tuple(near))
        for place in range(NEIGHBOURS):
            if place < len(near):
                picture = np.asarray(facts.pictures[near[place].index])
                below[place].append(picture[:, ::-1] if near[place].mirrored else picture)
            else:
                below[place].append(np.full_like(sample, 0 if four else 255))
    if not tops:
        return None, ()
    sheet = sheet_of([*tops, *(picture for row in below for picture in row)], len(tops), facts.background)
    return _sheet(sheet, 1 + NEIGHBOURS, len(tops), most), tuple(found)
