"""Rendering a chunk of a version's entries, in a worker process (see `core.workers.serving`) or here."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.hashing import phash
from gandam_studio.core.pictures.encoding import png_bytes
from gandam_studio.core.pictures.rendering import longest_side
from gandam_studio.core.versions.pictures import by_recipe, edited, whole_of
from gandam_studio.core.workers.serving import Handle, Report
from gandam_studio.core.workspace.originals import Originals, Some
from trainer.protocol.frames import pack, unpack
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy


@dataclass(frozen=True)
class Rendering:
    """What is made of entries.

    Attributes:
        originals: folder that holds them.
        recipe: applied to each.
        background: what the recipe's "detected" stands for, "#rrggbb".
        png: whether results are PNG files; else bare pixels, (size, size, C) uint8.
        measures: return the longest side of each picture instead, as a 32-bit number (`rendering.longest_side`).
        longest: longest side of the pictures that are scaled alike (`scales.measure`).
        hashed: whether each result begins with what the sprite's pHash is made of (`hashing.phash.reduced`), so that
            no original has to be decoded twice.
    """

    originals: Path
    recipe: Recipe
    background: str
    png: bool
    measures: bool = False
    longest: Mapping[str, int] = field(default_factory=dict)
    hashed: bool = False

    def pictures(
        self, originals: Originals, entries: Sequence[ManifestEntry], report: Report = lambda position: None
    ) -> list[bytes]:
        """The bytes of each entry's picture. Raises UserError as `versions.pictures.rendered` does."""
        pictures = []
        with originals.together(entry.source_digest for entry in entries) as some:
            for position, entry in enumerate(entries):
                report(position)
                pictures.append(self._picture(some, entry))
        return pictures

    def _picture(self, originals: Some, entry: ManifestEntry) -> bytes:
        whole = whole_of(originals, entry)
        shown = edited(whole, entry)
        if self.measures:
            return struct.pack("<I", longest_side(shown, self.recipe))
        pixels = by_recipe(shown, entry, self.recipe, self.background, self.longest)
        result = png_bytes(pixels) if self.png else pixels.tobytes()
        return phash.reduced(whole).tobytes() + result if self.hashed else result

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "originals": str(self.originals),
            "recipe": self.recipe.to_json(),
            "background": self.background,
            "png": self.png,
            "measures": self.measures,
            "longest": dict(self.longest),
            "hashed": self.hashed,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Rendering:
        """The inverse of `to_json`."""
        recipe = Recipe.from_json(values["recipe"])
        return cls(**{**values, "originals": Path(values["originals"]), "recipe": recipe})


@contextlib.contextmanager
def prepare(settings: dict[str, Any]) -> Iterator[Handle]:
    """Make ready to render chunks; `settings` are those of a `Rendering`."""
    rendering = Rendering.from_json(settings)
    with Originals(rendering.originals, read_only=True) as originals:

        def render(frame: bytes, report: Report) -> bytes:
            entries = unpack_entries(frame)
            try:
                return pack(None, rendering.pictures(originals, entries, report))
            except UserError as error:
                return pack([str(error), error.remedy], [])

        yield render


def pack_entries(entries: Sequence[ManifestEntry]) -> bytes:
    """A worker's task."""
    return json.dumps([entry.__dict__ for entry in entries]).encode("ascii")


def unpack_entries(task: bytes) -> list[ManifestEntry]:
    """The inverse of `pack_entries`. Their values were checked when the manifest was read, and are not again."""
    return [
        ManifestEntry.known({**values, "crop": values["crop"] and tuple(values["crop"]), "tags": tuple(values["tags"])})
        for values in json.loads(task)
    ]


def unpack_pictures(entries: Sequence[ManifestEntry], answer: bytes) -> list[bytes] | UserError:
    """A worker's answer. Raises ValueError for a malformed one."""
    problem, pictures = unpack(answer)
    if problem:
        message, remedy = problem
        return UserError(str(message), Remedy(remedy) if remedy else None)
    if len(pictures) != len(entries):
        raise ValueError("a wrong number of pictures")
    return pictures
