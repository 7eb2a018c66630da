"""Colour schemes: each colour becomes a ramp of six tones, with shadows towards blue and lights towards cream."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from gandam_studio.samples.mechas.dice import Dice
from gandam_studio.samples.mechas.forms import TONES

Colour = tuple[int, int, int]

# (primary, secondary, trim): chosen by eye, so that armour, limbs and marks are distinguishable at 32 pixels.
SCHEMES: tuple[tuple[str, str, str], ...] = (
    ("#e4e6ec", "#3358b8", "#d83a3a"), ("#e8e2d2", "#8c2f39", "#e3b23c"), ("#4c7a3f", "#8a9a5b", "#d9a441"),
    ("#b8323a", "#5c2230", "#f0c24b"), ("#2f4f9e", "#9fb4d8", "#f2c53d"), ("#6b4fa0", "#b9a3dc", "#62d6c4"),
    ("#d9772b", "#4a4e5c", "#f4e3b2"), ("#3d8f8a", "#d7e3df", "#e2603f"), ("#c9a227", "#5b4636", "#8e2f2f"),
    ("#3a3f4e", "#8a2f3c", "#e0e0e6"), ("#7d8597", "#33415c", "#ff9f1c"), ("#a3b18a", "#588157", "#dad7cd"),
    ("#e07a9a", "#f3e6ea", "#6a4c93"), ("#5fa8d3", "#eef4f8", "#f25f5c"), ("#2d6a4f", "#b7a57a", "#e63946"),
    ("#f2d45c", "#3b3b48", "#d1495b"), ("#8d5a3b", "#d8c3a5", "#4a8fa3"), ("#5a6b35", "#3f4a2a", "#c2b280"),
    ("#d4d0c8", "#6d6875", "#3a9188"), ("#9b2226", "#e9d8a6", "#2a6f97"), ("#274690", "#d7263d", "#f4f1de"),
    ("#bfc7d5", "#566573", "#7ac74f"), ("#7b2d5b", "#e8b4bc", "#f6c453"), ("#45503b", "#a9a587", "#b5473c"),
    ("#1f7a8c", "#bfdbf7", "#ffb703"), ("#efe9f4", "#a178c9", "#ef709d"), ("#c65d3b", "#f1dca7", "#38507a"),
    ("#54678f", "#c9d3e6", "#cf5c36"), ("#8fb339", "#4b5842", "#f7f3e3"), ("#4d3b62", "#1f8a70", "#bedb39"),
    ("#e0a458", "#fff1d6", "#41658a"), ("#6c757d", "#adb5bd", "#c1121f"), ("#b34700", "#2b2d42", "#edf2f4"),
    ("#357266", "#a3bbad", "#f0a202"), ("#dfe7e4", "#4f9d69", "#c44536"), ("#20294a", "#5b6fa8", "#e8c547"),
)  # fmt: skip
FRAMES = ("#565b6b", "#4b4a55", "#66605a", "#3f4a56", "#5d5468")
METALS = ("#7c8496", "#6a6f7d", "#8d8578", "#5e6b73")
GLOWS = ("#ff5a4e", "#57f2c6", "#ffd447", "#6ecbff", "#c5ff5a", "#ff7ad9", "#ffa03a")
BEAMS = ("#ff7bd0", "#7df9ff", "#a6ff6b", "#ffb347", "#c79bff")
BONES = ("#e9e4d4", "#dfe3e8", "#d8d2c4")


def _rgb(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _towards(colour: Colour, other: Colour, percent: int) -> Colour:
    a, b, c = ((x * (100 - percent) + y * percent + 50) // 100 for x, y in zip(colour, other, strict=True))
    return a, b, c


@cache
def ramp(text: str) -> NDArray[np.uint8]:
    """The six tones of a colour, outline first, as RGBA uint8 (8, 4); the last two rows repeat the brightest."""
    base = _rgb(text)
    tones = [
        _towards(base, (16, 10, 26), 84),
        _towards(base, (26, 18, 56), 60),
        _towards(base, (38, 30, 78), 32),
        base,
        _towards(base, (255, 240, 200), 30),
        _towards(base, (255, 255, 246), 62),
    ]
    tones += [tones[-1]] * (TONES - len(tones))
    return np.array([(*tone, 255) for tone in tones], np.uint8)


@cache
def glow_ramp(text: str) -> NDArray[np.uint8]:
    """A ramp for glowing parts: bright throughout, nearly white at the top."""
    base = _rgb(text)
    steps = [
        _towards(base, (20, 8, 30), 78),
        _towards(base, (40, 10, 50), 45),
        _towards(base, (60, 10, 60), 18),
        base,
        _towards(base, (255, 255, 255), 18),
        _towards(base, (255, 255, 255), 72),
    ]
    steps += [steps[-1]] * (TONES - len(steps))
    return np.array([(*step, 255) for step in steps], np.uint8)


def paint(seed: int, index: int, coat: int = 0) -> NDArray[np.uint8]:
    """The palette of a sprite, RGBA uint8 (72, 4); each `coat` gives a different paint job."""
    dice = Dice(seed, index, 101)
    first = dice.below(len(SCHEMES))
    # Steps of 11 through 36 schemes do not repeat within 36 coats.
    scheme = SCHEMES[(first + 11 * coat) % len(SCHEMES)]
    dice = Dice(seed, index, 102, coat)
    primary, secondary, trim = scheme
    if coat == 0 and dice.chance(18):
        primary, secondary = secondary, primary
    colours = (primary, secondary, trim, dice.pick(FRAMES), dice.pick(METALS))
    rows = [np.zeros((TONES, 4), np.uint8), *(ramp(colour) for colour in colours)]
    rows += [glow_ramp(dice.pick(GLOWS)), glow_ramp(dice.pick(BEAMS)), ramp(dice.pick(BONES))]
    return np.concatenate(rows)
