"""Diagnoses of a run by moment, with the pictures behind them: as training wrote them, or as `evaluate` found them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from trainer.protocol.diagnosis import Diagnosis, diagnosis_of
from trainer.protocol.events import Diagnosed

NEAREST, GROUP = "nearest", "group"
MOST_COLUMNS = 64
LARGEST_DISTANCE = 1e6


@dataclass(frozen=True)
class Finding:
    """What was found at one moment.

    Attributes:
        iteration: the moment. diagnosis: None if its values are damaged.
        pictures: "nearest" and "group" -> the sheet's path inside the run's folder.
        nearest: distances of the columns of the "nearest" sheet from their training pictures; below 1 looks alike.
    """

    iteration: int
    diagnosis: Diagnosis | None
    pictures: Mapping[str, str] = field(default_factory=dict)
    nearest: tuple[float, ...] = ()


def finding_of(event: Diagnosed) -> Finding:
    """What an event tells."""
    return Finding(event.iteration, diagnosis_of(event.values), event.pictures, _distances(event.values))


def finding_in(answer: Mapping[str, Any]) -> Finding:
    """What the answer of `evaluate` tells; for a folder of pictures the iteration is 0."""
    iteration = answer.get("iteration", 0)
    known = type(iteration) is int and iteration >= 0
    return Finding(iteration if known else 0, diagnosis_of(dict(answer)), {}, _distances(answer))


def _distances(values: Mapping[str, Any]) -> tuple[float, ...]:
    found = values.get("nearest")
    if not isinstance(found, list) or len(found) > MOST_COLUMNS:
        return ()
    if not all(type(value) in (int, float) and 0 <= value <= LARGEST_DISTANCE for value in found):
        return ()
    return tuple(map(float, found))


def verdict_changes(findings: Sequence[Finding]) -> list[Finding]:
    """Those whose verdict differs from the one before; the first is no change, damaged ones are skipped."""
    readable = [finding for finding in findings if finding.diagnosis is not None]
    return [after for before, after in pairwise(readable) if _verdict(before) != _verdict(after)]


def _verdict(finding: Finding) -> str:
    return finding.diagnosis.verdict if finding.diagnosis else ""
