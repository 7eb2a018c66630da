"""The similarity of two aligned tiles: six measures, and one judgement from them.

| measure | 1 means | distinguishes |
|---|---|---|
| overlap | same silhouette (soft intersection over union) | other shapes |
| colour | same colours (1 - root mean square difference over the union) | recolours, other pictures |
| shading | brightness correlates inside the common silhouette | other interiors |
| edges | edge strengths correlate there | other interiors, regardless of colour |
| recolour | share of colour explained by a map between colours, in the worse direction | other pictures |
| recolour_best | the same in the better direction | reduced palettes |

The map is quadratic in red, green and blue, fitted by ridge regression. It fits a hue shift or another palette, but not
two different pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gandam_studio.core.duplicates import compiled
from gandam_studio.core.duplicates.alignment import align, warp

NAMES = ("overlap", "colour", "shading", "edges", "recolour", "recolour_best")
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_RIDGE = np.float32(2e-3)  # regularisation of the colour map, relative to the sum of weights
_PLAIN = np.float32(1e-3)  # colour variance below this counts as flat

# Logistic regression, fitted by `tests/benchmarks/duplicates_quality.py --fit` on edited copies of species that the
# benchmark does not test on. Positive for the same picture, 0 at the operating point.
WEIGHTS = np.array([33.41, 22.73, 0.0, 0.38, 3.46, 10.71], dtype=np.float32)
BIAS = np.float32(-58.39)
_LEAST_ALPHA = 0.05
_EQUAL = 2 / 255  # tiles that differ by no more are not aligned
SOFTNESS = 4.0  # logits per unit of distance; spreads differences that people can see over the slider


@dataclass(frozen=True)
class Comparison:
    """The comparison of P pairs of tiles.

    Attributes:
        measures: (P, 6) float32 in about [0, 1], columns NAMES.
        parameters: (P, 4) alignment of the second with the first (`alignment.align`).
        logit: (P,) evidence that both are the same picture.
    """

    measures: np.ndarray
    parameters: np.ndarray
    logit: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """(P,) in [0, 1]; 0.5 at a logit of 0."""
        return distance_of(self.logit)

    @property
    def confidence(self) -> np.ndarray:
        """(P,) probability in [0, 1] that both are the same picture."""
        return confidence_of(self.logit)


def distance_of(logit: np.ndarray) -> np.ndarray:
    """Return distances in [0, 1] for logits; 0.5 at a logit of 0."""
    return np.asarray(1 / (1 + np.exp(_clipped(logit / SOFTNESS))))


def confidence_of(logit: np.ndarray) -> np.ndarray:
    """Return probabilities in [0, 1] for logits."""
    return np.asarray(1 / (1 + np.exp(_clipped(-logit))))


def judged(logit: float) -> tuple[float, float]:
    """Return `distance_of` and `confidence_of` one logit, to the last bit, in a third of their time."""
    softened, against = (min(max(one, -30.0), 30.0) for one in (logit / SOFTNESS, -logit))
    return float(1 / (1 + np.exp(softened))), float(1 / (1 + np.exp(against)))


def _clipped(logit: np.ndarray) -> np.ndarray:
    """Clip to the range of exp. Much faster than `np.clip` for single numbers."""
    return np.asarray(np.minimum(np.maximum(logit, -30), 30))


def compare(a: np.ndarray, b: np.ndarray) -> Comparison:
    """Align and measure (P, SIDE, SIDE, 4) tiles pairwise.

    Other pairs change a result in its last bits at most (2e-7 to 1e-6): products of matrices are rounded by the size of
    a batch.
    """
    if len(a) == 1:  # a product with one row is summed in another order
        twice = compare(np.concatenate([a, a]), np.concatenate([b, b]))
        return Comparison(twice.measures[:1], twice.parameters[:1], twice.logit[:1])
    parameters = np.zeros((len(a), 4), dtype=np.float32)
    moving = _apart(a, b)
    if moving.all():
        parameters = align(a, b)
        laid = warp(b, parameters)
    else:
        laid = b.copy()
        if moving.any():
            parameters[moving] = align(a[moving], b[moving])
            laid[moving] = warp(b[moving], parameters[moving])
    measures = measure(a, laid)
    return Comparison(measures, parameters, measures @ WEIGHTS + BIAS)


def measure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the six measures of aligned (P, SIDE, SIDE, 4) tiles: (P, 6) float32."""
    common, union, off, mine, other = _halved(a, b)
    area = np.maximum(union.sum(axis=(1, 2)), 1e-6)
    off = off.sum(axis=(1, 2))
    there, back = _explained(mine, other, common), _explained(other, mine, common)
    return np.stack(
        [
            common.sum(axis=(1, 2)) / area,
            1 - np.sqrt(off / area),
            _correlation(mine @ _LUMA, other @ _LUMA, common),
            _correlation(_edges(mine), _edges(other), common),
            np.minimum(there, back),
            np.maximum(there, back),
        ],
        axis=1,
    ).astype(np.float32)


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(P,) bool: which tiles differ enough to be aligned."""
    if compiled.tile_kernels is not None:
        found: np.ndarray = compiled.tile_kernels.apart(a.reshape(len(a), -1), b.reshape(len(b), -1), _EQUAL)
        return found
    return np.asarray(np.abs(a - b).max(axis=(1, 2, 3)) > _EQUAL)


def _halved(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """Every other pixel of tiles, which are blurred: (P, h, w) common opacity, the opacity of either, and the mean
    squared difference of colours; and (P, h, w, 3) colours of both, not premultiplied.
    """
    if compiled.tile_kernels is not None:
        found: tuple[np.ndarray, ...] = compiled.tile_kernels.halved(a, b, _LEAST_ALPHA)
        return found
    a, b = a[:, ::2, ::2], b[:, ::2, ::2]
    common, union = np.minimum(a[..., 3], b[..., 3]), np.maximum(a[..., 3], b[..., 3])
    mine, other = (x[..., :3] / np.maximum(x[..., 3:], _LEAST_ALPHA) for x in (a, b))
    return common, union, np.square(a[..., :3] - b[..., :3]).mean(axis=3), mine, other


def _edges(colours: np.ndarray) -> np.ndarray:
    """(P, h, w): strength of colour edges."""
    if compiled.tile_kernels is not None:
        found: np.ndarray = compiled.tile_kernels.edges(colours)
        return found
    across = np.diff(colours, axis=2, append=colours[:, :, -1:])
    down = np.diff(colours, axis=1, append=colours[:, -1:])
    return np.sqrt((across**2 + down**2).sum(axis=3))


def _correlation(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(P,) weighted correlation of (P, h, w) fields; 0 if one of them is flat."""
    total = np.maximum(weight.sum(axis=(1, 2)), 1e-6)
    x = x - ((x * weight).sum(axis=(1, 2)) / total)[:, None, None]
    y = y - ((y * weight).sum(axis=(1, 2)) / total)[:, None, None]
    power = (x * x * weight).sum(axis=(1, 2)) * (y * y * weight).sum(axis=(1, 2))
    return (x * y * weight).sum(axis=(1, 2)) / np.sqrt(power + 1e-9)


