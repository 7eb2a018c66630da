"""Round trips: class folders are imported, edited, exported and read by independent readers."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_workspaces import png_bytes, sprite_pixels

from gandam_studio.core import exporting, versions
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, SetSetting
from trainer.protocol.recipe import Recipe

CLASSES = ("archer", "golem", "騎士")
FLIPPED, DROPPED = ("golem", 1), ("archer", 0)
SIDE = 32

Labels = dict[bytes, str]
"""Bytes of a picture's pixels, RGB -> its class."""


def _shown(seed: int, flip: bool) -> bytes:
    """The pixels of a drawing on white, centred in a square as by the recipe of `filled`."""
    rgba = sprite_pixels(seed)
    alpha = rgba[..., 3:] / 255
    rgb = np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return (rgb[:, ::-1] if flip else rgb).tobytes()


def _inner(picture: Image.Image, seed: int) -> bytes:
    """The drawing in the middle of a square picture, reduced to its original size if it was enlarged."""
    height, width = sprite_pixels(seed).shape[:2]
    factor = SIDE // max(height, width)
    left, top = (SIDE - factor * width) // 2, (SIDE - factor * height) // 2
    inner = np.asarray(picture.convert("RGB"))[top : top + factor * height, left : left + factor * width]
    return inner[::factor, ::factor].tobytes()


@pytest.fixture
def filled(tmp_path: Path) -> Workspace:
    """Class folders of four drawings each, imported with folders as tags; one flipped, one dropped."""
    seed = 0
    for name in CLASSES:
        (tmp_path / "art" / name).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "art" / name / f"{number}.png").write_bytes(png_bytes(sprite_pixels(seed)))
            seed += 1
    workspace = Workspace.create(tmp_path / "w")
    import_sources(workspace, [tmp_path / "art"], options=ImportOptions(workers=1, folders_as_tags=True))
    workspace.apply(SetSetting("recipe", Recipe(size=SIDE, scale="whole", trim=False).to_json()))
    seqs = {name: workspace.resolve(f"{name}/{number}.png") for name, number in (FLIPPED, DROPPED)}
    workspace.apply(Flip([seqs[FLIPPED[0]]]))
    workspace.apply(Drop([seqs[DROPPED[0]]], "x"))
    versions.commit(workspace, "one")
    yield workspace
    workspace.close()


def _wanted() -> dict[str, str]:
    """Name of a drawing with its edits -> class, by the pixels in an export."""
    return {f"{name}/{number}": name for name in CLASSES for number in range(4) if (name, number) != DROPPED}


def _named(found: list[tuple[Image.Image, str]]) -> dict[str, str]:
    """The drawing that each exported picture shows, identified by pixels -> its label."""
    drawings = {}
    for index, name in enumerate(CLASSES):
        for number in range(4):
            seed = 4 * index + number
            drawings[_shown(seed, (name, number) == FLIPPED)] = f"{name}/{number}"
    named = {}
    for picture, label in found:
        shows = {_inner(picture, seed) for seed in range(12)} & drawings.keys()
        assert len(shows) == 1, "another picture than was drawn"
        named[drawings[shows.pop()]] = label
    assert len(named) == len(found)
    return named


def _datasets(out: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Image.Image, str]]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    for path in out.rglob("metadata.jsonl"):
        path.unlink()  # the folders alone say the class
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = datasets.load_dataset("imagefolder", data_dir=str(out), cache_dir=str(out.parent / "cache"))
        names = found["train"].features["label"].names
        return [(row["image"].copy(), names[row["label"]]) for split in found.values() for row in split]


def _stylegan(out: Path, _monkeypatch: pytest.MonkeyPatch) -> list[tuple[Image.Image, str]]:
    with zipfile.ZipFile(out) as archive:
        described = json.loads(archive.read("dataset.json"))
        return [
            (Image.open(io.BytesIO(archive.read(name))), described["classes"][number])
            for name, number in described["labels"]
        ]


def _coco(out: Path, _monkeypatch: pytest.MonkeyPatch) -> list[tuple[Image.Image, str]]:
    coco = pytest.importorskip("pycocotools.coco").COCO(str(out / "annotations.json"))
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    found = []
    for image in coco.loadImgs(coco.getImgIds()):
        (mark,) = coco.loadAnns(coco.getAnnIds(image["id"]))
        (path,) = out.rglob(Path(image["file_name"]).name)
        found.append((Image.open(io.BytesIO(path.read_bytes())), names[mark["category_id"]]))
    return found


def _captions(out: Path, _monkeypatch: pytest.MonkeyPatch) -> list[tuple[Image.Image, str]]:
    return [
        (
            Image.open(io.BytesIO(path.read_bytes())),
            re.sub(r"\s*$", "", path.with_suffix(".txt").read_text(encoding="utf-8")),
        )
        for path in out.rglob("*.png")
    ]


@pytest.mark.parametrize(
    ("form", "read"),
    [("imagefolder", _datasets), ("stylegan", _stylegan), ("coco", _coco), ("imagefolder", _captions)],
    ids=["imagefolder by datasets", "stylegan", "coco by pycocotools", "captions"],
)
def test_classes_come_back(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, read: Callable[..., list]
) -> None:
    out = tmp_path / ("x.zip" if form == "stylegan" else "x")
    words = {"captions": True} if read is _captions else {"classes": CLASSES}
    exporting.export(filled, versions.find_version(filled), out, format=form, pictures="render", **words)
    assert _named(read(out, monkeypatch)) == _wanted()
