"""The facing features of sprites, kept in files beside the database (`kept`).

`facing-features.bin` has those of `facing.features`, `facing-network.bin` what a trained network sees, which takes five
times as long. Pictures are the thumbnails, so a sprite takes milliseconds the first time and nothing afterwards.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
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


def described(workspace: Workspace, sprites: Sequence[Sprite], job: Job = NULL_JOB, *, closely: bool = True) -> Halves:
    """Return the features of sprites, cropped and turned but not flipped; zeros where a picture is lost.

    With what the network sees (`seen`), or without `closely` only where all of that is kept. What had to be computed is
    kept, where the workspace's folder may be written to. Raises Cancelled.
    """
    result = _looked(workspace, sprites, job)
    found = seen(workspace, sprites, job) if closely else _all_kept(workspace, sprites)
    return result if found is None else result.beside(found)


def seen(workspace: Workspace, sprites: Sequence[Sprite], job: Job = NULL_JOB) -> Halves | None:
    """Return what the network sees in sprites, as `described`; zeros where it did not answer.

    None for more than `network.MOST` sprites, and where there is no network. What had to be computed is kept. Raises
    Cancelled.
    """
    if not (0 < len(sprites) <= network.MOST and network.installed()):
        return None
    found = _seen(workspace, sprites, job)
    return found if found.even.any() else None


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
    store = _store(workspace, sprites, _FEATURES)
    # Two threads: OpenCV and numpy let go of the interpreter for most of the work.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        for first in range(0, len(sprites), _BATCH):
            some = range(first, min(first + _BATCH, len(sprites)))
            missing = _read(workspace, sprites, some, _FEATURES, result)
            pictures = [_picture(workspace, sprites[row]) for row in missing]
            parts = [pictures[start : start + 64] for start in range(0, len(pictures), 64)]
            for place, made in enumerate(threads.map(halves, parts)):
                _put(result, missing[64 * place : 64 * (place + 1)], made)
            store(missing, result)
            job.advance(len(some))
    return result


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


def _put(result: Halves, rows: Sequence[int], found: Halves) -> None:
    result.even[rows], result.odd[rows] = found.even, found.odd


def _read(workspace: Workspace, sprites: Sequence[Sprite], rows: range, kept: Kept, result: Halves) -> list[int]:
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
