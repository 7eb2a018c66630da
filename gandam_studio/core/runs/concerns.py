"""Whether a run goes wrong in a way that its curves show plainly: losses explode, one network wins, nothing improves.

A diagnosis of the run looks at its pictures and has the first word (`RunRecord.diagnoses`): of a run that was
diagnosed, only what its losses show is reported, and not that it learns nothing where its pictures are healthy.

The limits are wide, so that a healthy run is not called ill; `tests/runs/test_run_concerns.py` measures how often the
rules err.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gandam_studio.core.runs.record import RunRecord
from trainer.protocol.diagnosis import HEALTHY

RECENT = 100
"""Iterations whose median counts as the current loss."""
FIRST = slice(20, 220)
"""Iterations whose median counts as the loss at the start; the very first steps are wild in healthy runs too."""
HUGE, HUGE_CRITIC = 1_000.0, 100_000.0
"""Losses beyond this mean nothing any more. A critic's scores have no scale, so much larger ones are still normal."""
GROWN, GROWN_CRITIC, LEAST = 100.0, 1_000.0, 10.0
"""Or losses beyond `LEAST` that have grown by this factor since the start."""
WON_FOR, WON_BELOW = 300, 0.01
"""The discriminator has won if its loss was below this in nearly all of so many iterations. Balanced it is 0.7 to 2."""
METRIC = "kid"
MEASURED, FLAT_FOR, BETTER = 10, 500, 0.95
"""Quality is flat if, of so many measurements over so many iterations, the later half is not better by 5 %."""


@dataclass(frozen=True)
class Concern:
    """Something that a person should know about a run.

    Attributes:
        kind: "diverging", "discriminator" (it has won) or "flat".
        value: the current loss, or the current quality.
        before: the loss at the start, or the quality in the first half.
        iterations: for how long, in iterations.
    """

    kind: str
    value: float
    before: float
    iterations: int


def concern(record: RunRecord, objective: str = "bce") -> Concern | None:
    """The gravest concern about a run with this objective (`Objective.kind`); None if nothing is plainly wrong."""
    newest = record.diagnoses[-1].diagnosis if record.diagnoses else None
    critic = objective == "wasserstein"
    for name in ("loss_g", "loss_d", "loss"):
        if name in record.curves and (found := _diverging(record.curves[name].raw.values, critic)):
            return found
    learns = newest is not None and newest.verdict == HEALTHY
    if not critic and not learns and "loss_d" in record.curves and (found := _won(record.curves["loss_d"].raw.values)):
        return found
    if newest is not None:
        return None  # Its card about quality says whether more time helps.
    points = [(event.iteration, event.value) for event in record.metrics.get(METRIC, ()) if event.value is not None]
    return _flat(points)


def _diverging(losses: np.ndarray, critic: bool) -> Concern | None:
    sizes = np.abs(losses[np.isfinite(losses)])
    if len(sizes) < FIRST.stop + RECENT:
        recent = sizes[-RECENT:] if len(sizes) >= RECENT + FIRST.start else sizes[:0]
        now, start = (float(np.median(recent)), float("inf")) if len(recent) else (0.0, 1.0)
    else:
        now, start = float(np.median(sizes[-RECENT:])), float(np.median(sizes[FIRST]))
    grown = now > LEAST and now > (GROWN_CRITIC if critic else GROWN) * start
    if grown or now > (HUGE_CRITIC if critic else HUGE):
        return Concern("diverging", now, 0.0 if start == float("inf") else start, RECENT)
    return None


def _won(losses: np.ndarray) -> Concern | None:
    finite = losses[np.isfinite(losses)]
    recent = finite[-WON_FOR:]
    if len(finite) < WON_FOR + FIRST.start or np.mean(recent < WON_BELOW) < 0.95:
        return None
    return Concern("discriminator", float(np.median(recent)), float(np.median(finite[: FIRST.stop])), WON_FOR)


def _flat(points: list[tuple[int, float]]) -> Concern | None:
    points = points[1:]  # the first is of a network that has hardly learnt
    if len(points) < MEASURED:
        return None
    half = len(points) // 2
    early, late = points[:half], points[half:]
    stretch = late[-1][0] - early[-1][0]
    before, now = (float(np.median([value for _, value in part])) for part in (early, late))
    if stretch < FLAT_FOR or not now >= BETTER * before:
        return None
    return Concern("flat", now, before, stretch)
