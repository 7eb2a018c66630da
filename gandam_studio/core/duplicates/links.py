"""Verified relations, saved next to the workspace so that the next search compares only new sprites."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

from gandam_studio.core.duplicates.verdicts import DUPLICATES, RELATIONS, Transform, Verdict
from gandam_studio.core.workspace.described import FINGERPRINT_VERSION
from gandam_studio.core.workspace.seqsets import as_seqs
from trainer.protocol.files import own_folder, write_bytes
from trainer.protocol.untrusted import UntrustedError, open_regular

# Radii of a search, out of 256 bits for the look and 128 for the whole picture. About one in 5,000 pairs of different
# sprites passes.
LOOK_RADIUS = 80
WHOLE_RADIUS = 10
LOOSEST = 0.7  # largest distance of saved relations, and the end of the slider
_MOST_TIMES = 200  # as large as the file its arrays may be; those of real searches are some 10 times as large
VERSION = 13  # of the verdicts; raise it when `measures`, `relations` or `blanks` decide otherwise


@dataclass(frozen=True)
class Link:
    """Two related pictures, i < j, with the verdict for j aligned with i.

    Rows of the source during a search, then row numbers of the workspace.
    """

    i: int
    j: int
    verdict: Verdict


class Links(Sequence[Link]):
    """Relations as columns: a `Link` is made only when it is asked for, once, as there may be a million of them.

    Attributes:
        pairs: (L, 2) int64, `Link.i` and `Link.j`.
        distances: (L,) float64.
    """

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        """columns: the arrays in `_COLUMNS`."""
        self._columns: dict[str, Any] = {
            name: np.asarray(columns[name], dtype).reshape(-1, *shape) for name, dtype, shape in _COLUMNS
        }
        self._made: dict[int, Link] = {}
        self.pairs: np.ndarray = self._columns["pairs"]
        self.distances: np.ndarray = self._columns["judged"][:, 0]

    @classmethod
    def of(cls, links: Sequence[Link]) -> Links:
        """Return the same links as columns."""
        if isinstance(links, Links):
            return links
        transforms = [link.verdict.transform for link in links]
        return cls(
            {
                "pairs": np.array([(link.i, link.j) for link in links], dtype=np.int64),
                "relations": np.array([RELATIONS.index(link.verdict.relation) for link in links], dtype=np.int8),
                "judged": np.array([(link.verdict.distance, link.verdict.confidence) for link in links]),
                "places": np.array([(t.scale_x, t.scale_y, t.shift_x, t.shift_y) for t in transforms]),
                "changes": np.array(
                    [(t.mirrored, t.recoloured, t.resized, t.cropped, t.re_encoded) for t in transforms], dtype=bool
                ),
            }
        )

    def __len__(self) -> int:
        return len(self.pairs)

    @overload
    def __getitem__(self, index: int) -> Link: ...

    @overload
    def __getitem__(self, index: slice) -> Links: ...

    def __getitem__(self, index: int | slice) -> Link | Links:
        if isinstance(index, slice):
            return self.taken(index)
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = _link(*(column[index].tolist() for column in self._columns.values()))
        return made

    def __iter__(self) -> Iterator[Link]:
        return itertools.starmap(_link, zip(*(column.tolist() for column in self._columns.values()), strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Links) and all(
            np.array_equal(mine, other._columns[name]) for name, mine in self._columns.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def encoded(self) -> list[bytes]:
        """The columns as bytes, little-endian."""
        return [column.astype(column.dtype.newbyteorder("<")).tobytes() for column in self._columns.values()]

    @classmethod
    def decoded(cls, parts: Sequence[bytes]) -> Links:
        """The inverse of `encoded`. Raises ValueError for columns that do not fit together."""
        columns = {
            name: np.frombuffer(part, np.dtype(dtype).newbyteorder("<"))
            for (name, dtype, _), part in zip(_COLUMNS, parts, strict=True)
        }
        links = cls(columns)
        if not links.intact():
            raise ValueError("columns of links that do not fit together")
        return links

    def intact(self) -> bool:
        """Whether all columns are of one length, and every relation has a word."""
        words = self._columns["relations"]
        alike = {len(column) for column in self._columns.values()} == {len(self)}
        return alike and bool(((words >= 0) & (words < len(RELATIONS))).all())

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """The arrays, as they are stored."""
        return self._columns

    @property
    def duplicates(self) -> np.ndarray:
        """(L,) bool, whether the relation is one of `relations.DUPLICATES`."""
        return np.array([word in DUPLICATES for word in RELATIONS])[self._columns["relations"]]

    @property
    def ends(self) -> np.ndarray:
        """The row numbers that occur, sorted."""
        return as_seqs(self.pairs)

    def taken(self, which: np.ndarray | slice) -> Links:
        """Return some of the links, by numbers or a mask."""
        return Links({name: column[which] for name, column in self._columns.items()})

    def renamed(self, pairs: np.ndarray) -> Links:
        """Return the links with other (L, 2) ends."""
        return Links({**self._columns, "pairs": pairs})

    def of_relation(self, relation: str) -> np.ndarray:
        """The numbers of the links of one of `relations.RELATIONS`."""
        return np.flatnonzero(self._columns["relations"] == RELATIONS.index(relation))

    def related(self, numbers: Sequence[int], relation: str) -> Links:
        """Return the links, those with these numbers with another relation."""
        words = self._columns["relations"].copy()
        words[list(numbers)] = RELATIONS.index(relation)
        return Links({**self._columns, "relations": words})

    def with_others(self, *others: Sequence[Link]) -> Links:
        """Return these links and others, sorted by their ends."""
        parts = [self, *map(Links.of, others)]
        joined = Links({name: np.concatenate([part._columns[name] for part in parts]) for name in self._columns})
        return joined.taken(np.lexsort((joined.pairs[:, 1], joined.pairs[:, 0])))


_COLUMNS: tuple[tuple[str, type, tuple[int, ...]], ...] = (
    ("pairs", np.int64, (2,)),
    ("relations", np.int8, ()),
    ("judged", np.float64, (2,)),
    ("places", np.float64, (4,)),
    ("changes", np.bool_, (5,)),
)


@dataclass(frozen=True)
class VerifiedLinks:
    """The findings for the sprites up to a row number.

    Attributes:
        links: their verified relations, by row number.
        last: the last row number that was compared; 0 for none.
        enlargements: the enlargement (`enlarging.enlargement`) of each linked sprite, by row number.
        nearest: see `DuplicateReport`.
    """

    links: Sequence[Link] = ()
    last: int = 0
    enlargements: dict[int, int] = field(default_factory=dict)
    nearest: int = 0

    @property
    def seqs(self) -> set[int]:
        """Every row number that is named."""
        return {*Links.of(self.links).ends.tolist()} | ({self.last} if self.last else set())


def links_path(folder: Path) -> Path:
    """Return the path of a workspace's findings. The file is derived and may be deleted."""
    return folder / "duplicates" / "links.npz"


