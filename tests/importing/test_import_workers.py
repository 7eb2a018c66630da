"""Workers that crash: each crash costs one picture and nothing else."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pictures import chunk, encoded, png, sprite
from warm_starts import cold

from gandam_studio.core.importing import ImportOptions, import_sources, pool
from gandam_studio.core.importing.items import (
    Item,
    ItemOutcome,
    pack_items,
    pack_outcomes,
    unpack_items,
    unpack_outcomes,
)
from gandam_studio.core.pictures.decoding import Limits

__all__ = ["cold"]

MARKER = chunk(b"tEXt", b"why\0")


@pytest.fixture
def suspect(monkeypatch) -> None:
    monkeypatch.setattr(pool, "COMMAND", [sys.executable, str(Path(__file__).with_name("suspect_worker.py"))])


def marked(word: bytes, number: int) -> bytes:
    row = bytes([number, 2, 3, 255]) * 8
    return png(8, 8, 8, 6, [row] * 8, before=chunk(b"tEXt", b"c\0" + word))


def names(summary) -> dict[str, str]:
    return {Path(item.path).name: item.reason for item in summary.rejected}


def test_a_crash_costs_one_picture(workspace, folder_of, suspect) -> None:
    folder = folder_of(range(150))
    for name in ("sprite-00003x.png", "sprite-00070x.png", "sprite-00071x.png"):
        (folder / name).write_bytes(marked(b"SEGFAULT", 1))
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=2))
    assert summary.imported == 150
    assert names(summary) == dict.fromkeys(
        ("sprite-00003x.png", "sprite-00070x.png", "sprite-00071x.png"), "the decoder crashed on it"
    )
    assert [s.name for s in workspace.sprites()] == [f"sprite-{n:05d}.png" for n in range(150)]
    # It stays remembered: no worker dies of it again.
    again = import_sources(workspace, [folder], options=ImportOptions(workers=2))
    assert (again.imported, again.already, again.rejected_count) == (0, 150, 3)
    assert again.seconds < 2


@pytest.mark.skipif(sys.platform == "win32", reason="usleep is a POSIX call")
@pytest.mark.parametrize("word", [b"HANG", b"SLEEP"])
def test_a_hang_costs_one_picture_and_its_time(workspace, folder_of, suspect, word: bytes) -> None:
    folder = folder_of(range(80))
    (folder / "sprite-00030x.png").write_bytes(marked(word, 1))
    began = time.monotonic()
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=2, limits=Limits(seconds=1.5)))
    assert time.monotonic() - began < 15
    assert summary.imported == 80
    assert names(summary) == {"sprite-00030x.png": "took longer than 1.5 seconds"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux bounds a process's memory for us")
def test_a_memory_hog_is_stopped(workspace, folder_of, suspect) -> None:
    folder = folder_of(range(20))
    (folder / "sprite-00010x.png").write_bytes(marked(b"MEMORY", 1))
    limits = Limits(memory_bytes=400 << 20)
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=1, limits=limits))
    assert summary.imported == 20
    assert names(summary) == {"sprite-00010x.png": "needs too much memory"}


def test_a_crash_while_hashing_is_traced_to_its_picture(workspace, folder_of, suspect) -> None:
    folder = folder_of(range(30))
    bad = sprite(99)
    bad[0, 0] = (66, 65, 68, 255)
    (folder / "sprite-00010x.png").write_bytes(encoded(bad))
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=2))
    assert summary.imported == 30
    assert names(summary) == {"sprite-00010x.png": "the decoder crashed on it"}


def test_workers_that_cannot_start_are_reported(workspace, folder_of, monkeypatch) -> None:
    monkeypatch.setattr(pool, "COMMAND", [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(RuntimeError, match="cannot be started"):
        import_sources(workspace, [folder_of(range(3))])


def test_frames_come_back_as_they_went() -> None:
    items = [Item("/a\udcff\n", "", 3, 4), Item("z.zip", "in/side", 1, 2, 7), Item("p", data=b"\0bytes")]
    assert unpack_items(pack_items(items)) == items
    outcomes = [ItemOutcome("rejected", "why \udcff"), ItemOutcome("accepted", digest="ab", original=b"PNG")]
    assert unpack_outcomes(pack_outcomes(outcomes)) == outcomes
    with pytest.raises(ValueError, match="length"):
        unpack_outcomes(pack_outcomes(outcomes) + b"x")


def test_the_number_of_workers_changes_nothing(tmp_path, folder_of) -> None:
    from gandam_studio.core.workspace import Workspace

    folder = folder_of(range(200))
    (folder / "sprite-00100b.png").write_bytes(encoded(sprite(100)) + b"re-encoded")
    rows = []
    for workers in (1, 3):
        with Workspace.create(tmp_path / f"w{workers}") as workspace:
            import_sources(workspace, [folder], options=ImportOptions(workers=workers))
            sprites = [tuple(row) for row in workspace.connection.execute("SELECT * FROM sprites ORDER BY seq")]
            prints = [tuple(row) for row in workspace.connection.execute("SELECT * FROM fingerprints ORDER BY seq")]
            pictures = [workspace.thumbnails.read(seq) for seq in range(1, 201)]
            rows.append((sprites, prints, np.stack(pictures).tobytes(), set(workspace.originals.digests())))
    assert rows[0] == rows[1]
    assert len(rows[0][0]) == 200
