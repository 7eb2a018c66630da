"""Untrusted or damaged workspaces: a one-line error, and nothing read or written outside."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from small_workspaces import make_workspace, workspace

from gandam_studio.core import versions
from gandam_studio.core.errors import DamagedWorkspace, UserError, WorkspaceNotFound
from gandam_studio.core.versions import SplitRule, commit, verify
from gandam_studio.core.versions import files as version_files
from gandam_studio.core.workspace import DATABASE, Workspace, review, schema, store
from gandam_studio.core.workspace.edits import Drop, Flip, Keep, SetCrop, SetSetting, SetStatus, SetValues, Tag
from gandam_studio.core.workspace.originals import Originals
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.seqsets import pack, unpack
from gandam_studio.core.workspace.sprite import COLUMN_DOMAINS
from gandam_studio.core.workspace.thumbnails import ThumbnailStore

__all__ = ["make_workspace", "workspace"]

posix = pytest.mark.skipif(os.name == "nt", reason="needs named pipes and links that anybody may make")


def changed(workspace: Workspace, *statements: str) -> Path:
    """Close a workspace and change its database in ways that this program never does."""
    workspace.close()
    with contextlib.closing(sqlite3.connect(workspace.folder / DATABASE)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return workspace.folder


def refused(folder: Path, match: str = "damaged") -> None:
    """Check that readers and writers get a one-line error, and the database stays unchanged."""
    before = (folder / DATABASE).read_bytes()
    for read_only in (True, False):
        with pytest.raises(UserError, match=match) as refusal:
            Workspace.open(folder, read_only=read_only)
        assert "\n" not in str(refusal.value)
    assert (folder / DATABASE).read_bytes() == before


# The database


def test_an_empty_or_foreign_database_is_not_taken_over(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"")
    refused(tmp_path, "empty")
    (tmp_path / DATABASE).unlink()
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.execute("CREATE TABLE letters (text)")
        connection.commit()
    refused(tmp_path, "no.* workspace|not a GANdam workspace")


def test_an_interrupted_creation_can_be_begun_again(tmp_path):
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / "workspace.lock").touch()
    (folder / ".workspace.sqlite.0123").write_bytes(b"half")
    with Workspace.create(folder) as made:
        assert made.counts().total == 0
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE sources",
        "DROP INDEX sprites_by_name",
        "CREATE TRIGGER t AFTER UPDATE ON sprites BEGIN DELETE FROM sprites; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE extra (x)",
        "CREATE VIRTUAL TABLE extra USING fts5(x)",
        "CREATE INDEX extra ON sprites (hex(zeroblob(1000)))",
        "ALTER TABLE sprites ADD COLUMN slow AS (hex(zeroblob(100000000)))",
        "ALTER TABLE versions RENAME COLUMN digest TO other",
        "UPDATE sqlite_master SET sql = 'CREATE TABLE sprites(' || char(0) WHERE name = 'sprites'",
        "PRAGMA user_version = 0",
        "PRAGMA application_id = 0",
    ],
)
def test_tables_that_are_not_ours_are_refused(workspace, statement):
    refused(changed(workspace, statement))


def test_a_view_without_end_in_place_of_the_sprites_is_never_run(workspace):
    endless = (
        "CREATE VIEW sprites AS WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n) SELECT seq FROM n"
    )
    refused(changed(workspace, "DROP TABLE sprites", endless))


BAD_VALUES = {
    "id": ["x", "../../etc/passwd", b"\x00" * 32, "A" * 64],
    "name": [b"name", "x" * 20_000],
    "blob": ["/etc/hostname", "/dev/zero", "../x", "b" * 63],
    "part": ["frame=", "region=1", "x"],
    "width": ["wide", 0, -4, 2**40],
    "height": ["high", 0],
    "colors": ["many", -1],
    "alpha": [2, "yes"],
    "background": ["white", "#12"],
    "status": ["lost"],
    "reason": [b"\xff"],
    "flipped": ["x", 2],
    "rotation": ["x", 4, -1, 0.5],
    "crop": ["1,2", "1", "a,b,c,d", "1,2,3", "-1,0,2,2"],
    "facing": ["up"],
    "tags": ["red", "\n\n", b"x"],
    "family": [b"x"],
    "weight": ["heavy", -1.0, 0.0, 9e999],
    "split": ["validation"],
}


def test_every_column_has_bad_values():
    assert set(BAD_VALUES) | {"seq"} == set(COLUMN_DOMAINS)


@pytest.mark.parametrize(("column", "value"), [(c, v) for c, values in BAD_VALUES.items() for v in values])
def test_values_outside_a_columns_domain_are_told(workspace, column, value):
    """A small workspace is refused on opening; rows beyond the checked ones raise when they are read."""
    folder = workspace.folder
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE sprites SET {column} = ? WHERE seq = 5", (value,))
        connection.commit()
    for read in (
        lambda: list(workspace.sprites()),
        lambda: workspace.sprite(5),
        lambda: versions.commit(workspace, "x"),
    ):
        with pytest.raises(UserError, match="damaged"):
            read()
    rows = review.page(workspace, np.arange(1, 21))
    assert [sprite.seq for sprite in rows] == list(range(1, 21)), "a list keeps every place"
    assert rows[4].name == "(damaged)"
    assert any(item.kind == "database" for item in verify(workspace).damage)
    workspace.close()
    refused(folder)


def test_text_that_is_not_utf8_is_told(workspace):
    workspace.connection.execute("UPDATE sprites SET name = CAST(x'ff6162' AS TEXT) WHERE seq = 3")
    with pytest.raises(UserError, match="damaged"):
        list(workspace.sprites())
    assert review.page(workspace, np.arange(1, 21))[2].name == "(damaged)"
    workspace.close()
    refused(workspace.folder)


def test_row_numbers_beyond_the_file_are_refused(workspace):
    refused(changed(workspace, "UPDATE sprites SET seq = 1000000000000 WHERE seq = 20"))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("recipe", "[1]"), ("recipe", '{"size": [64]}'), ("recipe", '{"margin": "x"}'), ("recipe", "{"),
        ("splits", '{"held_out": NaN}'), ("splits", '{"seed": "x"}'), ("splits", '{"other": 1}'), ("splits", "3"),
        ("head", "[1]"), ("head", "-3"), ("head", "1" * 30), ("filters", "[]"), ("anything", "[" * 5000),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_told(workspace, key, text):
    workspace.connection.execute("INSERT INTO settings VALUES (?, ?)", (key, text))
    with pytest.raises(UserError, match="damaged"):
        workspace.setting(key)
    workspace.close()
    refused(workspace.folder)


def test_a_saved_filter_of_a_wrong_type_is_left_out():
    stored = {
        "good": {"status": "kept", "min_side": 3},
        "a": {"min_side": "x"},
        "b": {"status": [1]},
        "c": {"alpha": 2},
    }
    assert list(review.saved_filters(stored)) == ["good"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE versions SET digest = '../../private'",
        "UPDATE versions SET sprites = 'many'",
        "UPDATE versions SET message = x'ff'",
    ],
)
def test_versions_that_make_no_sense_are_told(workspace, statement):
    versions.commit(workspace, "one")
    workspace.connection.execute(statement)
    with pytest.raises(UserError, match="damaged"):
        versions.find_version(workspace)


# The history


def test_no_decision_outside_its_domain_is_stored(workspace):
    before = list(workspace.sprites())
    for edit in (
        *(SetValues({column: {1: value}}, "x") for column in
          ("status", "reason", "flipped", "rotation", "crop", "facing", "tags", "family", "weight", "split")
          for value in BAD_VALUES[column]),
        SetValues({"crop": {1: "0,0,11,12"}}, "x"),
        SetCrop([1], (0, 0, 11, 12)),
        SetSetting("recipe", {"size": 7}),
        SetSetting("splits", {"seed": 2**70}),
        SetSetting("x", {"n": float("nan")}),
    ):  # fmt: skip
        with pytest.raises(UserError):
            workspace.apply(edit)
    with pytest.raises(UserError):
        Drop([1], "a\udcff")
    with pytest.raises(UserError):
        SetStatus([1], "lost")
    with pytest.raises(UserError):
        Tag([1], add=frozenset({"a\udcff"}))
    assert list(workspace.sprites()) == before
    assert not workspace.undo()


def test_undo_stores_nothing_outside_a_domain_either(workspace):
    for field, before in (("rotation", "x"), ("crop", "1"), ("weight", -1), ("id", "z"), ("setting:recipe", "[]")):
        workspace.apply(Flip([1]))
        workspace.connection.execute("UPDATE deltas SET field = ?, before = ?", (field, before))
        with pytest.raises(UserError):
            workspace.undo()
        assert workspace.sprite(1).flipped
        workspace.connection.execute("DELETE FROM deltas")
        workspace.connection.execute("UPDATE edits SET state = 'abandoned'")
        workspace.apply(Flip([1]))


def test_row_numbers_of_an_edit_are_bounded(workspace):
    workspace.apply(Flip([1, 2]))
    bomb = zlib.compress(bytes(8 << 20))
    for seqs in (bomb, b"junk", pack(np.array([1, 2**40])), bomb[:50], "text"):
        workspace.connection.execute("UPDATE deltas SET seqs = ?", (seqs,))
        with pytest.raises(UserError, match="damaged"):
            workspace.undo()
    with pytest.raises(ValueError, match="damaged"):
        unpack(bomb, 1000)


def test_numbers_beyond_64_bits_are_no_internal_error(workspace):
    assert len(workspace.select(Filter(min_side=2**80))) == 0
    assert len(workspace.select(Filter(max_side=2**80))) == 20
    assert workspace.history.entries(2**80) == []
    with pytest.raises(UserError):
        workspace.sprite(2**80)
    with pytest.raises(UserError):
        SplitRule(seed=2**80)


def test_a_database_that_is_kept_busy_is_told(workspace, monkeypatch):
    workspace.connection.execute("PRAGMA busy_timeout = 0")
    with contextlib.closing(sqlite3.connect(workspace.folder / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="locked"):
            workspace.apply(Keep([1]))
        other.execute("ROLLBACK")
    assert workspace.apply(Keep([1]))


def test_two_commits_at_once_are_two_versions_or_one(workspace):
    found, errors = [], []

    def work() -> None:
        try:
            with workspace.for_this_thread() as door:
                found.append(commit(door, "x"))
        except Exception as error:
            errors.append(error)

    for _ in range(3):
        workspace.apply(Flip([1]))
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    assert len({version.number for version in found}) == 3
    assert verify(workspace).ok


def test_equal_content_beside_a_header_that_makes_no_sense(workspace):
    one = versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    versions.commit(workspace, "two")
    workspace.apply(Flip([1]))
    path = version_files.header_path(workspace, one.digest)
    for value in ("text", [1], {"v1": 3, "v9": {"recipe": []}}, None):
        path.write_text(json.dumps({**json.loads(path.read_text()), "versions": value}))
        workspace.apply(Keep([2]))
        workspace.apply(SetStatus([2], "undecided"))
        made = versions.commit(workspace, "again")
        assert made.digest == one.digest
        assert version_files.header(workspace, made)["kept_only"] is False
        workspace.apply(Flip([1]))
        versions.commit(workspace, "between")
        workspace.apply(Flip([1]))


# Files beside the database


def plain_secret(tmp_path: Path) -> tuple[Path, str]:
    secret = tmp_path / "private.txt"
    secret.write_bytes(b"the person's own words")
    return secret, hashlib.sha256(secret.read_bytes()).hexdigest()


@posix
def test_originals_are_read_by_digest_only(workspace, tmp_path):
    secret, digest = plain_secret(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    originals = workspace.originals
    for blob in (str(secret), "../../private.txt", f"{secret.name}", str(pipe), digest.upper()):
        assert not originals.contains(blob)
        assert originals.damage(blob)
        with pytest.raises(UserError):
            originals.read(blob)
    place = originals.folder / digest[:2] / digest
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(secret)
    assert not originals.contains(digest)
    assert originals.damage(digest)
    with pytest.raises(UserError, match="link"):
        originals.read(digest)
    place.unlink()
    os.mkfifo(place)
    assert originals.damage(digest)
    with pytest.raises(UserError, match="pipe"):
        originals.read(digest)
    place.unlink()
    place.write_bytes(b"other bytes")
    with pytest.raises(UserError, match="changed"):
        originals.read(digest)


def test_a_row_of_the_index_that_makes_no_sense_is_made_again(workspace):
    blob = workspace.sprite(1).blob
    data = workspace.originals.read(blob)
    workspace.originals.close()
    index = workspace.originals.folder / "index.sqlite"
    for pack_, offset, length in ((1, -5, 10), (1, 0, 2**40), ("../x", 0, 10), (2**60, 0, 1)):
        with contextlib.closing(sqlite3.connect(index)) as connection:
            connection.execute("UPDATE records SET pack = ?, offset = ?, length = ?", (pack_, offset, length))
            connection.commit()
        for read_only in (True, False):
            with Originals(workspace.originals.folder, read_only=read_only) as originals:
                assert originals.read(blob) == data


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM records; END"],
        ["DROP TABLE records", "CREATE VIEW records AS WITH RECURSIVE n(digest) AS (SELECT 1 UNION ALL SELECT "
         "digest + 1 FROM n) SELECT digest, 1 AS pack, 1 AS offset, 1 AS length FROM n"],
        ["DROP TABLE records"],
        ["UPDATE packs SET known = 'x'"],
    ],
)  # fmt: skip
def test_an_index_that_is_none_is_made_again(workspace, statements):
    blob = workspace.sprite(1).blob
    folder = workspace.originals.folder
    workspace.close()
    with contextlib.closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    for read_only in (True, False):
        with Originals(folder, read_only=read_only) as originals:
            assert hashlib.sha256(originals.read(blob)).hexdigest() == blob
            if not read_only:
                originals.add(b"one more")


@posix
@pytest.mark.parametrize(
    "name",
    [
        "workspace.lock", "workspace.lock.holder", "workspace.sqlite-wal", "thumbnails", "thumbnails/pictures.pack",
        "thumbnails/index.bin", "manifests", "datasets", "originals/packs", "originals/index.sqlite",
    ],
)  # fmt: skip
def test_nothing_is_written_through_a_link(workspace, tmp_path, name):
    workspace.thumbnails.append(1, [np.zeros((4, 4, 4), np.uint8)])
    versions.commit(workspace, "one")
    workspace.close()
    target = workspace.folder / name
    outside = tmp_path / "outside"
    if target.is_dir() or name in ("datasets",):
        outside.mkdir()
        if target.exists():
            target.rename(tmp_path / "moved")
    else:
        outside.write_bytes(b"precious")
        target.unlink(missing_ok=True)
    target.symlink_to(outside)
    with pytest.raises(UserError, match="link"):
        Workspace.open(workspace.folder)
    if outside.is_dir():
        assert not list(outside.iterdir())
    else:
        assert outside.read_bytes() == b"precious"


@posix
@pytest.mark.parametrize("name", ["workspace.sqlite", "workspace.lock.holder", "workspace.sqlite-wal"])
def test_pipes_and_links_in_place_of_own_files_hang_nobody(workspace, tmp_path, name):
    workspace.close()
    path = workspace.folder / name
    moved = tmp_path / "moved"
    if path.exists():
        path.rename(moved)
    os.mkfifo(path)
    with pytest.raises(UserError):
        Workspace.open(workspace.folder)
    if name == "workspace.sqlite":
        path.unlink()
        path.symlink_to(moved)
        refused(workspace.folder, "link")


@posix
def test_writers_within_an_open_workspace_follow_no_link(workspace, tmp_path):
    """Links made after opening, or too deep to be checked on opening."""
    outside = tmp_path / "outside"
    outside.mkdir()
    data = b"x" * 100_000
    digest = hashlib.sha256(data).hexdigest()
    (workspace.originals.folder / digest[:2]).symlink_to(outside)
    with pytest.raises(OSError, match="link"):
        workspace.originals.add(data)
    assert not list(outside.iterdir())
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (workspace.originals.folder / "packs" / "000002.pack").symlink_to(precious)
    workspace.originals.add(b"one more")
    (workspace.folder / "thumbnails").mkdir()
    (workspace.folder / "thumbnails" / "pictures.pack").symlink_to(precious)
    with pytest.raises(OSError, match=r"link|symbolic"):
        workspace.thumbnails.append(1, [np.zeros((4, 4, 4), np.uint8)])
    (workspace.folder / "manifests").symlink_to(outside)
    with pytest.raises(UserError, match="no version was saved"):
        versions.commit(workspace, "x")
    assert precious.read_bytes() == b"precious"
    assert not list(outside.iterdir())


def test_a_thumbnail_that_claims_gigabytes_is_none(tmp_path):
    import struct

    import cv2

    thumbnails = ThumbnailStore(tmp_path)
    wide = b"\1" + struct.pack("<HH", 60_000, 60_000) + zlib.compress(bytes(1000))
    _, jpeg = cv2.imencode(".jpg", np.zeros((200, 200, 3), np.uint8))
    thumbnails.append_encoded(1, [wide, b"\2" + jpeg.tobytes()])
    assert thumbnails.read(1) is None
    assert thumbnails.read(2) is None
    with (tmp_path / "index.bin").open("r+b") as stream:
        stream.write(bytes(6) + struct.pack("<IIBB", 2**32 - 1, 0, 1, 0))
    with (tmp_path / "pictures.pack").open("r+b") as stream:
        stream.truncate(2**33)
    assert ThumbnailStore(tmp_path).read(1) is None


def test_a_busy_or_damaged_page_is_no_internal_error(workspace):
    """A small database with flipped bits either opens and reads completely or raises a one-line error."""
    versions.commit(workspace, "one")
    folder = workspace.folder
    workspace.close()
    path = folder / DATABASE
    whole = path.read_bytes()
    dice = np.random.default_rng(5)
    for _ in range(60):
        data = bytearray(whole)
        for place in dice.integers(0, len(data), 30):
            data[place] = dice.integers(256)
        path.write_bytes(data)
        try:
            with Workspace.open(folder, read_only=True) as opened:
                opened.counts()
                list(opened.sprites())
                versions.versions(opened)
        except (UserError, sqlite3.DatabaseError):
            continue


def test_what_is_checked_is_what_is_written():
    """A new database passes its own check."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.prepare(connection)
        schema.check(connection)
        assert schema.damage(connection) == ""


