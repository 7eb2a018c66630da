"""Creates run folders without the Studio: from a prepared array, a folder of pictures, or another run."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from trainer import checkpoints
from trainer.networks import build_networks
from trainer.protocol import files
from trainer.protocol.arrays import open_pictures
from trainer.protocol.config import TrainConfig, differences, fit_data
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import WIDE_FROM, apply_overrides, parse_overrides
from trainer.protocol.picture_files import read_picture
from trainer.protocol.recipe import Recipe
from trainer.protocol.run_directory import CHECKPOINT_STATE, DATASET_BYTES, RunDirectory
from trainer.protocol.suitability import check_data
from trainer.protocol.untrusted import MAX_INTEGER, Values, read_json_object
from trainer.protocol.widening import is_open

log = logging.getLogger("trainer")
COPY_TRIES = 5
PICTURES = {".png", ".webp", ".bmp", ".gif", ".jpg", ".jpeg"}


def new_run(
    path: Path, config: TrainConfig, data: Path, overrides: list[str], size: int = 0, alpha: bool = False
) -> RunDirectory:
    """Create the run folder `path` from `data`: a uint8 (N, H, W, C) .npy file or a folder of pictures.

    `size` and `alpha` apply to folders; size 0 stands for that of `overrides` or the preset. Raises TrainerError, also
    when settings and pictures do not fit together.
    """
    asked = parse_overrides(overrides)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        array, info = Path(temporary) / "dataset.npy", Path(temporary) / "dataset.json"
        if data.is_dir():
            alpha = alpha or asked.get("data.channels") == 4
            try:
                side = size or asked.get("data.size") or config.data.size
                recipe = Recipe(size=side, background="alpha" if alpha else "white")
            except ValueError as error:
                raise TrainerError(str(error)) from None
            names, pixels, passed_over = read_folder(data, recipe)
            np.save(array, pixels)
            facts = {
                "ids": names, "background": [255, 255, 255], "recipe": recipe.to_json(), "passed_over": passed_over,
            }  # fmt: skip
        else:
            pixels = _read_array(data)
            shutil.copyfile(data, array)
            facts = _beside(data, len(pixels))
        facts["sha256"] = files.file_digest(array)
        files.write_json(info, facts)
        fitted = _fitted(config, pixels, overrides)
        check_data(fitted, pixels.shape[1:], facts)
        return RunDirectory.create(path, fitted, array, info)


def fork_run(path: Path, parent: RunDirectory, overrides: list[str]) -> RunDirectory:
    """Create a run that continues from `parent`'s newest good checkpoint with `overrides`.

    If these change batch or precision, both are chosen anew instead of being kept. Raises TrainerError, also when there
    is no good checkpoint.
    """
    before = parent.config()
    config = apply_overrides(before, overrides)
    if config.data != before.data:
        check_data(config, (before.data.size, before.data.size, before.data.channels), parent.dataset_info())
    if changed := _other_networks(before, config):
        raise TrainerError(f"{changed} changes the networks that {parent.name} has trained; start a new run instead")
    if is_open(config) and not is_open(before):
        raise TrainerError(f"{WIDE_FROM} has no effect: the networks of {parent.name} are trained already")
    config = dataclasses.replace(config, origin=dataclasses.replace(config.origin, parent=parent.name))
    manifest = parent.manifest_path if parent.manifest_path.exists() else None

    def complete(new: RunDirectory) -> None:
        copied = _copy_newest(parent, new)
        if (config.batch, config.precision) != (before.batch, before.precision):
            files.write_json(
                copied / CHECKPOINT_STATE, {**checkpoints.state_of(copied), checkpoints.MACHINE_ANEW: True}
            )
        _copy_best(parent, new)

    return RunDirectory.create(path, config, parent.dataset_path, parent.dataset_info_path, manifest, complete)


def _copy_newest(parent: RunDirectory, new: RunDirectory) -> Path:
    """Copy the newest good checkpoint, or a newer one if the parent is training and removes it meanwhile."""
    for left in reversed(range(COPY_TRIES)):
        folder, complaints = checkpoints.newest_good(parent.checkpoints())
        if folder is None:
            reason = complaints[0] if complaints else "it has none yet"
            raise TrainerError(f"{parent.name} has no checkpoint to continue from: {reason}", "checkpoint")
        copied = new.checkpoints_path / folder.name
        try:
            checkpoints.copy_to(folder, copied)
        except TrainerError as error:
            if left and error.cause == "checkpoint":
                continue
            raise
        for complaint in complaints:
            log.warning(f"{complaint}; continuing from {int(folder.name):,}")
        return copied
    raise AssertionError("unreachable")


def _copy_best(parent: RunDirectory, new: RunDirectory) -> None:
    """Copy the best weights, which the parent may be replacing; damaged ones are left out."""
    best = parent.checkpoints_path / checkpoints.BEST
    for left in reversed(range(COPY_TRIES)):
        if not best.is_dir():  # Absent for a moment while the parent replaces it.
            if not parent.is_locked():
                return
            time.sleep(0.02)
            continue
        try:
            checkpoints.copy_to(best, new.checkpoints_path / checkpoints.BEST)
            return
        except TrainerError as error:
            if not left:
                log.warning(f"the best weights were left out: {error}")


def _other_networks(before: TrainConfig, after: TrainConfig) -> str:
    """The changed settings that make the checkpoints of two configurations incompatible, or ""."""
    changed = [path for path, _, _ in differences(before, after) if path.startswith(("architecture.", "data."))]
    return " and ".join(changed) if changed and _outline(before) != _outline(after) else ""


def _outline(config: TrainConfig) -> list[dict[str, tuple[int, ...]]]:
    """Names and shapes of the networks' tensors in a checkpoint."""
    with torch.device("meta"):
        networks = build_networks(config)
    return [{name: tuple(tensor.shape) for name, tensor in net.state_dict().items()} for net in networks]


