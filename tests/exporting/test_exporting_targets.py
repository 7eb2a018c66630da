"""Remote targets, full disks, and memory that does not grow with the data set."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import subprocess
import sys
import uuid

import pytest

from gandam_studio.core.edits import Flip
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import source as exporting_source
from trainer import files as trainer_files


@pytest.fixture
def address():
    """A place of our own in fsspec's in-memory file system."""
    fsspec = pytest.importorskip("fsspec")
    place = f"/{uuid.uuid4().hex}"
    yield f"memory:/{place}"
    system = fsspec.filesystem("memory")
    if system.exists(place):
        system.rm(place, recursive=True)


def test_a_file_goes_to_an_address(workspace, address):
    import fsspec

    version = workspace.commit("one")
    done = workspace.export(f"{address}/deep/m.jsonl")
    assert (done.out, done.files) == (f"{address}/deep/m.jsonl", 1)
    with fsspec.open(f"{address}/deep/m.jsonl") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == version.digest
    with pytest.raises(UserError, match="--force"):
        workspace.export(f"{address}/deep/m.jsonl")
    workspace.apply(Flip([1]))
    second = workspace.commit("two")
    workspace.export(f"{address}/deep/m.jsonl", force=True)
    with fsspec.open(f"{address}/deep/m.jsonl") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == second.digest


def test_a_folder_goes_to_an_address_and_is_replaced_whole(workspace, address):
    import fsspec

    workspace.commit("one")
    workspace.export(f"{address}/data", format="imagefolder")
    system, path = fsspec.core.url_to_fs(f"{address}/data")
    names = sorted(name.rsplit("/data/", 1)[1] for name in system.find(path))
    assert "export.json" in names
    assert len([name for name in names if name.endswith(".png")]) == 20
    with pytest.raises(UserError, match="--force"):
        workspace.export(f"{address}/data", format="imagefolder")
    system.pipe_file(f"{path}/train/stray.png", b"x")
    workspace.export(f"{address}/data", format="imagefolder", force=True)
    assert not system.exists(f"{path}/train/stray.png")


def test_a_remote_folder_of_other_things_is_never_replaced(workspace, address):
    import fsspec

    workspace.commit("one")
    system, path = fsspec.core.url_to_fs(f"{address}/data")
    system.makedirs(path)
    system.pipe_file(f"{path}/precious.bin", b"mine")
    with pytest.raises(UserError, match="holds other things"):
        workspace.export(f"{address}/data", format="imagefolder", force=True)
    assert system.cat_file(f"{path}/precious.bin") == b"mine"


def test_an_unknown_protocol_is_one_line(workspace):
    pytest.importorskip("fsspec")
    workspace.commit("one")
    with pytest.raises(UserError, match="cannot reach nowhere://x/y") as caught:
        workspace.export("nowhere://x/y")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["jsonl", "stylegan", "imagefolder"])
def test_a_full_disk_leaves_the_old_export(workspace, tmp_path, monkeypatch, form):
    workspace.commit("one")
    out = tmp_path / "out" / "x"
    workspace.export(out, format=form)
    paths = [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())
    before = [(path, path.read_bytes()) for path in paths]
    workspace.apply(Flip([1]))
    workspace.commit("two")

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    if form == "jsonl":
        monkeypatch.setattr(trainer_files.os, "fsync", full)
    else:
        monkeypatch.setattr(exporting_source, "png_bytes", full)
    with pytest.raises(UserError, match="No space left on device"):
        workspace.export(out, format=form, force=True)
    monkeypatch.undo()
    assert [(path, path.read_bytes()) for path in paths] == before
    assert [path.name for path in out.parent.iterdir()] == ["x"]


def test_a_failing_upload_is_told(workspace, address, monkeypatch):
    import fsspec

    workspace.commit("one")

    def refuse(*_arguments, **_options):
        raise PermissionError("access denied\nlong explanation")

    monkeypatch.setattr(fsspec.filesystem("memory").__class__, "put_file", refuse)
    with pytest.raises(UserError, match=r"cannot write memory://.*: access denied$"):
        workspace.export(f"{address}/m.jsonl")


MEASURE = """
import io, json, sys, tracemalloc
from pathlib import Path
from gandam_studio.core.exporting.formats import FORMATS
from gandam_studio.core.exporting.source import Source
from gandam_studio.core.versions.model import ManifestVersion
from trainer.manifest import ManifestEntry
from trainer.recipe import Recipe

class Sink(io.RawIOBase):
    def __init__(self): self.size = 0
    def writable(self): return True
    def write(self, data): self.size += len(data); return len(data)
    def tell(self): return self.size

class Many(Source):
    def __post_init__(self): self.header = {}; self.background = "#ffffff"
    def lines(self): return (entry.line() for entry in self.entries())
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
    """Four times the sprites, the same peak (the pure Python part; a row group of Parquet is of fixed size)."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, form], cwd=repository, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    few, many = json.loads(done.stdout)
    assert many < few * 1.3 + 200_000


def test_streams_stay_open_for_their_owner(workspace):
    """A format writes into a stream it does not own; the owner flushes it to disk."""
    from gandam_studio.core.exporting import csv
    from gandam_studio.core.exporting.source import Source
    from trainer.recipe import Recipe

    stream = io.BytesIO()
    csv.write(Source(workspace, workspace.commit("x"), "none", Recipe()), stream)
    assert not stream.closed
    assert stream.getvalue().count(b"\r\n") == 21
