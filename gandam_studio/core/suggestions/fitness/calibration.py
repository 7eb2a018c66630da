"""How likely a score means unfit: Venn-Abers predictors (Vovk and Petej 2014), fitted on a random audit alone.

Labels that were asked for because their scores were high are not exchangeable with the rest, so they are left out.
For a new score s, isotonic regression of the audit with (s, 0) added and with (s, 1) added gives p0 <= p1, between
which the probability lies; one number for it is p1 / (1 - p0 + p1), which minimises the largest regret under log loss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def isotonic(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The non-decreasing sequence closest to `values` by weighted least squares (pool adjacent violators)."""
    means: list[float] = []
    sizes: list[float] = []
    counts: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, size, count = value, weight, 1
        while means and means[-1] >= mean:
            mean = (means[-1] * sizes[-1] + mean * size) / (sizes[-1] + size)
            size += sizes.pop()
            count += counts.pop()
            means.pop()
        means.append(mean)
        sizes.append(size)
        counts.append(count)
    return np.repeat(np.array(means), np.array(counts, dtype=np.intp))


def venn_abers(
    scores: NDArray[np.float64], unfit: NDArray[np.bool_], asked: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(p0, p1) for each asked score, from an audit's scores and labels; (0, 1) everywhere without an audit."""
    distinct, place = np.unique(asked, return_inverse=True)
    low, high = np.zeros(len(distinct)), np.ones(len(distinct))
    if len(scores):
        levels, inverse = np.unique(scores, return_inverse=True)
        counts = np.bincount(inverse).astype(np.float64)
        positives = np.bincount(inverse, weights=unfit.astype(np.float64))
        # Between two neighbouring levels the answer is the same, so each gap is solved once.
        gap = np.searchsorted(levels, distinct, side="left") * 2 + np.isin(distinct, levels)
        for one in np.unique(gap):
            index, exact = divmod(int(one), 2)
            for label, result in ((0.0, low), (1.0, high)):
                sizes, sums = counts.copy(), positives.copy()
                if exact:
                    sizes[index] += 1
                    sums[index] += label
                else:
                    sizes, sums = np.insert(sizes, index, 1.0), np.insert(sums, index, label)
                result[gap == one] = isotonic(sums / sizes, sizes)[index]
    return low[place], high[place]


def probability(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """One probability from (p0, p1)."""
    return np.asarray(high / np.maximum(1 - low + high, 1e-9))
