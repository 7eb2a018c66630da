"""Sheets cut by grids, separate shapes and descriptions."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import encoded, sprite
from PIL import Image

from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.importing.atlases import Folder, parse_atlases
from gandam_studio.core.importing.looking import look_over
from gandam_studio.core.importing.sheets import (
    Components,
    Grid,
    Proposed,
    pieces,
    propose,
    propose_key,
    proposed_key,
    regions,
    sheet_from_json,
)
from gandam_studio.core.pictures.decoding import UnreadablePicture, decode_part
from gandam_studio.core.pictures.decoding.palettes import without_index_0
from gandam_studio.core.pictures.decoding.parts import INDEX_0
from trainer.protocol.untrusted import UntrustedError


def sheet(columns: int = 4, rows: int = 3, cell: int = 32, empty: tuple[int, ...] = ()) -> np.ndarray:
    rgba = np.zeros((rows * cell, columns * cell, 4), np.uint8)
    for n in range(columns * rows):
        if n not in empty:
            y, x = divmod(n, columns)
            rgba[y * cell + 6 : y * cell + 26, x * cell + 4 : x * cell + 28] = sprite(n)
    return rgba


def test_a_grid_leaves_out_empty_cells() -> None:
    found = regions(sheet(empty=(2, 5)), Grid(32, 32))
    assert len(found) == 10
    assert found[:3] == [(0, 0, 32, 32), (32, 0, 32, 32), (96, 0, 32, 32)]


def test_a_grid_with_margins_and_gaps() -> None:
    rgba = np.zeros((50, 75, 4), np.uint8)
    rgba[5:45, 7:70] = 255
    assert regions(rgba, Grid(20, 18, left=7, top=5, gap_x=1, gap_y=2)) == [
        (7, 5, 20, 18),
        (28, 5, 20, 18),
        (49, 5, 20, 18),
        (7, 25, 20, 18),
        (28, 25, 20, 18),
        (49, 25, 20, 18),
    ]


def test_shapes_in_reading_order_without_dust() -> None:
    rgba = sheet(empty=(1,))
    rgba[0, 0] = 255  # one stray pixel
    found = regions(rgba, Components())
    assert len(found) == 11
    # The body of `sprite` lies 4 in and 3 down.
    assert found[0] == (4 + 4, 6 + 3, 16, 14)
    assert found[1] == (2 * 32 + 8, 9, 16, 14)
    assert [y for _, y, _, _ in found] == sorted(y for _, y, _, _ in found)


def test_parts_a_little_apart_are_joined_on_request() -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[5:30, 5:15] = 255
    rgba[5:30, 17:25] = 255
    rgba[5:30, 45:55] = 255
    assert len(regions(rgba, Components(join=1))) == 3
    assert regions(rgba, Components(join=4)) == [(5, 5, 20, 25), (45, 5, 10, 25)]


def test_a_keyed_sheet_is_cut_by_its_background() -> None:
    rgba = sheet()
    rgba[rgba[..., 3] == 0] = (255, 0, 255, 255)
    assert len(regions(rgba, Components())) == 12
    assert len(regions(rgba, Grid(32, 32))) == 12


def test_proposals_put_the_right_cell_first() -> None:
    rgba = sheet()
    proposals = propose(rgba)
    assert proposals
    assert all(len(regions(rgba, proposal)) == 12 for proposal in proposals[:1])
    assert Grid(32, 32) in proposals
    assert propose(sprite(1)) == []


def test_json_and_names() -> None:
    for slicing in (Grid(16, 24, 1, 2, 3, 4), Components(3, 9)):
        assert sheet_from_json(slicing.to_json()) == slicing
    assert Grid(16, 24).mode != Grid(16, 24, 1).mode
    for wrong in ({"kind": "slices"}, {"kind": "grid", "width": 0, "height": 1}):
        with pytest.raises(ValueError, match=r"slicing|pixel"):
            sheet_from_json(wrong)


def test_no_slicing_without_end() -> None:
    noise = np.zeros((800, 800, 4), np.uint8)
    noise[::2, ::2] = 255
    with pytest.raises(UnreadablePicture, match="more than"):
        regions(noise, Components(join=0, smallest=1))
    with pytest.raises(UnreadablePicture):
        regions(np.full((3000, 3000, 4), 255, np.uint8), Grid(1, 1))


def ruled(gap: int, color: tuple[int, int, int, int], columns: int = 5, rows: int = 3, cell: int = 16) -> np.ndarray:
    """Cells full of noise with lines of one colour between them."""
    rgba = np.empty((rows * (cell + gap) - gap, columns * (cell + gap) - gap, 4), np.uint8)
    rgba[:] = color
    dice = np.random.default_rng(0)
    for y in range(0, rgba.shape[0], cell + gap):
        for x in range(0, rgba.shape[1], cell + gap):
            rgba[y : y + cell, x : x + cell, :3] = dice.integers(0, 256, (cell, cell, 3))
            rgba[y : y + cell, x : x + cell, 3] = 255
    return rgba


@pytest.mark.parametrize("color", [(0, 0, 0, 0), (255, 0, 255, 255)])
@pytest.mark.parametrize("gap", [1, 2, 4])
def test_gaps_and_ruled_lines_are_proposed(gap: int, color: tuple[int, int, int, int]) -> None:
    grid = propose(ruled(gap, color))[0]
    assert grid == Grid(16, 16, 0, 0, gap, gap)
    framed = np.empty((16 * 3 + 2 * gap + 6, 16 * 5 + 4 * gap + 10, 4), np.uint8)
    framed[:] = color
    framed[3:-3, 7:-3] = ruled(gap, color)
    assert propose(framed)[0] == Grid(16, 16, 7, 3, gap, gap), "behind uneven borders too"


def test_a_key_colour_is_proposed_also_beside_a_signature() -> None:
    rgba = np.zeros((60, 80, 4), np.uint8)
    rgba[:] = (255, 0, 255, 255)
    rgba[20:40, 10:34] = sprite(1)
    rgba[20:40, 45:69] = sprite(2)
    rgba[..., 3] = 255
    assert propose_key(rgba) == (255, 0, 255)
    rgba[:8, :30] = (250, 250, 250, 255)
    assert propose_key(rgba) == (255, 0, 255)
    found = pieces(rgba, Components(), (255, 0, 255))
    for piece in found:
        cut = decode_part(encoded(rgba, "PNG"), piece.part)
        assert not ((cut[..., :3] == (255, 0, 255)).all(axis=2) & (cut[..., 3] > 0)).any()


def test_pictures_without_a_key_colour_are_left_alone() -> None:
    dice = np.random.default_rng(1)
    noise = dice.integers(0, 256, (40, 40, 4), dtype=np.uint8)
    noise[..., 3] = 255
    one_colour = np.full((20, 20, 4), 255, np.uint8)
    for rgba in (noise, one_colour, np.zeros((20, 20, 4), np.uint8), sprite(3)):
        assert propose_key(rgba) is None


def packed(frames: int, layout: str) -> tuple[np.ndarray, list[np.ndarray], Any]:
    """A sheet, its sprites and its description: every second frame rotated, all trimmed."""
    wholes, entries = [], []
    rgba = np.zeros((40, 40 * frames, 4), np.uint8)
    for n in range(frames):
        whole = np.zeros((32, 36, 4), np.uint8)
        whole[5:25, 7:31] = sprite(n)
        wholes.append(whole)
        turned = n % 2 == 1
        placed = np.rot90(sprite(n), -1) if turned else sprite(n)
        h, w = placed.shape[:2]
        rgba[:h, 40 * n : 40 * n + w] = placed
        entries.append((f"walk_{n}.png", {
            "frame": {"x": 40 * n, "y": 0, "w": 24, "h": 20}, "rotated": turned, "trimmed": True,
            "spriteSourceSize": {"x": 7, "y": 5, "w": 24, "h": 20}, "sourceSize": {"w": 36, "h": 32},
        }))  # fmt: skip
    listed: Any = dict(entries) if layout == "hash" else [{"filename": name, **entry} for name, entry in entries]
    if layout == "phaser":
        return rgba, wholes, {"textures": [{"image": "walk.png", "frames": listed}]}
    if layout == "godot":  # it turns nothing, and its margin is the room on both sides together
        rgba[:] = 0
        sprites = []
        for n, (name, _) in enumerate(entries):
            rgba[:20, 40 * n : 40 * n + 24] = sprite(n)
            region, margin = {"x": 40 * n, "y": 0, "w": 24, "h": 20}, {"x": 7, "y": 5, "w": 12, "h": 12}
            sprites.append({"filename": name, "region": region, "margin": margin})
        return rgba, wholes, {"textures": [{"image": "walk.png", "sprites": sprites}]}
    return rgba, wholes, {"frames": listed, "meta": {"image": "walk.png"}}


@pytest.mark.parametrize("layout", ["hash", "array", "phaser", "godot"])
def test_an_atlas_gives_the_sprites_it_was_packed_from(layout: str) -> None:
    rgba, wholes, description = packed(4, layout)
    ((name, atlas),) = parse_atlases(json.loads(json.dumps(description)))
    assert name == "walk.png"
    assert sheet_from_json(json.loads(json.dumps(atlas.to_json()))) == atlas
    found = pieces(rgba, atlas)
    assert [piece.name for piece in found] == [f"walk_{n}.png" for n in range(4)]
    for piece, whole in zip(found, wholes, strict=True):
        assert np.array_equal(decode_part(encoded(rgba, "PNG"), piece.part), whole)


@pytest.mark.parametrize(
    ("field", "value"),
    [("x", -1), ("w", 0), ("w", "12"), ("h", 10**9), ("x", True), ("y", None), ("x", 1.5)],
)
def test_an_atlas_with_odd_numbers_is_refused_in_one_line(field: str, value: object) -> None:
    _, _, description = packed(2, "hash")
    description["frames"]["walk_1.png"]["frame"][field] = value
    with pytest.raises(UntrustedError, match="walk_1"):
        parse_atlases(description)


@pytest.mark.parametrize(
    "values", [None, [], {}, {"frames": 3}, {"frames": {}}, {"frames": [1]}, {"a": 1}, {"textures": [3]}]
)
def test_other_json_is_no_atlas(values: object) -> None:
    assert parse_atlases(values) == []


def test_a_folder_with_an_atlas_is_imported_by_it(workspace, tmp_path: Path) -> None:
    rgba, wholes, description = packed(4, "hash")
    folder = tmp_path / "art"
    folder.mkdir()
    Image.fromarray(rgba).save(folder / "walk.png")
    Image.fromarray(sprite(9)).save(folder / "alone.png")
    (folder / "walk.json").write_text(json.dumps(description), encoding="utf-8")
    (folder / "lost.json").write_text(json.dumps({**description, "meta": {"image": "gone.png"}}), encoding="utf-8")
    summary = import_sources(workspace, [folder], options=ImportOptions(workers=1))
    assert (summary.imported, summary.rejected_count) == (5, 1)
    assert "gone.png" in summary.rejected[0].reason
    sprites = {sprite.name: sprite for sprite in workspace.sprites()}
    assert sorted(sprites) == ["alone.png", *(f"walk_{n}.png" for n in range(4))]
    for n, whole in enumerate(wholes):
        assert np.array_equal(workspace.pixels(sprites[f"walk_{n}.png"]), whole)
    again = import_sources(workspace, [folder], options=ImportOptions(workers=1))
    assert (again.imported, again.already) == (0, 2), "an unchanged sheet is one file that is known"
    plain = import_sources(workspace, [folder], options=ImportOptions(workers=1, atlases=False))
    assert plain.imported == 1, "without descriptions the sheet is a sprite like any other"


def test_one_file_may_describe_several_sheets() -> None:
    _, _, description = packed(2, "phaser")
    (first,) = description["textures"]
    read = parse_atlases({"textures": [first, {**first, "image": "more/other.png"}]})
    assert [name for name, _ in read] == ["walk.png", "other.png"]


def test_an_atlas_in_a_zip(workspace, tmp_path: Path) -> None:
    rgba, wholes, description = packed(3, "hash")
    files = {
        "art/walk.png": encoded(rgba), "art/walk.json": json.dumps(description).encode(), "art/other.json": b"{}",
        "alone.png": encoded(sprite(9)), "walk.png": encoded(sprite(8)),
    }  # fmt: skip
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    summary = import_sources(workspace, [tmp_path / "pack.zip"], options=ImportOptions(workers=1))
    assert (summary.imported, summary.rejected_count, summary.others) == (5, 0, {".json": 1})
    sprites = {sprite.name: sprite for sprite in workspace.sprites()}
    for n, whole in enumerate(wholes):
        assert np.array_equal(workspace.pixels(sprites[f"walk_{n}.png"]), whole)
    again = import_sources(workspace, [tmp_path / "pack.zip"], options=ImportOptions(workers=1))
    assert (again.imported, again.already, again.others) == (0, 3, {".json": 1})


def unity(rgba: np.ndarray, frames: int, form: str) -> tuple[str, bytes]:
    """File name and text of a Unity description equivalent to Godot's from `packed`."""
    height = rgba.shape[0]
    if form == "tpsheet":
        lines = ["#", "# Sprite sheet data for Unity.", "#", ":format=40300", ":texture=walk.png", ":borders=disabled"]
        lines += [f":size={rgba.shape[1]}x{height}", ""]
        lines += [f"walk%3B_{n};{40 * n};{height - 20};24;20; 0.5;0.5; 0;0;0;0;" for n in range(frames)]
        return "walk.tpsheet", "\r\n".join(lines).encode()
    sprites = [
        "    - serializedVersion: 2\n"
        f"      name: {name}\n"
        f"      rect:\n        serializedVersion: 2\n        x: {40 * n}\n        y: {height - 20}\n"
        "        width: 24\n        height: 20\n"
        "      alignment: 0\n      pivot: {x: 0.5, y: 0.5}\n      border: {x: 1, y: 2, z: 3, w: 4}\n"
        "      outline:\n      - - {x: 9, y: 9}\n        - {x: 8, y: 8}\n      physicsShape: []\n"
        for n, name in enumerate([f"walk;_{n}", f"'walk;_{n}'", f'"walk\\x3b_{n}"'][n % 3] for n in range(frames))
    ]
    text = (
        "fileFormatVersion: 2\nguid: 3f\nTextureImporter:\n  spriteMode: 2\n  spriteSheet:\n    serializedVersion: 2\n"
        f"    sprites:\n{''.join(sprites)}    outline: []\n    name: none\n  userData: \n"
    )
    return "walk.png.meta", text.encode()


