"""Outcomes to rows: one transaction a batch, after its originals are safe on disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing.earlier import Placed, forget_returned, keep_places
from gandam_studio.core.importing.items import ACCEPTED, REJECTED, FoundSprite, Item, Outcome
from gandam_studio.core.importing.options import Edited, ImportSummary
from gandam_studio.core.importing.sheets import cut_of
from gandam_studio.core.numbers import UNKNOWN_TIME
from gandam_studio.core.places import join_member, split_member, storable
from gandam_studio.core.workspace.described import remember_versions
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
    """The last part of the path or entry, whatever separators it uses."""
    if item.member:
        # Archives made on Windows may use its separator.
        name = item.member.replace("\\", "/").rpartition("/")[2]
    else:
        name = os.path.basename(item.path)
    return storable(name)[-MAX_TEXT:] or "picture"


def member_key(item: Item, suffix: str = "") -> str:
    """The `member` column: the entry of an archive, and after "#" the part or the mode of the import."""
    return join_member(storable(item.member), suffix)


@dataclass(frozen=True)
class Known:
    """What an earlier import made of an unchanged item.

    Attributes:
        accepted, reason: its verdict.
        digest: SHA-256 of its bytes, "" when they were not read.
        sprite: the row of its sprite; None when it gave none, or several.
        size: of the file or entry, bytes.
    """

    accepted: bool
    reason: str
    digest: str = ""
    sprite: int | None = None
    size: int = 0


def lookup(connection: sqlite3.Connection, items: Sequence[Item], mode: str) -> list[Known | None]:
    """For each item what is remembered of it, when it has not changed since; None when it must be looked at.

    Items that were read before are told the digest of their bytes then (`Item.earlier`).
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
    """The mode under which an item is remembered; `mode` is the import's."""
    return item.cut_mode if item.chosen else item.cut_mode or mode


def cut_as_before(connection: sqlite3.Connection, items: Sequence[Item]) -> list[Item]:
    """Let files that an earlier import cut into sprites, and never took whole, be cut in the same way; return those.

    Of several ways the newest counts. Entries of archives, and sheets that a description cuts, are left as they are.
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
    """Whether an item is a file of unknown date, which may have changed without a sign."""
    return item.mtime_ns == UNKNOWN_TIME and not item.member and item.data is None


def archive_members(connection: sqlite3.Connection, item: Item, mode: str) -> Iterable[tuple[str, Known]]:
    """What was remembered of an archive's entries, the archive itself left out; of a cut sheet, the sheet."""
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
    """Gathers outcomes and writes them, a batch at a time, to a workspace's rows, thumbnails and summary.

    Attributes:
        workspace: open for writing.
        mode: of the import (`ImportOptions.mode`).
        summary: counted as rows are committed.
        placed: called with every accepted item, and the rows and findings of its sprites.
        held_bytes: of the originals that wait for the next commit.
    """

    workspace: Workspace
    mode: str
    summary: ImportSummary
    placed: Callable[[Item, list[int], list[FoundSprite]], None] | None = None
    held_bytes: int = 0
    _waiting: list[tuple[Item, Outcome]] = field(default_factory=list)
    _unlisted: set[int] = field(default_factory=set)

    def add(self, item: Item, outcome: Outcome, *, listed: bool = True) -> None:
        """Take an accepted or rejected item into the current batch; `listed`: the summary names it when rejected."""
        self._waiting.append((item, outcome))
        if not listed:
            self._unlisted.add(id(item))
        self.held_bytes += len(outcome.original)

    @property
    def pending(self) -> int:
        """Items gathered and not yet committed."""
        return len(self._waiting)

    def commit(self) -> None:
        """Write the batch: originals kept, then one transaction. Raises UserError (disk full): no row is written."""
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
            # Before the rows: a power cut may leave an original without a row, never a row without its original.
            originals.add_all(small.items())
            originals.flush(files)
            new, edited, copies = self._write(batch)
        except OSError as error:
            raise UserError(f"nothing more was saved: {error.strerror or error}") from error
        self._count(batch, len(new))
        self.summary.copies += copies
        self.summary.blank += sum(sprite.is_blank for sprite in new)
        self.summary.faint += sum(sprite.faint and not sprite.is_blank for sprite in new)
        for pair in edited:
            self.summary.edit(pair)

    def _write(self, batch: list[tuple[Item, Outcome]]) -> tuple[list[FoundSprite], list[Edited], int]:
        """The batch's transaction: the sprites that were new, what was edited, and how many were exact copies.

        The original of a re-encoded copy is kept too: a version names one of the files with equal pixels whichever
        came first, so all of them must be there.
        """
        connection = self.workspace.connection
        with transaction(connection):
            known = _known_sprites(connection, batch)
            (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
            new: list[tuple[FoundSprite, str, str]] = []  # sprite, name, digest
            sources: list[tuple[object, ...]] = []
            edited: list[tuple[Item, Outcome, list[Placed], set[str]]] = []
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
        return [sprite for sprite, _, _ in new], pairs, copies

    def _place(
        self,
        item: Item,
        outcome: Outcome,
        last: int,
        known: dict[str, tuple[int, str]],
        new: list[tuple[FoundSprite, str, str]],
        sources: list[tuple[object, ...]],
        edited: list[tuple[Item, Outcome, list[Placed], set[str]]],
    ) -> int:
        """Decide which of an item's sprites are new and what its rows in `sources` say.

        Returns how many are copies of sprites from elsewhere; those of a file that was read before are not.
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

    def _count(self, batch: list[tuple[Item, Outcome]], new: int) -> None:
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


def _known_sprites(connection: sqlite3.Connection, batch: list[tuple[Item, Outcome]]) -> dict[str, tuple[int, str]]:
    """id -> (seq, blob) of those of the batch's sprites that the workspace holds."""
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
