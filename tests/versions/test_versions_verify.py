"""Verify detects a single flipped bit; relink finds moved originals by digest."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile

import pytest
from damaged_originals import alter, flip_a_bit, where

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.versions import relink, verify
from gandam_studio.core.versions.files import header_path
from gandam_studio.core.versions.restore import restore_edit
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Flip


def test_a_sound_workspace(workspace):
    versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    versions.commit(workspace, "two")
    found = verify(workspace)
    assert (found.ok, found.originals, found.manifests) == (True, 20, 2)
    json.dumps(found.to_json())


def test_one_flipped_bit_in_an_original(workspace):
    versions.commit(workspace, "one")
    sprite = workspace.sprite(7)
    alter(workspace.originals, sprite.blob)
    (damage,) = verify(workspace).damage
    assert (damage.kind, damage.digest, damage.names) == ("original", sprite.blob, ("sprite-00006.png",))
    assert "changed" in damage.problem
    assert "sprite-00006.png" in str(damage)


def test_everything_that_can_be_wrong_is_named(workspace):
    one = versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    two = versions.commit(workspace, "two")
    workspace.apply(Flip([2]))
    three = versions.commit(workspace, "three")
    for seq in (3, 4, 5):
        workspace.originals.discard(workspace.sprite(seq).blob)
    alter(workspace.originals, workspace.sprite(6).blob)
    flip_a_bit(workspace.manifest_path(one.digest), 200)
    workspace.manifest_path(two.digest).unlink()
    header_path(workspace, three.digest).unlink()
    found = verify(workspace)
    problems = sorted((item.kind, item.problem) for item in found.damage)
    assert problems == [
        ("manifest", "its bytes have changed"),
        ("manifest", "its header is missing"),
        ("manifest", "missing"),
        ("original", "its bytes have changed"),
        ("original", "missing"),
        ("original", "missing"),
        ("original", "missing"),
    ]
    assert {item.names for item in found.damage if item.kind == "manifest"} == {("v1",), ("v2",), ("v3",)}


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda header: header.update(digest="0" * 64), "another manifest's"),
        (lambda header: header.update(sprites=3), "another manifest's"),
        (lambda header: header["versions"]["v1"]["recipe"].update(size=33), "size must be one of"),
        (lambda header: header["versions"]["v1"].update(splits={"luck": 1}), "its header is damaged"),
        (lambda header: header.update(versions=[]), "its header is damaged"),
        (None, "cannot be read"),
    ],
)
def test_a_header_that_does_not_fit_its_manifest_is_named(workspace, spoil, problem):
    version = versions.commit(workspace, "one")
    path = header_path(workspace, version.digest)
    header = json.loads(path.read_text(encoding="utf-8"))
    if spoil:
        spoil(header)
    path.write_text(json.dumps(header) if spoil else "{", encoding="utf-8")
    (damage,) = verify(workspace).damage
    assert (damage.kind, damage.names) == ("manifest", ("v1",))
    assert problem in damage.problem
    if "damage" in damage.problem:
        with pytest.raises(UserError, match="v1 cannot be used, its header is damaged"):
            restore_edit(workspace, version)


def test_relink_finds_by_digest_whatever_the_name(workspace, tmp_path):
    versions.commit(workspace, "one")
    attic = tmp_path / "attic" / "deep"
    attic.mkdir(parents=True)
    (attic / "stranger.png").write_bytes(b"something else")
    gone = [workspace.sprite(seq).blob for seq in (3, 4)]
    for number, digest in enumerate(gone):
        (attic / f"renamed-{number}.bin").write_bytes(workspace.originals.read(digest))
        workspace.originals.discard(digest)
    altered = workspace.sprite(5).blob
    (attic / "copy of five.png").write_bytes(workspace.originals.read(altered))
    alter(workspace.originals, altered)
    lost = workspace.sprite(6).blob
    workspace.originals.discard(lost)
    found = relink(workspace, [tmp_path / "attic"])
    assert set(found.found) == {*gone, altered}
    assert found.missing == {lost: ("sprite-00005.png",)}
    assert [item.digest for item in verify(workspace).damage] == [lost]
    assert (attic / "renamed-0.bin").exists()


@pytest.mark.parametrize("damaged", [True, False])
def test_relink_is_refused_where_only_reading_is_allowed(workspace, tmp_path, damaged):
    digest = workspace.sprite(3).blob
    (tmp_path / "three.png").write_bytes(workspace.originals.read(digest))
    if damaged:
        workspace.originals.discard(digest)
    workspace.close()
    with Workspace.open(workspace.folder, read_only=True) as reader:
        with pytest.raises(UserError):
            relink(reader, [tmp_path / "three.png"])
        assert reader.originals.contains(digest) != damaged


def test_one_flipped_bit_anywhere_in_a_record_of_a_pack(workspace):
    """In the magic, length, digest or data: exactly the affected sprite is reported."""
    sprite = workspace.sprite(7)
    pack, start = where(workspace.originals, sprite.blob)
    assert pack.suffix == ".pack"
    for position in (-40, -36, -35, -33, -32, -1, 0, len(workspace.originals.read(sprite.blob)) - 1):
        flip_a_bit(pack, start + position)
        found = [(item.kind, item.digest, item.names) for item in verify(workspace).damage]
        assert found == [("original", sprite.blob, ("sprite-00006.png",))], position
        flip_a_bit(pack, start + position)
    assert verify(workspace).ok


def test_relink_finds_in_the_packs_of_a_backup(workspace, tmp_path):
    """Even after a damaged record in the backup."""
    backup = tmp_path / "backup"
    shutil.copytree(workspace.originals.folder, backup)
    pack = backup / "packs" / "000001.pack"
    gone, altered, lost = (workspace.sprite(seq).blob for seq in (3, 6, 9))
    flip_a_bit(pack, where(workspace.originals, lost)[1] + 20)
    workspace.originals.discard(gone)
    workspace.originals.discard(lost)
    alter(workspace.originals, altered)
    found = relink(workspace, [backup])
    assert found.found == {gone: str(pack), altered: str(pack)}
    assert found.missing == {lost: ("sprite-00008.png",)}
    assert [item.digest for item in verify(workspace).damage] == [lost]


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "damaged.zip"])
def test_relink_finds_in_archives(workspace, tmp_path, kind):
    versions.commit(workspace, "one")
    gone = [workspace.sprite(seq).blob for seq in (3, 4)]
    files = {f"deep/{number}.bin": workspace.originals.read(digest) for number, digest in enumerate(gone)}
    files["stranger.png"] = b"something else"
    path = tmp_path / f"attic.{kind}"
    if kind == "tar.gz":
        with tarfile.open(path, "w:gz") as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    if kind == "damaged.zip":
        path.write_bytes(path.read_bytes()[:-30])
    for digest in gone:
        workspace.originals.discard(digest)
    found = relink(workspace, [path])
    assert set(found.found) == (set() if kind == "damaged.zip" else set(gone))
    assert verify(workspace).ok == (kind != "damaged.zip")


def test_relink_passes_over_what_only_looks_like_a_pack(workspace, tmp_path):
    (tmp_path / "a.pack").mkdir()
    (tmp_path / "b.pack").write_bytes(b"")
    (tmp_path / "c.pack").write_bytes(b"\x89GSo\xff\xff\xff\xff" + bytes(50))
    original = workspace.sprite(5).blob
    (tmp_path / "d.png").write_bytes(workspace.originals.read(original))
    workspace.originals.discard(original)
    assert relink(workspace, [tmp_path]).found == {original: str(tmp_path / "d.png")}


def test_relink_nothing_to_do_and_nowhere_to_look(workspace, tmp_path):
    assert relink(workspace, [tmp_path]).found == {}
    workspace.originals.discard(workspace.sprite(6).blob)
    with pytest.raises(UserError, match="no file or folder"):
        relink(workspace, [tmp_path / "nowhere"])


def test_a_commit_mends_a_damaged_manifest(workspace):
    version = versions.commit(workspace, "one")
    flip_a_bit(workspace.manifest_path(version.digest), 100)
    assert not verify(workspace).ok
    assert versions.commit(workspace, "again").unchanged
    assert verify(workspace).ok
