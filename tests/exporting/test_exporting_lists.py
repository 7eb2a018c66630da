"""jsonl, csv and parquet; targets are replaced completely or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image
from small_workspaces import png_bytes

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import FORMATS, export
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.pictures.rendering import render
from gandam_studio.core.workspace.edits import Drop, Flip, SetCrop, SetSetting, Tag
from trainer.protocol.manifest import ManifestEntry, read_manifest
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy


@pytest.fixture
def version(workspace):
    workspace.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    workspace.apply(Drop([1], "text"))
    workspace.apply(Flip([5]))
    workspace.apply(SetCrop([6], (1, 1, 8, 9)))
    workspace.apply(Tag([7], add=frozenset({'odd, "quoted"', "ünï"})))
    return versions.commit(workspace, "one")


def table_rows(path):
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_jsonl_is_the_manifest(workspace, version, tmp_path):
    done = exporting.export(workspace, versions.find_version(workspace), tmp_path / "m.jsonl")
    assert hashlib.sha256((tmp_path / "m.jsonl").read_bytes()).hexdigest() == version.digest == done.digest
    assert (done.sprites, done.files, done.format, done.pictures) == (19, 1, "jsonl", "none")
    json.dumps(done.to_json())


@pytest.mark.parametrize("form", ["jsonl", "csv", "imagefolder", "webdataset", "coco", "fiftyone", "croissant"])
def test_letters_of_every_language_can_be_read_in_the_file(workspace, version, tmp_path, form: str):
    exporting.export(workspace, version, tmp_path / "x", format=form)
    paths = [tmp_path / "x"] if (tmp_path / "x").is_file() else (tmp_path / "x").rglob("*")
    assert any("ünï".encode() in path.read_bytes() for path in paths if path.is_file())


def test_a_croissant_is_described_by_the_versions_message(workspace, version, tmp_path):
    workspace.apply(Flip([9]))
    described = [version, versions.commit(workspace, "")]
    for made in described:
        exporting.export(workspace, made, tmp_path / made.label, format="croissant")
    one, other = (json.loads((tmp_path / made.label / "croissant.json").read_bytes()) for made in described)
    assert one["description"] == "one"
    assert "v2" in other["description"]


def test_every_line_fits_the_schema(workspace, version, tmp_path, repository):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((repository / "resources" / "manifest.schema.json").read_bytes())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "m.jsonl")
    lines = (tmp_path / "m.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 19
    for line in lines:
        validator.validate(json.loads(line))
    wrong = json.loads(lines[0]) | {"facing": "up"}
    assert not validator.is_valid(wrong)
    assert not validator.is_valid({key: value for key, value in json.loads(lines[0]).items() if key != "id"})


def test_schema_and_entry_name_the_same_fields(repository):
    schema = json.loads((repository / "resources" / "manifest.schema.json").read_bytes())
    line = json.loads(ManifestEntry("a" * 64, "x", "b" * 64, 1, 1).line())
    assert set(schema["properties"]) == set(line)


def test_csv_loses_nothing(workspace, version, tmp_path):
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "m.csv", format="csv")
    rows = table_rows(tmp_path / "m.csv")
    entries = list(read_manifest(workspace.manifest_path(version.digest)))
    assert len(rows) == 19
    for row, entry in zip(rows, entries, strict=True):
        assert (row["id"], row["flip"] == "true", int(row["width"])) == (entry.id, entry.flip, entry.width)
        assert tuple(json.loads(row["tags"])) == entry.tags
        assert (json.loads(row["crop"]) if row["crop"] else None) == (list(entry.crop) if entry.crop else None)


def test_pictures_lie_beside_a_list(workspace, version, tmp_path):
    for pictures in ("copy", "link", "render"):
        out = tmp_path / pictures
        done = exporting.export(workspace, versions.find_version(workspace), out, format="csv", pictures=pictures)
        rows = table_rows(out / "manifest.csv")
        assert done.files == 21  # 19 pictures, the table, the description
        flipped = next(row for row in rows if row["flip"] == "true")
        pixels = np.asarray(Image.open(out / flipped["picture"]))
        sprite = workspace.sprite(workspace.resolve(flipped["id"]))
        if pictures == "render":
            assert np.array_equal(pixels, render(workspace.picture(sprite), Recipe(size=32)))
        else:
            assert np.array_equal(pixels, workspace.pixels(sprite))


def test_a_link_is_made_to_a_large_original_and_a_copy_of_a_packed_one(workspace, version, tmp_path):
    dice = np.random.default_rng(1)
    rgba = np.dstack([dice.integers(0, 256, (160, 160, 3), np.uint8), np.full((160, 160), 255, np.uint8)])
    data = png_bytes(rgba)
    (tmp_path / "large.png").write_bytes(data)
    import_sources(workspace, [tmp_path / "large.png"], options=ImportOptions(workers=1))
    versions.commit(workspace, "with a large one")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "link", format="csv", pictures="link")
    links = {}
    for row in table_rows(tmp_path / "link" / "manifest.csv"):
        picture = tmp_path / "link" / row["picture"]
        assert hashlib.sha256(picture.read_bytes()).hexdigest() == row["source_digest"]
        links[row["source_digest"]] = picture.stat().st_nlink
    large = links.pop(hashlib.sha256(data).hexdigest())
    assert (large, set(links.values()), len(links)) == (2, {1}, 19)


def test_parquet_opens_in_its_tools(workspace, version, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    exporting.export(
        workspace, versions.find_version(workspace), tmp_path / "m.parquet", format="parquet", pictures="render"
    )
    table = pq.read_table(tmp_path / "m.parquet")
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == [e.id for e in read_manifest(workspace.manifest_path(version.digest))]
    assert json.loads(table.schema.metadata[b"gandam"])["digest"] == version.digest
    flipped = next(row for row in rows if row["flip"])
    pixels = np.asarray(Image.open(io.BytesIO(flipped["image"]["bytes"])))
    sprite = workspace.sprite(workspace.resolve(flipped["id"]))
    assert np.array_equal(pixels, render(workspace.picture(sprite), Recipe(size=32)))
    cropped = next(row for row in rows if row["crop"])
    assert cropped["crop"] == [1, 1, 8, 9]


def test_refuses_to_overwrite(workspace, version, tmp_path):
    target = tmp_path / "m.jsonl"
    target.write_text("mine")
    with pytest.raises(UserError, match="exists") as refused:
        exporting.export(workspace, versions.find_version(workspace), target)
    assert refused.value.remedy is Remedy.REPLACE
    assert target.read_text() == "mine"
    exporting.export(workspace, versions.find_version(workspace), target, force=True)
    assert target.stat().st_size > 1000


def test_force_replaces_exports_only(workspace, version, tmp_path):
    precious = tmp_path / "photos"
    precious.mkdir()
    (precious / "holiday.jpg").write_text("x")
    with pytest.raises(UserError, match="exists"):
        exporting.export(workspace, versions.find_version(workspace), precious, format="imagefolder")
    with pytest.raises(UserError, match="holds other files"):
        exporting.export(workspace, versions.find_version(workspace), precious, format="imagefolder", force=True)
    assert (precious / "holiday.jpg").read_text() == "x"
    ours = tmp_path / "ours"
    exporting.export(workspace, versions.find_version(workspace), ours, format="imagefolder")
    stray = ours / "train" / "stray.png"
    stray.write_text("x")
    with pytest.raises(UserError, match=r"holds train/stray\.png"):
        exporting.export(workspace, versions.find_version(workspace), ours, format="imagefolder", force=True)
    assert stray.read_text() == "x"
    stray.unlink()
    exporting.export(workspace, versions.find_version(workspace), ours, format="imagefolder", force=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_never_into_the_workspace(workspace, version):
    for place in (workspace.folder, workspace.folder / "originals" / "x", workspace.folder.parent):
        with pytest.raises(UserError, match="choose another place"):
            exporting.export(workspace, versions.find_version(workspace), place, format="imagefolder", force=True)


def test_wrong_words_are_told(workspace, version, tmp_path):
    with pytest.raises(UserError, match="unknown format 'pdf'; known: pngs, jsonl"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="pdf")
    with pytest.raises(UserError, match="'none'"):
        exporting.export(
            workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder", pictures="none"
        )
    with pytest.raises(UserError, match="must be one of"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", pictures="some")
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="is a file"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "file", format="coco", force=True)
    with pytest.raises(UserError, match="is a folder"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "folder", format="csv", force=True)


@pytest.mark.parametrize("name", FORMATS)
def test_cancelling_leaves_nothing(workspace, version, tmp_path, name):
    class Stops(NullJob):
        def __init__(self) -> None:
            self.left = 7

        def advance(self, count: int = 1) -> None:
            self.left -= count
            if self.left <= 0:
                raise Cancelled

    if FORMATS[name].problem():
        pytest.skip(FORMATS[name].problem())
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(Cancelled):
        export(workspace, version, folder / "x", format=name, job=Stops())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_equal_exports_are_equal_bytes(workspace, version, tmp_path, name):
    if FORMATS[name].problem():
        pytest.skip(FORMATS[name].problem())

    def digests(out):
        exporting.export(workspace, versions.find_version(workspace), out, format=name)
        paths = [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())
        return [(str(path.relative_to(out)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]

    assert digests(tmp_path / "a") == digests(tmp_path / "b")
