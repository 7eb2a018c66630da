"""How often the diagnostics' verdicts are right on real sprites of known state.

    python tests/benchmarks/diagnostics_known_answers.py [--splits 20] [--training 100 400] [--samples 256] [--json]

Needs ../shared/data. Prints, for every kind of samples, how many splits got a right verdict, and which wrong ones came.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "diagnostics"))

from real_sprites import CONDITIONS, mechas, pokesprites, split

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--training", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--mechas", action="store_true", help="the drawn mechas instead of PokeSprites")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sprites = mechas(ROOT) if options.mechas else pokesprites(ROOT.parent / "shared" / "data")
    answers = []
    for training in options.training:
        right: Counter[str] = Counter()
        wrong: dict[str, Counter[str]] = {name: Counter() for name in CONDITIONS}
        for seed in range(options.splits):
            data = split(sprites, training, 0.1 if training >= 100 else 0.2, seed)
            for name, (make, verdicts) in CONDITIONS.items():
                verdict = data.look(make(data, options.samples)).diagnosis.verdict
                right[name] += verdict in verdicts
                if verdict not in verdicts:
                    wrong[name][verdict] += 1
        for name in CONDITIONS:
            answers.append(
                {
                    "training": training,
                    "samples": name,
                    "right": right[name],
                    "of": options.splits,
                    "wrong": wrong[name],
                }
            )
            if not options.json:
                told = ", ".join(f"{verdict} {count}" for verdict, count in wrong[name].items())
                print(f"{training:5}  {name:34} {right[name]:3} of {options.splits}  {told}", flush=True)
    if options.json:
        print(json.dumps(answers))


if __name__ == "__main__":
    main()
