"""How long Explore takes to draw a grid of 36: to the first that is shown of it, and to the final pictures.

    python tests/benchmarks/explore_latency.py [RUN] [--json] [--quick]

Networks are those of the presets at their size and at 64 pixels, untrained: weights do not change the time. They are
asked as the drawing process asks them, in processor milliseconds of one thread: *first* until all or, of networks that
need longer than that for a step, some of the pictures can be shown, which of a flow are previews in the number of steps
beside it; *final* until all are what `sample` draws. With a RUN, the drawing process itself is asked as the window asks
it, and the time to both is printed as well (wall clock: it means something only on an idle machine), with how far
previews are from the final pictures, and how near a projection of the run's own samples comes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import torch  # noqa: E402

from gandam_studio.core.runs.drawing import Answer, DrawingProcess, Source  # noqa: E402
from trainer.exploring.models import Model  # noqa: E402
from trainer.exploring.serving import Models, Server  # noqa: E402
from trainer.generators import build_generator  # noqa: E402
from trainer.protocol.config import fit_data  # noqa: E402
from trainer.protocol.presets import load_preset  # noqa: E402
from trainer.protocol.widening import settled  # noqa: E402
from trainer.sampling import Trained, ready  # noqa: E402

COUNT, REPEATS = 36, 7
NETWORKS = (
    ("sprite-r3-cpu", 32), ("sprite-r3-cpu", 64), ("dcgan", 64), ("hinge-sn", 64), ("sprite-r3", 64),
    ("sprite-flow-cpu", 32), ("sprite-flow-cpu", 64), ("sprite-flow", 64),
)  # fmt: skip
SLOW = ("sprite-flow",)


@dataclass(frozen=True)
class Latency:
    """Processor milliseconds of a grid.

    Attributes:
        first: to what is shown first. final: to the end. steps: of what is shown first; 0 if it is final. shown: how
            many pictures that is.
    """

    first: float
    final: float
    steps: int
    shown: int


def latency(preset: str, size: int, repeats: int) -> Latency:
    """The least of some repeats."""
    config = settled(fit_data(load_preset(preset), size, 4), None)  # As wide as a run with time for it.
    generator = build_generator(config)
    ready(generator, torch.device("cpu"))
    model = Model(Trained(generator, torch.tensor([1.0, 1.0, 1.0, -1.0]), (), "ema", 1, config), None)
    model.clock = time.process_time
    model.warm_up(COUNT)
    sent: list[tuple[float, dict[str, Any]]] = []

    class Loaded(Models):
        def get(self, folder: Path, checkpoint: str | None) -> Model:
            return model

    server = Server(Loaded(), lambda _n, meta, _parts: sent.append((time.process_time(), meta)), lambda _n: False)
    request = {"op": "draw", "model": {"folder": "."}, "previews": True}
    request["spots"] = [{"name": f"0/{index}"} for index in range(COUNT)]
    found = []
    for _ in range(repeats):
        sent.clear()
        began = time.process_time()
        server.answer(1, request, [])
        meta = sent[0][1]
        found.append(
            Latency(1000 * (sent[0][0] - began), 1000 * (sent[-1][0] - began), meta.get("preview", 0), meta["shape"][0])
        )
    usual = statistics.mode((one.steps, one.shown) for one in found)
    alike = [one for one in found if (one.steps, one.shown) == usual]
    return Latency(min(one.first for one in alike), min(one.final for one in found), *usual)


def through_the_process(run: Path) -> None:
    """Answers of the process, as the window gets them."""
    process, source = DrawingProcess(), Source(run)
    try:
        began = time.perf_counter()
        facts = process.ask("open", source).values["facts"]
        print(f"first answer after {time.perf_counter() - began:.1f} s, with the start of the process")
        spots = {"spots": [{"name": f"0/{index}"} for index in range(COUNT)]}
        found, first, away = [], [], []
        for seed in range(30):
            parts: list[tuple[float, Answer]] = []

            def note(part: Answer, parts: list[tuple[float, Answer]] = parts) -> None:
                parts.append((time.perf_counter(), part))

            spots = {"spots": [{"name": f"{seed}/{index}"} for index in range(COUNT)], "previews": True}
            began = time.perf_counter()
            answer = process.ask("draw", source, spots, on_progress=note)
            found.append(1000 * (time.perf_counter() - began))
            first.append(1000 * (parts[0][0] - began) if parts else found[-1])
            if parts:
                at, shown = parts[0][1].values["first"], parts[0][1].pictures()
                final = answer.pictures()[at : at + len(shown)]
                away.append(np.abs(shown.astype(int) - final).mean())
        print(f"a grid of {COUNT}: {statistics.median(first):.0f} ms to what is shown first, at most {max(first):.0f}")
        print(f"{statistics.median(found):.0f} ms to the final pictures, at most {max(found):.0f}")
        if away:
            print(f"what is shown first is {statistics.mean(away):.1f} levels of 255 from what is final")
        some = 1 if facts["kind"] == "unet" else 4  # Projections into flows take minutes.
        answer = process.ask("draw", source, {"spots": [{"name": f"0/{index}"} for index in range(some)]})
        for index, picture in enumerate(answer.pictures()):
            values = {"shape": list(picture.shape)}
            error = process.ask("project", source, values, [picture.tobytes()]).number("mean_error")
            print(f"projection of 0/{index}: {error:.2f} levels of 255 away")
    finally:
        process.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="How long Explore takes to draw.")
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, and not the slowest network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, dict[str, float]] = {}
    for preset, size in NETWORKS:
        if options.quick and preset in SLOW:
            continue
        one = latency(preset, size, 3 if options.quick or preset in SLOW else REPEATS)
        what = f"a preview in {one.steps}" if one.steps else "final"
        shown = "all" if one.shown == COUNT else f"{one.shown:2} of {COUNT}"
        print(
            f"{preset:15} {size} px: {one.first:5.0f} ms to what is shown first ({shown}, {what}), "
            f"{one.final:6.0f} ms to all final"
        )
        rows[f"{preset}_{size}"] = {"first_ms": one.first, "final_ms": one.final, "steps": one.steps, "of": one.shown}
    if options.run is not None:
        through_the_process(options.run)
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
