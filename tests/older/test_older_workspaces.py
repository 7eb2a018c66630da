"""A workspace and a run from an older commit (see make_older.py) work with today's code."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from studio_calls import Studio

# Lines of data gained the field "phash"; pictures and manifests are the same to the byte.
ADDED_TO = ("export.json", "x-csv", "metadata.jsonl", "annotations.json")
MADE = sorted(Path(__file__).parent.glob("workspace-*.zip"))


@pytest.fixture(params=MADE, ids=lambda path: path.stem)
def unpacked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with zipfile.ZipFile(request.param) as packed:
        packed.extractall(tmp_path)
    return tmp_path


@pytest.fixture
def known(unpacked: Path) -> dict[str, Any]:
    return json.loads((unpacked / "known.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_there_is_a_fixture() -> None:
    assert MADE


def test_it_opens_and_is_whole(unpacked: Path, known: dict[str, Any], studio: Studio) -> None:
    ws = unpacked / "ws"
    assert studio("verify", "-w", ws).code == 0
    for command in (("history",), ("diff", "v1", "v2")):
        found = json.loads(studio(*command, "--json", "-w", ws).out)
        assert found == known[command[0]], command
    for command in (("versions",), ("list",), ("show", "sprite-02.png")):
        found = json.loads(studio(*command, "--json", "-w", ws).out)
        assert _holds(found, known[command[0]]), command


def _holds(found: Any, known: Any) -> bool:
    """Whether all known values are unchanged; new fields are allowed."""
    if isinstance(known, dict):
        return isinstance(found, dict) and all(key in found and _holds(found[key], known[key]) for key in known)
    if isinstance(known, list):
        return len(found) == len(known) and all(map(_holds, found, known))
    return bool(found == known)


def test_decisions_go_on(unpacked: Path, known: dict[str, Any], studio: Studio) -> None:
    ws = unpacked / "ws"
    before = json.loads(studio("list", "--json", "-w", ws).out)
    assert studio("undo", "-w", ws).code == 0
    assert studio("redo", "-w", ws).code == 0
    assert json.loads(studio("list", "--json", "-w", ws).out) == before
    again = json.loads(studio("commit", "-m", "again", "--json", "-w", ws).out)
    assert again["digest"] == known["versions"][-1]["digest"], "equal decisions have equal digests"
    assert studio("restore", "v1", "-w", ws).code == 0
    assert studio("flip", "sprite-03.png", "-w", ws).code == 0


@pytest.mark.parametrize("form", ["jsonl", "csv", "imagefolder", "coco"])
def test_exports_hold_the_same(unpacked: Path, known: dict[str, Any], studio: Studio, form: str) -> None:
    out = unpacked / f"x-{form}"
    done = studio("export-manifest", "--format", form, "--out", out, "--version", "paper", "-w", unpacked / "ws")
    assert done.code == 0
    files = [path for path in (out, *out.rglob("*")) if path.is_file() and path.name not in ADDED_TO]
    found = {path.relative_to(unpacked).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    wanted = {name: digest for name, digest in known["exports"][form].items() if Path(name).name not in ADDED_TO}
    assert found == wanted
    assert found or form == "csv"


def test_the_run_is_read_sampled_and_resumed(unpacked: Path, studio: Studio, repository: Path) -> None:
    ws = unpacked / "ws"
    (run,) = json.loads(studio("runs", "--json", "-w", ws).out)
    assert (run["run"], run["state"], run["iteration"], run["version"]) == ("r1-dcgan", "finished", 20, "v2")
    assert studio("sample", "latest", "--out", unpacked / "grid.png", "-w", ws).code == 0
    assert (unpacked / "grid.png").stat().st_size > 100
    command = [sys.executable, "-m", "trainer", "train", str(ws / "runs" / "r1-dcgan"), "--iterations", "30"]
    subprocess.run(command, check=True, cwd=repository, capture_output=True)
    (run,) = json.loads(studio("runs", "--json", "-w", ws).out)
    assert (run["state"], run["iteration"]) == ("finished", 30)
