"""Folders and the files in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainer.protocol.folders import files_under, is_empty


@pytest.mark.skipif(os.name == "nt", reason="needs links that anybody may make")
def test_links_to_folders_are_files_of_their_own(tmp_path: Path) -> None:
    away, folder = tmp_path / "away", tmp_path / "folder"
    for path in (away / "secret.txt", folder / "a.txt", folder / "deep" / "er" / "b.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (folder / "deep" / "link").symlink_to(away)
    found = {Path(entry.path).relative_to(folder).as_posix() for entry in files_under(folder)}
    assert found == {"a.txt", "deep/er/b.txt", "deep/link"}


def test_empty_folders(tmp_path: Path) -> None:
    assert is_empty(tmp_path)
    (tmp_path / "x").mkdir()
    assert not is_empty(tmp_path)
