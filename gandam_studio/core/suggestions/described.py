"""The facing features of sprites, kept in files beside the database (`kept`).

`facing-features.bin` has those of `facing.features`, `facing-network.bin` what a trained network sees, which takes five
times as long. Pictures are the thumbnails, so a sprite takes milliseconds the first time and nothing afterwards.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.orienting import oriented
from gandam_studio.core.suggestions.facing import network
from gandam_studio.core.suggestions.facing.features import DIMENSIONS, Halves, halves
from gandam_studio.core.suggestions.kept import Kept
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.core.workspace.thumbnails import thumbnail

NAME = "facing-features.bin"
NETWORK_NAME = "facing-network.bin"
_FEATURES = Kept(NAME, "2", 2 * 2 * DIMENSIONS)
_SEEN = Kept(NETWORK_NAME, "1", 2 * 2 * network.DIMENSIONS)
_BATCH = 256
FIRST = 512
"""Sprites that are described before the first page of a large set."""
AT_ONCE = 1_000
"""Up to so many sprites are all described before the first page."""


def described(workspace: Workspace, sprites: Sequence[Sprite], job: Job = NULL_JOB, *, closely: bool = True) -> Halves:
    """Return the features of sprites, cropped and turned but not flipped; zeros where a picture is lost.

    With what the network sees (`seen`), or without `closely` only where all of that is kept. What had to be computed is
    kept, where the workspace's folder may be written to. Raises Cancelled.
    """
    result = _looked(workspace, sprites, job)
    found = seen(workspace, sprites, job) if closely else _all_kept(workspace, sprites)
    return result if found is None else result.beside(found)


class GrowingDescription:
    """The features of N sprites, cropped and turned but not flipped, found a part at a time.

    Each part is spread over all sprites, so that the first one shows what kinds there are. Another thread may read
    `count` and the features that are there while more are found.

    Attributes:
        sprites: all of them.
        features: zeros where they were not found yet, and where a picture is lost.
        order: (N,) in which order rows are described.
        count: how many were.
    """

    def __init__(self, sprites: Sequence[Sprite], first: Sequence[int] = ()) -> None:
        """`first` are rows to begin with."""
        self.sprites = sprites
        self.features = _scattered_zeros(len(sprites), DIMENSIONS)
        mixed = np.random.default_rng(0).permutation(len(sprites)).astype(np.intp)
        begun = np.array(first, np.intp)
        self.order: NDArray[np.intp] = np.concatenate([begun, mixed[~np.isin(mixed, begun)]])
        self.count = 0

    @property
    def chosen(self) -> NDArray[np.intp] | None:
        """(`count`,) the rows that were described, rising; None for all."""
        return None if self.is_whole else np.sort(self.order[: self.count])

    @property
    def is_whole(self) -> bool:
        """Whether all are described."""
        return self.count == len(self.order)

    def parts(self) -> list[int]:
        """The counts at which what is there is worth comparing: twice as many up to half of the set, then the whole."""
        total = len(self.order)
        found: list[int] = []
        while (following := 2 * (found[-1] if found else max(self.count, FIRST // 2))) <= total / 2:
            found.append(following)
        return [*found, total]

    def describe(self, workspace: Workspace, until: int, job: Job = NULL_JOB) -> None:
        """Describe rows until `count` is `until`. What had to be computed is kept. Raises Cancelled."""
        for more in _look(workspace, self.sprites, self.order[self.count : until].tolist(), self.features):
            self.count += more
            job.advance(more)


def seen(workspace: Workspace, sprites: Sequence[Sprite], job: Job = NULL_JOB) -> Halves | None:
    """Return what the network sees in sprites, as `described`; zeros where it did not answer.

    None for more than `network.MOST` sprites, and where there is no network. What had to be computed is kept. Raises
    Cancelled.
    """
    if not (0 < len(sprites) <= network.MOST and network.installed()):
        return None
    found = _seen(workspace, sprites, job)
    return found if found.even.any() else None


def not_kept(workspace: Workspace, sprites: Sequence[Sprite]) -> int:
    """How many sprites would have to be looked at by `described`, the network aside."""
    return len(_read(workspace, sprites, range(len(sprites)), _FEATURES, _zeros(len(sprites), DIMENSIONS)))


def _all_kept(workspace: Workspace, sprites: Sequence[Sprite]) -> Halves | None:
    if not (0 < len(sprites) <= network.MOST and network.installed()):
        return None
    result = _zeros(len(sprites), network.DIMENSIONS)
    for first in range(0, len(sprites), _BATCH):
        if _read(workspace, sprites, range(first, min(first + _BATCH, len(sprites))), _SEEN, result):
            return None
    return result if result.even.any() else None


def _looked(workspace: Workspace, sprites: Sequence[Sprite], job: Job) -> Halves:
    result = _zeros(len(sprites), DIMENSIONS)
    job.start("Looking at sprites", len(sprites))
    for some in _look(workspace, sprites, range(len(sprites)), result):
        job.advance(some)
    return result


def _look(workspace: Workspace, sprites: Sequence[Sprite], rows: Sequence[int], result: Halves) -> Iterator[int]:
    """Put the features of some rows into `result`; yields how many more are there."""
    store = _store(workspace, sprites, _FEATURES)
    # Two threads: OpenCV and numpy let go of the interpreter for most of the work.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        for first in range(0, len(rows), _BATCH):
            some = sorted(rows[first : first + _BATCH])
            missing = _read(workspace, sprites, some, _FEATURES, result)
            pictures = [_picture(workspace, sprites[row]) for row in missing]
            parts = [pictures[start : start + 64] for start in range(0, len(pictures), 64)]
            for place, made in enumerate(threads.map(halves, parts)):
                _put(result, missing[64 * place : 64 * (place + 1)], made)
            store(missing, result)
            yield len(some)


def _seen(workspace: Workspace, sprites: Sequence[Sprite], job: Job) -> Halves:
    result = _zeros(len(sprites), network.DIMENSIONS)
    missing = _read(workspace, sprites, range(len(sprites)), _SEEN, result)
    store = _store(workspace, sprites, _SEEN)
    if missing:
        job.start("Looking closely at sprites", len(missing))
    for rows, found in network.look(missing, lambda row: _picture(workspace, sprites[row]), job.check):
        if found is not None:
            _put(result, rows, found)
            store(rows, result)
        job.advance(len(rows))
    return result


def _zeros(count: int, dimensions: int) -> Halves:
    return Halves(np.zeros((count, dimensions), np.float16), np.zeros((count, dimensions), np.float16))


def _scattered_zeros(count: int, dimensions: int) -> Halves:
    """As `_zeros`, where rows all over are written first.

    numpy asks for huge pages of memory, and a few hundred rows would touch, and so clear, all of them.
    """
    even, odd = (
        np.frombuffer(mmap.mmap(-1, 2 * max(1, count * dimensions)), np.float16)[: count * dimensions] for _ in range(2)
    )
    return Halves(even.reshape(count, dimensions), odd.reshape(count, dimensions))


def _put(result: Halves, rows: Sequence[int], found: Halves) -> None:
    result.even[rows], result.odd[rows] = found.even, found.odd


def _read(
    workspace: Workspace, sprites: Sequence[Sprite], rows: Sequence[int], kept: Kept, result: Halves
) -> list[int]:
    """Put what is kept of some rows into `result`; returns the rows that are missing."""
    known = kept.read(workspace, [sprites[row] for row in rows])
    missing = []
    for place, row in enumerate(rows):
        numbers = np.frombuffer(known[place], "<f2").astype(np.float16) if place in known else None
        if numbers is None or not np.isfinite(numbers).all():
            missing.append(row)
        else:
            result.even[row], result.odd[row] = np.split(numbers, 2)
    return missing


def _store(workspace: Workspace, sprites: Sequence[Sprite], kept: Kept) -> Callable[[Sequence[int], Halves], None]:
    """What keeps rows of a result; from the first time that it cannot, it does nothing."""
    writable = True

    def store(rows: Sequence[int], result: Halves) -> None:
        nonlocal writable
        if not (rows and writable):
            return
        records: Mapping[int, tuple[Sprite, bytes]] = {
            sprites[row].seq: (sprites[row], _numbers(result.even[row]) + _numbers(result.odd[row])) for row in rows
        }
        writable = False
        with contextlib.suppress(OSError):
            kept.write(workspace, records)
            writable = True

    return store


def _numbers(half: NDArray[np.floating]) -> bytes:
    return half.astype("<f2").tobytes()


def _picture(workspace: Workspace, sprite: Sprite) -> NDArray[np.uint8]:
    """The sprite before the flip, at most as large as a thumbnail; (0, 0, 4) where it is lost."""
    found = workspace.thumbnails.read(sprite.seq)
    whole = found is not None and found.shape[:2] == (sprite.height, sprite.width)
    try:
        if found is None or (sprite.crop is not None and not whole):
            # A crop is in pixels of the original.
            return thumbnail(oriented(workspace.pixels(sprite), sprite.crop, sprite.rotation))
        return oriented(found, sprite.crop, sprite.rotation)
    except (UserError, ValueError, OSError):
        return np.zeros((0, 0, 4), np.uint8)
