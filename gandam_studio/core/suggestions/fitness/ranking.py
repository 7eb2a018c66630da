"""How unfit sprites look, from examples: regularised least squares on features that mirroring leaves as they are.

The features are those of `hashing.variety`. Both classes weigh the same. A Gaussian kernel finds what a straight line
cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 16_384
_NOISE = 0.3
_MOST_EXAMPLES = 1_500
_SAMPLE = 600


@dataclass(frozen=True, eq=False)
class Ranker:
    """Scores of sprites: the higher, the more they look like the unfit examples.

    Attributes:
        examples: (E,) rows that scores compare with.
        weights: (E,) how much each counts, below 0 for fit ones.
        width: of the Gaussian kernel.
    """

    features: NDArray[np.float32]
    examples: NDArray[np.intp]
    weights: NDArray[np.float64]
    width: float

    def scores(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """(N,) scores of all sprites, or of some rows."""
        rows = np.arange(len(self.features)) if rows is None else rows
        found = np.zeros(len(rows))
        if len(self.examples):
            known = self.features[self.examples]
            for first in range(0, len(rows), _CHUNK):
                some = self.features[rows[first : first + _CHUNK]]
                found[first : first + len(some)] = _gauss(some, known, self.width) @ self.weights.astype(np.float32)
        return found


def fit(features: NDArray[np.float32], labels: NDArray[np.int8], seed: int = 0) -> Ranker:
    """Learn from `labels`, (N,): 1 unfit, -1 fit, 0 not known.

    With unfit examples alone, sprites that nothing is known about stand in for fit ones, since most are fit.
    """
    rng = np.random.default_rng(seed)
    unfit, fit_ones = np.flatnonzero(labels > 0), np.flatnonzero(labels < 0)
    unknown = np.flatnonzero(labels == 0)
    lacking = max(0, 3 * len(unfit) + 20 - len(fit_ones))
    stand_ins = rng.choice(unknown, min(lacking, len(unknown)), replace=False) if lacking else unknown[:0]
    parts = [(unfit, 1.0, 1.0), (fit_ones, -1.0, 1.0), (np.sort(stand_ins), -1.0, 4.0)]
    rows, targets, noise = [], [], []
    for some, target, doubt in parts:
        if len(some) > _MOST_EXAMPLES // 2:
            some = np.sort(rng.choice(some, _MOST_EXAMPLES // 2, replace=False))
        rows.append(some)
        targets.append(np.full(len(some), target))
        noise.append(np.full(len(some), _NOISE * doubt))
    chosen = np.concatenate(rows)
    if not len(unfit) or not len(features):
        return Ranker(features, np.empty(0, np.intp), np.empty(0), 1.0)
    sample = features[np.unique(np.linspace(0, len(features) - 1, min(len(features), _SAMPLE)).astype(np.intp))]
    width = max(float(np.median(_squared(sample, sample))), 1e-6)
    y, doubts = np.concatenate(targets), np.concatenate(noise)
    balance = len(chosen) / (2 * np.where(y > 0, max(1, int((y > 0).sum())), max(1, int((y < 0).sum()))))
    gram = _gauss(features[chosen], features[chosen], width).astype(np.float64)
    weights = np.linalg.solve(gram + np.diag(doubts / balance), y).astype(np.float64)
    return Ranker(features, chosen, weights, width)


def _gauss(left: NDArray[np.float32], right: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    return np.asarray(np.exp(_squared(left, right) * np.float32(-1 / width)), np.float32)


def _squared(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    found = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    return np.asarray(np.maximum(found, 0), np.float32)
