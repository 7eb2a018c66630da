"""Which sprites are hard to see is judged once for a background, and kept in a file that proves itself."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import encoded, sprite

from gandam_studio.core.importing import import_sources
from gandam_studio.core.workspace import Workspace, faint_rows
from gandam_studio.core.workspace.edits import SetSetting
from gandam_studio.core.workspace.store import transaction
from gandam_studio.core.workspace.thumbnails import ThumbnailStore
from trainer.protocol.recipe import Recipe

WHITE, BLACK = [3, 6, 9], [4, 8]  # rows of sprites that are white, and black


@pytest.fixture
def shown(workspace: Workspace, tmp_path) -> Workspace:
    """A workspace of nine sprites, some of one colour that a white or a black background hides."""
    art = tmp_path / "art"
    art.mkdir()
    for row in range(1, 10):
        picture = sprite(row)
        color = [255, 255, 255 - row] if row in WHITE else [0, 0, row] if row in BLACK else None
        if color is not None:
            picture[picture[..., 3] > 0] = [*color, 255]
        (art / f"{row}.png").write_bytes(encoded(picture))
    import_sources(workspace, [art])
    (workspace.folder / faint_rows.NAME).unlink()
    return workspace


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """The rows whose thumbnails are read, in order; those that need all pixels are read twice."""
    rows: list[int] = []
    plain = ThumbnailStore.read

    def read(store: ThumbnailStore, seq: int) -> np.ndarray | None:
        if seq not in rows:
            rows.append(seq)
        return plain(store, seq)

    monkeypatch.setattr(ThumbnailStore, "read", read)
    return rows


def found(workspace: Workspace, rows: range = range(1, 10)) -> list[int]:
    return workspace.faint(np.array(rows)).tolist()


def test_thumbnails_are_read_once_for_each_background(shown: Workspace, asked: list[int]) -> None:
    assert found(shown, range(4, 7)) == [6]
    assert found(shown) == WHITE
    assert asked == [4, 5, 6, 1, 2, 3, 7, 8, 9]
    asked.clear()
    assert found(shown) == WHITE
    assert found(shown, range(9, 2, -1)) == WHITE[::-1]
    assert not asked
    shown.apply(SetSetting("recipe", Recipe(background="black").to_json()))
    assert found(shown) == BLACK
    assert asked == [*range(1, 10)]


def test_an_import_keeps_what_it_judges_of_small_sprites(workspace: Workspace, tmp_path, asked: list[int]) -> None:
    art = tmp_path / "art"
    art.mkdir()
    hidden = sprite(1)
    hidden[hidden[..., 3] > 0] = [255, 255, 254, 255]
    blank = np.zeros((40, 40, 4), np.uint8)
    large = np.kron(sprite(3), np.ones((8, 8, 1), np.uint8))
    for number, picture in enumerate((hidden, sprite(2), blank, large, np.kron(hidden, np.ones((8, 8, 1), np.uint8)))):
        (art / f"{number}.png").write_bytes(encoded(picture))
    import_sources(workspace, [art])
    kept = (workspace.folder / faint_rows.NAME).read_bytes()
    assert found(workspace, range(1, 6)) == [1, 3, 5]
    assert asked == [4]  # it is seen, which its thumbnail might not say
    (workspace.folder / faint_rows.NAME).unlink()
    assert found(workspace, range(1, 6)) == [1, 3, 5]
    judged = (workspace.folder / faint_rows.NAME).read_bytes()
    assert [kept[i : i + 8] for i in (0, 8, 16, 32)] == [judged[i : i + 8] for i in (0, 8, 16, 32)]
    (art / "5.png").write_bytes(encoded(sprite(9)))
    import_sources(workspace, [art])
    asked.clear()
    assert found(workspace, range(1, 7)) == [1, 3, 5]
    assert not asked


def test_only_rows_whose_record_is_anothers_are_judged_again(shown: Workspace, asked: list[int]) -> None:
    found(shown)
    path = shown.folder / faint_rows.NAME
    whole = path.read_bytes()
    assert len(whole) == 8 * 9
    path.write_bytes(whole[:18] + bytes([whole[18] ^ 1]) + whole[19:39] + b"\x07" + whole[40:-3])
    asked.clear()
    assert found(shown) == WHITE
    assert asked == [3, 5, 9]
    assert path.read_bytes() == whole
    path.write_bytes(whole[8:] + whole[:8])  # as of another workspace
    assert found(shown) == WHITE


def test_rows_without_a_thumbnail_and_made_up_ones_keep_nothing(shown: Workspace, asked: list[int]) -> None:
    index = shown.folder / "thumbnails" / "index.bin"
    data = index.read_bytes()
    index.write_bytes(data[: 16 * 2] + bytes(16) + data[16 * 3 :])
    shown.thumbnails.close()
    with transaction(shown.connection) as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("UPDATE sprites SET seq = ? WHERE seq = 9", (1 << 24,))
        connection.execute("UPDATE sources SET sprite = ? WHERE sprite = 9", (1 << 24,))
        connection.execute("UPDATE fingerprints SET seq = ? WHERE seq = 9", (1 << 24,))
    rows = np.array([*range(1, 9), 1 << 24])
    assert shown.faint(rows).tolist() == [6]
    asked.clear()
    assert shown.faint(rows).tolist() == [6]
    assert asked == [3, 1 << 24]
    assert (shown.folder / faint_rows.NAME).stat().st_size == 8 * 8


def test_a_link_in_its_place_is_left_alone(shown: Workspace, tmp_path) -> None:
    (tmp_path / "other").write_bytes(b"untouched")
    try:
        (shown.folder / faint_rows.NAME).symlink_to(tmp_path / "other")
    except OSError:
        (shown.folder / faint_rows.NAME).mkdir()
    assert found(shown) == found(shown) == WHITE
    assert (tmp_path / "other").read_bytes() == b"untouched"
