"""Sprite sheets cut into sprites: by a grid, or into the connected shapes that stand apart on them.

`regions` is what an import applies and what a window previews: the same rectangles.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.decoding.limits import UnreadablePicture
from gandam_studio.core.rendering import content_box, plain_border

MAXIMUM_REGIONS = 20_000
_LONGEST = 32_000  # what a picture's side may be
Region = tuple[int, int, int, int]  # x, y, w, h in canonical pixels


@dataclass(frozen=True)
class Grid:
    """Cells of one size; empty ones are left out. `left`, `top`: where the first begins; `gap_x`, `gap_y`: between.

    A cell that runs over the sheet's right or lower edge is filled up (`parts.cut_region`).
    """

    width: int
    height: int
    left: int = 0
    top: int = 0
    gap_x: int = 0
    gap_y: int = 0

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError("a grid's cells must be at least one pixel")
        if max(asdict(self).values()) > _LONGEST:
            raise ValueError(f"a grid's numbers must be at most {_LONGEST:,}")
        if min(self.left, self.top, self.gap_x, self.gap_y) < 0:
            raise ValueError("a grid's margins and gaps must not be negative")

    @property
    def mode(self) -> str:
        """Names this slicing among all others."""
        return f"grid={self.width}x{self.height}+{self.left}+{self.top}+{self.gap_x}+{self.gap_y}+edges"

    def to_json(self) -> dict[str, Any]:
        """Plain values for `sheet_from_json`."""
        return {"kind": "grid", **asdict(self)}


@dataclass(frozen=True)
class Components:
    """Shapes that touch (8 neighbours) belong together, also across gaps of up to `join` pixels.

    `smallest`: shapes with fewer visible pixels are dust and left out.
    """

    join: int = 1
    smallest: int = 16

    def __post_init__(self) -> None:
        if not 0 <= self.join <= 64 or self.smallest < 1:
            raise ValueError("join must lie in 0 to 64 and smallest be at least 1")

    @property
    def mode(self) -> str:
        """Names this slicing among all others."""
        return f"components={self.join}+{self.smallest}"

    def to_json(self) -> dict[str, Any]:
        """Plain values for `sheet_from_json`."""
        return {"kind": "components", **asdict(self)}


def sheet_from_json(values: dict[str, Any]) -> Grid | Components:
    """The inverse of `to_json`. Raises ValueError."""
    values = dict(values)
    kind = values.pop("kind", None)
    if kind == "grid":
        return Grid(**values)
    if kind == "components":
        return Components(**values)
    raise ValueError(f"unknown slicing {kind!r}")


def regions(rgba: NDArray[np.uint8], sheet: Grid | Components) -> list[Region]:
    """The rectangles that a slicing cuts (H, W, 4) RGBA into, row by row from the top left; those without content
    are left out. Raises UnreadablePicture beyond MAXIMUM_REGIONS.
    """
    content = visible(rgba)
    found = _cells(content, sheet) if isinstance(sheet, Grid) else _shapes(content, sheet)
    if len(found) > MAXIMUM_REGIONS:
        raise UnreadablePicture(f"cuts into more than {MAXIMUM_REGIONS:,} sprites")
    return found


def visible(rgba: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W): what is neither transparent nor, on an opaque sheet with a plain border, the border's colour."""
    border = plain_border(rgba)
    if border is None:
        return rgba[..., 3] > 0
    return np.asarray((rgba[..., :3] != np.asarray(border[:3], np.uint8)).any(axis=2))


def propose(rgba: NDArray[np.uint8]) -> list[Grid | Components]:
    """Likely slicings of a sheet, the likeliest first; an empty list when it looks like a single sprite."""
    content = visible(rgba)
    proposals: list[Grid | Components] = []
    height, width = content.shape
    # A cell size fits when no line between cells cuts through content; the smallest such that is not all gaps wins.
    for side in (16, 24, 32, 40, 48, 56, 64, 68, 72, 80, 96, 128, 160, 192, 256):
        for cell_width, cell_height in ((side, side), (68, 56) if side == 68 else (0, 0)):
            if cell_width and _grid_fits(content, cell_width, cell_height):
                proposals.append(Grid(cell_width, cell_height))
    shapes = Components(join=max(1, min(width, height) // 256))
    count = len(_shapes(content, shapes))
    if 1 < count <= MAXIMUM_REGIONS:
        proposals.append(shapes)
    # The best grid cuts about as many pieces as there are shapes.
    proposals.sort(key=lambda sheet: abs(len(regions(rgba, sheet)) - count))
    return proposals[:6]


def _grid_fits(content: NDArray[np.bool_], cell_width: int, cell_height: int) -> bool:
    height, width = content.shape
    if width % cell_width or height % cell_height or (width, height) == (cell_width, cell_height):
        return False
    # Content may touch a cell's edge on one side, but must not run across it.
    across_x = content[:, cell_width - 1 : -1 : cell_width] & content[:, cell_width::cell_width]
    across_y = content[cell_height - 1 : -1 : cell_height] & content[cell_height::cell_height]
    return not across_x.any() and not across_y.any()


def _cells(content: NDArray[np.bool_], grid: Grid) -> list[Region]:
    height, width = content.shape
    columns = range(grid.left, width, grid.width + grid.gap_x)
    rows = range(grid.top, height, grid.height + grid.gap_y)
    if len(columns) * len(rows) > 50 * MAXIMUM_REGIONS:
        raise UnreadablePicture("the grid's cells are too small for this picture")
    return [
        (x, y, grid.width, grid.height)
        for y in rows
        for x in columns
        if content[y : y + grid.height, x : x + grid.width].any()
    ]


def _shapes(content: NDArray[np.bool_], components: Components) -> list[Region]:
    mask = content.astype(np.uint8)
    if components.join:
        # Every shape grows by `join` pixels in all: what lies no farther apart touches.
        mask = np.asarray(cv2.dilate(mask, np.ones((components.join + 1,) * 2, np.uint8)), np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    counts = np.bincount(labels[content], minlength=len(boxes))
    if np.count_nonzero(counts[1:] >= components.smallest) > MAXIMUM_REGIONS:
        raise UnreadablePicture(f"cuts into more than {MAXIMUM_REGIONS:,} sprites")
    found = []
    for label in range(1, len(boxes)):
        if counts[label] >= components.smallest:
            x, y, w, h = (int(value) for value in boxes[label][:4])
            window = np.s_[y : y + h, x : x + w]
            inner = content_box_of(content[window] & (labels[window] == label))
            found.append((x + inner[0], y + inner[1], inner[2], inner[3]))
    return _reading_order(found)


def content_box_of(content: NDArray[np.bool_]) -> Region:
    """(x, y, w, h) around the True cells of a mask."""
    rgba = np.zeros((*content.shape, 4), np.uint8)
    rgba[..., 3] = content
    return content_box(rgba)


def _reading_order(found: list[Region]) -> list[Region]:
    """Left to right in rows: a shape whose middle lies above the foot of a row's first shape stands in that row."""
    remaining = sorted(found, key=lambda box: (box[1], box[0]))
    ordered: list[Region] = []
    while remaining:
        foot = remaining[0][1] + remaining[0][3]
        row = [box for box in remaining if box[1] + box[3] / 2 < foot]
        row = row or remaining[:1]
        ordered += sorted(row, key=lambda box: (box[0], box[1]))
        taken = set(row)
        remaining = [box for box in remaining if box not in taken]
    return ordered
