"""Every wait that has a goal, in one table: the goal, what it takes now, and what stands beside it.

    python tests/benchmarks/all.py [--json] [--markdown] [--quick] [--only NAME ...] [--save FOLDER] [--ci]

Runs the benchmarks named in `BENCHMARKS`, one after the other, and shows their figures with the goals of `ROWS`. With
nothing else running it is meant to take less than half an hour on two cores. `--quick` takes one repeat and fewer
pictures, for a look: rows of another size than their goal's are not held against it. `--save` keeps what each benchmark
printed, `--markdown` prints the table for a document. Rows whose benchmark could not run, or took longer than twenty
minutes, say so. `--ci` adds all tests, in a fresh environment (.ci/run): ten minutes more.

A ratio is ours divided by what stands beside it: below 1 we are faster, where larger is better slower. That is a peer,
another program that does similar work, or a floor, a part of the work that cannot be left out: the docstrings of the
benchmarks say what each is and what it leaves out. A smaller run of the same shows how the figure grows. What stands
beside Explore's rows is the time to the final samples.

Peers that are not installed say so in the table. All are had by

    pip install faiss-cpu usearch czkawka imagededup

(into a folder of its own with `--target FOLDER`, and then PYTHONPATH=FOLDER). imagehash comes with the program. Those
of `dedupe` make and compare one hash of each picture and look no further; what they find is measured by
`duplicates_quality.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

SEARCHED = ["--n", "100000", "--n", "1000000", "--methods", "ours, numba", "faiss multihash", "usearch"]
IMPORTED = ["--sets", "sprites", "--whole", "czkawka"]
BENCHMARKS: dict[str, tuple[list[str], list[str]]] = {
    "command_speed": (["--repeats", "3"], ["--repeats", "1"]),
    "duplicates_search": ([*SEARCHED, "faiss flat"], [*SEARCHED, "--repeats", "1"]),
    "duplicates_crowd": (["--count", "10000", "--count", "100000"], ["--count", "1000", "--count", "2000"]),
    "duplicates_regroup": ([], ["--rounds", "1"]),
    "import_speed": (IMPORTED, [*IMPORTED, "--quick", "--repeats", "1"]),
    "explore_latency": ([], ["--quick"]),
    "first_visits": (["--repeats", "3"], ["--repeats", "1"]),
    "gallery": (["--repeats", "5"], ["--repeats", "1"]),
}
"""Benchmark -> its arguments, and those for a look."""

Figure = float | str
"""A number, or why there is none."""
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Beside:
    """What stands beside a figure.

    Attributes:
        name: of the peer or floor.
        figure: where its figure stands, in the form of `Row.figure`.
        count: where it stands with how many things it was measured; "": as many as the row, as where nothing stands.
        smaller: whether it is a smaller run of the same, so that the ratio says how the figure grows. Anything else of
            another count has no ratio.
    """

    name: str
    figure: str
    count: str = ""
    smaller: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        work: what is waited for.
        benchmark: a key of BENCHMARKS.
        figure: where the figure stands in the benchmark's JSON, keys and numbers separated by slashes.
        unit: of the figure and the goal.
        goal: the largest figure that meets it, the smallest if `more`; or in a word where no number was set.
        beside: what is measured beside it.
        more: whether larger is better.
        count: where it stands with how many things the figure was measured; "" where that is always as the goal has it.
        goal_count: how many things the goal is for, if `count` is given.
    """

    work: str
    benchmark: str
    figure: str
    unit: str
    goal: float | str
    beside: tuple[Beside, ...] = ()
    more: bool = False
    count: str = ""
    goal_count: int = 0


def _searched(place: int, count: int, goal: float) -> Row:
    peers = tuple(
        Beside(name, f"table/{place}/seconds/{name}", f"table/{place}/n_of/{name}")
        for name in ("faiss flat", "faiss multihash", "usearch")
    )
    work = f"all pairs within 8 of 64 bits, {count:,}"
    figure = f"table/{place}/seconds/ours, numba"
    return Row(work, "duplicates_search", figure, "s", goal, peers, count=f"table/{place}/n", goal_count=count)


