"""Parts of a file that became sprites of their own: 'frame=3' of an animation, 'region=x,y,w,h' of a sheet."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.decoding import pillow
from gandam_studio.core.decoding.canonical import decode, finish, picture_kind
from gandam_studio.core.decoding.limits import DEFAULT_LIMITS, Limits, UnreadablePicture
from gandam_studio.core.rendering import plain_border

_PART = re.compile(r"frame=(\d{1,6})|region=(\d{1,6}),(\d{1,6}),(\d{1,6}),(\d{1,6})")


def frame_part(index: int) -> str:
    """The part that names frame `index` (from 0) of an animation."""
    return f"frame={index}"


def region_part(x: int, y: int, w: int, h: int) -> str:
    """The part that names a rectangle of a sheet, in canonical pixels."""
    return f"region={x},{y},{w},{h}"


def cut_region(sheet: NDArray[np.uint8], x: int, y: int, w: int, h: int) -> NDArray[np.uint8]:
    """(h, w, 4) of a sheet; what lies beyond its right and lower edges is transparent, or of its plain border's colour.

    `x` and `y` lie on the sheet.
    """
    piece = sheet[y : y + h, x : x + w]
    if piece.shape[:2] == (h, w):
        return piece
    filled = np.empty((h, w, 4), np.uint8)
    filled[:] = plain_border(sheet) or 0
    filled[: piece.shape[0], : piece.shape[1]] = piece
    return filled


def decode_part(data: bytes, part: str = "", limits: Limits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Canonical RGBA (H, W, 4) uint8 of a file that was imported, or of one part of it. Raises UnreadablePicture."""
    if not part:
        return decode(data, limits, vetted=True).rgba
    match = _PART.fullmatch(part)
    if match is None:
        raise UnreadablePicture(f"unknown part {part!r}")
    if match[1] is None:
        x, y, w, h = (int(value) for value in match.groups()[1:])
        sheet = decode(data, limits, vetted=True).rgba
        if w < 1 or h < 1 or x >= sheet.shape[1] or y >= sheet.shape[0]:
            raise UnreadablePicture(f"the sheet has no {part}")
        limits.check_size(w, h)
        return finish(cut_region(sheet, x, y, w, h)).rgba
    with pillow.opened(data, picture_kind(data, limits), limits) as image:
        index = int(match[1])
        if index >= int(getattr(image, "n_frames", 1)):
            raise UnreadablePicture(f"the animation has no {part}")
        image.seek(index)
        return finish(pillow.first_frame(image)).rgba
