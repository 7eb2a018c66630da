"""Sprites that can hardly be seen: nearly blank ones, and ones as light or dark as the background they are laid on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.workspace.seqsets import Seqs

SEEN, FAINT = 1, 2
_NEAR = 12  # levels by which a pixel must differ to be seen
_STEP = 3  # pixels between those that are looked at first, in both directions
_AT_ONCE = 1024  # thumbnails, whose sampled pixels take up to 4 kB
_SHARE = 0.01  # of the pixels that are not transparent


def faint(thumbnail: Callable[[int], NDArray[np.uint8] | None], seqs: Seqs, background: tuple[int, int, int]) -> Seqs:
    """Return those of some rows whose sprites can hardly be seen on a background (see `judged`)."""
    return seqs[judged(thumbnail, seqs, background) == FAINT]


def judged(
    thumbnail: Callable[[int], NDArray[np.uint8] | None], seqs: Seqs, background: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return (N,) SEEN or FAINT for the sprites of some rows on a background, 0 for those without a thumbnail.

    Judged by their thumbnails, about 50,000 in a second. `thumbnail` is asked again for the few that need all pixels.
    """
    verdicts = np.zeros(len(seqs), np.uint8)
    for start in range(0, len(seqs), _AT_ONCE):
        shapes: dict[tuple[int, ...], list[tuple[int, int, NDArray[np.uint32]]]] = defaultdict(list)
        for place, seq in enumerate(seqs[start : start + _AT_ONCE].tolist(), start):
            picture = thumbnail(seq)
            if picture is not None:
                # While it is in the processor's cache; keeping it would fetch new memory for each.
                words = picture.view(np.uint32)[..., 0]
                shapes[picture.shape].append((place, int(np.count_nonzero(words)), words[::_STEP, ::_STEP].copy()))
        for (height, width, _), alike in shapes.items():
            places, shown, sampled = zip(*alike, strict=True)
            seen = _surely_seen(np.array(sampled), np.array(shown), height * width, background)
            verdicts[list(places)] = SEEN
            for place in np.array(places)[~seen].tolist():
                picture = thumbnail(int(seqs[place]))
                verdicts[place] = 0 if picture is None else FAINT if is_faint(picture, background) else SEEN
    return verdicts


def surely_seen(stack: NDArray[np.uint8], background: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Return which of (N, H, W, 4) canonical RGBA are surely seen on a background, (N,); `is_faint` judges the others.

    In these, enough pixels of a picture with gaps differ from the background, or as many pixels are so much lighter
    than as many others that no colour is near both. One pixel of nine is looked at, of its colour first the green: most
    sprites are settled by that, in microseconds.
    """
    count, height, width = stack.shape[:3]
    words = stack.view(np.uint32)[..., 0]
    shown = np.count_nonzero(words.reshape(count, -1), axis=1)
    return _surely_seen(np.ascontiguousarray(words[:, ::_STEP, ::_STEP]), shown, height * width, background)


def _surely_seen(
    words: NDArray[np.uint32], shown: NDArray[np.int64], pixels: int, background: tuple[int, int, int]
) -> NDArray[np.bool_]:
    """`surely_seen` of (N, h, w) sampled pixels; (N,) pixels that are not transparent, of so many a picture has."""
    some = words.view(np.uint8).reshape(*words.shape, 4)
    green, opaque = np.ascontiguousarray(some[..., 1]), some[..., 3] == 255
    least = np.maximum(1.0, _SHARE * shown)
    gaps = shown < pixels
    away = (green < background[1] - _NEAR) | (green > background[1] + _NEAR)
    seen = gaps & (np.count_nonzero(away & opaque, axis=(1, 2)) >= least)
    rest = np.flatnonzero(gaps & ~seen)
    away = np.abs(some[rest, ..., :3].astype(np.int16) - np.array(background, np.int16)).max(axis=3) > _NEAR
    seen[rest] = np.count_nonzero(away & opaque[rest], axis=(1, 2)) >= least[rest]
    rest = np.flatnonzero(~gaps)
    seen[rest] = _contrasts(green[rest], opaque[rest], least[rest])
    return seen


def _contrasts(green: NDArray[np.uint8], opaque: NDArray[np.bool_], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of (N, h, w) pictures have at least (N,) dark pixels, and as many that are much lighter."""
    darkest = np.where(opaque, green, 255).min(axis=(1, 2)).astype(np.int32)
    middle = (darkest + np.where(opaque, green, 0).max(axis=(1, 2))) // 2
    below, above = (
        np.clip(middle + shift, 0, 255).astype(np.uint8)[:, None, None] for shift in (-_NEAR - 1, _NEAR + 1)
    )
    dark = np.count_nonzero((green <= below) & opaque, axis=(1, 2))
    light = np.count_nonzero((green >= above) & opaque, axis=(1, 2))
    return np.asarray(np.minimum(dark, light) >= least)


def is_faint(rgba: NDArray[np.uint8], background: tuple[int, int, int]) -> bool:
    """Whether hardly a pixel of (H, W, 4) RGBA differs from the background, or from the rest of an opaque picture."""
    alpha = rgba[..., 3]
    shown = alpha > 0
    count = int(np.count_nonzero(shown))
    if not count:
        return True
    colors = rgba[..., :3][shown].astype(np.int32)
    plain = np.median(colors, axis=0) if count == alpha.size else np.array(background)
    # A pixel differs as much as its opacity lets it.
    differs = np.abs(colors - plain).max(axis=1) * alpha[shown] > _NEAR * 255
    return bool(np.count_nonzero(differs) < max(1, _SHARE * count))
