"""How fast the pixels of candidate pairs are compared and their relations named: one process beside several.

    python tests/benchmarks/duplicates_find.py [--json] [--sprites 2000] [--workers 0] [--repeats 3]

The first `--sprites` pictures of ../shared/data/pokesprite by name, all sets and variants (0: every one of them, 7,520
files), are imported into a workspace that is removed afterwards; then `find_duplicates` runs on it with one process and
with `--workers` (0: one a processor), turn about, with nothing kept from one time to the next. Reported: medians of the
seconds of the whole search and of comparing alone, candidate pairs a second while comparing, relations named, and
whether every run found the same to the last bit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from gandam_studio.core.duplicates import find_duplicates  # noqa: E402
from gandam_studio.core.duplicates.links import links_path  # noqa: E402
from gandam_studio.core.importing import import_sources  # noqa: E402
from gandam_studio.core.jobs import NullJob  # noqa: E402
from gandam_studio.core.workspace import Workspace  # noqa: E402

ARCHIVE = REPOSITORY.parent / "shared" / "data" / "pokesprite" / "pokesprite-2.7.0.zip"
COMPARING = "Comparing pictures"


class Stages(NullJob):
    """A job that adds up each stage's seconds and units."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.units: dict[str, int] = {}
        self._label, self._since = "", time.perf_counter()

    def start(self, label: str, total: int | None) -> None:
        """See Job."""
        now = time.perf_counter()
        self.seconds[self._label] = self.seconds.get(self._label, 0.0) + now - self._since
        self.units[label] = self.units.get(label, 0) + (total or 0)
        self._label, self._since = label, now


def search(folder: Path, workers: int) -> tuple[dict[str, float], list]:
    """One search from nothing: seconds and counts, and the relations found."""
    job = Stages()
    links_path(folder).unlink(missing_ok=True)  # so that each search has as much to do
    with Workspace.open(folder, read_only=True) as workspace:
        since = time.perf_counter()
        links = find_duplicates(workspace, workers=workers, job=job).links
        job.start("", None)
        taken = time.perf_counter() - since
    comparing, pairs = job.seconds[COMPARING], job.units[COMPARING]
    found = {"seconds": taken, "comparing": comparing, "pairs": pairs, "pairs_a_second": pairs / comparing}
    return found | {"relations": len(links)}, links


def unpacked(folder: Path, count: int) -> Path:
    """The first so many pictures of the archive by name, as files; 0 for all."""
    with zipfile.ZipFile(ARCHIVE) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".png"))
        for number, name in enumerate(names[: count or None]):
            (folder / f"{number:06d}.png").write_bytes(files.read(name))
    return folder


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sprites", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if not ARCHIVE.is_file():
        raise SystemExit("the shared pictures (../shared/data/pokesprite) are not on this machine")
    several = options.workers or os.cpu_count() or 1
    runs: dict[int, list[dict[str, float]]] = {1: [], several: []}
    found: list[list] = []
    with tempfile.TemporaryDirectory() as scratch:
        art, folder = Path(scratch) / "art", Path(scratch) / "workspace"
        art.mkdir()
        with Workspace.create(folder) as workspace:
            import_sources(workspace, [unpacked(art, options.sprites)])
        for _ in range(options.repeats):
            for workers in runs:
                measured, links = search(folder, workers)
                runs[workers].append(measured)
                found.append(links)
    result = {
        str(workers): {name: statistics.median(one[name] for one in measured) for name in measured[0]}
        for workers, measured in runs.items()
    }
    same = all(links == found[0] for links in found)
    ratio = result["1"]["seconds"] / result[str(several)]["seconds"]
    for workers, one in result.items():
        print(
            f"{workers:>2} processes: {one['seconds']:.1f} s, comparing {one['comparing']:.1f} s, "
            f"{one['pairs_a_second']:,.0f} of {one['pairs']:,.0f} pairs a second, {one['relations']:,.0f} relations"
        )
    print(f"{several} processes take 1/{ratio:.2f} of the time of one; the same found by all: {same}")
    if options.json:
        print(json.dumps({"processes": result, "ratio": ratio, "same": same}))


if __name__ == "__main__":
    main()
