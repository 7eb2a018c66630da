"""Untrusted exports: every value is checked, and nothing outside the export is read."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_workspaces import png_bytes, sprite_pixels

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import read_export, take_back
from gandam_studio.core.versions import files
from gandam_studio.core.workspace import Workspace
from trainer.protocol.manifest import ManifestEntry, read_manifest

posix = pytest.mark.skipif(os.name == "nt", reason="needs named pipes and links that anybody may make")

LINE = {
    "id": "ab" * 32, "source": "mecha.png", "source_digest": "cd" * 32, "width": 64, "height": 48, "part": "",
    "crop": [0, 0, 64, 48], "rotation": 3, "flip": True, "facing": "left", "tags": ["b", "a"], "status": "kept",
    "family": "zaku", "weight": 0.5, "split": "held-out",
}  # fmt: skip

BAD = {
    "id": ["", "x", "AB" * 32, "ab" * 31, 3, None, "../../../etc/passwd"],
    "source": [3, None, "x" * 20_000, "a\0b", "a\ud800"],
    "source_digest": ["/etc/passwd", 3, None],
    "width": [0, -1, 2**31, 2**70, 1.5, "64", True, None],
    "height": [0, "48", None],
    "part": ["frame=", "frame=x", "region=1,2", 3, None],
    "crop": [[1, 2], [1], [], [1, 2, 3, 4, 5], [-1, 0, 1, 1], [0, 0, 0, 1], ["0", "0", "1", "1"], [0, 0, 1, 2**70], 7],
    "rotation": ["x", 4, -1, 1.5, True, None, 2**70],
    "flip": [1, "true", None],
    "facing": ["up", "", None, ["left"]],
    "tags": ["tag", [3], [""], ["a\nb"], ["x" * 20_000], {"a": 1}, None, [["a"]]],
    "status": ["dropped", "lost", 1, None],
    "family": [1, None, "x" * 20_000],
    "weight": [0, -1, float("inf"), float("nan"), 1e300, 1e-9, "1", True, None],
    "split": ["validation", "", 1, None],
}


def test_every_field_has_bad_values():
    assert set(BAD) == set(LINE) == set(ManifestEntry.__dataclass_fields__)
    ManifestEntry.from_line(json.dumps(LINE))


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in BAD.items() for v in values])
def test_a_value_outside_its_domain_is_refused_by_name(tmp_path, field, value):
    path = tmp_path / "m.jsonl"
    other = json.dumps({**LINE, "id": "00" * 32})
    path.write_text(f"{other}\n{json.dumps({**LINE, field: value})}\n")
    with pytest.raises(UserError, match="line 2") as refusal:
        read_export(path)
    told = str(refusal.value)
    assert "\n" not in told
    assert len(told) < 500
    assert field in told or "number" in told or "64 bits" in told


@pytest.mark.parametrize("field", ["id", "source", "source_digest", "width", "height"])
def test_a_missing_field_is_named(tmp_path, field):
    (tmp_path / "m.jsonl").write_text(json.dumps({name: value for name, value in LINE.items() if name != field}))
    with pytest.raises(UserError, match=f"line 1: {field} is missing"):
        read_export(tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    "line", ["[]", "3", "null", "[" * 100_000, '{"a": ' * 5000, "{", "\xff", '{"id": NaN}', "{}{}"]
)
def test_what_is_no_line_is_refused(tmp_path, line):
    (tmp_path / "m.jsonl").write_bytes(line.encode("latin-1"))
    with pytest.raises(UserError, match="line 1"):
        read_export(tmp_path / "m.jsonl")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["left", "kept", "train", "frame=1", "ab" * 32]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(sorted(LINE)), json_values), max_size=3), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_line_is_taken_whole_or_refused_whole(workspace, tmp_path, mutations, drop_field):
    """An accepted line is committed unchanged; a refused one changes nothing and gives a one-line error."""
    sprite = workspace.sprite(1)
    plain: dict[str, Any] = {
        **LINE, "id": sprite.id, "source": sprite.name, "source_digest": sprite.blob, "width": sprite.width,
        "height": sprite.height, "crop": None,
    }  # fmt: skip
    line = {**plain, **dict(mutations)}
    if drop_field and mutations:
        line.pop(mutations[0][0])
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(line))
    before = list(workspace.sprites()), workspace.history.last_edit()
    refusal = ""
    try:
        take_back(workspace, path)
    except UserError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        assert (list(workspace.sprites()), workspace.history.last_edit()) == before
        return
    (entry,) = read_manifest(path)
    found = {e.id: e for e in files.manifest_entries(workspace, versions.commit(workspace, "x"))}[sprite.id]
    for name in ("crop", "rotation", "flip", "facing", "status", "split"):
        assert getattr(found, name) == getattr(entry, name)
    assert found.weight == pytest.approx(entry.weight, abs=1e-6)
    assert len(found.tags) <= len(entry.tags)
    assert ManifestEntry.from_line(found.line()) == found


def test_a_crop_that_leaves_the_picture_is_refused_before_anything_is_imported(workspace, tmp_path):
    version = versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="jsonl", pictures="copy")
    lines = (tmp_path / "x" / "manifest.jsonl").read_text().splitlines()
    lines[6] = json.dumps({**json.loads(lines[6]), "crop": [0, 0, 11, 12]})
    (tmp_path / "x" / "manifest.jsonl").write_text("\n".join(lines))
    with Workspace.create(tmp_path / "other") as other:
        with pytest.raises(UserError, match=r"line 7.*crop"):
            take_back(other, tmp_path / "x")
        assert other.counts().total == 0
    lines[6] = json.dumps({**json.loads(lines[6]), "width": 11})
    (tmp_path / "x" / "manifest.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"line 7.*width"):
        take_back(workspace, tmp_path / "x")
    assert versions.commit(workspace, "same").digest == version.digest


def test_a_sprite_listed_twice_is_refused(tmp_path):
    (tmp_path / "m.jsonl").write_text(f"{json.dumps(LINE)}\n" * 2)
    with pytest.raises(UserError, match="twice"):
        read_export(tmp_path / "m.jsonl")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "private" / "secret.png"
    path.parent.mkdir()
    path.write_bytes(png_bytes(sprite_pixels(900)))
    return path


@pytest.mark.parametrize("name", ["../../private/secret.png", "{absolute}", "..\\..\\private\\secret.png", "C:\\x.png"])
def test_file_names_stay_inside_an_imagefolder(workspace, tmp_path, secret, name):
    versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="imagefolder", pictures="copy")
    path = tmp_path / "x" / "train" / "metadata.jsonl"
    first, rest = path.read_text().split("\n", 1)
    name = name.replace("{absolute}", str(secret))
    path.write_text(json.dumps({**json.loads(first), "file_name": name}) + "\n" + rest)
    with Workspace.create(tmp_path / "other") as other:
        with pytest.raises(UserError, match="line 1: file_name"):
            take_back(other, tmp_path / "x")
        assert other.counts().total == 0


@posix
@pytest.mark.parametrize("form", ["jsonl", "imagefolder"])
@pytest.mark.parametrize("whole_folder", [False, True])
def test_links_in_an_export_bring_nothing_from_outside(workspace, tmp_path, secret, form, whole_folder):
    versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format=form, pictures="copy")
    folder = tmp_path / "x" / ("pictures" if form == "jsonl" else "train")
    if whole_folder:
        shutil.copytree(folder, secret.parent, dirs_exist_ok=True)
        shutil.rmtree(folder)
        folder.symlink_to(secret.parent)
    else:
        picture = next(folder.glob("*.png"))
        picture.unlink()
        picture.symlink_to(secret)
    with pytest.raises(UserError, match="out of its folder"):
        read_export(tmp_path / "x")
    # A link to a file of the same export leads nowhere else.
    if not whole_folder:
        picture.unlink()
        moved = tmp_path / "x" / "elsewhere.png"
        next(folder.glob("*.png")).rename(moved)
        picture.symlink_to(moved)
        assert read_export(tmp_path / "x").files


@posix
@pytest.mark.parametrize("name", ["export.json", "manifest.jsonl", "metadata.jsonl"])
def test_pipes_in_an_export_hang_nobody(workspace, tmp_path, name):
    versions.commit(workspace, "one")
    form = "imagefolder" if name == "metadata.jsonl" else "jsonl"
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format=form, pictures="copy")
    path = tmp_path / "x" / ("train/metadata.jsonl" if form == "imagefolder" else name)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError):
        read_export(tmp_path / "x")
    with pytest.raises(UserError):
        read_export(path)


@pytest.mark.parametrize("marker", ["[]", '{"pictures": 3}', "{}", '{"pictures": "steal"}', "{" * 9, "[" * 9999])
def test_a_marker_that_makes_no_sense_is_refused(workspace, tmp_path, marker):
    versions.commit(workspace, "one")
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="jsonl", pictures="copy")
    (tmp_path / "x" / "export.json").write_text(marker)
    with pytest.raises(UserError, match="cannot be read as an export"):
        read_export(tmp_path / "x")


def packed(description: bytes, names: tuple[str, ...] = ()) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b"")
        archive.writestr("dataset.json", description)
    return stream.getvalue()


@pytest.mark.parametrize(
    "description",
    [
        b"[]", b"{", b'{"sprites": 3}', b'{"sprites": [3]}', b'{"sprites": [{}]}', b"[" * 9999, b'{"x": ' + b"1" * 99,
        json.dumps({"sprites": [{**LINE, "file_name": "missing.png"}]}).encode(),
        json.dumps({"sprites": [{**LINE, "file_name": ["a"]}]}).encode(),
        json.dumps({"sprites": [{**LINE, "file_name": "a.png", "rotation": "x"}]}).encode(),
        b" " * (20 << 20) + b"{}",
    ],
)  # fmt: skip
def test_a_zip_that_makes_no_sense_is_refused(tmp_path, description):
    path = tmp_path / "x.zip"
    path.write_bytes(packed(description, ("a.png",)))
    with pytest.raises(UserError) as refusal:
        read_export(path)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_shared_case_of_crops_of_one_number(workspace, shared_data):
    case = shared_data / "cases" / "hostile-input" / "crop_short_all.jsonl"
    if not case.is_file():
        pytest.skip("the shared cases are not on this machine")
    with pytest.raises(UserError, match="line 1: crop"):
        take_back(workspace, case)


def test_an_export_carries_no_altered_bytes(workspace, tmp_path):
    """Exports contain no originals or manifests that do not match their digest, and no files from elsewhere."""
    version = versions.commit(workspace, "one")
    entry = next(files.manifest_entries(workspace, version))
    private = tmp_path / "private.txt"
    private.write_bytes(b"words")
    stolen = ManifestEntry(**{**entry.__dict__, "source_digest": str(private)})
    path = workspace.manifest_path(version.digest)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(stolen.line() + b"".join(lines[1:]))
    for form, pictures in (("jsonl", "none"), ("jsonl", "copy"), ("webdataset", "copy"), ("imagefolder", "copy")):
        with pytest.raises(UserError, match="damaged"):
            exporting.export(
                workspace, versions.find_version(workspace), tmp_path / "x", format=form, pictures=pictures
            )
    path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(UserError, match="damaged"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="csv")
    path.write_bytes(b"".join(lines))
    workspace.connection.execute("UPDATE sprites SET blob = ?", (str(private),))
    with pytest.raises(UserError, match="damaged"):
        versions.commit(workspace, "two")
    assert not (tmp_path / "x").exists()


def test_an_original_of_its_own_file_is_linked_to_only_when_it_is_sound(workspace, tmp_path):
    blob = workspace.sprite(1).blob
    data = workspace.originals.read(blob)
    workspace.originals.discard(blob)
    workspace.originals.put_file(data, blob)
    versions.commit(workspace, "one")
    own = workspace.originals.own_file(blob)
    assert own is not None
    exporting.export(workspace, versions.find_version(workspace), tmp_path / "sound", format="jsonl", pictures="link")
    own.unlink()
    own.write_bytes(data[:-1] + b"x")
    with pytest.raises(UserError, match="changed"):
        exporting.export(workspace, versions.find_version(workspace), tmp_path / "x", format="jsonl", pictures="link")
