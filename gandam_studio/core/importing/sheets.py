"""Cuts sprite sheets into sprites: by a grid, into separate shapes, or by a description (an atlas).

Both the import and the window's preview use `pieces`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.pictures.decoding.parts import INDEX_0, Color, Key, Piece, keyed
from gandam_studio.core.pictures.rendering import content_box, plain_border

MAXIMUM_REGIONS = 20_000
_LONGEST = 32_000  # side of a picture in pixels
_SIDES = (16, 24, 32, 40, 48, 56, 64, 68, 72, 80, 96, 128, 160, 192, 256)
"""Cell sizes in pixels that are tried as a grid."""
Region = tuple[int, int, int, int]  # x, y, w, h in canonical pixels
# Least share of an opaque picture's border and area that its key colour covers.
_KEY_BORDER, _KEY_AREA = 0.6, 0.15
# Sides in pixels of the smallest sheet and the smallest sprite, and the largest factor between areas of alike pieces.
_SMALLEST_SHEET, _SMALLEST_PIECE, _ALIKE = 32, 8, 3.0
# Least share of a sheet's cells that have content, and of its area that shapes cover.
_LEAST_CELLS, _LEAST_CONTENT = 0.25, 0.1


@dataclass(frozen=True)
class Grid:
    """Cells of one size; empty ones are skipped. All values are in pixels.

    `left`, `top`: margin before the first cell. `gap_x`, `gap_y`: space between cells. A cell that extends beyond the
    right or lower edge of the sheet is padded (`parts.Piece.cut`).
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
    """Shapes: connected pixels (8 neighbours), joined across gaps of up to `join` pixels.

    Shapes with fewer than `smallest` visible pixels are skipped.
    """

    join: int = 1
    smallest: int = 16

    def __post_init__(self) -> None:
        if not 0 <= self.join <= 64 or self.smallest < 1:
            raise ValueError("join must be between 0 and 64, and smallest at least 1")

    @property
    def mode(self) -> str:
        """Names this slicing among all others."""
        return f"components={self.join}+{self.smallest}"

    def to_json(self) -> dict[str, Any]:
        """Plain values for `sheet_from_json`."""
        return {"kind": "components", **asdict(self)}


@dataclass(frozen=True)
class Atlas:
    """The pieces listed in a sheet's description (see `atlases`).

    `from_below`: y is the distance between the lower edges of the sheet and the piece.
    """

    pieces: tuple[Piece, ...]
    from_below: bool = False

    @property
    def mode(self) -> str:
        """Names this slicing among all others."""
        parts = "\n".join(f"{piece.part} {piece.name}" for piece in self.pieces)
        parts += "\nfrom below" if self.from_below else ""
        return f"atlas={hashlib.sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"

    def to_json(self) -> dict[str, Any]:
        """Plain values for `sheet_from_json`."""
        return {"kind": "atlas", "pieces": [asdict(piece) for piece in self.pieces], "from_below": self.from_below}

    def on(self, height: int) -> tuple[Piece, ...]:
        """Return the pieces for a sheet of this height in pixels. Raises UnreadablePicture if one is above its top."""
        if not self.from_below:
            return self.pieces
        found = []
        for piece in self.pieces:
            x, y, w, h = piece.box
            if y + h > height:
                raise UnreadablePicture(f"the sheet has no {piece.part}, counted from its lower edge")
            found.append(replace(piece, box=(x, height - y - h, w, h)))
        return tuple(found)


@dataclass(frozen=True)
class Proposed:
    """The likeliest cut of each sheet (`propose`); a picture that looks like one sprite stays whole."""

    @property
    def mode(self) -> str:
        """Names this slicing among all others."""
        return "grid=auto"

    def to_json(self) -> dict[str, Any]:
        """Plain values for `sheet_from_json`."""
        return {"kind": "proposed"}


Slicing = Grid | Components | Atlas | Proposed


