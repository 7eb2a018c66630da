"""How long a search for copies takes among drawn sprites that nearly all look alike, and which copies it finds.

    python tests/benchmarks/duplicates_crowd.py [--json] [--count 10000 ...] [--workers 0]

The first `--count` sprites of the collection of the bundled mechas are drawn and imported into a workspace that is
removed afterwards, then searched in a process of its own. Reported: seconds, processor seconds and peak memory of that
process and of the largest of those that compare pictures, with how many of the nearest each sprite was compared, and,
by the collection's truth, how many copies of each kind were found related to their original at the default distance.
Beside its memory stands that of a process that only reads what is compared, sprites and hashes. Several counts share
the drawings; "at" in the JSON holds each, the smallest first. Memory is measured on Linux only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from measuring import PeakMemory  # noqa: E402

from gandam_studio.core.duplicates import DuplicateReport, find_duplicates  # noqa: E402
from gandam_studio.core.duplicates.sources import WorkspaceSource  # noqa: E402
from gandam_studio.core.importing import import_sources  # noqa: E402
from gandam_studio.core.jobs import NullJob  # noqa: E402
from gandam_studio.core.workspace import Workspace  # noqa: E402
from gandam_studio.samples.bundled import MECHA_SEED  # noqa: E402
from gandam_studio.samples.mechas import read_truth, truth  # noqa: E402
from gandam_studio.samples.mechas.files import png_bytes, truth_table  # noqa: E402

COMPARING = "Comparing pictures"
SHARE = 500
"""Sprites that a process draws in a row."""


class Pairs(NullJob):
    """A job that counts the pairs that are judged."""

    def __init__(self) -> None:
        self.count = 0

    def start(self, label: str, total: int | None) -> None:
        """See Job."""
        self.count += total or 0 if label == COMPARING else 0


def draw(folder: Path, indexes: range) -> None:
    """Write sprites of the collection into a new folder, in as many processes as there are processors."""
    folder.mkdir()
    shares = [indexes[start : start + SHARE] for start in range(0, len(indexes), SHARE)]
    with multiprocessing.get_context("spawn").Pool() as pool:
        pool.starmap(draw_some, [(folder, share) for share in shares], chunksize=1)


def draw_some(folder: Path, indexes: range) -> None:
    """Write sprites of the collection into a folder."""
    for index in indexes:
        (folder / truth(MECHA_SEED, index).file).write_bytes(png_bytes(MECHA_SEED, index, compression=1))


def recall(workspace: Workspace, report: DuplicateReport, table: Path) -> dict[str, list[int]]:
    """Kind of copy -> how many are related to their original, and of how many. Equal files became one sprite."""
    seq_of = {sprite.name: sprite.seq for sprite in workspace.sprites()}
    related = {(link.i, link.j) for link in report.links if link.verdict.distance <= report.distance}
    made, found = Counter[str](), Counter[str]()
    for one in read_truth(table):
        ends = sorted(seq_of[name] for name in (one.file, one.original) if name in seq_of)
        if one.relation != "original" and len(ends) == 2:
            made[one.relation] += 1
            found[one.relation] += (ends[0], ends[1]) in related
    return {kind: [found[kind], made[kind]] for kind in sorted(made)}


def searched(folder: Path, table: Path, workers: int) -> dict[str, Any]:
    """One search in this process."""
    job = Pairs()
    with Workspace.open(folder, read_only=True) as workspace:
        before, since = os.times(), time.perf_counter()
        with PeakMemory() as memory:
            report = find_duplicates(workspace, workers=workers, job=job)
        seconds, after = time.perf_counter() - since, os.times()
        found = recall(workspace, report, table)
        sprites = len(list(workspace.sprites()))
    cpu = [sum(part[:2]) - sum(earlier[:2]) for part, earlier in ((after, before), (after[2:], before[2:]))]
    return {
        "sprites": sprites,
        "seconds": seconds,
        "cpu_s": sum(cpu),
        "cpu_main_s": cpu[0],
        "main_mb": memory.own_megabytes(),
        "worker_mb": memory.largest_child_megabytes(),
        "pairs": job.count,
        "relations": report.link_count,
        "groups": len(report),
        "nearest": report.nearest,
        "found": found,
    }


def held(folder: Path) -> float | None:
    """The peak memory in MB of this process once it has read the sprites and hashes of a workspace."""
    with Workspace.open(folder, read_only=True) as workspace, PeakMemory() as memory:
        WorkspaceSource(workspace)
    return memory.own_megabytes()


def measured(drawn: list[Path], table: Path, scratch: Path, workers: int) -> dict[str, Any]:
    """Import those folders and search them in a process of its own."""
    folder = scratch / f"workspace{len(drawn)}"
    with Workspace.create(folder) as workspace:
        import_sources(workspace, drawn)
    search = ["--search", str(folder), str(table), "--workers", str(workers)]
    return {**in_a_process(search), "held_mb": in_a_process(["--hold", str(folder)])}


def in_a_process(arguments: list[str]) -> Any:
    """What this file prints as JSON, called with these arguments."""
    # As installed: modules are compiled once, not in each process that compares.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--count", type=int, action="append", help="sprites; may be repeated (10000)")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--search", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--hold", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search:
        print(json.dumps(searched(*options.search, options.workers)))
        return
    if options.hold:
        print(json.dumps(held(options.hold)))
        return
    counts = sorted(set(options.count or [10_000]))
    results, drawn = [], []
    with tempfile.TemporaryDirectory(prefix="duplicates-crowd-") as folder:
        scratch = Path(folder)
        table = scratch / "truth.tsv"
        table.write_text(truth_table(MECHA_SEED, counts[-1]), encoding="utf-8")
        for count, before in zip(counts, [0, *counts], strict=False):
            since = time.perf_counter()
            drawn.append(scratch / f"{count:09d}")
            draw(drawn[-1], range(before, count))
            print(f"{count:,} sprites, {count - before:,} drawn in {time.perf_counter() - since:.0f} s", flush=True)
            results.append({"drawn": count, **measured(drawn, table, scratch, options.workers)})
            for name, value in results[-1].items():
                print(f"{name:>12}: {value:,.1f}" if isinstance(value, float) else f"{name:>12}: {value}", flush=True)
    if options.json:
        print(json.dumps({**results[-1], "at": results}))


if __name__ == "__main__":
    main()
