"""Read the entries and pictures of an export: jsonl, imagefolder or a stylegan zip."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gandam_studio.core.archives.folder import ZipFolder
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import imagefolder
from gandam_studio.core.exporting.formats import NONE, PICTURES, RENDER
from gandam_studio.core.exporting.imagefolder import METADATA
from gandam_studio.core.exporting.source import CAPTION, id_start, picture_stem
from gandam_studio.core.exporting.stylegan import DATASET
from gandam_studio.core.exporting.target import MARKER
from trainer.protocol.manifest import MAX_LINE_BYTES, ManifestEntry, read_manifest
from trainer.protocol.output_folders import opened_marker
from trainer.protocol.untrusted import (
    MAX_INTEGER,
    Values,
    bounded_lines,
    open_regular,
    parse_json,
    path_inside,
    relative_parts,
    shortened,
)

_SMALL_LIST = 16 << 20  # bytes; a larger list in a StyleGAN zip must be stored uncompressed


@dataclass(frozen=True)
class ReadBack:
    """The contents of an export.

    Attributes:
        format: "jsonl", "imagefolder" or "stylegan".
        pictures: how pictures are included ("none", "copy", "link", "render"). Flip, crop and rotation are already
            applied to rendered ones.
        entries: in the order of the manifest.
        files: sprite id -> its picture: a path, or "archive.zip!member"; empty without pictures.
        place: the folder or archive to import the pictures from; None without pictures.
    """

    format: str
    pictures: str
    entries: tuple[ManifestEntry, ...]
    files: dict[str, str]
    place: Path | None

    @property
    def rendered(self) -> bool:
        """Whether edits are applied to the pictures already, and must not be applied again."""
        return self.pictures == RENDER


def read_export(path: Path | str) -> ReadBack:
    """Read an export: a manifest (alone, or in a folder with pictures), an imagefolder or a StyleGAN zip.

    Every value is checked, and pictures outside the export are not accepted. Raises UserError if it is none of these
    or is damaged.
    """
    path = Path(path)
    try:
        if path.is_dir():
            read = _read_folder(path)
        elif _is_zip(path):
            read = _read_zip(path)
        else:
            read = ReadBack("jsonl", NONE, tuple(read_manifest(path)), {}, None)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path} cannot be read as an export: {reason}") from None
    _require_unique(path, read.entries)
    return read


def _require_unique(path: Path, entries: Iterable[ManifestEntry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise UserError(f"{path} cannot be read as an export: {entry.id} is listed twice")
        seen.add(entry.id)


def _is_zip(path: Path) -> bool:
    with open_regular(path) as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _read_folder(folder: Path) -> ReadBack:
    pictures = _pictures_of(folder)
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        entries = tuple(read_manifest(manifest))
        found = _by_stem(entries, folder, "pictures")
        return ReadBack("jsonl", pictures, entries, found, folder / "pictures")
    lists = sorted(folder.glob(f"*/{METADATA}")) or sorted(folder.glob(METADATA))
    if not lists:
        raise UserError(f"{folder} contains neither manifest.jsonl nor {METADATA}")
    listed: list[ManifestEntry] = []
    places: dict[str, str] = {}
    inside = _Inside(folder)
    for path in lists:
        split = path.parent.relative_to(folder)
        inside.file(split.as_posix(), path.name)
        for row, where in _json_lines(path):
            entry = imagefolder.entry_of(row, where)
            try:
                place = inside.file(split.as_posix(), Values(row).text("file_name"))
            except ValueError as error:
                raise ValueError(f"{where}: file_name: {error}") from None
            listed.append(entry)
            if place is not None:
                places[entry.id] = place
    return ReadBack("imagefolder", pictures, tuple(sorted(listed, key=lambda entry: entry.id)), places, folder)


def _read_zip(path: Path) -> ReadBack:
    with ZipFolder(path) as archive:
        # Exported zips are not compressed, so the list is never longer than the file.
        data = archive.read(DATASET, max(_SMALL_LIST, path.stat().st_size))
        names = archive.names
    description = Values(parse_json(data), DATASET)
    if "sprites" not in description:
        raise UserError(f"{path} was not written by GANdam Studio; import it as pictures instead")
    entries, found = [], {}
    for number, row in enumerate(description.items("sprites", most=MAX_INTEGER), start=1):
        where = f"{DATASET}, sprite {number}"
        entry = ManifestEntry.from_json(row, where)
        name = Values(row, where).text("file_name")
        if name not in names:
            raise UserError(f"{path} does not contain {shortened(name)}")
        entries.append(entry)
        found[entry.id] = f"{path}!{name}"
    return ReadBack("stylegan", RENDER, tuple(entries), found, path)


def _pictures_of(folder: Path) -> str:
    with opened_marker(folder / MARKER) as (description, _listed):
        return Values(description, MARKER).choice("pictures", PICTURES)


def _json_lines(path: Path) -> Iterator[tuple[Any, str]]:
    """Yield every row with its location, for error messages."""
    with open_regular(path) as stream:
        for number, line in enumerate(bounded_lines(stream, MAX_LINE_BYTES), start=1):
            where = f"{path.name}, line {number}"
            try:
                yield parse_json(line), where
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None


def _by_stem(entries: Iterable[ManifestEntry], folder: Path, pictures: str) -> dict[str, str]:
    """Match pictures to entries by the start of the id in their file names.

    Raises UntrustedError for a link that leads out of the export.
    """
    wanted = {id_start(picture_stem(entry)): entry.id for entry in entries}
    found, inside = {}, _Inside(folder)
    for path in (folder / pictures).iterdir():
        start = id_start(path.stem) if path.suffix != CAPTION else ""
        if start in wanted and (place := inside.file(pictures, path.name)) is not None:
            found[wanted[start]] = place
    return found


class _Inside:
    """Finds files in a folder, and rejects links that lead out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked: set[Path] = set()

    def file(self, below: str, name: str) -> str | None:
        """Return the path of a regular file, or None. Raises UntrustedError if it lies outside the folder."""
        path = self._folder.joinpath(below, *relative_parts(name))
        try:
            mode = path.lstat().st_mode
        except OSError:
            return None
        # Resolving every path would take longer than reading the picture: check only links and new folders.
        if stat.S_ISLNK(mode) or path.parent not in self._checked:
            path_inside(self._folder, path.relative_to(self._folder).as_posix())
            self._checked.add(path.parent)
            try:
                mode = path.stat().st_mode
            except OSError:
                return None
        return str(path) if stat.S_ISREG(mode) else None
