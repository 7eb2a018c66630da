"""Which sprites can hardly be seen on the recipe's background (`faint`), kept in a file beside the database.

`faint.bin` is derived and may be deleted. It holds, for row `seq`, 8 bytes at `8 * (seq - 1)`: the first 32 bits of the
id as a number, little-endian, then the background's red, green and blue, and 1 for seen or 2 for faint. So a record
says what it is true of, equal ones are equal, and several programs may write at once. A row with another record is
judged again. An import keeps what it judges of small sprites anyway. Commands that only read keep what they found too;
where they may not write, it is found again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.workspace.faint import FAINT, SEEN, judged
from gandam_studio.core.workspace.row_records import MOST_ROWS, write_rows
from gandam_studio.core.workspace.seqsets import Seqs, conditions
from trainer.protocol.manifest import is_digest
from trainer.protocol.untrusted import UntrustedError, open_regular

NAME = "faint.bin"  # to be changed when the rule of `faint` changes
_RECORD = np.dtype("<u8")
_AT_ONCE = 4096  # rows


def faint_rows(
    folder: Path,
    connection: sqlite3.Connection,
    thumbnail: Callable[[int], NDArray[np.uint8] | None],
    seqs: Seqs,
    background: tuple[int, int, int],
) -> Seqs:
    """Return those of some rows whose sprites can hardly be seen; those without a thumbnail are left out.

    folder, connection, thumbnail: of the workspace, and what returns the thumbnail of a row.
    """
    expected = _keys(connection, seqs, background)
    records = _kept(folder / NAME, int(seqs.max(initial=0)))
    found = np.zeros(len(seqs), _RECORD)
    there = (seqs > 0) & (seqs <= len(records))
    found[there] = records[seqs[there] - 1]
    verdicts = (found >> np.uint64(56)).astype(np.uint8)
    known = (found << np.uint64(8) == expected << np.uint64(8)) & ((verdicts == SEEN) | (verdicts == FAINT))
    if not known.all():
        verdicts[~known] = judged(thumbnail, seqs[~known], background)
        new = ~known & (verdicts > 0) & (expected > 0)
        with contextlib.suppress(OSError):
            _keep(folder / NAME, seqs[new], expected[new] | verdicts[new].astype(_RECORD) << np.uint64(56))
    return seqs[verdicts == FAINT]


def keep_verdicts(folder: Path, verdicts: Mapping[int, tuple[str, bool]], background: tuple[int, int, int]) -> None:
    """Keep what is known of new sprites already: row, in rising order -> id, whether it can hardly be seen.

    The thumbnail alone has to say the same. Where they cannot be kept, they are found again.
    """
    ids, hidden = [key for key, _ in verdicts.values()], [is_hidden for _, is_hidden in verdicts.values()]
    found = np.where(np.array(hidden, bool), FAINT, SEEN).astype(_RECORD)
    records = _without_verdict(ids, background) | found << np.uint64(56)
    with contextlib.suppress(OSError):
        write_rows(folder / NAME, _RECORD.itemsize, [*verdicts], records.tobytes())


def _keys(connection: sqlite3.Connection, seqs: Seqs, background: tuple[int, int, int]) -> NDArray[np.uint64]:
    """(N,) records without a verdict; 0 for rows without a valid id."""
    asked, back = np.unique(seqs, return_inverse=True)
    found = np.zeros(len(asked), _RECORD)
    cursor = connection.cursor()
    cursor.row_factory = None
    for condition, values in conditions(asked):
        cursor.execute(f"SELECT seq, id FROM sprites WHERE {condition} ORDER BY seq", values)
        while some := cursor.fetchmany(_AT_ONCE):
            rows = [row for row in some if is_digest(row[1])]
            places = np.searchsorted(asked, np.array([seq for seq, _ in rows], np.int64))
            found[places] = _without_verdict([key for _, key in rows], background)
    return found[back]


def _without_verdict(ids: Sequence[str], background: tuple[int, int, int]) -> NDArray[np.uint64]:
    """(N,) records of sprites on a background, but for the verdict."""
    red, green, blue = background
    color = red << 32 | green << 40 | blue << 48
    beginnings = np.frombuffer(bytes.fromhex("".join([key[:8] for key in ids])), ">u4")
    return beginnings.astype(_RECORD) | np.uint64(color)


def _kept(path: Path, last: int) -> NDArray[np.uint64]:
    """The records of rows 1 to `last`, or as many as there are."""
    with (
        contextlib.suppress(OSError, UntrustedError),
        open_regular(path, follow_links=False) as stream,
    ):
        data = stream.read(_RECORD.itemsize * min(last, MOST_ROWS))
        return np.frombuffer(data[: len(data) // _RECORD.itemsize * _RECORD.itemsize], _RECORD)
    return np.zeros(0, _RECORD)


def _keep(path: Path, seqs: Seqs, new: NDArray[np.uint64]) -> None:
    order = np.argsort(seqs)
    write_rows(path, _RECORD.itemsize, seqs[order].tolist(), new[order].tobytes())
