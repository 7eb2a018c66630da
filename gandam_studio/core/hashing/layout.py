"""The columns of a fingerprint: one row of `COLUMNS` unsigned 64-bit words per picture.

| column | name | holds |
|---|---|---|
| 0 | BOX | x, y, width, height of the trimmed content in canonical pixels, 16 bits each, x highest |
| 1 | FLAGS | the `Flag` bits; bits 32 to 63: visible pixels, saturated |
| 2 | PIXELS | digest of the trimmed, visible pixels, independent of their position on the canvas |
| 3 | PIXELS_MIRRORED | the same digest of the mirrored content |
| 4 | SILHOUETTE_EVEN | signs of the opacity's DCT, even columns: the same for a picture and its mirror image |
| 5 | SILHOUETTE_ODD | signs of the opacity's DCT, odd columns: all inverted by mirroring |
| 6 | INTERIOR_EVEN | as 4, of the brightness inside the silhouette |
| 7 | INTERIOR_ODD | as 5, of the brightness inside the silhouette |
| 8 | WHOLE_EVEN | as 4, of the brightness of the whole, untrimmed picture on white |
| 9 | WHOLE_ODD | as 5, of the brightness of the whole, untrimmed picture on white |
| 10 | SIZE | width and height of the whole picture, 32 bits each |
| 11 to 14 | UPPER, LOWER, LEFT, RIGHT | digests of about half of the trimmed pixels (`digest`) |
| 15 to 18 | UPPER_MIRRORED ... | the same digests of the mirrored halves |
| 19 to 36 | | the whole, untrimmed picture in 6 x 6 cells, a byte a channel (`sketching`) |
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np

SIDE = 6
"""Cells of a sketch in each direction."""
CELLS = SIDE * SIDE
BYTES = 4 * CELLS


class Column(IntEnum):
    """Index of each word in a fingerprint row."""

    BOX = 0
    FLAGS = 1
    PIXELS = 2
    PIXELS_MIRRORED = 3
    SILHOUETTE_EVEN = 4
    SILHOUETTE_ODD = 5
    INTERIOR_EVEN = 6
    INTERIOR_ODD = 7
    WHOLE_EVEN = 8
    WHOLE_ODD = 9
    SIZE = 10
    UPPER = 11
    LOWER = 12
    LEFT = 13
    RIGHT = 14
    UPPER_MIRRORED = 15
    LOWER_MIRRORED = 16
    LEFT_MIRRORED = 17
    RIGHT_MIRRORED = 18


SKETCH = slice(len(Column), len(Column) + BYTES // 8)
COLUMNS = SKETCH.stop

HALVES = tuple(Column)[Column.UPPER : Column.RIGHT_MIRRORED + 1]
# Where each half's digest is in the mirrored picture.
_HALVES_MIRRORED = (
    Column.UPPER_MIRRORED,
    Column.LOWER_MIRRORED,
    Column.RIGHT_MIRRORED,
    Column.LEFT_MIRRORED,
    Column.UPPER,
    Column.LOWER,
    Column.RIGHT,
    Column.LEFT,
)

# The four words that measure how different two sprites look: 256 bits.
LOOK = (Column.SILHOUETTE_EVEN, Column.SILHOUETTE_ODD, Column.INTERIOR_EVEN, Column.INTERIOR_ODD)
# The two words that do so for untrimmed pictures, for backgrounds that cannot be separated from the sprite: 128 bits.
WHOLE = (Column.WHOLE_EVEN, Column.WHOLE_ODD)


class Flag(IntFlag):
    """Properties of a picture that limit how its hashes may be compared; the low 32 bits of `Column.FLAGS`."""

    BLANK = 1  # nothing visible: matches identical pixels only
    NO_SILHOUETTE = 2  # fills its box: the silhouette words are meaningless
    NO_INTERIOR = 4  # one flat tone: the interior words are meaningless
    OPAQUE = 8  # no transparency in the file
    KEYED = 16  # its background was detected and removed
    TINY = 32  # fewer than `TINY_PIXELS` visible pixels: only exact comparisons are meaningful
    SYMMETRIC_SILHOUETTE = 64  # every odd frequency of the silhouette is zero: mirroring changes nothing
    SYMMETRIC_INTERIOR = 128  # the same for the interior
    SYMMETRIC_WHOLE = 256  # the same for the whole picture


TINY_PIXELS = 16


def pack_boxes(boxes: np.ndarray) -> np.ndarray:
    """Pack (N, 4) x, y, width, height into (N,) uint64 words; each value is clamped to 65,535."""
    parts = np.minimum(boxes, 0xFFFF).astype(np.uint64) << np.array([48, 32, 16, 0], dtype=np.uint64)
    return np.bitwise_or.reduce(parts, axis=1)


def boxes(fingerprints: np.ndarray) -> np.ndarray:
    """Return (N, 4) int64 x, y, width, height from (N, COLUMNS) rows."""
    word = np.asarray(fingerprints, dtype=np.uint64)[:, Column.BOX]
    return np.stack([(word >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (48, 32, 16, 0)], axis=1).astype(
        np.int64
    )


def flags(fingerprints: np.ndarray) -> np.ndarray:
    """Return (N,) int64 `Flag` bits from (N, COLUMNS) rows."""
    return (np.asarray(fingerprints, dtype=np.uint64)[:, Column.FLAGS] & np.uint64(0xFFFFFFFF)).astype(np.int64)


def whole_sizes(fingerprints: np.ndarray) -> np.ndarray:
    """Return (N, 2) int64 width, height of the whole pictures from (N, COLUMNS) rows."""
    word = np.asarray(fingerprints, dtype=np.uint64)[:, Column.SIZE]
    return np.stack([word >> np.uint64(32), word & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)


def sketches_of(fingerprints: np.ndarray) -> np.ndarray:
    """Return (N, SIDE, SIDE, 4) uint8 sketches (`sketching`) from (N, COLUMNS) rows."""
    words = np.ascontiguousarray(np.asarray(fingerprints, dtype="<u8")[:, SKETCH])
    return words.view(np.uint8).reshape(-1, SIDE, SIDE, 4)


def packed_sketches(sketches: np.ndarray) -> np.ndarray:
    """Pack (N, SIDE, SIDE, 4) uint8 sketches into the words of rows."""
    return np.ascontiguousarray(sketches).reshape(-1, BYTES).view("<u8").astype(np.uint64)


def mirrored(fingerprints: np.ndarray) -> np.ndarray:
    """Return the rows of the mirrored pictures, computed without their pixels: (N, COLUMNS) uint64, a copy.

    Mirroring negates exactly the odd horizontal frequencies of a DCT (cos(pi k (W - x - 1/2) / W) = (-1)^k cos(pi k (x
    + 1/2) / W)), so their sign bits are inverted. `BOX` is not changed.
    """
    rows = np.array(fingerprints, dtype=np.uint64, copy=True)
    rows[:, [Column.PIXELS, Column.PIXELS_MIRRORED]] = rows[:, [Column.PIXELS_MIRRORED, Column.PIXELS]]
    rows[:, list(HALVES)] = rows[:, list(_HALVES_MIRRORED)]
    rows[:, SKETCH] = packed_sketches(sketches_of(rows)[:, :, ::-1])
    for column, symmetric in (
        (Column.SILHOUETTE_ODD, Flag.SYMMETRIC_SILHOUETTE),
        (Column.INTERIOR_ODD, Flag.SYMMETRIC_INTERIOR),
        (Column.WHOLE_ODD, Flag.SYMMETRIC_WHOLE),
    ):
        rows[:, column] ^= np.where(flags(rows) & symmetric, np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF))
    return rows
