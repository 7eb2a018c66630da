"""The worker process that verifies duplicates (see `core.workers.serving`): takes shares, returns links."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gandam_studio.core.duplicates.links import Links
from gandam_studio.core.workers.serving import Handle, Report
from trainer.protocol.frames import pack, unpack

if TYPE_CHECKING:
    from gandam_studio.core.duplicates.candidates import Candidates


@dataclass(frozen=True)
class Stored:
    """Where a picture is stored: its row, the digest of its original, its part, and its size in pixels."""

    row: int
    blob: str
    part: str
    width: int
    height: int


@dataclass(frozen=True)
class Judged:
    """A worker's result for a share: links by row, the enlargement of every linked row, and unreadable rows."""

    links: Links
    enlargements: dict[int, int]
    unreadable: list[int]


@contextlib.contextmanager
def prepare(settings: dict[str, Any]) -> Iterator[Handle]:
    """Prepare to judge shares; `settings` has the folder of the originals."""
    # These import this module's package, or are slow to import.
    from gandam_studio.core.duplicates import compiled
    from gandam_studio.core.duplicates.judging import Judge
    from gandam_studio.core.errors import UserError
    from gandam_studio.core.workspace.originals import Originals

    # numba loads it for products of matrices, of which the loops have none; that takes a third of its start.
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment]
    # Every second process begins at the other end, so that on a new installation two share the work of compiling.
    load = partial(compiled.use, tiles_first=settings["number"] % 2 > 0)
    loading = threading.Thread(target=load, daemon=True)
    if settings["compiling"]:
        loading.start()
    with Originals(Path(settings["originals"]), read_only=True) as originals:
        source = _Source()
        judge = Judge(source)

        def judged(frame: bytes, report: Report) -> bytes:
            stored, prints, pairs, compiling = unpack_share(frame)
            if loading.is_alive():
                loading.join()
            if compiling:
                load()
            with contextlib.ExitStack() as stack:
                read = originals.read
                with contextlib.suppress(UserError):
                    read = stack.enter_context(originals.together([one.blob for one in stored])).read
                source.take(stored, prints, read)
                steps = itertools.count()
                links = judge.links(pairs, lambda: report(next(steps)))
                rows = sorted({row for link in links for row in (link.i, link.j)})
                enlargements = {row: judge.enlargement(row) for row in rows}
            return pack_judged(Judged(Links.of(links), enlargements, sorted(source.unreadable)))

        yield judged


class _Source:
    """The pictures of a share, read from a workspace's originals; a `pictures.PixelSource`.

    Attributes:
        unreadable: rows of the share that could not be read when requested; they count as transparent.
    """

    def __init__(self) -> None:
        self.unreadable: set[int] = set()
        self._read: Callable[[str], bytes]
        self._lost: set[int] = set()
        self._stored: dict[int, tuple[Stored, np.ndarray]] = {}

    def take(self, stored: Sequence[Stored], prints: np.ndarray, read: Callable[[str], bytes]) -> None:
        """Switch to the pictures of another share, whose originals are read by their digests."""
        self._read = read
        self._stored = {one.row: (one, print_) for one, print_ in zip(stored, prints, strict=True)}
        self.unreadable = self._lost & self._stored.keys()

    def rgba(self, row: int) -> np.ndarray:
        """The picture as imported, (H, W, 4) uint8."""
        from gandam_studio.core.errors import UserError
        from gandam_studio.core.pictures.decoding import decode_part

        one, _ = self._stored[row]
        try:
            return decode_part(self._read(one.blob), one.part)
        except (UserError, OSError):
            self._lost.add(row)
            self.unreadable.add(row)
            return np.zeros((one.height, one.width, 4), dtype=np.uint8)

    def prints(self, rows: np.ndarray) -> np.ndarray:
        """The (P, COLUMNS) fingerprints of (P,) rows."""
        return np.stack([self._stored[row][1] for row in rows.tolist()])


def pack_share(stored: Sequence[Stored], prints: np.ndarray, pairs: Candidates, compiling: bool) -> bytes:
    """Encode a worker's task: the pictures of some pairs, their (P, COLUMNS) uint64 fingerprints, and the pairs.

    compiling: whether there is enough to do for compiled loops.
    """
    blobs = [
        np.ascontiguousarray(prints, dtype="<u8").tobytes(),
        np.stack([pairs.i, pairs.j, pairs.mirrored]).astype("<i8").tobytes(),
    ]
    return pack([[astuple(one) for one in stored], compiling, pairs.nearest], blobs)


def unpack_share(frame: bytes) -> tuple[list[Stored], np.ndarray, Candidates, bool]:
    """The inverse of `pack_share`."""
    from gandam_studio.core.duplicates.candidates import Candidates

    (rows, compiling, nearest), (prints, pairs) = unpack(frame)
    stored = [Stored(*row) for row in rows]
    i, j, mirrored = np.frombuffer(pairs, dtype="<i8").reshape(3, -1)
    words = np.frombuffer(prints, dtype="<u8").reshape(len(stored), -1)
    return stored, words, Candidates(i, j, mirrored > 0, nearest), bool(compiling)


def pack_judged(judged: Judged) -> bytes:
    """Encode a worker's answer."""
    return pack([sorted(judged.enlargements.items()), judged.unreadable], judged.links.encoded())


def unpack_judged(frame: bytes) -> Judged:
    """The inverse of `pack_judged`. Raises ValueError or TypeError for a malformed frame."""
    (enlargements, unreadable), columns = unpack(frame)
    links = Links.decoded(columns)
    return Judged(links, {int(row): int(factor) for row, factor in enlargements}, unreadable)
