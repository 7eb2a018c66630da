"""SQLite connections to a workspace, and transactions."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gandam_studio.core import places, texts
from gandam_studio.core.errors import DamagedWorkspace, UserError

# Another thread of this program (import, thumbnails) may be committing a batch: wait rather than fail.
BUSY_TIMEOUT_S = 30.0
# By default SQLite checkpoints the write-ahead log when a commit leaves it longer than 1,000 pages, which is half the
# time of flipping 10,000 of a million sprites. The window does so in a thread (see `Workspace.fold_log`); this limit is
# for programs that do not.
LONGEST_LOG_PAGES = 16_384
LONG_LOG_BYTES = 4 << 20


# No valid text or blob is longer, and an untrusted one must not fill the memory.
LONGEST_VALUE = 256 << 20


def connect(
    path: Path,
    *,
    read_only: bool = False,
    create: bool = False,
    any_thread: bool = False,
    accept: Callable[[sqlite3.Connection], None] = lambda connection: None,
) -> sqlite3.Connection:
    """Open a database with explicit transactions, write-ahead logging and full durability.

    A database that is missing is made only with `create`: an empty one in the place of a workspace that was moved away
    would look like that workspace. A connection belongs to the thread that opened it; with `any_thread`, the caller has
    to lock it. `accept` is called before anything is written, and raises to reject the database. Raises UserError if
    the file cannot be opened, with SQLite's error as its cause.
    """
    connection = None
    options: dict[str, Any] = {
        "timeout": BUSY_TIMEOUT_S,
        "isolation_level": None,
        "check_same_thread": not any_thread,
    }
    try:
        if read_only:
            mode = "mode=ro&immutable=1" if _is_frozen(path) else "mode=ro"
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, **options)
            _distrust(connection)
            accept(connection)
        else:
            mode = "mode=rwc" if create else "mode=rw"
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, **options)
            _distrust(connection)
            accept(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            # A decision must survive a power cut once it is shown: FULL flushes the log at every commit.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_LOG_PAGES}")
            # Truncate the log when it restarts, so that its length tells how much there is to checkpoint.
            connection.execute(f"PRAGMA journal_size_limit = {LONG_LOG_BYTES // 4}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -65536")
        connection.row_factory = sqlite3.Row
        texts.register(connection)
        places.register(connection)
        return connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise UserError(f"cannot open {path.name}: {error}") from error
        raise


def _distrust(connection: sqlite3.Connection) -> None:
    """Protect against a malicious or damaged database: run no code in it, check its pages, limit its values."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)


def log_is_long(path: Path) -> bool:
    """Whether the write-ahead log is long enough to be worth a checkpoint."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > LONG_LOG_BYTES
    except OSError:
        return False


def _is_frozen(path: Path) -> bool:
    """Whether nobody can be writing: the folder is not writable (a read-only disk) and there is no log.

    In WAL mode SQLite has to create two files next to the database, unless it is opened as immutable.
    """
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run a block in a transaction: commit at the end, roll back on an exception.

    Raises UserError if the disk is full, or the database is damaged, locked or cannot be written.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.DatabaseError) and _is_user_error(error):
            raise UserError(f"nothing was saved: {error}") from error
        raise


@contextlib.contextmanager
def wrap_damage() -> Iterator[None]:
    """Turn the errors of a damaged database, such as text that is not UTF-8, into DamagedWorkspace."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Python's error for text that is not UTF-8 has no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_ERROR):
            raise DamagedWorkspace(str(error)) from error
        raise


def _is_user_error(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )
