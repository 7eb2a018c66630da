"""How far the pictures of fixed latents wander in a run, and whether spikes move them further.

    python tests/benchmarks/trainer_drift.py RUN [--from 500] [--spike 50]

All distances are mean absolute differences in grey levels, 0 to 255: between the grids of successive sample points (the
same latents), between different latents of the last grid, and between different pictures of the data set. Equal
distances of the first two kinds say that a latent's picture is forgotten by the next sample point.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image

from trainer.protocol.events import MetricMeasured, SamplesSaved, SpikeFound, parse_event
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.spikes import SpikeFeed


def pictures(run: RunDirectory, event: SamplesSaved) -> np.ndarray[Any, Any]:
    """The pictures of a grid, float32 (N, size * size * 3)."""
    sheet = np.asarray(Image.open(run.path / event.fixed).convert("RGB"), np.float32)
    parts = sheet.reshape(event.rows, event.size, event.columns, event.size, 3).swapaxes(1, 2)
    return parts.reshape(event.rows * event.columns, -1)


def between(rows: np.ndarray[Any, Any]) -> float:
    """Mean distance of different rows."""
    distances = np.stack([np.abs(rows - row).mean(1) for row in rows])
    return float(distances.sum() / (len(rows) * (len(rows) - 1)))


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--from", dest="first", type=int, default=500, help="iteration from which grids count")
    parser.add_argument("--spike", type=float, default=50.0, help="robust standard deviations that make a spike large")
    options = parser.parse_args()
    run = RunDirectory(options.run)
    events = [parse_event(line) for line in run.events_path.read_bytes().splitlines()]
    found = [event for event in events if isinstance(event, SpikeFound)] or SpikeFeed().feed(events)
    large = sorted(spike.spike_iteration for spike in found if abs(spike.z) > options.spike)
    every = run.config().sampling.every
    saved = [e for e in events if isinstance(e, SamplesSaved) and e.iteration >= options.first]
    grids = {event.iteration: pictures(run, event) for event in saved if event.iteration % every == 0}
    steps = sorted(grids)
    moved: dict[bool, list[float]] = {True: [], False: []}
    for one, two in itertools.pairwise(steps):
        spiked = any(one < at <= two for at in large)
        moved[spiked].append(float(np.abs(grids[one] - grids[two]).mean()))
    data = np.load(run.path / "dataset.npy", mmap_mode="r")[..., :3]
    rows = np.random.default_rng(0).choice(len(data), min(64, len(data)), False)
    print(f"{run.name}: {len(found)} spikes, {len(large)} of them beyond {options.spike:g} robust standard deviations")
    for spiked, distances in moved.items():
        if distances:
            name = "with" if spiked else "without"
            print(f"  same latents, next grid, {name:7} a large spike  {np.median(distances):5.1f}  ({len(distances)})")
    real = np.asarray(data[rows], np.float32).reshape(len(rows), -1)
    print(f"  different latents, last grid                   {between(grids[steps[-1]]):5.1f}")
    print(f"  different pictures of the data set             {between(real):5.1f}")
    kid = [(event.value, event.iteration) for event in events if isinstance(event, MetricMeasured) and event.value]
    late = [value for value, iteration in kid if iteration > steps[-1] / 2]
    if late:
        least, at = min(kid)
        print(f"  KID {min(late):.3g} to {max(late):.3g} in the second half; least {least:.3g} at iteration {at:,}")


if __name__ == "__main__":
    main()
