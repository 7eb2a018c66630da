"""A sheet of sprites, and the description that says where each lies: TexturePacker's JSON with frames by name."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError

Pixels = NDArray[np.uint8]

LARGEST_SIDE = 16_384
"""Pixels of a sheet's side; graphics cards load no larger ones."""


def grid_of(count: int) -> tuple[int, int]:
    """(rows, columns) for `count` sprites, about as many of both."""
    columns = max(1, math.ceil(math.sqrt(count)))
    return math.ceil(count / columns), columns


def sheet_problem(count: int, width: int, height: int) -> str:
    """Why `count` sprites of this size do not make a sheet, "" if they do."""
    rows, columns = grid_of(count)
    if max(rows * height, columns * width) > LARGEST_SIDE:
        return f"a sheet of {columns * width:,} x {rows * height:,} pixels is too large; take fewer or smaller sprites"
    return ""


def laid_out(pictures: Sequence[Pixels], columns: int = 0) -> Pixels:
    """Pictures (H, W, 4) of one size, row by row on one sheet; empty cells are clear. Raises UserError if too large.

    columns: so many in a row, 0 for `grid_of`.
    """
    height, width = pictures[0].shape[:2]
    if problem := sheet_problem(len(pictures), width, height):
        raise UserError(problem)
    rows, columns = grid_of(len(pictures)) if not columns else (-(-len(pictures) // columns), columns)
    sheet = np.zeros((rows * height, columns * width, 4), np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width] = picture
    return sheet


def atlas(names: Sequence[str], size: tuple[int, int], image: str, scale: int, about: dict[str, Any]) -> bytes:
    """The description of a sheet made by `laid_out`.

    Args:
        names: of the sprites, in their order. size: (width, height) of each on the sheet, pixels.
        image: the sheet's file name. scale: how many times as large as drawn.
        about: further facts, under "gandam" of its "meta".
    """
    width, height = size
    rows, columns = grid_of(len(names))
    frames = {
        name: {
            "frame": {"x": index % columns * width, "y": index // columns * height, "w": width, "h": height},
            "rotated": False,
            "trimmed": False,
            "spriteSourceSize": {"x": 0, "y": 0, "w": width, "h": height},
            "sourceSize": {"w": width, "h": height},
        }
        for index, name in enumerate(names)
    }
    meta = {
        "app": "GANdam Studio",
        "version": "1.0",
        "image": image,
        "format": "RGBA8888",
        "size": {"w": columns * width, "h": rows * height},
        "scale": str(scale),
        "gandam": about,
    }
    return (json.dumps({"frames": frames, "meta": meta}, indent=1, ensure_ascii=False) + "\n").encode()
