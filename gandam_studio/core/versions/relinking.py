"""Relink: find missing or damaged originals by digest, and restore them.

What reads archives is imported when it is needed: every window asks for the newest version as it starts.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.versions.verifying import needed_originals
from gandam_studio.core.workspace.packs import is_pack, sound_records

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class Relinked:
    """The result of `relink`.

    Attributes:
        found: digest -> file it was restored from.
        missing: digest not found -> names of the sprites that need it.
    """

    found: dict[str, str]
    missing: dict[str, tuple[str, ...]]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"found": self.found, "missing": {digest: list(names) for digest, names in self.missing.items()}}


def relink(workspace: Workspace, places: Iterable[Path | str], *, job: Job = NULL_JOB) -> Relinked:
    """Search files and folders for the originals that are missing or damaged, and restore them.

    Files are identified by SHA-256, regardless of name and date. Sizes recorded at import rule out most files without
    reading them. Packs of a workspace or of its backup and zip and tar archives are searched too. Raises UserError (no
    such place, disk full) and Cancelled.
    """
    from gandam_studio.core.importing.archives import archive_kind

    workspace.require_writable()
    needed = needed_originals(workspace)
    job.start("Looking for damage", len(needed))
    wanted: dict[str, list[str]] = {}
    for digest, names in needed.items():
        if workspace.originals.damage(digest):
            wanted[digest] = names
        job.advance()
    found: dict[str, str] = {}
    sizes = _known_sizes(workspace, wanted)
    job.start("Searching", None)
    for path in _files(places) if wanted else ():
        if len(found) == len(wanted):
            break
        job.advance()
        if is_pack(path):
            originals = _originals_in_pack(path, job)
        elif kind := archive_kind(path):
            originals = _originals_in_archive(path, kind, sizes, job)
        else:
            originals = _original_in_file(path, wanted, sizes)
        for digest, data in originals:
            if digest in wanted and digest not in found:
                _restore(workspace, path, digest, data)
                found[digest] = str(path)
    return Relinked(found, {digest: tuple(names) for digest, names in wanted.items() if digest not in found})


def _known_sizes(workspace: Workspace, wanted: Iterable[str]) -> set[int] | None:
    """Return the possible sizes in bytes of the wanted files; None if one of them is unknown."""
    sizes: set[int] = set()
    for digest in wanted:
        row = workspace.connection.execute(
            "SELECT size FROM sources WHERE file_digest = ? AND size > 0 LIMIT 1",
            (digest,),
        ).fetchone()
        if row is None:
            return None
        sizes.add(int(row[0]))
    return sizes


def _files(places: Iterable[Path | str]) -> Iterator[Path]:
    """Yield every regular file in the given places, recursively. Links to folders are not followed."""
    for place in map(Path, places):
        if place.is_file():
            yield place
        elif place.is_dir():
            for folder, _, names in os.walk(place):
                yield from filter(os.path.isfile, (Path(folder) / name for name in sorted(names)))
        else:
            raise UserError(f"there is no file or folder {place}")


def _originals_in_pack(path: Path, job: Job) -> Iterator[tuple[str, bytes]]:
    """Yield digest and bytes of the records of a pack, of any workspace or backup."""
    try:
        for _, digest, data in sound_records(path):
            job.advance()
            yield digest.hex(), data
    except (OSError, ValueError):  # the file cannot be mapped
        return


def _originals_in_archive(path: Path, kind: str, sizes: set[int] | None, job: Job) -> Iterator[tuple[str, bytes]]:
    """Yield digest and bytes of the entries of an archive that may be wanted, within the limits of an import."""
    from gandam_studio.core.importing.archives import ZipReader, list_archive
    from gandam_studio.core.importing.items import Item
    from gandam_studio.core.importing.options import ArchiveLimits
    from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, UnreadablePicture

    reader = ZipReader()
    try:
        for entry in list_archive(str(path), kind, DEFAULT_LIMITS, ArchiveLimits(), check=job.check):
            item = entry if isinstance(entry, Item) else entry[0]
            if not isinstance(entry, Item) or (sizes is not None and item.size not in sizes):
                continue
            data = item.data
            if data is None:
                try:
                    data = reader.read(item.path, item.index, DEFAULT_LIMITS.max_file_bytes)
                except UnreadablePicture:
                    continue
            job.advance()
            yield hashlib.sha256(data).hexdigest(), data
    except (UnreadablePicture, OSError):  # damaged: what came before is searched
        return
    finally:
        reader.close()


def _original_in_file(path: Path, wanted: dict[str, list[str]], sizes: set[int] | None) -> Iterator[tuple[str, bytes]]:
    """Yield digest and bytes of a file if it is one of the wanted originals."""
    try:
        if sizes is not None and path.stat().st_size not in sizes:
            return
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        data = path.read_bytes() if digest in wanted else b""
    except OSError:
        return
    if digest in wanted:
        if hashlib.sha256(data).hexdigest() != digest:
            raise UserError(f"{path} changed while it was being read")
        yield digest, data


def _restore(workspace: Workspace, path: Path, digest: str, data: bytes) -> None:
    try:
        workspace.originals.replace(digest, data)
    except OSError as error:
        raise UserError(f"cannot restore an original from {path}: {error.strerror or error}") from None
