"""Nearest training pictures: known pictures are found, also mirrored, shifted and noisy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gandam_studio.core.jobs import NullJob
from gandam_studio.core.runs.nearest import nearest_training


class Counting(NullJob):
    """A job that adds up its progress."""

    done, total = 0, None

    def start(self, label: str, total: int | None) -> None:
        self.total = total

    def advance(self, count: int = 1) -> None:
        self.done += count


def _pictures(count: int, channels: int = 3, side: int = 32) -> np.ndarray:
    rng = np.random.default_rng(11)
    coarse = rng.integers(0, 256, (count, side // 4, side // 4, channels), dtype=np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_mirrored_noisy_copy_finds_its_original_first(tmp_path: Path, channels: int) -> None:
    pictures = _pictures(700, channels)
    np.save(tmp_path / "dataset.npy", pictures)
    sample = np.clip(pictures[537, :, ::-1].astype(int) + 9, 0, 255).astype(np.uint8)
    job = Counting()
    found = nearest_training(tmp_path / "dataset.npy", sample, 4, job)
    assert job.done == job.total == 700
    assert [found[0].index, found[0].mirrored] == [537, True]
    assert found[0].distance < 0.05 < found[1].distance
    assert [n.distance for n in found] == sorted(n.distance for n in found)


def test_an_exact_copy_has_distance_zero(tmp_path: Path) -> None:
    pictures = _pictures(9)
    np.save(tmp_path / "dataset.npy", pictures)
    found = nearest_training(tmp_path / "dataset.npy", pictures[4], 100)
    assert (found[0].index, found[0].distance, found[0].mirrored, len(found)) == (4, 0.0, False, 9)


def test_another_size_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "dataset.npy", _pictures(3))
    with pytest.raises(ValueError, match="pictures are"):
        nearest_training(tmp_path / "dataset.npy", np.zeros((64, 64, 3), np.uint8))
