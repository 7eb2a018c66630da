"""Sets of sprite rows (`seq` numbers) as sorted numpy arrays, and their compact encoding for the history."""

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
    rows = np.sort(array.astype(np.int64, copy=False), axis=None)
    # np.unique loads numpy.ma, and takes forty times as long for a million rows.
    is_new = np.empty(len(rows), bool)
    is_new[:1] = True
    np.not_equal(rows[1:], rows[:-1], out=is_new[1:])
    return rows[is_new]


def pack(values: Seqs) -> bytes:
    """Encode row numbers, in their order, as deflated differences. Runs of consecutive rows take almost no space."""
    return zlib.compress(np.diff(values, prepend=0).astype("<i8").tobytes(), 1)


def unpack(data: bytes, most: int = 32 << 20) -> Seqs:
    """Decode at most `most` row numbers, as encoded by `pack`. Raises ValueError for anything else."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, 8 * most + 1)
    except (zlib.error, TypeError):
        raise ValueError("damaged row numbers") from None
    if len(plain) > 8 * most or len(plain) % 8 or not stream.eof:
        raise ValueError("damaged row numbers")
    return np.cumsum(np.frombuffer(plain, dtype="<i8")).astype(np.int64)


def conditions(values: Seqs) -> list[tuple[str, tuple[int, int] | tuple[str]]]:
    """Return SQL conditions on `seq`, with parameters, that together select sorted unique rows in order.

    Few runs get one condition each; scattered rows are passed as one JSON list.
    """
    found = runs(values)
    if len(found) <= _FEW_RUNS:
        return [("seq BETWEEN ? AND ?", run) for run in found]
    return [("seq IN (SELECT value FROM json_each(?))", (json.dumps(values.tolist()),))]


def runs(values: Seqs) -> list[tuple[int, int]]:
    """Split sorted unique rows into (first, last) runs of consecutive numbers."""
    if not len(values):
        return []
    breaks = np.flatnonzero(np.diff(values) != 1)
    firsts = values[np.concatenate(([0], breaks + 1))]
    lasts = values[np.concatenate((breaks, [len(values) - 1]))]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
