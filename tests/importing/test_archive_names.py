"""Names in archives: code pages, invalid bytes, links, and separators within names."""

from __future__ import annotations

import io
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest
from pictures import sprite, sprite_png

from gandam_studio.core import versions
from gandam_studio.core.archives.names import decode_names, known_encoding, propose
from gandam_studio.core.archives.zips import ZipEntry, read_directory
from gandam_studio.core.importing import Grid, ImportOptions, import_sources
from gandam_studio.core.places import join_member, split_member
from gandam_studio.core.workspace.query import Filter

ONE = ImportOptions(workers=1)
NAMES = {
    "cp932": ["ソ.png", "表情.png", "キャラ/歩行.png", "ドラゴン.png", "村人（男）.png", "十字.png"],
    "gbk": ["怪物/史莱姆.png", "骑士.png", "攻击动作.png", "龙.png", "勇者（男）.png"],
    "cp1251": ["рыцарь.png", "Слизень.png", "МОНСТРЫ/дракон 01.png", "Гоблин_атака.png"],
    "cp866": ["рыцарь.png", "Слизень.png", "МОНСТРЫ/дракон 01.png", "Гоблин_атака.png"],
    "cp437": ["Pokémon.png", "Flabébé.png", "über.png", "señor caña.png", "Größe.png"],
    "cp1252": ["Pokémon.png", "Flabébé.png", "über.png", "señor caña.png", "Größe.png"],
    "utf-8": ["Pokémon.png", "ガメラ.png", "рыцарь.png"],
}


def entry(raw: bytes, utf_8: bool = False) -> ZipEntry:
    return ZipEntry(raw, utf_8, 0, 0, 0, 0, 0, 0, False)


def zip_of(entries: dict[bytes, bytes], *, utf_8: bool = False, mode: int = 0) -> bytes:
    """Build a zip with names of arbitrary bytes, which `zipfile` cannot write."""
    stream = io.BytesIO()
    stand_ins = {raw: chr(ord("A") + number) * len(raw) for number, raw in enumerate(entries)}
    with zipfile.ZipFile(stream, "w") as archive:
        for raw, data in entries.items():
            info = zipfile.ZipInfo(stand_ins[raw])
            info.external_attr = mode << 16
            archive.writestr(info, data)
    made = stream.getvalue()
    for raw, name in stand_ins.items():
        made = made.replace(name.encode(), raw)
    if utf_8:
        data = bytearray(made)
        position = data.find(b"PK\x01\x02")
        while position >= 0:
            data[position + 9] |= 0x08
            position = data.find(b"PK\x01\x02", position + 4)
        made = bytes(data)
    return made


@pytest.mark.parametrize("encoding", NAMES)
def test_the_code_page_is_proposed_from_the_bytes(encoding: str) -> None:
    names = [name.encode(encoding) for name in NAMES[encoding]]
    assert propose(names) == encoding
    if encoding != "cp437":  # a single short word of Western letters is a matter of luck
        assert [propose([name]) for name in names] == [encoding] * len(names)


@pytest.mark.parametrize("name", [b"\xbd price.png", b"a\xd7b.png"])
def test_a_symbol_alone_says_nothing_of_the_code_page(name: bytes) -> None:
    assert propose([name]) == "cp437"


def test_plain_names_need_no_code_page() -> None:
    assert decode_names([entry(b"a.png"), entry("é.png".encode(), utf_8=True)]) == (["a.png", "é.png"], "")


@pytest.mark.parametrize("utf_8", [False, True])
def test_one_bad_name_costs_that_name_only_and_stays_unique(workspace, tmp_path, utf_8: bool) -> None:
    path = tmp_path / "odd.zip"
    raws = [b"good.png", b"\xff\xfe1.png", b"\xff\xff1.png", b"sub/\x81.png"]
    path.write_bytes(zip_of({raw: sprite_png(n) for n, raw in enumerate(raws)}, utf_8=utf_8))
    options = ONE if utf_8 else ImportOptions(workers=1, names="cp932")
    assert import_sources(workspace, [path], options=options).imported == 4
    names = [s.name for s in workspace.sprites()]
    assert names[0] == "good.png"
    assert len(set(names)) == 4
    assert import_sources(workspace, [path], options=ONE).imported == 0


