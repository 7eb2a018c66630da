"""What diagnosing costs, and what share of a run's time it takes.

    python tests/benchmarks/diagnostics_cost.py [--sizes 128 1000 10000] [--repeats 5] [--seconds 60] [--json]

For each number of training sprites (the drawn mechas, repeated in other colours where there are not enough): processor
seconds to prepare and processor seconds a look (medians of repeats, on one thread), how far apart looks must be to cost
3 %, and then a real run of sprite-r3-cpu for `--seconds`: the share of its training time that diagnosing took, and how
many of its sample points were diagnosed. A run's last look may take a tenth, and is not counted.
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
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "diagnostics"))

import numpy as np
import torch
from known_sprites import jittered
from real_sprites import mechas

from trainer.create_run import new_run
from trainer.diagnosis_watch import DiagnosisWatch
from trainer.diagnostics.diagnose import Diagnostics
from trainer.diagnostics.likeness import Array, RealPictures
from trainer.feature_spaces import feature_space
from trainer.protocol.events import Diagnosed, SamplesSaved
from trainer.protocol.presets import load_preset
from trainer.real_sides import real_features
from trainer.train_run import train_run

ROOT = Path(__file__).resolve().parents[2]
SHARE = 0.03


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    pictures, _ = mechas(ROOT)
    answers = []
    for size in options.sizes:
        training = jittered(pictures[random.integers(0, len(pictures), size)], random)
        held_out = jittered(pictures[random.integers(0, len(pictures), max(8, size // 10))], random)
        samples = jittered(pictures[random.integers(0, len(pictures), 256)], random)
        answer = {"training": size, **_alone(training, held_out, samples, options.repeats)}
        answer |= _in_a_run(training, held_out, options.seconds)
        answers.append(answer)
        if not options.json:
            print(f"{size:6} sprites: prepared in {answer['prepare_s']} s, {answer['look_s']} s a look, 3 % if "
                  f"{answer['apart_s']} s apart. In a run of {answer['run_s']} s: {answer['share']:.2%} of it, "
                  f"{answer['diagnosed']} of {answer['samples']} sample points", flush=True)  # fmt: skip
    if options.json:
        print(json.dumps(answers))


def _alone(training: Array, held_out: Array, samples: Array, repeats: int) -> dict[str, float]:
    """Processor seconds to prepare and to look."""
    network = feature_space()
    started = time.process_time()
    sides = (
        RealPictures(training, np.arange(len(training))),
        RealPictures(held_out, np.arange(len(training), len(training) + len(held_out))),
    )
    diagnostics = Diagnostics(*sides, 256, 0, real_features(sides, network), one_scale=network.one_scale)
    prepared = time.process_time() - started
    looks = []
    for _ in range(repeats):
        started = time.process_time()
        diagnostics.look(samples, network(samples), network.name)
        looks.append(time.process_time() - started)
    look = statistics.median(looks)
    return {"prepare_s": round(prepared, 3), "look_s": round(look, 3), "apart_s": round(look / SHARE, 1)}


def _in_a_run(training: Array, held_out: Array, seconds: float) -> dict[str, float]:
    """What diagnosing takes of a real run."""
    spent = [0.0]
    originals = {name: getattr(DiagnosisWatch, name) for name in ("look", "follow")}

    def timed(name: str) -> Any:
        def call(self: DiagnosisWatch, *arguments: Any, last: bool = False) -> None:
            started = time.perf_counter()
            originals[name](self, *arguments, **({"last": last} if last else {}))
            spent[0] += 0.0 if last else time.perf_counter() - started

        return call

    with tempfile.TemporaryDirectory() as folder:
        array = Path(folder) / "sprites.npy"
        np.save(array, np.concatenate([training, held_out]))
        count = len(training) + len(held_out)
        facts = {"ids": [str(i) for i in range(count)], "background": [255, 255, 255],
                 "split": ["train"] * len(training) + ["held-out"] * len(held_out)}  # fmt: skip
        array.with_suffix(".json").write_text(json.dumps(facts))
        overrides = ["device=cpu", "precision.threads=1", f"stop.minutes={seconds / 60}", "stop.iterations=0",
                     "sampling.every=50"]  # fmt: skip
        run = new_run(Path(folder) / "run", load_preset("sprite-r3-cpu"), array, overrides)
        for name in originals:
            setattr(DiagnosisWatch, name, timed(name))
        try:
            train_run(run)
        finally:
            for name, original in originals.items():
                setattr(DiagnosisWatch, name, original)
        events = run.events().read()
        diagnosed = [event for event in events if isinstance(event, Diagnosed)]
        points = {event.iteration for event in events if isinstance(event, SamplesSaved)} - {0}
    return {
        "run_s": seconds,
        "share": round(spent[0] / seconds, 4),
        "diagnosed": len(diagnosed),
        "samples": len(points),
    }


if __name__ == "__main__":
    main()