def _explained(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(P,) share of the target's colour variance that a quadratic map from the source's colours explains."""
    count, loops = len(source), compiled.tile_kernels
    wanted, weight = target.reshape(count, -1, 3), weight.reshape(count, -1, 1)
    if loops is not None:
        terms, weighted = loops.quadratic(source, weight.reshape(source.shape[:3]))
    else:
        r, g, b = np.moveaxis(source, 3, 0)
        terms = np.stack([np.ones_like(r), r, g, b, r * r, g * g, b * b, r * g, g * b, r * b], axis=-1)
        terms = terms.reshape(count, -1, 10)
        weighted = terms * weight
    total = np.maximum(weight.sum(axis=1), 1e-6)
    weighted = weighted.transpose(0, 2, 1)
    ridge = _RIDGE * total[:, :, None] * np.eye(10, dtype=np.float32) / 10
    chosen = np.linalg.solve(weighted @ terms + ridge + 1e-6 * np.eye(10, dtype=np.float32), weighted @ wanted)
    if loops is not None:
        left = loops.squared_off(wanted, terms @ chosen, weight)
        spread = loops.squared_off(wanted, loops.summed(wanted, weight) / total[:, :, None], weight)
    else:
        left = np.square(wanted - terms @ chosen) * weight
        mean = (wanted * weight).sum(axis=1, keepdims=True) / total[:, :, None]
        spread = np.square(wanted - mean) * weight
    left, spread = left.sum(axis=(1, 2)), spread.sum(axis=(1, 2))
    return 1 - left / (spread + 3 * total[:, 0] * _PLAIN)
