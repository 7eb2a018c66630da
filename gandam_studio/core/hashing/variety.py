"""How unlike sprites are, whichever way they look, and an order that shows many kinds of them early.

The features are those the import stored (`hashing.features`): f and that of the mirror image, f', as (f + f') / 2 and
|f - f'| / 2, with the logarithm of the size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.hashing.features import COLOR, EDGES, Features, mirrored


def even_features(stored: Features, sides: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, D) features of N sprites that are the same for their mirror images, each about as large as any other.

    sides: (N, 2) width and height in pixels.
    """
    way = stored.astype(np.float32)
    back = mirrored(stored).astype(np.float32)
    found = np.concatenate(
        [
            (way + back) / 2,
            np.abs(way - back)[:, COLOR.stop :] / 2,
            np.log2(np.maximum(sides, 1)).astype(np.float32) / 4,
        ],
        axis=1,
    )
    # Colours tell less of what a sprite is than its edges and its shape do.
    found[:, COLOR] *= 0.5
    found[:, EDGES] *= 1.5
    return np.asarray(found, np.float32)


def farthest_first(features: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """Up to `most` rows, each as unlike all before it as can be, from that farthest from the mean (Gonzalez 1985)."""
    count = len(features)
    order: list[int] = []
    nearest = np.full(count, np.inf)
    current = int(((features - features.mean(axis=0)) ** 2).sum(axis=1).argmax()) if count else 0
    for _ in range(min(count, most)):
        order.append(current)
        nearest = np.minimum(nearest, ((features - features[current]) ** 2).sum(axis=1))
        nearest[order] = -1
        current = int(nearest.argmax())
    return np.array(order, np.intp)
