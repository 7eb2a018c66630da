"""Sprites that face front, found by their likeness to those a person said do.

The odd model cannot tell them: that it is unsure of a sprite mostly means that it has not learned it yet. What they
have in common is how they look, which the even halves of the features say, as for unfit sprites.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.suggestions.fitness.ranking import fit

LEAST = 3  # sprites said to face front, before others are suggested
WORTH_ASKING = 0.0  # the score from which a page asks about a sprite: 8 in 10 face front, on the sets it was tried on
LIKELY = 0.25  # from which a sprite is called front where nobody is asked: 9 in 10
FEWEST = 4  # suggested at once, or a page for them is not worth its Enter
_WIDTH = 64
_CHUNK = 8_192


def looks(even: NDArray[np.floating], chosen: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
    """(M, 64) random projections of the even halves of all sprites, or of some rows: likeness by few numbers.

    Distances stay as they are up to an eighth or so (Johnson and Lindenstrauss 1984).
    """
    rows = np.arange(len(even)) if chosen is None else chosen
    directions = np.random.default_rng(0).standard_normal((even.shape[1], _WIDTH)).astype(np.float32)
    found = np.empty((len(rows), _WIDTH), np.float32)
    for first in range(0, len(rows), _CHUNK):
        some = even[rows[first : first + _CHUNK]].astype(np.float32)
        found[first : first + len(some)] = some @ directions
    return found


def likely_fronts(look: NDArray[np.float32], labels: NDArray[np.int8], above: float = LIKELY) -> NDArray[np.intp]:
    """Rows that probably face front, with a score `above` that, the likeliest first.

    `labels`, (M,), are 1 for sprites said to face front, -1 for those that do not, and 0 where nothing is known.
    """
    if (labels > 0).sum() < LEAST:
        return np.empty(0, np.intp)
    open_rows = np.flatnonzero(labels == 0)
    scores = fit(look, labels).scores(open_rows)
    order = np.argsort(-scores, kind="stable")
    found = open_rows[order[: int((scores > above).sum())]]
    return found if len(found) >= FEWEST else found[:0]
