"""How long a step of the distance slider takes at 100,000 sprites: regroup, list, and the cards in sight.

`python tests/benchmarks/duplicates_regroup.py [--json] [--sprites N]`. Groups of one to six related sprites (95 in 100
sprites are related to another, many more than in any real set) with random verified distances. The floor is what any
answer needs: choosing the relations within the distance. Regrouping by union-find in plain Python, the usual way,
stands beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gandam_studio.core.duplicates import RELATIONS, DuplicateReport, Transform
from gandam_studio.core.duplicates.keeping import Judged
from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.relations import Verdict
from gandam_studio.core.duplicates.sources import Facts
from gandam_studio.core.store import transaction
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.duplicates.findings import Findings, Found, Statuses

IN_SIGHT = 8
DISTANCES = (0.5, 0.3, 0.1, 0.69, 0.45, 0.48, 0.2)


def report_of(sprites: int) -> DuplicateReport:
    """A report over that many sprites."""
    dice = np.random.default_rng(1)
    links: list[Link] = []
    seq = 1
    while seq <= sprites - 6:
        size = int(dice.integers(1, 7))
        members = range(seq, seq + size)
        for a in members:
            for b in range(a + 1, seq + size):
                word = RELATIONS[int(dice.integers(0, len(RELATIONS)))]
                verdict = Verdict(word, Transform(), float(dice.uniform(0, 0.7)), float(dice.uniform(0, 1)))
                links.append(Link(a, b, verdict))
        seq += size
    named = sorted({seq for link in links for seq in (link.i, link.j)})
    facts = (Facts(f"{seq:064x}", 64, 64, 20, True, False, seq, "", f"{seq}.png") for seq in named)
    judged = {seq: Judged(one, 4096, 1) for seq, one in zip(named, facts, strict=True)}
    return DuplicateReport(links, judged)


def workspace_of(folder: Path, sprites: int) -> Workspace:
    """A workspace with that many rows; nobody opens their pictures."""
    workspace = Workspace.create(folder)
    rows = [(f"{seq:064x}", f"{seq}.png", "0" * 64) for seq in range(1, sprites + 1)]
    with transaction(workspace.connection) as connection:
        connection.executemany("INSERT INTO sprites (id, name, blob, width, height) VALUES (?, ?, ?, 64, 64)", rows)
    return workspace


def union_find(pairs: list[tuple[int, int, float]], distance: float) -> int:
    """Connected components within the distance, in plain Python."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b, apart in pairs:
        if apart <= distance:
            parent[root(a)] = root(b)
    return len({root(node) for node in parent})


def milliseconds(step: Callable[[float], object]) -> list[float]:
    """How long each step of the slider takes."""
    found = []
    for distance in DISTANCES:
        began = time.perf_counter()
        step(distance)
        found.append(1000 * (time.perf_counter() - began))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sprites", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    report = report_of(asked.sprites)
    distances = np.array([link.verdict.distance for link in report.links])
    pairs = [(link.i, link.j, link.verdict.distance) for link in report.links]
    with (
        tempfile.TemporaryDirectory() as folder,
        workspace_of(Path(folder) / "w", asked.sprites) as workspace,
    ):
        findings = Findings(Found(report, frozenset(), np.zeros(0, np.int64)), Statuses(workspace))

        def slide(distance: float) -> None:
            findings.regroup(distance, report.rules)
            findings.list("", False)
            findings.row_of(findings.group(0).keeper)
            for row in range(min(IN_SIGHT, len(findings))):
                findings.card(row)
            findings.counts()

        times = {
            "floor: choose relations": milliseconds(lambda distance: np.flatnonzero(distances <= distance)),
            "union-find in Python": milliseconds(lambda distance: union_find(pairs, distance)),
            "GANdam Studio": milliseconds(slide),
        }
    for name, values in times.items():
        print(f"{name:26} median {statistics.median(values):8.1f} ms   most {max(values):8.1f} ms")
    if asked.json:
        medians = {name: statistics.median(values) for name, values in times.items()}
        print(json.dumps({"n": asked.sprites, "relations": len(pairs), "milliseconds": medians}))


if __name__ == "__main__":
    main()
