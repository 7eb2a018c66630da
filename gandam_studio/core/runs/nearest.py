"""Finds the training pictures nearest to a sample, mirror images included, by pixel distance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gandam_studio.core.jobs import NULL_JOB, Job
from trainer.protocol.arrays import open_pictures

_CHUNK = 256
_GRID = 32


@dataclass(frozen=True)
class Neighbour:
    """A training picture near a sample.

    Attributes:
        index: its row in dataset.npy. mirrored: the sample resembles its mirror image.
        distance: root mean square difference of averaged pixels, 0 (equal) to 1 (black against white).
    """

    index: int
    distance: float
    mirrored: bool


def descriptor(pictures: np.ndarray) -> np.ndarray:
    """Pictures (B, H, W, 3 or 4) uint8 as (B, n) float32: composited on mid grey, averaged to at most 32 x 32.

    Averaging makes shifts by a pixel count little; on grey, neither white nor black sprites vanish.
    """
    colours = pictures[..., :3].astype(np.float32) / 255.0
    if pictures.shape[-1] == 4:
        alpha = pictures[..., 3:].astype(np.float32) / 255.0
        colours = colours * alpha + 0.5 * (1 - alpha)
    side = pictures.shape[1]
    step = max(2, side // _GRID)
    whole = side - side % step
    blocks = colours[:, :whole, :whole].reshape(len(pictures), whole // step, step, whole // step, step, 3)
    return np.ascontiguousarray(blocks.mean(axis=(2, 4)).reshape(len(pictures), -1))


def nearest_training(dataset: Path, sample: np.ndarray, count: int = 6, job: Job = NULL_JOB) -> list[Neighbour]:
    """The `count` nearest pictures of dataset.npy (N, H, W, C) to `sample` (H, W, 3 or 4), nearest first.

    The array is read in chunks. Raises OSError or ValueError for an unreadable file, and
    ValueError when the sample's size differs from the data's.
    """
    pictures = open_pictures(dataset)
    if pictures.shape[1:3] != sample.shape[:2]:
        raise ValueError(f"the sample is {sample.shape[:2]}, the data set's pictures are {pictures.shape[1:3]}")
    both = np.stack([sample[..., :3], sample[:, ::-1, :3]])
    if sample.shape[-1] == 4 and pictures.shape[-1] == 4:
        both = np.stack([sample, sample[:, ::-1]])
    wanted = descriptor(both)
    job.start("Nearest training pictures", len(pictures))
    squared = np.empty((2, len(pictures)), np.float32)
    for start in range(0, len(pictures), _CHUNK):
        rows = descriptor(np.asarray(pictures[start : start + _CHUNK]))
        for orientation in range(2):
            squared[orientation, start : start + len(rows)] = ((rows - wanted[orientation]) ** 2).mean(axis=1)
        job.advance(len(rows))
    mirrored = squared[1] < squared[0]
    best = np.sqrt(squared.min(axis=0))
    order = np.argsort(best, kind="stable")[:count]
    return [Neighbour(int(i), float(best[i]), bool(mirrored[i])) for i in order]
