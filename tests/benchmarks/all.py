"""Every wait that has a goal, in one table: the goal, what it takes now, and what stands beside it.

    python tests/benchmarks/all.py [--json] [--quick] [--only NAME ...] [--save FOLDER] [--ci]

Runs the benchmarks named in `BENCHMARKS`, one after the other, and shows their figures with the goals of `ROWS`. With
nothing else running it is meant to take less than half an hour on two cores; `--quick` takes one repeat, and a sixth
of the pictures to import, for a look. `--save` keeps what each benchmark printed. Rows whose benchmark could not run,
or took longer than a quarter of an hour, say so. What stands beside Explore's rows is the time to the final samples.
`--ci` adds all tests, in a fresh environment (.ci/run): ten minutes more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

SEARCHED = ["--n", "100000", "--n", "1000000", "--methods", "ours, numba"]
BENCHMARKS: dict[str, tuple[list[str], list[str]]] = {
    "command_speed": (["--repeats", "3"], ["--repeats", "1"]),
    "duplicates_search": ([*SEARCHED, "faiss flat"], [*SEARCHED, "--repeats", "1"]),
    "duplicates_crowd": (["--count", "10000"], ["--count", "2000"]),
    "duplicates_regroup": ([], ["--rounds", "1"]),
    "import_speed": ([], ["--quick", "--repeats", "1", "--sets", "sprites"]),
    "explore_latency": ([], ["--quick"]),
    "first_visits": (["--repeats", "3"], ["--repeats", "1"]),
    "gallery": (["--repeats", "5"], ["--repeats", "1"]),
}
"""Benchmark -> its arguments, and those for a look."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        work: what is waited for.
        benchmark: a key of BENCHMARKS.
        figure: where the figure stands in the benchmark's JSON, keys and numbers separated by slashes.
        unit: of the figure and the goal.
        goal: the largest figure that meets it; the smallest if `more`.
        beside: what is measured beside it, in the same form as `figure`; "" for nothing.
        more: whether larger is better.
    """

    work: str
    benchmark: str
    figure: str
    unit: str
    goal: float
    beside: str = ""
    more: bool = False


ROWS = (
    Row("dedupe of all PokeSprites, first time", "command_speed", "dedupe_first_s", "s", 3.0),
    Row("the same again", "command_speed", "dedupe_again_s", "s", 0.3),
    Row("with 100 new sprites", "command_speed", "dedupe_added_s", "s", 0.6),
    Row("dedupe of 10,000 drawn sprites (goal: 100,000)", "duplicates_crowd", "seconds", "s", 60.0),
    Row("all pairs within 8 of 64 bits, 100,000", "duplicates_search", "table/0/seconds/ours, numba", "s", 0.03,
        "table/0/seconds/faiss flat"),
    Row("all pairs within 8 of 64 bits, 1,000,000", "duplicates_search", "table/1/seconds/ours, numba", "s", 1.0,
        "table/1/seconds/faiss flat"),
    Row("import of sprites, whole", "import_speed", "sprites/pictures_per_s", "/s", 10_000,
        "sprites/decode_floor_per_s", more=True),
    Row("first visit of Duplicates", "first_visits", "rested_duplicates_ms", "ms", 60, "rested_empty_page_ms"),
    Row("first visit of Versions", "first_visits", "rested_versions_ms", "ms", 60, "rested_empty_page_ms"),
    Row("first visit of Train", "first_visits", "rested_train_ms", "ms", 60, "rested_empty_page_ms"),
    Row("window start, 100,000", "gallery", "at/0/start_s", "s", 0.2, "at/0/start_floor_s"),
    Row("window start, 1,000,000", "gallery", "at/1/start_s", "s", 0.2, "at/1/start_floor_s"),
    Row("memory of the gallery, 1,000,000", "gallery", "at/1/rss_mb", "MB", 450),
    Row("sample of 64", "command_speed", "sample_64_s", "s", 1.5, "import_torch_s"),
    Row("doctor", "command_speed", "doctor_s", "s", 1.5, "import_torch_s"),
    Row("train to its first iteration", "command_speed", "train_first_iteration_s", "s", 2.5, "import_torch_s"),
    Row("train of one iteration, to its end", "command_speed", "train_one_iteration_s", "s", 2.5, "import_torch_s"),
    Row("export imagefolder, all PokeSprites", "command_speed", "export_imagefolder_s", "s", 1.2, "files_alone_s"),
    Row("export stylegan", "command_speed", "export_stylegan_s", "s", 1.2),
    Row("export webdataset", "command_speed", "export_webdataset_s", "s", 1.2),
    Row("commit of 100,000, first time", "command_speed", "commit_first_s", "s", 2.0),
    Row("commit of 100,000 again", "command_speed", "commit_s", "s", 2.0),
    Row("commit of 100,000, hard to see not known", "command_speed", "commit_unjudged_s", "s", 2.0),
    Row("step of the distance slider, 100,000", "duplicates_regroup", "milliseconds/step", "ms", 20,
        "milliseconds/floor: choose relations"),
    *(
        Row(f"Explore, {name.replace('_', ' ')} px: first shown", "explore_latency", f"{name}/first_ms", "ms", 100,
            f"{name}/final_ms")
        for name in ("sprite-r3-cpu_32", "sprite-r3-cpu_64", "dcgan_64", "hinge-sn_64", "sprite-r3_64",
                     "sprite-flow-cpu_32", "sprite-flow-cpu_64")
    ),
)  # fmt: skip
CI = Row("all tests, in a fresh environment", "ci", "ci_s", "s", 180)
PATIENCE_S = 900
"""After so long a benchmark is ended, and its rows are not measured."""


def run(name: str, quick: bool, save: Path | None) -> Any:
    """A benchmark's JSON, the last line it prints; None if it failed."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--json", *BENCHMARKS[name][quick]]
    since = time.monotonic()
    # As installed: modules are compiled once, not at every start, whatever this shell says.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        try:
            out, _ = child.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            out = child.communicate()[0]
    print(f"{name}: {time.monotonic() - since:.0f} s", file=sys.stderr, flush=True)
    if save is not None:
        (save / f"{name}.txt").write_text(out, encoding="utf-8")
    try:
        return None if child.returncode else json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        return None


