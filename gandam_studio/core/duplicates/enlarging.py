"""By what whole factor a picture was enlarged by repeating its pixels."""

from __future__ import annotations

import numpy as np


def enlargement(rgba: np.ndarray) -> int:
    """The largest k for which an (h, w, 4) content is another one with every pixel repeated k x k times.

    1 if none is.
    """
    height, width = rgba.shape[:2]
    if not height or not width:
        return 1
    words = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    rows = np.flatnonzero((words[1:] != words[:-1]).any(axis=1)) + 1
    columns = np.flatnonzero((words[:, 1:] != words[:, :-1]).any(axis=0)) + 1
    if not len(rows) and not len(columns):
        return 1  # one flat colour: nothing tells
    return int(np.gcd.reduce(np.concatenate([rows, columns, [height, width]])))
