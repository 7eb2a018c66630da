"""Only pictures with matching pixels are copies: other drawings are similar at most, and never dropped."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_sprites import blob
from PIL import Image

from gandam_studio.core.duplicates import DUPLICATES, find_duplicates, plan_drops
from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.sources import ArraySource

SEEDS = [0, 3, 6, 9]
Change = Callable[[np.ndarray], np.ndarray]


def figure(seed: int) -> np.ndarray:
    """A sprite with few colours, as in pixel art, 60 x 58 pixels."""
    picture = blob(seed, 50, 44)
    picture[..., :3] = np.where(picture[..., 3:] > 0, picture[..., :3] // 48 * 48 + 20, 0)
    return picture


def middle(picture: np.ndarray) -> tuple[int, int]:
    """Row and column of the centre of the visible pixels."""
    y, x = np.argwhere(picture[..., 3] > 0).mean(axis=0).astype(int)
    return int(y), int(x)


def redrawn(picture: np.ndarray) -> np.ndarray:
    """A closed eye: a few inner pixels have another colour."""
    changed = picture.copy()
    y, x = middle(picture)
    changed[y - 2 : y + 3, x - 3 : x + 3, :3] = 255 - changed[y - 2 : y + 3, x - 3 : x + 3, :3] // 2
    return changed


def stepped(picture: np.ndarray) -> np.ndarray:
    """The next frame of a walk: the lower third moves by two pixels."""
    changed = picture.copy()
    y, _ = middle(picture)
    changed[y + 8 :] = np.roll(picture[y + 8 :], 2, axis=1)
    return changed


def ridden(picture: np.ndarray) -> np.ndarray:
    """With a rider on its back, if there is room."""
    changed = picture.copy()
    _, x = middle(picture)
    top = int(np.flatnonzero(picture[:, x, 3])[0])
    changed[max(0, top - 3) : top + 6, x - 4 : x + 5] = (200, 40, 40, 255)
    return changed


def smaller(picture: np.ndarray) -> np.ndarray:
    """A smaller, separately drawn creature of the same kind on a canvas of the same size."""
    height, width = picture.shape[:2]
    small = np.array(Image.fromarray(picture).resize((width * 4 // 5, height * 4 // 5), Image.Resampling.NEAREST))
    changed = np.zeros_like(picture)
    changed[height - small.shape[0] :, : small.shape[1]] = small
    return changed


def plain(picture: np.ndarray) -> np.ndarray:
    return picture


def mirror(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[:, ::-1])


def noisy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 12, picture.shape)
    noise[..., 3] = 0
    return np.where(picture[..., 3:] > 0, np.clip(picture + noise, 0, 255), 0).astype(np.uint8)


def on(picture: np.ndarray, colour: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    canvas = Image.new("RGBA", (picture.shape[1], picture.shape[0]), colour)
    canvas.alpha_composite(Image.fromarray(picture))
    return canvas.convert("RGB")


def saved(picture: Image.Image, kind: str, **options: object) -> np.ndarray:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return np.array(Image.open(stream).convert("RGBA"))


def jpeg(picture: np.ndarray) -> np.ndarray:
    return saved(on(picture), "JPEG", quality=37)


def full_colour_jpeg(picture: np.ndarray) -> np.ndarray:
    return saved(on(picture), "JPEG", quality=80, subsampling=0)


def jpeg_twice(picture: np.ndarray) -> np.ndarray:
    return saved(Image.fromarray(jpeg(picture)).convert("RGB"), "JPEG", quality=85)


def palette(picture: np.ndarray) -> np.ndarray:
    reduced = np.array(Image.fromarray(picture[..., :3]).quantize(6).convert("RGB"))
    return np.where(picture[..., 3:] > 0, np.dstack([reduced, picture[..., 3]]), 0).astype(np.uint8)


def resized(picture: np.ndarray) -> np.ndarray:
    size = round(picture.shape[1] * 1.4), round(picture.shape[0] * 1.4)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def shrunk(picture: np.ndarray) -> np.ndarray:
    size = round(picture.shape[1] * 0.7), round(picture.shape[0] * 0.7)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def resized_jpeg(picture: np.ndarray) -> np.ndarray:
    return jpeg(resized(picture))


def on_a_gradient(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    ramp = np.linspace(90, 130, width).astype(np.uint8)
    ground = np.dstack([np.broadcast_to(ramp, (height, width))] * 3)
    laid = np.where(picture[..., 3:] > 0, picture[..., :3], ground)
    return np.dstack([laid, np.full((height, width), 255, np.uint8)])


def cut(picture: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(picture[..., 3].any(axis=1))
    return np.ascontiguousarray(picture[: rows[-1] - 2])


def relation(first: np.ndarray, second: np.ndarray) -> Link | None:
    report = find_duplicates(ArraySource([first, second]))
    assert len(report.links) <= 1
    return report.links[0] if report.links else None


def dropped(*pictures: np.ndarray) -> int:
    return len(plan_drops(find_duplicates(ArraySource(pictures), distance=0.7)).drops)


COPIES: list[tuple[Change, str]] = [
    (noisy, "re-encoded"),
    (jpeg, "re-encoded"),
    (full_colour_jpeg, "re-encoded"),
    (jpeg_twice, "re-encoded"),
    (palette, "re-encoded"),
    (resized, "resized"),
    (shrunk, "resized"),
    (resized_jpeg, "resized"),
    (cut, "cropped"),
    (mirror, "mirrored"),
    (lambda p: jpeg(mirror(p)), "mirrored"),
    (lambda p: noisy(mirror(p)), "mirrored"),
    (lambda p: resized(mirror(p)), "mirrored"),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("change", "word"), COPIES)
def test_a_copy_is_proven_whatever_made_it(change: Change, word: str, seed: int):
    picture = figure(seed)
    for pair in ((picture, change(picture)), (change(picture), picture)):
        link = relation(*pair)
        assert link is not None
        assert link.verdict.relation == word
    assert dropped(picture, change(picture)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_copies_of_one_drawing_are_copies_of_each_other_whatever_room_they_have(seed: int):
    picture = figure(seed)
    padded = np.pad(picture, ((9, 3), (0, 14), (0, 0)))
    size = picture.shape[1] * 2, picture.shape[0] * 2
    smooth = np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    doubled = picture.repeat(2, 0).repeat(2, 1)
    for pair in ((padded, jpeg(picture)), (padded, smooth), (doubled, smooth), (smooth, mirror(padded))):
        link = relation(*pair)
        assert link is not None
        assert link.verdict.relation in DUPLICATES
        assert dropped(*pair) == 1
    for pair in ((padded, jpeg(redrawn(picture))), (redrawn(padded), smooth), (redrawn(doubled), smooth)):
        assert dropped(*pair) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_background_makes_no_other_drawing(seed: int):
    picture = figure(seed)
    for other in (on_a_gradient(picture), np.array(on(picture, (40, 160, 90)).convert("RGBA"))):
        link = relation(picture, other)
        assert link is None or link.verdict.relation in DUPLICATES
    assert link is not None


@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("way", [plain, mirror])
@pytest.mark.parametrize("spoil", [plain, noisy, jpeg, palette, resized, resized_jpeg])
@pytest.mark.parametrize("change", [redrawn, stepped, ridden, smaller])
def test_another_drawing_is_no_copy_though_one_of_both_was_encoded(
    change: Change, spoil: Change, way: Change, seed: int
):
    picture = figure(seed)
    other = change(picture)
    for pair in ((picture, way(spoil(other))), (way(spoil(picture)), other)):
        link = relation(*pair)
        assert link is None or link.verdict.relation not in DUPLICATES
        assert dropped(*pair) == 0


def filling(seed: int) -> np.ndarray:
    """A sprite that fills its canvas except for the corners, like tiles and items."""
    picture = figure(seed)
    y, x = middle(picture)
    return np.ascontiguousarray(picture[y - 19 : y + 20, x - 17 : x + 17])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ground", [lambda p: np.array(on(p, (30, 90, 200)).convert("RGBA")), on_a_gradient, jpeg])
def test_a_background_hides_no_copy_of_a_sprite_that_leaves_no_border(ground: Change, seed: int):
    picture = filling(seed)
    for pair in ((picture, ground(picture)), (ground(mirror(picture)), picture)):
        link = relation(*pair)
        assert link is not None
        assert link.verdict.relation in DUPLICATES
        assert link.verdict.distance < 0.5
        assert dropped(*pair) == 1
    for other in (redrawn(picture), stepped(picture)):
        assert dropped(picture, ground(other)) == 0


@pytest.mark.parametrize("way", [plain, mirror])
def test_a_shore_is_no_copy_of_the_lake_though_the_water_is_calm(way: Change):
    waves = np.random.default_rng(3).normal(0, 10, (8, 16, 3)).repeat(4, 0).repeat(2, 1)
    lake = np.dstack([np.clip(waves + np.array([80, 100, 150]), 0, 255), np.full((32, 32), 255)]).astype(np.uint8)
    shore = lake.copy()
    shore[np.add.outer(np.arange(32), np.arange(32)) < 20] = 0
    assert dropped(lake, way(shore)) == 0
    assert dropped(lake, mirror(lake)) == 1


def test_a_background_is_known_from_what_shines_through():
    picture = filling(0)
    glass = picture[..., 3] == 0
    picture[glass] = (200, 200, 200, 90)  # nothing is free
    laid = np.array(on(picture, (30, 90, 200)).convert("RGBA"))
    link = relation(picture, laid)
    assert link is not None
    assert link.verdict.relation in DUPLICATES


@pytest.mark.parametrize("seed", SEEDS)
def test_room_around_an_opaque_picture_makes_no_other_drawing(seed: int):
    opaque = np.array(on(figure(seed), (0, 0, 255)).convert("RGBA"))
    padded = np.pad(opaque, ((9, 3), (0, 14), (0, 0)))
    link = relation(opaque, padded)
    assert link is not None
    assert link.verdict.relation == "cropped"
    assert link.verdict.distance == 0
    assert dropped(opaque, np.pad(redrawn(opaque), ((9, 3), (0, 14), (0, 0)))) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_opaque_picture_without_a_background_is_a_copy(seed: int):
    texture = np.random.default_rng(seed).integers(0, 256, (9, 12, 4), dtype=np.uint8)
    texture = np.array(Image.fromarray(texture).resize((40, 36), Image.Resampling.BICUBIC))
    texture[..., 3] = 255
    for cut_ in (texture[2:], texture[:, :-2], texture[1:]):
        link = relation(texture, np.ascontiguousarray(cut_))
        assert link is not None
        assert link.verdict.relation == "cropped"


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_flat_sprites_are_found_again_with_noise(seed: int):
    picture = figure(seed)
    picture[..., :3] = np.where(picture[..., 3:] > 0, 130, 0)
    link = relation(picture, noisy(picture))
    assert link is not None
    assert link.verdict.relation == "re-encoded"


def test_frames_on_one_colour_cost_few_encodings(monkeypatch: pytest.MonkeyPatch):
    """All JPEG qualities are tried only if the difference looks like that of an encoder."""
    calls = []
    encode = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *options: calls.append(1) or encode(*options))
    frames = [np.array(on(stepped(figure(seed)) if step else figure(seed), (70, 90, 120)).convert("RGBA"))
              for seed in SEEDS for step in (0, 1)]  # fmt: skip
    report = find_duplicates(ArraySource(frames))
    near = [link for link in report.links if link.verdict.relation == "near"]
    assert len(near) >= len(SEEDS)
    assert len(calls) < 60 * len(near)
    calls.clear()
    link = relation(frames[0], saved(Image.fromarray(frames[0]).convert("RGB"), "JPEG", quality=37))
    assert link is not None
    assert link.verdict.relation == "re-encoded"
    assert len(calls) > 90


@pytest.mark.parametrize("seed", SEEDS)
def test_front_and_back_of_a_symmetric_figure_are_two_drawings(seed: int):
    picture = figure(seed)
    half = picture[:, : picture.shape[1] // 2]
    front = np.ascontiguousarray(np.concatenate([half, half[:, ::-1]], axis=1))
    back = front.copy()
    y, x = middle(front)
    for eye in (x - 6, x + 4):
        front[y - 6 : y - 3, eye : eye + 2, :3] = 250 - front[y - 6 : y - 3, eye : eye + 2, :3]
    assert dropped(front, back) == 0
    assert dropped(front, noisy(back)) == 0
    assert dropped(front, jpeg(back)) == 0
    link = relation(front, mirror(front))
    assert link is not None
    assert link.verdict.relation in ("exact", "mirrored")


@pytest.mark.parametrize("seed", SEEDS)
def test_what_stands_outside_a_silhouette_known_from_the_other_picture_counts(seed: int):
    """The silhouette lent by the other picture once hid a second object next to the sprite."""
    picture = figure(seed)
    accompanied = np.pad(picture, ((0, 0), (0, 24), (0, 0)))
    alone = np.array(on(accompanied, (0, 0, 255)).convert("RGBA"))
    accompanied[10:18, -16:-6] = (220, 200, 40, 255)
    other = np.array(on(accompanied, (0, 0, 255)).convert("RGBA"))
    assert dropped(alone, other) == 0


def test_what_only_one_shows_was_cut_off_only_where_the_other_ends():
    picture = figure(3)
    rows = np.flatnonzero(picture[..., 3].any(axis=1))
    shorter = picture.copy()
    shorter[rows[-1] - 2 :] = 0  # legs drawn shorter, with room below
    for pair in ((picture, shorter), (picture, mirror(shorter))):
        link = relation(*pair)
        assert link is None or link.verdict.relation not in DUPLICATES
    assert dropped(picture, cut(picture)) == 1


def test_noise_is_no_recolour_where_every_pixel_has_its_own_colour():
    picture = figure(6)
    generator = np.random.default_rng(4)
    smooth = np.clip(picture + generator.integers(-20, 21, picture.shape), 0, 255).astype(np.uint8)
    painted = np.where(picture[..., 3:] > 0, np.dstack([smooth[..., :3], picture[..., 3]]), 0).astype(np.uint8)
    link = relation(painted, noisy(painted))
    assert link is not None
    assert link.verdict.relation == "re-encoded"
    brighter = painted.copy()
    brighter[..., :3] = np.clip(painted[..., :3] * 1.3, 0, 255).astype(np.uint8)
    link = relation(painted, brighter)
    assert link is not None
    assert link.verdict.relation == "recoloured"


@pytest.mark.parametrize(("opacity", "other"), [(144, 132), (240, 228), (255, 243)])
@pytest.mark.parametrize("smooth", [False, True])
def test_a_shadow_is_no_copy_of_a_darker_one(opacity: int, other: int, smooth: bool):
    """Plain tiles that darken the ground differ in opacity alone."""
    shape = np.zeros((64, 128), np.uint8)
    corners = np.array([[64, 4], [124, 32], [64, 60], [4, 32]])
    cv2.fillPoly(shape, [corners], 255, cv2.LINE_AA if smooth else cv2.LINE_8)
    shadows = [np.dstack([np.zeros((64, 128, 3), np.uint8), np.round(shape / 255 * o)]) for o in (opacity, other)]
    assert dropped(*(shadow.astype(np.uint8) for shadow in shadows)) == 0


def test_opacity_rounded_here_and_there_leaves_a_copy():
    shadow = np.zeros((40, 40, 4), np.uint8)
    across, down = np.meshgrid(np.linspace(-1, 1, 36), np.linspace(-1, 1, 36))
    shadow[2:-2, 2:-2, 3] = np.clip(250 * (1.2 - np.hypot(across, down)), 0, 200)
    rounded = shadow.copy()
    rounded[..., 3] = np.minimum((shadow[..., 3].astype(int) + 4) // 9 * 9, 255)
    assert dropped(shadow, rounded) == 1


def test_hardly_a_drawing_of_real_rotations_and_frames_is_dropped(shared_data: Path):
    """Freedoom's walking monsters in eight rotations: only pixel-identical ones, mirrored or cropped, are dropped."""
    archive = shared_data / "freedoom" / "freedoom-sprites.zip"
    if not archive.is_file():
        pytest.skip("the Freedoom sprites are not in ../shared/data")
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".png"))[:200]
        pictures = [np.array(Image.open(io.BytesIO(files.read(name))).convert("RGBA")) for name in names]
    report = find_duplicates(ArraySource(pictures))
    lost = [drop for drop in plan_drops(report).drops if report.verdict(drop.seq, drop.favour).distance > 0]
    assert len(lost) <= 1
    assert len(report.links) > 40