def test_equal_names_get_numbers_that_nothing_else_has() -> None:
    names, _ = decode_names([entry(raw) for raw in (b"a.png", b"a.png", b"a.png (2)", b"a.png")])
    assert len(set(names)) == 4
    assert names[:2] == ["a.png", "a.png (2)"]


def test_names_are_as_chosen_and_what_was_proposed_is_told(workspace, tmp_path) -> None:
    path = tmp_path / "rtp.zip"
    path.write_bytes(zip_of({name.encode("cp932"): sprite_png(n) for n, name in enumerate(NAMES["cp932"])}))
    summary = import_sources(workspace, [path], options=ONE)
    assert [s.name for s in workspace.sprites()] == [name.rpartition("/")[2] for name in NAMES["cp932"]]
    assert any("CP932" in note for note in summary.notes)
    again = import_sources(workspace, [path], options=ImportOptions(workers=1, names="shift_jis_2004"))
    assert (again.imported, again.already, again.notes) == (0, 6, [])


def test_an_encoding_must_exist() -> None:
    assert known_encoding("cp932")
    assert not known_encoding("cp9999")
    assert not known_encoding("hex")
    assert not known_encoding("rot13")


def test_a_name_in_the_unicode_extra_field_comes_first() -> None:
    raw, better = "g\x83.png".encode("latin-1"), "ソ.png"
    body = b"\1" + zlib.crc32(raw).to_bytes(4, "little") + better.encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("0" * len(raw))
        info.extra = b"\x75\x70" + len(body).to_bytes(2, "little") + body
        archive.writestr(info, b"x")
    entries = read_directory(io.BytesIO(stream.getvalue().replace(b"0" * len(raw), raw)), 10)
    assert decode_names(entries) == ([better], "")


def test_tar_names_in_another_encoding(workspace, tmp_path) -> None:
    path = tmp_path / "old.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="cp932") as archive:
        info = tarfile.TarInfo("表情.png")
        info.size = len(sprite_png(1))
        archive.addfile(info, io.BytesIO(sprite_png(1)))
    import_sources(workspace, [path], options=ImportOptions(workers=1, names="cp932"))
    assert workspace.sprite(1).name == "表情.png"


# Links


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def linked_tar(path: Path, *, packing: str = "") -> Path:
    with tarfile.open(path, f"w:{packing}") as archive:
        archive.addfile(link("early.png", "./male/1.png", tarfile.SYMTYPE))
        for name, number in (("male/1.png", 1), (".store/ab12", 2)):
            info = tarfile.TarInfo(name)
            info.size = len(sprite_png(number))
            archive.addfile(info, io.BytesIO(sprite_png(number)))
        for name, target, kind in (
            ("hard.png", "male/1.png", tarfile.LNKTYPE),
            ("female/1.png", "../male/1.png", tarfile.SYMTYPE),
            ("stored.png", ".store/ab12", tarfile.LNKTYPE),
            ("chain.png", "female/1.png", tarfile.SYMTYPE),
            ("both", "male", tarfile.SYMTYPE),
            ("through.png", "both/1.png", tarfile.SYMTYPE),
            ("out.png", "../../etc/passwd", tarfile.SYMTYPE),
            ("absolute.png", "/etc/passwd", tarfile.SYMTYPE),
            ("gone.png", "nowhere.png", tarfile.SYMTYPE),
            ("circle.png", "circle2.png", tarfile.SYMTYPE),
            ("circle2.png", "circle.png", tarfile.SYMTYPE),
        ):
            archive.addfile(link(name, target, kind))
        archive.addfile(link("pipe.png", "", tarfile.FIFOTYPE))
    return path


