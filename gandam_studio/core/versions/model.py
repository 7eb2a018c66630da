"""What a version is: a row of the history of commits, naming a manifest by its digest."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from gandam_studio.core.errors import DamagedWorkspace
from gandam_studio.core.workspace.sprite import split_tags
from trainer.protocol.manifest import is_digest, is_whole
from trainer.protocol.untrusted import MAX_INTEGER

COLUMNS = "version, digest, parent, message, at, sprites, edit, tags"


@dataclass(frozen=True)
class ManifestVersion:
    """One committed version.

    Attributes:
        number: 1, 2, 3 ... in order of committing; people read it as v1, v2, v3.
        digest: SHA-256 (hex) of the manifest's bytes.
        parent: number of the version the decisions were derived from, or None for the first.
        message: why it was made; "" when nothing was said.
        at: UTC, ISO 8601.
        sprites: how many the manifest lists.
        edit: number of the last edit it contains; 0 for none.
        tags: sorted names people gave it.
        unchanged: True when `commit` found nothing new and returned the version that already says all this.
    """

    number: int
    digest: str
    parent: int | None
    message: str
    at: str
    sprites: int
    edit: int = 0
    tags: tuple[str, ...] = ()
    unchanged: bool = False

    @classmethod
    def from_row(cls, row: sqlite3.Row | tuple[Any, ...]) -> ManifestVersion:
        """Build from a row of `COLUMNS`. Raises DamagedWorkspace for values that this program never writes."""
        number, digest, parent, message, at, sprites, edit, tags = tuple(row)
        numbers = (number, 1 if parent is None else parent, sprites, edit)
        if not (
            is_digest(digest)
            and all(is_whole(value, 0, MAX_INTEGER) for value in numbers)
            and all(isinstance(value, str) for value in (message, at, tags))
        ):
            raise DamagedWorkspace("a row of its versions is not valid")
        return cls(number, digest, parent, message, at, sprites, edit, split_tags(tags))

    @property
    def label(self) -> str:
        """How people call it: "v3"."""
        return f"v{self.number}"

    @property
    def parent_label(self) -> str | None:
        """The parent's label, or None for a version without one."""
        return None if self.parent is None else f"v{self.parent}"

    def to_json(self) -> dict[str, Any]:
        """The contract of `gandam-studio commit --json` and `versions --json`."""
        return {
            "version": self.label,
            "digest": self.digest,
            "parent": self.parent_label,
            "message": self.message,
            "sprites": self.sprites,
            "at": self.at,
            "tags": list(self.tags),
            "unchanged": self.unchanged,
        }
