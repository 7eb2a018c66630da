"""Detects enlargement by a whole factor, where every pixel is repeated."""

from __future__ import annotations

import math

import numpy as np


def enlargement(rgba: np.ndarray) -> int:
    """Return the largest k for which every pixel of an (h, w, 4) content is repeated k x k times."""
    height, width = rgba.shape[:2]
    most = math.gcd(height, width)
    if most < 2 or not height or not width:
        return 1
    words = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    rows = np.flatnonzero((words[1:] != words[:-1]).any(axis=1)) + 1
    most = int(np.gcd.reduce(rows, initial=most))
    if most < 2:
        return 1
    columns = np.flatnonzero((words[:, 1:] != words[:, :-1]).any(axis=0)) + 1
    if not len(rows) and not len(columns):
        return 1  # a single colour, which tells nothing
    return int(np.gcd.reduce(columns, initial=most))
