"""Pictures of the contest, from the grids that `tests/benchmarks/trainer_quality.py --grids FOLDER` wrote.

python docs/contest.py side FOLDER NAME... --out docs/images/contest-mechas.webp [--across 4] [--size 32]
python docs/contest.py looks FOLDER NAME... --out resources/looks [--size 32]

`side` puts the first 32 samples of each contender, of seed 0, beside those of the others, in rows of so many. `looks`
cuts out the first 8 of a preset as the row that Train shows. Samples come in the order in which they were drawn: none
is picked. `--size` is the pictures' side.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

COLUMNS, ROWS, LOOK = 8, 4, 8
TIMES, GAP = 2, 12
SMALL = 32


def samples(folder: Path, name: str, count: int, size: int) -> list[np.ndarray]:
    """The first `count` samples, each uint8 (size, size, 3), of a contender's grid of seed 0."""
    with Image.open(folder / f"{name}-0.png") as grid:
        pixels = np.asarray(grid.convert("RGB"))
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    if rows * columns < count:
        sys.exit(f"{name}-0.png has {rows * columns} samples, not {count}")
    cells = pixels[: rows * size, : columns * size].reshape(rows, size, columns, size, 3).swapaxes(1, 2)
    return list(cells.reshape(-1, size, size, 3)[:count])


def side_by_side(folder: Path, names: list[str], across: int, size: int) -> Image.Image:
    """Blocks of ROWS x COLUMNS samples, `across` in a row, enlarged without blur; what is left of the last is white."""
    gap, high, wide = GAP // TIMES, ROWS * size, COLUMNS * size
    across = min(across, len(names))
    down = -(-len(names) // across)
    canvas = np.full((down * (high + gap) - gap, across * (wide + gap) - gap, 3), 208, np.uint8)
    for place in range(down * across):
        top, left = place // across * (high + gap), place % across * (wide + gap)
        block = np.full((high, wide, 3), 255, np.uint8)
        if place < len(names):
            found = samples(folder, names[place], ROWS * COLUMNS, size)
            block = np.vstack([np.hstack(found[at : at + COLUMNS]) for at in range(0, len(found), COLUMNS)])
        canvas[top : top + high, left : left + wide] = block
    return Image.fromarray(np.kron(canvas, np.ones((TIMES, TIMES, 1), np.uint8)))


def main() -> None:
    """Parse, make, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("side", "looks"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--across", type=int, default=4)
    parser.add_argument("--size", type=int, default=SMALL)
    told = parser.parse_args()
    if told.kind == "side":
        side_by_side(told.folder, told.names, told.across, told.size).save(told.out, quality=80, method=6)
        return
    told.out.mkdir(parents=True, exist_ok=True)
    for name in told.names:
        row = np.hstack(samples(told.folder, name, LOOK, told.size))
        stem = name if told.size == SMALL else f"{name}-{told.size}"
        Image.fromarray(row).save(told.out / f"{stem}.png", optimize=True)


if __name__ == "__main__":
    main()