def sheet_from_json(values: dict[str, Any]) -> Slicing:
    """The inverse of `to_json`. Raises ValueError."""
    values = dict(values)
    kind = values.pop("kind", None)
    if kind == "grid":
        return Grid(**values)
    if kind == "components":
        return Components(**values)
    if kind == "proposed":
        return Proposed()
    if kind == "atlas":
        return Atlas(tuple(_piece(piece) for piece in values["pieces"]), bool(values.get("from_below", False)))
    raise ValueError(f"unknown slicing {kind!r}")


_MODE = re.compile(
    r"(?:grid=(?:(auto)|(\d{1,5})x(\d{1,5})\+(\d{1,5})\+(\d{1,5})\+(\d{1,5})\+(\d{1,5})\+edges)"
    r"|components=(\d{1,2})\+(\d{1,9}))?(?:\+?key=(auto|index0|[0-9a-f]{6}))?(?:\+frames=distinct)?"
)
WHOLE = "whole"
"""Kind of a cut that keeps the picture whole and only applies a key colour."""


def cut_of(mode: str) -> dict[str, Any] | None:
    """Parse the name of a cut (`Cut.mode`, `ImportOptions.mode`) to plain values; None for no cut or a description.

    The values are those of `Slicing.to_json` or the kind WHOLE, with "key": [r, g, b], "auto", "index0" or None.
    """
    match = _MODE.fullmatch(mode)
    if match is None:
        return None
    proposed, *grid, join, smallest, color = match.groups()
    try:
        if grid[0]:
            cut = Grid(*map(int, grid)).to_json()
        elif join:
            cut = Components(int(join), int(smallest)).to_json()
        elif proposed:
            cut = Proposed().to_json()
        elif color:
            cut = {"kind": WHOLE}
        else:
            return None
    except ValueError:
        return None
    return {**cut, "key": list(bytes.fromhex(color)) if color and color not in ("auto", INDEX_0) else color}


def _piece(values: dict[str, Any]) -> Piece:
    fields: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in values.items()}
    return Piece(**fields)


def pieces(rgba: NDArray[np.uint8], slicing: Slicing, key: Key | None = None) -> list[Piece]:
    """Cut (H, W, 4) RGBA into pieces. Those of an atlas may be empty.

    `key` stands for transparency; with INDEX_0 its pixels must be transparent already. Raises UnreadablePicture for
    more than MAXIMUM_REGIONS pieces.
    """
    if isinstance(slicing, Atlas):
        return [replace(piece, key=key) for piece in slicing.on(rgba.shape[0])]
    if isinstance(key, tuple):
        rgba = keyed(rgba, key)
    if isinstance(slicing, Proposed):
        proposals = propose(rgba)
        if not proposals:
            return [Piece((0, 0, rgba.shape[1], rgba.shape[0]), key=key)]
        slicing = proposals[0]
    return [Piece(box, key=key) for box in regions(rgba, slicing)]


def propose_key(rgba: NDArray[np.uint8]) -> Color | None:
    """Return the colour that stands for transparency on an opaque (H, W, 4) RGBA picture, or None.

    It fills most of the border (a signature may cover a corner) and a good part of the picture.
    """
    if rgba[..., 3].min() < 255:
        return None
    words = np.ascontiguousarray(rgba).view("<u4")[..., 0]
    border = np.concatenate((words[0], words[-1], words[1:-1, 0], words[1:-1, -1]))
    values, counts = np.unique(border, return_counts=True)
    word = int(values[counts.argmax()])
    if counts.max() < _KEY_BORDER * len(border) or np.count_nonzero(words == word) < _KEY_AREA * words.size:
        return None
    if np.count_nonzero(words == word) == words.size:
        return None
    return word & 0xFF, word >> 8 & 0xFF, word >> 16 & 0xFF