def _archive(path: Path, files: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize("place", ["folder", "art.zip", "art.tar", "art.tgz"])
@pytest.mark.parametrize("form", ["tpsheet", "meta", "both"])
def test_a_sheet_described_for_unity(workspace, tmp_path: Path, form: str, place: str) -> None:
    rgba, _, _ = packed(3, "godot")
    described = [unity(rgba, 3, one) for one in (("meta", "tpsheet") if form == "both" else (form,))]
    single = unity(rgba, 3, "meta")[1].replace(b"spriteMode: 2", b"spriteMode: 1")
    files = {
        "art/walk.png": encoded(rgba), "art/alone.png": encoded(sprite(9)), "art/alone.png.meta": single,
        "art.meta": b"fileFormatVersion: 2\nfolderAsset: yes\n", **{f"art/{name}": data for name, data in described},
    }  # fmt: skip
    source = tmp_path / "source"
    (source / "art").mkdir(parents=True)
    if place == "folder":
        for name, data in files.items():
            (source / name).write_bytes(data)
    else:
        _archive(source / place, files)
    found = look_over(workspace, [source], options=ImportOptions(workers=1))
    assert [(one.atlas, one.sprites) for one in found.sheets] == [(True, 3)]
    summary = import_sources(workspace, [source], options=ImportOptions(workers=1))
    assert (summary.imported, summary.rejected, summary.others) == (4, [], {".meta": 2})
    sprites = {sprite.name: sprite for sprite in workspace.sprites()}
    assert sorted(sprites) == ["alone.png", "walk;_0", "walk;_1", "walk;_2"]
    for n in range(3):
        assert np.array_equal(workspace.pixels(sprites[f"walk;_{n}"]), sprite(n))


@pytest.mark.parametrize(
    ("form", "old", "new", "reason"),
    [
        ("meta", b"y: 20", b"y: -3", "walk;_0"), ("meta", b"y: 20", b"y: .nan", "walk;_0"),
        ("meta", b"width: 24", b"width: 0", "walk;_0"), ("meta", b"        x: 0\n", b"", "x is missing"),
        ("meta", b"y: 20", b"y: 999", "the sheet has no"), ("tpsheet", b";0;20;", b";0;999;", "the sheet has no"),
        ("tpsheet", b";0;20;", b";0;twenty;", "line 9"), ("tpsheet", b"walk.png", b"gone.png", "gone.png"),
    ],
)  # fmt: skip
def test_a_wrong_description_for_unity_is_refused_in_one_line(
    workspace, tmp_path: Path, form: str, old: bytes, new: bytes, reason: str
) -> None:
    rgba, _, _ = packed(2, "godot")
    name, text = unity(rgba, 2, form)
    assert old in text
    source = tmp_path / "source"
    source.mkdir()
    (source / name).write_bytes(text.replace(old, new, 1))
    (source / "walk.png").write_bytes(encoded(rgba))
    summary = import_sources(workspace, [source], options=ImportOptions(workers=1))
    assert summary.rejected_count == 1
    assert reason in summary.rejected[0].reason


@pytest.mark.parametrize("data", [
    b"", b"spriteSheet:", b"spriteSheet:\n", b"  spriteSheet:\n    sprites: []\n", b"spriteSheet:\n  sprites:\n  - \n",
    b"a:\n" * 50_000 + b"spriteSheet:\nsprites:\n- x\n", b"".join(b" " * n + b"spriteSheet:\n" for n in range(1500)),
    b"spriteSheet:\n sprites:\n" + b" - rect: {x: 1}\n" * 30_000, b" " * 9_000_000 + b"spriteSheet:", b"- " * 4_000_000,
])  # fmt: skip
def test_files_of_unity_that_say_nothing_of_use(data: bytes) -> None:
    for name in ("walk.png.meta", "walk.tpsheet"):
        folder = Folder()
        folder.read(name, data, {"walk.png", name})
        assert not folder.sheets


@pytest.mark.parametrize("suffix", [".tar", ".tgz"])
def test_an_atlas_in_a_tar_with_a_key_colour(workspace, tmp_path: Path, suffix: str) -> None:
    rgba, wholes, description = packed(3, "hash")
    magenta = np.where(rgba[..., 3:] > 0, rgba, np.array([255, 0, 255, 255], np.uint8)).astype(np.uint8)
    files = {"art/walk.png": encoded(magenta), "art/walk.json": json.dumps(description).encode()}
    _archive(tmp_path / f"pack{suffix}", files)
    options = ImportOptions(workers=1, key=(255, 0, 255))
    summary = import_sources(workspace, [tmp_path / f"pack{suffix}"], options=options)
    assert (summary.imported, summary.rejected_count, summary.others) == (3, 0, {})
    sprites = {sprite.name: sprite for sprite in workspace.sprites()}
    for n, whole in enumerate(wholes):
        assert np.array_equal(workspace.pixels(sprites[f"walk_{n}.png"]), whole)


def _paletted(kind: str) -> tuple[bytes, np.ndarray]:
    """Two drawings with black outlines on a black background entry; and RGBA with the background transparent."""
    indices = np.zeros((16, 40), np.uint8)
    for left in (2, 22):
        indices[2:14, left : left + 14] = 1  # black as well
        indices[4:12, left + 2 : left + 12] = 2
    colors = np.array([[0, 0, 0], [0, 0, 0], [200, 30, 60]], np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(colors.tobytes())
    stream = io.BytesIO()
    image.save(stream, kind)
    wanted = np.dstack((colors[indices], np.where(indices, 255, 0).astype(np.uint8)))
    return stream.getvalue(), wanted


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "PCX"])
@pytest.mark.parametrize("form", [None, Grid(20, 16), Proposed()])
def test_the_first_entry_of_a_palette_may_stand_for_transparency(workspace, tmp_path: Path, kind: str, form) -> None:
    data, wanted = _paletted(kind)
    (tmp_path / "s.dat").write_bytes(data)
    (tmp_path / "full.png").write_bytes(encoded(np.dstack((wanted[..., :3], np.full((16, 40), 255, np.uint8)))))
    options = ImportOptions(workers=1, key=INDEX_0, sheet=form)
    import_sources(workspace, [tmp_path / "s.dat"], options=options)
    cut = [wanted] if form is None else [wanted[:, :20], wanted[:, 20:]]
    found = [workspace.pixels(one) for one in workspace.sprites()]
    if isinstance(form, Proposed):
        assert len(found) == 1, "both drawings are equal"
        assert found[0][..., 3].any()
    elif form is None:
        assert np.array_equal(found[0], cut[0])
    else:
        assert np.array_equal(found[0], cut[0]), "the outline stays although it has the ground's colour"
    assert all("key=index0" in one.part for one in workspace.sprites())
    # A picture without a palette is left as it is.
    again = import_sources(workspace, [tmp_path / "full.png"], options=ImportOptions(workers=1, key=INDEX_0))
    assert again.imported == 1
    assert not workspace.sprite(workspace.resolve("full.png")).part


