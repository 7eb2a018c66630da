"""How the pictures of the fixed latents changed between two moments of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from trainer.diagnostics.likeness import Array, blocks


@dataclass(frozen=True)
class Drift:
    """Change of n pictures of fixed latents.

    Attributes:
        identity: mean distance of each picture to what its latent draws later, as a share of the mean distance between
            pictures of different latents: 0 unchanged, 1 as far from itself as from any other.
        changed: share of latents whose distance to themselves is more than half the median distance to the others.
        set_drift: the same as `identity` after matching the two sets as well as possible: 0 for the same catalogue of
            pictures dealt to other latents.
    """

    identity: float
    changed: float
    set_drift: float


def drift(before: torch.Tensor, after: torch.Tensor) -> Drift | None:
    """Compare pictures (n, 3, 32, 32) of the same n latents, n >= 2; None if all pictures are alike."""
    x, y = blocks(before)[0].double(), blocks(after)[0].double()
    distances = torch.cdist(x, y).numpy()
    own = distances.diagonal()
    others = distances[~np.eye(len(distances), dtype=bool)]
    mean, median = float(others.mean()), float(np.median(others))
    if median <= 1e-6:
        return None
    matched = distances[np.arange(len(distances)), assignment(distances)]
    return Drift(
        identity=float(own.mean()) / mean,
        changed=float((own > median / 2).mean()),
        set_drift=float(np.median(matched)) / median,
    )


def identity_of(before: torch.Tensor, after: torch.Tensor) -> float | None:
    """`Drift.identity` alone, which costs little; None if all pictures are alike."""
    distances = torch.cdist(blocks(before)[0].double(), blocks(after)[0].double())
    own = distances.diagonal()
    others = (float(distances.sum()) - float(own.sum())) / max(1, len(own) * (len(own) - 1))
    return float(own.mean()) / others if others > 1e-6 else None


def assignment(costs: Array) -> Array:
    """The column of each row in the cheapest perfect matching of an (n, n) matrix.

    Rows are added one by one along shortest augmenting paths, with reduced costs kept at 0 or above (Kuhn 1955, Munkres
    1957); n^3 operations, of which numpy does the innermost n.
    """
    n = len(costs)
    row_price, column_price = np.zeros(n), np.zeros(n + 1)
    row_of = np.full(n + 1, -1)  # Column n is where a row waits before it has a column of its own.
    for row in range(n):
        row_of[n] = row
        column, slack, previous = n, np.full(n, np.inf), np.full(n, n)
        reached = np.zeros(n + 1, dtype=bool)
        while row_of[column] >= 0:
            reached[column] = True
            reduced = costs[row_of[column]] - row_price[row_of[column]] - column_price[:n]
            closer = ~reached[:n] & (reduced < slack)
            slack[closer], previous[closer] = reduced[closer], column
            column = int(np.argmin(np.where(reached[:n], np.inf, slack)))
            step = slack[column]
            row_price[row_of[reached]] += step
            column_price[reached] -= step
            slack[~reached[:n]] -= step
        while column != n:
            row_of[column] = row_of[previous[column]]
            column = int(previous[column])
    result = np.empty(n, dtype=np.int64)
    result[row_of[:n]] = np.arange(n)
    return result