def proposed_key(rgba: NDArray[np.uint8], cleared: NDArray[np.uint8] | None) -> Key | None:
    """As `propose_key`, but INDEX_0 if the first palette entry has that colour and the drawing uses another such entry.

    `cleared` is the picture without the first entry (`palettes.without_index_0`); None without a palette.
    """
    color = propose_key(rgba)
    if color is None or cleared is None:
        return color
    same = (rgba[..., :3] == np.asarray(color, np.uint8)).all(axis=2)
    first = same & (cleared[..., 3] == 0)
    rim = np.ones(same.shape, bool)
    rim[1:-1, 1:-1] = False
    is_ground = 2 * np.count_nonzero(first & rim) > np.count_nonzero(same & rim)
    return INDEX_0 if is_ground and (same & ~first).any() else color


def regions(rgba: NDArray[np.uint8], sheet: Grid | Components) -> list[Region]:
    """Return the rectangles that a slicing cuts (H, W, 4) RGBA into, row by row from the top left, without empty ones.

    Raises UnreadablePicture for more than MAXIMUM_REGIONS.
    """
    content = visible(rgba)
    found = _cells(content, sheet) if isinstance(sheet, Grid) else _shapes(content, sheet)
    if len(found) > MAXIMUM_REGIONS:
        raise UnreadablePicture(f"cuts into more than {MAXIMUM_REGIONS:,} sprites")
    return found


