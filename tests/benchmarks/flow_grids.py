"""What the live grids of a flow cost, and how long 64 final samples take.

    python tests/benchmarks/flow_grids.py [--preset sprite-flow-cpu] [--size 32] [--iterations 3470] [--rounds 5]
        [--threads 1] [--json]

A training session takes iterations and saves both grids in turns, in one process, so that a busy machine slows both;
figures are medians over the rounds. The share is that of a run of so many iterations with all of its moments: the
first, those early ones, every `sampling.every`, and the end. Goals: 5 % of training, and 64 samples at 32 px in 5 s.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from trainer_speed import make_run

from trainer.dataset import load_training_set
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.grids import draw_pictures
from trainer.networks import Generator
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.events import EventWriter
from trainer.protocol.presets import load_preset
from trainer.protocol.schedule import early_moments
from trainer.randomness import latents
from trainer.session import make_session
from trainer.training import Training

STEPS = 20
SAMPLES = 64


def moments(config: TrainConfig, iterations: int) -> int:
    """How often a run of so many iterations saves its grids."""
    every = config.sampling.every
    regular = set(range(every, iterations + 1, every))
    return len({0, iterations, *regular, *(one for one in early_moments(every) if one <= iterations)})


def final_samples(generator: Generator, config: TrainConfig, fill: torch.Tensor) -> float:
    """Seconds that SAMPLES samples take in full steps."""
    z = latents(0, "benchmark", SAMPLES, generator.latent)
    generator.steps = config.flow.steps  # type: ignore[assignment]
    began = time.perf_counter()
    draw_pictures(generator, z, fill, snap=config.sampling.snap)
    taken = time.perf_counter() - began
    generator.steps = config.flow.grid_steps  # type: ignore[assignment]
    return taken


def measure(preset: str, size: int, iterations: int, rounds: int) -> dict[str, Any]:
    """Median seconds of an iteration, of both grids and of 64 final samples, and the share of the grids."""
    config = fit_data(load_preset(preset), size, 3)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        run = make_run(Path(temporary), config)
        data = load_training_set(run, config, torch.device("cpu"))
        session = make_session(
            config, data, Machine(torch.device("cpu"), channels_last=True), Ranks(), config.batch.size
        )
        writer = EventWriter(run.events_path)
        training = Training(session, run, writer, 0.0)
        training.iterate()
        training.grids.save()
        steps, grids, final = [], [], []
        for _ in range(rounds):
            began = time.perf_counter()
            for _ in range(STEPS):
                training.iterate()
            steps.append((time.perf_counter() - began) / STEPS)
            began = time.perf_counter()
            training.grids.save()
            grids.append(time.perf_counter() - began)
            final.append(final_samples(session.sampler, config, data.fill))
        writer.close()
    step, grid = statistics.median(steps), statistics.median(grids)
    return {
        "preset": preset, "size": size, "threads": torch.get_num_threads(), "iteration_s": round(step, 4),
        "grids_s": round(grid, 3), "grids_iterations": round(grid / step, 1), "moments": moments(config, iterations),
        "share": round(moments(config, iterations) * grid / (iterations * step), 4),
        "final_samples_s": round(statistics.median(final), 2),
    }  # fmt: skip


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="sprite-flow-cpu")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=3470)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.iterations < 1:
        parser.error("--iterations must be at least 1")
    torch.set_num_threads(options.threads)
    facts = measure(options.preset, options.size, options.iterations, options.rounds)
    print(
        f"{facts['preset']} at {facts['size']} px, {facts['threads']} thread(s): an iteration "
        f"{1000 * facts['iteration_s']:.0f} ms, both grids {facts['grids_s']:.2f} s, as long as "
        f"{facts['grids_iterations']:.0f} iterations"
    )
    print(
        f"  {facts['moments']} moments in {options.iterations:,} iterations: {100 * facts['share']:.1f} % of training; "
        f"{SAMPLES} final samples in {facts['final_samples_s']:.1f} s"
    )
    if options.json:
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
