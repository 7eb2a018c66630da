"""Exports and new workspaces never overwrite a workspace, unrelated files or a device."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from odd_targets import content, links_work, odd_targets
from studio_calls import Studio

FORMATS = ("jsonl", "imagefolder", "all")


@pytest.fixture
def committed(ws: Path, studio: Studio) -> Path:
    assert studio("commit", "-w", ws).code == 0
    return ws


def unlisted(export: Path) -> None:
    """Turn an export into one from before markers listed their files."""
    for marker in export.rglob("export.json"):
        then = marker.stat()
        description = json.loads(marker.read_bytes())
        del description["files"]
        marker.write_text(json.dumps(description, indent=2, sort_keys=True))
        os.utime(marker, ns=(then.st_atime_ns, then.st_mtime_ns))


def test_nothing_is_exported_into_a_workspace_however_it_is_reached(
    committed: Path, studio: Studio, tmp_path: Path
) -> None:
    side = tmp_path / "side"
    side.mkdir()
    targets = [
        committed, committed / "workspace.sqlite", committed / "new", committed / "originals" / "new",
        committed / "new" / "deep" / "er", side / ".." / "ws" / "originals" / "packs" / "000001.pack",
        committed / "originals" / "..", committed.parent,
    ]  # fmt: skip
    pytest.importorskip("fsspec")
    addresses: list[object] = [(committed / "workspace.sqlite").as_uri(), f"simplecache::{committed.as_uri()}/new"]
    if links_work(tmp_path):
        (side / "to-ws").symlink_to(committed)
        (side / "to-database").symlink_to(committed / "workspace.sqlite")
        (side / "to-originals").symlink_to(committed / "originals")
        targets += [side / "to-ws", side / "to-ws" / "new", side / "to-database", side / "to-originals" / "new"]
        targets += [side / "to-originals" / ".." / "new"]
    if (tmp_path / "WS").exists():  # a file system without regard to case
        targets += [tmp_path / "WS" / "WORKSPACE.SQLITE", tmp_path / "Ws" / "new"]
    before = content(tmp_path)
    for target in [*targets, *addresses]:
        for form in FORMATS:
            for force in ((), ("--force",)):
                studio("export-manifest", "-w", committed, "--out", target, "--format", form, *force).refusal  # noqa: B018
    assert content(tmp_path) == before
    assert studio("verify", "-w", committed).code == 0


def test_a_part_of_the_workspace_on_another_disk_is_the_workspace_too(
    committed: Path, studio: Studio, tmp_path: Path
) -> None:
    if not links_work(tmp_path):
        pytest.skip("no symbolic links here")
    disk = tmp_path / "disk"
    disk.mkdir()
    (committed / "originals").rename(disk / "originals")
    (committed / "originals").symlink_to(disk / "originals")
    before = content(tmp_path)
    for target in (disk / "originals" / "packs" / "000001.pack", committed / "originals" / "packs" / "000001.pack"):
        assert "workspace" in studio("export-manifest", "-w", committed, "--out", target, "--force").refusal
    assert content(tmp_path) == before


def test_another_workspace_is_as_safe(committed: Path, studio: Studio, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert studio("new", other).code == 0
    lost = tmp_path / "lost"
    shutil.copytree(committed, lost)
    (lost / "workspace.sqlite").unlink()  # damaged, and its originals are the more precious
    before = content(tmp_path)
    for target in (other / "workspace.sqlite", other / "x.jsonl", other, lost / "originals" / "index.sqlite"):
        for form in FORMATS:
            studio("export-manifest", "-w", committed, "--out", target, "--format", form, "--force").refusal  # noqa: B018
    assert content(tmp_path) == before


def test_a_hard_link_to_a_workspaces_file_is_a_name_like_any_other(
    committed: Path, studio: Studio, tmp_path: Path
) -> None:
    try:
        os.link(committed / "workspace.sqlite", tmp_path / "linked.jsonl")
    except OSError:
        pytest.skip("no hard links here")
    before = content(committed)
    assert studio("export-manifest", "-w", committed, "--out", tmp_path / "linked.jsonl", "--force").code == 0
    assert content(committed) == before
    assert (tmp_path / "linked.jsonl").read_bytes().startswith(b"{")


def test_links_devices_and_pipes_stay_what_they_are(committed: Path, studio: Studio, tmp_path: Path) -> None:
    targets = list(odd_targets(tmp_path / "odd"))
    before = content(tmp_path)
    for target in targets:
        for form in FORMATS:
            for force in ((), ("--force",)):
                studio("export-manifest", "-w", committed, "--out", target, "--format", form, *force).refusal  # noqa: B018
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    "marker",
    ["{}", "no JSON", '{"format": "imagefolder"}', '{"format": "imagefolder", "files": []}', "[" * 100_000, None],
)
def test_a_strangers_folder_with_an_export_json_stays(
    committed: Path, studio: Studio, tmp_path: Path, marker: str | None
) -> None:
    album = tmp_path / "album"
    album.mkdir()
    (album / "holiday.jpg").write_text("precious")
    if marker is None:
        (album / "export.json").mkdir()
    else:
        (album / "export.json").write_text(marker)
    before = content(album)
    answer = studio("export-manifest", "-w", committed, "--out", album, "--format", "imagefolder", "--force")
    assert str(album) in answer.refusal
    assert content(album) == before


def test_what_a_person_added_to_an_export_or_changed_in_it_stays(
    committed: Path, studio: Studio, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def export() -> tuple[int, str]:
        answer = studio("export-manifest", "-w", committed, "--out", out, "--format", "imagefolder", "--force")
        return answer.code, answer.err

    assert export()[0] == 0
    assert export()[0] == 0
    picture = next(path for path in (out / "train").iterdir() if path.suffix == ".png")
    for name, text in {"notes.txt": "mine", "train/own.png": "mine", "deep/down/notes": ""}.items():
        added = out / name
        added.parent.mkdir(parents=True, exist_ok=True)
        added.write_text(text)
        before = content(tmp_path)
        code, told = export()
        assert (code, name in told) == (1, True), told
        assert content(tmp_path) == before
        added.unlink()
    drawn, then = picture.read_bytes(), picture.stat()
    for changed, moment in ((drawn + b"x", then.st_mtime), (bytes(len(drawn)), time.time() + 60)):
        picture.write_bytes(changed)
        os.utime(picture, (moment, moment))
        code, told = export()
        assert (code, picture.name in told) == (1, True), told
        assert picture.read_bytes() == changed
    picture.write_bytes(drawn)
    os.utime(picture, ns=(then.st_atime_ns, then.st_mtime_ns))
    if links_work(tmp_path):
        (out / "album").symlink_to(tmp_path)
        assert "album" in export()[1]
        (out / "album").unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(out / "train" / "pipe")
        assert "train/pipe" in export()[1]
        (out / "train" / "pipe").unlink()
    (out / ".DS_Store").write_text("what Finder leaves")
    assert export()[0] == 0
    assert not (out / "deep").exists()


def test_an_export_of_before_there_were_lists_is_known_by_its_content(
    committed: Path, studio: Studio, tmp_path: Path
) -> None:
    for form, pictures in [
        ("imagefolder", "render"), ("webdataset", "copy"), ("croissant", "render"), ("coco", "copy"),
        ("fiftyone", "render"), ("jsonl", "copy"), ("csv", "render"), ("all", ""), ("all", "copy"),
    ]:  # fmt: skip
        out = tmp_path / f"{form}-{pictures}"
        words = ("export-manifest", "-w", committed, "--out", out, "--format", form, "--force")
        words += ("--pictures", pictures) if pictures else ()
        assert studio(*words).code == 0
        unlisted(out)
        stray = next(path for path in out.rglob("*") if path.is_dir()) if form != "webdataset" else out
        (stray / "own.png").write_text("mine")
        before = content(out)
        assert "own.png" in studio(*words).refusal
        assert content(out) == before
        (stray / "own.png").unlink()
        assert studio(*words).code == 0, form
        assert content(out) != before


def test_formats_that_were_not_asked_for_stay(committed: Path, studio: Studio, tmp_path: Path) -> None:
    for form in ("all", "coco"):
        assert studio("export-manifest", "-w", committed, "--out", tmp_path / form, "--format", form).code == 0
        before = content(tmp_path / form)
        for other in ("imagefolder", "all", "coco"):
            answer = studio("export-manifest", "-w", committed, "--out", tmp_path / form, "--format", other, "--force")
            assert (answer.code == 0) == (other == form), answer.err
            assert content(tmp_path / form) == before


def test_a_file_added_while_the_export_is_written_stays(
    committed: Path, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gandam_studio.core.exporting import coco

    out, write = tmp_path / "out", coco.write

    def slow(*arguments: object) -> None:
        write(*arguments)
        (out / "notes.txt").write_text("mine")

    words = ("export-manifest", "-w", committed, "--out", out, "--format", "coco", "--force")
    assert studio(*words).code == 0
    before = content(tmp_path)
    monkeypatch.setattr(coco, "write", slow)
    assert "notes.txt" in studio(*words).refusal
    assert content(tmp_path) == before | {"out/notes.txt": b"mine"}


def test_a_file_that_appeared_while_the_export_was_written_is_not_replaced_unasked(
    committed: Path, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gandam_studio.core.exporting import csv

    out, write = tmp_path / "out.csv", csv.write

    def slow(*arguments: object) -> None:
        write(*arguments)
        out.write_text("mine")

    monkeypatch.setattr(csv, "write", slow)
    assert "--force" in studio("export-manifest", "-w", committed, "--out", out, "--format", "csv").refusal
    assert out.read_text() == "mine"


def test_a_new_workspace_is_not_made_in_another_nor_over_anything(ws: Path, studio: Studio, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.json").write_text("{}")
    (tmp_path / "side").mkdir()
    (tmp_path / "file").write_text("mine")
    targets = [
        ws, ws / "inner", ws / "runs" / "r1-x", tmp_path / "side" / ".." / "ws" / "x", run, run / "samples" / "w",
        tmp_path / "file", tmp_path / "file" / "w", tmp_path / "a\0b",
    ]  # fmt: skip
    targets += odd_targets(tmp_path / "odd")
    if links_work(tmp_path):
        (tmp_path / "side" / "to-ws").symlink_to(ws)
        targets += [tmp_path / "side" / "to-ws" / "x"]
    before = content(tmp_path)
    for target in targets:
        studio("new", target).refusal  # noqa: B018
    assert content(tmp_path) == before


def test_samples_are_not_drawn_into_the_workspace(ws: Path, studio: Studio, tmp_path: Path) -> None:
    (ws / "runs" / "r1-x").mkdir(parents=True)
    (tmp_path / "side").mkdir()
    before = content(tmp_path)
    for out, singly in ((ws, "--singly"), (tmp_path / "side" / ".." / "ws" / "workspace.sqlite", "--force")):
        assert "workspace" in studio("sample", "r1", "-w", ws, "--out", out, singly, "--force").refusal
    assert content(tmp_path) == before
