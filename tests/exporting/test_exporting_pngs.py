"""A plain folder of PNGs: named like the imported files, with edits applied, in their original size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core import versions
from gandam_studio.core.exporting import export
from gandam_studio.core.importing import import_sources
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Flip
from gandam_studio.core.workspace.seqsets import as_seqs


def picture(seed: int, width: int, height: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)


def sizes(folder: Path) -> set[tuple[int, int]]:
    found = set()
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            found.add(picture.size)
    return found


@pytest.fixture
def workspace(tmp_path: Path):  # type: ignore[no-untyped-def]
    folder = tmp_path / "art"
    for seed, (name, size) in enumerate(
        [("a/Knight 1.png", (12, 20)), ("b/Knight 1.png", (14, 9)), ("con.png", (8, 8)), ("Été.png", (30, 31))]
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(seed, *size)).save(folder / name)
    with Workspace.create(tmp_path / "ws") as opened:
        assert import_sources(opened, [folder]).imported == 4
        yield opened


def test_every_sprite_has_its_own_name_size_and_flip(workspace: Workspace, tmp_path: Path) -> None:
    flipped = next(sprite for sprite in workspace.sprites() if (sprite.width, sprite.height) == (30, 31))
    workspace.apply(Flip(as_seqs([flipped.seq])))
    version = versions.commit(workspace, "one")
    done = export(workspace, version, tmp_path / "out", format="pngs")
    names = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert (done.sprites, done.pictures, len(names)) == (4, "edit", 4)
    assert {"knight-1.png", "sprite-con.png", "été.png"} < set(names)
    (second,) = set(names) - {"knight-1.png", "sprite-con.png", "été.png"}
    assert second.startswith("knight-1-")
    shown = np.asarray(Image.open(tmp_path / "out" / "été.png"))
    own = picture(3, 30, 31)[:, ::-1]
    opaque = own[..., 3] > 0
    assert np.array_equal(shown[..., 3], own[..., 3])
    assert np.array_equal(shown[opaque], own[opaque])
    assert sizes(tmp_path / "out") == {(12, 20), (14, 9), (8, 8), (30, 31)}


def test_as_trained_on_they_are_squares_of_the_recipe(workspace: Workspace, tmp_path: Path) -> None:
    version = versions.commit(workspace, "one")
    export(workspace, version, tmp_path / "out", format="pngs", pictures="render")
    assert sizes(tmp_path / "out") == {(64, 64)}
    export(workspace, version, tmp_path / "out", format="pngs", force=True)
    assert len(list((tmp_path / "out").glob("*.png"))) == 4
