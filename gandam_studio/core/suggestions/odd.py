"""Sprites that stand out: by size, shape, colours or background, nearly empty ones, photographs, text, enlarged ones.

A number is unusual when it lies far from the median, in units of the median absolute deviation (Iglewicz and Hoaglin
1993: 0.6745 |x - median| / MAD), and few sprites have it. What is enlarged is decided by the pixels alone: every block
of k x k has one colour, and no smaller sprite could look so by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.suggestions.pixel_grid import enlarged
from gandam_studio.core.suggestions.sprites import even_features_of
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.faint import is_faint
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.sprite import Sprite

_FAR = 5.0  # deviations; 3.5 is usual for bell curves, and sizes of sprites are no bell curve
_RARE = 0.05  # of the set: what more sprites have is a kind, not an exception
_A_KIND = 0.25  # of the set, for photographs and text
_PHOTO_COLORS = 0.5  # distinct colours a pixel
_PHOTO_LEAST = 600
_DRAWN_COLORS = 512  # more are no pixel art, whose originals need not be read
_BATCH = 200

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class OddOne:
    """A sprite that stands out.

    Attributes:
        sprite: the sprite.
        score: how far out: 1 is just unusual.
        why: (kind, sentence) for each way in which it does; kinds are "size", "aspect", "colours", "background",
            "empty", "photograph", "text", "look" and "enlarged".
        scale: how many times it is enlarged, 1 for not at all.
    """

    sprite: Sprite
    score: float
    why: tuple[tuple[str, str], ...]
    scale: int = 1

    @property
    def is_reducible(self) -> bool:
        """Whether it can be reduced: it is enlarged, and has no crop, which would be in pixels of the enlarged one."""
        return self.scale > 1 and self.sprite.crop is None

    def to_json(self) -> dict[str, Any]:
        """The contract of `suggest odd --json`."""
        return {
            "id": self.sprite.id, "score": round(self.score, 3), "kinds": [kind for kind, _ in self.why],
            "why": [text for _, text in self.why], "scale": self.scale,
        }  # fmt: skip


def odd_ones(workspace: Workspace, seqs: Seqs | None = None, job: Job = NULL_JOB) -> list[OddOne]:
    """Find what stands out among the sprites that are not dropped, the oddest first. Raises Cancelled."""
    sprites = [sprite for sprite in workspace.sprites(seqs) if sprite.status != "dropped"]
    found: dict[int, list[tuple[str, str, float]]] = {}
    scales = np.ones(len(sprites), np.int64)

    def note(row: int, kind: str, text: str, score: float) -> None:
        found.setdefault(row, []).append((kind, text, score))

    for row, score in _far([np.log2(max(one.width, one.height)) for one in sprites]):
        one = sprites[row]
        note(row, "size", f"{one.width} x {one.height} pixels, unlike the others", score)
    for row, score in _far([np.log2(one.width / one.height) for one in sprites]):
        one = sprites[row]
        shape = "wider" if one.width > one.height else "taller"
        note(row, "aspect", f"much {shape} than the others", score)
    for row, score in _far([np.log2(1 + one.colors) for one in sprites]):
        note(row, "colours", f"{sprites[row].colors:,} colours, unlike the others", score)
    for row, text in _backgrounds(sprites):
        note(row, "background", text, 1.5)
    features = even_features_of(workspace, sprites)
    for row, score in _far(_loneliness(features).tolist()):
        note(row, "look", "looks like no other sprite", score)
    kinds: dict[str, list[int]] = {"photograph": [], "text": []}
    job.start("Looking at sprites", len(sprites))
    for row, sprite in enumerate(sprites):
        if row % _BATCH == _BATCH - 1:
            job.advance(_BATCH)
        picture = workspace.thumbnails.read(sprite.seq)
        if picture is None:
            continue
        if is_faint(picture, (255, 255, 255)) and is_faint(picture, (0, 0, 0)):
            note(row, "empty", "shows nearly nothing", 2.0)
            continue
        if sprite.colors <= _DRAWN_COLORS:
            scales[row] = _scale_of(workspace, sprite, picture)
        if _photograph(picture, sprite):
            kinds["photograph"].append(row)
        elif _text(picture):
            kinds["text"].append(row)
    # What many sprites are is what the set is made of.
    for kind, text, score in (
        ("photograph", "as many colours and as smooth as a photograph", 2.0),
        ("text", "rows of small marks, like text", 1.2),
    ):
        if len(kinds[kind]) <= _A_KIND * len(sprites):
            for row in kinds[kind]:
                note(row, kind, text, score)
    enlarged_ones = np.flatnonzero(scales > 1)
    if len(enlarged_ones) <= 0.5 * len(sprites):
        for row in enlarged_ones.tolist():
            note(row, "enlarged", f"enlarged {scales[row]} times: its own pixels are {scales[row]} wide", 1.5)
    result = [
        OddOne(sprites[row], max(s for *_, s in why), tuple((k, t) for k, t, _ in why), int(scales[row]))
        for row, why in found.items()
    ]
    return sorted(result, key=lambda one: (-one.score, one.sprite.seq))


def _scale_of(workspace: Workspace, sprite: Sprite, small: Picture) -> int:
    """How many times a sprite is enlarged, by its original where the thumbnail `small` is reduced."""
    if small.shape[:2] == (sprite.height, sprite.width):
        return enlarged(small)
    try:
        return enlarged(workspace.pixels(sprite))
    except (UserError, OSError):
        return 1


def _far(values: Sequence[float]) -> list[tuple[int, float]]:
    """(row, how far in units of `_FAR`) of values far from the median, unless many share that."""
    numbers = np.array(values, np.float64)
    if len(numbers) < 12:
        return []
    median = float(np.median(numbers))
    away = np.abs(numbers - median)
    deviation = max(float(np.median(away)), 0.15 * float(np.percentile(away, 90)), 0.05)
    far = 0.6745 * away / deviation
    rows = np.flatnonzero(far > _FAR)
    if len(rows) > _RARE * len(numbers):
        return []
    return [(int(row), float(far[row] / _FAR)) for row in rows]


def _backgrounds(sprites: Sequence[Sprite]) -> list[tuple[int, str]]:
    plain = np.array([not one.alpha and bool(one.background) for one in sprites], bool)
    share = float(plain.mean()) if len(plain) else 0.0
    if 0 < share <= _RARE:
        return [(int(row), "has a background, the others are transparent") for row in np.flatnonzero(plain)]
    if 1 - _RARE <= share < 1:
        return [(int(row), "is transparent, the others have a background") for row in np.flatnonzero(~plain)]
    return []


def _loneliness(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) distance to the second nearest of a sample of sprites."""
    count = len(features)
    if count < 12:
        return np.zeros(count)
    sample = np.unique(np.linspace(0, count - 1, min(count, 1_000)).astype(np.intp))
    found = np.empty(count)
    squares = (features[sample] ** 2).sum(axis=1)
    for first in range(0, count, 4_096):
        some = features[first : first + 4_096]
        distances = (some**2).sum(axis=1)[:, None] + squares - 2 * some @ features[sample].T
        # A sprite of the sample is nearest to itself.
        found[first : first + len(some)] = np.sqrt(np.maximum(np.partition(distances, 2, axis=1)[:, 2], 0))
    return found


