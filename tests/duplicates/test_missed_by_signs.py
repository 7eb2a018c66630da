"""What hashes of signs miss is nominated by sketches and halves, and judged: backgrounds, few pixels, cut edges."""

from __future__ import annotations

import io
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from drawn_sprites import blob
from PIL import Image

from gandam_studio.core.duplicates import find_duplicates
from gandam_studio.core.duplicates.missed_by_signs import alike_as_wholes, cut_off, laid_on_backgrounds
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.duplicates.synthesis import encoded_before
from gandam_studio.core.duplicates.verdicts import NEAR, Verdict
from gandam_studio.core.hashing import fingerprint_batch
from gandam_studio.core.hashing.content import find_content


def on_gradient(picture: np.ndarray, first: list[int], second: list[int]) -> np.ndarray:
    """The picture laid on an even gradient from left to right."""
    height, width = picture.shape[:2]
    ramp = np.linspace(np.array(first, float), np.array(second, float), width)[None].repeat(height, 0)
    opacity = picture[..., 3:] / 255
    colours = np.rint(picture[..., :3] * opacity + ramp * (1 - opacity))
    return np.dstack([colours, np.full((height, width), 255)]).astype(np.uint8)


def texture(seed: int, side: int = 24) -> np.ndarray:
    """An opaque picture of coloured cells."""
    generator = np.random.default_rng(seed)
    cells = generator.integers(30, 226, (side // 4, side // 4, 3)).repeat(4, 0).repeat(4, 1)
    return np.dstack([cells, np.full((side, side), 255)]).astype(np.uint8)


def through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(picture[..., :3]).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream).convert("RGBA"))


def turned_hue(picture: np.ndarray) -> np.ndarray:
    return picture[..., [1, 2, 0, 3]]


def listed(found: np.ndarray | Iterator[np.ndarray]) -> set[tuple[int, int, int]]:
    parts = [found] if isinstance(found, np.ndarray) else found
    return {tuple(row) for part in parts for row in part.tolist()}


def verdict_of(first: np.ndarray, second: np.ndarray) -> Verdict | None:
    report = find_duplicates(ArraySource([first, second]))
    return report.links[0].verdict if report.links else None


sprites = [find_content(blob(seed)).rgba for seed in range(12)]  # they reach their edges: no border shows a background


def test_sprites_on_gradients_are_nominated_with_their_own_and_mirrored():
    laid = [on_gradient(sprite, [250, 200, 30], [20, 60, 200]) for sprite in sprites]
    turned = [np.ascontiguousarray(one[:, ::-1]) for one in laid]
    found = listed(laid_on_backgrounds(fingerprint_batch([*sprites, *laid])))
    assert found == {(row, row + 12, 0) for row in range(12)}
    found = listed(laid_on_backgrounds(fingerprint_batch([*sprites, *turned])))
    assert found == {(row, row + 12, 1) for row in range(12)}
    for sprite, copy in zip(sprites[:3], laid, strict=False):
        verdict = verdict_of(sprite, copy)
        assert verdict is not None
        assert verdict.relation != NEAR
        assert verdict.distance <= 0.5


def test_nothing_is_nominated_by_a_background_alone():
    empty = on_gradient(np.zeros_like(sprites[0]), [250, 200, 30], [20, 60, 200])
    assert not listed(laid_on_backgrounds(fingerprint_batch([*sprites, empty])))


@pytest.mark.parametrize("edit", [turned_hue, lambda picture: through_jpeg(picture, 60)])
def test_opaque_pictures_are_nominated_by_colours_brightness_or_the_greatest_channel(edit):
    pictures = [texture(seed) for seed in range(10)]
    found = listed(alike_as_wholes(fingerprint_batch([*pictures, *map(edit, pictures)])))
    assert {(row, row + 10, 0) for row in range(10)} <= found
    assert len(found) <= 12


