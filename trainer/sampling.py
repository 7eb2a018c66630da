"""Draws pictures from a run's trained generator and records their seeds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer import checkpoints
from trainer.dataset import background_fill, class_names
from trainer.device import choose_device
from trainer.grids import draw_pictures, png_bytes, tile
from trainer.networks import Generator, build_generator
from trainer.protocol import outputs
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.output_folders import FolderKind, check_folder, new_folder, write_marker
from trainer.protocol.run_directory import RunDirectory
from trainer.randomness import latents


@dataclass(frozen=True)
class Trained:
    """A generator as a checkpoint holds it.

    Attributes:
        generator: in evaluation mode. fill: background, (C,) in [-1, 1]. classes: class names, () for none.
        weights: "ema" or "raw". iteration: of the checkpoint.
    """

    generator: Generator
    fill: torch.Tensor
    classes: tuple[str, ...]
    weights: str
    iteration: int
    config: TrainConfig


def load_trained(
    run: RunDirectory, weights: str = "auto", iteration: int | str | None = None, device: str = "cpu"
) -> Trained:
    """Load a run's generator from its newest good checkpoint, or from that of `iteration` ("best": of the lowest KID).

    `weights`: "ema", "raw", or "auto" for the average if there is one. Raises TrainerError.
    """
    config = run.config()
    folder = _chosen(run, iteration)
    has_average = "ema.safetensors" in checkpoints.state_of(folder)["files"]
    if weights == "ema" and not has_average:
        raise TrainerError("this run keeps no average of its weights; use --weights raw")
    name = "generator" if weights == "raw" or not has_average else "ema"
    classes = class_names(config)
    generator = build_generator(config, len(classes))
    checkpoints.restore_module(generator, checkpoints.load(folder, [name]).tensors[name])
    where = choose_device(device)
    fill = background_fill(run.dataset_info() if run.dataset_info_path.exists() else {}, config.data.channels)
    generator.eval().requires_grad_(False).to(where)
    label = "ema" if name == "ema" else "raw"
    at = int(checkpoints.state_of(folder)["iteration"])
    return Trained(generator, fill.to(where), classes, label, at, config)


def _chosen(run: RunDirectory, iteration: int | str | None) -> Path:
    folders = run.checkpoints()
    if iteration == checkpoints.BEST:
        folder = run.checkpoints_path / checkpoints.BEST
        if not folder.is_dir():
            raise TrainerError(f"{run.name} has no best checkpoint yet: no KID was measured", "checkpoint")
        checkpoints.verify(folder)
        return folder
    if iteration is not None:
        found = [folder for folder in folders if str(int(folder.name)) == str(iteration)]
        if not found:
            kept = ", ".join(f"{int(folder.name):,}" for folder in folders) or "none"
            raise TrainerError(f"there is no checkpoint of iteration {iteration}; there are: {kept}", "checkpoint")
        return found[0]
    newest, complaints = checkpoints.newest_good(folders)
    if newest is None:
        reason = complaints[0] if complaints else "it has no checkpoint yet"
        raise TrainerError(f"{run.name} has no usable checkpoint: {reason}", "checkpoint")
    return newest


def labels_for(trained: Trained, count: int, tag: str | None) -> torch.Tensor | None:
    """Classes for `count` pictures: all of class `tag`, or each in turn. Raises TrainerError for an unknown tag."""
    if tag is not None and tag not in trained.classes:
        known = f"its classes are {', '.join(trained.classes)}" if trained.classes else "it has no classes"
        raise TrainerError(f"this run has no class {tag!r}; {known}")
    if not trained.classes:
        return None
    if tag is None:
        return torch.arange(count) % len(trained.classes)
    return torch.full((count,), trained.classes.index(tag))


def pictures(trained: Trained, count: int, seed: int, tag: str | None = None) -> np.ndarray[Any, Any]:
    """`count` uncurated pictures, uint8 (N, H, W, C). Picture i depends only on the seed, not on `count`."""
    z = latents(seed, "sample", count, trained.generator.latent)
    return draw_pictures(trained.generator, z, trained.fill, labels_for(trained, count, tag))


def _named(description: dict[str, Any]) -> str:
    ours = {"run", "iteration", "weights", "seed", "count", "seeds"} <= description.keys()
    return "sample" if ours and isinstance(description["seeds"], list) else ""


SAMPLES = FolderKind("seeds.json", "sample", _named, re.compile(r"[0-9]{5,}\.png"))


def check_out(run: RunDirectory, out: Path, singly: bool, force: bool) -> None:
    """Raise TrainerError when samples of `run` must not be written to `out` (see `outputs`, `output_folders`)."""
    if singly:
        check_folder(out, SAMPLES, force=force, near=[run.path])
    else:
        outputs.check_file(out, force=force, near=[run.path])


def save_sample(
    run: RunDirectory, count: int, seed: int, out: Path, *, trained: Trained | None = None, tag: str | None = None,
    singly: bool = False, force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write `count` fresh pictures as one grid to `out` (PNG) or, with `singly`, as a PNG each into the folder `out`.

    The seeds are recorded in the PNG's text and, with `singly`, in seeds.json. Returns {"out", "seeds", ...}.
    An existing file, or the folder of earlier samples, is replaced only with `force`. Raises TrainerError.
    """
    check_out(run, out, singly, force)
    if not singly and out.suffix.lower() != ".png":
        raise TrainerError(f"{out.name or out} must end in .png")
    trained = trained or load_trained(run)
    drawn = pictures(trained, count, seed, tag)
    seeds = [f"{seed}/{index}" for index in range(count)]
    facts = {"run": run.name, "iteration": trained.iteration, "weights": trained.weights, "seed": seed, "count": count}
    try:
        if singly:
            with new_folder(out, SAMPLES, force=force, near=[run.path]) as folder:
                for index, picture in enumerate(drawn):
                    own = png_bytes(picture, {"gandam": json.dumps({**facts, "index": index})})
                    (folder / f"{index:05d}.png").write_bytes(own)
                write_marker(folder / SAMPLES.marker, {**facts, "seeds": seeds})
        else:
            with outputs.new_file(out, force=force, near=[run.path]) as stream:
                stream.write(png_bytes(tile(drawn), {"gandam": json.dumps(facts)}))
    except OSError as error:
        raise io_failure(f"cannot write {out}", error) from error
    return {"out": str(out), "seeds": seeds, **facts}
