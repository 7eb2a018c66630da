"""Memory and speed of every export format at two sizes of one data set: flat memory means a ratio near one.

    python tests/benchmarks/export_memory.py [--json] [--sprites 25000 100000] [--formats jsonl,csv,...] [--pictures P]

One workspace of drawn 24 x 20 sprites (each different) with two versions of the two sizes, some flipped, cropped and
tagged. Each export runs in a process of its own through `gandam_studio.core`, as the command line does, with the
pictures that are the format's default; jsonl, csv and parquet also with rendered pictures ("jsonl+render"). Printed
are the resident peak of that process (`peak_rss_mb`), what it held before the export began (`before_mb`: interpreter
and modules), the largest of the processes that render for it (`worker_mb`), and `bytes_a_sprite`, by which the peak
grows for one more sprite. The replaced export (`--force`) is "imagefolder+again". All formats at 25,000 and 100,000
take about half an hour; `--sprites 2000 8000` is a look.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from gandam_studio.core import exporting, versions

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

AGAIN = "imagefolder+again"
MEASURED = (
    "jsonl", "csv", "parquet", "jsonl+render", "csv+render", "parquet+render", "imagefolder", "stylegan", "webdataset",
    "croissant", "coco", "fiftyone", AGAIN, "all",
)  # fmt: skip
TAGS = ("biped", "tank", "winged", "red", "blue", "green", "damaged", "boss", "small", "large")
BATCH = 5000


def build(folder: Path, counts: list[int]) -> list[str]:
    """A workspace with a version of each size; returns their labels."""
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.edits import Flip, SetCrop, SetSetting, Tag
    from trainer.protocol.recipe import Recipe

    labels = []
    with Workspace.create(folder) as workspace:
        workspace.apply(SetSetting("recipe", Recipe(size=32, background="detected").to_json()))
        made = 0
        for count in sorted(counts):
            while made < count:
                fresh = min(BATCH, count - made)
                add(workspace, range(made, made + fresh))
                made += fresh
            rows = np.arange(1, count + 1)
            workspace.apply(Flip(rows[rows % 3 == 0]))
            workspace.apply(SetCrop(rows[rows % 50 == 0], (1, 1, 20, 18)))
            for number, tag in enumerate(TAGS):
                workspace.apply(Tag(rows[rows % 20 == number], add=frozenset({tag})))
            labels.append(versions.commit(workspace, f"{count} sprites").label)
    return labels


def add(workspace, indexes: range) -> None:
    """Put drawn sprites in, as the importer's rows have them; importing itself is measured elsewhere."""
    from gandam_studio.core.pictures.decoding import sprite_id
    from gandam_studio.core.workspace.store import transaction

    originals, rows = [], []
    for index in indexes:
        rgba = drawn(index)
        data = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))[1].tobytes()
        digest = hashlib.sha256(data).hexdigest()
        originals.append((digest, data))
        rows.append((sprite_id(rgba), f"sprite-{index:06d}.png", digest, f"#{index % 200:02x}ffff"))
    workspace.originals.add_all(originals)
    with transaction(workspace.connection) as connection:
        connection.executemany(
            "INSERT INTO sprites (id, name, blob, width, height, alpha, background) VALUES (?, ?, ?, 24, 20, 1, ?)",
            rows,
        )


def drawn(index: int) -> np.ndarray:
    """A sprite of a few ellipses that no other index yields: (20, 24, 4) uint8."""
    dice = np.random.default_rng(index)
    rgba = np.zeros((20, 24, 4), np.uint8)
    for _ in range(3):
        center = tuple(int(value) for value in dice.integers(7, 13, 2))
        axes = tuple(int(value) for value in dice.integers(2, 6, 2))
        cv2.ellipse(rgba, center, axes, 0, 0, 360, (*dice.integers(0, 256, 3).tolist(), 255), -1)
    rgba[10, 10] = (index & 255, index >> 8 & 255, index >> 16 & 255, 255)
    return rgba


