"""Parts of a file that are sprites of their own.

frame=3, frame=3+key=...                  frame of an animation, or picture of an icon
region=x,y,w,h                            rectangle of a sheet, in canonical pixels; padded beyond the sheet's edges
region=x,y,w,h+turn=3                     rotated clockwise by that many quarter turns
region=x,y,w,h+on=W,H,X,Y                 placed at (X, Y) on a transparent canvas of W x H, after the rotation
key=rrggbb, region=...+key=rrggbb         pixels of that colour made transparent
key=index0, region=...+key=index0         pixels of the palette's first entry made transparent
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.canonical import cleared, decode, decode_frame, decode_raw, finish
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.palettes import without_index_0
from gandam_studio.core.pictures.rendering import plain_border
from trainer.protocol.manifest import PART

Color = tuple[int, int, int]
INDEX_0 = "index0"
"""A key: the palette's first entry, which many games take for transparent, whatever colour it has."""
Key = Color | str
"""What stands for transparency: a colour, or INDEX_0."""


@dataclass(frozen=True)
class Piece:
    """A rectangle of a sheet, and how to make a sprite of it.

    Attributes:
        box: (x, y, w, h) in canonical pixels, starting inside the sheet. Pixels beyond the right and lower edges are
            transparent, or the colour of the sheet's plain border.
        turn: quarter turns clockwise that make it upright.
        canvas: (W, H, X, Y): size of the sprite, and position of the rotated rectangle on it; None for no canvas.
        key: what stands for transparency on the sheet, or None. Pixels of INDEX_0 are transparent already where the
            sheet is passed in (`palettes.without_index_0`).
        name: its name in the sheet's description, or "".
    """

    box: tuple[int, int, int, int]
    turn: int = 0
    canvas: tuple[int, int, int, int] | None = None
    key: Key | None = None
    name: str = ""

    @property
    def part(self) -> str:
        """The part string for this rectangle."""
        words = [region_part(*self.box)]
        if self.turn:
            words.append(f"turn={self.turn}")
        if self.canvas is not None:
            words.append("on={},{},{},{}".format(*self.canvas))
        if self.key is not None:
            words.append(key_part(self.key))
        return "+".join(words)

    def cut(self, sheet: NDArray[np.uint8], limits: Limits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
        """Cut the sprite, (H, W, 4) uint8 RGBA, from the sheet. Raises UnreadablePicture if it is outside."""
        x, y, w, h = self.box
        height, width = sheet.shape[:2]
        size = self.canvas or (w, h, 0, 0)
        if w < 1 or h < 1 or x >= width or y >= height:
            raise UnreadablePicture(f"the sheet has no {self.part}")
        limits.check_size(w, h)
        limits.check_size(size[0], size[1])
        piece = sheet[y : y + h, x : x + w]
        if piece.shape[:2] != (h, w):
            filled = np.empty((h, w, 4), np.uint8)
            filled[:] = plain_border(sheet) or 0
            filled[: piece.shape[0], : piece.shape[1]] = piece
            piece = filled
        if isinstance(self.key, tuple):
            piece = keyed(piece, self.key)
        piece = np.rot90(piece, -self.turn)
        if self.canvas is None:
            return piece
        wide, high, left, top = self.canvas
        if left + piece.shape[1] > wide or top + piece.shape[0] > high:
            raise UnreadablePicture(f"a frame that does not fit its own size: {self.part}")
        whole = np.zeros((high, wide, 4), np.uint8)
        whole[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        return whole


def keyed(rgba: NDArray[np.uint8], key: Color) -> NDArray[np.uint8]:
    """Return a copy of (H, W, 4) RGBA with all pixels of one colour made transparent."""
    rgba = rgba.copy()
    rgba[(rgba[..., :3] == np.asarray(key, np.uint8)).all(axis=2)] = 0
    return rgba


def frame_part(index: int) -> str:
    """Return the part string for frame `index` (from 0) of an animation."""
    return f"frame={index}"


def region_part(x: int, y: int, w: int, h: int) -> str:
    """Return the part string for a rectangle of a sheet, in canonical pixels."""
    return f"region={x},{y},{w},{h}"


def key_part(key: Key) -> str:
    """Return the part string for a whole picture with its key made transparent."""
    if isinstance(key, str):
        return f"key={key}"
    return "key={:02x}{:02x}{:02x}".format(*key)


def decode_part(data: bytes, part: str = "", limits: Limits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Decode an imported file, or one part of it, to canonical RGBA (H, W, 4) uint8. Raises UnreadablePicture."""
    if not part:
        return cleared(decode_raw(data, limits, vetted=True).rgba)
    match = PART.fullmatch(part)
    if match is None:
        raise UnreadablePicture(f"unknown part {part!r}")
    frame, frame_key, *numbers, key, whole_key = match.groups()
    if whole_key:
        rgba = _sheet(data, whole_key, limits)
        return finish(rgba if whole_key == INDEX_0 else keyed(rgba, _color(whole_key))).rgba
    if frame is None:
        x, y, w, h, turn, *on = (int(number or 0) for number in numbers)
        canvas = (on[0], on[1], on[2], on[3]) if numbers[5] else None
        piece = Piece((x, y, w, h), turn, canvas, _color(key) if key and key != INDEX_0 else key or None)
        return finish(piece.cut(_sheet(data, key or "", limits), limits)).rgba
    rgba = decode_frame(data, int(frame), limits)
    if frame_key == INDEX_0:
        rgba = _without_index_0(data, rgba, limits, int(frame))
    elif frame_key:
        rgba = keyed(rgba, _color(frame_key))
    return finish(rgba).rgba


def _sheet(data: bytes, key: str, limits: Limits) -> NDArray[np.uint8]:
    rgba = decode(data, limits, vetted=True).rgba
    return _without_index_0(data, rgba, limits) if key == INDEX_0 else rgba


def _without_index_0(data: bytes, rgba: NDArray[np.uint8], limits: Limits, frame: int = 0) -> NDArray[np.uint8]:
    cleared = without_index_0(data, rgba, limits, frame)
    if cleared is None:
        raise UnreadablePicture("the picture has no palette (any more)")
    return cleared


def _color(text: str) -> Color:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue
