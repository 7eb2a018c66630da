"""Draws pictures from a run's trained generator and records their seeds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer import checkpoints
from trainer.dataset import background_fill, class_names
from trainer.device import choose_device
from trainer.generators import FlowGenerator, restored_generator
from trainer.grids import draw_pictures, png_bytes, tile
from trainer.latent_space import around, staged, truncated
from trainer.networks import Generator
from trainer.protocol import outputs
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.output_folders import check_folder, new_folder, write_marker
from trainer.protocol.run_directory import CHECKPOINT_STATE, RunDirectory
from trainer.protocol.sample_folders import SAMPLES, SHEET
from trainer.protocol.sample_notes import Spot, told
from trainer.protocol.untrusted import UntrustedError, Values, shortened
from trainer.protocol.weights import EMA, POST_HOC, RAW, is_post_hoc, post_hoc_label
from trainer.randomness import generator, latents

Progress = Callable[[int, int], None]
MOST_STEPS = 1000
"""Steps of a flow."""
MOST = 100_000
"""Pictures drawn in one call."""


@dataclass(frozen=True)
class Trained:
    """A generator as a checkpoint holds it.

    Attributes:
        generator: in evaluation mode. fill: background, (C,) in [-1, 1]. classes: class names, () for none.
        weights: "ema", "raw", or "post-hoc" and the width (see `protocol.weights`). iteration: of the checkpoint.
        snap: how near to the background colours become the background, in levels; 0 leaves samples raw.
    """

    generator: Generator
    fill: torch.Tensor
    classes: tuple[str, ...]
    weights: str
    iteration: int
    config: TrainConfig
    snap: int = 0

    @property
    def steps(self) -> int | None:
        """Network passes for each sample of a flow, None for other generators."""
        return self.generator.steps if isinstance(self.generator, FlowGenerator) else None

    def in_steps(self, steps: int) -> Trained:
        """The same, drawing in `steps` steps. Raises TrainerError unless this is a flow."""
        if not isinstance(self.generator, FlowGenerator):
            raise TrainerError("only a flow draws in several steps; this run's network draws in one")
        if not 1 <= steps <= MOST_STEPS:
            raise TrainerError(f"steps must be from 1 to {MOST_STEPS:,}")
        self.generator.steps = steps
        return self


def load_trained(
    run: RunDirectory, weights: str = "auto", iteration: int | str | None = None, device: str = "cpu",
    *, raw: bool = False, steps: int | None = None,
) -> Trained:  # fmt: skip
    """Load a run's generator from its newest good checkpoint, or from that of `iteration` ("best": of the lowest KID).

    `weights`: "ema", "raw", "auto" for the average if there is one, or "post-hoc" for that made by `averaging`, which
    is the checkpoint of that name, too; "post-hoc 0.14" only if it has this width. `raw`: samples are not finished by
    the run's `sampling.snap`. `steps`: of a flow, instead of the run's `flow.steps`. Raises TrainerError.
    """
    config = run.config()
    if iteration == POST_HOC and weights == "auto":
        weights, iteration = POST_HOC, None
    post_hoc = is_post_hoc(weights)
    folder, state = _post_hoc(run, weights, iteration) if post_hoc else _chosen(run, iteration)
    has_average = f"{EMA}.safetensors" in state["files"]
    if weights == EMA and not has_average:
        raise TrainerError("this run keeps no average of its weights; choose the raw ones")
    name = "generator" if weights == RAW or not has_average else EMA
    classes = class_names(config)
    generator = restored_generator(config, len(classes), checkpoints.load(folder, [name], verified=state).tensors[name])
    where = choose_device(device)
    fill = background_fill(run.dataset_info() if run.dataset_info_path.exists() else {}, config.data.channels)
    ready(generator, where)
    label = _label_of(state) if post_hoc else EMA if name == EMA else RAW
    snap = 0 if raw else config.sampling.snap
    trained = Trained(generator, fill.to(where), classes, label, int(state["iteration"]), config, snap)
    return trained if steps is None else trained.in_steps(steps)


def ready(generator: Generator, where: torch.device) -> None:
    """Bring a loaded generator to a device to draw with it, in the memory layout that is fastest there.

    On processors that is the one they train in (decision 0062): samples take a fifth to a half less time.
    """
    generator.eval().requires_grad_(False).to(where)
    if where.type == "cpu":
        generator.to(memory_format=torch.channels_last)


def _post_hoc(run: RunDirectory, weights: str, iteration: int | str | None) -> tuple[Path, dict[str, Any]]:
    """The checkpoint of the average made after training, and its state, verified. Raises TrainerError for another."""
    folder = run.checkpoints_path / POST_HOC
    if not folder.is_dir():
        raise TrainerError(
            f"{run.name} has no average that was made after training: make one with average", "checkpoint"
        )
    state = checkpoints.verify(folder)
    label = _label_of(state)
    if iteration is not None and str(state["iteration"]) != str(iteration):
        raise TrainerError(
            f"the post-hoc average is of iteration {state['iteration']:,}, not {iteration}", "checkpoint"
        )
    if weights not in (POST_HOC, label):
        width = weights.removeprefix(POST_HOC).strip()
        raise TrainerError(
            f"the post-hoc average has a width of {label.removeprefix(POST_HOC).strip()} now, not {width}; "
            f"average the checkpoints with width {width} again",
            "checkpoint",
        )
    return folder, state


def _label_of(state: dict[str, Any]) -> str:
    try:
        return post_hoc_label(Values(state).object(checkpoints.POST_HOC_FACTS).number("width", least=0.0, most=1.0))
    except UntrustedError as error:
        raise TrainerError(f"checkpoint {POST_HOC} cannot be read: {error}", "checkpoint") from None


def _chosen(run: RunDirectory, iteration: int | str | None) -> tuple[Path, dict[str, Any]]:
    """The checkpoint to draw from, and its state, verified."""
    folders = run.checkpoints()
    if iteration == checkpoints.BEST:
        folder = run.checkpoints_path / checkpoints.BEST
        if not folder.is_dir():
            raise TrainerError(f"{run.name} has no best checkpoint yet: no KID was measured", "checkpoint")
        return folder, checkpoints.verify(folder)
    if iteration is not None:
        found = [folder for folder in folders if str(int(folder.name)) == str(iteration)]
        if not found:
            best = run.checkpoints_path / checkpoints.BEST  # It outlives the one with a number.
            if (best / CHECKPOINT_STATE).is_file() and str(checkpoints.state_of(best)["iteration"]) == str(iteration):
                return best, checkpoints.verify(best)
            kept = ", ".join(f"{int(folder.name):,}" for folder in folders) or "none"
            raise TrainerError(f"there is no checkpoint of iteration {iteration}; there are: {kept}", "checkpoint")
        return found[0], checkpoints.verify(found[0])
    newest, state, complaints = checkpoints.newest_verified(folders)
    if newest is None or state is None:
        reason = complaints[0] if complaints else "it has no checkpoint yet"
        raise TrainerError(f"{run.name} has no usable checkpoint: {reason}", "checkpoint")
    return newest, state


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


def pictures(
    trained: Trained, count: int, seed: int, tag: str | None = None, progress: Progress | None = None
) -> np.ndarray[Any, Any]:
    """`count` uncurated pictures, uint8 (N, H, W, C). Picture i depends only on the seed, not on `count`."""
    z = latents(seed, "sample", count, trained.generator.latent)
    return drawn_by(trained, z, labels_for(trained, count, tag), progress)


def drawn_by(
    trained: Trained, z: torch.Tensor, labels: torch.Tensor | None = None, progress: Progress | None = None
) -> np.ndarray[Any, Any]:
    """The finished pictures of latents z (N, latent), or (N, stages, latent), uint8 (N, H, W, C)."""
    return draw_pictures(trained.generator, z, trained.fill, labels, progress, trained.snap)


FIXED = "fixed"
"""In a latent's name, instead of a seed: the latents that a run draws at every sample point."""
_LATENT = re.compile(r"(fixed|[0-9]{1,19})/([0-9]{1,6})(?:~(1|0\.[0-9]{1,4})/([0-9]{1,6}))?")


