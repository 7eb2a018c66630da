"""The input of an export: a version's entries and their pictures."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting.classes import Classes
from gandam_studio.core.exporting.formats import EDIT, LINK, RENDER
from gandam_studio.core.hashing import phash
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.decoding import sniff
from gandam_studio.core.pictures.rendering import Pixels
from gandam_studio.core.places import file_name
from gandam_studio.core.versions import files as version_files
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.versions.pictures import WHITE, detected_background, picture_of, rendered
from gandam_studio.core.versions.rendering_pool import in_order
from gandam_studio.core.versions.rendering_worker import Rendering, png_bytes
from gandam_studio.core.versions.scales import measure
from gandam_studio.core.workspace.lookups import sprites_with_ids
from gandam_studio.core.workspace.phashes import are_kept, kept, phashes
from trainer.protocol.folders import is_empty
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy

if TYPE_CHECKING:
    import numpy as np

    from gandam_studio.core.workspace import Workspace

_SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif"}
_ID_SHOWN = 12
_HASHED_AT_ONCE = 256
CAPTION = ".txt"
_NO_LETTERS = re.compile("[^0-9A-Za-z]+")
# Device names on Windows, with any suffix.
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


@dataclass
class Source:
    """A version to export. Entries are sorted by id and can be read any number of times.

    Attributes:
        workspace: the workspace of the version.
        version: the version to export.
        pictures: one of `formats.PICTURES`.
        recipe: used to render pictures.
        background: the colour that "detected" in the recipe stands for, "#rrggbb".
        job: receives progress for every sprite.
        spool: folder that stores rendered pictures for other formats, or None.
        classes: the classes of the sprites, or None.
        captions: whether to write a text file with the tags next to every picture.
        hashes: whether `phash` will be asked for.
    """

    workspace: Workspace
    version: ManifestVersion
    pictures: str
    recipe: Recipe
    job: Job = NULL_JOB
    background: str = ""
    spool: Path | None = None
    classes: Classes | None = None
    captions: bool = False
    hashes: bool = True
    header: dict[str, Any] = field(default_factory=dict)
    _ready: dict[str, bytes] = field(default_factory=dict, init=False)
    _ahead: list[str] = field(default_factory=list, init=False)
    _phashes: dict[str, str] = field(default_factory=dict, init=False)
    _longest: dict[str, int] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.header = version_files.header(self.workspace, self.version)
        if not self.background and self.recipe.background == "detected":
            self.background = detected_background(self.workspace, self.version)
        self.background = self.background or WHITE

    def lines(self) -> Iterator[bytes]:
        """Return the lines of the manifest, verified."""
        return version_files.manifest_lines(self.workspace, self.version, verified=True)

    def entries(self) -> Iterator[ManifestEntry]:
        """Return the entries, verified, without progress."""
        entries = version_files.manifest_entries(self.workspace, self.version, verified=True)
        while chunk := list(itertools.islice(entries, _HASHED_AT_ONCE)):
            self._ahead = [entry.id for entry in chunk]
            yield from chunk

    def row(self, entry: ManifestEntry) -> dict[str, Any]:
        """What a line of data says of an entry: the manifest's fields, and "phash" (see `phash`)."""
        return {**entry.values(), "phash": self.phash(entry)}

    def phash(self, entry: ManifestEntry) -> str:
        """ImageHash's pHash of the sprite as imported (see `workspace.phashes`); "" where its original is lost.

        It is not part of the manifest, whose digest does not depend on it. Asked for while entries are read, hashes
        are computed in batches, of those that were read ahead.
        """
        if entry.id not in self._phashes:
            self._hash(self._ahead if entry.id in self._ahead else [entry.id], {})
        return self._phashes[entry.id]

    def _hash(self, ids: list[str], reduced: Mapping[str, np.ndarray]) -> None:
        found = kept(self.workspace, ids)
        if rest := [id for id in ids if id not in found]:
            sprites = sorted(sprites_with_ids(self.workspace, rest), key=lambda sprite: sprite.seq)
            found |= {sprite.id: text for sprite, text in phashes(self.workspace, sprites, reduced)}
        self._phashes = dict.fromkeys(ids, "") | found

    def entries_with_progress(self) -> Iterator[ManifestEntry]:
        """Yield the entries and report each to the job. Raises Cancelled."""
        self.job.start("Exporting", self.version.sprites)
        for entry in self._rendered_ahead() if self.pictures == RENDER else self.entries():
            yield entry
            self.job.advance()

    def _rendered_ahead(self) -> Iterator[ManifestEntry]:
        """Yield the entries, while worker processes render the pictures of later ones."""
        if self.spool is not None and not is_empty(self.spool):
            yield from self.entries()
            return
        hashed = self.hashes and not are_kept(self.workspace)
        rendering = Rendering(
            self.workspace.originals.folder, self.recipe, self.background, png=True, longest=self.longest(),
            hashed=hashed,
        )  # fmt: skip
        with closing(in_order(rendering, self.entries(), self.version.sprites, self.job)) as chunks:
            for entries, pictures in chunks:
                self._ahead = [entry.id for entry in entries]
                if hashed:
                    reduced = [phash.unpack(data[: phash.BYTES]) for data in pictures]
                    self._hash(self._ahead, dict(zip(self._ahead, reduced, strict=True)))
                    pictures = [data[phash.BYTES :] for data in pictures]
                for entry, data in zip(entries, pictures, strict=True):
                    self._ready = {entry.id: data}
                    yield entry
        self._ready = {}

    def rendered(self, entry: ManifestEntry) -> Pixels:
        """Render an entry by the recipe: (size, size, C) uint8."""
        return rendered(self.workspace.originals, entry, self.recipe, self.background, self.longest())

    def longest(self) -> Mapping[str, int]:
        """Return the longest sides of pictures that are scaled alike (`scales.measure`), measured when first asked."""
        if self._longest is None:
            self._longest = measure(self.workspace, self.version, self.recipe, self.job)
        return self._longest

    def picture(self, entry: ManifestEntry) -> bytes:
        """Return the bytes of an entry's picture file: rendered by the recipe, edited at its own size, or the original.

        A sprite that is a part of its original (a frame, a region of a sheet) is returned as a PNG of that part.
        """
        if self.pictures == RENDER:
            return self._rendered_png(entry)
        if self.pictures == EDIT:
            return png_bytes(picture_of(self.workspace.originals, entry))
        if entry.part:
            whole = ManifestEntry(entry.id, entry.source, entry.source_digest, entry.width, entry.height, entry.part)
            return png_bytes(picture_of(self.workspace.originals, whole))
        return self.workspace.originals.read(entry.source_digest)

    def name(self, entry: ManifestEntry, data: bytes | None = None) -> str:
        """Return the file name of an entry's picture: readable, valid on every system, and unique by its id."""
        if self.pictures in (RENDER, EDIT) or entry.part:
            suffix = ".png"
        else:
            suffix = self._suffix(entry, data)
        return picture_stem(entry) + suffix

    def place(self, entry: ManifestEntry, folder: Path) -> str:
        """Write an entry's picture and caption to an existing folder, and return the picture's file name."""
        name = self.name(entry)
        if self.captions:
            (folder / f"{picture_stem(entry)}{CAPTION}").write_bytes(caption(entry))
        if self.pictures == LINK and not entry.part:
            original = self.workspace.originals.own_file(entry.source_digest)
            if original is not None and (problem := self.workspace.originals.damage(entry.source_digest)):
                raise UserError(f"the original of {entry.source} cannot be linked to: {problem}", Remedy.VERIFY)
            # Fall back to a copy: small originals are stored in packs, and hard links fail across file systems.
            with contextlib.suppress(OSError):
                if original is not None:
                    os.link(original, folder / name)
                    return name
        with open(f"{folder}{os.sep}{name}", "wb") as stream:  # joining paths takes longer than writing a small file
            stream.write(self.picture(entry))
        return name

    def description(self) -> dict[str, Any]:
        """Return the description stored in an export, without times, so that equal exports are equal bytes."""
        own: dict[str, Any] = {"classes": list(self.classes.names)} if self.classes else {}
        if self.captions:
            own["captions"] = True
        return {
            **own,
            "format_version": 1,
            "tool": self.header.get("tool", "GANdam Studio"),
            "version": self.version.label,
            "digest": self.version.digest,
            "message": self.version.message,
            "sprites": self.version.sprites,
            "pictures": self.pictures,
            "recipe": self.recipe.to_json() if self.pictures == RENDER else None,
        }

    def _rendered_png(self, entry: ManifestEntry) -> bytes:
        kept = self.spool / entry.id if self.spool else None
        if kept is not None:
            with contextlib.suppress(FileNotFoundError):
                return kept.read_bytes()
        data = self._ready.get(entry.id) or png_bytes(self.rendered(entry))
        if kept is not None:
            kept.write_bytes(data)
        return data

    def _suffix(self, entry: ManifestEntry, data: bytes | None) -> str:
        if data is None:
            try:
                with self.workspace.originals.open(entry.source_digest) as stream:
                    head = stream.read(512)
                    stream.seek(0, os.SEEK_END)
                    size = stream.tell()
                    stream.seek(max(0, size - 26))
                    tail = stream.read(26)
            except OSError as error:
                raise UserError(f"the original of {entry.source} cannot be read: {error.strerror or error}") from None
        else:
            head, tail, size = data[:512], data[-26:], len(data)
        kind = sniff(head, tail, size) or "bin"
        return _SUFFIXES.get(kind, f".{kind}")


