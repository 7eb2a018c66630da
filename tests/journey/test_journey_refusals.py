"""Bad input and a bad machine: a clear one-line error each, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from studio_calls import Studio

from gandam_studio.core.runs import available_devices
from gandam_studio.samples.mechas import write_set


def cli(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gandam_studio", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


def the_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout
    assert "the details are in" not in lines[0], lines[0]
    return lines[0]


def test_a_folder_that_does_not_exist(ws: Path, studio: Studio) -> None:
    assert "there is nothing at" in studio("import", ws / "nowhere", "-w", ws).refusal


def test_an_empty_folder(ws: Path, tmp_path: Path, studio: Studio) -> None:
    (tmp_path / "empty").mkdir()
    assert "there are no pictures in" in studio("import", tmp_path / "empty", "-w", ws).refusal


def test_a_text_file_named_png(ws: Path, tmp_path: Path, studio: Studio) -> None:
    (tmp_path / "notes.png").write_text("these are notes, not pixels\n")
    answer = studio("import", tmp_path / "notes.png", "-w", ws, "--json")
    assert "nothing was imported" in answer.refusal
    assert "notes.png" in answer.refusal
    (rejected,) = json.loads(answer.out)["rejected"]
    assert rejected["path"].endswith("notes.png")
    assert rejected["reason"]


def test_an_unknown_preset_names_those_there_are(ws: Path, studio: Studio) -> None:
    studio("commit", "-w", ws)
    refusal = studio("train", "--preset", "sprite-r33", "-w", ws).refusal
    assert "there is no preset 'sprite-r33'" in refusal
    assert "sprite-r3" in refusal
    assert "there is no setting" in studio("train", "--preset", "dcgan", "--set", "nonsense=3", "-w", ws).refusal
    assert studio("runs", "-w", ws, "--json").json == []


def test_a_device_that_is_not_here_is_refused_before_there_is_a_run(ws: Path, studio: Studio) -> None:
    absent = next(name for name in ("cuda", "mps") if name not in available_devices())
    for way in (["--device", absent], ["--set", f"device={absent}"]):
        refusal = studio("train", "--preset", "sprite-r3-cpu", *way, "-w", ws).refusal
        assert f"no usable {absent.upper()} device" in refusal
    assert studio("runs", "-w", ws, "--json").json == []


def test_training_without_a_version_says_what_to_do(ws: Path, studio: Studio) -> None:
    assert "gandam-studio commit" in studio("train", "--preset", "sprite-r3-cpu", "-w", ws).refusal


def test_a_folder_that_is_no_workspace_or_already_one(ws: Path, tmp_path: Path, studio: Studio) -> None:
    assert "gandam-studio new" in studio("list", "-w", tmp_path).refusal
    assert "is a workspace already" in studio("new", ws).refusal
    assert "is not an empty folder" in studio("new", tmp_path).refusal
    assert "there is no run yet" in studio("sample", "r9", "--out", tmp_path / "x.png", "-w", ws).refusal


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB, if the system allows it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux can make a small disk here")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_what_was_decided(small_disk: Path, tmp_path: Path, art: Path) -> None:
    ws = small_disk / "ws"
    assert cli("new", ws).returncode == 0
    assert cli("import", art, "-w", ws, "--workers", "1").returncode == 0
    assert cli("flip", "mecha-000002.png", "-w", ws).returncode == 0
    (flipped,) = json.loads(cli("list", "--flipped", "-w", ws, "--json").stdout)
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - 500_000))
    write_set(tmp_path / "more", 300, seed=99, compression=1)
    assert sum(file.stat().st_size for file in (tmp_path / "more").iterdir()) > 600_000
    line = the_line(cli("import", tmp_path / "more", "-w", ws, "--workers", "1"))
    assert "full" in line.lower() or "space" in line.lower()
    # By id: the other set has files of the same names.
    assert json.loads(cli("list", "--flipped", "-w", ws, "--json").stdout) == [flipped]
    assert cli("verify", "-w", ws).returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="this system has no limit on the size of files")
def test_files_that_may_not_grow_are_told_in_one_line(ws: Path, tmp_path: Path) -> None:
    import resource

    def stunted() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    write_set(tmp_path / "more", 300, seed=99, compression=1)
    the_line(cli("import", tmp_path / "more", "-w", ws, "--workers", "1", preexec_fn=stunted))
    assert cli("verify", "-w", ws).returncode == 0
    assert cli("import", tmp_path / "more", "-w", ws, "--workers", "1").returncode == 0


def test_a_read_only_workspace_is_told_in_one_line(ws: Path) -> None:
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("the permissions of this user stop nothing")
    for path in (ws, ws / "workspace.sqlite"):
        path.chmod(0o555)
    try:
        the_line(cli("flip", "mecha-000002.png", "-w", ws))
    finally:
        ws.chmod(0o755)
