"""Records by row: where they lie, whatever was written before, and never a file of any size or somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.workspace.row_records import MOST_ROWS, read_rows, runs_of, write_rows

SIZE = 5
BATCHES = st.lists(st.dictionaries(st.integers(-2, 40), st.binary(min_size=SIZE, max_size=SIZE), max_size=20))


@given(BATCHES)
def test_the_newest_record_of_a_row_lies_at_its_place(tmp_path_factory: pytest.TempPathFactory, batches: list) -> None:  # type: ignore[type-arg]
    path = tmp_path_factory.mktemp("rows") / "rows.bin"
    wanted: dict[int, bytes] = {}
    for batch in batches:
        rows = sorted(batch)
        write_rows(path, SIZE, rows, b"".join(batch[row] for row in rows))
        wanted |= {row: record for row, record in batch.items() if row > 0}
    found = path.read_bytes() if path.exists() else b""
    assert len(found) == SIZE * max(wanted, default=0)
    for row in range(1, len(found) // SIZE + 1):
        assert found[SIZE * (row - 1) : SIZE * row] == wanted.get(row, bytes(SIZE))
    asked = [3, -1, 0, 1, 2, 7, 8, 40, 5, 1 << 62]
    there = {asked[place]: bytes(record) for place, record in read_rows(path, SIZE, asked)}
    assert there == {row: wanted.get(row, bytes(SIZE)) for row in asked if 0 < row <= len(found) // SIZE}


def test_a_made_up_row_number_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.bin"
    write_rows(path, SIZE, [MOST_ROWS + 1, 1 << 60], bytes(2 * SIZE))
    assert not path.exists()
    write_rows(path, SIZE, [2, MOST_ROWS + 1], b"a" * SIZE + b"b" * SIZE)
    assert path.read_bytes() == bytes(SIZE) + b"a" * SIZE


@pytest.mark.skipif(os.name == "nt", reason="links and FIFOs are POSIX's")
def test_nothing_is_written_through_a_link_or_into_a_fifo(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "link").symlink_to("theirs")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo"):
        with pytest.raises(OSError, match=name):
            write_rows(tmp_path / name, SIZE, [1], bytes(SIZE))
        assert not list(read_rows(tmp_path / name, SIZE, [1]))
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_rows_that_follow_each_other_are_one_run() -> None:
    assert list(runs_of([])) == []
    assert list(runs_of([3])) == [(0, 1)]
    assert list(runs_of([1, 2, 4, 5, 6, 9])) == [(0, 2), (2, 3), (5, 1)]
