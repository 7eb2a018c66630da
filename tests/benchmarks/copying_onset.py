"""How often a run may see each sprite before it copies: verdicts at eight moments of one run.

    OMP_NUM_THREADS=1 python tests/benchmarks/copying_onset.py [PICTURES.zip | FOLDER] [--sprites 480] [--seconds 240]
        [--preset sprite-flow-cpu] [--set NAME=VALUE ...] [--seed 0] [--grids FOLDER] [--json]

Trains for CPU seconds on one thread, at 32 px, on whole families of the training part of `trainer_quality.py`, up to
so many sprites. At each eighth of the time 256 samples are diagnosed. Shown are the pictures seen for each sprite, KID
x 1000 by the judge, the verdict, and the share of samples that look like a training picture.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import torch
from trainer_quality import BUNDLED, SNAP, Ours, configurations, heads, read, train_turns, training_set

from trainer.dataset import TrainingSet, snapped
from trainer.device import Machine
from trainer.diagnostics.diagnose import Diagnostics
from trainer.grids import save_png, tile
from trainer.kid import Reference
from trainer.lite0_front import Lite0Front
from trainer.protocol.overrides import apply_overrides
from trainer.real_sides import real_sides

MOMENTS = 8
SAMPLES = 256


def fewer(data: TrainingSet, sprites: int) -> TrainingSet:
    """`data` with whole families to train on, in the order of the split, of at most so many sprites together."""
    assert data.families is not None
    kept: list[int] = []
    of_row = data.families[data.train]
    for family in dict.fromkeys(of_row.tolist()):
        own = data.train[of_row == family].tolist()
        if len(kept) + len(own) <= sprites:
            kept += own
    return dataclasses.replace(data, train=torch.tensor(kept))


def main() -> None:
    """Parse, train, diagnose, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--sprites", type=int, default=480)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--preset", choices=("sprite-flow-cpu", "sprite-r3-cpu"), default="sprite-flow-cpu")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grids", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pixels, families = read(options.source)
    data = fewer(training_set(pixels, families), options.sprites)
    space = Lite0Front()
    reference = Reference.of(space(pixels[heads(data, data.held_out)]), one_scale=space.one_scale)
    judge = Diagnostics(*real_sides(data), SAMPLES)
    config = apply_overrides(configurations(options.seconds, options.seed, [])[options.preset], options.changes)
    run = Ours(config, data, Machine(torch.device("cpu"), channels_last=True))
    found = []
    for moment in range(1, MOMENTS + 1):
        train_turns({options.preset: run}, options.seconds * moment / MOMENTS)
        drawn = snapped(run.draw(SAMPLES), data.fill, SNAP)
        verdict = judge.look(drawn).diagnosis
        views, share, kid = run.images / len(data.train), verdict.copying.kappa, 1000 * reference.kid(space(drawn))
        found.append({"views": round(views), "kid_x1000": round(kid), "verdict": verdict.verdict, "copies": share})
        print(
            f"{views:6,.0f} views of each: KID x 1000 {kid:8,.0f}, {share:6.1%} copies, {verdict.verdict}", flush=True
        )
        if options.grids:
            options.grids.mkdir(parents=True, exist_ok=True)
            save_png(options.grids / f"{round(views):06}.png", tile(drawn[:64]))
    if options.json:
        print(json.dumps({"sprites": len(data.train), "preset": options.preset, "moments": found}))


if __name__ == "__main__":
    main()
