"""Export targets: the contents of exported folders, and remote URLs. For local paths see `trainer.protocol.outputs`."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting.formats import ALL, FORMATS
from gandam_studio.core.jobs import NULL_JOB, Cancelled, Job
from trainer.protocol import folders
from trainer.protocol.output_folders import FolderKind, file_line, parsed_marker, refuse_found, refuse_kind, unlisted
from trainer.protocol.outputs import OutputError
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import UntrustedError

# Every exported folder has this file; only folders with it are ever replaced. In a remote folder it is written last and
# removed first, so that a folder with it is complete.
MARKER = "export.json"
# Exists in a remote folder during an upload.
UPLOADING = "export.uploading.json"
_UPLOAD_BATCH = 256
_DIGEST = re.compile("[0-9a-f]{64}")


def folder_kind(format: str) -> FolderKind:
    """Return the description of a format's folder, or that of all formats, for the check of existing targets."""
    if format == ALL:
        alone = [re.escape(form.path) for form in FORMATS.values() if form.embeds or not form.folder]
        beside = [rf"{re.escape(form.path)}/({form.held}|{MARKER})" for form in FORMATS.values() if form.held]
        pattern = "|".join(alone + beside)
    else:
        pattern = FORMATS[format].held
    return FolderKind(MARKER, _kind_name(format), _named, re.compile(pattern))


def _kind_name(format: str) -> str:
    return "export of all formats" if format == ALL else f"{format} export"


def _named(description: dict[str, Any]) -> str:
    format, digest = description.get("format"), description.get("digest")
    known = format == ALL or (isinstance(format, str) and format in FORMATS)
    ours = known and isinstance(digest, str) and _DIGEST.fullmatch(digest) and "tool" in description
    return _kind_name(str(format)) if ours else ""


def is_remote(out: Path | str) -> bool:
    """Whether `out` is a URL such as s3://bucket/data.zip rather than a path."""
    return isinstance(out, str) and "://" in out


def local_path(out: Path | str) -> Path | None:
    """Return the absolute path of a target on this machine; None for a remote URL.

    A URL of a local file, such as file:///data/set, is treated as a path. Raises UserError for a URL that leads to a
    local file indirectly (through a cache, or chained URLs).
    """
    if not is_remote(out):
        return Path(out).absolute()
    try:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        system, address = fsspec.core.url_to_fs(out)
    except Exception:
        return None  # `remote` reports the error
    if isinstance(system, LocalFileSystem):
        return Path(address).absolute()
    while system := getattr(system, "fs", None):
        if isinstance(system, LocalFileSystem):
            raise UserError(f"{out} leads to a file on this machine; give its path instead")
    return None


@contextlib.contextmanager
def remote(out: str, kind: FolderKind | None, *, force: bool, job: Job = NULL_JOB) -> Iterator[Path]:
    """Yield a local path to write to, and upload the result to the URL afterwards.

    `kind` describes a folder; it is None for a file. Needs fsspec and the package of the protocol. A single object is
    uploaded atomically by the object store. A folder contains `UPLOADING` during the upload, and `MARKER` only at the
    end. An interrupted upload can be replaced like an earlier export. Raises UserError, OutputError and Cancelled.
    """
    try:
        import fsspec
    except ImportError:
        raise UserError("remote targets need fsspec: pip install 'gandam-studio[remote]'") from None
    try:
        system, address = fsspec.core.url_to_fs(out)
        address = address.rstrip("/")
        taken = system.exists(address) and not (system.isdir(address) and not system.ls(address))
        is_folder = taken and system.isdir(address)
        interrupted = is_folder and system.exists(f"{address}/{UPLOADING}")
    except Exception as error:
        # Protocol packages raise anything: unknown protocol, no credentials, no network.
        raise UserError(f"cannot reach {out}: {_one_line(error)}") from None
    _refuse_workspace(system, address, out)
    if taken and is_folder != (kind is not None):
        raise UserError(
            f"{out} is a {'folder' if is_folder else 'file'}, but this export is a {'folder' if kind else 'file'}"
        )
    if taken and not force:
        state = "contains an interrupted export" if interrupted else "exists"
        raise UserError(f"{out} {state}", Remedy.REPLACE)
    with folders.scratch("gandam-export-") as folder:
        local = folder / (address.rsplit("/", 1)[-1] or "export")
        try:
            if kind and taken:
                _replaceable(system, address, out, kind)
            yield local
            if kind:
                # Check again: the folder may have changed while the export was written.
                _upload_folder(system, local, address, _replaceable(system, address, out, kind), job)
            else:
                _upload_file(system, local, address)
        except (Cancelled, OutputError, UserError):
            raise
        except Exception as error:
            raise UserError(f"cannot write {out}: {_one_line(error)}") from None


