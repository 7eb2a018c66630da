"""Which preset suits a machine and a length of training, as docs/contest.md has measured it."""

from __future__ import annotations

from dataclasses import dataclass

PROCESSOR, PROCESSOR_FEW, CARD = "sprite-flow-cpu", "sprite-r3-cpu", "sprite-r3"
PALE_MINUTES = 1.0
"""Below this a flow's samples of 32 px on a processor have few colours, though they are nearer to sprites than a GAN's.

Twice as long at 64 px: after a minute of two cores they have two colours, after two and a half those of sprites.
"""
PALE_PICTURES = 11_000
"""The same in training pictures, at either size: as many as such a minute, or two, take."""
MEASURED_SIDE = 64
"""Larger pictures were not compared on a processor."""
SMALL_SIDE = 32
"""Of few sprites, larger pictures were not compared at all."""
LEAST_SPRITES = 60
"""Trained on so many, a flow is ahead of a GAN, which copies no later for the same views; fewer were never tried."""


@dataclass(frozen=True)
class Proposal:
    """A preset, and why.

    Attributes:
        preset: its name. why: "card", "short", "few" or "clearest".
    """

    preset: str
    why: str


def propose(device: str, side: int, sprites: int, minutes: float, pictures: int = 0) -> Proposal | None:
    """The preset for `device` ("cpu", "cuda", "mps"), pictures of `side` px, and so many `sprites` to train on.

    `minutes` and `pictures`: the run's limits, with repeats counted; 0 for none. They change what to expect, not the
    choice. None where nothing was measured.
    """
    if device != "cpu":
        return Proposal(CARD, "card")
    few = sprites < LEAST_SPRITES
    if side > (SMALL_SIDE if few else MEASURED_SIDE):
        return None
    if few:
        return Proposal(PROCESSOR_FEW, "few")
    short = 0 < minutes < PALE_MINUTES * side / SMALL_SIDE or 0 < pictures < PALE_PICTURES
    return Proposal(PROCESSOR, "short" if short else "clearest")
