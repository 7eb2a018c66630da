"""Checkpoints: safetensors and one small state file, complete or absent, verified by digest, never unpickled.

A folder `checkpoints/00000500/` is written beside under another name and renamed when everything in it is on disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from trainer import files
from trainer.errors import TrainerError
from trainer.run_directory import CHECKPOINT_STATE

SCHEMA_VERSION = 1
BEST = "best"
SET_ASIDE = "set-aside-"
MACHINE_ANEW = "machine_anew"
"""In a checkpoint's state: batch, precision and layout are chosen again by whoever goes on from it."""


class NewerVersion(TrainerError):
    """A checkpoint of a newer version of this program: nothing is wrong with it."""


@dataclass
class Checkpoint:
    """Everything a run needs to go on exactly.

    Attributes:
        tensors: file stem -> name -> tensor on the CPU: generator, discriminator, optimiser_g, optimiser_d, ema.
        values: iteration, images_seen, trained_s, precision ... plain JSON.
    """

    tensors: dict[str, dict[str, torch.Tensor]]
    values: dict[str, Any] = field(default_factory=dict)


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `checkpoint` as `folder`, replacing an older one of that name. Raises OSError (disk full)."""
    folder.parent.mkdir(exist_ok=True)  # Not its parents: a run that was deleted meanwhile must not come back.
    beside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.part")
    beside.mkdir()
    try:
        written: dict[str, dict[str, Any]] = {}
        for stem, tensors in checkpoint.tensors.items():
            path = beside / f"{stem}.safetensors"
            _save_tensors(tensors, path)
            written[path.name] = {"bytes": path.stat().st_size, "sha256": files.file_digest(path)}
        state = {"schema_version": SCHEMA_VERSION, "files": written, **checkpoint.values}
        files.write_json(beside / CHECKPOINT_STATE, state)
        _sync_folder(beside)
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.old")
            files.replace(folder, old)
            files.replace(beside, folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            files.replace(beside, folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    try:
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    except SafetensorError as error:  # Its own errors hide the operating system's: tell a full disk apart.
        if "No space" in str(error) or "os error 28" in str(error):
            raise OSError(28, "No space left on device", str(path)) from None
        raise OSError(5, str(error), str(path)) from None
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make renames durable where folders can be synchronised (not on Windows)."""
    with contextlib.suppress(OSError, PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def state_of(folder: Path) -> dict[str, Any]:
    """The state file of a checkpoint. Raises TrainerError (cause "checkpoint")."""
    try:
        state = files.read_json(folder / CHECKPOINT_STATE)
        if not isinstance(state, dict) or not isinstance(state.get("files"), dict):
            raise ValueError("state.json has no list of files")
    except (OSError, ValueError) as error:
        raise TrainerError(f"checkpoint {folder.name} cannot be read: {error}", "checkpoint") from None
    if state.get("schema_version", 0) > SCHEMA_VERSION:
        raise NewerVersion(f"checkpoint {folder.name} was written by a newer version of this program", "checkpoint")
    return state


def verify(folder: Path) -> dict[str, Any]:
    """Check every file's size and digest; returns the state. Raises TrainerError (cause "checkpoint")."""
    state = state_of(folder)
    for name, facts in state["files"].items():
        path = folder / Path(name).name
        if not path.is_file() or path.stat().st_size != facts["bytes"] or files.file_digest(path) != facts["sha256"]:
            raise TrainerError(f"checkpoint {folder.name} is damaged: {name} is not what was written", "checkpoint")
    return state


def load(folder: Path, stems: Iterable[str] | None = None) -> Checkpoint:
    """Verify and read a checkpoint (only the files `stems`, if given). Raises TrainerError (cause "checkpoint")."""
    state = verify(folder)
    wanted = [Path(name).stem for name in state["files"]] if stems is None else [*stems]
    try:
        tensors = {stem: load_file(folder / f"{stem}.safetensors") for stem in wanted}
    except (OSError, SafetensorError) as error:
        raise TrainerError(f"checkpoint {folder.name} cannot be read: {error}", "checkpoint") from None
    return Checkpoint(tensors, {key: value for key, value in state.items() if key != "files"})


def newest_good(folders: list[Path]) -> tuple[Path | None, list[TrainerError]]:
    """The newest of `folders` (oldest first) that verifies, and what is wrong with each newer one, newest first."""
    complaints: list[TrainerError] = []
    for folder in reversed(folders):
        try:
            verify(folder)
        except TrainerError as error:
            complaints.append(error)
            continue
        return folder, complaints
    return None, complaints


def set_aside(folder: Path) -> Path:
    """Rename a checkpoint that cannot be used, so that nothing takes it for the newest, and nothing is lost."""
    number, kept = 1, folder.with_name(f"{SET_ASIDE}{folder.name}")
    while kept.exists():
        number += 1
        kept = folder.with_name(f"{SET_ASIDE}{folder.name}-{number}")
    files.replace(folder, kept)
    return kept


def clear_remains(folder: Path) -> None:
    """Remove what a killed writer left half done; restore a folder caught between its two renames."""
    if not folder.is_dir():
        return
    for path in list(folder.iterdir()):
        if path.name.startswith(".") and path.name.endswith(".part"):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name.startswith(".") and path.name.endswith(".old"):
            original = folder / path.name.split(".")[1]
            if original.exists():
                shutil.rmtree(path, ignore_errors=True)
            else:
                files.replace(path, original)


def prune(folders: list[Path], keep: int, milestones: int) -> None:
    """Remove old checkpoints: the newest `keep` and multiples of `milestones` stay."""
    for folder in folders[:-keep]:
        if not (milestones and int(folder.name) and int(folder.name) % milestones == 0):
            shutil.rmtree(folder, ignore_errors=True)


def module_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """A network's parameters and buffers, copied to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


@torch.no_grad()
def restore_module(module: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Copy `tensors` into the network, keeping its device and layout. Raises TrainerError when they do not fit."""
    own = module.state_dict()
    if own.keys() != tensors.keys():
        strange = sorted(own.keys() ^ tensors.keys())[0]
        raise TrainerError(f"the checkpoint belongs to other networks than config.json says ({strange})", "checkpoint")
    for name, value in tensors.items():
        if own[name].shape != value.shape:
            raise TrainerError(f"the checkpoint belongs to other networks than config.json says ({name})", "checkpoint")
        own[name].copy_(value)


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Adam's moments and step counts by parameter number, copied to the CPU."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    return {
        f"{index}.{name}": value.detach().cpu().clone()
        for index, parameter in enumerate(parameters)
        for name, value in optimiser.state[parameter].items()
    }


@torch.no_grad()
def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Copy `tensors` into Adam's state. Raises TrainerError when they do not fit."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for index, parameter in enumerate(parameters):
        for name, value in optimiser.state[parameter].items():
            saved = tensors.get(f"{index}.{name}")
            if saved is None or saved.shape != value.shape:
                raise TrainerError("the checkpoint's optimiser belongs to other networks", "checkpoint")
            value.copy_(saved)
