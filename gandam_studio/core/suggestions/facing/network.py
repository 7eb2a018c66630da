"""What a trained network sees in sprites: more features for the facing assistant.

Its weights come with the program. It needs torch, so a child process has it (`trainer.facing_halves`). It takes some
10 ms of a core a sprite.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.hashing.content import find_content
from gandam_studio.core.suggestions.facing.features import Halves, Picture
from gandam_studio.core.workers.child import command
from gandam_studio.core.workers.pool import Check, Death, Settled, WorkerPool, WorkersUnavailable, worker_count
from trainer.protocol.facing_frames import DIMENSIONS, SIDE, pack_canvases, unpack_halves

MOST = 10_000
"""Sprites: in larger sets the network would take many minutes, and its features too much memory."""
WORKER = "trainer.facing_halves"
_BATCH = 16
_MARGIN = 0.03  # of the canvas, on each side
_MOST_WORKERS = 4
_STUCK_S = 120.0

Looked = tuple[list[int], Halves | None]
_Batch = tuple[list[int], list[Picture]]


def installed() -> bool:
    """Whether torch is there, which nothing else here needs; it is not imported."""
    return importlib.util.find_spec("torch") is not None


def look(
    rows: Sequence[int], picture: Callable[[int], Picture], check: Check = lambda: None, workers: int = 0
) -> Iterator[Looked]:
    """Yield (rows, their features) of some rows at a time, given their (H, W, 4) RGBA pictures.

    The features are None for rows at which the child process died. Where no such process can be started, nothing more
    is yielded. Raises whatever `check`, which is called often, raises. `workers` is how many processes; 0 is as many as
    there are processors, up to four.
    """
    batches = (
        (list(some), [picture(row) for row in some])
        for some in (rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH))
    )
    size = min(worker_count(workers, _MOST_WORKERS), -(-len(rows) // _BATCH))
    if not size:
        return
    with WorkerPool(command(WORKER), {}, _Looking(), workers=size, seconds=_STUCK_S) as pool:
        try:
            for (some, _), (found,) in pool.run(batches, check):
                yield some, found
        except WorkersUnavailable:
            return


class _Looking:
    """The `Work` of looking."""

    def encode(self, task: _Batch) -> bytes:
        """Draw the canvases."""
        return pack_canvases(np.stack([canvas(picture) for picture in task[1]]))

    def decode(self, task: _Batch, answer: bytes) -> Halves:
        """Take the features; those of blank pictures are noise of rounding."""
        found = unpack_halves(answer, len(task[1]))
        found[[not find_content(picture).rgba.size for picture in task[1]]] = 0
        return Halves(found[:, 0], found[:, 1])

    def after_death(self, task: _Batch, death: Death) -> Sequence[Settled[Halves | None]]:
        """Continue without the network."""
        return [Settled(None)]


def canvas(picture: Picture) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) RGB of the picture's content on white, enlarged smoothly, since steps of pixels would be edges.

    The content lies exactly in the middle, so that the canvas of a mirrored picture is the mirrored canvas. Otherwise
    a shift by half a pixel would tell one from the other.
    """
    content = find_content(picture).rgba.astype(np.float32)
    result = np.full((SIDE, SIDE, 3), 255, np.uint8)
    if not content.size:
        return result
    content[..., :3] *= content[..., 3:] / 255
    height, width = content.shape[:2]
    most = round(SIDE * (1 - 2 * _MARGIN))
    scale = most / max(height, width)
    # Even, like the canvas.
    height, width = (max(2, 2 * round(side * scale / 2)) for side in (height, width))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = np.clip(cv2.resize(content, (width, height), interpolation=method), 0, 255)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    opaque = drawn[..., :3] + 255 - drawn[..., 3:]
    result[top : top + height, left : left + width] = np.rint(np.clip(opaque, 0, 255))
    return result


def blank(count: int) -> Halves:
    """Features of `count` sprites that were not looked at."""
    return Halves(np.zeros((count, DIMENSIONS), np.float16), np.zeros((count, DIMENSIONS), np.float16))


def halves_seen(pictures: Sequence[Picture]) -> Halves:
    """The features of pictures in memory; zeros where the network did not answer."""
    result = blank(len(pictures))
    for rows, found in look(range(len(pictures)), lambda row: pictures[row]):
        if found is not None:
            result.even[rows], result.odd[rows] = found.even, found.odd
    return result
