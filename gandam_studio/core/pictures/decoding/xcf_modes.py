"""GIMP's layer modes, as far as they are supported: how a layer is blended with and laid on what is below it.

Colours are perceptual (sRGB-encoded) shares from 0 to 1. A mode may blend, and lay its result down, in linear light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.limits import UnreadablePicture

Floats = NDArray[np.float32]
Mix = Callable[[Floats, Floats], Floats]

_UNION, _CLIP_TO_BACKDROP = 1, 2
_LINEAR_SPACE, _PERCEPTUAL_SPACE = 1, 2
_LEGACY = 22  # modes up to this number
_TINY = np.float32(1e-6)
NAMES = {
    1: "Dissolve", 2: "Behind", 11: "Hue", 12: "Saturation", 13: "Color", 14: "Value", 15: "Divide", 16: "Dodge",
    17: "Burn", 22: "Color erase", 24: "LCh Hue", 25: "LCh Chroma", 26: "LCh Color", 27: "LCh Lightness", 29: "Behind",
    39: "HSL Color",
    54: "Luma darken only", 55: "Luma lighten only", 56: "Luminance", 57: "Color erase", 58: "Erase", 59: "Merge",
    60: "Split", 61: "Pass through",
}  # fmt: skip


def encode(linear: Floats) -> Floats:
    """From linear light to perceptual shares, by sRGB's curve (IEC 61966-2-1)."""
    positive = np.maximum(linear, np.float32(0))
    curved = np.float32(1.055) * np.power(positive, np.float32(1 / 2.4)) - np.float32(0.055)
    return np.where(linear <= 0.0031308, np.float32(12.92) * linear, curved).astype(np.float32)


def decode(perceptual: Floats) -> Floats:
    """From perceptual shares to linear light."""
    positive = np.maximum(perceptual, np.float32(0))
    curved = np.power((positive + np.float32(0.055)) / np.float32(1.055), np.float32(2.4))
    return np.where(perceptual <= 0.04045, perceptual / np.float32(12.92), curved).astype(np.float32)


def _screen(b: Floats, s: Floats) -> Floats:
    return 1 - (1 - b) * (1 - s)


def _hard_light(b: Floats, s: Floats) -> Floats:
    return np.minimum(np.where(s > 0.5, 1 - (1 - b) * (1 - (s - 0.5) * 2), b * s * 2), 1)


def _overlay(b: Floats, s: Floats) -> Floats:
    return np.where(b < 0.5, 2 * b * s, 1 - 2 * (1 - s) * (1 - b))


def _soft_light(b: Floats, s: Floats) -> Floats:
    return (1 - b) * (b * s) + b * _screen(b, s)


def _multiply(b: Floats, s: Floats) -> Floats:
    return b * s


def _difference(b: Floats, s: Floats) -> Floats:
    return np.abs(b - s)


def _add(b: Floats, s: Floats) -> Floats:
    return b + s


def _subtract(b: Floats, s: Floats) -> Floats:
    return b - s