def _refuse_workspace(system: Any, address: str, out: str) -> None:
    place = PurePosixPath(address)
    for folder in (place, *place.parents[:-1]):
        with contextlib.suppress(Exception):  # Some stores deny access to some folders.
            if system.exists(f"{folder}/workspace.sqlite"):
                raise OutputError(f"{out} lies inside the workspace {folder}; choose another place")


def _replaceable(system: Any, address: str, out: str, kind: FolderKind) -> list[str]:
    """Return the files in a remote folder. Raises OutputError unless all of them belong to an earlier export."""
    system.invalidate_cache()  # It may have an outdated listing.
    if not system.exists(address):
        return []
    start = len(address.strip("/")) + 1
    sizes = {path.strip("/")[start:]: info["size"] for path, info in system.find(address, detail=True).items()}
    if not sizes:
        return []
    interrupted = UPLOADING in sizes
    description: dict[str, Any] = {}
    found = ""
    names = sorted(sizes.keys() - {MARKER, UPLOADING})
    for marker in (UPLOADING, MARKER) if interrupted else (MARKER,):
        with contextlib.suppress(UntrustedError, FileNotFoundError), system.open(f"{address}/{marker}", "rb") as stream:
            # Buffered, because the file objects of some stores cannot limit the length of a line.
            description, listed = parsed_marker(io.BufferedReader(stream))
            if listed is None or interrupted:
                found = next((name for name in names if not kind.earlier.fullmatch(name)), "")
            else:
                found = unlisted(sorted(file_line(name, sizes[name]) for name in names), listed)
            break
    refuse_kind(out, kind.named(description), kind)
    refuse_found(out, found)
    return [f"{address}/{name}" for name in sizes]


def _upload_file(system: Any, local: Path, address: str) -> None:
    # Object stores have no folders, and some would create a bucket for a misspelt name.
    if not system.async_impl:
        parent = address.rsplit("/", 1)[0]
        if parent:
            system.makedirs(parent, exist_ok=True)
    system.put_file(str(local), address)


def _upload_folder(system: Any, local: Path, address: str, old: list[str], job: Job) -> None:
    marker, uploading = f"{address}/{MARKER}", f"{address}/{UPLOADING}"
    _upload_file(system, local / MARKER, uploading)
    if marker in old:
        system.rm_file(marker)
    if rest := [path for path in old if path not in (marker, uploading)]:
        system.rm(rest)
    job.start("Uploading", sum(1 for _ in folders.files_under(local)) - 1)
    paths = (Path(entry.path) for entry in folders.files_under(local))
    pairs = ((str(path), f"{address}/{path.relative_to(local).as_posix()}") for path in paths if path != local / MARKER)
    while some := list(itertools.islice(pairs, _UPLOAD_BATCH)):
        if system.async_impl:
            system.put([place for place, _ in some], [target for _, target in some])
            job.advance(len(some))
        else:
            for place, target in some:
                _upload_file(system, Path(place), target)
                job.advance()
    _upload_file(system, local / MARKER, marker)
    system.rm_file(uploading)


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