def save_findings(folder: Path, findings: VerifiedLinks, radii: tuple[int, int]) -> None:
    """Write the findings atomically, unless another process has saved those of later sprites in the meantime.

    Raises OSError, also if the folder is a link.
    """
    path = links_path(folder)
    own_folder(path.parent)
    if _stored_last(path, radii) > findings.last:
        return
    stream = io.BytesIO()
    arrays: dict[str, Any] = {
        "header": np.array([VERSION, FINGERPRINT_VERSION, *radii, findings.last], dtype=np.int64),
        "nearest": np.array(findings.nearest, dtype=np.int64),
        "enlargements": np.array(sorted(findings.enlargements.items()), dtype=np.int64).reshape(-1, 2),
        **Links.of(findings.links).columns,
    }
    np.savez_compressed(stream, **arrays)
    write_bytes(path, stream.getvalue())


def load_findings(folder: Path, radii: tuple[int, int]) -> VerifiedLinks:
    """Return the findings of an earlier search with the same versions and radii; empty if there are none."""
    try:
        with _opened(links_path(folder)) as stored:
            if not (last := _last(stored, radii)):
                return VerifiedLinks()
            enlargements = dict(stored["enlargements"].tolist())
            links = Links({name: stored[name] for name, _, _ in _COLUMNS})
            nearest = int(stored["nearest"]) if "nearest" in stored else 0  # all were compared before there was this
            if not links.intact() or nearest < 0:
                return VerifiedLinks()
    except Exception:  # zipfile, zlib and numpy raise anything for a damaged file; it is made anew.
        return VerifiedLinks()
    return VerifiedLinks(links, last, enlargements, nearest)


def _stored_last(path: Path, radii: tuple[int, int]) -> int:
    """The last row number of saved findings; 0 if there are none with the same versions and radii."""
    try:
        with _opened(path) as stored:
            return _last(stored, radii)
    except Exception:  # See `load_findings`.
        return 0


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a regular .npz file that do not grow without bound. Raises anything for other files."""
    with open_regular(path, follow_links=False) as stream, np.load(stream, allow_pickle=False) as stored:
        size = os.fstat(stream.fileno()).st_size
        if sum(member.file_size for member in stored.zip.infolist()) > _MOST_TIMES * size:
            raise UntrustedError(f"{path} holds more than {_MOST_TIMES} times its size")
        yield stored


def _last(stored: Mapping[str, np.ndarray], radii: tuple[int, int]) -> int:
    *made_with, last = stored["header"].tolist()
    return int(last) if made_with == [VERSION, FINGERPRINT_VERSION, *radii] else 0


def _link(
    pair: Sequence[int], relation: int, judged: Sequence[float], place: Sequence[float], changes: Sequence[bool]
) -> Link:
    """One row of the stored table."""
    mirrored, recoloured, resized, cropped, re_encoded = changes
    scale_x, scale_y, shift_x, shift_y = place
    transform = Transform(
        mirrored, scale_x, scale_y, shift_x, shift_y, recoloured, resized, cropped, re_encoded=re_encoded
    )
    return Link(pair[0], pair[1], Verdict(RELATIONS[relation], transform, judged[0], judged[1]))
