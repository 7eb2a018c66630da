"""Exporting and deleting runs, completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import zipfile
from pathlib import Path

import pytest
from odd_targets import content, odd_targets
from recorded_runs import recorded

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.runs.export import export_run, trash_run
from trainer.protocol.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = recorded(tmp_path / "runs" / "r1-x", iterations=200)
    made.request("sample")
    (made.path / "lock").touch()
    return made


def _relative(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_holds_everything_but_lock_and_commands(run: RunDirectory, tmp_path: Path) -> None:
    made = export_run(run, tmp_path / "copy")
    wanted = {name for name in _relative(run.path) if name != "lock" and not name.startswith("commands/")}
    assert _relative(made) == wanted
    assert (made / "events.jsonl").read_bytes() == run.events_path.read_bytes()
    assert RunDirectory(made).state().state == "finished"


def test_a_zip_unpacks_to_the_same_run(run: RunDirectory, tmp_path: Path) -> None:
    made = export_run(run, tmp_path / "copy.zip")
    with zipfile.ZipFile(made) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
    again = RunDirectory(tmp_path / "unpacked" / "r1-x")
    assert again.config() == run.config()
    assert [e.sequence for e in again.events().read()] == [e.sequence for e in run.events().read()]


def test_an_existing_folder_is_never_overwritten(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("x")
    with pytest.raises(UserError, match="exists already"):
        export_run(run, tmp_path / "mine")
    assert _relative(tmp_path / "mine") == {"precious"}


def test_a_run_is_not_exported_into_a_workspace_itself_or_a_device(run: RunDirectory, tmp_path: Path) -> None:
    ws = tmp_path / "ws"
    (ws / "originals").mkdir(parents=True)
    (ws / "workspace.sqlite").write_text("everything decided")
    places = [ws / "x", ws / "originals" / "x", tmp_path / "no" / ".." / "ws" / "x", run.path / "samples" / "x"]
    odd = list(odd_targets(tmp_path / "odd"))
    for target in odd:  # such a thing with a zip's name
        target.rename(target.with_name(f"{target.name}.zip"))
    targets = [*places, *(path.with_suffix(".zip") for path in places), *(path.with_suffix(".zip") for path in odd)]
    before = content(tmp_path)
    for target in [*targets, ws / "workspace.sqlite"]:
        with pytest.raises(UserError):
            export_run(run, target)
    assert content(tmp_path) == before


def test_a_zip_of_that_name_is_replaced(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "copy.zip").write_text("an earlier one")
    assert zipfile.is_zipfile(export_run(run, tmp_path / "copy.zip"))


@pytest.mark.parametrize("name", ["copy.zip", "copy"])
def test_a_cancelled_export_leaves_nothing(run: RunDirectory, tmp_path: Path, name: str) -> None:
    class Impatient(NullJob):
        def advance(self, count: int = 1) -> None:
            raise Cancelled

    before = set(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        export_run(run, tmp_path / name, Impatient())
    assert set(tmp_path.iterdir()) == before


def test_a_run_that_trains_is_not_thrown_away(run: RunDirectory) -> None:
    with run.locked(), pytest.raises(UserError, match="stop it first"):
        trash_run(run)
    assert run.config_path.exists()


def test_a_run_goes_to_the_trash(run: RunDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "share"))
    thrown: list[str] = []
    monkeypatch.setattr(
        "send2trash.send2trash", lambda path: (thrown.append(path), Path(path).rename(tmp_path / "trash"))
    )
    trash_run(run)
    assert thrown == [str(run.path)]
    assert not run.path.exists()


def test_a_trash_that_refuses_is_one_clear_line(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError("no trash on this file system")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    with pytest.raises(UserError, match="no trash on this file system"):
        trash_run(run)
    assert run.path.exists()


@pytest.mark.parametrize("name", ["copy", "copy.zip"])
def test_a_full_disk_is_told_and_leaves_nothing(run: RunDirectory, tmp_path: Path, monkeypatch, name: str) -> None:
    def full(*_paths: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trainer.protocol.files.replace", full)
    with pytest.raises(UserError, match="No space left"):
        export_run(run, tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}


def test_pictures_are_stored_and_texts_are_packed(run: RunDirectory, tmp_path: Path) -> None:
    with zipfile.ZipFile(export_run(run, tmp_path / "copy.zip")) as archive:
        kinds = {Path(one.filename).suffix: one.compress_type for one in archive.infolist()}
    assert kinds[".png"] == zipfile.ZIP_STORED
    assert kinds[".json"] == kinds[".jsonl"] == zipfile.ZIP_DEFLATED


def test_dates_and_names_that_a_zip_cannot_hold_end_no_export(run: RunDirectory, tmp_path: Path) -> None:
    os.utime(run.events_path, (0, 0))
    os.utime(run.config_path, (10**10, 10**10))
    odd = []
    with contextlib.suppress(OSError):  # Windows and macOS have no such names.
        Path(os.fsdecode(os.fsencode(run.path) + b"/caf\xe9.txt")).write_bytes(b"x")
        odd = ["r1-x/caf\\xe9.txt"]
    with zipfile.ZipFile(export_run(run, tmp_path / "copy.zip")) as archive:
        assert archive.testzip() is None
        dates = {one.filename: one.date_time[0] for one in archive.infolist()}
    assert (dates["r1-x/events.jsonl"], dates["r1-x/config.json"]) == (1980, 2107)
    assert [name for name in dates if name.startswith("r1-x/caf")] == odd
