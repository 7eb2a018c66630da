"""Each format is opened by its tool, if installed."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core import exporting, versions
from gandam_studio.core.pictures.rendering import render
from gandam_studio.core.versions import rendering_pool
from gandam_studio.core.workspace.edits import Drop, Flip, SetCrop, SetFacing, SetSetting, SetValues, Tag
from trainer.protocol.manifest import read_manifest
from trainer.protocol.recipe import Recipe


@pytest.fixture
def version(workspace):
    workspace.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    workspace.apply(Drop([1], "text"))
    workspace.apply(Flip([5]))
    workspace.apply(SetFacing([5, 6], "left"))
    workspace.apply(Tag([7, 8], add=frozenset({"tank"})))
    workspace.apply(
        SetValues({"split": {seq: "held-out" if seq in (10, 11) else "train" for seq in range(2, 21)}}, "x")
    )
    return versions.commit(workspace, "one")


def expected(workspace, seq):
    """The picture of a sprite, rendered by the recipe."""
    return render(workspace.picture(workspace.sprite(seq)), Recipe(size=32))


def test_hugging_face_loads_the_imagefolder(workspace, version, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))
        assert {name: len(split) for name, split in found.items()} == {"train": 17, "test": 2}
        flipped = next(row for row in found["train"] if row["flip"])
        tank = [row for row in found["train"] if json.loads(row["tags"]) == ["tank"]]
        assert {row["id"] for row in found["test"]} == {workspace.sprite(10).id, workspace.sprite(11).id}
    assert np.array_equal(np.asarray(flipped["image"].convert("RGB")), expected(workspace, 5))
    assert flipped["facing"] == "left"
    assert len(tank) == 2


def test_hugging_face_loads_the_parquet_with_pictures(workspace, version, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "x.parquet", format="parquet", pictures="render"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = datasets.load_dataset(
            "parquet", data_files=str(tmp_path / "x.parquet"), split="train", cache_dir=str(tmp_path / "cache")
        )
        flipped = next(row for row in found if row["flip"])
    assert np.array_equal(np.asarray(flipped["image"].convert("RGB")), expected(workspace, 5))


def test_webdataset_reads_the_shards(workspace, version, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="webdataset")
    assert sorted(path.name for path in (tmp_path / "x").glob("*.tar")) == ["held-out-000000.tar", "train-000000.tar"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shard = str(tmp_path / "x" / "train-000000.tar")
        samples = list(webdataset.WebDataset(shard, shardshuffle=False).decode("rgb8"))
    assert len(samples) == 17
    flipped = next(sample for sample in samples if sample["json"]["flip"])
    assert np.array_equal(flipped["png"], expected(workspace, 5))
    assert flipped["cls"] == 0


def test_webdataset_begins_a_new_shard_when_one_is_full(workspace, version, tmp_path, monkeypatch):
    from gandam_studio.core.exporting import webdataset

    monkeypatch.setattr(webdataset, "SAMPLES_A_SHARD", 5)
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="webdataset")
    assert len(list((tmp_path / "x").glob("train-*.tar"))) == 4


def test_mlcroissant_validates_and_reads(workspace, version, tmp_path, monkeypatch):
    croissant = pytest.importorskip("mlcroissant")
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path / "cache"))
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="croissant")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = croissant.Dataset(str(tmp_path / "x" / "croissant.json"))
        assert dataset.metadata.ctx.issues.errors == set()
        records = list(dataset.records("sprites"))
    assert len(records) == 19
    flipped = next(record for record in records if record["sprites/id"] == workspace.sprite(5).id.encode())
    assert np.array_equal(np.asarray(flipped["sprites/image"].convert("RGB")), expected(workspace, 5))


def test_coco_api_reads_the_annotations(workspace, version, tmp_path):
    coco_api = pytest.importorskip("pycocotools.coco")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="coco")
    coco = coco_api.COCO(str(tmp_path / "x" / "annotations.json"))
    (tank,) = coco.getCatIds(catNms=["tank"])
    (left,) = coco.getCatIds(catNms=["facing-left"])
    assert len(coco.getImgIds()) == 19
    assert len(coco.getImgIds(catIds=[tank])) == 2
    assert len(coco.getImgIds(catIds=[left])) == 2
    for annotation in coco.loadAnns(coco.getAnnIds()):
        x, y, w, h = annotation["bbox"]
        assert 0 <= x < x + w <= 32
        assert 0 <= y < y + h <= 32


def test_torchvision_reads_the_coco_folder(workspace, version, tmp_path):
    pytest.importorskip("pycocotools")
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    from torchvision.datasets import CocoDetection

    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="coco")
    found = CocoDetection(str(tmp_path / "x"), str(tmp_path / "x" / "annotations.json"))
    assert len(found) == 19
    picture, annotations = found[0]
    assert picture.size == (32, 32)
    assert annotations


class StyleganFolder:
    """A reader for StyleGAN data set zips by its documentation.

    Every PNG or JPEG member is a picture; all have one shape, square, RGB or grey; labels are a list of
    [member, integer] for every picture, or null.
    """

    def __init__(self, path) -> None:
        self.archive = zipfile.ZipFile(path)
        self.names = sorted(name for name in self.archive.namelist() if name.endswith((".png", ".jpg")))
        if len({self.read(name).shape for name in self.names}) != 1:
            raise ValueError("the pictures differ in shape")
        self.shape = self.read(self.names[0]).shape
        if self.shape[0] != self.shape[1] or len(self.shape) != 3 or self.shape[2] != 3:
            raise ValueError(f"{self.shape} is not square RGB")
        if self.shape[0] & (self.shape[0] - 1):
            raise ValueError("the side is not a power of two")
        self.labels = json.loads(self.archive.read("dataset.json"))["labels"]

    def read(self, name) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.archive.read(name))))


@pytest.mark.parametrize("background", ["white", "alpha"])
def test_stylegan_zip(workspace, version, tmp_path, background):
    exporting.export(
        workspace,
        versions.find_version(workspace),
        tmp_path / "x.zip",
        format="stylegan",
        recipe=Recipe(size=32, background=background),
    )
    found = StyleganFolder(tmp_path / "x.zip")
    assert found.shape == (32, 32, 3)
    assert len(found.names) == 19
    assert found.labels is None
    sprites = json.loads(found.archive.read("dataset.json"))["sprites"]
    flipped = next(row for row in sprites if row["flip"])
    assert np.array_equal(found.read(flipped["file_name"]), expected(workspace, 5))
    assert {info.compress_type for info in found.archive.infolist()} == {zipfile.ZIP_STORED}
    found.archive.close()


def fits(value, field) -> bool:
    """Whether a value in samples.json is valid for a field of FiftyOne declared like this."""
    kind, _, inner = field.rpartition(")")[0].partition("(") if field.endswith(")") else (field, "", "")
    kind = kind.rpartition(".")[2]
    if value is None:
        return True
    if kind == "ListField":
        return isinstance(value, list) and all(fits(item, inner) for item in value)
    if kind == "EmbeddedDocumentField":
        return value["_cls"] == inner.rpartition(".")[2]
    wanted = {"StringField": str, "IntField": int, "FloatField": float, "BooleanField": bool}[kind]
    return type(value) is wanted


@pytest.mark.parametrize("pictures", ["render", "copy"])
def test_fiftyone_folder(workspace, version, tmp_path, pictures):
    """The files that FiftyOne's importer reads, by its documentation of FiftyOneDataset on disk."""
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="fiftyone", pictures=pictures)
    metadata = json.loads((tmp_path / "x" / "metadata.json").read_bytes())
    samples = json.loads((tmp_path / "x" / "samples.json").read_bytes())["samples"]
    assert metadata["media_type"] == "image"
    assert "version" not in metadata
    assert len(samples) == 19
    for sample in samples:
        with Image.open(tmp_path / "x" / sample["filepath"]) as picture:
            assert picture.size == (sample["metadata"]["width"], sample["metadata"]["height"])
            assert sample["metadata"]["num_channels"] in (None, len(picture.getbands()))
            assert sample["metadata"]["mime_type"] == picture.get_format_mimetype()
        # A sample with a field that is not declared is refused; one of the wrong type too.
        assert set(sample) == set(metadata["sample_fields"])
        assert all(fits(value, metadata["sample_fields"][name]) for name, value in sample.items())
    assert [sample["tags"] for sample in samples if sample["split"] == "held-out"] == [["test"], ["test"]]


