"""Curation features: which changes affect them and which do not."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import sprite

from gandam_studio.core.hashing.features import (
    ASPECT,
    COLOR,
    DIMENSIONS,
    EDGES,
    SHAPE,
    features_batch,
    mirrored,
    unpack,
)


def whole(pictures: list[np.ndarray]) -> np.ndarray:
    boxes = np.array([(0, 0, p.shape[1], p.shape[0]) for p in pictures])
    return features_batch(pictures, boxes).astype(np.float64)


def test_colours_are_shares_of_what_is_visible() -> None:
    rgba = np.zeros((24, 24, 4), np.uint8)
    rgba[:, :6] = (255, 0, 0, 255)
    rgba[:, 6:12] = (0, 0, 255, 255)
    colours = whole([rgba])[0, COLOR]
    red, blue = 3 * 16, 3
    assert colours[red] == pytest.approx(0.5**0.5, abs=1e-3)
    assert colours[blue] == pytest.approx(0.5**0.5, abs=1e-3)
    assert np.linalg.norm(colours) == pytest.approx(1, abs=1e-3)


def test_an_upright_edge_votes_for_the_orientation_across_it() -> None:
    rgba = np.full((24, 24, 4), 255, np.uint8)
    rgba[:, 12:, :3] = 0
    edges = whole([rgba])[0, EDGES].reshape(4, 4, 9)
    # The gradient runs along x: angle 0 or 180, bin 0; and only in the two middle columns of cells.
    assert edges[:, 1:3, 0].min() > 0.3
    assert edges[:, :, 1:].max() == 0
    assert edges[:, [0, 3]].max() == 0


def test_shape_and_aspect() -> None:
    rgba = np.zeros((24, 48, 4), np.uint8)
    rgba[:12] = 255
    vector = whole([rgba])[0]
    assert vector[SHAPE].reshape(4, 4).tolist() == [[1] * 4, [1] * 4, [0] * 4, [0] * 4]
    assert vector[ASPECT] == pytest.approx(1 / 3, abs=1e-3)


def test_the_mirrored_picture_has_the_mirrored_vector() -> None:
    pictures = [sprite(n, width=30, height=40) for n in range(20)]
    straight = whole(pictures).astype(np.float16)
    turned = whole([np.ascontiguousarray(p[:, ::-1]) for p in pictures])
    assert np.abs(mirrored(straight).astype(float) - turned).max() < 2e-3
    assert np.abs(straight[:, EDGES].astype(float) - turned[:, EDGES]).max() > 0.05


def test_a_row_depends_on_its_picture_alone_and_every_picture_has_one() -> None:
    pictures = [sprite(n) for n in range(7)] + [np.zeros((1, 1, 4), np.uint8), np.full((500, 3, 4), 9, np.uint8)]
    together = whole(pictures)
    alone = np.concatenate([whole([p]) for p in pictures])
    assert np.array_equal(together, alone)
    assert np.isfinite(together).all()
    assert features_batch([], np.zeros((0, 4), np.int64)).shape == (0, DIMENSIONS)
    rows = features_batch(pictures, np.array([(0, 0, p.shape[1], p.shape[0]) for p in pictures]))
    assert np.array_equal(unpack([row.astype("<f2").tobytes() for row in rows]), rows)