def run_tests(save: Path | None) -> dict[str, float] | None:
    """The seconds of .ci/run; None where tests fail, or where there is no sh."""
    since = time.monotonic()
    try:
        done = subprocess.run(["sh", str(HERE.parents[1] / ".ci" / "run")], capture_output=True, text=True, check=False)
    except OSError:
        return None
    seconds = time.monotonic() - since
    print(f"ci: {seconds:.0f} s", file=sys.stderr, flush=True)
    if save is not None:
        (save / "ci.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return None if done.returncode else {"ci_s": seconds}


def at(found: Any, path: str) -> float | None:
    """The number at a path of keys and indices; None if there is none."""
    for key in path.split("/"):
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (KeyError, IndexError, TypeError):
            return None
    return float(found) if isinstance(found, int | float) else None


def line(row: Row, found: Any) -> dict[str, Any]:
    """What the table says of a row."""
    now = at(found, row.figure)
    beside = at(found, row.beside) if row.beside else None
    met = None if now is None else now >= row.goal if row.more else now <= row.goal
    ratio = round(now / beside, 3) if now is not None and beside else None
    return {"work": row.work, "now": now, "goal": row.goal, "unit": row.unit, "met": met, "beside": beside,
            "ratio": ratio}  # fmt: skip


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHMARKS))
    parser.add_argument("--save", type=Path)
    parser.add_argument("--ci", action="store_true", help="all tests, too")
    asked = parser.parse_args()
    if asked.save is not None:
        asked.save.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    names = [name for name in BENCHMARKS if not asked.only or name in asked.only]
    found = {name: run(name, asked.quick, asked.save) for name in names}
    if asked.ci:
        found[CI.benchmark] = run_tests(asked.save)
    lines = [line(row, found[row.benchmark]) for row in (*ROWS, CI) if row.benchmark in found]
    print(f"{'':42} {'now':>10} {'goal':>10}         {'beside':>10} {'ratio':>8}")
    for one in lines:
        now = "not measured" if one["now"] is None else f"{one['now']:,.3g}"
        beside = "" if one["beside"] is None else f"{one['beside']:,.3g}"
        ratio = "" if one["ratio"] is None else f"{one['ratio']:,.3g}"
        mark = {True: "met", False: "missed", None: ""}[one["met"]]
        goal = f"{one['goal']:,g} {one['unit']}"
        print(f"{one['work']:42} {now:>10} {goal:>10} {mark:6}  {beside:>10} {ratio:>8}")
    print(f"{time.monotonic() - began:.0f} s in all")
    if asked.json:
        print(json.dumps(lines))


if __name__ == "__main__":
    main()
