"""Messages between the import and its workers: files to examine, and what was found in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gandam_studio.core.workspace.originals import PACKED_BYTES, Originals
from trainer.protocol.frames import pack, unpack

ACCEPTED, REJECTED, MISSING, ARCHIVE, FATAL = "accepted", "rejected", "missing", "archive", "fatal"

Chunk = list["Item"]


@dataclass
class Item:
    """One file or archive entry to examine.

    Attributes:
        path: absolute, as the system names it (undecodable bytes as surrogates); a made-up name for pasted bytes.
        member: entry of an archive; "" for a plain file.
        size, mtime_ns: of the file or entry when it was listed.
        index: position of the entry in a zip's directory; -1 otherwise.
        data: its bytes, if they are not in a file or zip (pasted, or read from a tar).
        cut: how to cut this sheet (`sheets.sheet_from_json`); None for the import's own slicing. A value "key"
            overrides the import's key colour (`sheets.cut_of`).
        cut_mode: name of `cut`; "" without one.
        chosen: `cut` was chosen for this file (`ImportOptions.cuts`), so it replaces how an earlier import cut it. Not
            sent to workers.
        earlier: SHA-256 of the bytes that an earlier import read from this file; "" for none. Not sent to workers.
        place: of an archive among everything found. Not sent to workers.
    """

    path: str
    member: str = ""
    size: int = 0
    mtime_ns: int = 0
    index: int = -1
    data: bytes | None = None
    cut: dict[str, Any] | None = None
    cut_mode: str = ""
    chosen: bool = False
    earlier: str = ""
    place: int = 0

    @property
    def label(self) -> str:
        """The name to show: the path, or "archive!entry"."""
        return f"{self.path}!{self.member}" if self.member else self.path


@dataclass
class FoundSprite:
    """One sprite in a file: the columns of its row, and its encoded thumbnail. Starts with its part alone.

    `name`: its name in a sheet's description; "" to use the file's name. `tags`: set by the file itself. `faint`: hard
    to see (`workspace.faint`). `judged`: whether its thumbnail surely says the same. `generated`: drawn by a run, as
    its file says (`workspace.lineage`).
    """

    part: str
    id: str = ""
    width: int = 0
    height: int = 0
    colors: int = 0
    alpha: bool = False
    background: str = ""
    name: str = ""
    tags: list[str] = field(default_factory=list)
    thumbnail: bytes = b""
    hashes: bytes = b""
    features: bytes = b""
    faint: bool = False
    judged: bool = False
    generated: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether it is empty or of a single colour (`query.BLANK`)."""
        return self.colors == 0 or (self.colors == 1 and not self.alpha)


@dataclass
class ItemOutcome:
    """The result for one item.

    Attributes:
        verdict: accepted, rejected, missing (not recorded), archive (to be listed) or fatal (stops the import).
        reason: in plain words, for every verdict except accepted.
        digest: SHA-256 of the file's bytes; "" if they were not read.
        original: the file's bytes if it is accepted and small enough to be packed by the import's own process. The
            worker stores larger ones as files.
        fresh: the worker stored a new file.
        sprites: the sprites in it.
        facts: from a worker that only looks (`WorkSettings.looks`); else None.
    """

    verdict: str
    reason: str = ""
    digest: str = ""
    fresh: bool = False
    sprites: list[FoundSprite] = field(default_factory=list)
    original: bytes = b""
    facts: dict[str, Any] | None = None

    def keep_original(self, data: bytes, originals: Originals) -> None:
        """Keep an accepted item's bytes: small ones in `original`, to be packed later, larger ones as a file.

        Raises OSError (disk full).
        """
        if len(data) <= PACKED_BYTES:
            self.original = data
        else:
            self.fresh = originals.put_file(data, self.digest)


def pack_items(items: list[Item]) -> bytes:
    """Encode a worker's task."""
    blobs = [item.data for item in items if item.data is not None]
    rows = [[i.path, i.member, i.size, i.mtime_ns, i.index, i.data is not None, i.cut] for i in items]
    return pack(rows, blobs)


def unpack_items(frame: bytes) -> list[Item]:
    """The inverse of `pack_items`."""
    rows, blobs = unpack(frame)
    parts = iter(blobs)
    return [
        Item(path, member, size, mtime_ns, index, next(parts) if has_data else None, cut)
        for path, member, size, mtime_ns, index, has_data, cut in rows
    ]


def pack_outcomes(outcomes: list[ItemOutcome]) -> bytes:
    """Encode a worker's answer."""
    rows: list[Any] = []
    blobs: list[bytes] = []
    for outcome in outcomes:
        found = [
            [
                s.part,
                s.id,
                s.width,
                s.height,
                s.colors,
                s.alpha,
                s.background,
                s.name,
                s.tags,
                s.faint,
                s.judged,
                s.generated,
            ]
            for s in outcome.sprites
        ]
        rows.append([outcome.verdict, outcome.reason, outcome.digest, outcome.fresh, found, outcome.facts])
        blobs.append(outcome.original)
        for sprite in outcome.sprites:
            blobs += (sprite.thumbnail, sprite.hashes, sprite.features)
    return pack(rows, blobs)


def unpack_outcomes(frame: bytes) -> list[ItemOutcome]:
    """The inverse of `pack_outcomes`."""
    rows, blobs = unpack(frame)
    parts = iter(blobs)
    outcomes = []
    for verdict, reason, digest, fresh, found, facts in rows:
        sprites = []
        original = next(parts)
        for row in found:
            sprite = FoundSprite(*row[:-3])
            sprite.faint, sprite.judged, sprite.generated = row[-3:]
            sprite.thumbnail, sprite.hashes, sprite.features = next(parts), next(parts), next(parts)
            sprites.append(sprite)
        outcomes.append(ItemOutcome(verdict, reason, digest, fresh, sprites, original, facts))
    return outcomes
