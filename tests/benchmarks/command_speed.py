"""How long commands take that a person waits for: whole processes, wall seconds, medians, side by side in one run.

    python tests/benchmarks/command_speed.py [--json] [--repeats 3] [--only NAME ...] [--commit 100000]

Names: dedupe, exports, starts, commit; all by default. All but `commit` need ../shared/data/pokesprite.

dedupe    `dedupe --json` of all PokeSprites: the first time, the same again, and after 100 others were imported (the
          bundled machines). Beside it the peers of `dedupe_peers.py`, whole processes on the same sprites as files;
          they hash them meanwhile, which ours does in the import (`dedupe_import_s`, of 7,520 files). One that takes
          longer than SLOW_S runs once
exports   a version of all PokeSprites as imagefolder, stylegan and webdataset. Beside them, the same files written from
          memory: those of an imagefolder alone (`files_alone_s`): on ext4 without a journal, which some virtual
          machines have, creating files takes ten times as long for some minutes after others were deleted nearby; the
          zip by `zipfile` (`zip_alone_s`); the shards by `tarfile` (`tars_alone_s`)
starts    `doctor`, `sample` of 64 from a tiny run, and `train` of one iteration: until that is done, and until the run
          has ended with its samples, quality and checkpoint; beside `python -c "import torch"`
commit    `commit` of a synthetic workspace as an import leaves it: the first time, again, and where it is not known
          which sprites are hard to see, as after an import by an earlier version or for another background. Beside it,
          without the start of a process: the bytes of its manifest written beside their place, flushed to the disk and
          moved there (`manifest_alone_s`); and the rows of its sprites copied to a new table of a SQLite database in
          one transaction, flushed too (`sqlite_copy_s`), as a program does that keeps versions in a database
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from dedupe_peers import PEERS, run_peer  # noqa: E402
from gallery import build  # noqa: E402

from gandam_studio.core.workspace import DATABASE, Workspace, faint_rows  # noqa: E402
from gandam_studio.samples.bundled import sample_sets  # noqa: E402

ARCHIVE = REPOSITORY.parent / "shared" / "data" / "pokesprite" / "pokesprite-2.7.0.zip"
ADDED = 100
SLOW_S = 20.0
Figure = float | str
"""What was measured, or why it was not."""
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


def imported(folder: Path) -> float:
    """Make a workspace of all PokeSprites; returns the seconds of the import."""
    studio("new", folder)
    return studio("import", ARCHIVE, "-w", folder)


def dedupe(scratch: Path, repeats: int) -> dict[str, Figure]:
    """First, again, and with new sprites; and peers."""
    pristine = scratch / "pristine"
    import_s = imported(pristine)
    files = sprites_as_files(pristine, scratch / "files")
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
    return {"dedupe_import_s": import_s, **medians(found), **peers(files, repeats)}


def sprites_as_files(workspace: Path, folder: Path) -> Path:
    """Write the originals of a workspace's sprites into a new folder, which is returned."""
    folder.mkdir()
    with Workspace.open(workspace, read_only=True) as opened:
        for sprite in opened.sprites():
            (folder / f"{sprite.seq:06d}.png").write_bytes(opened.originals.read(sprite.blob))
    return folder


def peers(files: Path, repeats: int) -> dict[str, Figure]:
    """Seconds of each peer on a folder of pictures, or why there are none."""
    made: dict[str, Figure] = {}
    for name in PEERS:
        taken: list[float] = []
        while len(taken) < repeats and (not taken or taken[-1] < SLOW_S):
            found = run_peer(name, files)
            if isinstance(found, str):
                break
            taken.append(found["process_s"])
        made[f"dedupe_{name}_s"] = statistics.median(taken) if taken else str(found)
    return made


def exports(scratch: Path, repeats: int) -> dict[str, Figure]:
    """Formats that render every picture."""
    folder = scratch / "w"
    imported(folder)
    studio("commit", "-m", "all", "-w", folder)
    found: dict[str, list[float]] = {}
    for number in range(repeats):
        for form in ("imagefolder", "stylegan", "webdataset"):
            out = scratch / f"{form}{number}{'.zip' if form == 'stylegan' else ''}"
            seconds = studio("export-manifest", "--format", form, "--out", out, "-w", folder)
            found.setdefault(f"export_{form}_s", []).append(seconds)
        alone = {
            "files_alone_s": files_alone(scratch / f"imagefolder{number}", scratch / f"alone{number}"),
            "zip_alone_s": zip_alone(scratch / f"stylegan{number}.zip", scratch / f"alone{number}.zip"),
            "tars_alone_s": tars_alone(scratch / f"webdataset{number}", scratch / f"shards{number}"),
        }
        for name, seconds in alone.items():
            found.setdefault(name, []).append(seconds)
    return dict(medians(found))


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