def _quotient(a: Floats, b: Floats) -> Floats:
    """a / b as GIMP has it: 0 where there is nothing to divide, and never beyond a million."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(a) > _TINY, np.clip(a / b, -1 / _TINY, 1 / _TINY), np.float32(0))


def _divide(b: Floats, s: Floats) -> Floats:
    return _quotient(b, s)


def _dodge(b: Floats, s: Floats) -> Floats:
    return _quotient(b, 1 - s)


def _burn(b: Floats, s: Floats) -> Floats:
    return 1 - _quotient(1 - b, s)


def _vivid_light(b: Floats, s: Floats) -> Floats:
    return np.where(s <= 0.5, np.maximum(_burn(b, 2 * s), 0), np.minimum(_quotient(b, 2 * (1 - s)), 1))


def _pin_light(b: Floats, s: Floats) -> Floats:
    return np.where(s > 0.5, np.maximum(b, 2 * s - 1), np.minimum(b, 2 * s))


def _linear_light(b: Floats, s: Floats) -> Floats:
    return b + 2 * s - 1


def _hard_mix(b: Floats, s: Floats) -> Floats:
    return (b + s >= 1).astype(np.float32)


def _exclusion(b: Floats, s: Floats) -> Floats:
    return b + s - 2 * b * s


def _linear_burn(b: Floats, s: Floats) -> Floats:
    return b + s - 1


def _value_and_range(colors: Floats) -> tuple[Floats, Floats]:
    """The value of HSV, and the distance from the least to the largest share, both (N, 1)."""
    most = colors.max(axis=-1, keepdims=True)
    return most, most - colors.min(axis=-1, keepdims=True)


def _hsv_hue(b: Floats, s: Floats) -> Floats:
    (value, span), (most, own) = _value_and_range(b), _value_and_range(s)
    return np.where(own > _TINY, value - (most - s) * span / np.maximum(own, _TINY), b)


def _hsv_saturation(b: Floats, s: Floats) -> Floats:
    (value, span), (most, own) = _value_and_range(b), _value_and_range(s)
    saturation = own / np.where(most == 0, 1, most)
    return np.where(span > _TINY, value - (value - b) * saturation * value / np.maximum(span, _TINY), value)


def _hsv_value(b: Floats, s: Floats) -> Floats:
    (value, _), (most, _) = _value_and_range(b), _value_and_range(s)
    return np.where(np.abs(value) > _TINY, b * most / np.where(value == 0, 1, value), most)


def _bounded(mix: Mix) -> Mix:
    return lambda b, s: np.clip(mix(b, s), 0, 1)


_HALF = np.float32(128 / 255)
_MIXES: dict[int, Mix | None] = {
    # Modes of GIMP before 2.10
    0: None, 3: _multiply, 4: _screen, 5: _soft_light, 6: _difference, 7: _bounded(_add), 8: _bounded(_subtract),
    9: np.minimum, 10: np.maximum, 18: _hard_light, 19: _soft_light,
    20: _bounded(lambda b, s: b - s + _HALF), 21: _bounded(lambda b, s: b + s - _HALF),
    # Modes since 2.10
    23: _overlay, 28: None, 30: _multiply, 31: _screen, 32: _difference, 33: _add, 34: _subtract, 35: np.minimum,
    36: np.maximum, 37: _hsv_hue, 38: _hsv_saturation, 40: _hsv_value, 41: _divide, 42: _dodge, 43: _burn,
    44: _hard_light, 45: _soft_light, 48: _vivid_light, 49: _pin_light, 50: _linear_light, 51: _hard_mix,
    52: _exclusion, 53: _linear_burn,
    46: lambda b, s: b - s + np.float32(0.5), 47: lambda b, s: b + s - np.float32(0.5),
}  # fmt: skip


@dataclass(frozen=True)
class Blending:
    """How a layer is laid on what is below it.

    Attributes:
        mix: the colours of backdrop and layer to the mixed ones; None for the layer's own.
        clipped: whether the layer shows only where there is a backdrop.
        legacy: whether alpha counts as it did before GIMP 2.10.
        mix_linear, lay_linear: whether mixing, and laying down the result, is done in linear light.
    """

    mix: Mix | None
    clipped: bool = False
    legacy: bool = False
    mix_linear: bool = False
    lay_linear: bool = False

    def as_normal(self) -> Blending:
        """The mode of the lowest layer, which has nothing to mix with."""
        return replace(self, mix=None, clipped=False)


def blending(mode: int, composite_mode: int, composite_space: int, blend_space: int) -> Blending:
    """Return what a layer's properties say; 0 stands for a property that the file does not have.

    Raises UnreadablePicture for a mode that is not supported.
    """
    if mode not in _MIXES:
        name = NAMES.get(mode, str(mode))
        raise UnreadablePicture(f"a GIMP document with the layer mode {name}: not supported")
    mix = _MIXES[mode]
    if mode <= _LEGACY:
        return Blending(mix, clipped=mix is not None, legacy=True)
    default = _UNION if mix is None else _CLIP_TO_BACKDROP
    composite_mode = composite_mode or default
    if mix in (None, np.minimum, np.maximum):
        blend_space = _PERCEPTUAL_SPACE  # the result is the same in every space
    composite_space = composite_space or _LINEAR_SPACE
    known = (_LINEAR_SPACE, _PERCEPTUAL_SPACE)
    if composite_mode not in (_UNION, _CLIP_TO_BACKDROP) or blend_space not in known or composite_space not in known:
        raise UnreadablePicture("a GIMP document with a layer that is composited in a way that is not supported")
    return Blending(
        mix,
        composite_mode == _CLIP_TO_BACKDROP,
        mix_linear=blend_space == _LINEAR_SPACE,
        lay_linear=composite_space == _LINEAR_SPACE,
    )


def lay(backdrop: Floats, layer: Floats, how: Blending) -> None:
    """Lay a layer on a backdrop of the same size, in place; both are (h, w, 4), and the layer's alpha is final."""
    # The usual case by far: nothing below, or nothing of it shows.
    if how.mix is None and not how.clipped:
        plain = (backdrop[..., 3] == 0) | (layer[..., 3] >= 1)
        taken = plain & (layer[..., 3] > 0)
        backdrop[taken] = layer[taken]
        chosen = ~plain & (layer[..., 3] > 0)
    else:
        chosen = (layer[..., 3] > 0) & ((backdrop[..., 3] > 0) | (not how.clipped))
    if not chosen.any():
        return
    below, above = backdrop[chosen], layer[chosen]
    colors, cover = above[:, :3], above[:, 3:]
    mixed = colors
    if how.mix is not None:
        if how.mix_linear:
            mixed = encode(how.mix(decode(below[:, :3]), decode(colors)))
        else:
            mixed = how.mix(below[:, :3], colors)
    under, over, mixed = (decode(one) if how.lay_linear else one for one in (below[:, :3], colors, mixed))
    alpha = below[:, 3:]
    if how.legacy and how.mix is not None:
        cover = np.minimum(alpha, cover)
        share = cover / np.maximum(alpha + (1 - alpha) * cover, np.float32(1e-9))
        result, total = mixed * share + under * (1 - share), alpha
    elif how.clipped:
        result, total = mixed * cover + under * (1 - cover), alpha
    else:
        total = cover + (1 - cover) * alpha
        share = cover / np.maximum(total, np.float32(1e-9))
        result = share * (alpha * (mixed - over) + over - under) + under
    found = np.empty_like(below)
    found[:, :3] = encode(result) if how.lay_linear else result
    found[:, 3:] = total
    backdrop[chosen] = found
