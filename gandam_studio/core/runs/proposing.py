"""Which preset suits a machine and a length of training, as docs/contest.md has measured it."""

from __future__ import annotations

from dataclasses import dataclass

PROCESSOR, PROCESSOR_FEW, CARD = "sprite-flow-cpu", "sprite-r3-cpu", "sprite-r3"
PALE_MINUTES = 1.0
"""Below this a flow's samples of 32 px on a processor have few colours, though they are nearer to sprites than a GAN's.

Twice as long at 64 px: after a minute of two cores they have two colours, after two and a half those of sprites.
"""
MEASURED_SIDE = 64
"""Larger pictures were not compared on a processor."""
SMALL_SIDE = 32
"""Of few sprites, larger pictures were not compared at all."""
LEAST_SPRITES = 60
"""With so many a flow is ahead of a GAN, which copies no later for the same views; fewer were never tried."""


@dataclass(frozen=True)
class Proposal:
    """A preset, and why.

    Attributes:
        preset: its name. why: "card", "short", "few" or "clearest".
    """

    preset: str
    why: str


def propose(device: str, side: int, sprites: int, minutes: float) -> Proposal | None:
    """The preset for `device` ("cpu", "cuda", "mps"), pictures of `side` px, so many of them and minutes of training.

    0 minutes: not limited. None where nothing was measured. Minutes change what to expect, not the choice.
    """
    if device != "cpu":
        return Proposal(CARD, "card")
    few = sprites < LEAST_SPRITES
    if side > (SMALL_SIDE if few else MEASURED_SIDE):
        return None
    if few:
        return Proposal(PROCESSOR_FEW, "few")
    return Proposal(PROCESSOR, "short" if 0 < minutes < PALE_MINUTES * side / SMALL_SIDE else "clearest")
