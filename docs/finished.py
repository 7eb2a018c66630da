"""Samples of some runs before and after the palette step: a table of what changed, and a figure.

python docs/finished.py RUN_FOLDER... --out docs/images/finished.png
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from gandam_studio.core.finishing.finish import Finish, finished, outline_gap, shares, with_alpha
from gandam_studio.core.finishing.palette import packed
from gandam_studio.core.runs.checkpoints import kept_checkpoints
from gandam_studio.core.runs.handing_over import CLEAN_LOOK, drawn_by, finish_samples, real_pictures
from trainer.protocol.run_directory import RunDirectory

COUNT, SHOWN, SIDE, GROUND = 256, 12, 128, (198, 203, 208, 255)


def main() -> None:
    """Print a line a run, and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    print(
        f"{'run':>24}  in palette  clear/opaque  stray: drawn, in palette, finished, data  outline gap: before, after"
    )
    rows = []
    for folder in told.runs:
        run = RunDirectory(folder)
        best = next((one.name for one in kept_checkpoints(run) if one.is_best), None)
        with tempfile.TemporaryDirectory() as scratch:
            draw = drawn_by(run, count=COUNT, seed=told.seed, iteration=best)
            samples = draw(Path(scratch) / "drawn")
        done = finish_samples(run, samples, CLEAN_LOOK)
        palette = done.finish.palette
        assert palette is not None
        assert done.data_stray is not None
        own = set(packed(palette.rgb).tolist())
        pixels = np.concatenate([picture.reshape(-1, 4) for picture in done.pictures])
        shown = packed(pixels[pixels[:, 3] > 0][:, :3])
        inside = np.isin(shown, list(own)).mean()
        binary = np.isin(pixels[:, 3], (0, 255)).mean()
        plain = shares([finished(picture, Finish(palette)) for picture in samples.pictures])
        real = real_pictures(run, COUNT)
        in_palette = [finished(picture, Finish(palette)) for picture in real]
        gaps = outline_gap(samples.pictures, in_palette), outline_gap(done.pictures, in_palette)
        name = f"{run.path.parents[1].name}/{run.name}"
        print(
            f"{name[-24:]:>24}  {inside:10.2%}  {binary:12.2%}  {shares(samples.pictures):6.2%} {plain:6.2%} "
            f"{done.stray:6.2%} {done.data_stray:6.2%}   {gaps[0]:.4f} {gaps[1]:.4f}"
        )
        rows += [[with_alpha(picture) for picture in samples.pictures[:SHOWN]], done.pictures[:SHOWN]]
    sheet = np.vstack([np.hstack([_larger(picture) for picture in row]) for row in rows])
    ground = Image.new("RGBA", (sheet.shape[1], sheet.shape[0]), GROUND)
    Image.alpha_composite(ground, Image.fromarray(sheet)).convert("RGB").save(told.out, optimize=True)


def _larger(picture: np.ndarray) -> np.ndarray:
    scale = max(1, SIDE // picture.shape[0])
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


if __name__ == "__main__":
    main()
