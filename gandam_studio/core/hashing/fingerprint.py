"""A picture's fingerprint: everything the search for duplicates needs to know without opening the picture again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

from gandam_studio.core.hashing import reference
from gandam_studio.core.hashing.content import Content, find_content
from gandam_studio.core.hashing.layout import COLUMNS, TINY_PIXELS, Column, Flag, pack_box
from gandam_studio.core.hashing.spectral import coefficients, padded_size, sign_words

_LONGEST = 128  # larger content is reduced to this before its frequencies are taken
_FULL = 0.985  # a content that covers more of its box than this has no silhouette worth comparing
_FLAT = 3.0  # brightness inside the silhouette with a smaller standard deviation (of 255) is one flat tone
_CHUNK = 256  # pictures handled at once, so that memory stays flat
_STACK_BYTES = 16 << 20  # and no more of them stacked than this
_SYMMETRIC = np.array([Flag.SYMMETRIC_SILHOUETTE, Flag.SYMMETRIC_INTERIOR], dtype=np.int64)
_NOTHING = int(Flag.NO_SILHOUETTE | Flag.NO_INTERIOR | Flag.SYMMETRIC_SILHOUETTE | Flag.SYMMETRIC_INTERIOR | Flag.TINY)
# Plain numbers: enum arithmetic a picture costs more than the hashing.
_OPAQUE, _TINY, _NO_SILHOUETTE, _NO_INTERIOR = (
    int(flag) for flag in (Flag.OPAQUE, Flag.TINY, Flag.NO_SILHOUETTE, Flag.NO_INTERIOR)
)


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
    rows: list[list[int]] = []
    planes: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = defaultdict(list)
    opaque = []
    for index, picture in enumerate(pictures):
        content = find_content(picture)
        visible, flag, plane = _describe(content)
        words = content.rgba.view(np.uint32)[..., 0]
        digests = pixel_digest(words), pixel_digest(words[:, ::-1])
        rows.append([pack_box(*content.box), min(visible, 0xFFFFFFFF) << 32 | flag, *digests, 0, 0, 0, 0, 0])
        if plane is not None:
            planes[padded_size(*plane.shape[1:])].append((index, plane))
        if flag & _OPAQUE:
            opaque.append(index)
    table = np.array(rows, dtype=np.uint64).reshape(len(pictures), COLUMNS)
    for members in planes.values():
        indices = np.array([index for index, _ in members])
        words, zero = sign_words(coefficients([plane for _, plane in members]))
        table[indices, Column.SILHOUETTE_EVEN : Column.INTERIOR_ODD + 1] = words.reshape(len(indices), 4)
        table[indices, Column.FLAGS] |= (zero[:, :, 1] * _SYMMETRIC).sum(axis=1).astype(np.uint64)
    table[opaque, Column.PHASH] = _phash([pictures[index] for index in opaque])
    return table


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
    """64-bit BLAKE2b of a content's size and visible pixels, given as (h, w) uint32, one word a pixel.

    Equal digests only nominate: pixels are compared before anyone is told that two pictures are the same.
    """
    digest = hashlib.blake2b(words.tobytes(), digest_size=8, key=b"%dx%d" % words.shape).digest()
    return int.from_bytes(digest, "little")


def _phash(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) uint64: ImageHash's phash of each whole opaque picture."""
    words = np.zeros(len(pictures), dtype=np.uint64)
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, picture in enumerate(pictures):
        groups[picture.shape].append(index)
    for members in groups.values():
        step = max(1, _STACK_BYTES // pictures[members[0]].nbytes)
        for start in range(0, len(members), step):
            part = members[start : start + step]
            words[part] = reference.phash(np.stack([pictures[index][..., :3] for index in part]))
    return words
