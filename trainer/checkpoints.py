"""Checkpoints: safetensors and a small state file, written atomically and verified by digest.

A folder such as `checkpoints/00000500/` is written under another name and renamed once it is complete on disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from trainer.adam import Adam
from trainer.protocol import files
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import MAX_ITERATION
from trainer.protocol.run_directory import CHECKPOINT_STATE, is_number
from trainer.protocol.untrusted import UntrustedError, Values, open_regular, read_json_object, shortened

SCHEMA_VERSION = 1
BEST = "best"
SET_ASIDE = "set-aside-"
POST_HOC_FACTS = "post_hoc"
"""In a checkpoint's state: what is known of an average that was made after training."""
MACHINE_ANEW = "machine_anew"
"""In a checkpoint's state: a run that resumes from it chooses batch, precision and layout anew."""
TRIES = 3
TRY_AGAIN_S = 0.2
_STATE_BYTES = 4 << 20
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
Result = TypeVar("Result")


class NewerVersion(TrainerError):
    """A checkpoint of a newer version of this program."""


class Unreadable(TrainerError):
    """A checkpoint that could not be read because of an I/O error; it may be intact."""


@dataclass
class Checkpoint:
    """Everything a run needs to resume exactly.

    Attributes:
        tensors: file stem -> name -> tensor on the CPU: generator, discriminator, optimiser_g, optimiser_d, ema.
        values: iteration, images_seen, trained_s, precision ... plain JSON.
    """

    tensors: dict[str, dict[str, torch.Tensor]]
    values: dict[str, Any] = field(default_factory=dict)


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `checkpoint` as `folder`, replacing an older one of that name. Raises OSError (disk full)."""
    files.own_folder(folder.parent)  # Not its parents, so that a deleted run does not reappear.
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
    except SafetensorError as error:
        raise _system_error(error, path) from None
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can (not on Windows)."""
    with contextlib.suppress(OSError, PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _system_error(error: SafetensorError, path: Path) -> OSError:
    """The operating system's error that a safetensors error holds in its text."""
    found = re.search(r"os error (\d+)", str(error))
    if found is None:
        return OSError(5, shortened(str(error)), str(path))
    number = int(found[1])
    return OSError(5, str(error), str(path), number) if os.name == "nt" else OSError(number, os.strerror(number), path)


def state_of(folder: Path) -> dict[str, Any]:
    """The validated state of a checkpoint. Raises TrainerError (cause "checkpoint"), Unreadable."""
    try:
        state = _patiently(folder, lambda: read_json_object(folder / CHECKPOINT_STATE, max_bytes=_STATE_BYTES))
        version = Values(state).integer("schema_version", 0)
        if version <= SCHEMA_VERSION:
            _check_state(Values(state))
    except (*_NOT_THERE, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TrainerError(f"checkpoint {folder.name} cannot be read: {reason}", "checkpoint") from None
    if version > SCHEMA_VERSION:
        raise NewerVersion(f"checkpoint {folder.name} was written by a newer version of this program", "checkpoint")
    return state


def _check_state(state: Values) -> None:
    for name, facts in state.raw("files").items() if isinstance(state.raw("files"), dict) else ():
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise UntrustedError(f"{shortened(name)!r} is not a valid name for a checkpoint's file")
        one = Values(facts, shortened(name))
        one.integer("bytes")
        one.text("sha256", max_length=64)
    state.object("files")
    state.integer("iteration", most=MAX_ITERATION)
    state.integer("images_seen")
    state.number("trained_s", least=0.0)
    for name in ("batch", "micro_batch"):
        state.integer(name, least=1, most=MAX_ITERATION)
    for name in ("bf16", "channels_last"):
        state.flag(name)
    for name in ("winograd", MACHINE_ANEW):
        state.flag(name, False)
    state.number("augment", least=0.0, most=1.0)
    state.number("sign_sum")
    state.integer("sign_count")
    best = state.object("best", Values({}))
    best.text("name", "", max_length=200)
    best.number("value", 0.0)
    best.integer("iteration", 0)
    best.text("features", "", max_length=200)


def _patiently(folder: Path, read: Callable[[], Result]) -> Result:
    """`read()`, retried after I/O errors, such as those of a network drive or a virus scanner.

    Raises Unreadable when all tries fail. A missing file is not retried.
    """
    for left in reversed(range(TRIES)):
        try:
            return read()
        except _NOT_THERE:
            raise
        except OSError as error:
            if not left:
                reason = error.strerror or error
                raise Unreadable(f"checkpoint {folder.name} cannot be read at the moment: {reason}", "io") from None
            time.sleep(TRY_AGAIN_S)
    raise AssertionError("unreachable")


def verify(folder: Path) -> dict[str, Any]:
    """Check every file's size and digest; returns the state. Raises TrainerError (cause "checkpoint"), Unreadable."""
    state = state_of(folder)
    for name, facts in state["files"].items():
        path = folder / name
        if not _patiently(folder, lambda: _is_whole(path, facts["bytes"], facts["sha256"])):  # noqa: B023
            raise TrainerError(
                f"checkpoint {folder.name} is damaged: {name} has changed since it was written", "checkpoint"
            )
    return state


def _is_whole(path: Path, size: int, digest: str) -> bool:
    try:
        with open_regular(path) as stream:
            if os.fstat(stream.fileno()).st_size != size:
                return False
            return hashlib.file_digest(cast(BinaryIO, stream), "sha256").hexdigest() == digest  # type: ignore[arg-type]
    except (*_NOT_THERE, UntrustedError):
        return False


def load(folder: Path, stems: Iterable[str] | None = None, *, verified: dict[str, Any] | None = None) -> Checkpoint:
    """Verify and read a checkpoint (only the files `stems`, if given). Raises TrainerError (cause "checkpoint").

    `verified`: what `verify` has just returned for it, so that nothing is hashed twice.
    """
    state = verify(folder) if verified is None else verified
    wanted = [Path(name).stem for name in state["files"]] if stems is None else [*stems]
    try:
        tensors = {stem: load_file(folder / f"{stem}.safetensors") for stem in wanted}
    except (OSError, SafetensorError) as error:
        raise TrainerError(f"checkpoint {folder.name} cannot be read: {error}", "checkpoint") from None
    return Checkpoint(tensors, {key: value for key, value in state.items() if key != "files"})


def newest_good(folders: list[Path]) -> tuple[Path | None, list[TrainerError]]:
    """The newest of `folders` (oldest first) that verifies, and the errors of the newer ones, newest first.

    Raises Unreadable when a newer one may be intact, since resuming from an older one would train its iterations again.
    """
    folder, _, complaints = newest_verified(folders)
    return folder, complaints


def newest_verified(folders: list[Path]) -> tuple[Path | None, dict[str, Any] | None, list[TrainerError]]:
    """As `newest_good`, with what `verify` returned for that folder."""
    complaints: list[TrainerError] = []
    for folder in reversed(folders):
        try:
            return folder, verify(folder), complaints
        except Unreadable:
            raise
        except TrainerError as error:
            complaints.append(error)
    return None, None, complaints


def copy_to(folder: Path, target: Path) -> None:
    """Copy a checkpoint's own files into the new folder `target` and verify the copy.

    Raises OSError, and TrainerError, for instance when the original is removed or replaced meanwhile.
    """
    state = verify(folder)
    target.mkdir()
    try:
        for name in (*state["files"], CHECKPOINT_STATE):
            with open_regular(folder / name) as source, (target / name).open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        verify(target)
    except (*_NOT_THERE, UntrustedError) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise TrainerError(f"checkpoint {folder.name} was removed while it was copied: {error}", "checkpoint") from None
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def set_aside(folder: Path) -> Path:
    """Rename an unusable checkpoint, so that it is kept but no longer counts as the newest."""
    number, kept = 1, folder.with_name(f"{SET_ASIDE}{folder.name}")
    while kept.exists():
        number += 1
        kept = folder.with_name(f"{SET_ASIDE}{folder.name}-{number}")
    files.replace(folder, kept)
    return kept


def clear_remains(folder: Path) -> None:
    """Clean up after a writer that was killed: remove partial folders, restore one caught between two renames."""
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
    """Remove old checkpoints, except the newest `keep` and multiples of `milestones`."""
    for folder in (folder for folder in folders[:-keep] if is_number(folder.name)):
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
        raise TrainerError(f"the checkpoint does not match the networks of config.json ({strange})", "checkpoint")
    for name, value in tensors.items():
        if own[name].shape != value.shape or value.is_complex():
            raise TrainerError(f"the checkpoint does not match the networks of config.json ({name})", "checkpoint")
        own[name].copy_(value)


def optimiser_tensors(optimiser: Adam) -> dict[str, torch.Tensor]:
    """Adam's moments and step counts by parameter number, copied to the CPU."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    return {
        f"{index}.{name}": value.detach().cpu().clone()
        for index, parameter in enumerate(parameters)
        for name, value in optimiser.state[parameter].items()
    }


@torch.no_grad()
def restore_optimiser(optimiser: Adam, tensors: dict[str, torch.Tensor]) -> None:
    """Copy `tensors` into Adam's state. Raises TrainerError when they do not fit."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for index, parameter in enumerate(parameters):
        for name, value in optimiser.state[parameter].items():
            saved = tensors.get(f"{index}.{name}")
            if saved is None or saved.shape != value.shape or saved.is_complex():
                raise TrainerError("the checkpoint's optimiser does not match the networks", "checkpoint")
            value.copy_(saved)
