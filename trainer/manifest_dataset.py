"""Sprites of a version as a torchvision data set, for training scripts of one's own.

    from torch.utils.data import DataLoader
    from torchvision.transforms import v2
    from trainer.manifest_dataset import ManifestDataset

    dataset = ManifestDataset("exports/imagefolder", split="train", target="tags", transform=v2.ToTensor())
    for pictures, tags in DataLoader(dataset, batch_size=64, shuffle=True, num_workers=2):
        ...

Made by `gandam-studio export-manifest --format imagefolder` (or `jsonl` with `--pictures`); a workspace can be read
itself once a version of it was prepared for training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.datasets import VisionDataset

from trainer.protocol.arrays import open_pictures
from trainer.protocol.manifest import FACINGS, MAX_LINE_BYTES, SPLITS, ManifestEntry, read_manifest
from trainer.protocol.output_folders import opened_marker
from trainer.protocol.picture_files import read_picture
from trainer.protocol.run_directory import DATASET_BYTES
from trainer.protocol.untrusted import (
    Values,
    bounded_lines,
    open_regular,
    parse_json,
    path_inside,
    read_json_object,
)

TARGETS = ("tags", "class", "facing", "id")
MODES = ("RGB", "RGBA")
_RENDERED = "render"
_ID_SHOWN = 12  # characters of an id that the names of exported pictures end with
_TURNS = (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)  # clockwise


@dataclass(frozen=True)
class _Sample:
    """One picture: where it lies, and what is known of it. `edits` are still to be applied to the file."""

    id: str
    split: str
    tags: tuple[str, ...]
    facing: str
    weight: float
    row: int = -1
    path: Path | None = None
    edits: ManifestEntry | None = None


class ManifestDataset(VisionDataset):
    """Pictures and targets of a version, from an export folder, a workspace or a run folder.

    Export folders are those of the formats "imagefolder" and "jsonl" with pictures. Pictures that were copied or linked
    as they came are cropped, turned and mirrored here as the manifest says. Of a workspace the pictures rendered for
    training are read, so a version must have been prepared by creating a run from it.

    Works with several workers, also where they are spawned: an array stays on disk and is mapped in each.

    Attributes:
        ids: SHA-256 of each sprite's canonical pixels, in the order of the data set.
        weights: sampling weight of each, for `torch.utils.data.WeightedRandomSampler`.
        tags: the tags that `target="tags"` has a place for: those of all splits.
        classes: names of the classes that `target="class"` or "facing" counts, else empty.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        version: str = "",
        split: str | None = None,
        target: str = "tags",
        classes: Sequence[str] = (),
        mode: str = "RGB",
        background: tuple[int, int, int] = (255, 255, 255),
        transforms: Callable[..., Any] | None = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
    ) -> None:
        """Read what there is; pictures are opened when they are asked for.

        Args:
            root: the folder.
            version: of a workspace, such as "v3" or the start of its digest; "" for the newest that is prepared.
            split: "train", "held-out", or None for both.
            target: "tags" (float tensor, 1.0 for each of `tags` that a sprite has), "class" (number of the first of
                `classes` that is among its tags; `len(classes)` where none is), "facing" (number in FACINGS) or "id".
            classes: tags that are classes, for `target="class"`.
            mode: "RGB", transparent pixels laid over `background`, or "RGBA".
            background: (r, g, b), 0 to 255.
            transforms, transform, target_transform: as in every VisionDataset.

        Raises OSError, or ValueError: a folder of another kind, a damaged list, an unknown choice, a missing picture.
        """
        super().__init__(str(root), transforms, transform, target_transform)
        _check_choice("target", target, TARGETS)
        _check_choice("mode", mode, MODES)
        if split is not None:
            _check_choice("split", split, SPLITS)
        if (target == "class") != bool(classes):
            raise ValueError("classes and target='class' go together")
        folder = Path(root).expanduser()
        self._array: Path | None = None
        self._pixels: np.ndarray[Any, Any] | None = None
        every = list(self._read(folder, version))
        self._samples = [one for one in every if split in (None, one.split)]
        self._target, self._mode, self._background = target, mode, background
        self.tags = tuple(sorted({tag for sample in every for tag in sample.tags}))
        self.classes = tuple(classes) if target == "class" else FACINGS if target == "facing" else ()
        self.ids = [sample.id for sample in self._samples]
        self.weights = [sample.weight for sample in self._samples]

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """(picture, target): a PIL image and what `target` says, both transformed."""
        sample = self._samples[index]
        picture, target = self._picture(sample), self._target_of(sample)
        return (picture, target) if self.transforms is None else self.transforms(picture, target)

    def __getstate__(self) -> dict[str, Any]:
        """Without the mapped array, which a spawned worker would get as a copy."""
        return {**self.__dict__, "_pixels": None}

    def extra_repr(self) -> str:
        """Lines for `repr`."""
        return f"Target: {self._target}, mode: {self._mode}"

    def _read(self, folder: Path, version: str) -> Iterator[_Sample]:
        lists = sorted(folder.glob("*/metadata.jsonl"))
        if (folder / "manifest.jsonl").is_file():
            return _jsonl_samples(folder)
        if lists:
            return _imagefolder_samples(folder, lists)
        if (folder / "manifests").is_dir():
            folder = _prepared(folder, version)
        elif not (folder / "dataset.json").is_file():
            raise ValueError(f"{folder} is no workspace, no run, and no export as imagefolder or jsonl with pictures")
        self._array = folder / "dataset.npy"
        return _array_samples(folder, len(open_pictures(self._array)))

    def _picture(self, sample: _Sample) -> Image.Image:
        if sample.path is None:
            if self._pixels is None:
                assert self._array is not None
                self._pixels = open_pictures(self._array)
            picture = Image.fromarray(np.array(self._pixels[sample.row]))
        else:
            picture = _edited(read_picture(sample.path, formats=None), sample.edits)
        if self._mode == "RGBA":
            return picture.convert("RGBA")
        if not picture.has_transparency_data:
            return picture.convert("RGB")
        canvas = Image.new("RGBA", picture.size, (*self._background, 255))
        return Image.alpha_composite(canvas, picture.convert("RGBA")).convert("RGB")

    def _target_of(self, sample: _Sample) -> Any:
        if self._target == "id":
            return sample.id
        if self._target == "facing":
            return FACINGS.index(sample.facing)
        if self._target == "class":
            return next((n for n, name in enumerate(self.classes) if name in sample.tags), len(self.classes))
        return torch.tensor([float(tag in sample.tags) for tag in self.tags])


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _edited(picture: Image.Image, edits: ManifestEntry | None) -> Image.Image:
    """A picture as decided, in memory: upright, cropped, turned, mirrored."""
    if edits is None:
        return picture.copy()
    picture = ImageOps.exif_transpose(picture)
    if edits.crop is not None:
        x, y, width, height = edits.crop
        picture = picture.crop((x, y, x + width, y + height))
    if (turn := _TURNS[edits.rotation]) is not None:
        picture = picture.transpose(turn)
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if edits.flip else picture


