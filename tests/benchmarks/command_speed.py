"""How long commands take that a person waits for: whole processes, wall seconds, medians, side by side in one run.

    python tests/benchmarks/command_speed.py [--json] [--repeats 3] [--only NAME ...] [--commit 100000]

Names: dedupe, exports, starts, commit; all by default. All but `commit` need ../shared/data/pokesprite.

dedupe    `dedupe --json` of all PokeSprites: the first time, the same again, and after 100 others were imported (the
          bundled machines)
exports   a version of all PokeSprites as imagefolder, stylegan and webdataset; beside it, the files of an imagefolder
          alone, from memory (`files_alone_s`): on ext4 without a journal, which some virtual machines have, creating
          files takes ten times as long for some minutes after others were deleted nearby
starts    `doctor`, `sample` of 64 from a tiny run, and `train` of one iteration: until that is done, and until the run
          has ended with its samples, quality and checkpoint; beside `python -c "import torch"`
commit    `commit` of a synthetic workspace as an import leaves it: the first time, again, and where it is not known
          which sprites are hard to see, as after an import by an earlier version or for another background
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from gallery import build  # noqa: E402

from gandam_studio.core.workspace import faint_rows  # noqa: E402
from gandam_studio.samples.bundled import sample_sets  # noqa: E402

ARCHIVE = REPOSITORY.parent / "shared" / "data" / "pokesprite" / "pokesprite-2.7.0.zip"
ADDED = 100
TINY = ["--preset", "sprite-r3-cpu", "--iterations", "1", "--set", "data.size=32", "--set", "sampling.count=16"]


def studio(*arguments: str | Path) -> float:
    """Run a command; returns its wall seconds. Exits with its error if it fails."""
    return timed([sys.executable, "-m", "gandam_studio", *map(str, arguments)])


def timed(command: list[str]) -> float:
    """The wall seconds of a process that must succeed."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(REPOSITORY)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: modules are not compiled at every start
    since = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    taken = time.perf_counter() - since
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return taken


def imported(folder: Path) -> Path:
    """A workspace of all PokeSprites."""
    studio("new", folder)
    studio("import", ARCHIVE, "-w", folder)
    return folder


def dedupe(scratch: Path, repeats: int) -> dict[str, float]:
    """First, again, and with new sprites."""
    pristine = imported(scratch / "pristine")
    more = scratch / "more"
    with zipfile.ZipFile(sample_sets()[0].pictures) as archive:
        names = [name for name in sorted(archive.namelist()) if name.endswith(".png")][:ADDED]
        archive.extractall(more, names)
    found: dict[str, list[float]] = {"dedupe_first_s": [], "dedupe_again_s": [], "dedupe_added_s": []}
    for number in range(repeats):
        folder = scratch / f"w{number}"
        shutil.copytree(pristine, folder)
        for name in found:
            if name == "dedupe_added_s":
                studio("import", more, "-w", folder)
            found[name].append(studio("dedupe", "--json", "-w", folder))
    return medians(found)


def exports(scratch: Path, repeats: int) -> dict[str, float]:
    """Formats that render every picture."""
    folder = imported(scratch / "w")
    studio("commit", "-m", "all", "-w", folder)
    found: dict[str, list[float]] = {}
    for number in range(repeats):
        for form in ("imagefolder", "stylegan", "webdataset"):
            out = scratch / f"{form}{number}{'.zip' if form == 'stylegan' else ''}"
            seconds = studio("export-manifest", "--format", form, "--out", out, "-w", folder)
            found.setdefault(f"export_{form}_s", []).append(seconds)
        found.setdefault("files_alone_s", []).append(
            files_alone(scratch / f"imagefolder{number}", scratch / f"alone{number}")
        )
    return medians(found)


def files_alone(exported: Path, copy: Path) -> float:
    """Seconds that creating the files of an export takes, without making them."""
    contents = {path.relative_to(exported): path.read_bytes() for path in sorted(exported.rglob("*")) if path.is_file()}
    for folder in {(copy / name).parent for name in contents}:
        folder.mkdir(parents=True, exist_ok=True)
    targets = [(os.fspath(copy / name), data) for name, data in contents.items()]
    since = time.perf_counter()
    for target, data in targets:
        with open(target, "wb") as stream:
            stream.write(data)
    return time.perf_counter() - since


def starts(scratch: Path, repeats: int) -> dict[str, float]:
    """Commands that load torch."""
    folder = scratch / "w"
    studio("new", folder)
    studio("import", sample_sets()[0].pictures, "-w", folder)
    studio("commit", "-m", "all", "-w", folder)
    studio("train", *TINY, "-w", folder)
    run = next(path.name for path in sorted((folder / "runs").iterdir()))
    found: dict[str, list[float]] = {}
    for number in range(repeats):
        measured = {
            "import_torch_s": timed([sys.executable, "-c", "import torch"]),
            "doctor_s": studio("doctor", "-w", folder),
            "sample_64_s": studio("sample", run, "--count", "64", "--out", scratch / f"s{number}.png", "-w", folder),
        }
        began = time.time()
        measured["train_one_iteration_s"] = studio("train", *TINY, "-w", folder)
        measured["train_first_iteration_s"] = first_iteration(folder) - began
        for name, seconds in measured.items():
            found.setdefault(name, []).append(seconds)
    return medians(found)


def first_iteration(folder: Path) -> float:
    """When the newest run of a workspace told of its first iteration, seconds since 1970."""
    newest = max((folder / "runs").iterdir(), key=lambda path: path.stat().st_ctime)
    lines = (newest / "events.jsonl").read_text(encoding="utf-8").splitlines()
    told = [event for event in map(json.loads, lines) if event["kind"] == "progress"]
    return float(told[0]["wall_time"])


def commit(scratch: Path, repeats: int, count: int) -> dict[str, float]:
    """A version of many sprites, first and again; each drops one more, since unchanged decisions make no version."""
    folder = scratch / "w"
    build(folder, count)
    found = []
    for number in range(repeats + 1):
        studio("drop", f"{number + 1:064x}", "-w", folder)
        found.append(studio("commit", "-m", str(number), "-w", folder))
    (folder / faint_rows.NAME).unlink()
    studio("drop", f"{repeats + 2:064x}", "-w", folder)
    unjudged = studio("commit", "-m", "unjudged", "-w", folder)
    again = statistics.median(found[1:])
    return {"commit_first_s": found[0], "commit_s": again, "commit_unjudged_s": unjudged, "commit_sprites": count}


def medians(found: dict[str, list[float]]) -> dict[str, float]:
    """The median of each list."""
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=("dedupe", "exports", "starts", "commit"))
    parser.add_argument("--commit", type=int, default=100_000, help="sprites to commit")
    asked = parser.parse_args()
    parts: dict[str, Callable[[Path, int], dict[str, float]]] = {
        "exports": exports,  # first: what the others delete would slow it (see above)
        "dedupe": dedupe,
        "starts": starts,
        "commit": lambda scratch, repeats: commit(scratch, repeats, asked.commit),
    }
    figures: dict[str, float] = {}
    for name in asked.only or parts:
        if name in ("dedupe", "exports") and not ARCHIVE.is_file():
            print(f"{name}: left out, ../shared/data/pokesprite is not on this machine")
            continue
        with tempfile.TemporaryDirectory(prefix="command-speed-") as scratch:
            found = parts[name](Path(scratch), asked.repeats)
        for key, value in found.items():
            print(f"{key:28} {value:10,.2f}", flush=True)
        figures |= found
    if asked.json:
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
