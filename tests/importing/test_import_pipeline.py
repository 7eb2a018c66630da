"""Whole imports: exact counts, repeated, cancelled and killed imports, and all kinds of sources."""

from __future__ import annotations

import csv
import errno
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, noise, sprite, sprite_png
from PIL import Image
from unpacked_tars import unpack_tar
from warm_starts import cold

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import (
    ArchiveLimits,
    Components,
    Grid,
    ImportOptions,
    ImportSummary,
    Pasted,
    import_sources,
)
from gandam_studio.core.importing import items as items_module
from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.pictures.decoding.limits import Limits
from gandam_studio.core.places import storable
from gandam_studio.core.workspace import Workspace

__all__ = ["cold"]

ONE = ImportOptions(workers=1)


def table(workspace: Workspace, name: str) -> list[tuple]:
    return [tuple(row) for row in workspace.connection.execute(f"SELECT * FROM {name}")]


def everything(workspace: Workspace) -> list:
    return [table(workspace, name) for name in ("sprites", "sources", "fingerprints")] + [
        sorted(workspace.originals.digests())
    ]


class Watch:
    """A Job that records calls, and cancels after a given number of units."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.done = 0
        self.cancel_after = cancel_after

    def start(self, label: str, total: int | None) -> None:
        self.stages.append((label, total))
        self.done = 0

    def advance(self, count: int = 1) -> None:
        self.done += count
        self.check()

    def check(self) -> None:
        if self.cancel_after is not None and self.done >= self.cancel_after:
            raise Cancelled


def test_every_verdict_has_its_own_count(workspace, folder_of, tmp_path) -> None:
    folder = folder_of(range(1))  # 1 good
    for name in ("again.png", "named.jpg"):  # 2 there already: the same bytes, and the same pixels coded otherwise
        (folder / name).write_bytes(sprite_png(0) if name == "again.png" else encoded(sprite(0), compress_level=0))
    missing = [tmp_path / f"gone-{n}.png" for n in range(3)]  # 3 missing
    broken = {"a.png": b"", "b.png": sprite_png(7)[:-30], "c.txt": b"words", "d.gif": b"GIF89a"}  # 4 broken
    for name, data in broken.items():
        (folder / name).write_bytes(data)
    job = Watch()
    summary = import_sources(workspace, [folder, *missing], job=job, options=ONE)
    assert (summary.imported, summary.already, summary.missing_count, summary.rejected_count) == (1, 2, 3, 3)
    assert summary.others == {".txt": 1}
    assert job.stages == [("Looking for pictures", None), ("Importing", 10)]
    assert job.done == 10
    assert {Path(r.path).name for r in summary.rejected} == set(broken) - {"c.txt"}
    assert all(r.reason for r in summary.rejected + summary.missing)
    assert len(list(summary.rows())) == 6
    assert summary.to_json()["rejected_count"] == 3
    assert "1 imported, 2 exact copies merged, 3 rejected, 3 missing" in summary.sentence()
    again = import_sources(workspace, [folder], options=ONE)
    assert (again.already, again.copies) == (3, 0), "the same files are no copies, of themselves or of each other"
    assert "3 already imported" in again.sentence()
    assert "cop" not in again.sentence()
    # Every accepted file is kept as it came, the one coded otherwise too: a version names either, whichever came first.
    (kept,) = workspace.sprites()
    otherwise = hashlib.sha256((folder / "named.jpg").read_bytes()).hexdigest()
    assert sorted(workspace.originals.digests()) == sorted({kept.blob, otherwise})
    original = workspace.originals.read(kept.blob)
    assert hashlib.sha256(original).hexdigest() == kept.blob
    assert np.array_equal(workspace.pixels(kept), sprite(0))
    assert np.array_equal(workspace.thumbnails.read(1), sprite(0))
    assert (kept.width, kept.height, kept.alpha, kept.name) == (24, 20, True, "again.png")


def test_other_files_are_counted_by_kind_and_notes_are_kept_once() -> None:
    summary = ImportSummary()
    longest, longer = "." + 11 * "x", "." + 12 * "x"
    for name in ("a.txt", "b.txt", "c", f"d{longest}", f"e{longer}"):
        summary.reject(name, "not a picture")
    summary.note("read twice")
    summary.note("read twice")
    assert (summary.others, summary.rejected_count) == ({".txt": 2, longest: 1, "": 2}, 0)
    assert summary.notes == ["read twice"]


def test_an_empty_file_is_refused_not_missing(workspace, tmp_path) -> None:
    (tmp_path / "a.png").touch()
    summary = import_sources(workspace, [tmp_path / "a.png"], options=ONE)
    assert (summary.rejected_count, summary.missing_count) == (1, 0)


def test_the_second_time_changes_nothing(workspace, folder_of) -> None:
    folder = folder_of(range(70))
    (folder / "bad.png").write_bytes(b"no picture")
    import_sources(workspace, [folder], options=ONE)
    before = everything(workspace)
    index = (workspace.folder / "thumbnails" / "index.bin").read_bytes()
    summary = import_sources(workspace, [folder], options=ONE)
    assert (summary.imported, summary.already, summary.rejected_count) == (0, 70, 1)
    assert everything(workspace) == before
    assert (workspace.folder / "thumbnails" / "index.bin").read_bytes() == index


def test_a_changed_file_is_read_again_and_a_dropped_sprite_stays_dropped(workspace, folder_of) -> None:
    folder = folder_of(range(3))
    import_sources(workspace, [folder], options=ONE)
    workspace.connection.execute("UPDATE sprites SET status = 'dropped', reason = 'duplicate' WHERE seq = 1")
    (folder / "copy.png").write_bytes(sprite_png(0) + b"trailing")
    (folder / "sprite-00001.png").write_bytes(sprite_png(50))
    summary = import_sources(workspace, [folder], options=ONE)
    assert (summary.imported, summary.already) == (1, 3)
    assert [s.status for s in workspace.sprites()] == ["dropped", "undecided", "undecided", "undecided"]
    assert len(list(workspace.originals.digests())) == 5  # the copy of other bytes too


def test_cancelled_then_resumed(workspace, folder_of) -> None:
    folder = folder_of(range(400))
    with pytest.raises(Cancelled):
        import_sources(workspace, [folder], job=Watch(cancel_after=100), options=ONE)
    some = workspace.counts().total
    assert 100 <= some < 400
    first = table(workspace, "sprites")
    summary = import_sources(workspace, [folder], options=ONE)
    assert (summary.imported, summary.already) == (400 - some, some)
    assert table(workspace, "sprites")[:some] == first
    assert [s.name for s in workspace.sprites()] == [f"sprite-{n:05d}.png" for n in range(400)]
    assert all(workspace.thumbnails.read(seq) is not None for seq in range(1, 401))


KILLED = """
import sys
from gandam_studio.core.importing import ImportOptions, ImportSummary, import_sources, pipeline
from gandam_studio.core.workspace import Workspace
pipeline.BATCH_ITEMS = 32
pipeline.MOST_FILES = 16
print("ready", flush=True)
import_sources(Workspace.open(sys.argv[1]), [sys.argv[2]], options=ImportOptions(workers=2))
print("done", flush=True)
"""


def test_killed_in_the_middle_and_run_again(tmp_path, folder_of, repository) -> None:
    folder, place = folder_of(range(700)), tmp_path / "workspace"
    Workspace.create(place).close()
    seen = 0
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, place, folder], stdout=subprocess.PIPE, cwd=repository, text=True
        )
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 60
        while True:
            with Workspace.open(place, read_only=True) as reader:
                count = reader.counts().total
            if count > seen or time.monotonic() > deadline or process.poll() is not None:
                break
            time.sleep(0.002)
        process.kill()
        process.communicate()
        with Workspace.open(place) as workspace:
            count = workspace.counts().total
            assert count > seen
            assert table(workspace, "fingerprints").__len__() == count
            for kept in workspace.sprites():
                assert workspace.originals.damage(kept.blob) == ""
            assert all(workspace.thumbnails.read(seq) is not None for seq in range(1, count + 1))
        seen = count
    assert seen < 700
    with Workspace.open(place) as workspace:
        summary = import_sources(workspace, [folder])
        assert (summary.imported, summary.already) == (700 - seen, seen)
        assert [s.name for s in workspace.sprites()] == [f"sprite-{n:05d}.png" for n in range(700)]


# Sources


def archive_bytes(entries: dict[str, bytes], kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=stream, mode=f"w:{kind}") as archive:
            for name, data in entries.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def test_archives_come_in_the_order_of_their_names_whatever_they_are_called(workspace, tmp_path) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    # The first is told by its content alone, the second by its name, the third only claims to be one.
    (folder / "a.dat").write_bytes(archive_bytes({"first.png": sprite_png(1)}, "zip"))
    (folder / "b.zip").write_bytes(archive_bytes({"second.png": sprite_png(2)}, "zip"))
    (folder / "c.zip").write_bytes(sprite_png(3))
    (folder / "d.tar.gz").write_bytes(archive_bytes({"third.png": sprite_png(4)}, "gz"))
    summary = import_sources(workspace, [folder], options=ONE)
    assert (summary.imported, summary.rejected_count) == (4, 0)
    assert [s.name for s in workspace.sprites()] == ["c.zip", "first.png", "second.png", "third.png"]


def test_an_archive_larger_than_any_file_may_be_is_refused(workspace, tmp_path) -> None:
    source = tmp_path / "a.zip"
    source.write_bytes(archive_bytes({"a.png": sprite_png(1)}, "zip"))
    summary = import_sources(workspace, [source], options=ImportOptions(workers=1, limits=Limits(max_file_bytes=100)))
    assert (summary.imported, [r.reason for r in summary.rejected]) == (0, ["too large: 0 MB"])


@pytest.mark.parametrize("kind", ["zip", "", "gz", "bz2", "xz"])
def test_archives_are_read_in_place_and_nothing_escapes(workspace, tmp_path, kind: str) -> None:
    entries = {f"deep/er/{n}.png": sprite_png(n) for n in range(90)}
    entries |= {
        "../../slip.png": sprite_png(100),
        "/etc/absolute.png": sprite_png(101),
        "..\\..\\back.png": sprite_png(102),
        "C:\\windows\\drive.png": sprite_png(103),
        "__MACOSX/._0.png": b"clutter",
        "readme.txt": b"words",
        "inner.zip": archive_bytes({"x.png": sprite_png(5)}, "zip"),
    }
    place = tmp_path / "nest" / "data"
    place.mkdir(parents=True)
    source = place / "sprites.dat"  # told by content, not by name
    source.write_bytes(archive_bytes(entries, kind))
    before = sorted(p for p in tmp_path.rglob("*") if workspace.folder not in p.parents)
    summary = import_sources(workspace, [source], options=ImportOptions(workers=2))
    assert (summary.imported, summary.rejected_count, summary.others) == (94, 1, {".txt": 1})
    assert {r.path.rpartition("!")[2]: r.reason for r in summary.rejected} == {
        "inner.zip": "an archive inside an archive",
    }
    assert sorted(p for p in tmp_path.rglob("*") if workspace.folder not in p.parents) == before
    assert [s.name for s in workspace.sprites()][90:] == ["slip.png", "absolute.png", "back.png", "drive.png"]
    state = everything(workspace)
    again = import_sources(workspace, [source], options=ONE)
    assert (again.imported, again.already, again.rejected_count, again.others_count) == (0, 94, 1, 1)
    assert everything(workspace) == state


def test_an_archive_interrupted_is_resumed(workspace, tmp_path) -> None:
    source = tmp_path / "a.zip"
    source.write_bytes(archive_bytes({f"{n}.png": sprite_png(n) for n in range(300)}, "zip"))
    with pytest.raises(Cancelled):
        import_sources(workspace, [source], job=Watch(cancel_after=70), options=ONE)
    some = workspace.counts().total
    assert 0 < some < 300
    summary = import_sources(workspace, [source], options=ONE)
    assert (summary.imported, summary.already) == (300 - some, some)


def test_archives_beyond_the_limits(workspace, tmp_path) -> None:
    bomb = tmp_path / "bomb.zip"
    bomb.write_bytes(archive_bytes({f"{n}.png": bytes(1_000_000) for n in range(6)}, "zip"))
    tar = tmp_path / "bomb.tgz"
    tar.write_bytes(archive_bytes({f"{n}.png": bytes(1_000_000) for n in range(6)}, "gz"))
    many = tmp_path / "many.zip"
    many.write_bytes(archive_bytes({f"{n}.png": b"" for n in range(50)}, "zip"))
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archive_bytes({"a.png": sprite_png(1)}, "zip")[:-30])
    short = tmp_path / "short.tar"
    short.write_bytes(archive_bytes({"a.png": sprite_png(1), "b.png": sprite_png(2)}, "")[:1560])
    sources = [bomb, tar, many, cut, short]
    options = ImportOptions(workers=1, archives=ArchiveLimits(max_entries=40, ratio_counts_from=3_000_000))
    summary = import_sources(workspace, sources, options=options)
    reasons = {Path(r.path).name: r.reason for r in summary.rejected if "!" not in r.path}
    assert set(reasons) == {source.name for source in sources}
    assert "bomb" in reasons["bomb.zip"]
    assert "bomb" in reasons["bomb.tgz"]
    assert "entries" in reasons["many.zip"]
    assert summary.imported == 1  # the first of the cut tar


def test_an_entry_that_lies_about_its_size_and_an_encrypted_one(workspace, tmp_path) -> None:
    data = bytearray(archive_bytes({"a.png": sprite_png(1), "b.png": sprite_png(2)}, "zip"))
    central = data.rindex(b"PK\x01\x02")
    data[central + 8] |= 1  # "encrypted" says the directory of b.png
    first = data.index(b"PK\x01\x02")
    data[first + 24 : first + 28] = (10).to_bytes(4, "little")  # 10 bytes, says that of a.png
    source = tmp_path / "lies.zip"
    source.write_bytes(bytes(data))
    summary = import_sources(workspace, [source], options=ONE)
    assert summary.imported == 0
    reasons = {r.path.rpartition("!")[2]: r.reason for r in summary.rejected}
    assert reasons["b.png"] == "encrypted"
    assert reasons["a.png"]


def test_symlinks_in_circles_and_odd_files(workspace, folder_of) -> None:
    folder = folder_of(range(5))
    try:
        (folder / "loop").symlink_to(folder, target_is_directory=True)
        (folder / "deeper").mkdir()
        (folder / "deeper" / "up").symlink_to(folder, target_is_directory=True)
        (folder / "dangling.png").symlink_to(folder / "nowhere.png")
        (folder / "itself.png").symlink_to(folder / "itself.png")
        os.mkfifo(folder / "pipe.png")
    except (OSError, AttributeError):
        pytest.skip("this system has no symbolic links or pipes to test with")
    summary = import_sources(workspace, [folder, folder / "loop"], options=ONE)
    assert (summary.imported, summary.missing_count) == (5, 2)
    assert [r.reason for r in summary.rejected] == ["not a regular file"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_with_newlines_and_undecodable_bytes(workspace, tmp_path) -> None:
    folder = os.fsencode(tmp_path / "odd")
    os.mkdir(folder)
    for n, name in enumerate(
        (b"new\nline.png", b"latin\xe9.png", b"tab\there.png", "ひ.png".encode(), b" .png", b"-rf")
    ):
        with open(os.path.join(folder, name), "wb") as stream:
            stream.write(sprite_png(n))
    with open(os.path.join(folder, b"broken\xff.png"), "wb") as stream:
        stream.write(b"x")
    summary = import_sources(workspace, [tmp_path / "odd"], options=ONE)
    assert (summary.imported, summary.rejected_count) == (6, 1)
    shown = {s.name for s in workspace.sprites()}
    assert shown == {"new\\x0aline.png", "latin\\xe9.png", "tab\\x09here.png", "ひ.png", " .png", "-rf"}
    summary.rejected[0].path.encode()  # can be shown
    again = import_sources(workspace, [tmp_path / "odd"], options=ONE)
    assert (again.imported, again.already, again.rejected_count) == (0, 6, 1)
    assert storable("plain.png") == "plain.png"


def test_pasted_pictures(workspace) -> None:
    pasted = [Pasted("clipboard", sprite_png(1)), Pasted("rubbish", b"rubbish"), Pasted("z", archive_bytes({}, "zip"))]
    summary = import_sources(workspace, pasted, options=ONE)
    assert (summary.imported, summary.rejected_count) == (1, 2)
    assert workspace.sprite(1).name == "clipboard"
    again = import_sources(workspace, pasted, options=ONE)
    assert (again.imported, again.already) == (0, 1)


def test_a_file_that_vanishes_on_the_way(workspace, folder_of, monkeypatch) -> None:
    folder = folder_of(range(10))
    real = items_module.Item

    def forgetful(found):
        for entry in found:
            if isinstance(entry, real) and entry.path.endswith("00004.png"):
                os.unlink(entry.path)
            yield entry

    from gandam_studio.core.importing import pipeline

    scan = pipeline.scan
    monkeypatch.setattr(pipeline, "scan", lambda sources, **more: forgetful(scan(sources, **more)))
    summary = import_sources(workspace, [folder], options=ONE)
    assert (summary.imported, summary.missing_count) == (9, 1)
    assert "no longer exists" in summary.missing[0].reason
    monkeypatch.undo()
    (folder / "sprite-00004.png").write_bytes(sprite_png(4))
    assert import_sources(workspace, [folder], options=ONE).imported == 1


def test_a_read_only_source_is_left_as_it_is(workspace, folder_of) -> None:
    folder = folder_of(range(5))
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    try:
        assert import_sources(workspace, [folder], options=ONE).imported == 5
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    finally:
        folder.chmod(0o755)


def test_a_full_disk_is_told_in_one_line_and_keeps_what_was_committed(workspace, folder_of, monkeypatch) -> None:
    folder = folder_of(range(100))
    import_sources(workspace, [folder / "sprite-00000.png"], options=ONE)
    # The originals' folder becomes a full disk: a file where a worker needs a folder cannot be written to either.
    incoming = workspace.folder / "originals" / ".incoming"
    incoming.write_bytes(b"")
    large = folder / "large.png"
    large.write_bytes(encoded(noise(200)))
    with pytest.raises(UserError, match="originals cannot be written"):
        import_sources(workspace, [large], options=ONE)
    assert workspace.counts().total == 1
    incoming.unlink()
    large.unlink()

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = list(workspace.originals.digests())
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(UserError, match="No space left"):
            import_sources(workspace, [folder], options=ONE)
    assert workspace.counts().total == 1
    assert list(workspace.originals.digests()) == kept
    with monkeypatch.context() as patch:
        patch.setattr(workspace.thumbnails, "append_encoded", full)
        with pytest.raises(UserError, match="No space left"):
            import_sources(workspace, [folder], options=ONE)
    assert workspace.counts().total == 1
    assert import_sources(workspace, [folder], options=ONE).imported == 99


def test_nothing_to_import_and_a_reader(workspace, tmp_path) -> None:
    with pytest.raises(UserError, match="nothing at"):
        import_sources(workspace, [tmp_path / "nowhere"])
    with pytest.raises(UserError, match="nothing to import"):
        import_sources(workspace, [])
    (tmp_path / "empty").mkdir()
    assert import_sources(workspace, [tmp_path / "empty"]).imported == 0
    with Workspace.open(workspace.folder, read_only=True) as reader, pytest.raises(UserError, match="reading only"):
        import_sources(reader, [tmp_path / "empty"])


# Several sprites in one file


def test_frames_of_an_animation(workspace, tmp_path) -> None:
    frames = [Image.fromarray(sprite(n)) for n in (1, 2, 1, 3)]
    path = tmp_path / "walk.png"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    (tmp_path / "still.png").write_bytes(sprite_png(9))
    sources = [path, tmp_path / "still.png"]
    assert import_sources(workspace, sources, options=ONE).imported == 2
    distinct = ImportOptions(workers=1, frames="distinct")
    summary = import_sources(workspace, sources, options=distinct)
    assert (summary.imported, summary.already) == (2, 2)
    parts = [(s.name, s.part) for s in workspace.sprites()]
    assert parts == [("walk.png", ""), ("still.png", ""), ("walk.png", "frame=1"), ("walk.png", "frame=3")]
    assert np.array_equal(workspace.pixels(workspace.sprite(4)), sprite(3))
    state = everything(workspace)
    again = import_sources(workspace, sources, options=distinct)
    assert again.imported == 0
    assert everything(workspace) == state


@pytest.mark.parametrize("sheet", [Grid(32, 32), Components()])
def test_sheets(workspace, tmp_path, sheet) -> None:
    rgba = np.zeros((64, 96, 4), np.uint8)
    for n in range(5):
        y, x = divmod(n, 3)
        rgba[y * 32 + 6 : y * 32 + 26, x * 32 + 4 : x * 32 + 28] = sprite(n)
    (tmp_path / "sheet.png").write_bytes(encoded(rgba))
    summary = import_sources(workspace, [tmp_path / "sheet.png"], options=ImportOptions(workers=1, sheet=sheet))
    assert summary.imported == 5
    for index, kept in enumerate(workspace.sprites()):
        pixels = workspace.pixels(kept)
        assert np.array_equal(pixels[pixels[..., 3] > 0], sprite(index)[sprite(index)[..., 3] > 0])
    state = everything(workspace)
    import_sources(workspace, [tmp_path / "sheet.png"], options=ImportOptions(workers=1, sheet=sheet))
    assert everything(workspace) == state
    assert len(list(workspace.originals.digests())) == 1


# Real pictures


def test_pokesprite_twice(workspace, shared_data) -> None:
    source = shared_data / "pokesprite" / "pokesprite-2.7.0.zip"
    first = import_sources(workspace, [source])
    # The truth lists 7,505 pictures; the archive holds 15 more and 2 tables.
    assert (first.imported + first.already, first.rejected_count, first.others_count) == (7520, 0, 2)
    with gzip.open(shared_data / "pokesprite" / "files.tsv.gz", "rt", encoding="utf-8") as stream:
        listed = {row["sha256_rgba"] for row in csv.DictReader(stream, delimiter="\t")}
    assert len(listed) <= first.imported <= len(listed) + 15
    assert all(workspace.thumbnails.read(seq) is not None for seq in range(1, first.imported + 1))
    state = everything(workspace)
    second = import_sources(workspace, [source])
    assert (second.imported, second.already) == (0, 7520)
    assert everything(workspace) == state


def test_the_hostile_files_end_to_end(workspace, shared_data, tmp_path) -> None:
    folder = tmp_path / "hostile"
    with tarfile.open(shared_data / "hostile" / "hostile.tar.gz") as archive:
        unpack_tar(archive, folder)
    files = sum(len(names) for _, _, names in os.walk(folder))
    summary = import_sources(workspace, [folder])
    assert summary.imported + summary.already + summary.rejected_count + summary.others_count == files
    assert summary.imported > 100
    assert not any("crash" in r.reason or "longer" in r.reason for r in summary.rejected)