def _sample(entry: ManifestEntry, path: Path, rendered: bool) -> _Sample:
    known = _Sample(entry.id, entry.split, entry.tags, entry.facing, entry.weight, path=path)
    return known if rendered else replace(known, edits=entry)


def _is_rendered(folder: Path) -> bool:
    with opened_marker(folder / "export.json") as (description, _listed):
        return Values(description, "export.json").text("pictures") == _RENDERED


def _jsonl_samples(folder: Path) -> Iterator[_Sample]:
    """Entries of a manifest with pictures beside it, whose names end with the start of the id."""
    rendered = _is_rendered(folder)
    if not (folder / "pictures").is_dir():
        raise ValueError(f"{folder} holds no pictures; export with --pictures")
    names = sorted(path.name for path in (folder / "pictures").iterdir() if path.suffix != ".txt")
    places = {name.rpartition(".")[0][-_ID_SHOWN:]: name for name in names}
    for entry in read_manifest(folder / "manifest.jsonl"):
        if (name := places.get(entry.id[:_ID_SHOWN])) is None:
            raise ValueError(f"{folder} lacks the picture of {entry.source}")
        yield _sample(entry, path_inside(folder, f"pictures/{name}"), rendered)


def _imagefolder_samples(folder: Path, lists: Sequence[Path]) -> Iterator[_Sample]:
    rendered = _is_rendered(folder)
    for path in lists:
        with open_regular(path) as stream:
            for number, line in enumerate(bounded_lines(stream, MAX_LINE_BYTES), start=1):
                where = f"{path.parent.name}/{path.name}, line {number}"
                row = Values(parse_json(line), where)
                values = {name: parse_json(row.text(name, max_length=MAX_LINE_BYTES)) for name in ("tags", "crop")}
                values["crop"] = values["crop"] or None
                entry = ManifestEntry.from_json({**parse_json(line), **values}, where)
                name = f"{path.parent.name}/{row.text('file_name')}"
                yield _sample(entry, path_inside(folder, name), rendered)


def _prepared(workspace: Path, version: str) -> Path:
    """The folder of the pictures that were rendered of a workspace's version: its own recipe's before another's."""
    found: list[tuple[bool, float, Path]] = []
    for path in sorted(workspace.glob("datasets/*/dataset.json")):
        info = Values(read_json_object(path, max_bytes=DATASET_BYTES), path.name)
        digest = info.text("manifest")
        header_path = workspace / "manifests" / f"{digest}.header.json"
        versions = read_json_object(header_path).get("versions", {}) if header_path.is_file() else {}
        if version in ("", info.text("version")) or version in versions or digest.startswith(version):
            own = versions.get(version or info.text("version"), {})
            fits = isinstance(own, dict) and own.get("recipe") == info.raw("recipe", None)
            number = int(info.text("version").removeprefix("v") or 0) if not version else 0
            found.append((fits, number or path.stat().st_mtime, path.parent))
    if not found:
        wanted = version or "any version"
        raise ValueError(f"{workspace} holds no rendered pictures of {wanted}: create a run of it, or export it")
    return max(found)[2]


def _array_samples(folder: Path, count: int) -> Iterator[_Sample]:
    """Rows of a prepared array, described in dataset.json by parallel lists."""
    info = Values(read_json_object(folder / "dataset.json", max_bytes=DATASET_BYTES), "dataset.json")
    columns = [info.items(name, most=count) for name in ("ids", "split", "tags", "facing", "weights")]
    if any(len(column) != count for column in columns):
        raise ValueError(f"dataset.json must have one entry for each of the {count} pictures")
    for row, (id, split, tags, facing, weight) in enumerate(zip(*columns, strict=True)):
        if not isinstance(tags, list) or facing not in FACINGS or split not in SPLITS:
            raise ValueError(f"dataset.json: what it says of picture {row} makes no sense")
        yield _Sample(str(id), split, tuple(map(str, tags)), facing, float(weight), row=row)