def _crowd(work: str, figure: str, unit: str, goal: float | str, *floors: Beside) -> Row:
    beside = (Beside("smaller run", f"at/0/{figure}", "at/0/drawn", smaller=True), *floors)
    return Row(work, "duplicates_crowd", f"at/1/{figure}", unit, goal, beside, count="at/1/drawn", goal_count=100_000)


def _commit(work: str, figure: str) -> Row:
    beside = Beside("its manifest written", "manifest_alone_s"), Beside("its rows copied in SQLite", "sqlite_copy_s")
    return Row(work, "command_speed", figure, "s", 2.0, beside, count="commit_sprites", goal_count=100_000)


TORCH = (Beside('python -c "import torch"', "import_torch_s"),)
EMPTY_PAGE = (Beside("empty PySide6 page", "rested_empty_page_ms"),)
ROWS = (
    Row("dedupe of all PokeSprites, first time", "command_speed", "dedupe_first_s", "s", 3.0,
        (Beside("imagehash, all pairs", "dedupe_imagehash_s"), Beside("czkawka", "dedupe_czkawka_s"),
         Beside("imagededup", "dedupe_imagededup_s"))),
    Row("the same again", "command_speed", "dedupe_again_s", "s", 0.3),
    Row("with 100 new sprites", "command_speed", "dedupe_added_s", "s", 0.6),
    _crowd("dedupe of 100,000 drawn sprites", "seconds", "s", 60.0),
    _crowd("its memory, main process", "main_mb", "MB", "flat", Beside("sprites and hashes held", "at/1/held_mb")),
    _crowd("its memory, each process that compares", "worker_mb", "MB", "flat"),
    _searched(0, 100_000, 0.03),
    _searched(1, 1_000_000, 1.0),
    Row("import of sprites, whole", "import_speed", "sprites/pictures_per_s", "/s", 10_000,
        (Beside("decoding alone", "sprites/decode_floor_per_s"), Beside("czkawka", "sprites/czkawka_per_s")),
        more=True, count="sprites/pictures", goal_count=12_000),
    Row("first visit of Duplicates", "first_visits", "rested_duplicates_ms", "ms", 60, EMPTY_PAGE),
    Row("first visit of Versions", "first_visits", "rested_versions_ms", "ms", 60, EMPTY_PAGE),
    Row("first visit of Train", "first_visits", "rested_train_ms", "ms", 60, EMPTY_PAGE),
    Row("window start, 100,000", "gallery", "at/0/start_s", "s", 0.2,
        (Beside("empty PySide6 window", "at/0/start_floor_s"),)),
    Row("window start, 1,000,000", "gallery", "at/1/start_s", "s", 0.2,
        (Beside("empty PySide6 window", "at/1/start_floor_s"),)),
    Row("memory of the gallery, 1,000,000", "gallery", "at/1/rss_mb", "MB", 450,
        (Beside("QListView", "at/1/peer_rss_mb"),)),
    Row("sample of 64", "command_speed", "sample_64_s", "s", 1.5, TORCH),
    Row("doctor", "command_speed", "doctor_s", "s", 1.5, TORCH),
    Row("train to its first iteration", "command_speed", "train_first_iteration_s", "s", 2.5, TORCH),
    Row("train of one iteration, to its end", "command_speed", "train_one_iteration_s", "s", 2.5, TORCH),
    Row("export imagefolder, all PokeSprites", "command_speed", "export_imagefolder_s", "s", 1.2,
        (Beside("its files written", "files_alone_s"),)),
    Row("export stylegan", "command_speed", "export_stylegan_s", "s", 1.2,
        (Beside("its zip written by zipfile", "zip_alone_s"),)),
    Row("export webdataset", "command_speed", "export_webdataset_s", "s", 1.2,
        (Beside("its tars written by tarfile", "tars_alone_s"),)),
    _commit("commit of 100,000, first time", "commit_first_s"),
    _commit("commit of 100,000 again", "commit_s"),
    _commit("commit of 100,000, hard to see not known", "commit_unjudged_s"),
    Row("step of the distance slider, 100,000", "duplicates_regroup", "milliseconds/step", "ms", 20,
        (Beside("choosing relations", "milliseconds/floor: choose relations"),
         Beside("union-find in Python", "milliseconds/union-find in Python"))),
    *(
        Row(f"Explore, {name.replace('_', ' ')} px: first shown", "explore_latency", f"{name}/first_ms", "ms", 100,
            (Beside("final samples", f"{name}/final_ms"),))
        for name in ("sprite-r3-cpu_32", "sprite-r3-cpu_64", "dcgan_64", "hinge-sn_64", "sprite-r3_64",
                     "sprite-flow-cpu_32", "sprite-flow-cpu_64")
    ),
)  # fmt: skip
CI = Row("all tests, in a fresh environment", "ci", "ci_s", "s", 180)
PATIENCE_S = 1200
"""After so long a benchmark is ended, and its rows are not measured."""
QUIET_LOAD = 0.5


