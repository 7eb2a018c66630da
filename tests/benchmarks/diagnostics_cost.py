"""What diagnosing costs, and what share of a run's time it takes.

    python tests/benchmarks/diagnostics_cost.py [--sizes 128 1000 10000] [--repeats 5] [--json]

For each number of training sprites (the drawn mechas, repeated with other colours where there are not enough): seconds
to prepare and seconds a look (medians of repeats, on one thread), and how much training between two looks keeps that
within 3 %.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "diagnostics"))

import numpy as np
import torch
from known_sprites import jittered
from real_sprites import mechas

from trainer.diagnostics.diagnose import Diagnostics
from trainer.diagnostics.likeness import RealPictures
from trainer.features import NAME, RandomFeatures

ROOT = Path(__file__).resolve().parents[2]
SHARE = 0.03


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    pictures, _ = mechas(ROOT)
    network, answers = RandomFeatures(), []
    for size in options.sizes:
        training = jittered(pictures[random.integers(0, len(pictures), size)], random)
        held_out = jittered(pictures[random.integers(0, len(pictures), max(8, size // 10))], random)
        real = RealPictures(training, np.arange(size)), RealPictures(held_out, np.arange(size, size + len(held_out)))
        started = time.perf_counter()
        features = network(training[:2048]), network(held_out[:2048])
        diagnostics = Diagnostics(*real, 256, 0, features)
        prepared = time.perf_counter() - started
        samples = jittered(pictures[random.integers(0, len(pictures), 256)], random)
        looks = []
        for _ in range(options.repeats):
            started = time.perf_counter()
            diagnostics.look(samples, network(samples), NAME)
            looks.append(time.perf_counter() - started)
        look = statistics.median(looks)
        answer = {"training": size, "prepare_s": round(prepared, 3), "look_s": round(look, 3), "apart_s": look / SHARE}
        answers.append(answer)
        if not options.json:
            print(f"{size:6} sprites: prepared in {prepared:.2f} s, {look:.3f} s a look; 3 % if looks are "
                  f"{look / SHARE:.0f} s apart", flush=True)  # fmt: skip
    if options.json:
        print(json.dumps(answers))


if __name__ == "__main__":
    main()