def _fitted(config: TrainConfig, pixels: np.ndarray[Any, Any], overrides: list[str]) -> TrainConfig:
    try:
        fitted = fit_data(config, pixels.shape[1], pixels.shape[3])
    except ValueError as error:
        raise TrainerError(f"the pictures cannot be used: {error}", "data") from None
    return apply_overrides(fitted, overrides)


def _read_array(path: Path) -> np.ndarray[Any, Any]:
    try:
        pixels = open_pictures(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TrainerError(f"cannot read {path}: {reason}; use such an array or a folder of pictures", "data") from None
    if pixels.shape[1] != pixels.shape[2]:
        raise TrainerError(f"{path} must hold uint8 (N, size, size, C), not {pixels.shape}", "data")
    return pixels


def _beside(path: Path, count: int) -> dict[str, Any]:
    """The contents of the .json file next to an array, or defaults."""
    try:
        found = read_json_object(path.with_suffix(".json"), max_bytes=DATASET_BYTES)
        Values(found).texts("ids", [], most=MAX_INTEGER)
        Values(found).texts("passed_over", [], most=MAX_INTEGER)
        return found
    except (OSError, ValueError):
        return {"ids": [str(index) for index in range(count)], "background": [255, 255, 255]}


def read_folder(folder: Path, recipe: Recipe) -> tuple[list[str], np.ndarray[Any, Any], list[str]]:
    """All pictures below `folder`, sorted: (names, uint8 (N, size, size, C), names of unreadable files)."""
    names: list[str] = []
    rows: list[np.ndarray[Any, Any]] = []
    passed_over: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file()):
        # Escape undecodable bytes, so that the name can be written as text.
        name = (
            path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        )
        try:
            rows.append(squared(_upright_rgba(read_picture(path)), recipe))
        except (OSError, ValueError):
            passed_over.append(name)
            continue
        names.append(name)
    if len(rows) < 2:
        raise TrainerError(f"{folder} holds {len(rows)} readable pictures; at least 2 are needed", "data")
    return names, np.stack(rows), passed_over


def _upright_rgba(picture: Image.Image) -> Image.Image:
    """RGBA with the EXIF orientation applied; 16-bit grey is scaled to 8 bits."""
    with contextlib.suppress(Exception):  # Damaged EXIF data can raise anything.
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray((grey.clip(0, 65535) >> 8).astype(np.uint8))
    return picture.convert("RGBA")


def squared(picture: Image.Image, recipe: Recipe) -> np.ndarray[Any, Any]:
    """Trim an RGBA picture and fit it into a square, on white or on alpha: uint8 (size, size, C).

    Only for folders given to the trainer directly; the Studio's renderer also crops, flips and sets backgrounds.
    """
    box = picture.getchannel("A").getbbox()
    picture = picture.crop(box) if box else picture
    scale = recipe.size / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    enlarges = scale >= 1
    premultiplied = picture.convert("RGBa")
    picture = premultiplied.resize(size, Image.Resampling.NEAREST if enlarges else Image.Resampling.BOX).convert("RGBA")
    square = Image.new("RGBA", (recipe.size, recipe.size), (255, 255, 255, 0))
    square.paste(picture, ((recipe.size - size[0]) // 2, (recipe.size - size[1]) // 2))
    if recipe.channels == 4:
        return np.asarray(square)
    white = Image.new("RGBA", square.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, square).convert("RGB"))