@pytest.mark.parametrize("packing", ["", "gz"])
def test_links_in_a_tar_are_followed_inside_and_listed_otherwise(workspace, tmp_path, packing: str) -> None:
    path = linked_tar(tmp_path / "pack.tar", packing=packing)
    summary = import_sources(workspace, [path], options=ONE)
    places = [row[0] for row in workspace.connection.execute("SELECT member FROM sources WHERE sprite = 1")]
    assert set(places) == {"male/1.png", "early.png", "hard.png", "female/1.png", "chain.png", "through.png"}
    assert summary.imported == 2
    assert [s.name for s in workspace.sprites()] == ["1.png", "stored.png"]
    reasons = {item.path.rpartition("!")[2]: item.reason for item in summary.rejected}
    assert set(reasons) == {"out.png", "absolute.png", "gone.png", "circle.png", "circle2.png", "pipe.png"}
    assert "out of its archive" in reasons["out.png"]
    assert "out of its archive" in reasons["absolute.png"]
    assert "not in the archive" in reasons["gone.png"]
    assert "circle" in reasons["circle.png"]
    again = import_sources(workspace, [path], options=ONE)
    assert (again.imported, again.already, again.rejected_count) == (0, 7, 6)


def test_links_in_a_zip_are_followed_too(workspace, tmp_path) -> None:
    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", sprite_png(1))
        for name, target in (("b/1.png", "../a/1.png"), ("out.png", "/etc/passwd"), ("c", "a"), ("d.png", "c/1.png")):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, target)
    summary = import_sources(workspace, [path], options=ONE)
    assert (summary.imported, summary.already) == (1, 2)
    assert [(item.path.rpartition("!")[2], "out of" in item.reason) for item in summary.rejected] == [("out.png", True)]


# Places


@pytest.mark.parametrize(
    ("entry_name", "suffix"),
    [
        ("gen1/#001 Form1.png", ""), ("a#frame=3", ""), ("a#", ""), ("#", ""), ("a#b#c.png", "frame=2"), ("", ""),
        ("", "region=0,0,8,8"), ("x!y#grid=1x1+0+0+0+0", "grid=32x32+0+0+0+0+edges"), ("p.png", "frames=distinct"),
        ("p.png", "components=1+16+frames=distinct"), ("a#frame=1#", "frame=1"),
    ],
)  # fmt: skip
def test_an_entry_and_its_part_come_apart_again(entry_name: str, suffix: str) -> None:
    assert split_member(join_member(entry_name, suffix)) == (entry_name, suffix)


def test_keys_of_older_workspaces_mean_what_they_meant() -> None:
    for member, entry_name, suffix in (
        ("a/b.png", "a/b.png", ""),
        ("#frame=3", "", "frame=3"),
        ("sheet.png#region=1,2,3,4", "sheet.png", "region=1,2,3,4"),
        ("sheet.png#grid=32x32+0+0+0+0", "sheet.png", "grid=32x32+0+0+0+0"),
        ("gen1/#001 Form1.png", "gen1/#001 Form1.png", ""),
    ):
        assert split_member(member) == (entry_name, suffix)
        if member != "sheet.png#grid=32x32+0+0+0+0":
            assert join_member(entry_name, suffix) == member


ODD = ["gen1/#001 Form1.png", "gen1/#001 Form1 copy.png", "Pow!.png", "!$Door.png", "#frame=1", "a!b/c#d.png"]


def test_separators_in_names_survive_import_and_commit(workspace, tmp_path) -> None:
    path = tmp_path / "dex.zip"
    folder = tmp_path / "dex"
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(ODD):
            archive.writestr(name, sprite_png(number))
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(sprite_png(number))
    assert import_sources(workspace, [path], options=ONE).imported == len(ODD)
    for source in (path, folder):
        again = import_sources(workspace, [source], options=ONE)
        assert (again.imported, again.already) == (0, len(ODD))
    version = versions.commit(workspace, "with a copy of each")
    from trainer.protocol.manifest import read_manifest

    found = sorted(e.source for e in read_manifest(workspace.manifest_path(version.digest)))
    assert found == sorted(name.rpartition("/")[2] for name in ODD)


def test_parts_of_entries_with_separators(workspace, tmp_path) -> None:
    import numpy as np
    from pictures import encoded

    sheet = np.concatenate([sprite(1, 32, 32), sprite(2, 32, 32)], axis=1)
    path = tmp_path / "sheets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("#1 walk.png", encoded(sheet))
    options = ImportOptions(workers=1, sheet=Grid(32, 32))
    assert import_sources(workspace, [path], options=options).imported == 2
    again = import_sources(workspace, [path], options=options)
    assert (again.imported, again.rejected_count) == (0, 0)
    version = versions.commit(workspace, "parts")
    from trainer.protocol.manifest import read_manifest

    assert {e.source for e in read_manifest(workspace.manifest_path(version.digest))} == {"#1 walk.png"}


@pytest.fixture
def classes(workspace, tmp_path) -> Path:
    """A folder, and a zip of it with other sprites, both imported."""
    folder = tmp_path / "set"
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for index, kind in enumerate(("knight", "slime")):
            (folder / kind).mkdir(parents=True)
            for number in range(2):
                (folder / kind / f"00{number}.png").write_bytes(sprite_png(10 * index + number))
                archive.writestr(f"{kind}/00{number}.png", sprite_png(100 + 10 * index + number))
    import_sources(workspace, [folder, tmp_path / "packed.zip"], options=ONE)
    return tmp_path


def test_the_source_filter_looks_inside_archives(workspace, classes) -> None:
    def names(text: str) -> list[int]:
        return workspace.select(Filter(source=text)).tolist()

    assert names("knight") == names("KNIGHT") == [1, 2, 5, 6]
    assert names("packed.zip") == [5, 6, 7, 8]
    assert names("packed.zip/knight") == names("packed.zip!knight") == names("packed.zip\\knight") == [5, 6]
    assert names("knight/000") == [1, 5]
    assert names("region") == names("frame") == []


def test_a_relative_path_names_a_sprite_in_folders_and_archives(workspace, classes) -> None:
    assert workspace.resolve("set/knight/001.png") == 2
    assert workspace.resolve(str(classes / "set" / "slime" / "000.png")) == 3
    assert workspace.resolve("packed.zip/knight/001.png") == workspace.resolve("packed.zip!knight/001.png") == 6
    assert workspace.resolve("PACKED.ZIP/Knight/001.png") == 6
    assert workspace.resolve("./set/knight/001.png") == 2
    for text in ("knight/001.png", "001.png"):
        with pytest.raises(Exception, match="more than one"):
            workspace.resolve(text)
    for text in ("night/001.png", "set/knight", "nothing.png", "%", "_"):
        with pytest.raises(Exception, match="no sprite"):
            workspace.resolve(text)


def test_names_are_found_composed_decomposed_and_in_any_case(workspace, tmp_path) -> None:
    folder = tmp_path / "nfd"
    folder.mkdir()
    name = unicodedata.normalize("NFD", "Flabébé.png")
    for number, text in enumerate((name, "ЖУК.png", "plain.png", "100%_a.png")):
        (folder / text).write_bytes(sprite_png(number))
    import_sources(workspace, [folder], options=ONE)
    by_name = {unicodedata.normalize("NFC", s.name): s.seq for s in workspace.sprites()}
    for form in ("NFC", "NFD"):
        assert workspace.resolve(unicodedata.normalize(form, "Flabébé.png")) == by_name["Flabébé.png"]
        for text in ("béb", "BÉB", "flabé"):
            assert workspace.select(Filter(text=unicodedata.normalize(form, text))).tolist() == [by_name["Flabébé.png"]]
            found = workspace.select(Filter(source=unicodedata.normalize(form, text))).tolist()
            assert found == [by_name["Flabébé.png"]]
    assert workspace.resolve("жук.PNG") == by_name["ЖУК.png"]
    assert workspace.select(Filter(text="жук")).tolist() == [by_name["ЖУК.png"]]
    assert workspace.select(Filter(text="0%_")).tolist() == [by_name["100%_a.png"]]
    assert workspace.select(Filter(text="é%")).tolist() == []
