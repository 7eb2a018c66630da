"""Diagnoses a trained generator, or a folder of pictures made by any program, against a run's or version's pictures."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.create_run import read_folder
from trainer.dataset import families_of, load_training_set
from trainer.diagnostics.clipped import clipped
from trainer.diagnostics.diagnose import LEAST_SAMPLES, Diagnostics, Findings
from trainer.diagnostics.drift import drift
from trainer.diagnostics.likeness import Array, RealPictures, small
from trainer.diagnostics.sheets import group_sheet, nearest_distances, nearest_sheet
from trainer.diagnostics.spikes import Window, spikes_in
from trainer.feature_spaces import feature_space
from trainer.grids import png_bytes
from trainer.protocol.arrays import open_pictures
from trainer.protocol.diagnosis import DriftFacts, rounded
from trainer.protocol.diagnosis_cards import summary
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.events import EventReader, SamplesSaved, SpikeFound
from trainer.protocol.measured import Measured
from trainer.protocol.output_folders import FolderKind, check_folder, new_folder, write_marker
from trainer.protocol.picture_files import read_picture
from trainer.protocol.recipe import Recipe
from trainer.protocol.run_directory import DATASET_BYTES, RunDirectory
from trainer.protocol.spikes import SpikeFeed
from trainer.protocol.untrusted import path_inside, read_json_object
from trainer.published import published_metrics
from trainer.randomness import derived_seed
from trainer.real_sides import Sides, real_features, real_sides
from trainer.sampling import load_trained, pictures

Say = Callable[[str], None]


def _named(description: dict[str, Any]) -> str:
    return "diagnosis" if {"verdict", "variety", "copying"} <= description.keys() else ""


SHEETS = FolderKind("diagnosis.json", "diagnosis", _named, re.compile(r"(nearest|group)\.png"))


def evaluate_run(
    run: RunDirectory, *, iteration: str | None = None, weights: str = "auto", samples: int = 1024, seed: int = 0,
    sheets: Path | None = None, force: bool = False, measured: Measured | None = None,
    say: Say = lambda _text: None,
) -> dict[str, Any]:  # fmt: skip
    """Draw `samples` pictures from a checkpoint and diagnose them. Raises TrainerError."""
    trained = load_trained(run, weights, iteration)
    say(f"drawing {samples:,} pictures of iteration {trained.iteration:,}")
    drawn = pictures(trained, samples, seed)
    against = _of_run(run)
    facts = {"run": run.name, "iteration": trained.iteration, "weights": trained.weights, "seed": seed}
    return _evaluated(drawn, against, facts, _Sheets(sheets, force, run.path), measured, say)


def evaluate_grids(run: RunDirectory, say: Say = lambda _text: None) -> dict[str, Any]:
    """Diagnose every stored grid of fresh samples, oldest first: {"run", "moments": [...], "spikes"}.

    Raises TrainerError. Grids hold few pictures, 64 by default, so many answers are "cannot tell yet". Drift and the
    answer about spikes come from the grids of the fixed latents.
    """
    told = EventReader(run.events_path).read()
    grids = {event.iteration: event for event in told if isinstance(event, SamplesSaved)}
    training, held_out = _of_run(run)
    moments: list[dict[str, Any]] = []
    windows: list[Window] = []
    diagnostics: Diagnostics | None = None
    before: tuple[int, torch.Tensor] | None = None
    for iteration, event in sorted(grids.items()):
        fixed = _stored(run, event.fixed, event)
        moved, now = None, None if fixed is None else (iteration, small(fixed))
        if before is not None and now is not None and len(before[1]) == len(now[1]):
            moved = drift(before[1], now[1])
            if moved is not None:
                windows.append(Window(before[0], iteration, moved.identity))
        cells = _stored(run, event.random, event)
        if cells is not None and len(cells) >= LEAST_SAMPLES:
            diagnostics = diagnostics or Diagnostics(training, held_out, len(cells))
            say(f"iteration {iteration:,}")
            found = diagnostics.look(cells)
            if moved is not None and before is not None:
                drifted = DriftFacts(before[0], **vars(moved))
                found = dataclasses.replace(found, diagnosis=dataclasses.replace(found.diagnosis, drift=drifted))
            moments.append({"iteration": iteration, **facts_of(found)})
        before = now or before
    if not moments:
        raise TrainerError(f"{run.name} has no stored grids of at least {LEAST_SAMPLES} pictures")
    own = [event for event in told if isinstance(event, SpikeFound)]
    places = sorted({event.spike_iteration for event in (*own, *SpikeFeed().feed(told))})
    spikes = spikes_in(windows, places, run.config().sampling.every)
    return {"run": run.name, "moments": moments, "spikes": None if spikes is None else vars(spikes)}


def evaluate_folder(
    folder: Path, against: Path, *, samples: int = 1024, seed: int = 0, sheets: Path | None = None,
    force: bool = False, measured: Measured | None = None,
    say: Say = lambda _text: None,
) -> dict[str, Any]:  # fmt: skip
    """Diagnose the pictures in `folder` against a run, or a dataset.npy with its .json. Raises TrainerError."""
    array = against / "dataset.npy" if against.is_dir() else against
    real, info = sides_of_array(array)
    try:
        recipe = Recipe(size=real[0].pixels.shape[1], background="alpha" if real[0].pixels.shape[3] == 4 else "white")
    except ValueError as error:
        raise TrainerError(str(error)) from None
    names, drawn, passed_over = read_folder(folder, recipe)
    if len(drawn) > samples:
        rows = np.random.default_rng(seed).permutation(len(drawn))[:samples]
        drawn = drawn[np.sort(rows)]
    facts = {"folder": str(folder), "pictures": len(names), "unreadable": len(passed_over), "version": info}
    return _evaluated(drawn, real, facts, _Sheets(sheets, force, folder), measured, say)


@dataclass(frozen=True)
class _Sheets:
    """Where sheets are written, if anywhere."""

    folder: Path | None
    force: bool
    near: Path

    def check(self) -> None:
        if self.folder is not None:
            check_folder(self.folder, SHEETS, force=self.force, near=[self.near])

    def write(self, sheets: dict[str, Array], answer: dict[str, Any]) -> None:
        if self.folder is None:
            return
        try:
            with new_folder(self.folder, SHEETS, force=self.force, near=[self.near]) as made:
                for name, sheet in sheets.items():
                    (made / f"{name}.png").write_bytes(png_bytes(sheet))
                write_marker(made / SHEETS.marker, answer)
        except OSError as error:
            raise io_failure(f"cannot write {self.folder}", error) from error


def _evaluated(
    drawn: Array, against: Sides, facts: dict[str, Any], sheets: _Sheets, measured: Measured | None, say: Say,
) -> dict[str, Any]:  # fmt: skip
    if len(drawn) < LEAST_SAMPLES:
        raise TrainerError(f"{len(drawn)} pictures are too few to judge; at least {LEAST_SAMPLES} are needed")
    sheets.check()
    say("comparing with the real pictures")
    measured = measured or Measured()
    network = feature_space(measured.features)
    real, own = real_features(against, network), network(drawn)
    diagnostics = Diagnostics(
        *against, len(drawn), derived_seed(0, "diagnostics", 0), real, one_scale=network.one_scale
    )
    found = diagnostics.look(drawn, own, network.name)
    answer = {**facts, **facts_of(found), "nearest": nearest_distances(found, diagnostics.scale.tau)}
    known = torch.cat([side for side in (real.training, real.held_out) if side.shape[1] == own.shape[1]])
    shares = clipped(known, own)
    answer["clipped"] = None if shares is None else rounded(vars(shares)) | {"features": network.name}
    if measured.inception is not None:
        say("computing published metrics, which takes minutes")
        pixels = np.concatenate([side.pixels for side in against if len(side)])
        answer["published"] = published_metrics(drawn, pixels, measured.inception)
    sheets.write({"nearest": nearest_sheet(drawn, found, *against), "group": group_sheet(drawn, found)}, answer)
    return answer


def facts_of(found: Findings) -> dict[str, Any]:
    """Findings as plain values, with "why" and "advice" for people."""
    values = found.diagnosis.to_json()
    card = summary(found.diagnosis)
    values["why"] = card.meaning
    values["advice"] = card.advice
    return values


def _of_run(run: RunDirectory) -> Sides:
    return real_sides(load_training_set(run, run.config(), torch.device("cpu"), verify=False))


def sides_of_array(array: Path) -> tuple[Sides, str]:
    """Training and held-out pictures of a prepared array, and the version's label. Raises TrainerError."""
    try:
        pixels = open_pictures(array)
        info = read_json_object(array.with_suffix(".json"), max_bytes=DATASET_BYTES)
    except (OSError, ValueError) as error:
        raise TrainerError(f"cannot read {array}: {error}", "data") from None
    split = info.get("split") or ["train"] * len(pixels)
    if not isinstance(split, list) or len(split) != len(pixels):
        raise TrainerError(f"{array.with_suffix('.json').name}: split must have one entry for each picture", "data")
    families = families_of(info, len(pixels))
    numbers = np.arange(len(pixels)) if families is None else families.numpy()
    inside = np.array([part == "train" for part in split])
    sides = tuple(RealPictures(np.ascontiguousarray(pixels[rows]), numbers[rows]) for rows in (inside, ~inside))
    if not len(sides[0]):
        raise TrainerError(f"{array} holds no training pictures", "data")
    version = info.get("version", "")
    return (sides[0], sides[1]), version if isinstance(version, str) else ""


def _stored(run: RunDirectory, name: str, event: SamplesSaved) -> Array | None:
    """The pictures of a grid of `event`, or None if they cannot be read."""
    try:
        return _cells(path_inside(run.path, name), event)
    except (OSError, ValueError, TrainerError):
        return None


def _cells(path: Path, event: SamplesSaved) -> Array:
    """The pictures of a stored grid, uint8 (N, size, size, C)."""
    picture = read_picture(path, formats=["PNG"], follow_links=False)
    if picture.size != (event.columns * event.size, event.rows * event.size):
        raise ValueError("a grid of another size")
    sheet = np.asarray(picture.convert("RGBA" if "A" in picture.getbands() else "RGB"))
    size = event.size
    cells = sheet.reshape(event.rows, size, event.columns, size, -1).swapaxes(1, 2)
    return np.ascontiguousarray(cells.reshape(-1, size, size, sheet.shape[2]))
