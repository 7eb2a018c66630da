"""Reading an export again: its entries and its pictures, from jsonl, imagefolder and stylegan zips."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gandam_studio.core.archives.folder import ZipFolder
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import imagefolder
from gandam_studio.core.exporting.formats import NONE, RENDER
from gandam_studio.core.exporting.imagefolder import METADATA
from gandam_studio.core.exporting.source import id_start, picture_stem
from gandam_studio.core.exporting.stylegan import DATASET
from gandam_studio.core.exporting.target import MARKER
from trainer import files
from trainer.manifest import ManifestEntry, read_manifest
from trainer.untrusted import parse_json

_JSON_BYTES = 16 << 20  # a list may be this long in any archive; a longer one grows with the pictures it lists


@dataclass(frozen=True)
class ReadBack:
    """An export as read.

    Attributes:
        format: "jsonl", "imagefolder" or "stylegan".
        pictures: how it carries pictures ("none", "copy", "link", "render"). Rendered ones show flip, crop and
            rotation already.
        entries: in the order of the manifest.
        files: sprite id -> where its picture lies: a path, or "archive.zip!member"; empty without pictures.
        place: what to import to get the pictures: a folder or an archive; None without pictures.
    """

    format: str
    pictures: str
    entries: tuple[ManifestEntry, ...]
    files: dict[str, str]
    place: Path | None

    @property
    def rendered(self) -> bool:
        """Whether the pictures show the edits, so that those must not be applied again."""
        return self.pictures == RENDER


def read_export(path: Path | str) -> ReadBack:
    """Read what `export` wrote: a manifest (alone, or in a folder with pictures), an imagefolder, a StyleGAN zip.

    Raises UserError when it is none of these or is damaged.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _read_folder(path)
        if _is_zip(path):
            return _read_zip(path)
        return ReadBack("jsonl", NONE, tuple(read_manifest(path)), {}, None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path} cannot be read as an export: {reason}") from None


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _read_folder(folder: Path) -> ReadBack:
    pictures = _pictures_of(folder)
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        entries = tuple(read_manifest(manifest))
        found = _by_stem(entries, (folder / "pictures").iterdir())
        return ReadBack("jsonl", pictures, entries, found, folder / "pictures")
    lists = sorted(folder.glob(f"*/{METADATA}")) or sorted(folder.glob(METADATA))
    if not lists:
        raise UserError(f"{folder} holds neither manifest.jsonl nor {METADATA}")
    rows = [(path.parent, row) for path in lists for row in _json_lines(path)]
    found = {row["id"]: str(parent / row["file_name"]) for parent, row in rows}
    entries = tuple(sorted((imagefolder.entry_of(row) for _, row in rows), key=lambda entry: entry.id))
    return ReadBack("imagefolder", pictures, entries, found, folder)


def _read_zip(path: Path) -> ReadBack:
    with ZipFolder(path) as archive:
        description = parse_json(archive.read(DATASET, max(_JSON_BYTES, 2 * path.stat().st_size)))
        if "sprites" not in description:
            raise UserError(f"{path} was not written by GANdam Studio: import it as pictures")
        names = archive.names
    rows: list[dict[str, Any]] = description["sprites"]
    if missing := [row["file_name"] for row in rows if row["file_name"] not in names]:
        raise UserError(f"{path} lacks {missing[0]}")
    entries = tuple(ManifestEntry.from_json(row) for row in rows)
    found = {row["id"]: f"{path}!{row['file_name']}" for row in rows}
    return ReadBack("stylegan", RENDER, entries, found, path)


def _pictures_of(folder: Path) -> str:
    return str(files.read_json(folder / MARKER)["pictures"])


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        yield from map(json.loads, stream)


def _by_stem(entries: Iterable[ManifestEntry], paths: Iterable[Path]) -> dict[str, str]:
    """Match pictures to entries by the start of the id in the name that an export gives them."""
    starts = {id_start(path.stem): str(path) for path in paths}
    return {entry.id: starts[start] for entry in entries if (start := id_start(picture_stem(entry))) in starts}
