"""Classes and captions in exports, read by the tools they are for and by this program."""

from __future__ import annotations

import io
import json
import re
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import EVERY_TAG, FORMATS, parse_classes, take_back
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, SetSetting, SetValues, Tag
from trainer.protocol.recipe import Recipe

CLASSES = ("slime", "knight")
KNIGHTS, SLIMES, HELD_OUT = range(1, 9), range(9, 20), (5, 6, 15)


@pytest.fixture
def version(workspace):
    """19 of 20 sprites: 8 knights (1 flipped), 11 slimes, some with other tags; 3 held out, 1 dropped."""
    workspace.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    workspace.apply(Tag(list(KNIGHTS), add=frozenset({"knight"})))
    workspace.apply(Tag(list(SLIMES), add=frozenset({"slime"})))
    workspace.apply(Tag([2, 10], add=frozenset({"green, large"})))
    workspace.apply(Flip([5]))
    workspace.apply(Drop([20], "text"))
    splits = {seq: "held-out" if seq in HELD_OUT else "train" for seq in range(1, 21)}
    workspace.apply(SetValues({"split": splits}, "x"))
    return versions.commit(workspace, "one")


@pytest.fixture
def wanted(workspace, version):
    """Sprite id -> class."""
    return {workspace.sprite(seq).id: "knight" if seq in KNIGHTS else "slime" for seq in range(1, 20)}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_class_folders_and_labels_are_read_by_datasets(workspace, version, wanted, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    done = exporting.export(
        workspace,
        versions.find_version(workspace),
        tmp_path / "x",
        format="imagefolder",
        classes=CLASSES,
        captions=True,
    )
    assert done.classes == {"knight": 8, "slime": 11}
    assert {path.parent.as_posix() for path in map(Path, contents(tmp_path / "x")) if path.suffix == ".png"} == {
        f"{split}/{name}" for split in ("train", "test") for name in ("knight", "slime")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = datasets.load_dataset(
            "imagefolder", data_dir=str(tmp_path / "x"), drop_labels=False, cache_dir=str(tmp_path / "cache")
        )
        assert {name: len(split) for name, split in found.items()} == {"train": 16, "test": 3}
        named = {row["id"]: row["label"] for split in found.values() for row in split}
        flipped = next(row for row in found["test"] if row["flip"])
    assert named == wanted
    from gandam_studio.core.pictures.rendering import render

    shown = render(workspace.picture(workspace.sprite(5)), Recipe(size=32))
    assert np.array_equal(np.asarray(flipped["image"].convert("RGB")), shown)
    # Without the list `datasets` takes the labels from the folders; the numbers are ours.
    for path in (tmp_path / "x").rglob("metadata.jsonl"):
        path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "x"), cache_dir=str(tmp_path / "second"))
    assert plain["train"].features["label"].names == list(done.classes)


