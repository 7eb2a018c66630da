"""Comparison of whole canvases: compressed copies on a background, and colours changed by encoders."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core.duplicates import find_duplicates
from gandam_studio.core.duplicates.canvases import (
    canvas_of,
    encoders_error,
    evidence,
    resampled_shift,
    same_aspect,
    with_opacity_of,
)
from gandam_studio.core.duplicates.colours import palette_exchanged
from gandam_studio.core.duplicates.enlarging import enlargement
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.hashing.content import find_content
from gandam_studio.samples.mechas import truths
from gandam_studio.samples.mechas.collection import render

SEED = 13
ORIGINALS = [t.index for t in truths(SEED, 60) if t.relation == "original"][:12]


def shift(a: np.ndarray, b: np.ndarray, *, mirrored: bool) -> float | None:
    return resampled_shift(a, b, (enlargement(a), enlargement(b)), mirrored=mirrored)


def on_white(picture: np.ndarray) -> np.ndarray:
    canvas = Image.new("RGBA", (picture.shape[1], picture.shape[0]), "white")
    canvas.alpha_composite(Image.fromarray(picture))
    return np.array(canvas)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(on_white(picture)).convert("RGB").save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream).convert("RGBA"))


@pytest.mark.parametrize("quality", [30, 50, 75, 90])
def test_a_compressed_copy_is_re_encoded_and_a_compressed_recolour_recoloured(quality: int):
    sprites = [render(SEED, index) for index in ORIGINALS]
    painted = [render(SEED, index, coat=1) for index in ORIGINALS]
    words: dict[str, list[str]] = {"copy": [], "paint": []}
    for kind, others in (("copy", sprites), ("paint", painted)):
        report = find_duplicates(ArraySource([*sprites, *(jpeg(picture, quality) for picture in others)]))
        crossed = [link for link in report.links if link.i < len(sprites) <= link.j]
        assert all(link.j - link.i == len(sprites) for link in crossed if link.verdict.distance <= 0.5)
        words[kind] = [link.verdict.relation for link in crossed if link.j - link.i == len(sprites)]
    assert words["copy"] == ["re-encoded"] * len(sprites)
    assert words["paint"].count("recoloured") >= 0.8 * len(words["paint"])
    assert len(words["paint"]) >= 0.8 * len(sprites)


def test_a_resized_copy_keeps_its_colours_and_a_resized_recolour_does_not():
    picture, painted = render(SEED, ORIGINALS[0]), render(SEED, ORIGINALS[0], coat=1)
    size = (2 * picture.shape[1], 2 * picture.shape[0])
    larger, other = (np.array(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC)) for x in (picture, painted))
    turned = np.ascontiguousarray(larger[:, ::-1])
    assert shift(picture, larger, mirrored=False) == shift(larger, picture, mirrored=False) == 0
    assert shift(picture, turned, mirrored=True) == 0
    assert shift(picture, other, mirrored=False) > 0.05
    assert shift(picture, picture, mirrored=False) is None
    assert shift(picture, picture.repeat(2, 0).repeat(2, 1), mirrored=False) is None


def test_evidence_is_symmetric_and_for_the_right_pair_only():
    sprites = [render(SEED, index) for index in ORIGINALS]
    plain, encoded = [canvas_of(p) for p in sprites], [canvas_of(jpeg(p, 30)) for p in sprites]
    found = np.array([[evidence(a, b, mirrored=False) for b in encoded] for a in plain])
    assert np.all(np.diag(found) > 2)
    assert np.all(found[~np.eye(len(found), dtype=bool)] < 0)
    back = np.array([[evidence(b, a, mirrored=False) for b in encoded] for a in plain])
    assert np.allclose(found, back, atol=1e-3)
    turned = [canvas_of(jpeg(np.ascontiguousarray(p[:, ::-1]), 30)) for p in sprites]
    assert all(evidence(a, b, mirrored=True) > 2 for a, b in zip(plain, turned, strict=True))


def test_other_aspects_and_other_backgrounds_cannot_be_laid():
    picture = on_white(render(SEED, 0))
    dark = picture.copy()
    dark[(picture == 255).all(axis=2)] = (0, 0, 0, 255)
    wide = np.pad(picture, ((0, 0), (0, 20), (0, 0)), mode="edge")
    for other in (dark, wide):
        assert evidence(canvas_of(picture), canvas_of(other), mirrored=False) == -np.inf
        assert not encoders_error(canvas_of(picture), canvas_of(other), mirrored=False)
    assert evidence(canvas_of(picture), canvas_of(picture), mirrored=False) == pytest.approx(6.75)
    blank = np.zeros((20, 20, 4), np.uint8)
    assert evidence(canvas_of(blank), canvas_of(blank), mirrored=False) == -np.inf


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [((68, 56), (68, 56), True), ((68, 56), (36, 30), True), ((64, 64), (64, 56), False), ((1000, 10), (10, 1), False)],
)
def test_aspects_agree_but_for_rounding(a: tuple[int, int], b: tuple[int, int], same: bool):
    assert same_aspect(a, b) is same
    assert same_aspect(b, a) is same


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_borrowed_silhouette_gives_the_very_sprite(mirrored: bool):
    picture = render(SEED, 0)
    other = on_white(picture[:, ::-1].copy() if mirrored else picture)
    content = find_content(picture)
    got = with_opacity_of(content, (64, 64), other, mirrored=mirrored).rgba
    assert np.array_equal(got[:, ::-1] if mirrored else got, content.rgba)


def test_another_palette_is_one_whatever_its_colours_and_a_redrawn_part_is_none():
    for index in ORIGINALS:
        drawn = find_content(render(SEED, index)).rgba
        for coat in range(1, 6):
            assert palette_exchanged(drawn, find_content(render(SEED, index, coat=coat)).rgba)
        redrawn = drawn.copy()
        y, x = (side // 2 for side in drawn.shape[:2])
        redrawn[y : y + 6, x : x + 6, :3] = drawn[y - 6 : y, x - 6 : x, :3]
        assert not palette_exchanged(drawn, redrawn)
        assert not palette_exchanged(drawn, drawn[1:])
