"""Writes outcomes to the database: one transaction per batch, after its originals are flushed to disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing.earlier import Placed, forget_returned, keep_places
from gandam_studio.core.importing.items import ACCEPTED, REJECTED, FoundSprite, Item, ItemOutcome
from gandam_studio.core.importing.options import Edited, ImportSummary
from gandam_studio.core.importing.sheets import cut_of
from gandam_studio.core.numbers import UNKNOWN_TIME
from gandam_studio.core.places import join_member, split_member, storable
from gandam_studio.core.workspace.described import remember_versions
from gandam_studio.core.workspace.faint_rows import keep_verdicts
from gandam_studio.core.workspace.store import transaction
from trainer.protocol.untrusted import MAX_TEXT

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

_AT_ONCE = 400  # host parameters in one query

_SPRITE = (
    "INSERT INTO sprites (seq, id, name, blob, part, width, height, colors, alpha, background) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FINGERPRINT = "INSERT OR REPLACE INTO fingerprints (seq, hashes, features) VALUES (?, ?, ?)"
_SOURCE = (
    "INSERT INTO sources (path, member, size, mtime_ns, file_digest, sprite, verdict, reason) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path, member) DO UPDATE SET size = excluded.size, "
    "mtime_ns = excluded.mtime_ns, file_digest = excluded.file_digest, sprite = excluded.sprite, "
    "verdict = excluded.verdict, reason = excluded.reason"
)


def display_name(item: Item) -> str:
    """Return the last part of the path or entry."""
    if item.member:
        # Archives made on Windows may use backslashes.
        name = item.member.replace("\\", "/").rpartition("/")[2]
    else:
        name = os.path.basename(item.path)
    return storable(name)[-MAX_TEXT:] or "picture"


def member_key(item: Item, suffix: str = "") -> str:
    """Return the `member` column: the archive's entry, then "#" and the part or the mode of the import."""
    return join_member(storable(item.member), suffix)


@dataclass(frozen=True)
class Known:
    """What an earlier import recorded about an unchanged item.

    Attributes:
        accepted, reason: its verdict.
        digest: SHA-256 of its bytes; "" if they were not read.
        sprite: the row of its sprite; None if it gave none or several.
        size: of the file or entry, in bytes.
    """

    accepted: bool
    reason: str
    digest: str = ""
    sprite: int | None = None
    size: int = 0


def lookup(connection: sqlite3.Connection, items: Sequence[Item], mode: str) -> list[Known | None]:
    """Return what is known about each item; None if it is new or has changed.

    Sets `Item.earlier` of items that were read before.
    """
    rows: dict[tuple[str, str], tuple[int, int, str, str, str, int | None]] = {}
    paths = sorted({storable(item.path) for item in items})
    members = sorted({member_key(item, _mode_of(item, mode)) for item in items})
    for some in _slices(paths):
        for more in _slices(members):
            query = (
                "SELECT path, member, size, mtime_ns, verdict, reason, file_digest, sprite FROM sources "
                f"WHERE path IN ({_marks(some)}) AND member IN ({_marks(more)})"
            )
            for path, member, *row in connection.execute(query, (*some, *more)):
                rows[path, member] = tuple(row)
    found: list[Known | None] = []
    for item in items:
        row = rows.get((storable(item.path), member_key(item, _mode_of(item, mode))))
        unchanged = row is not None and row[:2] == (item.size, item.mtime_ns) and not _is_undated(item)
        found.append(Known(row[2] == ACCEPTED, *row[3:]) if row is not None and unchanged else None)
        if row is not None:
            item.earlier = row[4]
    return found


def _mode_of(item: Item, mode: str) -> str:
    """The mode under which an item is recorded; `mode` is that of the import."""
    return item.cut_mode if item.chosen else item.cut_mode or mode


def cut_as_before(connection: sqlite3.Connection, items: Sequence[Item]) -> list[Item]:
    """Cut files as an earlier import did, unless one imported them whole; returns those files.

    The newest of several cuts is used. Archive entries, and sheets cut by a description, are left alone.
    """
    files = {storable(item.path): item for item in items if not item.member and item.data is None and item.cut is None}
    modes: dict[str, str] = {}
    for some in _slices(sorted(files)):
        # "$" comes right after "#".
        query = f"SELECT path, member FROM sources WHERE path IN ({_marks(some)}) AND (member = '' OR member >= '#' "
        for path, member in connection.execute(f"{query} AND member < '$') ORDER BY source", some):
            entry, suffix = split_member(member)
            if member == "" or (not entry and cut_of(suffix) is not None):
                modes[path] = "" if member == "" or modes.get(path) == "" else suffix
    found = []
    for path, mode in modes.items():
        if mode:
            files[path].cut, files[path].cut_mode = cut_of(mode), mode
            found.append(files[path])
    return found


