"""Which record of which pack holds each small original: an SQLite file that can always be made again from the packs."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.own_files import make_folder, require_regular
from gandam_studio.core.workspace.packs import RECORD, Packs, Place
from gandam_studio.core.workspace.store import connect, transaction
from trainer.protocol.manifest import is_digest

_VERSION = 1
_TABLES = {
    "records": "(digest BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL) "
    "WITHOUT ROWID",
    # How far each pack has been taken into `records`, in bytes from its beginning.
    "packs": "(pack INTEGER PRIMARY KEY, known INTEGER NOT NULL)",
}
_RECORD = "INSERT OR REPLACE INTO records (digest, pack, offset, length) VALUES (?, ?, ?, ?)"
_KNOWN = "INSERT OR REPLACE INTO packs (pack, known) VALUES (?, ?)"
_AT_ONCE = 400  # host parameters in one query
_PAGE = 1000
_CACHE_KIB = 8192
# Another writer's turn lasts as long as its flush: on a slow disk with several of them, seconds.
_WAIT_MS = 60_000

Result = TypeVar("Result")


class PackIndex:
    """Looks up, adds and forgets records. Any number of threads; writers of several processes take turns.

    Every writer first brings the index up to what the packs hold (`_catch_up`), so a record that was written and not
    indexed before a crash is found again, and so are all of them when the file is gone or damaged. A reader that finds
    no usable file, and may not write one, makes its own in memory.

    Attributes:
        path: the SQLite file; made when first written to.
        read_only: True when nothing is ever written.
    """

    def __init__(self, path: Path, packs: Packs, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._packs = packs
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._writes = False  # whether the open connection may write
        self._identity: tuple[int, int] | None = None  # of the file at `path` when the connection was opened

    def find(self, digest: str) -> Place | None:
        """Where the record of a digest lies, None when there is none. Raises UserError."""
        query, values = "SELECT pack, offset, length FROM records WHERE digest = ?", (key_of(digest),)
        rows = self._rows(query, values)
        if not rows and self._replaced():
            self.close()
            rows = self._rows(query, values)
        if rows and not Place(*rows[0]).is_valid:
            with self._lock:
                self._make_again()
                rows = self._rows(query, values)
        return Place(*rows[0]) if rows else None

    def digests(self) -> Iterator[str]:
        """All digests in order, fetched as they are used. Raises UserError."""
        last = b""
        while rows := self._rows("SELECT digest FROM records WHERE digest > ? ORDER BY digest LIMIT ?", (last, _PAGE)):
            found = [row[0] for row in rows]
            if not all(isinstance(digest, bytes) and len(digest) == 32 for digest in found) or found[-1] <= last:
                raise UserError("the index of the originals is damaged; see: verify")
            yield from (digest.hex() for digest in found)
            last = found[-1]

    def add(self, small: Mapping[str, bytes], *, replace: bool = False) -> int:
        """Append what is not there yet (or all, with `replace`) to the packs and index it; returns how many.

        When it returns they would survive a power cut; when it is cut short none of them counts as there, until the
        next writer finds those that are whole. Raises OSError and UserError (disk full).
        """

        def work(connection: sqlite3.Connection) -> int:
            keys = {key_of(digest): data for digest, data in small.items()}
            held = set() if replace else _held(connection, list(keys))
            new = [(key, data) for key, data in keys.items() if key not in held]
            if new:
                places = self._packs.append(new)
                connection.executemany(_RECORD, [(key, *place) for (key, _), place in zip(new, places, strict=True)])
                connection.execute(_KNOWN, (places[-1].pack, places[-1].end))
            return len(new)

        return self._change(work)

    def forget(self, digest: str) -> None:
        """Take a digest out of the index; its bytes stay in the pack. Raises UserError."""
        if self.find(digest) is not None:
            self._change(
                lambda connection: connection.execute("DELETE FROM records WHERE digest = ?", (key_of(digest),))
            )

    def mend(self) -> None:
        """Bring the index up to the packs, making it again when it is gone or damaged. Raises OSError, UserError."""
        if self.path.exists() or self._packs.sizes():
            self._change(lambda connection: None)

    def close(self) -> None:
        """Let go of the file; the next use opens it anew."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._writes = None, False

    # Reading

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            try:
                try:
                    return self._fetch(query, values)
                except sqlite3.DatabaseError as error:
                    if not is_damage(error):
                        raise
                self._make_again()
                return self._fetch(query, values)
            except (sqlite3.Error, OSError) as error:
                raise UserError(f"the index of the originals cannot be read: {error}") from error

    def _fetch(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        if self._connection is None and not self._open():
            return []
        assert self._connection is not None
        return self._connection.execute(query, values).fetchall()

    def _open(self) -> bool:
        """Open whatever can be read; False when there is nothing yet."""
        if not self.path.exists() and not self._packs.sizes():
            return False
        if not self.read_only:
            try:
                self.mend()
                return True
            except (OSError, UserError):
                self.close()  # a full disk, perhaps: reading must go on
        if not self._open_as_it_is():
            self._open_in_memory()
        return True

    def _open_as_it_is(self) -> bool:
        """Open the file for reading; False when it is of no use."""
        try:
            require_regular(self.path)
            connection = connect(self.path, read_only=True, any_thread=True, accept=_require_own)
        except UserError:
            return False
        self._take(connection)
        return True

    def _open_in_memory(self) -> None:
        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        try:
            with transaction(connection):
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._take(connection)

    def _make_again(self) -> None:
        """The file is damaged: make it anew from the packs, on disk where that is possible."""
        self.close()
        if not self.read_only:
            with contextlib.suppress(OSError, UserError):
                self._remove()
                self.mend()
                return
        self.close()
        self._open_in_memory()

    # Writing

    def _change(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do `work` in one transaction, the index brought up to the packs before it. Raises OSError and UserError."""
        if self.read_only:
            raise UserError("these originals are open for reading only")
        with self._lock:
            try:
                try:
                    return self._try(work)
                except (sqlite3.DatabaseError, UserError) as error:
                    if not is_damage(error):
                        raise
                self.close()
                self._remove()
                return self._try(work)
            except sqlite3.Error as error:
                raise UserError(f"the index of the originals cannot be written: {error}") from error

    def _try(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if not self._writes or self._replaced():
            self.close()
            make_folder(self.path.parent)
            require_regular(self.path)
            self._take(connect(self.path, any_thread=True, accept=_require_own_or_empty))
            self._writes = True
        assert self._connection is not None
        with transaction(self._connection) as connection:
            self._prepare(connection)
            return work(connection)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            _make_tables(connection)
        self._catch_up(connection)

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        """Index what the packs hold beyond what is known, and forget what is no longer there."""
        sizes = self._packs.sizes()
        known = {row[0]: row[1] for row in connection.execute("SELECT pack, known FROM packs")}
        if not all(isinstance(value, int) for pair in known.items() for value in pair):
            raise _Foreign("a value in the index is not valid")
        for pack in sorted({*sizes, *known}):
            size, before = sizes.get(pack, 0), known.get(pack, 0)
            if size > before:
                connection.executemany(_RECORD, ((key, *place) for key, place in self._packs.scan(pack, before)))
            elif size < before:
                lost = "DELETE FROM records WHERE pack = ? AND offset + length + ? > ?"
                connection.execute(lost, (pack, RECORD.size, size))
            if size != before:
                connection.execute(_KNOWN, (pack, size))

    def _remove(self) -> None:
        # The log first: SQLite would play one that is left over into the new file.
        for suffix in ("-wal", "-shm", ""):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    # The file

    def _take(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        self._connection, self._identity = connection, self._identity_now()

    def _identity_now(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _replaced(self) -> bool:
        """Whether another file lies at `path` than the one that is open: somebody made the index again."""
        return self._connection is not None and self._identity_now() != self._identity


class _Foreign(sqlite3.DatabaseError):
    """A database that is no index of ours; treated as damage, so that the index is made again."""

    sqlite_errorcode = sqlite3.SQLITE_NOTADB


def _make_tables(connection: sqlite3.Connection) -> None:
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE {name} {columns}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _objects(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name LIMIT 10"
    return [tuple(row) for row in connection.execute(query)]


@functools.cache
def _expected() -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        _make_tables(model)
        return _objects(model)


def _require_own(connection: sqlite3.Connection) -> None:
    """Raise `_Foreign` unless the database holds exactly the tables of an index: views and triggers are not run."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION or _objects(connection) != _expected():
        raise _Foreign("the database is no index of originals")


def _require_own_or_empty(connection: sqlite3.Connection) -> None:
    if _objects(connection) or connection.execute("PRAGMA user_version").fetchone()[0]:
        _require_own(connection)


def key_of(digest: str) -> bytes:
    """A digest as packs and index keep it; of what is no digest, a key that none has."""
    return bytes.fromhex(digest) if is_digest(digest) else b""


def _held(connection: sqlite3.Connection, keys: list[bytes]) -> set[bytes]:
    held: set[bytes] = set()
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        held.update(row[0] for row in connection.execute(f"SELECT digest FROM records WHERE digest IN ({marks})", some))
    return held


def is_damage(error: BaseException) -> bool:
    """Whether SQLite calls the file no database, or malformed."""
    cause = error.__cause__ if isinstance(error, UserError) else error
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
