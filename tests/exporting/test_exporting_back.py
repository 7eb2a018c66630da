"""Exports imported again give the same pictures and decisions."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_workspaces import png_bytes, sprite_pixels

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import read_export, take_back
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.versions import files
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, Keep, SetCrop, SetFacing, SetSetting, SetValues, Tag
from trainer.protocol.manifest import ManifestEntry, manifest_bytes, read_manifest
from trainer.protocol.recipe import Recipe


@pytest.fixture
def version(workspace):
    workspace.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    workspace.apply(Drop([1], "text"))
    workspace.apply(Flip([5]))
    workspace.apply(SetFacing([5, 6], "left"))
    workspace.apply(SetCrop([9], (1, 1, 8, 9)))
    workspace.apply(Tag([7, 8], add=frozenset({"tank", "a, b"})))
    workspace.apply(Keep([12]))
    workspace.apply(SetValues({"family": {13: "zaku"}, "weight": {14: 0.5}, "split": {15: "held-out"}}, "x"))
    return versions.commit(workspace, "one")


@pytest.mark.parametrize(("form", "pictures"), [("jsonl", "copy"), ("jsonl", "link"), ("imagefolder", "copy")])
def test_originals_come_back_to_the_same_digest(workspace, version, tmp_path, form, pictures):
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format=form, pictures=pictures)
    with Workspace.create(tmp_path / "other") as other:
        done = take_back(other, tmp_path / "x")
        assert (done.imported, done.decided, done.missing) == (19, 19, ())
        assert versions.commit(other, "back").digest == version.digest
        other.undo()
        assert other.counts().flipped == 0


@pytest.mark.parametrize("form", ["imagefolder", "stylegan"])
def test_rendered_pictures_come_back_as_shown(workspace, version, tmp_path, form):
    out = tmp_path / ("x.zip" if form == "stylegan" else "x")
    exporting.export(workspace, versions.find_version(workspace), out, format=form, pictures="render")
    with Workspace.create(tmp_path / "other") as other:
        done = take_back(other, out)
        assert (done.imported, done.decided) == (19, 19)
        back = {entry.source: entry for entry in files.manifest_entries(other, versions.commit(other, "back"))}
        for entry in files.manifest_entries(workspace, version):
            found = back[entry.source]
            for name in ("facing", "tags", "status", "family", "weight", "split"):
                assert getattr(found, name) == getattr(entry, name), name
            assert (found.flip, found.crop, found.width) == (False, None, 32)
        seq = other.resolve("sprite-00004.png")
        from gandam_studio.core.pictures.rendering import composite, render

        shown = render(workspace.picture(workspace.sprite(5)), Recipe(size=32))
        assert np.array_equal(composite(other.pixels(other.sprite(seq)), (255, 255, 255)), shown)


def test_a_manifest_alone_decides_over_what_is_there(workspace, make_workspace, version, tmp_path):
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "m.jsonl")
    other = make_workspace(list(range(30, 3, -1)), "other")
    done = take_back(other, tmp_path / "m.jsonl")
    assert (done.imported, done.decided, len(done.missing)) == (0, 16, 3)
    assert other.sprite(other.resolve("sprite-00004.png")).flipped
    with pytest.raises(UserError, match="none of the 19"):
        take_back(make_workspace([900], "third"), tmp_path / "m.jsonl")


def test_what_is_no_export_is_told(tmp_path, workspace, version):
    (tmp_path / "a.txt").write_text("hello\n")
    with pytest.raises(UserError, match=r"a\.txt cannot be read as an export"):
        read_export(tmp_path / "a.txt")
    with pytest.raises(UserError, match="cannot be read"):
        read_export(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError):
        read_export(tmp_path / "empty")


def test_files_of_equal_pixels_in_either_order(tmp_path):
    """The first file by name is given, regardless of the order of import."""
    rgba = sprite_pixels(3)
    (tmp_path / "art").mkdir()
    for name in ("b.png", "a.png"):
        (tmp_path / "art" / name).write_bytes(png_bytes(rgba))
    digests = []
    for order in (("a.png", "b.png"), ("b.png", "a.png")):
        with Workspace.create(tmp_path / "".join(order)) as workspace:
            for name in order:
                import_sources(workspace, [tmp_path / "art" / name], options=ImportOptions(workers=1))
            version = versions.commit(workspace, "x")
            digests.append(version.digest)
            assert [entry.source for entry in files.manifest_entries(workspace, version)] == ["a.png"]
    assert digests[0] == digests[1]


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
entries = st.builds(
    ManifestEntry,
    id=st.integers(0, 2**256 - 1).map(lambda n: f"{n:064x}"),
    source=names,
    source_digest=st.integers(0, 2**256 - 1).map(lambda n: f"{n:064x}"),
    width=st.integers(1, 4000),
    height=st.integers(1, 4000),
    part=st.sampled_from(["", "frame=3", "region=0,0,16,16"]),
    crop=st.none() | st.tuples(*[st.integers(1, 500)] * 4),
    rotation=st.integers(0, 3),
    flip=st.booleans(),
    facing=st.sampled_from(["left", "right", "front", "unknown"]),
    tags=st.lists(names, max_size=4).map(lambda tags: tuple(sorted(set(tags)))),
    status=st.sampled_from(["undecided", "kept"]),
    family=st.just("") | names,
    weight=st.floats(0.000001, 1000).map(lambda x: round(x, 6)),
    split=st.sampled_from(["train", "held-out"]),
)


@given(st.lists(entries, max_size=8, unique_by=lambda entry: entry.id))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_manifest_reads_back(tmp_path: Path, made):
    path = tmp_path / "m.jsonl"
    path.write_bytes(manifest_bytes(made))
    read = list(read_manifest(path))
    assert read == sorted(made, key=lambda entry: entry.id)
    assert manifest_bytes(read) == path.read_bytes()


def test_a_bad_line_is_named_by_its_number(workspace, version, tmp_path):
    exporting.export(workspace, version, tmp_path / "x", format="imagefolder", pictures="copy")
    lists = tmp_path / "x" / "train" / "metadata.jsonl"
    lines = lists.read_bytes().splitlines(keepends=True)
    lists.write_bytes(lines[0] + b"{\n" + b"".join(lines[2:]))
    with pytest.raises((UserError, ValueError), match=r"metadata\.jsonl, line 2\b"):
        read_export(tmp_path / "x")


def test_a_bad_sprite_of_a_zip_is_named_by_its_number(workspace, version, tmp_path):
    exporting.export(workspace, version, tmp_path / "x.zip", format="stylegan")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(held["dataset.json"])
    description["sprites"][1]["facing"] = "up"
    held["dataset.json"] = json.dumps(description).encode()
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    with pytest.raises((UserError, ValueError), match=r"dataset\.json, sprite 2\b"):
        read_export(tmp_path / "y.zip")
