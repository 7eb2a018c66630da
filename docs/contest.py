"""Pictures of the contest, from the grids that `tests/benchmarks/trainer_quality.py --grids FOLDER` wrote.

python docs/contest.py side FOLDER NAME... --out docs/images/contest-mechas.webp
python docs/contest.py looks FOLDER NAME... --out resources/looks

`side` puts the first 32 samples of each contender, of seed 0, beside those of the others. `looks` cuts out the first
8 of a preset as the row that Train shows. Samples come in the order in which they were drawn: none is picked.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SIDE, COLUMNS, ROWS, LOOK = 32, 8, 4, 8
TIMES, GAP = 2, 12


def samples(folder: Path, name: str, count: int) -> list[np.ndarray]:
    """The first `count` samples, each uint8 (SIDE, SIDE, 3), of a contender's grid of seed 0."""
    with Image.open(folder / f"{name}-0.png") as grid:
        pixels = np.asarray(grid.convert("RGB"))
    rows, columns = pixels.shape[0] // SIDE, pixels.shape[1] // SIDE
    if rows * columns < count:
        sys.exit(f"{name}-0.png has {rows * columns} samples, not {count}")
    cells = pixels[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2)
    return list(cells.reshape(-1, SIDE, SIDE, 3)[:count])


def side_by_side(folder: Path, names: list[str]) -> Image.Image:
    """Blocks of ROWS x COLUMNS samples in a row, enlarged without blur."""
    blocks = []
    for name in names:
        found = samples(folder, name, ROWS * COLUMNS)
        block = np.vstack([np.hstack(found[at : at + COLUMNS]) for at in range(0, len(found), COLUMNS)])
        blocks += [np.full((len(block), GAP // TIMES, 3), 208, np.uint8), block]
    return Image.fromarray(np.kron(np.hstack(blocks[1:]), np.ones((TIMES, TIMES, 1), np.uint8)))


def main() -> None:
    """Parse, make, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("side", "looks"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    if told.kind == "side":
        side_by_side(told.folder, told.names).save(told.out, quality=80, method=6)
        return
    told.out.mkdir(parents=True, exist_ok=True)
    for name in told.names:
        row = np.hstack(samples(told.folder, name, LOOK))
        Image.fromarray(row).save(told.out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