def test_fiftyone_itself_loads_the_folder(workspace, version, tmp_path):
    """FiftyOne needs a MongoDB server and other versions of much: GANDAM_FIFTYONE_PYTHON names an interpreter that
    has it, FIFTYONE_DATABASE_URI the server where it ships none.
    """
    python = os.environ.get("GANDAM_FIFTYONE_PYTHON")
    if not python:
        pytest.skip("GANDAM_FIFTYONE_PYTHON names no interpreter that has FiftyOne")
    workspace.apply(SetCrop([9], (1, 1, 8, 9)))
    cropped = versions.commit(workspace, "two")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="fiftyone")
    script = Path(__file__).with_name("load_with_fiftyone.py")
    done = subprocess.run(
        [python, str(script), str(tmp_path / "x")],
        capture_output=True,
        text=True,
        timeout=300,
        # Its settings and caches go nowhere near the person's own; nor does it see our packages.
        env={**os.environ, "HOME": str(tmp_path / "home"), "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    wanted = {entry.id: entry for entry in read_manifest(workspace.manifest_path(cropped.digest))}
    assert len(found["samples"]) == len(wanted) == 19
    for sample in found["samples"]:
        entry = wanted[sample["id"]]
        assert sample["facing"] == entry.facing
        assert sample["tags"] == [*entry.tags, "test" if entry.split == "held-out" else "train"]
        assert sample["crop"] == (list(entry.crop) if entry.crop else None)
        assert (sample["weight"], sample["size"], sample["there"]) == (1.0, [32, 32], True)
    assert found["held_out"] == 2
    assert found["info"]["digest"] == cropped.digest
    assert found["fields"]["crop"].endswith("ListField(fiftyone.core.fields.IntField)")


def test_all_formats_side_by_side(workspace, version, tmp_path):
    done = exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="all")
    names = {path.name for path in (tmp_path / "x").iterdir()}
    wanted = {form.path for form in exporting.FORMATS.values()} | {"export.json"}
    assert wanted > {"manifest.jsonl", "imagefolder", "stylegan.zip", "pngs"}
    assert names | {"manifest.parquet"} == wanted
    assert set(done.skipped) == wanted - names - {"export.json"} or set(done.skipped) == {"parquet"}
    with pytest.raises(Exception, match="exists"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="all")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="all", force=True)


def test_pictures_rendered_in_processes_are_the_same(workspace, version, tmp_path, monkeypatch):
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "alone.zip", format="stylegan")
    monkeypatch.setattr(rendering_pool, "WORTH_PROCESSES", 10)
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "together.zip", format="stylegan")
    assert (tmp_path / "alone.zip").read_bytes() == (tmp_path / "together.zip").read_bytes()


def test_another_recipe_reaches_every_format(workspace, version, tmp_path):
    exporting.export(
        workspace,
        versions.find_version(workspace),
        tmp_path / "x",
        format="all",
        recipe=Recipe(size=64, background="detected"),
    )
    found = StyleganFolder(tmp_path / "x" / "stylegan.zip")
    assert found.shape == (64, 64, 3)
    found.archive.close()
    with Image.open(next((tmp_path / "x" / "coco" / "pictures").iterdir())) as picture:
        assert picture.size == (64, 64)