def run(name: str, quick: bool, save: Path | None) -> Any:
    """A benchmark's JSON, the last line it prints; or why there is none."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--json", *BENCHMARKS[name][quick]]
    since = time.monotonic()
    # As installed: modules are compiled once, not at every start, whatever this shell says.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    late = False
    # A group of its own, which can be ended with the processes that the benchmark has started.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, process_group=0) as child:
        try:
            out, _ = child.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            late = True
            _end(child)
            out = child.communicate()[0]
        except BaseException:
            _end(child)
            raise
    print(f"{name}: {time.monotonic() - since:.0f} s", file=sys.stderr, flush=True)
    if save is not None:
        (save / f"{name}.txt").write_text(out, encoding="utf-8")
    if late:
        return f"longer than {PATIENCE_S:g} s"
    if child.returncode:
        return f"failed, exit code {child.returncode}"
    try:
        return json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        return "failed, no JSON"


def _end(child: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], capture_output=True, check=False)
    else:
        os.killpg(child.pid, signal.SIGKILL)


def run_tests(save: Path | None, script: Path = HERE.parents[1] / ".ci" / "run") -> dict[str, Figure]:
    """The seconds of .ci/run; or how many tests fail, or what else went wrong."""
    since = time.monotonic()
    # Peers in PYTHONPATH are no part of a fresh environment.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = ["sh", str(script)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        return {CI.figure: f"cannot run: {error.strerror}"}
    seconds = time.monotonic() - since
    print(f"ci: {seconds:.0f} s", file=sys.stderr, flush=True)
    if save is not None:
        (save / "ci.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if not done.returncode:
        return {CI.figure: seconds}
    summary, error = ((text.strip().splitlines() or [""])[-1] for text in (done.stdout, done.stderr))
    counts = re.findall(r"\d+ (?:failed|errors?)\b", summary)
    why = ", ".join(counts) or f"exit code {done.returncode} ({error[:60]})"
    return {CI.figure: f"{why}, after {seconds:.0f} s"}


def at(found: Any, path: str) -> Figure:
    """The number at a path of keys and indices; or why there is none, which may be all that was found."""
    for key in path.split("/"):
        if isinstance(found, str):
            return found
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (KeyError, IndexError, TypeError):
            return NOT_MEASURED
    if isinstance(found, int | float):
        return float(found)
    return found if isinstance(found, str) else NOT_MEASURED


def line(row: Row, found: Any) -> dict[str, Any]:
    """What the table says of a row.

    Keys: work, unit, goal; now (None where there is no number, then `why` says why not); count (with how many things
    it was measured, None where that is as the goal has it); met (None where there is nothing to compare); beside: a
    list of name, value, why, count and ratio.
    """
    now = at(found, row.figure)
    count = at(found, row.count) if row.count and not isinstance(now, str) else row.goal_count
    met = None
    if isinstance(now, float) and not isinstance(row.goal, str) and count == row.goal_count:
        met = now >= row.goal if row.more else now <= row.goal
    return {
        "work": row.work, **_told(now, "now"), "goal": row.goal, "unit": row.unit,
        "count": None if count == row.goal_count else count, "met": met,
        "beside": [_compared(one, found, now, count) for one in row.beside],
    }  # fmt: skip


def _compared(beside: Beside, found: Any, now: Figure, count: Figure) -> dict[str, Any]:
    """What the table says of one that stands beside a figure."""
    value = at(found, beside.figure)
    other = at(found, beside.count) if beside.count else count
    if isinstance(other, str):
        other = count
    ratio = None
    if isinstance(now, float) and isinstance(value, float) and value and (other == count or beside.smaller):
        ratio = round(now / value, 3)
    return {
        "name": beside.name, **_told(value, "value"), "count": None if other == count else other, "ratio": ratio,
    }  # fmt: skip


def _told(figure: Figure, name: str) -> dict[str, Any]:
    return {name: None, "why": figure} if isinstance(figure, str) else {name: figure, "why": ""}


def shown(value: float) -> str:
    """A number with three significant digits, and all before the point."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def cells(one: dict[str, Any]) -> tuple[str, str, str, str, list[str]]:
    """The columns of a line: work, now, goal, whether it is met, and each that stands beside it."""
    unit = one["unit"]
    work = one["work"] if one["count"] is None else f"{one['work']} (here {_counted(one['count'])})"
    now = one["why"] if one["now"] is None else f"{shown(one['now'])} {unit}"
    goal = one["goal"] if isinstance(one["goal"], str) else f"{one['goal']:,g} {unit}"
    mark = {True: "met", False: "missed", None: ""}[one["met"]]
    if one["count"] is not None and not isinstance(one["goal"], str):
        mark = "not comparable"
    return work, now, goal, mark, [_beside(other, unit) for other in one["beside"]]