def _photograph(picture: Picture, sprite: Sprite) -> bool:
    """Opaque, nearly a colour a pixel, and mostly gentle steps."""
    if sprite.colors < _PHOTO_LEAST or picture[..., 3].min() < 255:
        return False
    pixels = picture.shape[0] * picture.shape[1]
    colors = len(np.unique(np.ascontiguousarray(picture).view(np.uint32)))
    steps = np.abs(np.diff(picture[..., :3].astype(np.int16), axis=1)).max(axis=-1)
    gentle = float(((steps > 0) & (steps < 24)).mean())
    return colors > _PHOTO_COLORS * min(pixels, 4_000) and gentle > 0.4


def _text(picture: Picture) -> bool:
    """Several rows of many small marks, with empty rows between them."""
    import cv2

    alpha = picture[..., 3]
    if alpha.min() == 255:
        border = np.concatenate((picture[0], picture[-1], picture[:, 0], picture[:, -1]))
        seen = (np.abs(picture[..., :3].astype(np.int16) - np.median(border[:, :3], axis=0)) > 48).any(axis=-1)
    else:
        seen = alpha > 128
    if not 0.02 < float(seen.mean()) < 0.5:
        return False
    count, _, stats, _ = cv2.connectedComponentsWithStats(seen.astype(np.uint8), connectivity=8)
    marks = stats[1:]
    if count < 12:
        return False
    heights, tops = marks[:, cv2.CC_STAT_HEIGHT], marks[:, cv2.CC_STAT_TOP]
    usual = float(np.median(heights))
    alike = np.abs(heights - usual) <= max(1.0, 0.35 * usual)
    small = usual <= 0.34 * picture.shape[0]
    bottoms = tops + heights
    lines = np.unique(np.round(bottoms[alike] / max(1.0, usual)), return_counts=True)[1]
    return bool(small and alike.mean() > 0.7 and (lines >= 5).any() and lines[lines >= 4].sum() >= 0.6 * len(marks))
