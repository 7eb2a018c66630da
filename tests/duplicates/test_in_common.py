"""A copy shares its drawing with the original, pixel for pixel: what shares only strength or layout is near at most."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from drawn_sprites import blob
from PIL import Image
from test_redrawing import dropped, figure, jpeg, middle, noisy, relation

from gandam_studio.core.duplicates import DUPLICATES
from gandam_studio.core.duplicates.candidates import Candidates, candidates
from gandam_studio.core.duplicates.judging import Judge
from gandam_studio.core.duplicates.redrawing import have_a_drawing_in_common
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.hashing import fingerprint_batch
from gandam_studio.samples.mechas.collection import render

SEEDS = [0, 1, 2, 3]


def judged(first: np.ndarray, second: np.ndarray) -> set[str]:
    """What a pair is called if it is compared, in either orientation; whether it would be nominated or not."""
    pairs = Candidates(np.array([0, 0]), np.array([1, 1]), np.array([False, True]))
    return {link.verdict.relation for link in Judge(ArraySource([first, second])).links(pairs)}


def stone(seed: int) -> np.ndarray:
    """A grey opaque texture of little contrast, (16, 16, 4), each pixel with a colour of its own."""
    grain = np.random.default_rng(seed).normal(0, 10, (16, 16, 1)) + np.random.default_rng(seed + 9).normal(
        0, 3, (16, 16, 3)
    )
    return np.dstack([np.clip(110 + grain, 0, 255), np.full((16, 16), 255)]).astype(np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_textures_of_little_contrast_are_no_noisy_copies_of_each_other(seed: int):
    """Their difference is as white as noise, and no stronger than noise may be."""
    assert not judged(stone(seed), stone(seed + 50)) & DUPLICATES
    assert judged(stone(seed), noisy(stone(seed))) & DUPLICATES


def test_noise_and_encoders_leave_a_drawing_in_common():
    everywhere = np.ones((16, 16), dtype=bool)
    first, second = (stone(seed)[..., :3] for seed in (1, 2))
    stream = io.BytesIO()
    Image.fromarray(first).save(stream, "JPEG", quality=30)
    for copy in (noisy(stone(1))[..., :3], np.array(Image.open(stream)), first // 32 * 32):
        assert have_a_drawing_in_common(first, copy, everywhere)
        assert have_a_drawing_in_common(copy, first, everywhere)
    assert not have_a_drawing_in_common(first, second, everywhere)
    assert not have_a_drawing_in_common(np.full_like(first, 110), first, everywhere)


def ball(shift: float) -> np.ndarray:
    """A shaded ball with a smooth outline, (40, 40, 4), moved by a part of a pixel."""
    y, x = np.mgrid[:40, :40].astype(np.float32)
    away = np.hypot(x - 20 - shift, y - 20)
    opacity = np.clip(12.5 - away, 0, 1) * 255
    light = 200 - 6 * np.hypot(x - 16 - shift, y - 16)
    grain = np.random.default_rng(5).normal(0, 4, (40, 40))
    colours = np.stack([light * 0.4 + grain, light + grain, light * 0.8 + grain], axis=-1)
    made = np.dstack([np.clip(colours, 0, 255), opacity]).astype(np.uint8)
    made[made[..., 3] == 0] = 0
    return made


def test_an_outline_that_moved_by_half_a_pixel_is_another_drawing():
    assert not judged(ball(0), ball(0.4)) & DUPLICATES
    hard = ball(0)
    hard[..., 3] = np.where(hard[..., 3] > 127, 255, 0)
    hard[hard[..., 3] == 0] = 0
    assert judged(ball(0), noisy(hard)) & DUPLICATES  # written without translucent pixels


def smoke(seed: int) -> np.ndarray:
    """A puff of hardly visible smoke, (40, 40, 4)."""
    cloud = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (40, 40)).astype(np.float32), (0, 0), 5)
    opacity = np.clip(cloud / cloud.max() * 22, 0, 255).astype(np.uint8)
    return np.dstack([np.full((40, 40, 3), 210, np.uint8), opacity])


@pytest.mark.parametrize("seed", SEEDS)
def test_two_puffs_of_smoke_are_two_drawings_however_faint(seed: int):
    assert not judged(smoke(seed), smoke(seed + 20)) & DUPLICATES
    half = np.array(Image.fromarray(smoke(seed)).resize((20, 20), Image.Resampling.BILINEAR))
    assert judged(smoke(seed), half) & DUPLICATES


@pytest.mark.parametrize("seed", SEEDS)
def test_painted_anew_in_few_colours_is_another_drawing(seed: int):
    """Each pixel has about the nearest of four colours, but all of them moved the same way."""
    tones = np.random.default_rng(seed).integers(0, 6, (8, 8)).repeat(2, 0).repeat(2, 1)
    shades = np.array([[150, 110, 60], [158, 118, 66], [120, 84, 40], [128, 92, 46], [90, 60, 30], [200, 200, 190]])
    plank = np.dstack([shades[tones], np.full((16, 16), 255)]).astype(np.uint8)
    flat = np.array([[172, 130, 82], [172, 130, 82], [140, 104, 62], [140, 104, 62], [110, 80, 52], [220, 220, 210]])
    repainted = np.dstack([flat[tones], np.full((16, 16), 255)]).astype(np.uint8)
    means = np.array([[154, 114, 63], [154, 114, 63], [124, 88, 43], [124, 88, 43], [90, 60, 30], [200, 200, 190]])
    reduced = np.dstack([means[tones], np.full((16, 16), 255)]).astype(np.uint8)
    assert not judged(plank, repainted) & DUPLICATES
    assert judged(plank, reduced) & DUPLICATES


@pytest.mark.parametrize("method", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_mark_is_seen_though_the_other_was_resized(seed: int, method: Image.Resampling):
    """The filter is known from the pixels without the mark, so that none has to be tolerated."""
    picture = figure(seed)
    marked = picture.copy()
    y, x = middle(picture)
    y, x = y // 2 * 2, x // 2 * 2
    mark = marked[y : y + 4, x : x + 4, :3]
    mark[...] = np.where(mark > 128, mark - 29, mark + 29)  # less than what is tolerated where the filter is unknown
    half = [
        np.array(Image.fromarray(one).resize((one.shape[1] // 2, one.shape[0] // 2), method))
        for one in (picture, marked)
    ]
    assert dropped(picture, half[1]) == 0
    assert dropped(marked, half[0]) == 0
    assert dropped(picture, half[0]) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tint_of_a_part_is_seen_under_noise(seed: int):
    picture = blob(seed, 50, 44)
    tinted = picture.astype(int)
    y, x = middle(picture)
    tinted[y - 6 : y + 7, x - 6 : x + 7, 1] -= 19
    tinted = np.where(picture[..., 3:] > 0, np.clip(tinted, 0, 255), 0).astype(np.uint8)
    assert dropped(picture, noisy(tinted)) == 0
    assert dropped(picture, noisy(picture)) == 1


def portrait(seed: int) -> np.ndarray:
    """An opaque drawing in few pure colours on one, which fills the canvas sidewards, (60, 44, 4)."""
    picture = figure(seed)
    picture[picture[..., 3] == 0] = (0, 0, 200, 255)
    return picture


@pytest.mark.parametrize("seed", SEEDS)
def test_opaque_pictures_in_a_replaced_palette_are_recoloured_whatever_their_background(seed: int):
    picture = portrait(seed)
    other = picture[..., [2, 0, 1, 3]].copy()
    other[..., 2] = 255 - other[..., 2]
    assert judged(picture, other) == {"recoloured"}
    assert dropped(picture, other) == 0


def test_equal_silhouettes_nominate_whatever_is_inside():
    """Light and dark exchanged: no brightness is where it was."""
    pictures = [blob(seed, 40, 36) for seed in range(6)]
    negatives = [np.where(one[..., 3:] > 0, one ^ np.array([255, 255, 255, 0], np.uint8), 0) for one in pictures]
    found = candidates(fingerprint_batch([*pictures, *negatives]), look_radius=8, whole_radius=0)
    there = set(zip(found.i.tolist(), found.j.tolist(), found.mirrored.tolist(), strict=True))
    assert {(row, row + 6, False) for row in range(6)} <= there


def test_strong_jpeg_takes_the_colours_of_few_pixels_but_not_their_light():
    generator = np.random.default_rng(3)
    frame = np.zeros((16, 16, 4), dtype=np.uint8)
    frame[:2] = frame[-2:] = frame[:, :2] = frame[:, -2:] = (250, 110, 0, 255)
    for y, x in generator.integers(3, 12, (4, 2)):
        frame[y : y + 2, x : x + 2] = (250, 150, 60, 255)
    canvas = Image.new("RGBA", (16, 16), (255, 255, 255, 255))
    canvas.alpha_composite(Image.fromarray(frame))
    encoded = cv2.imdecode(
        cv2.imencode(".jpg", np.array(canvas.convert("RGB"))[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1
    )
    copy = np.dstack([encoded[..., ::-1], np.full((16, 16), 255, np.uint8)])
    link = relation(frame, copy)
    assert link is not None
    assert link.verdict.relation in DUPLICATES


@pytest.mark.parametrize("seed", SEEDS)
def test_a_grey_drawing_is_known_again_as_jpeg(seed: int):
    """Grey stays grey, so that an encoder makes no colours that were not there."""
    picture = blob(seed, 60, 52)
    grain = np.random.default_rng(seed).normal(0, 25, picture.shape[:2])
    grey = np.clip(picture[..., :3].mean(axis=2) + grain, 0, 255).astype(np.uint8)
    picture = np.where(picture[..., 3:] > 0, np.dstack([grey, grey, grey, picture[..., 3]]), 0).astype(np.uint8)
    assert judged(picture, jpeg(picture)) & DUPLICATES
    marked = picture.copy()
    y, x = middle(picture)
    marked[y - 3 : y + 4, x - 3 : x + 4, :3] = 255 - marked[y - 3 : y + 4, x - 3 : x + 4, :3]
    assert not judged(picture, jpeg(marked)) & DUPLICATES


@pytest.mark.parametrize("seed", SEEDS)
def test_a_copy_reduced_by_leaving_out_pixels_is_one_whatever_enlarging_it_shows(seed: int):
    """Enlarged again, most of it comes out to the level, and the rest does not."""
    picture = figure(seed)
    picture[1::8, 1::8, :3] ^= 40  # what is left out
    picture[picture[..., 3] == 0] = 0
    size = picture.shape[1] * 2 // 3, picture.shape[0] * 2 // 3
    smaller = np.array(Image.fromarray(picture).resize(size, Image.Resampling.NEAREST))
    assert dropped(picture, smaller) == 1
    assert dropped(smaller, picture) == 1


@pytest.mark.parametrize(("index", "hue", "size"), [(1, 60, 28), (1, 60, 30), (7, 20, 28)])
def test_a_sheet_that_is_like_itself_mirrored_in_other_colours_is_a_copy_as_it_is(index: int, hue: int, size: int):
    """Its JPEG passes for a recoloured mirror image too, which is no copy."""
    figure = cv2.resize(render(3, index), (size, size), interpolation=cv2.INTER_NEAREST)
    turned = np.ascontiguousarray(figure[:, ::-1])
    shade = cv2.cvtColor(turned[..., :3], cv2.COLOR_RGB2HSV)
    shade[..., 0] = (shade[..., 0] + hue) % 180
    turned[..., :3] = cv2.cvtColor(shade, cv2.COLOR_HSV2RGB)
    sheet = np.full((128, 128, 4), (0, 0, 255, 255), np.uint8)
    for row, column in np.ndindex(4, 4):
        one = figure if column < 2 else turned
        top, left = (32 * place + (32 - size) // 2 for place in (row, column))
        cell = sheet[top : top + size, left : left + size]
        cell[one[..., 3] > 0] = one[one[..., 3] > 0] | np.array([0, 0, 0, 255], np.uint8)
    assert judged(sheet, jpeg(sheet)) == {"re-encoded"}
