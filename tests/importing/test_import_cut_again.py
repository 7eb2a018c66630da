"""How a sheet was cut is stored, and an edited sheet is cut in the same way again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, sprite

from gandam_studio.core.importing import Components, Grid, ImportOptions, Proposed, import_sources
from gandam_studio.core.importing.options import KEY_AUTO
from gandam_studio.core.importing.sheets import cut_of, sheet_from_json
from gandam_studio.core.workspace import Workspace


@pytest.fixture
def art(tmp_path: Path) -> Path:
    folder = tmp_path / "art"
    folder.mkdir()
    return folder


def sheet(*numbers: int) -> np.ndarray:
    return np.concatenate([sprite(number) for number in numbers], axis=1)


def keyed(rgba: np.ndarray) -> np.ndarray:
    rgba = rgba.copy()
    rgba[rgba[..., 3] == 0] = (255, 0, 255, 255)
    return rgba


@pytest.mark.parametrize("color", [None, (255, 0, 255), KEY_AUTO])
def test_an_edited_sheet_is_cut_as_before(workspace: Workspace, art: Path, color) -> None:
    path = art / "sheet.png"

    def save(*numbers: int) -> None:
        path.write_bytes(encoded(sheet(*numbers) if color is None else keyed(sheet(*numbers))))

    save(1, 2, 3)
    import_sources(workspace, [art], options=ImportOptions(sheet=Grid(24, 20), key=color))
    assert len(list(workspace.sprites())) == 3
    summary = import_sources(workspace, [art])
    assert (summary.imported, summary.already) == (0, 1)
    assert summary.notes == ["sheets cut as in an earlier import: 1"]
    save(1, 9, 3)
    summary = import_sources(workspace, [art])
    assert (summary.imported, summary.already) == (1, 2)
    assert [(pair.before, pair.after) for pair in summary.edited] == [(workspace.sprite(2).id, workspace.sprite(4).id)]
    np.testing.assert_array_equal(workspace.pixels(workspace.sprite(4)), sprite(9))
    # Taken whole when asked, and whole from then on.
    whole = ImportOptions(whole=True)
    assert import_sources(workspace, [art], options=whole).imported == 1
    assert import_sources(workspace, [art]).notes == []


def test_the_newest_way_counts_and_sheets_taken_whole_stay_whole(workspace: Workspace, art: Path) -> None:
    path = art / "sheet.png"
    path.write_bytes(encoded(sheet(1, 2, 3, 4)))
    import_sources(workspace, [path], options=ImportOptions(sheet=Grid(48, 20)))
    import_sources(workspace, [path], options=ImportOptions(sheet=Grid(24, 20)))
    path.write_bytes(encoded(sheet(1, 2, 3, 5)))
    assert import_sources(workspace, [path]).imported == 1
    other = art / "other.png"
    other.write_bytes(encoded(sheet(6, 7)))
    import_sources(workspace, [other])
    import_sources(workspace, [other], options=ImportOptions(sheet=Grid(24, 20)))
    other.write_bytes(encoded(sheet(6, 8)))
    import_sources(workspace, [other])
    *_, last = workspace.sprites()
    assert (last.width, last.height) == (48, 20)


def test_a_folder_of_sheets_is_cut_alike(workspace: Workspace, art: Path) -> None:
    for number in range(3):
        (art / f"{number}.png").write_bytes(encoded(sheet(2 * number, 2 * number + 1)))
    summary = import_sources(workspace, [art], options=ImportOptions(sheet=Grid(24, 20)))
    assert summary.imported == 6
    assert import_sources(workspace, [art]).already == 3


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (ImportOptions(sheet=Grid(9, 8, 7, 6, 5, 4)), Grid(9, 8, 7, 6, 5, 4)),
        (ImportOptions(sheet=Components(3, 40), key=(1, 2, 255)), Components(3, 40)),
        (ImportOptions(sheet=Proposed(), key=KEY_AUTO, frames="distinct"), Proposed()),
    ],
)
def test_modes_say_how_they_cut(options: ImportOptions, kind: object) -> None:
    cut = cut_of(options.mode)
    assert cut is not None
    key = cut.pop("key")
    assert sheet_from_json(cut) == kind
    assert (tuple(key) if isinstance(key, list) else key) == options.key


@pytest.mark.parametrize(
    "mode", ["", "frames=distinct", "atlas=0123456789abcdef", "grid=0x0+0+0+0+0+edges", "region=1,2,3,4"]
)
def test_other_modes_cut_nothing(mode: str) -> None:
    assert cut_of(mode) is None


def test_names_are_imported_in_the_order_people_count(workspace: Workspace, art: Path) -> None:
    for number, name in enumerate(("walk10.png", "Walk2.png", "walk1.png", "b.png", "walk03.png")):
        (art / name).write_bytes(encoded(sprite(number)))
    import_sources(workspace, [art])
    assert [kept.name for kept in workspace.sprites()] == [
        "b.png",
        "walk1.png",
        "Walk2.png",
        "walk03.png",
        "walk10.png",
    ]