def test_damage_is_told_by_its_name(tmp_path):
    with pytest.raises(DamagedWorkspace, match="damaged"), store.wrap_damage():
        raise sqlite3.OperationalError("Could not decode to UTF-8 column 'name'")


def test_changes_of_an_edit_that_the_history_does_not_list_are_damage(workspace):
    workspace.apply(Flip([1]))
    workspace.connection.execute("PRAGMA foreign_keys = OFF")
    workspace.connection.execute("DELETE FROM edits")
    with pytest.raises(UserError):
        workspace.apply(Flip([2]))
    assert not workspace.sprite(2).flipped


def test_a_database_that_another_program_holds_is_not_called_damaged(workspace, monkeypatch):
    monkeypatch.setattr(store, "BUSY_TIMEOUT_S", 0.01)
    folder = workspace.folder
    workspace.close()
    with contextlib.closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        for read_only in (False, True):
            with pytest.raises(UserError, match="locked"):
                Workspace.open(folder, read_only=read_only)
        other.execute("ROLLBACK")
    with Workspace.open(folder) as again:
        assert len(list(again.sprites())) == 20


def test_an_empty_database_is_damaged_and_none_is_no_workspace(workspace, tmp_path):
    workspace.close()
    (workspace.folder / DATABASE).write_bytes(b"")
    with pytest.raises(UserError) as caught:
        Workspace.open(workspace.folder)
    assert not isinstance(caught.value, WorkspaceNotFound)
    with pytest.raises(WorkspaceNotFound):
        Workspace.open(tmp_path)
