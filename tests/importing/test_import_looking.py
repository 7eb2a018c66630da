"""A look before an import finds what the import finds, and writes nothing."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, sprite, sprite_png
from test_import_words import packed, tags, write

from gandam_studio.core.importing import Grid, ImportOptions, import_sources
from gandam_studio.core.importing.looking import look_over
from gandam_studio.core.importing.sheets import likely
from gandam_studio.core.importing.tables import read_table
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import SetSetting
from gandam_studio.core.workspace.query import Filter
from trainer.protocol.recipe import Recipe

ONE = ImportOptions(workers=1)


DRAWN = Grid(20, 20, 2, 2, 4, 4)
"""The cells of `sheet`."""


def sheet(first: int, rows: int = 2, columns: int = 3, side: int = 24) -> np.ndarray:
    """A grid of drawings that fill cells of `side` pixels except for a transparent margin of 2."""
    whole = np.zeros((rows * side, columns * side, 4), np.uint8)
    for number in range(rows * columns):
        y, x = divmod(number, columns)
        picture = np.resize(sprite(first + number), (side - 4, side - 4, 4)).copy()
        picture[..., 3] = 255
        whole[y * side + 2 : y * side + side - 2, x * side + 2 : x * side + side - 2] = picture
    return whole


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_what_is_proposed_is_what_the_import_gives(workspace: Workspace, tmp_path: Path, form: str) -> None:
    files = {
        "knight/1.png": sprite_png(1), "knight/2.png": sprite_png(2), "10_golem/1.png": sprite_png(3),
        "10_golem/1.txt": b"stone, big", "sheets/a.png": encoded(sheet(10)), "sheets/b.png": encoded(sheet(20)),
        "notes.txt": b"x", "song.ogg": b"OggS", ".DS_Store": b"x",
    }  # fmt: skip
    source = write(tmp_path / "set", files) if form == "folder" else packed(tmp_path / f"set.{form}", files)
    found = look_over(workspace, [source], options=ONE)
    assert not list(workspace.sprites())
    assert (found.pictures, found.fresh, found.hidden) == (5, 5, 1)
    assert found.folders == {"knight": 2, "sheets": 2, "golem": 1}
    assert (found.captions, found.caption_tags) == (1, {"big": 1, "stone": 1})
    assert found.others == {".ogg": 1, ".txt": 1}
    (sheets,) = found.sheets
    assert ([label[-5:] for label in sheets.labels], sheets.cut.sheet, sheets.sprites) == (
        ["a.png", "b.png"],
        DRAWN,
        12,
    )
    assert found.asks
    summary = import_sources(workspace, [source], options=found.options())
    assert (summary.imported, summary.others, summary.hidden) == (3 + 12, {".ogg": 1, ".txt": 1}, 1)
    assert summary.tagged == {"big": 1, "golem": 1, "knight": 2, "sheets": 12, "stone": 1}
    again = look_over(workspace, [source], options=ONE)
    assert (again.fresh, again.asks) == (0, False)


def test_one_flat_folder_asks_nothing(workspace: Workspace, tmp_path: Path) -> None:
    source = write(tmp_path / "flat", {f"{n}.png": sprite_png(n) for n in range(40)})
    found = look_over(workspace, [source], options=ONE)
    assert (found.pictures, found.asks, found.sheets) == (40, False, [])


def test_of_many_alike_a_few_are_looked_at(workspace: Workspace, tmp_path: Path, monkeypatch) -> None:
    from gandam_studio.core.importing import looking

    monkeypatch.setattr(looking, "WHOLE_GROUP", 3)
    monkeypatch.setattr(looking, "SAMPLE", 2)
    source = write(tmp_path / "many", {f"{n}.png": encoded(sheet(7 * n)) for n in range(6)})
    (sheets,) = look_over(workspace, [source], options=ONE).sheets
    assert (len(sheets.labels), sheets.sprites) == (6, 36)
    # One that is no sheet among those looked at: then nothing is said of those that were not.
    (tmp_path / "many" / "0.png").write_bytes(encoded(np.resize(sprite(3), (48, 72, 4))))
    assert all(len(one.labels) < 6 for one in look_over(workspace, [source], options=ONE).sheets)


def test_edited_files_are_noticed(workspace: Workspace, tmp_path: Path) -> None:
    source = write(tmp_path / "art", {f"{n}.png": sprite_png(n) for n in range(3)})
    import_sources(workspace, [source], options=ONE)
    (source / "1.png").write_bytes(sprite_png(9))
    os.utime(source / "1.png", (10**9, 10**9))
    found = look_over(workspace, [source], options=ONE)
    assert [Path(path).name for path in found.edited] == ["1.png"]
    assert found.asks
    assert found.options().carry_over


def test_single_sprites_are_no_sheets() -> None:
    for seed in range(60):
        assert likely(sprite(seed)) is None
        assert likely(np.kron(sprite(seed), np.ones((4, 4, 1), np.uint8))) is None
    assert likely(sheet(3)) == DRAWN
    few = np.zeros((96, 96, 4), np.uint8)
    for x in (4, 36, 68):
        few[6:26, x : x + 20] = (200, 60, 60, 255)
    assert likely(few) is not None
    for number in range(10):  # three alike among many small things
        y, x = 40 + 12 * (number // 5), 5 + 18 * (number % 5)
        few[y : y + 4, x : x + 4] = (60, 60, 200, 255)
    assert likely(few) is None


TABLE = [
    {"file_name": "1.png", "text": "a red slime, wet", "label": "slime"},
    {"file_name": "./sub/2.png", "tags": ["blue", " bat "], "label": 3},
    {"file_name": "gone.png", "text": "nobody"},
]


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_table_gives_tags(workspace: Workspace, tmp_path: Path, form: str, kind: str) -> None:
    if kind == "jsonl":
        text = "\n".join(map(json.dumps, TABLE))
    else:
        lines = [
            "file_name,text,tags,label",
            '1.png,"a red slime, wet",,slime',
            'sub/2.png,,"blue, bat",3',
            "gone.png,x,,",
        ]
        text = "\r\n".join(lines)
    files = {f"x/metadata.{kind}": text.encode(), "x/1.png": sprite_png(1), "x/sub/2.png": sprite_png(2)}
    source = write(tmp_path / "set", files) if form == "folder" else packed(tmp_path / f"set.{form}", files)
    found = look_over(workspace, [source], options=ONE)
    assert (found.captions, sorted(found.caption_tags)) == (2, ["a red slime", "bat", "blue", "slime", "wet"])
    summary = import_sources(workspace, [source], options=ImportOptions(workers=1, captions="tags"))
    assert (summary.captions, summary.rejected_count, summary.others) == (2, 0, {})
    assert tags(workspace) == {"1.png": ("a red slime", "slime", "wet"), "2.png": ("bat", "blue")}


@pytest.mark.parametrize(
    "data", [b"{not json\n", b"[1]\n", b'{"file_name": "1.png", "tags": ["' + b"x" * 5000 + b'"]}\n']
)
def test_a_table_that_cannot_be_read_is_named(workspace: Workspace, tmp_path: Path, data: bytes) -> None:
    source = write(tmp_path / "set", {"metadata.jsonl": data, "1.png": sprite_png(1)})
    summary = import_sources(workspace, [source], options=ImportOptions(workers=1, captions="tags"))
    assert (summary.imported, summary.rejected_count) == (1, 1)
    assert "line 1" in summary.rejected[0].reason


def test_a_table_of_something_else_is_left_out(workspace: Workspace, tmp_path: Path) -> None:
    assert read_table(b'{"a": 1}\n\n{"file_name": 3}\n', "metadata.jsonl") == []
    source = write(tmp_path / "set", {"metadata.jsonl": b'{"a": 1}\n', "1.png": sprite_png(1)})
    summary = import_sources(workspace, [source], options=ONE)
    assert (summary.rejected_count, summary.others) == (0, {".jsonl": 1})


def test_a_raised_limit_tries_again_what_it_refused(workspace: Workspace, tmp_path: Path) -> None:
    from gandam_studio.core.pictures.decoding import Limits

    files = {"small.png": encoded(sprite(1)[:6, :6]), "large.png": sprite_png(2), "half.png": sprite_png(3)[:50]}
    place, archive = write(tmp_path / "set", files), packed(tmp_path / "set.zip", files)
    low = ImportOptions(workers=1, limits=Limits(max_pixels=50))
    summary = import_sources(workspace, [place, archive], options=low)
    assert (summary.imported, summary.too_large) == (1, 4)
    again = import_sources(workspace, [place, archive], options=low)
    assert (again.imported, again.too_large) == (0, 4)
    raised = import_sources(workspace, [place, archive], options=ONE)
    assert (raised.imported, raised.too_large, raised.rejected_count) == (1, 0, 2)


def test_damaged_pictures_come_first(workspace: Workspace, tmp_path: Path) -> None:
    files = {
        "a.qoi": b"qoif" + bytes(40),
        "b.txt": b"x",
        "c.png": sprite_png(1)[:60],
        "d": b"?",
        "e.png": sprite_png(2),
    }
    summary = import_sources(workspace, [write(tmp_path / "set", files)], options=ONE)
    assert [Path(path).name for _, path, _ in summary.rows()] == ["c.png", "a.qoi"]
    assert (summary.others, summary.others_count) == ({".txt": 1, "": 1}, 2)


def test_an_unwanted_tag_is_left_out(workspace: Workspace, tmp_path: Path) -> None:
    source = write(tmp_path / "set", {"a/1.png": sprite_png(1), "b/2.png": sprite_png(2)})
    options = ImportOptions(workers=1, folders_as_tags=True, untagged=frozenset({"a"}))
    assert import_sources(workspace, [source], options=options).tagged == {"b": 1}


def test_a_picture_in_a_table_with_a_text_beside_it_counts_once(workspace: Workspace, tmp_path: Path) -> None:
    table = b'{"file_name": "1.png", "text": "wet"}\n{"file_name": "2.png", "text": "dry"}\n'
    files = {"metadata.jsonl": table, "1.png": sprite_png(1), "2.png": sprite_png(2), "1.txt": b"big"}
    source = write(tmp_path / "set", files)
    assert look_over(workspace, [source], options=ONE).captions == 2
    summary = import_sources(workspace, [source], options=ImportOptions(workers=1, captions="tags"))
    assert summary.captions == 2
    assert tags(workspace) == {"1.png": ("big", "wet"), "2.png": ("dry",)}


CASES = [
    ("02-sjis-zip", 4, set()),
    ("04-class-folders", 9, {"knight", "slime"}),
    ("05-captions/10_golem", 4, {"golem", "stone", "pose 0", "pose 1", "pose 2", "pose 3"}),
    ("07-partial-cells", 12, set()),
    ("08-gap-sheet", 64, set()),
    ("12-blank", 13, set()),
    ("13-animations", 2, set()),
    ("16-tar-links", 4, {"male", "female"}),
    ("22-atlas", 3, set()),
    ("23-colour-key", 9, set()),
]


@pytest.mark.parametrize(("place", "imported", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_what_is_proposed_for_the_cases(workspace, shared_data, place: str, imported: int, wanted: set[str]) -> None:
    """The shared cases, imported in the window with every proposal accepted."""
    if not (shared_data / "cases").is_dir():
        pytest.skip("the shared cases are not on this machine")
    found = look_over(workspace, [shared_data / "cases" / place], options=ONE)
    options = dataclasses.replace(found.options(), workers=1)
    summary = import_sources(workspace, [shared_data / "cases" / place], options=options)
    assert (summary.imported, summary.rejected_count) == (imported, 0)
    assert wanted <= set(summary.tagged)


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_reading_again_brings_lost_originals_back(workspace: Workspace, tmp_path: Path, form: str) -> None:
    files = {"a/1.png": sprite_png(1), "a/2.png": sprite_png(2)}
    source = write(tmp_path / "set", files) if form == "folder" else packed(tmp_path / f"set.{form}", files)
    import_sources(workspace, [source], options=ONE)
    blob = workspace.sprite(2).blob
    workspace.originals.discard(blob)
    import_sources(workspace, [source], options=ImportOptions(workers=1, reread=True))
    assert workspace.originals.damage(blob) == ""


def test_a_changed_file_of_equal_size_and_date_is_noticed_when_read_again(workspace: Workspace, tmp_path: Path) -> None:
    plain = encoded(sprite(1), compress_level=0)
    source = write(tmp_path / "set", {"1.png": plain})
    import_sources(workspace, [source], options=ONE)
    status = (source / "1.png").stat()
    other = encoded(sprite(2), compress_level=0)
    assert len(other) == len(plain)
    (source / "1.png").write_bytes(other)
    os.utime(source / "1.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert import_sources(workspace, [source], options=ONE).already == 1
    again = import_sources(workspace, [source], options=ImportOptions(workers=1, reread=True))
    assert (again.imported, again.edited_count) == (1, 1)


def test_shapes_that_stand_apart_are_proposed_but_not_taken(workspace: Workspace, tmp_path: Path) -> None:
    lettering = np.zeros((40, 150, 4), np.uint8)
    for number, left in enumerate((3, 34, 71, 113)):
        picture = np.resize(sprite(number), (24, 22, 4)).copy()
        picture[..., 3] = 255
        lettering[5 + number : 29 + number, left : left + 22] = picture
    source = write(tmp_path / "set", {"logo.png": encoded(lettering)})
    found = look_over(workspace, [source], options=ONE)
    (sheets,) = found.sheets
    assert (sheets.is_sure, sheets.sprites) == (False, 4)
    assert import_sources(workspace, [source], options=found.options()).imported == 1


def test_a_changed_entry_of_a_tar_is_noticed_whatever_its_date(workspace: Workspace, tmp_path: Path) -> None:
    """A tar is read as a whole, so its entries are compared by content."""
    first, second = (encoded(sprite(n), compress_level=0) for n in (1, 2))
    source = packed(tmp_path / "set.tar", {"1.png": first, "2.png": sprite_png(5)})
    import_sources(workspace, [source], options=ONE)
    packed(source, {"1.png": second, "2.png": sprite_png(5)})
    os.utime(source, (10**9, 10**9))
    again = import_sources(workspace, [source], options=ONE)
    assert (again.imported, again.already, again.edited_count) == (1, 1, 1)


def test_the_import_counts_what_can_hardly_be_seen(workspace: Workspace, tmp_path: Path) -> None:
    """By the same rule as the filter, though a few pixels decide for most sprites."""
    dice = np.random.default_rng(4)
    folder = tmp_path / "art"
    folder.mkdir()
    for number in range(60):
        level = (255, 250, 244, 240, 128, 4)[number % 6]
        rgba = np.full((40, 30 + 40 * (number % 3), 4), level, np.uint8)
        rgba[..., :3] -= dice.integers(0, 4, rgba[..., :3].shape, np.uint8)
        for _ in range(number % 5):  # a few strokes, from nothing to too much to be overlooked
            y = int(dice.integers(2, 37))
            rgba[y, 4 : 4 + int(dice.integers(1, 22)), :3] = dice.integers(0, 256, 3, np.uint8)
        rgba[..., 3] = (255, 255, 180, 20)[number % 4]
        if number % 4:
            rgba[:, :3] = 0
        (folder / f"{number}.png").write_bytes(encoded(rgba))
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=1))
    shown = workspace.select(Filter(blank=False))
    assert summary.faint == len(workspace.faint(shown))
    assert 5 < summary.faint < len(shown) - 5
    assert f"{summary.faint} hard to see" in summary.sentence()


def test_what_is_hard_to_see_depends_on_the_background(workspace: Workspace, tmp_path: Path) -> None:
    workspace.apply(SetSetting("recipe", Recipe(background="black").to_json()))
    for name, level in (("dark", 3), ("light", 252)):
        rgba = np.zeros((20, 20, 4), np.uint8)
        rgba[4:16, 4:16] = (level, level, level, 255)
        rgba[8, 8, 0] ^= 1
        (tmp_path / f"{name}.png").write_bytes(encoded(rgba))
    summary = import_sources(
        workspace, [tmp_path / "dark.png", tmp_path / "light.png"], options=ImportOptions(workers=1)
    )
    assert (summary.faint, summary.blank) == (1, 0)
    assert [one.name for one in workspace.sprites(workspace.select(Filter(faint=True)))] == ["dark.png"]