def test_resized_sprites_of_few_pixels_are_nominated_but_not_those_of_one_size():
    small = [np.array(Image.fromarray(one).resize((one.shape[1] // 2, one.shape[0] // 2), 4)) for one in sprites]
    prints = fingerprint_batch([*sprites, *small])
    assert len({(row, row + 12, 0) for row in range(12)} & listed(alike_as_wholes(prints))) >= 8
    assert not listed(alike_as_wholes(fingerprint_batch([*sprites, *(turned_hue(one) for one in sprites)])))


@pytest.mark.parametrize("cut", [np.s_[1:], np.s_[:-1], np.s_[:, 1:], np.s_[:, :-1]])
@pytest.mark.parametrize("turned", [False, True])
def test_a_cut_off_edge_leaves_half_of_a_picture_to_be_found_by(cut, turned):
    for pictures in (sprites, [texture(seed) for seed in range(12)]):
        copies = [picture[cut] for picture in pictures]
        copies = [np.ascontiguousarray(copy[:, ::-1] if turned else copy) for copy in copies]
        found = listed(cut_off(fingerprint_batch([*pictures, *copies])))
        assert len(found & {(row, row + 12, int(turned)) for row in range(12)}) >= 10  # trimming may move the half
        assert all(j == i + 12 for i, j, _ in found)


def test_stripes_and_pictures_of_one_size_have_no_half_in_common():
    stripes = np.zeros((20, 20, 4), np.uint8)
    stripes[..., 3] = 255
    stripes[::2, :, 0] = 200
    longer = np.concatenate([stripes, stripes[:1]])
    other = sprites[0].copy()
    other[2:6, 8:14, :3] = 255 - other[2:6, 8:14, :3]
    assert not listed(cut_off(fingerprint_batch([stripes, longer, sprites[0], other])))


def test_new_rows_are_enough():
    pictures = [*sprites, *(on_gradient(sprite, [9, 9, 90], [200, 9, 9]) for sprite in sprites)]
    pictures += [texture(seed) for seed in range(6)] + [turned_hue(texture(seed)) for seed in range(6)]
    pictures += [sprite[1:] for sprite in sprites]
    order = np.random.default_rng(4).permutation(len(pictures))
    prints = fingerprint_batch([pictures[row] for row in order])
    for search in (laid_on_backgrounds, alike_as_wholes, cut_off):
        whole = listed(search(prints))
        assert whole
        assert listed(search(prints[:25])) | listed(search(prints, 25)) == whole
        assert all(j >= 25 for _, j, _ in listed(search(prints, 25)))


def test_an_opaque_picture_with_an_edge_cut_off_is_cropped_whatever_its_background():
    pictures = [on_gradient(np.pad(sprites[seed], ((3, 2), (2, 2), (0, 0))), [90] * 3, [99] * 3) for seed in (1, 4, 7)]
    for picture in pictures:
        for copy in (picture[2:], picture[:, :-1]):
            verdict = verdict_of(picture, np.ascontiguousarray(copy))
            assert verdict is not None
            assert verdict.relation == "cropped"
            assert verdict.distance <= 0.5


def test_another_drawing_of_few_pixels_less_is_not_cropped():
    picture = texture(3)
    other = picture[1:].copy()
    other[4:12, 4:12, :3] = 255 - other[4:12, 4:12, :3]
    verdict = verdict_of(picture, other)
    assert verdict is None or verdict.relation not in ("cropped", "exact")


def test_a_symmetric_figure_is_cropped_rather_than_nearly_mirrored():
    half = np.random.default_rng(8).integers(40, 60, (40, 20, 4)).astype(np.uint8)
    whole = np.concatenate([half, half[:, ::-1]], axis=1)
    whole[..., 3] = 255
    whole[10, 5, :3] += 3  # what is nearer mirrored is noise
    verdict = verdict_of(whole, whole[2:])
    assert verdict is not None
    assert verdict.relation == "cropped"
    assert not verdict.transform.mirrored


def test_an_encoder_takes_less_from_what_went_through_it():
    drawn = [np.ascontiguousarray(texture(seed, 32)[..., 2::-1] // 4) for seed in (1, 2)]
    copies = [np.ascontiguousarray(through_jpeg(one, 50)[..., :3]) for one in drawn]
    encoding = 50, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    assert encoded_before(drawn[0], copies[0], encoding)
    assert not encoded_before(copies[0], drawn[0], encoding)
    assert not encoded_before(drawn[0], drawn[1], encoding)
