"""SQLite connections to a workspace: how they are opened, and one transaction at a time."""

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

# A second thread of the same program (import, thumbnails) may be committing a batch: wait rather than fail.
BUSY_TIMEOUT_S = 30.0
# SQLite copies the log into the database as soon as a commit leaves it longer than 1,000 pages: half of the time of
# flipping 10,000 of a million sprites. The window has it done beside the work (see `Workspace.fold_log`); this is for
# whoever does not.
LONGEST_LOG_PAGES = 16_384
LONG_LOG_BYTES = 4 << 20


# No text or blob of ours is longer, and a stranger's shall not fill the memory.
LONGEST_VALUE = 256 << 20


def connect(
    path: Path,
    *,
    read_only: bool = False,
    any_thread: bool = False,
    accept: Callable[[sqlite3.Connection], None] = lambda connection: None,
) -> sqlite3.Connection:
    """Open the database with explicit transactions, write-ahead logging and full durability.

    A connection belongs to the thread that opened it, unless `any_thread` says that its owner keeps a lock. `accept`
    looks at the database before anything is written to it, and raises when it is not one of ours. Raises UserError
    when the file cannot be opened; its cause is SQLite's own error.
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
            connection = sqlite3.connect(path, **options)
            _distrust(connection)
            accept(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            # A decision once shown must survive a power cut: FULL flushes the log at every commit.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_LOG_PAGES}")
            # Begun anew, the log gives its space back: its length says how much there is to copy.
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
    """Let nothing that a database brings along run, and no damaged page or endless value mislead SQLite."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)


def log_is_long(path: Path) -> bool:
    """True when what has been committed beside the database file is worth copying into it."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > LONG_LOG_BYTES
    except OSError:
        return False


def _is_frozen(path: Path) -> bool:
    """Whether nobody can be writing: a folder we may not write in (a read-only disk) and no log beside the file.

    SQLite reads a write-ahead-logged file only where it may make two files beside it, unless told that none is needed.
    """
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing: commit at the end of the block, roll back when it raises.

    Raises UserError when the disk is full, the database is damaged or cannot be written, or another program keeps it.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.DatabaseError) and _is_users(error):
            raise UserError(f"nothing was saved: {error}") from error
        raise


@contextlib.contextmanager
def damage_told() -> Iterator[None]:
    """Tell the errors of a damaged database, such as text that is no text, as DamagedWorkspace."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Python's own refusal of text that is not UTF-8 has no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_ERROR):
            raise DamagedWorkspace(str(error)) from error
        raise


def _is_users(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )
