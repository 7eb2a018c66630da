"""Exports with unusual names, and invalid zips."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting.reading import read_export
from gandam_studio.core.exporting.source import picture_stem
from gandam_studio.core.exporting.taking_back import take_back
from gandam_studio.core.workspace import Workspace
from trainer.protocol.manifest import ManifestEntry

ID = "0123456789abcdef" * 4


def stem(source: str) -> str:
    return picture_stem(ManifestEntry(ID, source, ID, 8, 8))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Zaku II (0012).png", "zaku-ii-0012"), ("ピカチュウ.png", "ピカチュウ"),
        ("Flabe\u0301be\u0301.png", "flabébé"),
        ("Pow!.png", "pow"), ("!$Door.png", "door"), ("#001 Form1.png", "001-form1"), ("рыцарь 1.png", "рыцарь-1"),
        ("CON.png", "con"), ("..", "sprite"), ("हिन्दी.png", "हिन्दी"), ("new\\x0aline.png", "new-x0aline"),
    ],
)  # fmt: skip
def test_exported_names_keep_their_letters(source: str, expected: str) -> None:
    assert stem(source) == f"{expected}-{ID[:12]}"


def test_exports_named_by_an_older_program_come_back(workspace, tmp_path) -> None:
    versions.commit(workspace, "x")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="jsonl", pictures="copy")
    for path in (tmp_path / "x" / "pictures").iterdir():
        path.rename(path.with_name(f"sprite-{path.name.rsplit('-', 1)[1]}"))
    with Workspace.create(tmp_path / "other") as other:
        assert take_back(other, tmp_path / "x").missing == ()


def stylegan_zip(path: Path, entry: str, size: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, b" " * size)
        if entry != "dataset.json":
            archive.writestr("dataset.json", '{"sprites": []}')
    return path


def test_a_list_that_unpacks_to_more_than_its_zip_could_need_is_refused(tmp_path) -> None:
    bomb = stylegan_zip(tmp_path / "bomb.zip", "dataset.json", 40 << 20)
    tracemalloc.start()
    with pytest.raises(UserError, match="too large"):
        read_export(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20


def test_a_zip_that_lies_or_lacks_its_list_is_refused(tmp_path) -> None:
    data = bytearray(stylegan_zip(tmp_path / "a.zip", "dataset.json", 40 << 20).read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    (tmp_path / "lie.zip").write_bytes(data)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.png", b"x")
    (tmp_path / "none.zip").write_bytes(stream.getvalue())
    for name in ("lie.zip", "none.zip"):
        with pytest.raises(UserError, match="cannot be read"):
            read_export(tmp_path / name)
