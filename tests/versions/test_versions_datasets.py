"""Prepared data sets: the trainer's array is a function of version and recipe."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.pictures.rendering import longest_side, render
from gandam_studio.core.runs import datasets
from gandam_studio.core.runs.datasets import prepare
from gandam_studio.core.versions import rendering_pool
from gandam_studio.core.workspace.edits import Drop, Flip, SetCrop, SetSetting, SetValues, Tag
from trainer.protocol.recipe import Recipe


@pytest.fixture
def version(workspace):
    workspace.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    workspace.apply(Drop([1, 2], "text"))
    workspace.apply(Flip([5]))
    workspace.apply(Tag([6], add=frozenset({"red"})))
    workspace.apply(SetValues({"family": {7: "zaku"}, "weight": {8: 0.25}}, "x"))
    return versions.commit(workspace, "one")


def test_array_and_description(workspace, version):
    prepared = prepare(workspace, version)
    pixels = np.load(prepared.pixels_path, allow_pickle=False)
    info = prepared.info()
    assert pixels.shape == (18, 32, 32, 3)
    assert pixels.dtype == np.uint8
    assert prepared.count == 18
    assert info["ids"] == sorted(info["ids"])
    assert info["sha256"] == hashlib.sha256(prepared.pixels_path.read_bytes()).hexdigest()
    assert (info["manifest"], info["recipe"], info["background"]) == (
        version.digest,
        Recipe(size=32).to_json(),
        [255, 255, 255],
    )
    at = {seq: info["ids"].index(workspace.sprite(seq).id) for seq in (5, 6, 7, 8)}
    assert info["tags"][at[6]] == ["red"]
    assert info["family"][at[7]] == "zaku"
    assert info["weights"][at[8]] == 0.25
    expected = render(workspace.picture(workspace.sprite(5)), Recipe(size=32))
    assert np.array_equal(pixels[at[5]], expected)
    assert not np.array_equal(pixels[at[5]], expected[:, ::-1])


def test_cached_and_deterministic(workspace, version):
    first = prepare(workspace, version)
    stamp = first.pixels_path.stat().st_mtime_ns
    data = first.pixels_path.read_bytes(), first.info_path.read_bytes()
    assert prepare(workspace, version).pixels_path.stat().st_mtime_ns == stamp
    for path in (first.pixels_path, first.info_path):
        path.unlink()
    first.pixels_path.parent.rmdir()
    second = prepare(workspace, version)
    assert (second.pixels_path.read_bytes(), second.info_path.read_bytes()) == data


def test_later_decisions_do_not_reach_an_older_version(workspace, version):
    before = prepare(workspace, version, Recipe(size=64, background="alpha"))
    data = before.pixels_path.read_bytes()
    workspace.apply(Flip(range(1, 21)))
    before.pixels_path.write_bytes(data[:200])  # damaged: made again
    again = prepare(workspace, version, Recipe(size=64, background="alpha"))
    assert again.pixels_path.read_bytes() == data
    assert np.load(again.pixels_path).shape == (18, 64, 64, 4)


def test_a_flipped_bit_or_a_half_written_cache_is_made_again(workspace, version):
    prepared = prepare(workspace, version)
    data = prepared.pixels_path.read_bytes()
    flipped = bytearray(data)
    flipped[-7] ^= 1  # The same header, shape and size.
    prepared.pixels_path.write_bytes(flipped)
    assert prepare(workspace, version).pixels_path.read_bytes() == data
    prepared.info_path.write_bytes(prepared.info_path.read_bytes()[:40])
    assert prepare(workspace, version).pixels_path.read_bytes() == data
    prepared.info_path.unlink()
    assert prepare(workspace, version).info()["sha256"] == hashlib.sha256(data).hexdigest()
    assert [path.name for path in prepared.pixels_path.parent.parent.iterdir()] == [prepared.pixels_path.parent.name]


def test_the_cache_is_keyed_by_digest_and_recipe(workspace, version):
    small = prepare(workspace, version)
    workspace.apply(Flip([5]))
    workspace.apply(Flip([5]))
    same = versions.commit(workspace, "the same again")
    assert prepare(workspace, same).pixels_path == small.pixels_path
    assert prepare(workspace, version, Recipe(size=64)).pixels_path != small.pixels_path
    workspace.apply(Drop([9], "text"))
    assert prepare(workspace, versions.commit(workspace, "another")).pixels_path != small.pixels_path


def test_held_out_share(make_workspace):
    workspace = make_workspace(150)
    version = versions.commit(workspace, "x")
    none = prepare(workspace, version, Recipe(size=32), held_out=0.0).info()["split"]
    half = prepare(workspace, version, Recipe(size=32), held_out=0.5).info()["split"]
    assert set(none) == {"train"}
    assert 50 < half.count("held-out") < 100


def test_processes_render_the_same(make_workspace, monkeypatch):
    workspace = make_workspace(300)
    version = versions.commit(workspace, "x")
    alone = prepare(workspace, version, Recipe(size=32))
    data = alone.pixels_path.read_bytes()
    alone.info_path.unlink()
    monkeypatch.setattr(rendering_pool, "WORTH_PROCESSES", 10)
    monkeypatch.setattr(datasets, "RENDERING", -1)
    together = prepare(workspace, version, Recipe(size=32))
    assert together.count == 300
    assert together.pixels_path.read_bytes() == data


@pytest.fixture
def rendering(make_workspace, monkeypatch):
    """`rendering(command)`: the bytes of 300 pictures, rendered by processes of this command; None for this process."""
    workspace = make_workspace(300)
    version = versions.commit(workspace, "x")

    def render(command: list[str] | None) -> bytes:
        shutil.rmtree(workspace.folder / "datasets", ignore_errors=True)
        if command is not None:
            monkeypatch.setattr(rendering_pool, "WORTH_PROCESSES", 10)
            monkeypatch.setattr(rendering_pool, "worker_count", lambda wanted, most: 2)
            monkeypatch.setattr(rendering_pool, "COMMAND", command)
        return prepare(workspace, version, Recipe(size=32)).pixels_path.read_bytes()

    return render


FRAGILE = [sys.executable, str(Path(__file__).with_name("fragile_renderer.py")), "sprite-00150.png"]


def test_a_process_that_dies_costs_nothing_and_one_picture_that_kills_two_is_named(rendering, tmp_path):
    alone = rendering(None)
    assert rendering([*FRAGILE, str(tmp_path / "mark")]) == alone
    assert (tmp_path / "mark").exists()
    with pytest.raises(UserError, match=r"sprite-00150\.png"):
        rendering([*FRAGILE, ""])


def test_without_processes_pictures_are_rendered_here(rendering):
    alone = rendering(None)
    assert rendering([sys.executable, "-c", "raise SystemExit(3)"]) == alone


def test_detected_background(workspace):
    workspace.connection.execute("UPDATE sprites SET background = '#102030' WHERE seq < 8")
    workspace.connection.execute("UPDATE sprites SET background = '#ffffff' WHERE seq > 18")
    version = versions.commit(workspace, "x")
    prepared = prepare(workspace, version, Recipe(size=32, background="detected"))
    assert prepared.info()["background"] == [16, 32, 48]
    assert np.load(prepared.pixels_path)[0, 0, 0].tolist() == [16, 32, 48]


def test_a_missing_original_is_named_and_nothing_stays(workspace, version):
    sprite = workspace.sprite(9)
    workspace.originals.discard(sprite.blob)
    with pytest.raises(UserError, match=sprite.blob[:12]):
        prepare(workspace, version)
    assert list((workspace.folder / "datasets").iterdir()) == []


def test_cancelling_leaves_nothing(workspace, version):
    class Stops(NullJob):
        def advance(self, count: int = 1) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare(workspace, version, job=Stops())
    assert list((workspace.folder / "datasets").iterdir()) == []


@pytest.mark.parametrize("scale", ["set", "family", "whole"])
@pytest.mark.parametrize("processes", [False, True])
def test_scales_are_those_of_the_whole_version_in_the_array_and_in_exports(
    workspace, tmp_path, monkeypatch, scale, processes
):
    recipe = Recipe(size=32, background="alpha", scale=scale)
    workspace.apply(SetSetting("recipe", recipe.to_json()))
    workspace.apply(SetValues({"family": {3: "zaku", 4: "zaku"}}, "x"))
    workspace.apply(SetCrop([4], (3, 3, 3, 2)))
    committed = versions.commit(workspace, "scaled")
    if processes:
        monkeypatch.setattr(rendering_pool, "WORTH_PROCESSES", 2)
        monkeypatch.setattr(rendering_pool, "CHUNK", 4)
    prepared = prepare(workspace, committed)
    pixels, ids = np.load(prepared.pixels_path), prepared.info()["ids"]
    sides = {seq: longest_side(workspace.picture(workspace.sprite(seq)), recipe) for seq in range(1, 21)}
    groups = {"set": range(1, 21), "family": (3, 4), "whole": ()}[scale]
    longest = max((sides[seq] for seq in groups), default=0)
    for seq in range(1, 21):
        alike = longest if seq in groups else 0
        expected = render(workspace.picture(workspace.sprite(seq)), recipe, longest=alike)
        np.testing.assert_array_equal(pixels[ids.index(workspace.sprite(seq).id)], expected)
    if scale != "whole":
        assert 0 < (pixels[ids.index(workspace.sprite(4).id)][..., 3] > 0).sum() < 32 * 32 // 4
    exporting.export(workspace, committed, tmp_path / "out", format="imagefolder", pictures="render")
    found = sorted((tmp_path / "out").rglob("*.png"))
    assert len(found) == 20
    shown = {np.asarray(Image.open(path)).tobytes() for path in found}
    assert shown == {picture.tobytes() for picture in pixels}
