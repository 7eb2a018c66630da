"""What travels between the import and its workers: files to look at, and what was found in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gandam_studio.core.workers.frames import pack, unpack
from gandam_studio.core.workspace.originals import PACKED_BYTES, Originals

ACCEPTED, REJECTED, MISSING, ARCHIVE, FATAL = "accepted", "rejected", "missing", "archive", "fatal"

Chunk = list["Item"]


@dataclass
class Item:
    """One file to look at.

    Attributes:
        path: as the system names it (undecodable bytes as surrogates), absolute; or a made-up name for pasted bytes.
        member: entry of an archive, "" for a plain file.
        size, mtime_ns: of the file or entry when it was listed.
        index: position of the entry in a zip's directory, -1 otherwise.
        data: its bytes when they do not lie in a file (pasted, or read from a tar).
        cut: how this sheet is cut, whatever the import's own slicing (`sheets.sheet_from_json`); None for that. A value
            "key" is its key colour, whatever the import's own (`sheets.cut_of`).
        cut_mode: names that slicing; "" without one.
        chosen: that cut was chosen for this file (`ImportOptions.cuts`); a plain cut of it counts instead of an earlier
            one. Workers need not know it.
        earlier: SHA-256 of the bytes that an earlier import read at this place; "" for none. Workers need not know it.
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

    @property
    def label(self) -> str:
        """How it is named to people."""
        return f"{self.path}!{self.member}" if self.member else self.path


@dataclass
class FoundSprite:
    """One sprite in a file: the columns of its row, and its encoded thumbnail. At first only its part is known.

    `name`: what a sheet's description calls it; "" for the file's own name. `tags`: those that the file gives it.
    `faint`: it can hardly be seen (`workspace.faint`).
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

    @property
    def is_blank(self) -> bool:
        """Whether it shows nothing, or one colour alone (`query.BLANK`)."""
        return self.colors == 0 or (self.colors == 1 and not self.alpha)


@dataclass
class Outcome:
    """What became of one item.

    Attributes:
        verdict: accepted, rejected, missing (not to be remembered), archive (look inside), fatal (stop the import).
        reason: in plain words, for every verdict but accepted.
        digest: SHA-256 of the file's bytes when they were read.
        original: the file's bytes when they are accepted and small enough to be packed: the import's own process keeps
            them. A larger one is kept as a file by whoever read it.
        fresh: that file was not in the store before.
        sprites: what it holds.
        facts: what a worker that only looks has seen (`examining.Examiner`); None from one that imports.
    """

    verdict: str
    reason: str = ""
    digest: str = ""
    fresh: bool = False
    sprites: list[FoundSprite] = field(default_factory=list)
    original: bytes = b""
    facts: dict[str, Any] | None = None

    def keep_original(self, data: bytes, originals: Originals) -> None:
        """See to an accepted item's bytes: small ones travel on to be packed, larger ones are written here.

        Raises OSError (disk full).
        """
        if len(data) <= PACKED_BYTES:
            self.original = data
        else:
            self.fresh = originals.put_file(data, self.digest)


def pack_items(items: list[Item]) -> bytes:
    """A worker's task."""
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


def pack_outcomes(outcomes: list[Outcome]) -> bytes:
    """A worker's answer."""
    rows: list[Any] = []
    blobs: list[bytes] = []
    for outcome in outcomes:
        found = [
            [s.part, s.id, s.width, s.height, s.colors, s.alpha, s.background, s.name, s.tags, s.faint]
            for s in outcome.sprites
        ]
        rows.append([outcome.verdict, outcome.reason, outcome.digest, outcome.fresh, found, outcome.facts])
        blobs.append(outcome.original)
        for sprite in outcome.sprites:
            blobs += (sprite.thumbnail, sprite.hashes, sprite.features)
    return pack(rows, blobs)


def unpack_outcomes(frame: bytes) -> list[Outcome]:
    """The inverse of `pack_outcomes`."""
    rows, blobs = unpack(frame)
    parts = iter(blobs)
    outcomes = []
    for verdict, reason, digest, fresh, found, facts in rows:
        sprites = []
        original = next(parts)
        for row in found:
            sprite = FoundSprite(*row[:-1])
            sprite.faint = row[-1]
            sprite.thumbnail, sprite.hashes, sprite.features = next(parts), next(parts), next(parts)
            sprites.append(sprite)
        outcomes.append(Outcome(verdict, reason, digest, fresh, sprites, original, facts))
    return outcomes
