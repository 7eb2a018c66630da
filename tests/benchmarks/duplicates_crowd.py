"""How long a search for copies takes among drawn sprites that nearly all look alike, and which copies it finds.

    python tests/benchmarks/duplicates_crowd.py [--json] [--count 10000] [--workers 0]

The first `--count` sprites of the collection of the bundled mechas are drawn and imported into a workspace that is
removed afterwards, then searched. Reported: seconds, processor seconds and peak memory of this process and of those
that compare pictures, with how many of the nearest each sprite was compared, and, by the collection's truth, how many
copies of each kind were found related to their original at the default distance. No memory is measured on Windows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from gandam_studio.core.duplicates import DuplicateReport, find_duplicates  # noqa: E402
from gandam_studio.core.importing import import_sources  # noqa: E402
from gandam_studio.core.jobs import NullJob  # noqa: E402
from gandam_studio.core.workspace import Workspace  # noqa: E402
from gandam_studio.samples.bundled import MECHA_SEED  # noqa: E402
from gandam_studio.samples.mechas import read_truth, write_set  # noqa: E402

COMPARING = "Comparing pictures"


class Pairs(NullJob):
    """A job that counts the pairs that are judged."""

    def __init__(self) -> None:
        self.count = 0

    def start(self, label: str, total: int | None) -> None:
        """See Job."""
        self.count += total or 0 if label == COMPARING else 0


def peaks() -> dict[str, float]:
    """The largest resident memory in MB so far, of this process and of the largest one that it started."""
    if sys.platform == "win32":
        return {}
    import resource

    unit = 1e6 if sys.platform == "darwin" else 1e3
    kinds = {"main_mb": resource.RUSAGE_SELF, "worker_mb": resource.RUSAGE_CHILDREN}
    return {name: resource.getrusage(kind).ru_maxrss / unit for name, kind in kinds.items()}


def recall(workspace: Workspace, report: DuplicateReport, truth: Path) -> dict[str, list[int]]:
    """Kind of copy -> how many are related to their original, and of how many. Equal files became one sprite."""
    seq_of = {sprite.name: sprite.seq for sprite in workspace.sprites()}
    related = {(link.i, link.j) for link in report.links if link.verdict.distance <= report.distance}
    made, found = Counter[str](), Counter[str]()
    for one in read_truth(truth):
        ends = sorted(seq_of[name] for name in (one.file, one.original) if name in seq_of)
        if one.relation != "original" and len(ends) == 2:
            made[one.relation] += 1
            found[one.relation] += (ends[0], ends[1]) in related
    return {kind: [found[kind], made[kind]] for kind in sorted(made)}


def measured(scratch: Path, count: int, workers: int) -> dict[str, Any]:
    """One search of so many sprites."""
    truth = write_set(scratch / "art", count, seed=MECHA_SEED, compression=1)
    with Workspace.create(scratch / "workspace") as workspace:
        import_sources(workspace, [scratch / "art"])
    job = Pairs()
    with Workspace.open(scratch / "workspace", read_only=True) as workspace:
        before, since = os.times(), time.perf_counter()
        report = find_duplicates(workspace, workers=workers, job=job)
        seconds, after = time.perf_counter() - since, os.times()
        found = recall(workspace, report, truth)
        sprites = len(list(workspace.sprites()))
    cpu = [sum(part[:2]) - sum(earlier[:2]) for part, earlier in ((after, before), (after[2:], before[2:]))]
    return {
        "sprites": sprites,
        "seconds": seconds,
        "cpu_s": sum(cpu),
        "cpu_main_s": cpu[0],
        **peaks(),
        "pairs": job.count,
        "relations": report.link_count,
        "groups": len(report),
        "nearest": report.nearest,
        "found": found,
    }


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = measured(Path(scratch), options.count, options.workers)
    for name, value in result.items():
        print(f"{name:>12}: {value:,.1f}" if isinstance(value, float) else f"{name:>12}: {value}")
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
