"""Tags from folder names, captions and tables, applied as one edit that can be undone."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from pictures import sprite_png

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.importing.words import caption_tags, folder_tag, nearest_folder
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Tag

FOLDERS = ImportOptions(workers=1, folders_as_tags=True)
CAPTIONS = ImportOptions(workers=1, captions="tags")
PLAIN = ImportOptions(workers=1)

Files = dict[str, bytes]


def write(folder: Path, files: Files) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def packed(path: Path, files: Files) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture(params=["folder", "zip", "tar"])
def place(request: pytest.FixtureRequest, tmp_path: Path):
    """`place(files)`: put these files into a folder "set" or an archive of that name."""
    if request.param == "folder":
        return lambda files: write(tmp_path / "set", files)
    return lambda files: packed(tmp_path / f"set.{request.param}", files)


def tags(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    return {sprite.name: sprite.tags for sprite in workspace.sprites()}


def edits(workspace: Workspace) -> int:
    return sum(entry.state == "done" for entry in workspace.history.entries())


def test_the_nearest_folder_becomes_a_tag(workspace: Workspace, place) -> None:
    names = ("knight/a.png", "deep/10_slime/b.png", "top.png")
    source = place({name: sprite_png(number) for number, name in enumerate(names)})
    summary = import_sources(workspace, [source], options=FOLDERS)
    assert tags(workspace) == {"a.png": ("knight",), "b.png": ("slime",), "top.png": ("set",)}
    assert summary.tagged == {"knight": 1, "set": 1, "slime": 1}
    assert edits(workspace) == 1
    workspace.undo()
    assert not any(tags(workspace).values())
    workspace.redo()
    again = import_sources(workspace, [source], options=FOLDERS)
    assert (again.tagged, edits(workspace)) == ({}, 1)


def test_pictures_that_were_there_already_are_tagged_too(workspace: Workspace, place) -> None:
    files = {"knight/a.png": sprite_png(1), "knight/cut.png": sprite_png(2)}
    source = place(files)
    import_sources(workspace, [source], options=PLAIN)
    workspace.apply(Tag([1], add=frozenset({"mine"})))
    summary = import_sources(workspace, [source], options=FOLDERS)
    assert (summary.imported, summary.already, summary.tagged) == (0, 2, {"knight": 2})
    assert tags(workspace) == {"a.png": ("knight", "mine"), "cut.png": ("knight",)}


def test_every_sprite_of_a_sheet_gets_the_tag(workspace: Workspace, tmp_path: Path) -> None:
    source = write(tmp_path, {"walk/sheet.png": sprite_png(1), "walk/sheet.txt": b"hero"})
    from gandam_studio.core.importing import Grid

    options = ImportOptions(workers=1, sheet=Grid(12, 10), folders_as_tags=True, captions="tags")
    for _ in range(2):
        import_sources(workspace, [source / "walk"], options=options)
        assert {sprite.tags for sprite in workspace.sprites()} == {("hero", "walk")}
        workspace.undo()
    assert workspace.counts().total > 1


def test_one_file_of_a_folder_tags_no_other(workspace: Workspace, tmp_path: Path) -> None:
    source = write(tmp_path, {"knight/a.png": sprite_png(1), "knight/b.png": sprite_png(2)})
    import_sources(workspace, [source], options=PLAIN)
    import_sources(workspace, [source / "knight" / "a.png"], options=FOLDERS)
    assert tags(workspace) == {"a.png": ("knight",), "b.png": ()}


@pytest.mark.parametrize(
    ("folder", "tag"),
    [("10_golem", "golem"), ("10_", "10_"), ("007", "007"), ("Sir Robin ", "Sir Robin"), ("1_2_x", "2_x"), ("", "")],
)
def test_a_folder_as_a_tag(folder: str, tag: str) -> None:
    assert folder_tag(folder) == tag


def test_a_folder_whose_name_is_no_tag_is_told_and_costs_nothing_else(workspace: Workspace, tmp_path: Path) -> None:
    source = write(tmp_path, {f"{'x' * 101}/a.png": sprite_png(1), "good/b.png": sprite_png(2)})
    summary = import_sources(workspace, [source], options=FOLDERS)
    assert tags(workspace) == {"a.png": (), "b.png": ("good",)}
    assert any("cannot be a tag" in note for note in summary.notes)


CAPTIONED = {
    "a.png": sprite_png(1),
    "a.txt": b"golem, stone ,,pose 1\n",
    "b.caption": "Drache, grün".encode("utf-16"),
    "b.png": sprite_png(2),
    "readme.txt": b"about all of them",
    "c.d.txt": b"no picture of this name",
    "c.png": sprite_png(3),
}


def test_captions_are_no_refused_files(workspace: Workspace, place) -> None:
    source = place(CAPTIONED)
    for _ in range(2):
        summary = import_sources(workspace, [source], options=PLAIN)
        assert (summary.captions, summary.rejected_count, summary.others) == (2, 0, {".txt": 2})
        assert all(item.reason for item in summary.rejected)
        assert "captions beside 2 pictures" in summary.sentence()
    assert not any(tags(workspace).values())


def test_captions_become_tags_in_one_edit(workspace: Workspace, place) -> None:
    source = place(CAPTIONED)
    import_sources(workspace, [source], options=PLAIN)
    for options in (CAPTIONS, CAPTIONS):
        summary = import_sources(workspace, [source], options=options)
        assert summary.captions == 2
        assert tags(workspace) == {"a.png": ("golem", "pose 1", "stone"), "b.png": ("Drache", "grün"), "c.png": ()}
    assert edits(workspace) == 1
    workspace.undo()
    assert not any(tags(workspace).values())


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\xfa", b"x" * 101, b"tag\x07", b"a\0b", b"x, " * 30_000, ",".join(map(str, range(201))).encode()]
)
def test_a_caption_that_is_no_list_of_tags_is_listed(workspace: Workspace, place, data: bytes) -> None:
    source = place({"a.png": sprite_png(1), "a.txt": data, "b.png": sprite_png(2), "b.txt": b"good"})
    summary = import_sources(workspace, [source], options=CAPTIONS)
    assert tags(workspace) == {"a.png": (), "b.png": ("good",)}
    (refused,) = summary.rejected
    assert refused.path.endswith("a.txt")
    assert "\n" not in refused.reason


def test_names_with_other_marks_and_letters(workspace: Workspace, place) -> None:
    files = {"w#1!/é.png": sprite_png(1), "w#1!/e\u0301.txt": b"accent", "e.d/x.png": sprite_png(2), "e.txt": b"none"}
    source = place(files)
    summary = import_sources(
        workspace, [source], options=ImportOptions(workers=1, captions="tags", folders_as_tags=True)
    )
    assert sorted(tags(workspace).values()) == [("accent", "w#1!"), ("e.d",)]
    assert (summary.rejected_count, summary.others) == (0, {".txt": 1})


def test_many_captions_are_settled_on_the_way(workspace: Workspace, tmp_path: Path, monkeypatch) -> None:
    from gandam_studio.core.importing import pipeline, words

    monkeypatch.setattr(words, "SETTLED_AT_ONCE", 4)
    monkeypatch.setattr(pipeline, "BATCH_ITEMS", 3)
    monkeypatch.setattr(pipeline, "FEWEST_FILES", 2)
    files = {f"{n:03}.png": sprite_png(n) for n in range(40)} | {f"{n:03}.txt": b"tag %d" % n for n in range(60)}
    summary = import_sources(workspace, [write(tmp_path / "many", files)], options=CAPTIONS)
    assert (summary.captions, summary.others) == (40, {".txt": 20})
    assert tags(workspace) == {f"{n:03}.png": (f"tag {n}",) for n in range(40)}


@pytest.mark.parametrize(
    ("entry", "folder"),
    [("a.png", "set"), ("x/./y/a.png", "y"), ("x\\y\\a.png", "y"), ("../a.png", "set"), ("caf\\xe9/a.png", "caf\\xe9")],
)
def test_the_nearest_folder_in_an_archive(entry: str, folder: str) -> None:
    assert nearest_folder("/art/set.tar.gz", entry) == folder


def test_a_caption_is_checked_as_tags_are() -> None:
    assert caption_tags(b"\xef\xbb\xbfa,\tb\r\nc") == {"a", "b", "c"}
    assert caption_tags(b" \n") == frozenset()
    with pytest.raises(UserError):
        caption_tags("a\u202eb".encode())
