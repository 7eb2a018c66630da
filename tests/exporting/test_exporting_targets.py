"""Remote targets, full disks, and constant memory."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import subprocess
import sys
import time
import uuid

import pytest

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.versions import rendering_worker
from gandam_studio.core.workspace.edits import Drop, Flip, SetSetting
from gandam_studio.qt.failures import explain
from trainer.protocol import files as trainer_files
from trainer.protocol import folders


@pytest.fixture
def address():
    """A location in fsspec's in-memory file system."""
    fsspec = pytest.importorskip("fsspec")
    place = f"/{uuid.uuid4().hex}"
    yield f"memory:/{place}"
    system = fsspec.filesystem("memory")
    if system.exists(place):
        system.rm(place, recursive=True)


def test_a_file_goes_to_an_address(workspace, address):
    import fsspec

    version = versions.commit(workspace, "one")
    done = exporting.export(workspace, versions.find_version(workspace), f"{address}/deep/m.jsonl")
    assert (done.out, done.files) == (f"{address}/deep/m.jsonl", 1)
    with fsspec.open(f"{address}/deep/m.jsonl") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == version.digest
    with pytest.raises(UserError, match="exists") as refused:
        exporting.export(workspace, versions.find_version(workspace), f"{address}/deep/m.jsonl")
    assert explain(refused.value).endswith("choose another name")  # The window cannot replace what is at an address.
    workspace.apply(Flip([1]))
    second = versions.commit(workspace, "two")
    exporting.export(workspace, versions.find_version(workspace), f"{address}/deep/m.jsonl", force=True)
    with fsspec.open(f"{address}/deep/m.jsonl") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == second.digest


def test_a_folder_goes_to_an_address_and_is_replaced_whole(workspace, address):
    import fsspec

    versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder")
    system, path = fsspec.core.url_to_fs(f"{address}/data")
    names = sorted(name.rsplit("/data/", 1)[1] for name in system.find(path))
    assert "export.json" in names
    assert len([name for name in names if name.endswith(".png")]) == 20
    with pytest.raises(UserError, match="exists"):
        exporting.export(workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder")
    system.pipe_file(f"{path}/train/stray.png", b"x")
    with pytest.raises(UserError, match=r"holds train/stray\.png"):
        exporting.export(
            workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder", force=True
        )
    system.rm_file(f"{path}/train/stray.png")
    workspace.apply(Drop([1], "text"))
    versions.commit(workspace, "two")
    exporting.export(workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder", force=True)
    assert len(system.find(path)) == len(names) - 1


@pytest.fixture
def bucket(monkeypatch):
    """A bucket on an S3 server in this process; needs moto[server] and s3fs."""
    s3fs = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "NO_PROXY": host,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("gandam")
    yield "s3://gandam"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_s3_gets_files_and_folders_whole_and_replaces_only_by_force(workspace, bucket, tmp_path):
    import fsspec

    first = versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), f"{bucket}/m.jsonl")
    exporting.export(workspace, versions.find_version(workspace), f"{bucket}/data", format="imagefolder")
    with pytest.raises(UserError, match="exists"):
        exporting.export(workspace, versions.find_version(workspace), f"{bucket}/m.jsonl")
    with pytest.raises(UserError, match="exists"):
        exporting.export(workspace, versions.find_version(workspace), f"{bucket}/data", format="imagefolder")
    system, path = fsspec.core.url_to_fs(f"{bucket}/data")
    assert hashlib.sha256(system.cat_file("gandam/m.jsonl")).hexdigest() == first.digest
    system.pipe_file(f"{path}/train/stray.png", b"x")
    with pytest.raises(UserError, match=r"holds train/stray\.png"):
        exporting.export(
            workspace, versions.find_version(workspace), f"{bucket}/data", format="imagefolder", force=True
        )
    system.rm_file(f"{path}/train/stray.png")
    workspace.apply(Flip([1]))
    second = versions.commit(workspace, "two")
    exporting.export(workspace, versions.find_version(workspace), f"{bucket}/m.jsonl", force=True)
    exporting.export(workspace, versions.find_version(workspace), f"{bucket}/data", format="imagefolder", force=True)
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "data", format="imagefolder")
    system.invalidate_cache()
    assert hashlib.sha256(system.cat_file("gandam/m.jsonl")).hexdigest() == second.digest
    there = {name.removeprefix(f"{path}/"): system.cat_file(name) for name in system.find(path)}
    here = tmp_path / "data"
    assert there == {str(p.relative_to(here)): p.read_bytes() for p in here.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match=r"cannot (reach|write) s3://nowhere/m.jsonl"):
        exporting.export(workspace, versions.find_version(workspace), "s3://nowhere/m.jsonl")