def zip_alone(exported: Path, copy: Path) -> float:
    """Seconds that writing the members of a zip by `zipfile` takes, uncompressed as they are there."""
    with zipfile.ZipFile(exported) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    since = time.perf_counter()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return time.perf_counter() - since


def tars_alone(exported: Path, copy: Path) -> float:
    """Seconds that writing the members of the tars of a folder by `tarfile` takes."""
    shards: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {}
    for path in sorted(exported.glob("*.tar")):
        with tarfile.open(path) as shard:
            streams = [(member, shard.extractfile(member)) for member in shard]
            shards[path.name] = [(member, stream.read()) for member, stream in streams if stream is not None]
    copy.mkdir()
    since = time.perf_counter()
    for name, members in shards.items():
        with tarfile.open(copy / name, "w") as shard:
            for member, data in members:
                shard.addfile(member, io.BytesIO(data))
    return time.perf_counter() - since


def starts(scratch: Path, repeats: int) -> dict[str, Figure]:
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
    return dict(medians(found))


def first_iteration(folder: Path) -> float:
    """When the newest run of a workspace told of its first iteration, seconds since 1970."""
    newest = max((folder / "runs").iterdir(), key=lambda path: path.stat().st_ctime)
    lines = (newest / "events.jsonl").read_text(encoding="utf-8").splitlines()
    told = [event for event in map(json.loads, lines) if event["kind"] == "progress"]
    return float(told[0]["wall_time"])


def commit(scratch: Path, repeats: int, count: int) -> dict[str, Figure]:
    """A version of many sprites, first and again; each drops one more, since unchanged decisions make no version."""
    folder = scratch / "w"
    build(folder, count)
    shutil.copy(folder / DATABASE, scratch / "rows.sqlite")
    found, alone, copied = [], [], []
    for number in range(repeats + 1):
        studio("drop", f"{number + 1:064x}", "-w", folder)
        found.append(studio("commit", "-m", str(number), "-w", folder))
        alone.append(manifest_alone(folder, scratch / "manifest.jsonl"))
        copied.append(sqlite_copy(scratch / "rows.sqlite", f"version{number}"))
    (folder / faint_rows.NAME).unlink()
    studio("drop", f"{repeats + 2:064x}", "-w", folder)
    unjudged = studio("commit", "-m", "unjudged", "-w", folder)
    return {
        "commit_first_s": found[0],
        "commit_s": statistics.median(found[1:]),
        "commit_unjudged_s": unjudged,
        "commit_sprites": count,
        "manifest_alone_s": statistics.median(alone[1:]),
        "sqlite_copy_s": statistics.median(copied[1:]),
    }


def manifest_alone(folder: Path, target: Path) -> float:
    """Seconds that writing the bytes of the largest manifest of a workspace takes, atomically and to the disk."""
    data = max((folder / "manifests").glob("*.jsonl"), key=lambda path: path.stat().st_size).read_bytes()
    since = time.perf_counter()
    part = target.with_suffix(".part")
    with part.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(target)
    return time.perf_counter() - since


def sqlite_copy(database: Path, table: str) -> float:
    """Seconds that copying the rows of a workspace's sprites to a new table takes, as a transaction that is durable."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        since = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM sprites WHERE status <> 'dropped' ORDER BY seq")
        connection.execute("COMMIT")
        return time.perf_counter() - since
    finally:
        connection.close()


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
    parts: dict[str, Callable[[Path, int], dict[str, Figure]]] = {
        "exports": exports,  # first: what the others delete would slow it (see above)
        "dedupe": dedupe,
        "starts": starts,
        "commit": lambda scratch, repeats: commit(scratch, repeats, asked.commit),
    }
    figures: dict[str, Figure] = {}
    for name in asked.only or parts:
        if name in ("dedupe", "exports") and not ARCHIVE.is_file():
            print(f"{name}: left out, ../shared/data/pokesprite is not on this machine")
            continue
        with tempfile.TemporaryDirectory(prefix="command-speed-") as scratch:
            found = parts[name](Path(scratch), asked.repeats)
        for key, value in found.items():
            print(f"{key:28} {value if isinstance(value, str) else f'{value:10,.2f}'}", flush=True)
        figures |= found
    if asked.json:
        rounded = {name: value if isinstance(value, str) else round(value, 3) for name, value in figures.items()}
        print(json.dumps(rounded))


if __name__ == "__main__":
    main()