def picture_stem(entry: ManifestEntry) -> str:
    """Return the stem of a picture's file name, from its source name and id: "zaku-0012-1f0c9e3b2a7d"."""
    return f"{_slug(entry)}-{entry.id[:_ID_SHOWN]}"


def readable_stem(entry: ManifestEntry) -> str:
    """Return a file name for an entry that is valid everywhere, from its source name: "zaku-0012"; not unique."""
    stem = _slug(entry)
    return f"sprite-{stem}" if stem in _RESERVED else stem


def _slug(entry: ManifestEntry) -> str:
    name = file_name(entry.source).rsplit(".", 1)[0]
    if name.isascii():  # fast, and what most are
        slug = _NO_LETTERS.sub("-", name)
    else:
        slug = re.sub("-+", "-", "".join(c if _is_letter(c) else "-" for c in unicodedata.normalize("NFC", name)))
    return slug.strip("-").lower()[:40].strip("-") or "sprite"


def caption(entry: ManifestEntry) -> bytes:
    """Return the caption of an entry, made of its tags."""
    return f"{', '.join(entry.tags)}\n".encode()


def id_start(stem: str) -> str:
    """Return the start of the sprite's id from the end of a `picture_stem`."""
    return stem[-_ID_SHOWN:]


def _is_letter(character: str) -> bool:
    """Whether to keep a character of a name: letters, combining marks and digits of any script."""
    return unicodedata.category(character)[0] in "LMN"