def latent_named(trained: Trained, name: str) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The latent (1, L) called `name` and its class: "7/3" is picture 3 of seed 7, "fixed/3" the fixed latent 3.

    "7/3~0.25/5" is variation 5 of 7/3 with a radius of 0.25 (see `latent_space.around`), in the class of 7/3. The
    classes of a run that learned some follow each other, as in its own grids. Raises TrainerError.
    """
    match = _LATENT.fullmatch(name)
    if match is None or int(match[2]) > MOST:
        raise TrainerError(f"{shortened(name)!r} names no latent; write SEED/NUMBER such as 7/3, or fixed/3")
    index = int(match[2])
    fixed = match[1] == FIXED
    seed, purpose = (trained.config.seed, FIXED) if fixed else (int(match[1]), "sample")
    z = torch.randn(trained.generator.latent, generator=generator(seed, purpose, index))[None]
    if match[3] is not None:
        z = around(z[0], float(match[3]), int(match[4]), 1)
    label = torch.tensor([index % len(trained.classes)]) if trained.classes else None
    return z, label


def names_around(base: str, radius: float, count: int, first: int = 0) -> list[str]:
    """Names of `count` variations of the latent called `base`, a seed alone being its first picture.

    Raises TrainerError for a radius that is no share.
    """
    if not 0 < radius <= 1:
        raise TrainerError(f"a radius is above 0 and at most 1, not {radius:g}")
    short = f"{radius:.4f}".rstrip("0").rstrip(".")
    base = base if "/" in base else f"{base}/0"
    return [f"{base}~{short}/{first + number}" for number in range(count)]


def named_pictures(
    trained: Trained,
    names: Sequence[str],
    tag: str | None = None,
    progress: Progress | None = None,
    truncation: float = 1.0,
) -> np.ndarray[Any, Any]:
    """The pictures of these latents (see `latent_named`), uint8 (N, H, W, C); `tag` replaces their classes.

    `truncation`: see `latent_space.truncated`.
    """
    found = [latent_named(trained, name) for name in names]
    labels = labels_for(trained, len(names), tag) if tag is not None else None
    if tag is None and trained.classes:
        labels = torch.cat([label for _, label in found if label is not None])
    z = truncated(torch.cat([z for z, _ in found]), truncation)
    return drawn_by(trained, z, labels, progress)


def pictures_again(
    trained: Trained, spots: Sequence[Spot], truncation: float = 1.0, progress: Progress | None = None
) -> np.ndarray[Any, Any]:
    """The pictures of samples as their files say (`sample_notes`), uint8 (N, H, W, C): those with a vector by it.

    `truncation` is of the others. Raises TrainerError for a latent or class that this generator does not have.
    """
    rows, labels = [], []
    for spot in spots:
        label = None
        if spot.vector is not None:
            rows.append(torch.from_numpy(spot.vector)[None])
        else:
            z, label = latent_named(trained, spot.latent)
            rows.append(truncated(z, truncation))
        own = labels_for(trained, 1, spot.label) if spot.label else label
        labels.append(torch.zeros(1, dtype=torch.long) if own is None else own)
    if any(spot.vector is not None for spot in spots):  # As Explore draws them, to the last bit.
        stages = trained.generator.mixing_stages
        rows = [staged(z, trained.generator.latent, stages) for z in rows]
    return drawn_by(trained, torch.cat(rows), torch.cat(labels) if trained.classes else None, progress)


@dataclass(frozen=True)
class Wanted:
    """Which samples are drawn, beyond count and seed.

    Attributes:
        names: these latents, instead of those of a seed. around: variations of this one instead, within `radius`.
        truncation: share of variety, 1 for all. copies_out: leave out samples that look like a training picture.
        again: these instead, as a file says.
    """

    names: tuple[str, ...] = ()
    around: str = ""
    radius: float = 0.25
    truncation: float = 1.0
    copies_out: bool = False
    again: tuple[Spot, ...] = ()


TRIES = 20
"""So many samples are drawn for each that is wanted, before copies are said to be too many."""


def wanted_pictures(
    run: RunDirectory, trained: Trained, count: int, seed: int, wanted: Wanted, tag: str | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray[Any, Any], list[str], int]:  # fmt: skip
    """Pictures, uint8 (N, H, W, C), the names of their latents, and how many copies were left out.

    Raises TrainerError, also when too many samples are copies.
    """
    if wanted.again:
        names = [spot.latent for spot in wanted.again]
        return pictures_again(trained, wanted.again, wanted.truncation, progress), names, 0
    if not wanted.copies_out:
        names = _names(wanted, count, seed, 0)
        return named_pictures(trained, names, tag, progress, wanted.truncation), names, 0
    from trainer.neighbours import Neighbours

    neighbours = Neighbours(run)
    pictures_kept: list[np.ndarray[Any, Any]] = []
    names_kept: list[str] = []
    tried = 0
    most = len(wanted.names) or count * TRIES
    while len(names_kept) < count and tried < most:
        names = _names(wanted, min(max(count - len(names_kept), 16), most - tried), seed, tried)
        drawn = named_pictures(trained, names, tag, None, wanted.truncation)
        own = (~neighbours.copies(drawn)).numpy()
        room = count - len(names_kept)
        chosen = np.flatnonzero(own)[:room]
        # What comes after the last one that was needed was not left out: it was not wanted.
        tried += len(names) if len(chosen) < room else int(chosen[-1]) + 1
        pictures_kept.append(drawn[chosen])
        names_kept += [names[index] for index in chosen]
        if progress:
            progress(len(names_kept), count)
    if not names_kept or (len(names_kept) < count and not wanted.names):
        raise TrainerError(
            f"{tried - len(names_kept):,} of {tried:,} samples copy a training picture: too many to go on"
        )
    return np.concatenate(pictures_kept), names_kept, tried - len(names_kept)


def _names(wanted: Wanted, count: int, seed: int, first: int) -> list[str]:
    if wanted.names:
        return list(wanted.names[first : first + count])
    if wanted.around:
        return names_around(wanted.around, wanted.radius, count, first)
    return [f"{seed}/{first + index}" for index in range(count)]


def check_out(run: RunDirectory, out: Path, singly: bool, force: bool) -> None:
    """Raise TrainerError when samples of `run` must not be written to `out` (see `outputs`, `output_folders`)."""
    if singly:
        check_folder(out, SAMPLES, force=force, near=[run.path])
    else:
        outputs.check_file(out, force=force, near=[run.path])


def save_sample(
    run: RunDirectory, count: int, seed: int, out: Path, *, trained: Trained | None = None, tag: str | None = None,
    wanted: Wanted = Wanted(), singly: bool = False, sheet: bool = False, force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write `count` fresh pictures as one grid to `out` (PNG) or, with `singly`, as a PNG each into the folder `out`.

    `wanted` says which ones, if not simply `count` of `seed`. With `sheet`, the folder holds the grid as well,
    as sheet.png. The seeds are recorded in the PNG's text and, with `singly`, in seeds.json. Returns {"out", "seeds",
    ...}. An existing file, or the folder of earlier samples, is replaced only with `force`. `progress` is called with
    the number of pictures drawn, and of all. Raises TrainerError.
    """
    check_out(run, out, singly, force)
    if not singly and out.suffix.lower() != ".png":
        raise TrainerError(f"{out.name or out} must end in .png")
    trained = trained or load_trained(run)
    plain = not (wanted.names or wanted.around or wanted.copies_out or wanted.again)
    count = len(wanted.again) or len(wanted.names) or count
    left_out = 0
    if plain and wanted.truncation == 1:
        drawn = pictures(trained, count, seed, tag, progress)
        seeds = [f"{seed}/{index}" for index in range(count)]
    else:
        drawn, seeds, left_out = wanted_pictures(run, trained, count, seed, wanted, tag, progress)
    facts: dict[str, Any] = {"run": run.name, "iteration": trained.iteration, "weights": trained.weights}
    facts |= {"count": len(seeds), "seed": None if wanted.names or wanted.around or wanted.again else seed}
    if trained.config.origin.manifest:
        facts["manifest"] = trained.config.origin.manifest
    if wanted.truncation != 1:
        facts["truncation"] = wanted.truncation
    if wanted.copies_out:
        facts["left_out"] = left_out
    left_raw = trained.config.sampling.snap > 0 and not trained.snap
    more = (("snap", trained.snap), ("steps", trained.steps), ("raw", left_raw), ("tag", tag))
    facts |= {name: value for name, value in more if value}
    spots = wanted.again or [Spot(name) for name in seeds]
    of_all = facts if plain else told(facts, spots)
    try:
        if singly:
            with new_folder(out, SAMPLES, force=force, near=[run.path]) as folder:
                for index, picture in enumerate(drawn):
                    own = {**facts, "index": index, "latent": seeds[index], **spots[index].to_json()}
                    (folder / f"{index:05d}.png").write_bytes(png_bytes(picture, {"gandam": json.dumps(own)}))
                if sheet:
                    (folder / SHEET).write_bytes(png_bytes(tile(drawn), {"gandam": json.dumps(of_all)}))
                write_marker(folder / SAMPLES.marker, {**facts, "seeds": seeds})
        else:
            with outputs.new_file(out, force=force, near=[run.path]) as stream:
                stream.write(png_bytes(tile(drawn), {"gandam": json.dumps(of_all)}))
    except OSError as error:
        raise io_failure(f"cannot write {out}", error) from error
    return {"out": str(out), "seeds": seeds, **facts}