def _counted(count: Figure) -> str:
    return count if isinstance(count, str) else f"{count:,.0f}"


def _beside(other: dict[str, Any], unit: str) -> str:
    name = other["name"] if other["count"] is None else f"{other['name']}, {_counted(other['count'])}"
    value = other["why"] if other["value"] is None else f"{shown(other['value'])} {unit}"
    return f"{name}: {value}" + ("" if other["ratio"] is None else f" (x {shown(other['ratio'])})")


HEADS = ("work", "now", "goal", "verdict", "beside it (ratio)")


def as_text(lines: list[dict[str, Any]]) -> str:
    """The table for a terminal; each that stands beside a figure has a line."""
    rows: list[tuple[str, ...]] = [HEADS]
    for one in lines:
        *first, beside = cells(one)
        rows.append((*first, beside[0] if beside else ""))
        rows += [("", "", "", "", other) for other in beside[1:]]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    text = (
        f"{work:{widths[0]}}  {now:>{widths[1]}}  {goal:>{widths[2]}}  {mark:{widths[3]}}  {beside}".rstrip()
        for work, now, goal, mark, beside in rows
    )
    return "\n".join(text)


def as_markdown(lines: list[dict[str, Any]]) -> str:
    """The table for a document."""
    rows = [HEADS, ("---", "---:", "---:", "---", "---")]
    for one in lines:
        *first, beside = cells(one)
        rows.append(tuple(cell.replace("|", "\\|") for cell in (*first, "; ".join(beside))))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def load() -> float | None:
    """How many processes were running on average in the last minute; None where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="the table as Markdown")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHMARKS))
    parser.add_argument("--save", type=Path)
    parser.add_argument("--ci", action="store_true", help="all tests, too")
    asked = parser.parse_args()
    if asked.save is not None:
        asked.save.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended as well
    began, busy = time.monotonic(), load()
    names = [name for name in BENCHMARKS if not asked.only or name in asked.only]
    found = {name: run(name, asked.quick, asked.save) for name in names}
    if asked.ci:
        found[CI.benchmark] = run_tests(asked.save)
    lines = [line(row, found[row.benchmark]) for row in (*ROWS, CI) if row.benchmark in found]
    print(as_markdown(lines) if asked.markdown else as_text(lines))
    machine = f"{os.cpu_count()} processors" + ("" if busy is None else f", load {busy:.2f} when it began")
    print(f"\n{time.monotonic() - began:,.0f} s in all; {machine}")
    if busy is not None and busy > QUIET_LOAD:
        print("Other work was running: these are not the figures of a quiet machine.")
    if asked.json:
        print(json.dumps(lines))


if __name__ == "__main__":
    main()
