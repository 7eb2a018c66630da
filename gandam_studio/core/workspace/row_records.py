"""Files beside the database with a record of equal size for every row: derived, and deleted at any time without loss.

The record of row `seq` begins at `size * (seq - 1)`; what was never written is zero. A record has to prove itself,
since others may write such files too.
"""

from __future__ import annotations

import bisect
import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainer.protocol.files import open_own
from trainer.protocol.untrusted import UntrustedError, open_regular

MOST_ROWS = 10_000_000
"""A made-up row number must not make a file of any size."""


def read_rows(path: Path, size: int, seqs: Sequence[int]) -> Iterator[tuple[int, memoryview]]:
    """(place among `seqs`, record) of the rows that have one; nothing from where the file cannot be read."""
    with contextlib.suppress(OSError, UntrustedError), open_regular(path, follow_links=False) as stream:
        for first, count in runs_of(seqs):
            start = max(first, first + 1 - seqs[first])
            known = min(first + count - start, MOST_ROWS + 1 - seqs[start]) if start < first + count else 0
            if known <= 0:
                continue
            stream.seek(size * (seqs[start] - 1))
            data = memoryview(stream.read(size * known))
            for number in range(len(data) // size):
                yield start + number, data[size * number : size * (number + 1)]


def write_rows(path: Path, size: int, seqs: Sequence[int], records: bytes) -> None:
    """Write the records of rows, `size` bytes each.

    seqs: rows in rising order; those below 1 or beyond MOST_ROWS are left out. records: one after the other.
    Raises OSError, also for a file that is a link or not regular.
    """
    first, end = bisect.bisect_left(seqs, 1), bisect.bisect_right(seqs, MOST_ROWS)
    if first == end:
        return
    data = memoryview(records)
    with os.fdopen(open_own(path, os.O_RDWR | os.O_CREAT), "r+b") as stream:
        for place, count in runs_of(seqs[first:end]):
            start = first + place
            stream.seek(size * (seqs[start] - 1))
            stream.write(data[size * start : size * (start + count)])


def runs_of(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(place, count) of the runs of rows that follow each other."""
    first = 0
    for place in range(1, len(seqs) + 1):
        if place == len(seqs) or seqs[place] != seqs[place - 1] + 1:
            yield first, place - first
            first = place
