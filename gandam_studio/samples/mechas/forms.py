"""Armour plates: small shapes, bevelled and outlined in pixel-art style, lit from the top left.

A `Form` collects panels of materials; `Form.stamp` shades it into a `Stamp` of palette indices, which the scene
copies into place. Index = material * 8 + tone; tone 0 is the outline, 5 the brightest; index 0 is transparent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PRIMARY, SECONDARY, TRIM, FRAME, METAL, GLOW, BEAM, BONE = range(1, 9)
TONES = 8
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A shaded shape.

    Attributes:
        indices: palette indices, uint8 (h, w), 0 where transparent.
        mask: bool (h, w), which pixels to copy.
        x, y: offset of `indices[0, 0]` from the anchor, in pixels.
    """

    indices: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    x: int
    y: int


class Form:
    """A canvas of `width` x `height` pixels for panels; later ones cover earlier ones."""

    def __init__(self, width: int, height: int) -> None:
        self.material = np.zeros((height, width), np.uint8)
        self.panel = np.zeros((height, width), np.int16)
        self.bias = np.zeros((height, width), np.int8)  # added to the tone
        self.fixed = np.full((height, width), -1, np.int8)  # a tone that shading does not change
        self._panels = 0

    def polygon(self, points: Points, material: int, bias: int = 0) -> Form:
        """Fill a polygon (even-odd at pixel centres; corners are rounded to integer quarter pixels)."""
        height, width = self.material.shape
        xs = (8 * np.arange(width) + 4)[None, :]
        ys = (8 * np.arange(height) + 4)[:, None]
        inside = np.zeros((height, width), bool)
        corners = [(round(x * 4) * 2, round(y * 4) * 2) for x, y in points]
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if y0 == y1:
                continue
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            crosses = (ys >= y0) & (ys < y1) & ((xs - x0) * (y1 - y0) < (ys - y0) * (x1 - x0))
            inside ^= crosses
        return self._fill(inside, material, bias)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, material: int, bias: int = 0) -> Form:
        """Fill an ellipse; centre and radii in pixels, rounded to quarter pixels."""
        height, width = self.material.shape
        dx = (8 * np.arange(width) + 4 - round(cx * 4) * 2)[None, :]
        dy = (8 * np.arange(height) + 4 - round(cy * 4) * 2)[:, None]
        a, b = max(1, round(rx * 4) * 2), max(1, round(ry * 4) * 2)
        # Slightly less than the full radius, so that no single pixels stick out at the four ends.
        return self._fill(16 * (dx * dx * (b * b) + dy * dy * (a * a)) <= 15 * a * a * b * b, material, bias)

    def box(self, x: int, y: int, width: int, height: int, material: int, bias: int = 0) -> Form:
        """Fill a rectangle of whole pixels."""
        inside = np.zeros(self.material.shape, bool)
        inside[max(0, y) : y + height, max(0, x) : x + width] = True
        return self._fill(inside, material, bias)

    def _fill(self, inside: NDArray[np.bool_], material: int, bias: int) -> Form:
        self._panels += 1
        self.material[inside] = material
        self.panel[inside] = self._panels
        self.bias[inside] = bias
        self.fixed[inside] = -1
        return self

    def mark(self, x: int, y: int, width: int, height: int, material: int, tone: int) -> Form:
        """Draw a flat detail (lamp, vent, seam) of one tone, only over existing pixels."""
        region = (slice(max(0, y), max(0, y + height)), slice(max(0, x), max(0, x + width)))
        drawn = self.material[region] > 0
        self.material[region][drawn] = material
        self.fixed[region][drawn] = tone
        return self

    def shade(self, x: int, y: int, width: int, height: int, bias: int) -> Form:
        """Make a region `bias` tones lighter or darker."""
        self.bias[max(0, y) : y + height, max(0, x) : x + width] += np.int8(bias)
        return self

    def glyph(self, rows: Sequence[str], x: int = 0, y: int = 0) -> Form:
        """Draw a glyph made of letters, see `gandam_studio.samples.mechas.glyphs`."""
        materials = {"p": 1, "s": 2, "t": 3, "f": 4, "g": 5, "e": 6, "b": 7, "w": 8}
        board = [row.ljust(max(map(len, rows)), ".") for row in rows]
        for letter, material in materials.items():
            plain = np.array([[c.lower() == letter for c in row] for row in board])
            if not plain.any():
                continue
            whole = np.zeros(self.material.shape, bool)
            whole[y : y + plain.shape[0], x : x + plain.shape[1]] = plain
            self._fill(whole, material, 0)
        for j, row in enumerate(board):
            for i, c in enumerate(row):
                if c == "#":
                    self.material[y + j, x + i], self.panel[y + j, x + i], self.fixed[y + j, x + i] = FRAME, 999, 0
                elif c in "eb":
                    self.fixed[y + j, x + i] = 4
                elif c in "EB":
                    self.fixed[y + j, x + i] = 5
                elif c.isupper():
                    self.fixed[y + j, x + i] = 1
        return self

    def stamp(self, x: int, y: int, *, mirror: bool, dim: int = 0, outline: bool = True) -> Stamp:
        """Shade and outline the form.

        (x, y) is the position of the anchor; `mirror` flips the shape, but not the light, to face right;
        `dim` darkens by a number of tones, for far limbs.
        """

        def board(values: NDArray, outside: int = 0) -> NDArray:
            return np.pad(values[:, ::-1] if mirror else values, 1, constant_values=outside)

        if mirror:
            x = self.material.shape[1] - 1 - x
        material, panel, fixed = board(self.material), board(self.panel), board(self.fixed, -1)
        tone = _tones(panel, board(self.bias)) - dim
        lit = np.where(fixed >= 0, fixed, np.clip(tone, 1, 5))
        indices = np.where(material > 0, material * TONES + lit, 0).astype(np.uint8)
        if outline:
            _outline(indices, material)
        return Stamp(np.ascontiguousarray(indices), np.ascontiguousarray(indices > 0), -x - 1, -y - 1)


def _tones(panel: NDArray[np.int16], bias: NDArray[np.int8]) -> NDArray[np.int64]:
    """Tones 1 to 5: a gradient from top left to bottom right over each panel, plus lit and shaded edges."""
    up, left = np.roll(panel, 1, 0), np.roll(panel, 1, 1)
    down, right = np.roll(panel, -1, 0), np.roll(panel, -1, 1)
    lit = ((up != panel) | (left != panel)).astype(np.int64)
    dark = ((down != panel) | (right != panel)).astype(np.int64)
    slope = np.zeros(panel.shape, np.int64)
    for number in np.unique(panel):
        if number == 0:
            continue
        rows, columns = np.nonzero(panel == number)
        h, w = max(1, int(np.ptp(rows))), max(1, int(np.ptp(columns)))
        # 0 at the panel's top left corner, 120 at its bottom right one.
        along = 70 * (columns - columns.min()) // w + 50 * (rows - rows.min()) // h
        slope[rows, columns] = np.where(along < 30, 1, np.where(along < 78, 0, -1))
    return np.clip(3 + bias + np.clip(slope + lit - dark, -2, 2), 1, 5)


def _outline(indices: NDArray[np.uint8], material: NDArray[np.uint8]) -> None:
    """Draw an outline in the darkest tone of the adjacent material, in place in `indices`."""
    empty = material == 0
    for axis, step in ((0, 1), (1, 1), (0, -1), (1, -1)):
        beside = np.roll(material, step, axis)
        ring = empty & (beside > 0) & (indices == 0)
        indices[ring] = beside[ring] * TONES
