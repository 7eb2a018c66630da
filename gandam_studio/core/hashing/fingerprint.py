"""A picture's fingerprint: everything the search for duplicates needs to know without opening the picture again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

from gandam_studio.core.hashing.content import Content, find_content
from gandam_studio.core.hashing.layout import COLUMNS, TINY_PIXELS, Column, Flag, pack_box
from gandam_studio.core.hashing.spectral import coefficients, padded_size, sign_words

_LONGEST = 128  # larger content is reduced to this before its frequencies are taken
_FULL = 0.985  # a content that covers more of its box than this has no silhouette worth comparing
_FLAT = 3.0  # brightness inside the silhouette with a smaller standard deviation (of 255) is one flat tone
_CHUNK = 256  # pictures handled at once, so that memory stays flat
_SYMMETRIC = np.array([Flag.SYMMETRIC_SILHOUETTE, Flag.SYMMETRIC_INTERIOR, Flag.SYMMETRIC_WHOLE], dtype=np.int64)
_NOTHING = int(Flag.NO_SILHOUETTE | Flag.NO_INTERIOR | Flag.TINY)
# Plain numbers: enum arithmetic a picture costs more than the hashing.
_TINY, _NO_SILHOUETTE, _NO_INTERIOR = (int(flag) for flag in (Flag.TINY, Flag.NO_SILHOUETTE, Flag.NO_INTERIOR))


def fingerprint_batch(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Fingerprints of (H, W, 4) uint8 RGBA pictures of any sizes: (N, COLUMNS) uint64, rows in the order given.

    Columns are described in `layout`. A row depends on its picture alone, not on the batch. Raises ValueError for an
    array of another shape or type.
    """
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
            raise ValueError(f"a picture must be (H, W, 4) uint8, not {picture.shape} {picture.dtype}")
    rows = np.zeros((len(pictures), COLUMNS), dtype=np.uint64)
    for start in range(0, len(pictures), _CHUNK):
        chunk = pictures[start : start + _CHUNK]
        rows[start : start + len(chunk)] = _fingerprint_chunk(chunk)
    return rows


def _fingerprint_chunk(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """`fingerprint_batch` of a few pictures."""
    rows: list[tuple[int, ...]] = []
    content_planes: list[np.ndarray | None] = []
    whole_planes: list[np.ndarray | None] = []
    for picture in pictures:
        content = find_content(picture)
        visible, flag, planes = _describe(content)
        words = content.rgba.view(np.uint32)[..., 0]
        digests = pixel_digest(words), pixel_digest(words[:, ::-1])
        rows.append((pack_box(*content.box), min(visible, 0xFFFFFFFF) << 32 | flag, *digests))
        content_planes.append(planes)
        whole_planes.append(None if planes is None else _whole_plane(picture, content))
    table = np.zeros((len(pictures), COLUMNS), dtype=np.uint64)
    table[:, : len(rows[0])] = np.array(rows, dtype=np.uint64)
    looks, symmetric = _sign_words(content_planes, 2)
    wholes, symmetric_whole = _sign_words(whole_planes, 1)
    table[:, Column.SILHOUETTE_EVEN : Column.INTERIOR_ODD + 1] = looks
    table[:, Column.WHOLE_EVEN : Column.WHOLE_ODD + 1] = wholes
    flags = np.concatenate([symmetric, symmetric_whole], axis=1) @ _SYMMETRIC
    table[:, Column.FLAGS] |= flags.astype(np.uint64)
    return table


def _sign_words(planes: Sequence[np.ndarray | None], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Words of each picture's `count` planes, (N, 2 * count) even and odd in turn, and which are symmetric, (N, count).

    None stands for a blank picture: zeros, symmetric.
    """
    words = np.zeros((len(planes), count, 2), dtype=np.uint64)
    symmetric = np.ones((len(planes), count), dtype=bool)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, plane in enumerate(planes):
        if plane is not None:
            groups[padded_size(*plane.shape[1:])].append(index)
    for members in groups.values():
        found, zero = sign_words(coefficients([plane for i in members if (plane := planes[i]) is not None]))
        words[members], symmetric[members] = found, zero[:, :, 1]
    return words.reshape(len(planes), 2 * count), symmetric


def _describe(content: Content) -> tuple[int, int, np.ndarray | None]:
    """Visible pixels and flags of a content, and the planes its frequencies are taken from (None when it is blank)."""
    flag = int(content.flags)
    if flag & Flag.BLANK:
        return 0, flag | _NOTHING, None
    rgba = content.rgba
    visible = cv2.countNonZero(cv2.extractChannel(rgba, 3))
    if visible < TINY_PIXELS:
        flag |= _TINY
    if visible > _FULL * rgba.shape[0] * rgba.shape[1]:
        flag |= _NO_SILHOUETTE
    planes, spread = _planes(rgba)
    if spread < _FLAT:
        flag |= _NO_INTERIOR
    return visible, flag, planes


def _planes(rgba: np.ndarray) -> tuple[np.ndarray, float]:
    """Opacity and the brightness inside it, (2, h, w) float32 whole numbers, and that brightness's standard deviation.

    The brightness is taken from its own mean and multiplied by the opacity, so what is invisible is 0 and the
    silhouette's edge does not come back as interior. Grey is made in fixed point and summed in whole numbers, so the
    mirrored picture has exactly the mirrored planes.
    """
    if max(rgba.shape[:2]) > _LONGEST:
        rgba = _reduced(rgba)
    opacity = cv2.extractChannel(rgba, 3)
    grey = cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY)
    mean, deviation = cv2.meanStdDev(grey, mask=opacity)
    planes = np.empty((2, *opacity.shape), dtype=np.float32)
    planes[0] = opacity
    np.subtract(grey, np.float32(round(mean[0, 0])), out=planes[1])
    planes[1] *= planes[0]
    return planes, float(deviation[0, 0])


def _whole_plane(picture: np.ndarray, content: Content) -> np.ndarray:
    """The untrimmed picture on white, as darkness, (1, H, W) float32 whole numbers; white counts for nothing."""
    height, width = picture.shape[:2]
    x, y, w, h = content.box
    rgba = content.rgba
    if content.flags & Flag.OPAQUE:  # what was keyed out is part of the whole picture
        x, y, w, h, rgba = 0, 0, width, height, picture
    longest = max(height, width)
    if longest > _LONGEST:
        whole = np.zeros_like(picture)
        whole[y : y + h, x : x + w] = rgba
        rgba = _reduced(whole)
        (height, width), x, y = rgba.shape[:2], 0, 0
        w, h = width, height
    plane = np.zeros((1, height, width), dtype=np.float32)
    part = plane[0, y : y + h, x : x + w]
    np.subtract(np.float32(255), cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY), out=part)
    part *= rgba[..., 3]
    return plane


def _reduced(rgba: np.ndarray) -> np.ndarray:
    """A large content reduced to `_LONGEST` by averaging areas, colours weighted by opacity: (h, w, 4) uint8."""
    height, width = rgba.shape[:2]
    scale = _LONGEST / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if int(rgba[..., 3].min()) >= 255:
        return cv2.resize(rgba, size, interpolation=cv2.INTER_AREA)
    weighted = rgba.astype(np.float32)
    weighted[..., :3] *= weighted[..., 3:] / 255.0
    small = np.asarray(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA))
    small[..., :3] = small[..., :3] * 255.0 / np.maximum(small[..., 3:], 1e-3)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def pixel_digest(words: np.ndarray) -> int:
    """The first 64 bits of SHA-256 over a content's size and visible pixels, given as (h, w) uint32, one word a pixel.

    Twice as fast as BLAKE2b where processors compute it, and large pictures spend most of their time here.
    Equal digests only nominate: pixels are compared before anyone is told that two pictures are the same.
    """
    digest = hashlib.sha256(b"%dx%d\n" % words.shape)
    digest.update(np.ascontiguousarray(words).data)
    return int.from_bytes(digest.digest()[:8], "little")
