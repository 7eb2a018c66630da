"""How long Explore takes to draw: processor milliseconds of one thread for a grid of 36, and through the process.

    python tests/benchmarks/explore_latency.py [RUN]

Networks are those of the presets at their size and at 64 pixels, untrained: weights do not change the time. With a RUN,
the drawing process is asked as the window asks it, and the time to the answer is printed as well (wall clock: it means
something only on an idle machine), with how near a projection of the run's own samples comes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import torch  # noqa: E402

from gandam_studio.core.runs.drawing import DrawingProcess, Source  # noqa: E402
from trainer.exploring.models import Model  # noqa: E402
from trainer.networks import build_networks  # noqa: E402
from trainer.protocol.config import fit_data  # noqa: E402
from trainer.protocol.presets import load_preset  # noqa: E402
from trainer.randomness import latents  # noqa: E402
from trainer.sampling import Trained  # noqa: E402

COUNT, REPEATS = 36, 7
NETWORKS = (("sprite-r3-cpu", 32), ("sprite-r3-cpu", 64), ("dcgan", 64), ("hinge-sn", 64), ("sprite-r3", 64))


def grid_ms(preset: str, size: int) -> float:
    """The least processor time of a warm grid, milliseconds."""
    config = fit_data(load_preset(preset), size, 4)
    generator = build_networks(config)[0].eval().requires_grad_(False)
    model = Model(Trained(generator, torch.tensor([1.0, 1.0, 1.0, -1.0]), (), "ema", 1, config), None)
    z = model.staged(latents(0, "sample", COUNT, model.latent))
    model.pixels(z)
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        model.pixels(z)
        found.append(1000 * (time.process_time() - began))
    return min(found)


def through_the_process(run: Path) -> None:
    """Answers of the process, as the window gets them."""
    process, source = DrawingProcess(), Source(run)
    try:
        began = time.perf_counter()
        process.ask("open", source)
        print(f"first answer after {time.perf_counter() - began:.1f} s, with the start of the process")
        spots = {"spots": [{"name": f"0/{index}"} for index in range(COUNT)]}
        found = []
        for _ in range(30):
            began = time.perf_counter()
            answer = process.ask("draw", source, spots)
            found.append(1000 * (time.perf_counter() - began))
        print(f"a grid of {COUNT}: {statistics.median(found):.0f} ms to the answer, at most {max(found):.0f}")
        for index, picture in enumerate(answer.pictures()[:4]):
            values = {"shape": list(picture.shape)}
            error = process.ask("project", source, values, [picture.tobytes()]).number("mean_error")
            print(f"projection of 0/{index}: {error:.2f} levels of 255 away")
    finally:
        process.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="How long Explore takes to draw.")
    parser.add_argument("run", nargs="?", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for preset, size in NETWORKS:
        print(f"{preset:15} {size} px: {grid_ms(preset, size):4.0f} ms for {COUNT} samples (one thread)")
    if options.run is not None:
        through_the_process(options.run)


if __name__ == "__main__":
    main()
