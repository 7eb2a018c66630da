"""Sets of sprite rows (`seq` numbers) as sorted numpy arrays, packed small enough to keep in the history for ever."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Seqs = NDArray[np.int64]

_FEW_RUNS = 16


def as_seqs(values: Iterable[int] | Seqs) -> Seqs:
    """Return sorted unique row numbers, int64."""
    array = values if isinstance(values, np.ndarray) else np.fromiter(values, dtype=np.int64)
    return np.unique(array.astype(np.int64, copy=False))


def pack(values: Seqs) -> bytes:
    """Encode row numbers, in their order, as deflated differences (a run of neighbours costs next to nothing)."""
    return zlib.compress(np.diff(values, prepend=0).astype("<i8").tobytes(), 1)


def unpack(data: bytes, most: int = 32 << 20) -> Seqs:
    """Decode what `pack` made of at most `most` row numbers. Raises ValueError for anything else."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, 8 * most + 1)
    except (zlib.error, TypeError):
        raise ValueError("damaged row numbers") from None
    if len(plain) > 8 * most or len(plain) % 8 or not stream.eof:
        raise ValueError("damaged row numbers")
    return np.cumsum(np.frombuffer(plain, dtype="<i8")).astype(np.int64)


def conditions(values: Seqs) -> list[tuple[str, tuple[int, int] | tuple[str]]]:
    """SQL conditions on `seq` with their parameters that together name sorted unique rows, in order.

    A few runs are named one by one; scattered rows go in one list, which SQLite walks by itself.
    """
    found = runs(values)
    if len(found) <= _FEW_RUNS:
        return [("seq BETWEEN ? AND ?", run) for run in found]
    return [("seq IN (SELECT value FROM json_each(?))", (json.dumps(values.tolist()),))]


def runs(values: Seqs) -> list[tuple[int, int]]:
    """Split sorted unique rows into (first, last) runs, so that SQL can name a run instead of every row."""
    if not len(values):
        return []
    breaks = np.flatnonzero(np.diff(values) != 1)
    firsts = values[np.concatenate(([0], breaks + 1))]
    lasts = values[np.concatenate((breaks, [len(values) - 1]))]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
