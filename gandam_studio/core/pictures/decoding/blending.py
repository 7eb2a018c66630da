"""Blend modes with the whole-number arithmetic of Aseprite, so that its documents look as they do there.

The modes are those of W3C Compositing and Blending Level 1 (sections 10 and 13) and addition, subtraction and division.
Pixels are (N, 4) int32, RGBA from 0 to 255, not multiplied by alpha.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.int32]

MODES = (
    "normal", "multiply", "screen", "overlay", "darken", "lighten", "color dodge", "color burn", "hard light",
    "soft light", "difference", "exclusion", "hue", "saturation", "color", "luminosity", "addition", "subtract",
    "divide",
)  # fmt: skip
"""The modes by their number in an Aseprite file."""


def blend(backdrop: Levels, source: Levels, opacity: int, mode: str = "normal") -> Levels:
    """Blend (N, 4) source pixels at an opacity of 0 to 255 over a backdrop, by one of MODES."""
    plain = _normal(backdrop, source, opacity)
    if mode == "normal":
        return plain
    mixed = source.copy()
    mixed[:, :3] = _mixed(backdrop[:, :3], source[:, :3], mode)
    mixed = _normal(backdrop, mixed, opacity)
    # The less there is of the backdrop, the more the source shows as it is.
    alpha = backdrop[:, 3]
    merged = _merged(plain, mixed, alpha)
    merged = _merged(merged, mixed, times(alpha, times(source[:, 3], opacity)))
    return np.where((alpha > 0)[:, None], merged, plain)


def times(a: Levels, b: Levels | int) -> Levels:
    """Multiply levels as shares of 255, rounded to nearest."""
    product = a * b + 0x80
    return ((product >> 8) + product) >> 8


def _normal(backdrop: Levels, source: Levels, opacity: int) -> Levels:
    below, above = backdrop[:, 3], times(source[:, 3], opacity)
    alpha = above + below - times(below, above)
    result = np.empty_like(backdrop)
    result[:, 3] = alpha
    step = (source[:, :3] - backdrop[:, :3]) * above[:, None]
    # C divides towards zero.
    result[:, :3] = backdrop[:, :3] + np.sign(step) * (np.abs(step) // np.maximum(alpha, 1)[:, None])
    bare = below == 0
    result[bare, :3] = source[bare, :3]
    result[bare, 3] = above[bare]
    kept = ~bare & (source[:, 3] == 0)
    result[kept] = backdrop[kept]
    return result


def _merged(first: Levels, second: Levels, share: Levels) -> Levels:
    """Interpolate from `first` to `second`; colours only count where there is alpha."""
    result = first + times(second - first, share[:, None])
    for colors, other in ((first, second), (second, first)):
        hidden = colors[:, 3] == 0
        result[hidden, :3] = other[hidden, :3]
    return result


def _mixed(b: Levels, s: Levels, mode: str) -> Levels:
    if mode in _WHOLE:
        return _WHOLE[mode](b / 255.0, s / 255.0)
    return _SEPARATE[mode](b, s)


def _screen(b: Levels, s: Levels) -> Levels:
    return b + s - times(b, s)


def _hard_light(b: Levels, s: Levels) -> Levels:
    return np.where(s < 128, times(b, s << 1), _screen(b, (s << 1) - 255))


def _quotient(a: Levels, b: Levels) -> Levels:
    """Divide levels as shares of 255, rounded to nearest."""
    safe = np.maximum(b, 1)
    return (a * 255 + safe // 2) // safe


def _divide(b: Levels, s: Levels) -> Levels:
    return np.where(b == 0, 0, np.where(b >= s, 255, _quotient(b, s)))


def _color_burn(b: Levels, s: Levels) -> Levels:
    dark = 255 - b
    return np.where(dark == 0, 255, np.where(dark >= s, 0, 255 - _quotient(dark, s)))


def _soft_light(b: Levels, s: Levels) -> Levels:
    backdrop, source = b / 255.0, s / 255.0
    curve = np.where(backdrop <= 0.25, ((16 * backdrop - 12) * backdrop + 4) * backdrop, np.sqrt(backdrop))
    dark = backdrop - (1.0 - 2.0 * source) * backdrop * (1.0 - backdrop)
    light = backdrop + (2.0 * source - 1.0) * (curve - backdrop)
    return (np.where(source <= 0.5, dark, light) * 255 + 0.5).astype(np.int32)


_SEPARATE: dict[str, Callable[[Levels, Levels], Levels]] = {
    "multiply": times,
    "screen": _screen,
    "overlay": lambda b, s: _hard_light(s, b),
    "darken": np.minimum,
    "lighten": np.maximum,
    "color dodge": lambda b, s: _divide(b, 255 - s),
    "color burn": _color_burn,
    "hard light": _hard_light,
    "soft light": _soft_light,
    "difference": lambda b, s: np.abs(b - s),
    "exclusion": lambda b, s: b + s - 2 * times(b, s),
    "addition": lambda b, s: np.minimum(b + s, 255),
    "subtract": lambda b, s: np.maximum(b - s, 0),
    "divide": _divide,
}

Shares = NDArray[np.float64]


def _luminosity(rgb: Shares) -> Shares:
    return 0.3 * rgb[:, 0] + 0.59 * rgb[:, 1] + 0.11 * rgb[:, 2]


def _saturation(rgb: Shares) -> Shares:
    return np.asarray(rgb.max(axis=1) - rgb.min(axis=1))


def _with_luminosity(rgb: Shares, luminosity: Shares) -> Levels:
    rgb = rgb + (luminosity - _luminosity(rgb))[:, None]
    level = _luminosity(rgb)[:, None]
    least, most = rgb.min(axis=1)[:, None], rgb.max(axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rgb = np.where(least < 0, level + (rgb - level) * level / (level - least), rgb)
        rgb = np.where(most > 1, level + (rgb - level) * (1 - level) / (most - level), rgb)
    return (255.0 * rgb).astype(np.int32)


def _with_saturation(rgb: Shares, saturation: Shares) -> Shares:
    least = rgb.min(axis=1)[:, None]
    span = rgb.max(axis=1)[:, None] - least
    return np.where(span > 0, (rgb - least) * saturation[:, None] / np.where(span > 0, span, 1), 0.0)


_WHOLE: dict[str, Callable[[Shares, Shares], Levels]] = {
    "hue": lambda b, s: _with_luminosity(_with_saturation(s, _saturation(b)), _luminosity(b)),
    "saturation": lambda b, s: _with_luminosity(_with_saturation(b, _saturation(s)), _luminosity(b)),
    "color": lambda b, s: _with_luminosity(s, _luminosity(b)),
    "luminosity": lambda b, s: _with_luminosity(b, _luminosity(s)),
}
