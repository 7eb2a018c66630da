"""The version model: a row of the table `versions`, which names a manifest by its digest."""

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
        number: 1, 2, 3 ... in order of commits; shown as v1, v2, v3.
        digest: SHA-256 (hex) of the manifest's bytes.
        parent: number of the version that the decisions were based on; None for the first.
        message: the commit message, or "".
        at: time of the commit, UTC, ISO 8601.
        sprites: number of sprites in the manifest.
        edit: number of the last edit it contains; 0 for none.
        tags: its tags, sorted.
        unchanged: True if `commit` found no changes and returned this existing version.
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
        """Build from a row of `COLUMNS`. Raises DamagedWorkspace for invalid values."""
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
        """The label shown to users: "v3"."""
        return f"v{self.number}"

    @property
    def parent_label(self) -> str | None:
        """The parent's label, or None if there is no parent."""
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
