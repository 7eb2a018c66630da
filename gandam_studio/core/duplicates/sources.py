"""Sources of pictures to compare: a workspace, or a list of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, overload

import numpy as np

from gandam_studio.core.duplicates.verifying_worker import Stored
from gandam_studio.core.errors import UserError
from gandam_studio.core.hashing import COLUMNS
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.described import FINGERPRINT_VERSION, SETTING
from gandam_studio.core.workspace.sprite import Sprite

_BATCH = 256
_READ = 4096  # fingerprints at once


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a picture that decide which one of a group is kept.

    Attributes:
        key: stable name that breaks ties, independent of the order of import.
        width, height: of the whole picture, in pixels.
        colours: number of distinct visible colours; 0 if unknown.
        alpha: whether it has transparency.
        kept: whether the person kept it.
        order: of import; smaller is earlier.
        origin: the file it is a frame of; "" if it is no frame.
        name: file name.
    """

    key: str
    width: int
    height: int
    colours: int = 0
    alpha: bool = False
    kept: bool = False
    order: int = 0
    origin: str = ""
    name: str = ""


class PictureSource(Protocol):
    """A collection of pictures to compare, by row from 0."""

    @property
    def fingerprints(self) -> np.ndarray:
        """(N, COLUMNS) uint64."""

    @property
    def facts(self) -> Sequence[Facts]:
        """The facts about each row."""

    @property
    def seqs(self) -> np.ndarray:
        """(N,) int64: the number of each row in the report."""

    @property
    def unreadable(self) -> set[int]:
        """Rows that could not be read when requested; `rgba` returns transparent pixels for them."""

    def rgba(self, row: int) -> np.ndarray:
        """Return the picture as imported, (H, W, 4) uint8."""

    def prints(self, rows: np.ndarray) -> np.ndarray:
        """Return the (P, COLUMNS) fingerprints of (P,) rows."""


class ArraySource:
    """Pictures in memory.

    Attributes: see PictureSource.
    """

    def __init__(self, pictures: Sequence[np.ndarray], names: Sequence[str] | None = None) -> None:
        from gandam_studio.core.hashing import fingerprint_batch

        keys = names if names is not None else [f"{index:06d}" for index in range(len(pictures))]
        self.pictures = pictures
        self.unreadable: set[int] = set()
        self.fingerprints = fingerprint_batch(pictures)
        self.seqs = np.arange(len(pictures), dtype=np.int64)
        self.facts = [
            Facts(
                key=key,
                width=picture.shape[1],
                height=picture.shape[0],
                alpha=bool((picture[..., 3] < 255).any()),
                name=key if names is not None else "",
            )
            for picture, key in zip(pictures, keys, strict=True)
        ]

    def rgba(self, row: int) -> np.ndarray:
        """The picture as imported, (H, W, 4) uint8."""
        return self.pictures[row]

    def prints(self, rows: np.ndarray) -> np.ndarray:
        """The (P, COLUMNS) fingerprints of (P,) rows."""
        return self.fingerprints[rows]


class WorkspaceSource:
    """The sprites of a workspace as they were imported, including dropped ones.

    Attributes: see PictureSource.
        unreadable: rows whose original could not be read when requested. They count as transparent and as copies of
            nothing, so that a lost file does not prevent the search.
    """

    def __init__(self, workspace: Workspace, *, job: Job = NULL_JOB) -> None:
        self.workspace = workspace
        self.sprites: list[Sprite] = list(workspace.sprites())
        self.seqs = np.array([sprite.seq for sprite in self.sprites], dtype=np.int64)
        self.facts = _FactsOf(self.sprites)
        self.unreadable: set[int] = set()
        self.fingerprints = self._stored_fingerprints(job)

    def rgba(self, row: int) -> np.ndarray:
        """The picture as imported, (H, W, 4) uint8."""
        sprite = self.sprites[row]
        try:
            return self.workspace.pixels(sprite)
        except (UserError, OSError):
            self.unreadable.add(row)
            return np.zeros((sprite.height, sprite.width, 4), dtype=np.uint8)

    def prints(self, rows: np.ndarray) -> np.ndarray:
        """The (P, COLUMNS) fingerprints of (P,) rows."""
        return self.fingerprints[rows]

    @property
    def originals(self) -> Path:
        """The folder of the originals, for other processes."""
        return self.workspace.originals.folder

    def stored(self, rows: np.ndarray) -> list[Stored]:
        """Return where the pictures of (P,) rows are stored in `originals`."""
        found = ((row, self.sprites[row]) for row in rows.tolist())
        return [Stored(row, sprite.blob, sprite.part, sprite.width, sprite.height) for row, sprite in found]

    def _stored_fingerprints(self, job: Job) -> np.ndarray:
        """Fingerprints from the import; those of another version are computed again."""
        rows = np.zeros((len(self.sprites), COLUMNS), dtype=np.uint64)
        known = np.zeros(len(self.sprites), dtype=bool)
        stored = "SELECT seq, hashes FROM fingerprints WHERE length(hashes) = ?"
        cursor = self.workspace.connection.execute(
            stored + (" AND 0" if described_otherwise(self.workspace) else ""), (8 * COLUMNS,)
        )
        while some := cursor.fetchmany(_READ):
            seqs = np.array([seq for seq, _ in some], dtype=np.int64)
            words = np.frombuffer(b"".join([blob for _, blob in some]), dtype="<u8").reshape(-1, COLUMNS)
            places = np.minimum(np.searchsorted(self.seqs, seqs), max(0, len(self.seqs) - 1))
            there = self.seqs[places] == seqs if len(self.seqs) else np.zeros(len(seqs), dtype=bool)
            rows[places[there]] = words[there]
            known[places[there]] = True
        todo = np.flatnonzero(~known).tolist()
        if not todo:
            return rows
        from gandam_studio.core.hashing import fingerprint_batch  # late: all were hashed when they were imported

        job.start("Hashing", len(todo))
        for start in range(0, len(todo), _BATCH):
            part = todo[start : start + _BATCH]
            rows[part] = fingerprint_batch([self.rgba(row) for row in part])
            job.advance(len(part))
        return rows


def described_otherwise(workspace: Workspace) -> bool:
    """Whether the stored hashes have another version than this program's."""
    return bool((workspace.setting(SETTING) or {}).get("fingerprints") != FINGERPRINT_VERSION)


class _FactsOf(Sequence[Facts]):
    """The facts about sprites, made when they are asked for."""

    def __init__(self, sprites: Sequence[Sprite]) -> None:
        self._sprites = sprites

    def __len__(self) -> int:
        return len(self._sprites)

    @overload
    def __getitem__(self, row: int) -> Facts: ...

    @overload
    def __getitem__(self, row: slice) -> list[Facts]: ...

    def __getitem__(self, row: int | slice) -> Facts | list[Facts]:
        if isinstance(row, slice):
            return [_facts(sprite) for sprite in self._sprites[row]]
        return _facts(self._sprites[row])


def _facts(sprite: Sprite) -> Facts:
    """The facts about a sprite."""
    return Facts(
        key=sprite.id,
        width=sprite.width,
        height=sprite.height,
        colours=sprite.colors,
        alpha=sprite.alpha,
        kept=sprite.status == "kept",
        order=sprite.seq,
        origin=sprite.blob if sprite.part.startswith("frame=") else "",
        name=sprite.name,
    )