class LabelledZip:
    """A reader for StyleGAN zips by its documentation: [member, integer] for every picture."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            described = json.loads(archive.read("dataset.json"))
            self.labels = dict(described["labels"])
            self.classes = described["classes"]
            self.ids = {row["file_name"]: row["id"] for row in described["sprites"]}
            self.pictures = {name: archive.read(name) for name in archive.namelist() if name.endswith(".png")}


def test_stylegan_gets_numbers(workspace, version, wanted, tmp_path):
    exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "x.zip", format="stylegan", classes=CLASSES
    )
    found = LabelledZip(tmp_path / "x.zip")
    assert found.labels.keys() == found.pictures.keys() == found.ids.keys()
    assert all(type(number) is int for number in found.labels.values())
    assert {found.ids[name]: found.classes[number] for name, number in found.labels.items()} == wanted
    assert {Image.open(io.BytesIO(data)).size for data in found.pictures.values()} == {(32, 32)}


def test_coco_gets_a_category_a_class(workspace, version, wanted, tmp_path):
    coco_api = pytest.importorskip("pycocotools.coco")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="coco", classes=CLASSES)
    coco = coco_api.COCO(str(tmp_path / "x" / "annotations.json"))
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    assert sorted(names.values()) == ["knight", "slime"]
    found = {image["sprite"]["id"]: coco.loadAnns(coco.getAnnIds(image["id"])) for image in coco.dataset["images"]}
    assert {key: [names[one["category_id"]] for one in marks] for key, marks in found.items()} == {
        key: [name] for key, name in wanted.items()
    }


def test_webdataset_gets_numbers(workspace, version, wanted, tmp_path):
    exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "x", format="webdataset", classes=CLASSES, captions=True
    )
    classes = json.loads((tmp_path / "x" / "export.json").read_bytes())["classes"]
    samples: dict[str, dict[str, bytes]] = {}
    for shard in (tmp_path / "x").glob("*.tar"):
        with tarfile.open(shard) as archive:
            for member in archive:
                stem, _, suffix = member.name.partition(".")
                samples.setdefault(stem, {})[suffix] = archive.extractfile(member).read()
    assert {json.loads(one["json"])["id"]: classes[int(one["cls"])] for one in samples.values()} == wanted
    assert all(one["txt"].decode().strip() for one in samples.values())


def test_fiftyone_gets_a_label(workspace, version, wanted, tmp_path):
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="fiftyone", classes=CLASSES)
    declared = json.loads((tmp_path / "x" / "metadata.json").read_bytes())["sample_fields"]
    samples = json.loads((tmp_path / "x" / "samples.json").read_bytes())["samples"]
    assert {sample["sprite_id"]: sample["ground_truth"]["label"] for sample in samples} == wanted
    assert all(set(sample) == set(declared) for sample in samples)


@pytest.mark.parametrize("pictures", ["copy", "link", "render"])
@pytest.mark.parametrize("form", ["imagefolder", "jsonl", "csv", "coco", "fiftyone"])
def test_captions_lie_beside_their_pictures(workspace, version, tmp_path, form, pictures):
    exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "x", format=form, pictures=pictures, captions=True
    )
    found = contents(tmp_path / "x")
    pictures_found = {name for name in found if name.endswith(".png")}
    assert len(pictures_found) == 19
    assert {re.sub("txt$", "png", name) for name in found if name.endswith(".txt")} == pictures_found
    (large,) = (data for name, data in found.items() if "sprite-00001-" in name and name.endswith(".txt"))
    assert large.decode() == "green, large, knight\n"


@pytest.mark.parametrize("form", ["imagefolder", "stylegan", "jsonl"])
def test_exports_with_classes_and_captions_come_back(workspace, version, tmp_path, form):
    out = tmp_path / ("x.zip" if form == "stylegan" else "x")
    words = {"classes": () if form == "jsonl" else CLASSES, "captions": form != "stylegan"}
    exporting.export(
        workspace,
        versions.find_version(workspace),
        out,
        format=form,
        pictures="render" if form == "stylegan" else "copy",
        **words,
    )
    with Workspace.create(tmp_path / "other") as other:
        done = take_back(other, out)
        assert (done.imported, done.decided, done.missing) == (19, 19, ())
        digest = versions.commit(other, "back").digest
        assert digest == version.digest or form == "stylegan"
        tags = sorted(sprite.tags for sprite in other.sprites())
        assert tags == sorted(sprite.tags for sprite in workspace.sprites() if sprite.status != "dropped")


def test_class_folders_and_captions_can_be_imported_as_they_are(workspace, version, wanted, tmp_path):
    exporting.export(
        workspace,
        versions.find_version(workspace),
        tmp_path / "x",
        format="imagefolder",
        pictures="copy",
        classes=CLASSES,
        captions=True,
    )
    for options in (ImportOptions(workers=1, folders_as_tags=True), ImportOptions(workers=1, captions="tags")):
        with Workspace.create(tmp_path / f"other{options.folders_as_tags}") as other:
            summary = import_sources(other, [tmp_path / "x"], options=options)
            assert (summary.imported, summary.captions) == (19, 19)
            found = {sprite.id: sprite.tags for sprite in other.sprites()}
        assert {key: [name for name in CLASSES if name in tags] for key, tags in found.items()} == {
            key: [name] for key, name in wanted.items()
        }


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "parquet"])
def test_without_classes_nothing_speaks_of_them(workspace, version, tmp_path, form):
    pictures = FORMATS[form].pictures[-1]
    out = tmp_path / "x"
    exporting.export(workspace, versions.find_version(workspace), out, format=form, pictures=pictures)
    if out.is_dir():
        described = json.loads((out / "export.json").read_bytes())
        assert not {"classes", "captions"} & described.keys()
        assert not list(out.rglob("*.txt"))
    else:
        with zipfile.ZipFile(out) as archive:
            assert json.loads(archive.read("dataset.json"))["labels"] is None


def test_every_sprite_needs_one_class(workspace, version, tmp_path):
    workspace.apply(Tag([1, 2], add=frozenset({"slime"})))
    workspace.apply(Tag([3], remove=frozenset({"knight"})))
    versions.commit(workspace, "two")
    with pytest.raises(UserError) as told:
        exporting.export(
            workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder", classes=CLASSES
        )
    text = str(told.value)
    assert "1 sprite has none" in text
    assert "2 sprites have several" in text
    assert all(name in text for name in ("sprite-00000.png", "sprite-00001.png", "sprite-00002.png"))
    assert "\n" not in text
    assert not (tmp_path / "x").exists()
    with pytest.raises(UserError, match="knigt"):
        exporting.export(
            workspace, versions.find_version(workspace), tmp_path / "x", format="stylegan", classes=("knigt", *CLASSES)
        )
    with pytest.raises(UserError, match="one class"):
        exporting.export(
            workspace, versions.find_version(workspace), tmp_path / "x", format="stylegan", classes=(EVERY_TAG,)
        )
    workspace.apply(Tag([1, 2], remove=frozenset({"slime", "green, large"})))
    workspace.apply(Tag([3, 10], add=frozenset({"dragon"}), remove=frozenset({"slime", "green, large"})))
    versions.commit(workspace, "three")
    done = exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "x", format="stylegan", classes=(EVERY_TAG,)
    )
    assert done.classes == {"dragon": 2, "knight": 7, "slime": 10}


def test_many_wrong_sprites_are_counted_and_a_few_named(make_workspace, tmp_path):
    workspace = make_workspace(300)
    workspace.apply(Tag([1], add=frozenset({"knight"})))
    versions.commit(workspace, "one")
    with pytest.raises(UserError, match="299 sprites") as told:
        exporting.export(
            workspace, versions.find_version(workspace), tmp_path / "x", format="coco", classes=("knight",)
        )
    assert len(str(told.value)) < 500


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "croissant"])
def test_what_has_no_place_for_classes_says_so(workspace, version, tmp_path, form):
    if FORMATS[form].problem():
        pytest.skip(FORMATS[form].problem())
    with pytest.raises(UserError, match="classes"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format=form, classes=CLASSES)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "croissant", "stylegan"])
def test_what_has_no_place_for_captions_says_so(workspace, version, tmp_path, form):
    if FORMATS[form].problem():
        pytest.skip(FORMATS[form].problem())
    with pytest.raises(UserError, match="captions"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format=form, captions=True)


def test_all_formats_take_what_they_have_a_place_for(workspace, version, tmp_path):
    done = exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "x", format="all", classes=CLASSES, captions=True
    )
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "plain", format="all")
    assert done.classes == {"knight": 8, "slime": 11}
    found, plain = contents(tmp_path / "x"), contents(tmp_path / "plain")
    for name in ("manifest.jsonl", "manifest.csv", "croissant/sprites.csv", "croissant/croissant.json"):
        assert found[name] == plain[name]
    captioned = {name.split("/")[0] for name in found if name.endswith(".txt")}
    assert captioned == {"imagefolder", "coco", "fiftyone"}
    # An export of the same kind replaces it, whatever it holds.
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="all", force=True)
    assert contents(tmp_path / "x") == plain


ODD = ("a/b", "a\\b", "con", "Knight", "knight", "..", ".hidden", "__x", "x?", "x*", "飞龙", "é" * 100, "dot.")


def test_a_class_may_have_any_name(make_workspace, tmp_path):
    workspace = make_workspace(len(ODD))
    for seq, name in enumerate(ODD, start=1):
        workspace.apply(Tag([seq], add=frozenset({name})))
    versions.commit(workspace, "one")
    done = exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder", classes=ODD
    )
    folders = [path.name for path in tmp_path.glob("x/*/*") if path.is_dir()]
    assert {*done.classes} == {*ODD}
    assert len({name.casefold() for name in folders}) == len(ODD)
    for name in folders:
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
        assert not name.startswith((".", "_"))
        assert not name.endswith((".", " "))
        assert len(name.encode()) <= 255
        assert name.casefold() != "con"
    rows = []
    for path in tmp_path.glob("x/*/metadata.jsonl"):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            assert (path.parent / row["file_name"]).is_file()
            rows.append(row)
    assert {row["label"] for row in rows} == {*ODD}
    with Workspace.create(tmp_path / "other") as other:
        assert take_back(other, tmp_path / "x").decided == len(ODD)


@pytest.mark.parametrize("name", ["test", "dev team", "x-eval", "val.1", "train"])
def test_a_class_that_datasets_would_take_for_a_split(workspace, version, tmp_path, name):
    workspace.apply(Tag(list(KNIGHTS), add=frozenset({name}), remove=frozenset({"knight"})))
    versions.commit(workspace, "two")
    with pytest.raises(UserError, match="split"):
        exporting.export(
            workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder", classes=(name, "slime")
        )
    assert (
        exporting.export(
            workspace, versions.find_version(workspace), tmp_path / "x", format="stylegan", classes=(name, "slime")
        ).classes[name]
        == 8
    )


def test_a_list_of_classes() -> None:
    assert parse_classes(" a , b,,c ") == ("a", "b", "c")
    assert parse_classes("*") == (EVERY_TAG,)
    for text in ("", " , ", "a\nb", "x" * 101):
        with pytest.raises(UserError):
            parse_classes(text)
