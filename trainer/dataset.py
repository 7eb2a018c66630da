"""The prepared data set of a run: one uint8 array, indexed a batch at a time on the training device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.protocol.arrays import open_pictures
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.files import file_digest
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.settings import OTHER
from trainer.protocol.suitability import check_count, check_tags
from trainer.randomness import generator

MAPPED_FROM = 2 * 1024**3  # Bytes; a larger data set is memory-mapped unless a GPU can hold it.
DIGEST_CHUNK = 1024  # Pictures hashed or converted at once.


@dataclass
class TrainingSet:
    """Pictures to train on and pictures held out.

    Attributes:
        pixels: uint8 (N, H, W, C), C = 3 or 4; on the training device if it fits, else memory-mapped on the CPU.
        train, held_out: int64 row numbers.
        weights: float64 sampling weights of `train`, or None when all are equal.
        labels: int64 (N,) class of each row on the device, or None; class_names: their names.
        fill: (C,) float32 in [-1, 1] on the device: the background, transparent when there is alpha.
        families: int64 (N,), equal for pictures of one family, or None if no family is named.
    """

    pixels: torch.Tensor
    train: torch.Tensor
    held_out: torch.Tensor
    weights: torch.Tensor | None
    labels: torch.Tensor | None
    class_names: tuple[str, ...]
    fill: torch.Tensor
    families: torch.Tensor | None = None

    def batch(self, rows: torch.Tensor, mirrored: torch.Tensor | None = None) -> torch.Tensor:
        """Pictures of `rows` (B,), (B, C, H, W) float32 in [-1, 1], channels-last in memory, on the training device.

        `mirrored` (B,) bool: which pictures to mirror. With alpha, colours are composited over the background (alpha
        itself is kept), so that invisible colours are not learned.
        """
        picked = self.pixels[rows.to(self.pixels.device)].to(self.fill.device, non_blocking=True)
        x = picked.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
        if x.shape[1] == 4:
            x = over_background(x, self.fill)
        if mirrored is not None:
            x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
        return x


def over_background(x: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """RGBA in [-1, 1] -> colours composited over `fill`, alpha kept."""
    alpha = (x[:, 3:] + 1) / 2
    return torch.cat([x[:, :3] * alpha + fill[:3].view(1, 3, 1, 1) * (1 - alpha), x[:, 3:]], 1)


def real_pixels(data: TrainingSet, rows: torch.Tensor) -> np.ndarray[Any, Any]:
    """The pictures `rows` of a training set as samples are: uint8 (N, H, W, C), clear of invisible colours."""
    parts = []
    for part in rows.split(DIGEST_CHUNK):
        x = data.pixels[part.to(data.pixels.device)].to(data.fill.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        parts.append(to_pixels(over_background(x, data.fill) if x.shape[1] == 4 else x, data.fill))
    return np.concatenate(parts)


def to_pixels(x: torch.Tensor, fill: torch.Tensor) -> np.ndarray[Any, Any]:
    """Pictures (B, C, H, W) in [-1, 1] -> uint8 (B, H, W, C); the background is removed again with alpha."""
    x = x.float()
    if x.shape[1] == 4:
        alpha = ((x[:, 3:] + 1) / 2).clamp(0, 1)
        under = fill[:3].view(1, 3, 1, 1).to(x.device)
        colour = torch.where(alpha > 1 / 255, (x[:, :3] - under * (1 - alpha)) / alpha.clamp_min(1 / 255), under)
        x = torch.cat([colour, x[:, 3:]], 1)
    scaled = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def snapped(pixels: np.ndarray[Any, Any], fill: torch.Tensor, levels: int) -> np.ndarray[Any, Any]:
    """Samples uint8 (N, H, W, C) with what is within `levels` of the background `fill` made background; 0 for none.

    With alpha, what is that near to clear becomes clear, and what is that near to opaque becomes opaque.
    """
    if levels <= 0:
        return pixels
    background = to_pixels(fill.view(1, -1, 1, 1), fill)[0, 0, 0]
    if pixels.shape[3] == 4:
        alpha = pixels[..., 3:]
        pixels = np.where(alpha <= levels, background, pixels)
        pixels[..., 3:][alpha >= 255 - levels] = 255
        return pixels
    near = np.abs(pixels.astype(np.int16) - background).max(3, keepdims=True) <= levels
    return np.where(near, background, pixels)


def load_training_set(run: RunDirectory, config: TrainConfig, device: torch.device, verify: bool = True) -> TrainingSet:
    """Read and check a run's prepared data set. Raises TrainerError (cause "data")."""
    info = run.dataset_info()
    pixels = _open_pixels(run.dataset_path, config)
    count = len(pixels)
    if verify and (wanted := info.get("sha256")) and not _digest_matches(run.dataset_path, pixels, wanted):
        raise TrainerError("dataset.npy is damaged: its digest differs from the one in dataset.json", "data")
    split = _column(info, "split", count, "train")
    train = np.flatnonzero([part == "train" for part in split])
    held_out = np.flatnonzero([part != "train" for part in split])
    if config.data.every_other:
        train, held_out = train[::2], np.sort(np.concatenate([held_out, train[1::2]]))
    if config.data.subset:
        order = torch.randperm(len(train), generator=generator(config.seed, "subset")).numpy()
        train = train[np.sort(order[: config.data.subset])]
    check_count(len(train))
    families = families_of(info, count)
    if families is not None:  # Relatives of what is trained on say nothing about pictures never seen.
        held_out = held_out[~np.isin(families[held_out], families[train])]
    try:
        weights = np.array(_column(info, "weights", count, 1.0), dtype=np.float64).reshape(count)[train]
    except (TypeError, ValueError, OverflowError):
        raise TrainerError("dataset.json: weights must be numbers", "data") from None
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise TrainerError("dataset.json holds a sampling weight that is not a number above 0", "data")
    tags = _column(info, "tags", count, [])
    if not all(isinstance(own, list) for own in tags):
        raise TrainerError("dataset.json: tags must hold one list for each picture", "data")
    names, labels = _classes(config, tags)
    return TrainingSet(
        pixels=_placed(pixels, run.dataset_path, device),
        train=torch.from_numpy(train),
        held_out=torch.from_numpy(held_out),
        weights=None if np.ptp(weights) == 0 else torch.from_numpy(weights),
        labels=None if labels is None else labels.to(device),
        class_names=names,
        fill=background_fill(info, config.data.channels).to(device),
        families=families,
    )