def child(workspace_folder: Path, version: str, name: str, out: Path) -> dict[str, float]:
    """One export in this process."""
    from gandam_studio.core.exporting import FORMATS
    from gandam_studio.core.workspace import Workspace

    form, _, pictures = name.partition("+")
    again = pictures == "again"
    with Workspace.open(workspace_folder, read_only=True) as workspace:
        found = versions.find_version(workspace, version)
        if form != "all":
            FORMATS[form].module()
        before = status("VmRSS")
        began = time.perf_counter()
        done = exporting.export(
            workspace,
            versions.find_version(workspace, found.label),
            out,
            format=form,
            pictures="" if again else pictures,
            force=again,
        )
        seconds = time.perf_counter() - began
    return {
        "sprites": done.sprites,
        "seconds": seconds,
        "sprites_s": done.sprites / seconds,
        "before_mb": before,
        "peak_rss_mb": status("VmHWM"),
    }


def status(name: str, process: int | str = "self") -> float:
    """A figure of /proc/PID/status in MB; elsewhere the peak that `getrusage` knows.

    `getrusage` alone would count what fork and exec hand down from the parent.
    """
    try:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    if process != "self" or not Path("/proc").is_dir():
        return 0.0 if process != "self" else _rusage_peak()
    return 0.0


def _rusage_peak() -> float:
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def measure(workspace_folder: Path, version: str, name: str, out: Path) -> dict[str, float]:
    """Run `child` in a fresh process and watch those that work for it."""
    command = [sys.executable, __file__, "--child", str(workspace_folder), version, name, str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    largest = [0.0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.25):
            for helper in children(process.pid):
                largest[0] = max(largest[0], status("VmHWM", helper))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{name} failed")
    return {**json.loads(output.strip().splitlines()[-1]), "worker_mb": largest[0]}


def children(parent: int) -> list[int]:
    """Processes started by another, where /proc tells them."""
    found = []
    for path in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            found += [int(text) for text in path.read_text().split()]
        except OSError:
            continue
    return found


def main() -> None:
    """Print a row a format and size; with --json the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sprites", type=int, nargs=2, default=[25_000, 100_000], metavar=("FEW", "MANY"))
    parser.add_argument("--formats", default=",".join(MEASURED), help="some of: " + ", ".join(MEASURED))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        folder, version, name, out = options.child
        print(json.dumps(child(Path(folder), version, name, Path(out))))
        return
    names = options.formats.split(",")
    if unknown := set(names) - set(MEASURED):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    few, many = sorted(options.sprites)
    found = {}
    with tempfile.TemporaryDirectory(prefix="export-memory-") as scratch:
        place = Path(scratch)
        began = time.perf_counter()
        labels = build(place / "w", [few, many])
        print(f"built {many:,} sprites in {time.perf_counter() - began:.0f} s", flush=True)
        head = ("format", "sprites", "seconds", "sprites/s", "before_mb", "peak_rss_mb", "worker_mb")
        print(f"{head[0]:20}" + "".join(f"{name:>13}" for name in head[1:]), flush=True)
        for name in names:
            rows = []
            for label in labels:
                out = place / "out"
                if name == AGAIN:
                    measure(place / "w", label, "imagefolder", out)
                row = measure(place / "w", label, name, out)
                remove(out)
                rows.append(row)
                figures = [row[key] for key in ("sprites", "seconds", "sprites_s", "before_mb", "peak_rss_mb")]
                print(f"{name:20}" + "".join(f"{value:13,.1f}" for value in [*figures, row["worker_mb"]]), flush=True)
            ratio = rows[1]["peak_rss_mb"] / rows[0]["peak_rss_mb"]
            growth = 1e6 * (rows[1]["peak_rss_mb"] - rows[0]["peak_rss_mb"]) / (many - few)
            print(f"{name:20} ratio {ratio:.3f}, {growth:.0f} bytes a sprite", flush=True)
            found[name] = {"few": rows[0], "many": rows[1], "ratio": ratio, "bytes_a_sprite": growth}
    if options.json:
        print(json.dumps({"sprites": [few, many], "processors": os.cpu_count(), "formats": found}))


def remove(out: Path) -> None:
    """Make room for the next export."""
    from trainer.protocol.folders import remove as remove_folder

    if out.is_dir():
        remove_folder(out)
    else:
        out.unlink()


if __name__ == "__main__":
    main()