def visible(rgba: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return an (H, W) mask of the content: not transparent and, on an opaque sheet, not of the border's colour."""
    border = plain_border(rgba)
    if border is None:
        return rgba[..., 3] > 0
    return np.asarray((rgba[..., :3] != np.asarray(border[:3], np.uint8)).any(axis=2))


def propose(rgba: NDArray[np.uint8]) -> list[Grid | Components]:
    """Return likely slicings of a sheet, the likeliest first; an empty list if it looks like a single sprite."""
    content = visible(rgba)
    if not content.any():
        return []
    proposals: list[Grid | Components] = []
    height, width = content.shape
    # A cell size fits if no line between cells cuts through content.
    for side in _SIDES:
        for cell_width, cell_height in ((side, side), (68, 56) if side == 68 else (0, 0)):
            if cell_width and _grid_fits(content, cell_width, cell_height):
                proposals.append(Grid(cell_width, cell_height))
    shapes = Components(join=max(1, min(width, height) // 256))
    count = len(_shapes(content, shapes))
    # A grid whose last cells extend beyond the edge counts if it gives each shape its own cell.
    cut_off = (Grid(side, side) for side in _SIDES if _grid_fits(content, side, side, whole=False))
    proposals += [grid for grid in cut_off if grid not in proposals and len(_cells(content, grid)) == count > 2][:1]
    if 1 < count <= MAXIMUM_REGIONS:
        proposals.append(shapes)
    # The best grid has about as many cells as there are shapes. Visible gaps or ruled lines are certain, and go first.
    proposals.sort(key=lambda sheet: abs(len(regions(rgba, sheet)) - count))
    separated = separated_grid(rgba)
    return ([separated] if separated else []) + proposals[:6]


def likely(rgba: NDArray[np.uint8]) -> Grid | Components | None:
    """Return how to cut (H, W, 4) RGBA if it is clearly a sheet of several sprites; None if it may be one sprite.

    Stricter than `propose`: requires visible gaps or ruled lines, or at least three separate pieces of similar size.
    """
    if max(rgba.shape[:2]) < _SMALLEST_SHEET:
        return None
    for sheet in propose(rgba):
        try:
            found = regions(rgba, sheet)
        except UnreadablePicture:
            continue
        if _is_scattered(rgba, sheet, found):
            continue
        if _are_alike(rgba, found, least=2 if sheet == separated_grid(rgba) else 3):
            return sheet
    return None


def _is_scattered(rgba: NDArray[np.uint8], sheet: Grid | Components, found: list[Region]) -> bool:
    """Whether most of the picture is empty, as in a scene with a few objects."""
    height, width = rgba.shape[:2]
    if isinstance(sheet, Grid):
        columns = -(-(width - sheet.left) // (sheet.width + sheet.gap_x))
        rows = -(-(height - sheet.top) // (sheet.height + sheet.gap_y))
        return len(found) < _LEAST_CELLS * columns * rows
    return bool(np.count_nonzero(visible(rgba)) < _LEAST_CONTENT * width * height)


def _are_alike(rgba: NDArray[np.uint8], found: list[Region], least: int) -> bool:
    """Whether enough pieces have a similar size and contain most of what is visible."""
    content = visible(rgba)
    sizes, areas = [], []
    for x, y, w, h in found:
        inside = content[y : y + h, x : x + w]
        box = content_box_of(inside)
        sizes.append(max(box[2], box[3]))
        areas.append(int(np.count_nonzero(inside)))
    whole = [area for size, area in zip(sizes, areas, strict=True) if size >= _SMALLEST_PIECE]
    if len(whole) < least:
        return False
    typical = float(np.median(whole))
    alike = [area for area in whole if typical / _ALIKE <= area <= typical * _ALIKE]
    return bool(len(alike) >= max(least, 0.7 * len(found)) and sum(alike) >= 0.7 * np.count_nonzero(content))


def separated_grid(rgba: NDArray[np.uint8]) -> Grid | None:
    """Return the grid whose cells are separated by gaps or ruled lines of one colour in (H, W, 4) RGBA, or None.

    There may be a margin of any width around the cells.
    """
    across = _separators(rgba)
    down = _separators(rgba.swapaxes(0, 1))
    if across is None or down is None:
        return None
    (width, left, gap_x), (height, top, gap_y) = across, down
    return Grid(width, height, left, top, gap_x, gap_y)


def _separators(rgba: NDArray[np.uint8]) -> tuple[int, int, int] | None:
    """(cell size, offset of the first cell, gap) along the second axis, or None.

    Gaps are equally wide, equally spaced runs of columns of a single colour.
    """
    plain = (rgba == rgba[:1]).all(axis=(0, 2))
    if plain.all() or not plain.any():
        return None
    edges = np.flatnonzero(np.diff(np.concatenate(([False], plain, [False]))))
    starts, ends = edges[::2], edges[1::2]
    colors = np.ascontiguousarray(rgba[0]).view("<u4")[:, 0][starts]
    inner = (starts > 0) & (ends < rgba.shape[1])
    if not inner.any():
        return None
    gap = int((ends - starts)[inner][0])
    same = ((ends - starts)[inner] == gap) & (colors[inner] == colors[inner][0])
    steps = np.diff(starts[inner])
    if not same.all() or len(set(steps.tolist())) > 1:
        return None
    first, last = int(starts[inner][0]), int(ends[inner][-1])
    before = first if not plain[0] else first - int(ends[0])
    after = rgba.shape[1] - last if not plain[-1] else int(starts[-1]) - last
    cell = int(steps[0]) - gap if len(steps) else before
    # An incomplete cell at an edge would be lost.
    if cell < 4 or before != cell or after != cell or 4 * gap > cell:
        return None
    return cell, first - cell, gap


def _grid_fits(content: NDArray[np.bool_], cell_width: int, cell_height: int, *, whole: bool = True) -> bool:
    height, width = content.shape
    if whole and (width % cell_width or height % cell_height):
        return False
    if cell_width > width or cell_height > height or (width, height) == (cell_width, cell_height):
        return False
    # Content may touch a cell's edge but not cross it.
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
        # Every shape grows by `join` pixels in total, so shapes that are no farther apart touch.
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
    """Return the bounding box (x, y, w, h) of a mask."""
    rgba = np.zeros((*content.shape, 4), np.uint8)
    rgba[..., 3] = content
    return content_box(rgba)


def _reading_order(found: list[Region]) -> list[Region]:
    """Sort into rows, left to right. A row holds the shapes whose middle is above the bottom of its first shape."""
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
