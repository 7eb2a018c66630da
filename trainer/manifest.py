"""The manifest: one canonical JSON line a sprite, sorted by id, named by the SHA-256 of its bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1

# One encoder for all lines: json.dumps with these options makes a new one at every call.
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class ManifestEntry:
    """One sprite of a version.

    Attributes:
        id: SHA-256 (hex) of the canonical RGBA pixels and size.
        source: name of the file it came from (with archive member or frame after "!").
        source_digest: SHA-256 (hex) of that file's bytes: the name of the original in the workspace.
        width, height: canonical size in pixels, before the edits below.
        part: "" or which part of the source it is ("frame=3", "region=0,32,16,16").
        crop: (x, y, w, h) in original pixels, or None.
        rotation: quarter turns clockwise, 0 to 3, after the crop.
        flip: mirrored left-right, after the rotation.
        facing: "left", "right", "front" or "unknown", of the picture as shown (after the flip).
        tags: sorted, unique.
        status: "undecided" or "kept".
        family: name of its family (recolours, forms), or "".
        weight: sampling weight, > 0; 1.0 is ordinary.
        split: "train" or "held-out".
    """

    id: str
    source: str
    source_digest: str
    width: int
    height: int
    part: str = ""
    crop: tuple[int, int, int, int] | None = None
    rotation: int = 0
    flip: bool = False
    facing: str = "unknown"
    tags: tuple[str, ...] = field(default_factory=tuple)
    status: str = "undecided"
    family: str = ""
    weight: float = 1.0
    split: str = "train"

    def line(self) -> bytes:
        """The entry's canonical line: keys sorted, no spaces, UTF-8, ending in one newline."""
        values = dict(self.__dict__)
        values["tags"] = sorted(set(self.tags))
        values["weight"] = round(float(self.weight), 6)
        return _CANONICAL.encode(values).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes | str) -> ManifestEntry:
        """Parse a line; fields this version does not know are ignored, missing ones take their default.

        Raises ValueError when the line is no JSON object or lacks a required field.
        """
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("a manifest line must be a JSON object")
        return cls.from_json(values)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ManifestEntry:
        """Build from a parsed line (see `from_line`)."""
        known = {f.name for f in dataclasses.fields(cls)}
        kept = {key: value for key, value in values.items() if key in known}
        if kept.get("crop") is not None:
            kept["crop"] = tuple(kept["crop"])
        kept["tags"] = tuple(kept.get("tags", ()))
        try:
            return cls(**kept)
        except TypeError as error:
            raise ValueError(f"a manifest line lacks a field: {error}") from None


def manifest_bytes(entries: Iterable[ManifestEntry]) -> bytes:
    """The whole manifest: lines sorted by id, so the order of work leaves no trace."""
    return b"".join(entry.line() for entry in sorted(entries, key=lambda entry: entry.id))


def manifest_digest(data: bytes) -> str:
    """SHA-256 (hex) of a manifest's bytes: the version's name."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(path: Path) -> Iterator[ManifestEntry]:
    """Yield the entries of a manifest file, one line at a time. Raises OSError or ValueError (with the line number)."""
    with Path(path).open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    yield ManifestEntry.from_line(line)
                except ValueError as error:
                    raise ValueError(f"{Path(path).name}, line {number}: {error}") from None
