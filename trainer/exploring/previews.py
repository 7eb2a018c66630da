"""What is shown before a grid is drawn: some of its pictures, or sketches of all, in fewer steps of a flow or bfloat16.

A person who moves a slider should see something within a tenth of a second. Previews are never saved: what the drawing
process answers in the end is what `sample` draws.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from trainer.grids import CHUNK

BUDGET_S = 0.07
"""How long drawing what is shown first may take; the rest of a tenth of a second is for sending and painting it."""
MOST_STEPS = 6
"""Steps of a flow's preview; more hardly come nearer to the final picture than they delay it."""
FINE = 24
"""Pictures of a grid drawn at once where it takes longer than that."""
_UNKNOWN_S = 1e-3


class Pace:
    """How long a network takes for a picture and a step, as lately seen."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=5)

    def note(self, pictures: int, steps: int, seconds: float) -> None:
        """Remember how long something took."""
        self._seen.append(seconds / max(1, pictures * steps))

    @property
    def known(self) -> bool:
        """Whether anything was seen."""
        return bool(self._seen)

    @property
    def seconds(self) -> float:
        """For a picture and a step: the least of the last five, since other programs can only delay."""
        return min(self._seen, default=_UNKNOWN_S)


@dataclass(frozen=True)
class PreviewPlan:
    """How a grid is drawn.

    Attributes:
        steps: of the sketches, 1 unless they are a flow's; 0 for none. sketched: sketches drawn and sent at once.
        drawn: final pictures that are drawn and sent at once, at most.
    """

    steps: int
    sketched: int
    drawn: int


def plan(seconds: float, count: int, steps: int | None, sketching: float | None) -> PreviewPlan:
    """The plan for `count` pictures of a network that takes `seconds` for a picture and a step.

    `steps`: of a flow, else None. `sketching`: what a sketch takes for a step; None if there are no sketches.
    """
    if count * seconds * (steps or 1) <= BUDGET_S:
        return PreviewPlan(0, count, CHUNK)
    if sketching is None or steps == 1:
        return PreviewPlan(0, count, FINE)
    few = max(1, min(MOST_STEPS, (steps or 2) - 1, int(BUDGET_S / (count * sketching))))
    fits = few * count * sketching <= BUDGET_S
    return PreviewPlan(few, count if fits else max(1, int(BUDGET_S / sketching)), FINE)
