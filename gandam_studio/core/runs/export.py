"""Exports a run as a folder or zip file, atomically, and moves runs to the trash."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.texts import encodable
from gandam_studio.core.trash import to_trash
from trainer.protocol import files, outputs
from trainer.protocol.run_directory import RunDirectory

_LEFT_BEHIND = ("commands", "lock")
_STORED = {".png", ".safetensors", ".zip"}
_CHUNK = 1 << 20


def export_run(run: RunDirectory, target: Path, job: Job = NULL_JOB) -> Path:
    """Copy a run to `target`: a zip when its name ends in .zip, else a new folder. Returns `target`.

    An existing zip file is replaced. A copy made while the run trains holds what is complete at that moment. Raises
    UserError (target refused, disk full) and Cancelled; nothing incomplete is left behind.
    """
    target = Path(target)
    as_zip = target.suffix.lower() == ".zip"
    real = _place(run, target, as_zip)
    members = sorted(_members(run.path))
    job.start("Exporting", sum(path.stat().st_size for path in members))
    part = real.with_name(f".{real.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        if as_zip:
            _write_zip(run, members, part, job)
        else:
            _write_folder(run, members, part, job)
        files.replace(part, _place(run, target, as_zip))
    except OSError as error:
        raise UserError(f"the run could not be exported to {target}: {error.strerror or error}") from None
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
    return target


def _place(run: RunDirectory, target: Path, as_zip: bool) -> Path:
    try:
        if as_zip:
            return outputs.check_file(target, force=True, near=[run.path])
        return outputs.check_new(target, near=[run.path])
    except outputs.OutputError as error:
        raise UserError.of(error) from None


def trash_run(run: RunDirectory) -> None:
    """Move a run's folder to the system's trash. Raises UserError while it is being trained, or without a trash."""
    if run.is_locked():
        raise UserError(f"{run.name} is being trained; stop it first")
    to_trash(run.path)


def _members(root: Path) -> Iterator[Path]:
    """The run's regular files, without links."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not files.is_link(Path(folder, name))]
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in _LEFT_BEHIND]
            names = [name for name in names if name not in _LEFT_BEHIND]
        folders.sort()
        for path in (Path(folder, name) for name in sorted(names) if not name.endswith(".part")):
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def _write_zip(run: RunDirectory, members: list[Path], part: Path, job: Job) -> None:
    with zipfile.ZipFile(part, "x", allowZip64=True) as archive:
        for path in members:
            # Names that are not UTF-8 are escaped, and dates that a zip cannot hold become the nearest that it can.
            name = encodable(f"{run.name}/{path.relative_to(run.path).as_posix()}")
            info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            info.compress_type = zipfile.ZIP_STORED if path.suffix in _STORED else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as sink:
                while chunk := source.read(_CHUNK):
                    sink.write(chunk)
                    job.advance(len(chunk))


def _write_folder(run: RunDirectory, members: list[Path], part: Path, job: Job) -> None:
    for path in members:
        copy = part / path.relative_to(run.path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, copy.open("xb") as sink:
            while chunk := source.read(_CHUNK):
                sink.write(chunk)
                job.advance(len(chunk))
