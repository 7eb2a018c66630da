"""One verdict from variety and copying: healthy, collapsed, memorised, both, or cannot tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainer.diagnostics.copying import Copying
from trainer.diagnostics.variety import Variety
from trainer.protocol.diagnosis import (
    CANNOT_TELL,
    COLLAPSED,
    COLLAPSED_ONTO_TRAINING,
    HEALTHY,
    MEMORISED,
    MembershipFacts,
)

LEAST_PICTURES = 20
LEAST_FAMILIES = 5
KNOWN_FAMILIES = 50
"""With fewer training families, a new sprite of a known family passes for a copy, so more evidence is asked for."""
LARGEST_BOUND = 64
BLURRY = 1 / 3
TOO_ALIKE = 0.05
CHANCE = 0.05
"""Chance that all pictures drawn resemble training pictures without being such, above which that is not ruled out."""
RELATED = 0.02
"""Share of training pictures that look like one of another family above which families are not well known."""


@dataclass(frozen=True)
class Evidence:
    """What a verdict is based on.

    Attributes:
        training, families: numbers of training pictures, and of their families.
        variety, real: of the samples, and of real pictures as blurred as they are.
        sharp: sharpness of the samples as a share of that of the real pictures.
        copying, test: of the samples. alike: `Scale.alike` of the training pictures.
    """

    training: int
    families: int
    variety: Variety
    real: Variety
    sharp: float
    copying: Copying
    test: MembershipFacts | None
    alike: float


@dataclass(frozen=True)
class Verdict:
    """A verdict and its reason.

    Attributes:
        word, reason: see `trainer.protocol.diagnosis.VERDICTS` and `REASONS`.
    """

    word: str
    reason: str


def bound_of(training: int, real_n2: float | None) -> float:
    """The effective number of pictures below which samples count as collapsed."""
    return min(LARGEST_BOUND, training / 3, math.inf if real_n2 is None else real_n2 / 2)


def judge(found: Evidence) -> Verdict:
    """The verdict. The rules and how often they are wrong stand in docs/diagnostics.md."""
    if found.training < LEAST_PICTURES or found.families < LEAST_FAMILIES:
        return Verdict(CANNOT_TELL, "few pictures")
    variety, copies = found.variety, found.copying
    bound = bound_of(found.training, found.real.n2)
    blurry = found.sharp < BLURRY
    related = found.alike > RELATED
    if _is_low(variety, found.real, bound):
        # New sprites that resemble training pictures would look the same; the more are drawn, the less by chance.
        if copies.low > 0.5 and found.alike ** len(copies.sources) <= CHANCE:
            return Verdict(COLLAPSED_ONTO_TRAINING, "copies")
        return Verdict(CANNOT_TELL, "blurry and alike") if blurry else Verdict(COLLAPSED, "alike")
    allowed = TOO_ALIKE + found.alike
    if copies.low > allowed:
        if blurry and copies.low <= 0.5:  # Blurry pictures look like more than sharp ones do.
            return Verdict(CANNOT_TELL, "blurry")
        sure = found.families >= KNOWN_FAMILIES and not related
        confirmed = (found.test is not None and found.test.hits_p <= 0.05) or copies.low > 0.5
        if sure or confirmed:
            return Verdict(MEMORISED, "copies")
        return Verdict(CANNOT_TELL, "related copies" if related else "few families")
    if blurry:
        return Verdict(CANNOT_TELL, "blurry")
    if related and copies.high >= TOO_ALIKE:  # Relatives could hide as many copies as there are relatives.
        return Verdict(CANNOT_TELL, "related copies")
    if variety.low > bound and copies.high < allowed:
        return Verdict(HEALTHY, "varied")
    return Verdict(CANNOT_TELL, "between")


def _is_low(variety: Variety, real: Variety, bound: float) -> bool:
    return (
        variety.high < bound or variety.distinct < real.distinct / 3 or variety.top_low > max(0.2, 1.5 * real.top_share)
    )
