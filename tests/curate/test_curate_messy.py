"""The messy folder: findings are shown once before the import, and nothing is lost."""

from __future__ import annotations

import io
import json
import os
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from contrast import ratio
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from small_workspaces import png_bytes, sprite_pixels
from studio_window import OpenWindow, curate

from gandam_studio.core.importing import Components, Cut, Grid
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Keep
from gandam_studio.core.workspace.query import Filter
from gandam_studio.qt.curate.screen import CurateScreen
from gandam_studio.qt.imports.proposal_dialog import ProposalDialog
from gandam_studio.qt.imports.sheet_dialog import SheetDialog
from gandam_studio.qt.imports.summary_dialog import SummaryDialog
from trainer.protocol.resources import resource_path

LEFT = Qt.MouseButton.LeftButton


def _sheet(first: int, cells: int = 6) -> np.ndarray:
    """A row of 20 x 20 drawings separated by magenta lines of one pixel, with that colour around them, too."""
    sheet = np.zeros((2 * 25 + 1, cells // 2 * 25 + 1, 4), np.uint8)
    sheet[:] = (255, 0, 255, 255)
    for number in range(cells):
        y, x = divmod(number, cells // 2)
        cell = np.zeros((24, 24, 4), np.uint8)
        cell[2:22, 2:22] = np.resize(sprite_pixels(first + number), (20, 20, 4))
        cell[2:22, 2:22, 3] = 255
        sheet[1 + 25 * y : 25 * y + 25, 1 + 25 * x : 25 * x + 25] = cell
    return sheet


def _gif(first: int) -> bytes:
    frames = [Image.fromarray(sprite_pixels(first + index)).convert("RGB") for index in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return stream.getvalue()


def _shift_jis_zip(path: Path) -> None:
    name = "剣士/ソ.png".encode("cp932")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x" * len(name), png_bytes(sprite_pixels(70)))
    path.write_bytes(stream.getvalue().replace(b"x" * len(name), name))


@pytest.fixture
def mess(tmp_path: Path) -> Path:
    """Class folders, captions, a table, sheets of one layout, an animation, a zip, and files that are no pictures."""
    root = tmp_path / "mess"
    for folder, first, count in (("knight", 0, 3), ("10_golem", 10, 2)):
        (root / folder).mkdir(parents=True)
        for number in range(count):
            (root / folder / f"{number + 1:03}.png").write_bytes(png_bytes(sprite_pixels(first + number)))
    (root / "10_golem" / "001.txt").write_text("stone, big")
    (root / "more").mkdir()
    rows = [{"file_name": f"{number}.png", "text": "wet", "label": "slime"} for number in range(2)]
    (root / "more" / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for number in range(2):
        (root / "more" / f"{number}.png").write_bytes(png_bytes(sprite_pixels(20 + number)))
    (root / "sheets").mkdir()
    for number in range(2):
        (root / "sheets" / f"walk{number + 1}.png").write_bytes(png_bytes(_sheet(30 + 6 * number)))
    (root / "walk.gif").write_bytes(_gif(50))
    _shift_jis_zip(root / "rtp.zip")
    (root / "half.png").write_bytes(png_bytes(sprite_pixels(60))[:60])
    (root / "readme.txt").write_text("by me")
    (root / "song.ogg").write_bytes(b"OggS")
    (root / ".DS_Store").write_bytes(b"x")
    return root


@pytest.fixture
def screen(tmp_path: Path, open_window: OpenWindow) -> CurateScreen:
    Workspace.create(tmp_path / "w").close()
    return curate(open_window(tmp_path / "w"))


def _settle(screen: CurateScreen, qtbot) -> None:
    qtbot.waitUntil(lambda: screen.session.is_idle, timeout=60_000)


def _propose(screen: CurateScreen, source: Path, qtbot) -> ProposalDialog:
    screen.imports.start([source])
    _settle(screen, qtbot)
    (dialog,) = (one for one in screen.findChildren(ProposalDialog) if one.isVisible())
    return dialog


def _click(button: QPushButton) -> None:
    QTest.mouseClick(button, LEFT)


def _tags(workspace: Workspace) -> dict[str, int]:
    found: dict[str, int] = {}
    for sprite in workspace.sprites():
        for tag in sprite.tags:
            found[tag] = found.get(tag, 0) + 1
    return found


def test_a_messy_folder_becomes_a_clean_set(screen: CurateScreen, mess: Path, qtbot) -> None:
    workspace = screen.session.workspace
    dialog = _propose(screen, mess, qtbot)
    assert not list(workspace.sprites()), "nothing before the answer"
    assert set(dialog.sections) == {"folders", "captions", "sheets", "animations", "names"}
    found = dialog.findings
    assert found.folders == {"mess": 2, "knight": 3, "golem": 2, "more": 2, "sheets": 2, "剣士": 1}
    assert found.caption_tags == {"slime": 2, "wet": 2, "big": 1, "stone": 1}
    assert (found.animations, found.frames, found.hidden) == (1, 3, 1)
    assert found.others == {".ogg": 1, ".txt": 1}

    # The sheets of one layout are one row; its dialog shows each, and both are cut alike.
    (row,) = dialog.rows
    assert (row.cut.sheet, row.sprites) == (Grid(24, 24, 1, 1, 1, 1), 12)
    _click(row.button)
    qtbot.waitUntil(lambda: dialog.findChildren(SheetDialog) != [], timeout=30_000)
    (cutting,) = dialog.findChildren(SheetDialog)
    assert (cutting.names, len(cutting.found)) == (["walk1.png", "walk2.png"], 6)
    _click(cutting.forth)
    qtbot.waitUntil(lambda: not cutting.forth.isEnabled(), timeout=30_000)
    cutting.choose(Components(join=0, smallest=4))
    cutting.choose(Grid(24, 24, 1, 1, 1, 1))
    QTest.mouseClick(cutting.preview, LEFT, pos=QPoint(1, 1))
    assert cutting.key == (255, 0, 255)
    _click(cutting.import_button)
    assert row.cut == Cut(Grid(24, 24, 1, 1, 1, 1), (255, 0, 255))

    dialog.all_frames.setChecked(True)
    (sheets_tag,) = dialog.tag_boxes["sheets"]
    sheets_tag.setChecked(False)
    _click(dialog.import_button)
    _settle(screen, qtbot)
    summary = screen.imports.last
    assert summary is not None
    assert (summary.imported, summary.rejected_count, summary.others_count) == (3 + 2 + 2 + 12 + 3 + 1, 1, 2)
    assert _tags(workspace) == {
        "knight": 3,
        "golem": 2,
        "more": 2,
        "slime": 2,
        "wet": 2,
        "big": 1,
        "stone": 1,
        "剣士": 1,
    }
    assert workspace.select(Filter(source="剣士/ソ.png")).size == 1
    (report,) = screen.findChildren(SummaryDialog)
    assert [Path(report.table.item(row, 0).text()).name for row in range(report.table.rowCount())] == ["half.png"]
    report.close()

    # The tags are one edit; the same folder again asks nothing and brings nothing.
    screen.session.undo()
    assert _tags(workspace) == {}
    screen.imports.start([mess])
    _settle(screen, qtbot)
    assert not [one for one in screen.findChildren(ProposalDialog) if one.isVisible()]
    assert screen.imports.last.imported == 0


def test_cancelled_and_as_they_are(screen: CurateScreen, mess: Path, qtbot) -> None:
    dialog = _propose(screen, mess, qtbot)
    dialog.reject()
    _settle(screen, qtbot)
    assert not list(screen.session.workspace.sprites())
    assert screen.imports.last is None
    dialog = _propose(screen, mess, qtbot)
    _click(dialog.plain_button)
    _settle(screen, qtbot)
    assert screen.imports.last.imported == 3 + 2 + 2 + 2 + 1 + 1
    assert _tags(screen.session.workspace) == {}


def test_another_code_page(screen: CurateScreen, mess: Path, qtbot) -> None:
    dialog = _propose(screen, mess / "rtp.zip", qtbot)
    (box,) = dialog.encodings.values()
    assert box.currentData() == "cp932"
    assert "ソ.png" in box.currentText()
    box.setCurrentIndex(box.findData("gbk"))
    _click(dialog.import_button)
    _settle(screen, qtbot)
    assert screen.session.workspace.sprite(1).name == "僜.png"
    assert not screen.imports.last.notes


def test_plain_pictures_need_no_question(screen: CurateScreen, mess: Path, qtbot) -> None:
    screen.imports.start([mess / "knight"])
    _settle(screen, qtbot)
    assert screen.imports.last.imported == 3
    assert not screen.findChildren(ProposalDialog)


def test_edited_pictures_are_new_versions(screen: CurateScreen, mess: Path, qtbot) -> None:
    workspace = screen.session.workspace
    screen.imports.run([mess / "knight"])
    _settle(screen, qtbot)
    screen.session.apply(Keep([2]))
    (mess / "knight" / "002.png").write_bytes(png_bytes(sprite_pixels(80)))
    os.utime(mess / "knight" / "002.png", (10**9, 10**9))
    dialog = _propose(screen, mess / "knight", qtbot)
    assert set(dialog.sections) == {"edited"}
    _click(dialog.import_button)
    _settle(screen, qtbot)
    assert [workspace.sprite(seq).status for seq in (2, 4)] == ["dropped", "kept"]
    screen.session.undo()
    assert [workspace.sprite(seq).status for seq in (2, 4)] == ["kept", "undecided"]


def test_an_atlas_may_be_left_out(screen: CurateScreen, tmp_path: Path, qtbot) -> None:
    folder = tmp_path / "npc"
    folder.mkdir()
    (folder / "npc.png").write_bytes(png_bytes(_sheet(90)))
    frames = {f"{n}.png": {"frame": {"x": 1 + 25 * n, "y": 1, "w": 24, "h": 24}} for n in range(3)}
    (folder / "npc.json").write_text(json.dumps({"frames": frames, "meta": {"image": "npc.png"}}))
    dialog = _propose(screen, folder, qtbot)
    (row,) = dialog.rows
    assert (row.found.atlas, row.sprites) == (True, 3)
    _click(dialog.import_button)
    _settle(screen, qtbot)
    assert {sprite.name for sprite in screen.session.workspace.sprites()} == {"0.png", "1.png", "2.png"}


def test_the_recipe_keeps_sizes_relative(screen: CurateScreen, tmp_path: Path, qtbot) -> None:
    """The preview scales by the largest sprite of the workspace, even if that is not shown."""
    folder = tmp_path / "sizes"
    folder.mkdir()
    for side in (8, 16, 32):
        picture = np.zeros((side, side, 4), np.uint8)
        picture[:] = (200, 10, 10, 255)
        picture[0, 0] = (0, 0, 200, 255)
        (folder / f"{side:02}.png").write_bytes(png_bytes(picture))
    screen.imports.run([folder])
    _settle(screen, qtbot)
    screen.panel.show_recipe()
    recipe = screen.panel.recipe
    recipe.side.setCurrentIndex(recipe.side.findData(32))
    recipe.trim.setChecked(False)

    def widths() -> list[int]:
        found = []
        for image in recipe.preview.pictures:
            row = [image.pixelColor(x, image.height() // 2) for x in range(image.width())]
            found.append(sum(color.red() > 150 and color.green() < 100 for color in row))
        return found

    for scale, wanted in (("fit", [32, 32, 32]), ("whole", [32, 32, 32]), ("set", [8, 16, 32]), ("fit", [32, 32, 32])):
        recipe.scale.setCurrentIndex(recipe.scale.findData(scale))
        assert screen.session.workspace.recipe.scale == scale
        qtbot.waitUntil(lambda wanted=wanted: widths() == wanted)
    screen.session.undo()
    assert recipe.scale.currentData() == "set"


def test_white_and_black_stand_out_on_the_checkers() -> None:
    """A contrast of at least 3 to 1 (WCAG) on both colours of the checkerboard in both themes."""
    for name in ("light", "dark"):
        colors = tomllib.loads(resource_path("themes", f"{name}.toml").read_text(encoding="utf-8"))
        flat = {
            **colors,
            **{key: value for part in colors.values() if isinstance(part, dict) for key, value in part.items()},
        }
        for square in ("checker_a", "checker_b"):
            ground = np.array(list(bytes.fromhex(flat[square][1:])))
            assert min(ratio(ground, np.full(3, 255)), ratio(ground, np.zeros(3))) >= 3


def test_what_can_hardly_be_seen_is_found_and_told(screen: CurateScreen, tmp_path: Path, qtbot) -> None:
    folder = tmp_path / "ghosts"
    folder.mkdir()
    white = np.zeros((12, 12, 4), np.uint8)
    white[2:10, 2:10] = 255
    white[5, 5] = (250, 250, 250, 255)
    for name, picture in (
        ("a.png", sprite_pixels(1)), ("ghost.png", white), ("empty.png", np.zeros((9, 9, 4), np.uint8)),
    ):  # fmt: skip
        (folder / name).write_bytes(png_bytes(picture))
    screen.imports.run([folder])
    _settle(screen, qtbot)
    assert "1 hard to see" in screen.window().status_strip.message.text()
    screen.filter_bar.open_more()
    more = screen.filter_bar.more_panel
    more.blank.setCurrentIndex(next(i for i in range(more.blank.count()) if more.blank.itemData(i) == (False, True)))
    names = [screen.session.workspace.sprite(int(seq)).name for seq in screen.gallery.order]
    assert names == ["ghost.png"]


def test_pictures_that_were_too_large_are_imported_on_request(screen: CurateScreen, mess: Path, qtbot) -> None:
    from gandam_studio.core.importing import ImportOptions
    from gandam_studio.core.pictures.decoding import Limits

    screen.imports.run([mess / "knight"], ImportOptions(limits=Limits(max_pixels=50)))
    _settle(screen, qtbot)
    assert screen.imports.last.imported == 0
    (report,) = screen.findChildren(SummaryDialog)
    larger = next(button for button in report.findChildren(QPushButton) if "large" in button.text())
    _click(larger)
    _settle(screen, qtbot)
    assert (screen.imports.last.imported, screen.imports.last.rejected_count) == (3, 0)


def _sheet_dialog(screen: CurateScreen, qtbot) -> SheetDialog:
    qtbot.waitUntil(lambda: screen.findChildren(SheetDialog) != [], timeout=30_000)
    (dialog,) = screen.findChildren(SheetDialog)
    return dialog


def test_sheets_chosen_together_are_cut_alike(screen: CurateScreen, mess: Path, qtbot) -> None:
    screen.imports.open_sheet(mess / "sheets" / "walk1.png", mess / "sheets" / "walk2.png")
    dialog = _sheet_dialog(screen, qtbot)
    assert dialog.names == ["walk1.png", "walk2.png"]
    _click(dialog.import_button)
    _settle(screen, qtbot)
    assert screen.imports.last.imported == 12


def test_a_sheet_is_cut_by_the_json_beside_it(screen: CurateScreen, tmp_path: Path, qtbot) -> None:
    (tmp_path / "npc.png").write_bytes(png_bytes(_sheet(90)))
    frames = {f"{n}.png": {"frame": {"x": 1 + 25 * n, "y": 1, "w": 24, "h": 24}} for n in range(2)}
    (tmp_path / "npc.json").write_text(json.dumps({"frames": frames, "meta": {"image": "npc.png"}}))
    screen.imports.open_sheet(tmp_path / "npc.png")
    dialog = _sheet_dialog(screen, qtbot)
    assert len(dialog.found) == 2
    dialog.choose(Grid(24, 24, 1, 1, 1, 1))
    assert len(dialog.found) == 6
    dialog.kind.setCurrentIndex(dialog.kind.count() - 1)
    qtbot.waitUntil(lambda: len(dialog.found) == 2)
    _click(dialog.import_button)
    _settle(screen, qtbot)
    assert {sprite.name for sprite in screen.session.workspace.sprites()} == {"0.png", "1.png"}


def test_the_first_colour_of_a_palette_is_made_transparent(screen: CurateScreen, tmp_path: Path, qtbot) -> None:
    """The outlines have the same black as the background, and stay."""
    indices = np.zeros((20, 40), np.uint8)
    indices[2:18, 2:18], indices[2:18, 22:38] = 1, 1
    indices[4:16, 4:16], indices[6:12, 24:36] = 2, 2
    image = Image.fromarray(indices, "P")
    image.putpalette(bytes([0, 0, 0, 0, 0, 0, 200, 40, 40]))
    image.save(tmp_path / "chars.png")
    screen.imports.open_sheet(tmp_path / "chars.png")
    dialog = _sheet_dialog(screen, qtbot)
    assert dialog.index_box.isVisible()
    assert dialog.index_box.isChecked(), "proposed, since its black is drawn with elsewhere"
    dialog.key_box.setChecked(True)
    assert not dialog.index_box.isChecked()
    dialog.index_box.setChecked(True)
    assert not dialog.key_box.isChecked()
    dialog.choose(Grid(20, 20))
    _click(dialog.import_button)
    _settle(screen, qtbot)
    workspace = screen.session.workspace
    pixels = workspace.pixels(workspace.sprite(1))
    assert pixels[0, 0, 3] == 0
    assert tuple(pixels[2, 2]) == (0, 0, 0, 255)
    assert screen.imports.last.imported == 2
