"""Where an export goes: what its folders hold, and remote addresses; `trainer.protocol.outputs` has local paths."""

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
from trainer.protocol.untrusted import UntrustedError

# Every exported folder holds this file; only folders with it are ever replaced. At an address it is the last to come
# and the first to go, so that a folder with it is whole.
MARKER = "export.json"
# Lies at an address from the first byte of an upload to its end.
UPLOADING = "export.uploading.json"
_UPLOADED_AT_ONCE = 256
_DIGEST = re.compile("[0-9a-f]{64}")


def folder_kind(format: str) -> FolderKind:
    """What the folder of a format, or of all of them, is to the guard of outputs."""
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
    """Whether `out` is an address such as s3://bucket/data.zip rather than a path."""
    return isinstance(out, str) and "://" in out


def local_path(out: Path | str) -> Path | None:
    """The absolute path of a target on this machine, None for an address elsewhere.

    An address that leads back here, such as file:///data/set, is a path like any other. Raises UserError for one
    that does so through something else (a cache, a chain of addresses).
    """
    if not is_remote(out):
        return Path(out).absolute()
    try:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        system, address = fsspec.core.url_to_fs(out)
    except Exception:
        return None  # `remote` tells why
    if isinstance(system, LocalFileSystem):
        return Path(address).absolute()
    while system := getattr(system, "fs", None):
        if isinstance(system, LocalFileSystem):
            raise UserError(f"{out} leads to a file of this machine; give its path instead")
    return None


@contextlib.contextmanager
def remote(out: str, kind: FolderKind | None, *, force: bool, job: Job = NULL_JOB) -> Iterator[Path]:
    """Yield a local path to write to; what is there afterwards is uploaded to the address.

    `kind` is that of a folder, None for a file. Needs fsspec and the package of the protocol. A single object appears
    whole (object stores do that). A folder cannot: while it is uploaded it holds `UPLOADING`, and only at the end
    `MARKER`. One that was interrupted is replaced like an earlier export. Raises UserError, OutputError and Cancelled.
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
        begun = is_folder and system.exists(f"{address}/{UPLOADING}")
    except Exception as error:
        # Whatever a protocol's package raises (no such protocol, no credentials, no network) is told in one line.
        raise UserError(f"cannot reach {out}: {_one_line(error)}") from None
    _refuse_workspace(system, address, out)
    if taken and is_folder != (kind is not None):
        raise UserError(f"{out} is a {'folder' if is_folder else 'file'}; this export is {'one' if kind else 'a file'}")
    if taken and not force:
        state = "holds an export that was interrupted" if begun else "exists"
        raise UserError(f"{out} {state}; use --force to replace it")
    with folders.scratch("gandam-export-") as folder:
        local = folder / (address.rsplit("/", 1)[-1] or "export")
        try:
            if kind and taken:
                _replaceable(system, address, out, kind)
            yield local
            if kind:
                # Asked again: somebody may have put something there while this was written.
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
        with contextlib.suppress(Exception):  # Not every store lets one ask about every folder.
            if system.exists(f"{folder}/workspace.sqlite"):
                raise OutputError(f"{out} lies inside the workspace {folder}; choose another place")


def _replaceable(system: Any, address: str, out: str, kind: FolderKind) -> list[str]:
    """What lies at an address where a folder is to be put. Raises OutputError unless all of it is an earlier export."""
    system.invalidate_cache()  # The listing may come from it.
    if not system.exists(address):
        return []
    start = len(address.strip("/")) + 1
    sizes = {path.strip("/")[start:]: info["size"] for path, info in system.find(address, detail=True).items()}
    if not sizes:
        return []
    begun = UPLOADING in sizes
    description: dict[str, Any] = {}
    found = ""
    names = sorted(sizes.keys() - {MARKER, UPLOADING})
    for marker in (UPLOADING, MARKER) if begun else (MARKER,):
        with contextlib.suppress(UntrustedError, FileNotFoundError), system.open(f"{address}/{marker}", "rb") as stream:
            # Buffered once more: the files of some stores cannot read a line of bounded length.
            description, listed = parsed_marker(io.BufferedReader(stream))
            if listed is None or begun:
                found = next((name for name in names if not kind.earlier.fullmatch(name)), "")
            else:
                found = unlisted(sorted(file_line(name, sizes[name]) for name in names), listed)
            break
    refuse_kind(out, kind.named(description), kind)
    refuse_found(out, found)
    return [f"{address}/{name}" for name in sizes]


def _upload_file(system: Any, local: Path, address: str) -> None:
    # Stores of objects have no folders, and some would make a bucket of a misspelt name.
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
    while some := list(itertools.islice(pairs, _UPLOADED_AT_ONCE)):
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
