"""Fingerprints: which changes affect them, and that the mirrored one is free."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_sprites import blob
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gandam_studio.core.hashing import COLUMNS, Column, Flag, fingerprint_batch, mirrored
from gandam_studio.core.hashing.layout import LOOK, SIDE, SKETCH, boxes, flags
from gandam_studio.core.hashing.sketching import sketches


def look(rows: np.ndarray) -> np.ndarray:
    """Only the words that describe the look."""
    return rows[:, list(LOOK)]


def one(picture: np.ndarray) -> np.ndarray:
    return fingerprint_batch([picture])[0]


rgba = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda size: arrays(np.uint8, (*size, 4), elements=st.sampled_from([0, 0, 5, 9, 60, 128, 200, 251, 255]))
)


@settings(max_examples=150, deadline=None)
@given(rgba)
def test_the_mirrored_fingerprint_needs_no_pixels(picture: np.ndarray):
    direct = fingerprint_batch([picture[:, ::-1]])
    derived = mirrored(fingerprint_batch([picture]))
    same = [column for column in Column if column != Column.BOX]
    assert direct[:, same].tolist() == derived[:, same].tolist()
    assert direct[:, SKETCH].tolist() == derived[:, SKETCH].tolist()


@settings(max_examples=60, deadline=None)
@given(rgba)
def test_mirrored_twice_is_itself(picture: np.ndarray):
    rows = fingerprint_batch([picture])
    assert mirrored(mirrored(rows)).tolist() == rows.tolist()


@settings(max_examples=25, deadline=None)
@given(st.lists(rgba, min_size=2, max_size=6), st.randoms())
def test_a_row_depends_on_its_picture_alone(pictures: list[np.ndarray], random):
    rows = fingerprint_batch(pictures)
    order = list(range(len(pictures)))
    random.shuffle(order)
    assert fingerprint_batch([pictures[index] for index in order]).tolist() == rows[order].tolist()
    assert np.concatenate([fingerprint_batch([picture]) for picture in pictures]).tolist() == rows.tolist()


@pytest.mark.parametrize("size", [(6, 6), (30, 40), (56, 68), (64, 64), (7, 128), (128, 97), (31, 33)])
@pytest.mark.parametrize("levels", [2, 3, 256])
def test_sketches_of_a_batch_are_resampled_ones_to_the_last_bit(size: tuple[int, int], levels: int):
    """Also where a mean lies half-way between two levels, which sizes like 30 x 40 and few levels bring about."""
    dice = np.random.default_rng(levels)
    pictures = (dice.integers(0, levels, (40, *size, 4)) * (255 // (levels - 1))).astype(np.uint8)
    pictures[..., 3] = dice.choice([0, 255], (40, *size))
    pictures[pictures[..., 3] == 0] = 0
    found = sketches(pictures.view(np.uint32)[..., 0])
    for sketch, picture in zip(found, pictures, strict=True):
        one, other = (
            cv2.resize(np.ascontiguousarray(way), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(int)
            for way in (picture, picture[:, ::-1])
        )
        assert sketch.tolist() == ((one + other[:, ::-1] + 1) // 2).tolist()


def test_mirror_law_holds_on_real_sprites(shared_data, unzipped_sprites):
    sprites = unzipped_sprites(300)
    direct = fingerprint_batch([np.ascontiguousarray(sprite[:, ::-1]) for sprite in sprites])
    derived = mirrored(fingerprint_batch(sprites))
    assert look(direct).tolist() == look(derived).tolist()
    assert direct[:, Column.PIXELS].tolist() == derived[:, Column.PIXELS].tolist()


def test_margins_and_invisible_colours_do_not_count():
    picture = blob(1)
    rows = one(picture)
    dirty = picture.copy()
    dirty[dirty[..., 3] == 0] = [255, 0, 200, 0]
    dirty[0, 0, 3] = 5
    padded = np.zeros((90, 77, 4), dtype=np.uint8)
    padded[33 : 33 + picture.shape[0], 20 : 20 + picture.shape[1]] = picture
    for other in (dirty, padded):
        changed = one(other)
        assert changed[2 : Column.WHOLE_EVEN].tolist() == rows[2 : Column.WHOLE_EVEN].tolist()
    x, y, width, height = boxes(rows[None])[0]
    assert (picture[..., 3] > 0).any(axis=0).nonzero()[0][[0, -1]].tolist() == [x, x + width - 1]
    assert (picture[..., 3] > 0).any(axis=1).nonzero()[0][[0, -1]].tolist() == [y, y + height - 1]
    assert rows[Column.FLAGS] >> np.uint64(32) == (picture[..., 3] > 0).sum()


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_enlarging_by_whole_factors_keeps_the_bits(factor: int):
    pictures = [blob(seed) for seed in range(12)]
    larger = [picture.repeat(factor, 0).repeat(factor, 1) for picture in pictures]
    differing = np.bitwise_count(look(fingerprint_batch(larger)) ^ look(fingerprint_batch(pictures))).sum(axis=1)
    assert differing.max() <= 2  # of 256: the mean brightness is rounded to a whole number
    assert np.median(differing) == 0


def test_a_plain_background_is_left_out_but_a_white_belly_stays():
    picture = blob(3)
    opacity = picture[..., 3:] / 255
    for background in ([255, 255, 255], [30, 90, 200], [0, 255, 0]):
        flat = np.dstack(
            [picture[..., :3] * opacity + np.array(background) * (1 - opacity), np.full(picture.shape[:2], 255)]
        )
        rows = one(flat.astype(np.uint8))
        assert flags(rows[None])[0] & Flag.KEYED
        assert rows[LOOK[0]] == one(picture)[LOOK[0]]
    ring = np.full((40, 40, 4), 255, dtype=np.uint8)
    ring[8:32, 10:30, :3] = 0
    ring[12:28, 14:26, :3] = 255  # white inside a black outline: part of the sprite
    assert fingerprint_batch([ring])[0, Column.FLAGS] >> np.uint64(32) == 24 * 20


def test_a_background_with_room_around_it_is_left_out_all_the_same():
    picture = blob(3)
    opacity = picture[..., 3:] / 255
    flat = np.dstack(
        [picture[..., :3] * opacity + np.array([30, 90, 200]) * (1 - opacity), np.full(picture.shape[:2], 255)]
    )
    flat = flat.astype(np.uint8)
    padded = np.pad(flat, ((4, 9), (1, 0), (0, 0)))
    plain, roomy = fingerprint_batch([flat, padded])
    assert flags(roomy[None])[0] & Flag.KEYED
    assert not flags(roomy[None])[0] & Flag.OPAQUE
    assert list(roomy[Column.PIXELS : Column.WHOLE_EVEN]) == list(plain[Column.PIXELS : Column.WHOLE_EVEN])
    x, y, width, height = boxes(plain[None])[0]
    assert list(boxes(roomy[None])[0]) == [x + 1, y + 4, width, height]
    alone = np.stack([padded, np.pad(picture, ((4, 9), (1, 0), (0, 0)))])
    assert np.array_equal(fingerprint_batch(list(alone)), np.stack([roomy, one(alone[1])]))


def test_a_texture_is_no_background_for_its_own_specks():
    texture = np.full((64, 64, 4), 255, dtype=np.uint8)
    texture[..., :3] = np.random.default_rng(2).integers(90, 110, (64, 64, 1))
    texture[20:23, 30:33, :3] = 40
    rows = one(texture)
    assert not flags(rows[None])[0] & (Flag.KEYED | Flag.TINY)
    assert int(rows[Column.FLAGS]) >> 32 == 64 * 64  # all pixels are visible


def test_what_says_nothing_is_flagged():
    blank = np.zeros((20, 20, 4), dtype=np.uint8)
    flat = np.full((20, 20, 4), 255, dtype=np.uint8)
    dot = blank.copy()
    dot[3, 4] = 255
    found = flags(fingerprint_batch([blank, flat, dot, blob(2)])).tolist()
    assert found[0] & Flag.BLANK
    assert found[1] & Flag.NO_SILHOUETTE
    assert found[1] & Flag.NO_INTERIOR
    assert found[2] & Flag.TINY
    assert found[3] == 0


def test_large_pictures_are_reduced_and_still_recognised():
    picture = blob(5, height=60, width=48)
    large = picture.repeat(9, 0).repeat(9, 1)
    distance = np.bitwise_count(look(fingerprint_batch([picture])) ^ look(fingerprint_batch([large]))).sum()
    assert distance <= 8


def test_no_pictures_and_wrong_pictures():
    assert fingerprint_batch([]).shape == (0, COLUMNS)
    for wrong in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 4), np.float32), np.zeros((4, 4), np.uint8)):
        with pytest.raises(ValueError, match="must be"):
            fingerprint_batch([wrong])
