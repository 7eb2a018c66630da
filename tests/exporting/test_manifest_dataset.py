"""ManifestDataset, as a training script uses it with torch's data loader."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from small_workspaces import add_sprites
from torch.utils.data import DataLoader
from torchvision.datasets import VisionDataset

from gandam_studio.core import exporting, versions
from gandam_studio.core.runs.datasets import prepare
from gandam_studio.core.versions.pictures import picture_of
from gandam_studio.core.workspace.edits import Drop, Flip, Rotate, SetCrop, SetFacing, Tag
from trainer.manifest_dataset import ManifestDataset
from trainer.protocol.manifest import read_manifest
from trainer.protocol.recipe import Recipe


@pytest.fixture
def version(workspace):
    workspace.apply(Tag([1, 2, 3], frozenset({"robot"})))
    workspace.apply(Tag([3, 4], frozenset({"blue"})))
    workspace.apply(SetFacing([1, 2], "left"))
    workspace.apply(Flip([2, 5, 6]))
    workspace.apply(Rotate([5, 7], 1))
    workspace.apply(SetCrop([6, 7], (1, 2, 6, 9)))
    workspace.apply(Drop([20], "text"))
    return versions.commit(workspace, "x")


def entries(workspace, version) -> dict:
    return {entry.id: entry for entry in read_manifest(workspace.manifest_path(version.digest))}


def to_tensor(picture) -> torch.Tensor:
    return torch.from_numpy(np.array(picture))


@pytest.fixture(params=["imagefolder", "jsonl", "workspace"])
def root(request, workspace, version, tmp_path):
    if request.param == "workspace":
        prepare(workspace, version)
        return workspace.folder
    exporting.export(workspace, version, tmp_path / "out", format=request.param, pictures="render")
    return tmp_path / "out"


def test_two_workers_load_every_picture_and_its_tags(root, workspace, version) -> None:
    dataset = ManifestDataset(root, target="tags", transform=to_tensor)
    assert isinstance(dataset, VisionDataset)
    known = entries(workspace, version)
    assert sorted(dataset.ids) == sorted(known)
    assert dataset.tags == ("blue", "robot")
    loader = DataLoader(dataset, batch_size=4, num_workers=2)
    pictures, tags = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert pictures.shape == (19, workspace.recipe.size, workspace.recipe.size, 3)
    assert pictures.dtype == torch.uint8
    assert tags.tolist() == [[float(tag in known[id].tags) for tag in dataset.tags] for id in dataset.ids]
    alone = torch.stack([dataset[row][0] for row in range(len(dataset))])
    assert torch.equal(pictures, alone)
    assert len({picture.numpy().tobytes() for picture in pictures}) == 19


def test_all_roots_give_the_same_pictures(workspace, version, tmp_path) -> None:
    prepare(workspace, version)
    exporting.export(workspace, version, tmp_path / "a", format="imagefolder")
    exporting.export(workspace, version, tmp_path / "b", format="jsonl", pictures="render")
    found = []
    for root in (workspace.folder, tmp_path / "a", tmp_path / "b"):
        dataset = ManifestDataset(root)
        found.append({id: np.asarray(dataset[row][0]).tobytes() for row, id in enumerate(dataset.ids)})
    assert found[0] == found[1] == found[2]


def test_a_worker_that_is_spawned_maps_the_array_itself(workspace, version) -> None:
    prepare(workspace, version)
    dataset = ManifestDataset(workspace.folder, target="id", transform=to_tensor)
    assert dataset[0][1] == dataset.ids[0]  # mapped here, before the worker is started
    loader = DataLoader(dataset, batch_size=5, num_workers=1, multiprocessing_context="spawn")
    assert [id for _, ids in loader for id in ids] == dataset.ids
    assert len(pickle.dumps(dataset)) < 20_000


@pytest.mark.parametrize("form", ["imagefolder", "jsonl"])
def test_copied_originals_are_shown_as_decided(workspace, version, tmp_path, form: str) -> None:
    exporting.export(workspace, version, tmp_path / "out", format=form, pictures="copy")
    dataset = ManifestDataset(tmp_path / "out", mode="RGBA")
    known = entries(workspace, version)
    turned = 0
    for (picture, _), id in zip(dataset, dataset.ids, strict=True):
        wanted = picture_of(workspace.originals, known[id])
        assert np.array_equal(np.asarray(picture), wanted)
        turned += wanted.shape != (12, 10, 4)
    assert turned == 3


def test_splits_and_targets(root, workspace, version) -> None:
    known = entries(workspace, version)
    whole = ManifestDataset(root)
    for split in ("train", "held-out"):
        part = ManifestDataset(root, split=split)
        assert part.ids == [id for id in whole.ids if known[id].split == split]
        assert part.tags == whole.tags
        assert len(part) == len(part.weights)
    by_class = ManifestDataset(root, target="class", classes=["blue", "robot"])
    wanted = ["blue" if "blue" in known[id].tags else "robot" if "robot" in known[id].tags else "" for id in whole.ids]
    names = (*by_class.classes, "")
    assert [names[by_class[row][1]] for row in range(len(by_class))] == wanted
    facing = ManifestDataset(root, target="facing", target_transform=lambda number: -number)
    assert [facing.classes[-target] for _, target in facing] == [known[id].facing for id in facing.ids]


def test_transparent_pixels_lie_on_the_background(workspace, version, tmp_path) -> None:
    recipe = Recipe(size=32, background="alpha")
    exporting.export(workspace, version, tmp_path / "out", format="imagefolder", recipe=recipe)
    plain = ManifestDataset(tmp_path / "out", background=(10, 20, 30))[0][0]
    assert plain.mode == "RGB"
    assert plain.getpixel((0, 0)) == (10, 20, 30)
    assert ManifestDataset(tmp_path / "out", mode="RGBA")[0][0].getpixel((0, 0))[3] == 0


def test_a_version_of_a_workspace_is_chosen(workspace, version) -> None:
    prepare(workspace, version)
    add_sprites(workspace, [100, 101])
    second = versions.commit(workspace, "more")
    assert len(ManifestDataset(workspace.folder)) == 19
    with pytest.raises(ValueError, match="v2"):
        ManifestDataset(workspace.folder, version="v2")
    prepare(workspace, second, Recipe(size=32))
    prepare(workspace, second)
    assert len(ManifestDataset(workspace.folder)) == 21
    assert ManifestDataset(workspace.folder)[0][0].size == (workspace.recipe.size,) * 2
    assert len(ManifestDataset(workspace.folder, version="v1")) == 19
    assert len(ManifestDataset(workspace.folder, version=second.digest[:12])) == 21


def test_what_cannot_be_read_is_named(workspace, version, tmp_path) -> None:
    out = tmp_path / "out"
    exporting.export(workspace, version, out, format="jsonl", pictures="render")
    for wrong in ({"split": "test"}, {"target": "label"}, {"mode": "L"}, {"target": "class"}, {"classes": ["a"]}):
        with pytest.raises(ValueError, match=r"must be one of|go together"):
            ManifestDataset(out, **wrong)
    with pytest.raises(ValueError, match="no export"):
        ManifestDataset(tmp_path)
    next((out / "pictures").iterdir()).unlink()
    with pytest.raises(ValueError, match="lacks the picture"):
        ManifestDataset(out)


def test_paths_do_not_lead_out_of_the_export(workspace, version, tmp_path) -> None:
    exporting.export(workspace, version, tmp_path / "out", format="imagefolder")
    lines = (tmp_path / "out" / "train" / "metadata.jsonl").read_text().splitlines()
    row = json.loads(lines[0]) | {"file_name": "../../secret.png"}
    (tmp_path / "out" / "train" / "metadata.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]))
    with pytest.raises(ValueError, match="leads out"):
        ManifestDataset(tmp_path / "out")
