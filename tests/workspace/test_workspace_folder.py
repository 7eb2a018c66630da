"""Locking: one writer, many readers, and clear errors."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gandam_studio.core.errors import UnknownSprite, UserError, WorkspaceLocked, WorkspaceNotFound
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, Keep, SetFacing, SetSetting, Tag
from gandam_studio.core.workspace.lookups import data_version
from gandam_studio.core.workspace.proposing import beside_sources
from gandam_studio.core.workspace.query import Filter


@pytest.fixture
def workspace(tmp_path: Path):
    with Workspace.create(tmp_path / "mechas") as opened:
        rows = [(f"{seq:02x}" + "e" * 62, f"mecha{seq}.png", "0" * 64, 10 * seq, 40) for seq in range(1, 7)]
        opened.connection.executemany(
            "INSERT INTO sprites (id, name, blob, width, height) VALUES (?, ?, ?, ?, ?)", rows
        )
        yield opened


def test_a_second_writer_is_told_plainly_and_a_reader_is_welcome(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceLocked, match="open in another window or command"):
        Workspace.open(workspace.folder)
    workspace.apply(Keep([2]))
    with Workspace.open(workspace.folder, read_only=True) as reader:
        assert reader.counts().kept == 1
        with pytest.raises(UserError, match="reading only"):
            reader.apply(Flip([1]))


def test_a_workspace_that_was_moved_away_does_not_reappear_empty(workspace: Workspace, tmp_path: Path) -> None:
    away = tmp_path / "away"
    try:
        workspace.folder.rename(away)
    except PermissionError:
        pytest.skip("this system does not let go of a folder in use")
    with pytest.raises(UserError, match="cannot open"):
        workspace.for_this_thread()
    with pytest.raises(FileNotFoundError):
        workspace.thumbnails.append(1, [np.zeros((4, 4, 4), np.uint8)])
    with pytest.raises((UserError, OSError)):
        workspace.originals.add(b"x")
    assert not workspace.folder.exists()
    workspace.folder.mkdir()  # by a program that writes to the old place
    with pytest.raises(UserError, match="cannot open"):
        workspace.for_this_thread()
    assert not list(workspace.folder.iterdir())
    workspace.folder.rmdir()
    away.rename(workspace.folder)
    with workspace.for_this_thread() as again:
        assert again.counts().total == 6


def test_a_reader_sees_that_another_connection_has_committed(workspace: Workspace) -> None:
    with Workspace.open(workspace.folder, read_only=True) as reader:
        before = data_version(reader)
        assert data_version(reader) == before
        workspace.apply(Keep([2]))
        assert data_version(reader) != before


def test_another_process_is_locked_out_until_the_holder_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "held"
    Workspace.create(folder).close()
    script = (
        "import sys, time; from gandam_studio.core.workspace import Workspace\n"
        f"w = Workspace.open({str(folder)!r}); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceLocked, match=f"process {holder.pid}"):
            Workspace.open(folder)
        os.kill(holder.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        holder.wait()
    Workspace.open(folder).close()


def test_refusals_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceNotFound, match="nowhere is not a workspace"):
        Workspace.open(tmp_path / "nowhere")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("x")
    with pytest.raises(UserError, match="not an empty folder"):
        Workspace.create(tmp_path / "full")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "workspace.sqlite").write_text("not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(UserError, match=r"damaged|not a database"):
        Workspace.open(tmp_path / "odd")


def test_a_newer_workspace_is_refused(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "newer").close()
    connection = sqlite3.connect(tmp_path / "newer" / "workspace.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UserError, match="newer GANdam Studio"):
        Workspace.open(tmp_path / "newer")


def test_sprites_are_named_by_prefix_or_file_name(workspace: Workspace) -> None:
    assert workspace.resolve("03ee") == 3
    assert workspace.resolve("mecha5.png") == 5
    assert workspace.sprite(4).id.startswith("04ee")
    for unclear in ("03e", "ffff", "nobody.png"):
        with pytest.raises(UnknownSprite, match="no sprite is named"):
            workspace.resolve(unclear)


def test_filters_sort_and_count(workspace: Workspace) -> None:
    workspace.apply(Drop([1, 2], "text"))
    workspace.apply(Keep([3]))
    workspace.apply(Flip([2, 4]))
    workspace.apply(SetFacing([4, 5], "left"))
    workspace.apply(Tag([5, 6], add=frozenset(["a_b", "100%"])))
    workspace.apply(Tag([6], add=frozenset(["aXb"]), remove=frozenset(["a_b"])))
    counts = workspace.counts()
    assert (counts.undecided, counts.kept, counts.dropped, counts.flipped, counts.total) == (3, 1, 2, 2, 6)
    assert len(workspace.select(Filter(flipped=True))) == counts.flipped, "a count is what its filter shows"

    def found(**criteria) -> list[int]:
        return workspace.select(Filter(**criteria)).tolist()

    assert found() == [1, 2, 3, 4, 5, 6]
    assert found(status="not-dropped", order="size", descending=True) == [6, 5, 4, 3]
    assert found(facing="left") == [4, 5]
    assert found(tag="a_b") == [5]
    assert found(tag="-100%", status="undecided") == [4]
    assert found(text="MECHA3") == [3]
    assert found(min_side=45, max_aspect=1.3) == [5]
    with pytest.raises(UserError, match="cannot sort"):
        found(order="seq; DROP TABLE sprites")


def test_a_long_log_is_folded_into_the_database_and_gives_its_space_back(workspace: Workspace) -> None:
    database = workspace.folder / "workspace.sqlite"
    workspace.apply(SetSetting("note", "x" * (5 << 20)))
    assert workspace.log_is_long
    with workspace.for_this_thread() as door:
        door.fold_log()
    # The database file alone tells of it now.
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as alone:
        (length,) = alone.execute("SELECT length(value) FROM settings WHERE key = 'note'").fetchone()
        assert length > 5 << 20
    workspace.apply(Flip([1]))
    assert not workspace.log_is_long
    assert database.with_name("workspace.sqlite-wal").stat().st_size <= 2 << 20
    assert workspace.sprite(1).flipped


def test_what_was_decided_survives_a_power_cut(workspace: Workspace) -> None:
    """Every writing connection uses SQLite's settings that flush each commit to disk."""
    with workspace.for_this_thread() as other:
        for connection in (workspace.connection, other.connection):
            assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
            assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_new_workspace_is_named_after_its_folder_or_archive(tmp_path):
    (tmp_path / "set").mkdir()
    for name in ("set/a.png", "set/b.png", "pack.zip", "pack.tar.gz"):
        (tmp_path / name).touch()
    assert beside_sources([tmp_path / "set"]) == ("set-workspace", tmp_path)
    assert beside_sources([tmp_path / "pack.zip"]) == ("pack-workspace", tmp_path)
    assert beside_sources([tmp_path / "pack.tar.gz"]) == ("pack-workspace", tmp_path)
    assert beside_sources([tmp_path / "set" / "a.png"]) == ("set-workspace", tmp_path)
    assert beside_sources([tmp_path / "set" / "a.png", tmp_path / "pack.zip"]) == ("set-workspace", tmp_path)