def _is_undated(item: Item) -> bool:
    """Whether an item is a file of unknown date, so that changes cannot be detected."""
    return item.mtime_ns == UNKNOWN_TIME and not item.member and item.data is None


def archive_members(connection: sqlite3.Connection, item: Item, mode: str) -> Iterable[tuple[str, Known]]:
    """Yield what is known about the entries of an archive. For a sheet that was cut, its own row counts."""
    seen: set[str] = set()
    query = "SELECT member, verdict, reason, file_digest, sprite, size FROM sources WHERE path = ? AND member != ?"
    for member, verdict, *row in connection.execute(
        f"{query} ORDER BY source", (storable(item.path), member_key(item, mode))
    ):
        entry, suffix = split_member(member)
        if (
            entry
            and entry not in seen
            and (suffix == mode or suffix.startswith("atlas=") or cut_of(suffix) is not None)
        ):
            seen.add(entry)
            yield entry, Known(verdict == ACCEPTED, *row)


@dataclass
class Recorder:
    """Collects outcomes and writes them in batches: rows, thumbnails and originals.

    Attributes:
        workspace: open for writing.
        mode: of the import (`ImportOptions.mode`).
        summary: updated with every commit.
        background: (r, g, b) on which `FoundSprite.faint` was judged.
        placed: called with every accepted item, the rows of its sprites and the sprites.
        held_bytes: size of the originals that wait for the next commit.
    """

    workspace: Workspace
    mode: str
    summary: ImportSummary
    background: tuple[int, int, int]
    placed: Callable[[Item, list[int], list[FoundSprite]], None] | None = None
    held_bytes: int = 0
    _waiting: list[tuple[Item, ItemOutcome]] = field(default_factory=list)
    _unlisted: set[int] = field(default_factory=set)

    def add(self, item: Item, outcome: ItemOutcome, *, listed: bool = True) -> None:
        """Add an accepted or rejected item to the batch; `listed`: the summary lists it if rejected."""
        self._waiting.append((item, outcome))
        if not listed:
            self._unlisted.add(id(item))
        self.held_bytes += len(outcome.original)

    @property
    def pending(self) -> int:
        """Number of items waiting for the next commit."""
        return len(self._waiting)

    def commit(self) -> None:
        """Store the originals of the batch, then write its rows in one transaction.

        Raises UserError (disk full); then no row is written.
        """
        batch, self._waiting, self.held_bytes = self._waiting, [], 0
        if not batch:
            return
        originals = self.workspace.originals
        known = _known_sprites(self.workspace.connection, batch)
        small = {o.digest: o.original for _, o in batch if o.original}
        files = {
            o.digest
            for _, o in batch
            if o.sprites and not o.original and (o.fresh or any(sprite.id not in known for sprite in o.sprites))
        }
        try:
            # First, so that a power cut may leave an original without a row but no row without its original.
            originals.add_all(small.items())
            originals.flush(files)
            last, new, edited, copies = self._write(batch)
        except OSError as error:
            raise UserError(f"nothing more was saved: {error.strerror or error}") from error
        judged = {last + 1 + i: (sprite.id, sprite.faint) for i, sprite in enumerate(new) if sprite.judged}
        keep_verdicts(self.workspace.folder, judged, self.background)
        self._count(batch, len(new))
        self.summary.copies += copies
        self.summary.blank += sum(sprite.is_blank for sprite in new)
        self.summary.faint += sum(sprite.faint and not sprite.is_blank for sprite in new)
        for pair in edited:
            self.summary.edit(pair)

    def _write(self, batch: list[tuple[Item, ItemOutcome]]) -> tuple[int, list[FoundSprite], list[Edited], int]:
        """Write the rows of the batch.

        Returns the last row before them, the new sprites, the edited pictures and the number of exact copies.
        The originals of re-encoded copies are kept too, since a version may name any of the files with equal pixels.
        """
        connection = self.workspace.connection
        with transaction(connection):
            known = _known_sprites(connection, batch)
            (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
            new: list[tuple[FoundSprite, str, str]] = []  # sprite, name, digest
            sources: list[tuple[object, ...]] = []
            edited: list[tuple[Item, ItemOutcome, list[Placed], set[str]]] = []
            copies = 0
            for item, outcome in batch:
                copies += self._place(item, outcome, last, known, new, sources, edited)
            if new:
                self.workspace.thumbnails.append_encoded(last + 1, [sprite.thumbnail for sprite, _, _ in new])
                remember_versions(connection)
            connection.executemany(_SPRITE, [_sprite_row(last + 1 + i, *entry) for i, entry in enumerate(new)])
            connection.executemany(
                _FINGERPRINT, [(last + 1 + i, s.hashes, s.features) for i, (s, _, _) in enumerate(new)]
            )
            pairs: list[Edited] = []
            for item, outcome, now, keys in edited:
                path, entry = storable(item.path), storable(item.member)
                forget_returned(connection, path, entry, outcome.digest, now)
                pairs += keep_places(connection, path, entry, item.earlier, now, keys)
            connection.executemany(_SOURCE, sources)
        return last, [sprite for sprite, _, _ in new], pairs, copies

    def _place(
        self,
        item: Item,
        outcome: ItemOutcome,
        last: int,
        known: dict[str, tuple[int, str]],
        new: list[tuple[FoundSprite, str, str]],
        sources: list[tuple[object, ...]],
        edited: list[tuple[Item, ItemOutcome, list[Placed], set[str]]],
    ) -> int:
        """Decide which sprites of an item are new, and what its rows in `sources` contain.

        Returns the number of copies of sprites from other files; always 0 for a file that was read before.
        """
        before = len(new)
        path, stamp = storable(item.path), (item.size, item.mtime_ns, outcome.digest)
        seqs = []
        for sprite in outcome.sprites:
            if sprite.id not in known:
                known[sprite.id] = (last + 1 + len(new), outcome.digest)
                new.append((sprite, storable(sprite.name) or display_name(item), outcome.digest))
            seqs.append(known[sprite.id][0])
        whole = seqs[0] if len(seqs) == 1 and not outcome.sprites[0].part else None
        key = member_key(item, item.cut_mode or self.mode)
        sources.append((path, key, *stamp, whole, outcome.verdict, outcome.reason))
        parts = [] if whole is not None else [member_key(item, sprite.part) for sprite in outcome.sprites]
        for part, seq in zip(parts, seqs, strict=False):
            sources.append((path, part, *stamp, seq, ACCEPTED, ""))
        if item.earlier not in ("", outcome.digest):
            ids = [sprite.id for sprite in outcome.sprites]
            edited.append((item, outcome, list(map(Placed, parts or [key], seqs, ids)), {key, *parts}))
        if self.placed is not None and seqs:
            self.placed(item, seqs, outcome.sprites)
        return 0 if item.earlier else len(seqs) - (len(new) - before)

    def _count(self, batch: list[tuple[Item, ItemOutcome]], new: int) -> None:
        summary = self.summary
        offered = sum(len(outcome.sprites) for _, outcome in batch)
        summary.imported += new
        summary.already += offered - new
        for item, outcome in batch:
            if outcome.verdict == REJECTED and id(item) not in self._unlisted:
                summary.reject(storable(item.label), outcome.reason)
        self._unlisted.clear()


def _sprite_row(seq: int, sprite: FoundSprite, name: str, digest: str) -> tuple[object, ...]:
    return (
        seq,
        sprite.id,
        name,
        digest,
        sprite.part,
        sprite.width,
        sprite.height,
        sprite.colors,
        int(sprite.alpha),
        sprite.background,
    )


def _known_sprites(connection: sqlite3.Connection, batch: list[tuple[Item, ItemOutcome]]) -> dict[str, tuple[int, str]]:
    """id -> (seq, blob) of the batch's sprites that the workspace already has."""
    ids = [sprite.id for _, outcome in batch for sprite in outcome.sprites]
    known = {}
    for some in _slices(ids):
        for key, seq, blob in connection.execute(
            f"SELECT id, seq, blob FROM sprites WHERE id IN ({_marks(some)})", some
        ):
            known[key] = (seq, blob)
    return known


def _slices(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