def background_fill(info: dict[str, Any], channels: int) -> torch.Tensor:
    """The background colour of dataset.json, (channels,) in [-1, 1]; the fourth channel is transparent."""
    try:
        red, green, blue = (float(v) for v in info.get("background", (255, 255, 255)))
        if not all(0 <= value <= 255 for value in (red, green, blue)):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise TrainerError("dataset.json: background must be three numbers from 0 to 255", "data") from None
    fill = [value / 127.5 - 1 for value in (red, green, blue)]
    return torch.tensor([*fill, -1.0][:channels])


def class_names(config: TrainConfig) -> tuple[str, ...]:
    """The classes a conditional run learns: the tags of `data.condition`, then everything else."""
    return (*config.data.condition, OTHER) if config.data.condition else ()


def _classes(config: TrainConfig, tags: list[Any]) -> tuple[tuple[str, ...], torch.Tensor | None]:
    names = class_names(config)
    if not names:
        return (), None
    check_tags(config, tags)
    found = [next((i for i, name in enumerate(names) if name in own), len(names) - 1) for own in tags]
    return names, torch.tensor(found, dtype=torch.long)


def families_of(info: dict[str, Any], count: int) -> torch.Tensor | None:
    """A number (N,) for every picture's family in dataset.json; pictures without one have one of their own.

    None if there are no families.
    """
    names = _column(info, "family", count, "")
    if not all(isinstance(name, str) for name in names):
        raise TrainerError("dataset.json: family must hold a name for each picture", "data")
    if not any(names):
        return None
    numbers = {name: index for index, name in enumerate(dict.fromkeys(name for name in names if name))}
    found = [numbers[name] if name else len(numbers) + row for row, name in enumerate(names)]
    return torch.tensor(found, dtype=torch.long)


def _open_pixels(path: Path, config: TrainConfig) -> np.ndarray[Any, Any]:
    try:
        pixels = open_pictures(path)
    except (OSError, ValueError) as error:
        raise TrainerError(f"cannot read {path.name}: {error}", "data") from None
    size, channels = config.data.size, config.data.channels
    if pixels.shape[1:] != (size, size, channels):
        raise TrainerError(
            f"{path.name} holds pictures of {pixels.shape[2]}x{pixels.shape[1]} with {pixels.shape[3]} channels, "
            f"but config.json says {size}x{size} with {channels}",
            "data",
        )
    return pixels


def _digest_matches(path: Path, pixels: np.ndarray[Any, Any], wanted: str) -> bool:
    if file_digest(path) == wanted:
        return True
    digest = hashlib.sha256()
    for first in range(0, len(pixels), DIGEST_CHUNK):
        digest.update(pixels[first : first + DIGEST_CHUNK].tobytes())
    return digest.hexdigest() == wanted  # A digest of the pixels without the header is accepted too.


def _column(info: dict[str, Any], name: str, count: int, default: Any) -> list[Any]:
    values = info.get(name)
    if values is None:
        return [default] * count
    if not isinstance(values, list) or len(values) != count:
        raise TrainerError(f"dataset.json: {name} must have one entry for each of the {count} pictures", "data")
    return values


def _placed(pixels: np.ndarray[Any, Any], path: Path, device: torch.device) -> torch.Tensor:
    """On the device if that takes less than a third of its free memory, else mapped from disk.

    Mapped pages live in the system's file cache, which can drop them at any time.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if pixels.nbytes < free // 3:
            return torch.from_numpy(np.array(pixels)).to(device)
    elif pixels.nbytes < MAPPED_FROM:
        return torch.from_numpy(np.array(pixels)).to(device)
    return torch.from_numpy(open_pictures(path, "c"))