def test_a_remote_folder_of_other_things_is_never_replaced(workspace, address):
    import fsspec

    versions.commit(workspace, "one")
    system, path = fsspec.core.url_to_fs(f"{address}/data")
    system.makedirs(path)
    system.pipe_file(f"{path}/precious.bin", b"mine")
    with pytest.raises(UserError, match="holds other files"):
        exporting.export(
            workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder", force=True
        )
    assert system.cat_file(f"{path}/precious.bin") == b"mine"


def test_an_interrupted_upload_is_told_from_a_whole_one_and_replaced(workspace, address, monkeypatch):
    """Wherever the upload stops, export.json exists only if everything else does."""
    import fsspec

    version = versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder")
    system, path = fsspec.core.url_to_fs(f"{address}/data")
    names = {name.rsplit("/data/", 1)[1] for name in system.find(path)}
    kind = type(system)
    put, remove = kind.put_file, kind.rm_file
    outcomes = []
    for step in range(len(names) + 4):
        left = [step]

        def failing(self, *arguments, _left=left, _call=put, **options):
            if _left[0] == 0:
                raise ConnectionError("the line is down")
            _left[0] -= 1
            return _call(self, *arguments, **options)

        monkeypatch.setattr(kind, "put_file", failing)
        monkeypatch.setattr(kind, "rm_file", lambda self, *a, _f=failing, **o: _f(self, *a, _call=remove, **o))
        with contextlib.suppress(UserError):
            exporting.export(
                workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder", force=True
            )
        monkeypatch.undo()
        found = {name.rsplit("/data/", 1)[1] for name in system.find(path)}
        whole = "export.json" in found
        assert not whole or names <= found
        outcomes.append(whole)
        if not whole:
            with pytest.raises(UserError, match="interrupted"):
                exporting.export(workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder")
    assert outcomes[0]  # nothing was touched yet
    assert outcomes.count(False) >= len(names) - 2
    exporting.export(workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder", force=True)
    assert {name.rsplit("/data/", 1)[1] for name in system.find(path)} == names
    assert json.loads(system.cat_file(f"{path}/export.json"))["digest"] == version.digest


def test_an_upload_is_watched_and_cancelled(workspace, address):
    import fsspec

    class Stops(NullJob):
        def start(self, label, total):
            self.label, self.left = label, 5
            if label == "Uploading":
                assert total == 21  # 20 pictures and their list; the marker is not counted

        def advance(self, count=1):
            self.left -= count
            if self.label == "Uploading" and self.left <= 0:
                raise Cancelled

    workspace.apply(SetSetting("splits", {"seed": 0, "held_out": 0.0}))
    versions.commit(workspace, "one")
    with pytest.raises(Cancelled):
        exporting.export(
            workspace, versions.find_version(workspace), f"{address}/data", format="imagefolder", job=Stops()
        )
    system, path = fsspec.core.url_to_fs(f"{address}/data")
    assert system.exists(f"{path}/export.uploading.json")
    assert not system.exists(f"{path}/export.json")


def test_an_unknown_protocol_is_one_line(workspace):
    pytest.importorskip("fsspec")
    versions.commit(workspace, "one")
    with pytest.raises(UserError, match="cannot reach nowhere://x/y") as caught:
        exporting.export(workspace, versions.find_version(workspace), "nowhere://x/y")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["jsonl", "stylegan", "imagefolder"])
def test_a_full_disk_leaves_the_old_export(workspace, tmp_path, monkeypatch, form):
    versions.commit(workspace, "one")
    out = tmp_path / "out" / "x"
    exporting.export(workspace, versions.find_version(workspace), out, format=form)
    paths = [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())
    before = [(path, path.read_bytes()) for path in paths]
    workspace.apply(Flip([1]))
    versions.commit(workspace, "two")

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    if form == "jsonl":
        monkeypatch.setattr(trainer_files.os, "fsync", full)
    else:
        monkeypatch.setattr(rendering_worker, "png_bytes", full)
    with pytest.raises(UserError, match="No space left on device"):
        exporting.export(workspace, versions.find_version(workspace), out, format=form, force=True)
    monkeypatch.undo()
    assert [(path, path.read_bytes()) for path in paths] == before
    assert [path.name for path in out.parent.iterdir()] == ["x"]


def test_a_failing_upload_is_told(workspace, address, monkeypatch):
    import fsspec

    versions.commit(workspace, "one")

    def refuse(*_arguments, **_options):
        raise PermissionError("access denied\nlong explanation")

    monkeypatch.setattr(fsspec.filesystem("memory").__class__, "put_file", refuse)
    with pytest.raises(UserError, match=r"cannot write memory://.*: access denied$"):
        exporting.export(workspace, versions.find_version(workspace), f"{address}/m.jsonl")


@pytest.mark.parametrize("by_system", [True, False])
def test_folders_of_more_files_than_are_held_at_once(tmp_path, monkeypatch, by_system):
    monkeypatch.setattr(folders, "AT_ONCE", 7)
    if not by_system:
        monkeypatch.setattr(folders, "sync_filesystem", lambda _folder: False)
    top = tmp_path / "top"
    for index in range(40):
        place = top / f"{index % 3}" / "deep"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.txt").write_text(str(index))
    assert sorted(int(entry.name[:-4]) for entry in folders.files_under(top)) == list(range(40))
    assert not folders.is_empty(top)
    folders.flush(top)
    folders.remove(top)
    assert not top.exists()
    assert folders.is_empty(tmp_path)
    folders.remove(top)  # nothing there: nothing raised


def test_what_a_killed_export_left_goes_with_the_next_one(workspace, tmp_path):
    versions.commit(workspace, "one")
    hours_ago = time.time() - 7200
    names = (".x.0123abcd.part", ".x.0123abce.part", ".x.part", ".y.0123abcd.part", ".x.0123abcd.part.old")
    for name in names:
        (tmp_path / name / "train").mkdir(parents=True)
        (tmp_path / name / "train" / "1.png").write_bytes(b"x")
        for entry in ("train/1.png", "train", ""):
            os.utime(tmp_path / name / entry, (hours_ago, hours_ago))
    os.utime(tmp_path / names[1] / "train" / "1.png")  # another export is writing there, to a file it began long ago
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder")
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set(names[1:])


MEASURE = """
import io, json, sys, tracemalloc
from pathlib import Path
from gandam_studio.core.exporting.formats import FORMATS
from gandam_studio.core.exporting.source import Source
from gandam_studio.core.versions.model import ManifestVersion
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.recipe import Recipe

class Sink(io.RawIOBase):
    def __init__(self): self.size = 0
    def writable(self): return True
    def write(self, data): self.size += len(data); return len(data)
    def tell(self): return self.size

class Many(Source):
    def __post_init__(self): self.header = {}; self.background = "#ffffff"
    def lines(self): return (entry.line() for entry in self.entries())
    def phash(self, entry): return ""
    def entries(self):
        for number in range(self.version.sprites):
            yield ManifestEntry(f"{number:064x}", f"sprite-{number}.png", f"{number:064x}", 64, 64, tags=("a", "b"))

def peak(name, count):
    version = ManifestVersion(1, "0" * 64, None, "", "2026-01-01T00:00:00Z", count)
    source = Many(None, version, "none", Recipe())
    tracemalloc.start()
    FORMATS[name].module().write(source, Sink())
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found

name = sys.argv[1]
peak(name, 100)  # imports and caches
print(json.dumps([peak(name, 4000), peak(name, 16000)]))
"""


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_memory_is_flat(repository, form):
    """Four times the sprites, the same peak (of Python's memory; a row group of Parquet has a fixed size)."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, form], cwd=repository, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    few, many = json.loads(done.stdout)
    assert many < few * 1.3 + 200_000


def test_streams_stay_open_for_their_owner(workspace):
    """Formats do not own the stream they write to; its owner flushes it to disk."""
    from gandam_studio.core.exporting import csv
    from gandam_studio.core.exporting.source import Source
    from trainer.protocol.recipe import Recipe

    stream = io.BytesIO()
    csv.write(Source(workspace, versions.commit(workspace, "x"), "none", Recipe()), stream)
    assert not stream.closed
    assert stream.getvalue().count(b"\r\n") == 21