def _moving(kind: str, frames: int = 3) -> tuple[bytes, list[np.ndarray]]:
    """A paletted animation on a black ground, with a black eye that is not; and its frames with the ground transparent.

    The frames of the GIF have palettes of their own.
    """
    pictures, wholes = [], []
    for n in range(frames):
        indices = np.zeros((16, 20), np.uint8)
        indices[2 + n : 12, 3 + n : 15] = 2
        indices[5, 5] = 1
        colors = np.array([[0, 0, 0], [0, 0, 0], [200, 30 + (40 * n if kind == "GIF" else 0), 60]], np.uint8)
        image = Image.fromarray(indices, "P")
        image.putpalette(colors.tobytes())
        pictures.append(image)
        wholes.append(np.dstack((colors[indices], np.where(indices, 255, 0).astype(np.uint8))))
    stream = io.BytesIO()
    extra = {"optimize": False, "disposal": 2} if kind == "GIF" else {}
    pictures[0].save(stream, kind, save_all=True, append_images=pictures[1:], duration=90, **extra)
    return stream.getvalue(), wholes


@pytest.mark.parametrize("frames", ["first", "distinct"])
@pytest.mark.parametrize("key", [INDEX_0, (0, 0, 0), "auto"])
@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_frames_of_animations_have_a_key_too(workspace, tmp_path: Path, kind: str, key, frames: str) -> None:
    data, wholes = _moving(kind)
    (tmp_path / "move.dat").write_bytes(data)
    import_sources(workspace, [tmp_path / "move.dat"], options=ImportOptions(workers=1, key=key, frames=frames))
    found = list(workspace.sprites())
    assert len(found) == (3 if frames == "distinct" else 1)
    for one, whole in zip(found, wholes, strict=False):
        if key != INDEX_0:
            whole = whole.copy()
            whole[5, 5] = 0  # the eye has the ground's colour
        assert np.array_equal(workspace.pixels(one), np.where(whole[..., 3:] > 0, whole, 0))
        assert "key=" in one.part


def test_the_first_entry_is_proposed_where_its_colour_occurs_again() -> None:
    data, wanted = _paletted("PNG")
    rgba = np.dstack((wanted[..., :3], np.full(wanted.shape[:2], 255, np.uint8)))
    cleared = without_index_0(data, rgba)
    assert np.array_equal(cleared, wanted)
    assert proposed_key(rgba, cleared) == INDEX_0
    assert proposed_key(rgba, None) == propose_key(rgba) == (0, 0, 0)
    alone = rgba.copy()
    alone[(wanted[..., 3] > 0) & (wanted[..., :3] == 0).all(axis=2)] = (9, 9, 9, 255)
    assert proposed_key(alone, np.where(wanted[..., 3:] > 0, alone, 0).astype(np.uint8)) == (0, 0, 0)
    assert proposed_key(sprite(3), sprite(3)) is None
