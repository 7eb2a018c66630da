"""OKLab, a colour space, and in it how different two colours look.

By Bjorn Ottosson, "A perceptual color space for image processing" (2020), with the matrices of 25 January 2021 from
https://bottosson.github.io/posts/oklab/, which he gave into the public domain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Lab = NDArray[np.float64]

_TO_LMS = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip


def _linear() -> NDArray[np.float64]:
    """sRGB values 0 to 255 -> light in [0, 1] (IEC 61966-2-1)."""
    value = np.arange(256) / 255
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4))


_LINEAR = _linear()


def from_linear(rgb: ArrayLike) -> Lab:
    """Linear sRGB (..., 3), 1 is white -> OKLab (..., 3): lightness in [0, 1], green to red, blue to yellow."""
    return np.asarray(np.cbrt(np.asarray(rgb, np.float64) @ _TO_LMS.T) @ _TO_LAB.T)


def from_srgb(rgb: NDArray[np.uint8]) -> Lab:
    """sRGB (..., 3) uint8 -> OKLab (..., 3)."""
    return from_linear(_LINEAR[rgb])


def even(lab: Lab) -> Lab:
    """OKLab (..., 3) -> (..., 3) with hue and colourfulness counted twice: distances are about as large as they look.

    Plain distances find colours that differ in colourfulness too near, so that pale green would become grey. By CSS
    Color 4, section "Color Difference" (delta E OK2), after Ottosson, who found the best factor to be 2.016 and 2.045
    on two collections of judged pairs.
    """
    return np.asarray(lab * np.array([1.0, 2.0, 2.0]))


def squared_distances(a: Lab, b: Lab) -> NDArray[np.float64]:
    """(N, 3), (M, 3) in OKLab -> squared distances (N, M), as large as they look (`even`)."""
    a, b = even(a), even(b)
    return np.asarray(sum((a[:, None, axis] - b[None, :, axis]) ** 2 for axis in range(3)))
