"""Index of the packs: an SQLite file that locates each small original, and can be rebuilt from the packs."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.own_files import require_regular
from gandam_studio.core.workspace.packs import RECORD, PackPlace, Packs
from gandam_studio.core.workspace.store import connect, transaction
from trainer.protocol.files import own_folder
from trainer.protocol.manifest import is_digest
from trainer.protocol.remedies import Remedy

_VERSION = 1
_TABLES = {
    "records": "(digest BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL) "
    "WITHOUT ROWID",
    # How far each pack has been indexed, in bytes from its start.
    "packs": "(pack INTEGER PRIMARY KEY, known INTEGER NOT NULL)",
}
_RECORD = "INSERT OR REPLACE INTO records (digest, pack, offset, length) VALUES (?, ?, ?, ?)"
_KNOWN = "INSERT OR REPLACE INTO packs (pack, known) VALUES (?, ?)"
_BATCH = 400  # host parameters in one query
_PAGE = 1000
_CACHE_KIB = 8192
# A writer holds the lock while it flushes; several of them on a slow disk take seconds.
_WAIT_MS = 60_000

Result = TypeVar("Result")


class PackIndex:
    """Finds, adds and removes records. Can be used by any number of threads; writing processes wait for each other.

    Every writer first brings the index up to date with the packs (`_catch_up`). So a record that was written but not
    indexed before a crash is found again, and so are all records if the file is missing or damaged. A reader that has
    no usable file, and may not write one, builds an index in memory.

    Attributes:
        path: the SQLite file; created on the first write.
        read_only: True if nothing is ever written.
    """

    def __init__(self, path: Path, packs: Packs, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._packs = packs
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._writes = False  # whether the open connection may write
        self._identity: tuple[int, int] | None = None  # of the file at `path` when the connection was opened

    def find(self, digest: str) -> PackPlace | None:
        """Return the place of the record of a digest, or None. Raises UserError."""
        query, values = "SELECT pack, offset, length FROM records WHERE digest = ?", (key_of(digest),)
        rows = self._rows(query, values)
        if not rows and self._replaced():
            self.close()
            rows = self._rows(query, values)
        if rows and not PackPlace(*rows[0]).is_valid:
            with self._lock:
                self._rebuild()
                rows = self._rows(query, values)
        return PackPlace(*rows[0]) if rows else None

    def find_all(self, digests: Iterable[str]) -> dict[str, PackPlace]:
        """Return the places of those records that are found at once, for `find` to be asked for the others.

        Raises UserError.
        """
        wanted = [key for key in map(key_of, digests) if key]
        found: dict[str, PackPlace] = {}
        for start in range(0, len(wanted), _BATCH):
            some = wanted[start : start + _BATCH]
            query = f"SELECT digest, pack, offset, length FROM records WHERE digest IN ({', '.join('?' * len(some))})"
            for key, *place in self._rows(query, tuple(some)):
                if isinstance(key, bytes) and (at := PackPlace(*place)).is_valid:
                    found[key.hex()] = at
        return found

    def digests(self) -> Iterator[str]:
        """Yield all digests in order, fetched page by page. Raises UserError."""
        last = b""
        while rows := self._rows("SELECT digest FROM records WHERE digest > ? ORDER BY digest LIMIT ?", (last, _PAGE)):
            found = [row[0] for row in rows]
            if not all(isinstance(digest, bytes) and len(digest) == 32 for digest in found) or found[-1] <= last:
                raise UserError("the index of the originals is damaged", Remedy.VERIFY)
            yield from (digest.hex() for digest in found)
            last = found[-1]

    def add(self, small: Mapping[str, bytes], *, replace: bool = False) -> int:
        """Append new originals (or all, with `replace`) to the packs, durably, and index them; return how many.

        If it is interrupted, none of them is indexed until the next writer finds the complete records.
        Raises OSError and UserError (disk full).
        """

        def work(connection: sqlite3.Connection) -> int:
            keys = {key_of(digest): data for digest, data in small.items()}
            held = set() if replace else _indexed(connection, list(keys))
            new = [(key, data) for key, data in keys.items() if key not in held]
            if new:
                places = self._packs.append(new)
                connection.executemany(_RECORD, [(key, *place) for (key, _), place in zip(new, places, strict=True)])
                connection.execute(_KNOWN, (places[-1].pack, places[-1].end))
            return len(new)

        return self._change(work)

    def forget(self, digest: str) -> None:
        """Remove a digest from the index; its bytes stay in the pack. Raises UserError."""
        if self.find(digest) is not None:
            self._change(
                lambda connection: connection.execute("DELETE FROM records WHERE digest = ?", (key_of(digest),))
            )

    def repair(self) -> None:
        """Bring the index up to date, or rebuild it if it is missing or damaged. Raises OSError and UserError."""
        if self.path.exists() or self._packs.sizes():
            self._change(lambda connection: None)

    def close(self) -> None:
        """Close the file. The next use opens it again."""
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
                self._rebuild()
                return self._fetch(query, values)
            except (sqlite3.Error, OSError) as error:
                raise UserError(f"the index of the originals cannot be read: {error}") from error

    def _fetch(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        if self._connection is None and not self._open():
            return []
        assert self._connection is not None
        return self._connection.execute(query, values).fetchall()

    def _open(self) -> bool:
        """Open the index, for writing if possible; return False if there is nothing to open."""
        if not self.path.exists() and not self._packs.sizes():
            return False
        if not self.read_only:
            try:
                self.repair()
                return True
            except (OSError, UserError):
                self.close()  # the disk may be full: reading must still work
        if not self._open_for_reading():
            self._open_in_memory()
        return True

    def _open_for_reading(self) -> bool:
        """Open the file for reading; return False if it is not usable."""
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

    def _rebuild(self) -> None:
        """Rebuild a damaged index from the packs, on disk if possible, otherwise in memory."""
        self.close()
        if not self.read_only:
            with contextlib.suppress(OSError, UserError):
                self._remove()
                self.repair()
                return
        self.close()
        self._open_in_memory()

    # Writing

    def _change(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Bring the index up to date and do `work`, in one transaction. Raises OSError and UserError."""
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
            own_folder(self.path.parent)
            require_regular(self.path)
            self._take(connect(self.path, create=True, any_thread=True, accept=_require_own_or_empty))
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
        """Index new records of the packs, and remove records that are no longer there."""
        sizes = self._packs.sizes()
        known = {row[0]: row[1] for row in connection.execute("SELECT pack, known FROM packs")}
        if not all(isinstance(value, int) for pair in known.items() for value in pair):
            raise _NotAnIndex("a value in the index is not valid")
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
        # The log first: SQLite would replay a leftover log into the new file.
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
        """Whether the file at `path` is not the one that is open, because another process rebuilt the index."""
        return self._connection is not None and self._identity_now() != self._identity


class _NotAnIndex(sqlite3.DatabaseError):
    """The database is not an index of originals. Treated as damage, so that the index is rebuilt."""

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
    """Raise `_NotAnIndex` unless the database has exactly the tables of an index: no views or triggers are run."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION or _objects(connection) != _expected():
        raise _NotAnIndex("the database is not an index of originals")


def _require_own_or_empty(connection: sqlite3.Connection) -> None:
    if _objects(connection) or connection.execute("PRAGMA user_version").fetchone()[0]:
        _require_own(connection)


def key_of(digest: str) -> bytes:
    """Return a digest as stored in packs and index; for an invalid digest, a key that no record has."""
    return bytes.fromhex(digest) if is_digest(digest) else b""


def _indexed(connection: sqlite3.Connection, keys: list[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for start in range(0, len(keys), _BATCH):
        some = keys[start : start + _BATCH]
        marks = ", ".join("?" * len(some))
        found.update(
            row[0] for row in connection.execute(f"SELECT digest FROM records WHERE digest IN ({marks})", some)
        )
    return found


def is_damage(error: BaseException) -> bool:
    """Whether SQLite reports that the file is malformed or not a database."""
    cause = error.__cause__ if isinstance(error, UserError) else error
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
