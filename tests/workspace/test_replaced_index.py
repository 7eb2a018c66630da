"""The index of packed originals may be replaced while open, as by a repair in another process."""

from __future__ import annotations

from pathlib import Path

import pytest

from gandam_studio.core.workspace.pack_index import PackIndex
from gandam_studio.core.workspace.packs import Packs


@pytest.fixture
def index(tmp_path: Path) -> PackIndex:
    folder = tmp_path / "packs"
    folder.mkdir()
    return PackIndex(tmp_path / "packs.sqlite", Packs(folder), read_only=False)


def test_what_a_replaced_index_knows_is_found_by_whoever_had_it_open(index: PackIndex, tmp_path: Path) -> None:
    early, late = "ab" * 32, "cd" * 32
    index.add({early: b"one"})
    reader = PackIndex(index.path, Packs(tmp_path / "packs"), read_only=True)
    assert reader.find(early) is not None
    index.close()
    index.path.rename(tmp_path / "earlier.sqlite")
    index.add({late: b"two"})  # into a new file
    assert reader.find(late) == index.find(late) is not None
    reader.close()
    index.close()
