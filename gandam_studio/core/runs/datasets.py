"""Prepared data sets: a version rendered by a recipe into one array for the trainer."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.filling import fill_color
from gandam_studio.core.versions import files as version_files
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.versions.splits import SplitRule, assign_splits, inseparable
from gandam_studio.core.workspace.lineage import GENERATED
from trainer.protocol import files
from trainer.protocol.arrays import open_pictures
from trainer.protocol.files import is_link, own_folder
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy
from trainer.protocol.run_directory import DATASET_BYTES
from trainer.protocol.untrusted import read_json_object

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

PIXELS = "dataset.npy"
INFO = "dataset.json"
# Increase it whenever rendered bytes change, so that older arrays are not reused.
RENDERING = 1


@dataclass(frozen=True)
class PreparedDataset:
    """A rendered data set.

    Attributes:
        pixels_path: dataset.npy, uint8 (N, H, W, C), C = 3 or 4, one picture per manifest line, in its order.
        info_path: dataset.json: "ids", "split", "weights", "tags", "facing", "family" (parallel lists of N),
            "background" [r, g, b] (what pictures were composited on; with C = 4 what to show them on), "manifest"
            (digest), "version" (label), "recipe", "sha256" (of dataset.npy), "shape".
        count: N.
    """

    pixels_path: Path
    info_path: Path
    count: int

    def info(self) -> dict[str, Any]:
        """The parsed dataset.json."""
        return read_json_object(self.info_path, max_bytes=DATASET_BYTES)


def prepare(
    workspace: Workspace,
    version: ManifestVersion,
    recipe: Recipe | None = None,
    *,
    held_out: float | None = None,
    split: SplitRule | None = None,
    job: Job = NULL_JOB,
) -> PreparedDataset:
    """Render a version, or return the existing array; equal version, recipe and split give equal bytes.

    Args:
        workspace: holds the version and the originals; may be read-only if the array exists.
        version: what to render.
        recipe: the version's own if None.
        held_out: share to hold out instead of the version's splits, in [0, 0.9]; the version's seed is used.
        split: seed and share to hold out by, instead of either; the pictures are not rendered again for that.
        job: receives progress.

    Raises UserError (missing original, disk full) and Cancelled; nothing incomplete is left behind.
    """
    recipe = recipe or version_files.recipe_of(workspace, version)
    folder = _folder(workspace, version, recipe, held_out, split)
    if (found := _existing(folder)) is not None:
        return found
    whole = None if split is None else prepare(workspace, version, recipe, job=job)
    workspace.require_writable()
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        own_folder(folder.parent)
        part.mkdir()
        if whole is not None and split is not None:
            _write_split(workspace, whole, split, part)
        else:
            _write(workspace, version, recipe, held_out, part, job)
        if folder.is_dir() and _existing(folder) is None:
            # A damaged array, which can be rendered again.
            shutil.rmtree(folder, ignore_errors=True)
        # Another process may have rendered the same bytes meanwhile.
        with contextlib.suppress(OSError):
            part.rename(folder)
    except OSError as error:
        raise UserError(f"the data set could not be prepared: {error.strerror or error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    prepared = _existing(folder)
    if prepared is None:
        raise UserError(f"the data set could not be written to {folder}")
    return prepared


def is_prepared(workspace: Workspace, version: ManifestVersion) -> bool:
    """Whether the version was rendered by its own recipe, so that `prepare` need not write."""
    recipe = version_files.recipe_of(workspace, version)
    return _existing(_folder(workspace, version, recipe, None)) is not None


def _folder(
    workspace: Workspace, version: ManifestVersion, recipe: Recipe, held_out: float | None,
    split: SplitRule | None = None,
) -> Path:  # fmt: skip
    rule = held_out if split is None else f"{split.seed}/{split.held_out}"
    key = f"{version.digest}\n{recipe.canonical()}\n{rule}\n{RENDERING}"
    return workspace.folder / "datasets" / hashlib.sha256(key.encode()).hexdigest()[:32]


def _existing(folder: Path) -> PreparedDataset | None:
    """The array in `folder`, if its description matches its header, size and digest."""
    try:
        if is_link(folder):
            return None
        info = read_json_object(folder / INFO, max_bytes=DATASET_BYTES, follow_links=False)
        pixels = open_pictures(folder / PIXELS, follow_links=False)
        if list(pixels.shape) != info["shape"]:
            return None
        if files.file_digest(folder / PIXELS) != info["sha256"]:
            return None
        return PreparedDataset(folder / PIXELS, folder / INFO, len(pixels))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(
    workspace: Workspace, version: ManifestVersion, recipe: Recipe, held_out: float | None, folder: Path, job: Job
) -> None:
    # A data set that exists needs nothing that renders.
    from gandam_studio.core.versions.pictures import detected_background
    from gandam_studio.core.versions.rendering_pool import in_order
    from gandam_studio.core.versions.rendering_worker import Rendering
    from gandam_studio.core.versions.scales import measure

    background = detected_background(workspace, version)
    info: dict[str, Any] = {name: [] for name in ("ids", "split", "weights", "tags", "facing", "family")}
    shape = (version.sprites, recipe.size, recipe.size, recipe.channels)
    entries = _noted(version_files.manifest_entries(workspace, version, verified=True), info)
    longest = measure(workspace, version, recipe, job)
    rendering = Rendering(workspace.originals.folder, recipe, background, png=False, longest=longest)
    done = 0
    job.start("Rendering", version.sprites)
    with (folder / PIXELS).open("wb") as stream, closing(in_order(rendering, entries, version.sprites, job)) as chunks:
        # Written as a stream and not through a memory map, whose pages would count as ours: memory stays flat.
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for _, pictures in chunks:
            stream.writelines(pictures)
            done += len(pictures)
            job.advance(len(pictures))
        stream.flush()
        os.fsync(stream.fileno())
    if done != version.sprites:
        raise UserError(f"the manifest of {version.label} is damaged", Remedy.VERIFY)
    if held_out is not None:
        info["split"] = _other_splits(workspace, version, info, held_out)
    colour = "white" if recipe.background == "alpha" else recipe.background
    info |= {
        "background": list(fill_color(Recipe(background=colour), background)),
        "manifest": version.digest,
        "version": version.label,
        "recipe": recipe.to_json(),
        "shape": list(shape),
        "sha256": files.file_digest(folder / PIXELS),
    }
    files.write_json(folder / INFO, info, indent=None)


def _write_split(workspace: Workspace, whole: PreparedDataset, rule: SplitRule, folder: Path) -> None:
    """The same pictures, held out by another rule."""
    info = whole.info()
    files.link_or_copy(whole.pixels_path, folder / PIXELS)
    files.write_json(folder / INFO, info | {"split": _splits_by(workspace, info, rule)}, indent=None)


def _noted(entries: Iterable[ManifestEntry], info: dict[str, Any]) -> Iterator[ManifestEntry]:
    """Yield entries and append their values to the parallel lists."""
    for entry in entries:
        info["ids"].append(entry.id)
        info["split"].append(entry.split)
        info["weights"].append(entry.weight)
        info["tags"].append(list(entry.tags))
        info["facing"].append(entry.facing)
        info["family"].append(entry.family)
        yield entry


def _other_splits(workspace: Workspace, version: ManifestVersion, info: dict[str, Any], held_out: float) -> list[str]:
    seed = version_files.header(workspace, version).get("splits", {}).get("seed", 0)
    return _splits_by(workspace, info, SplitRule(seed, held_out))


def _splits_by(workspace: Workspace, info: dict[str, Any], rule: SplitRule) -> list[str]:
    groups = dict(zip(info["ids"], info["family"], strict=True))
    generated = {sprite for sprite, tags in zip(info["ids"], info["tags"], strict=True) if GENERATED in tags}
    splits = assign_splits(groups, rule, inseparable(workspace), generated)
    return [splits[sprite] for sprite in info["ids"]]
