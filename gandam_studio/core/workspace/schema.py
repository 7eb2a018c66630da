"""The tables of a workspace, and the steps that upgrade an older workspace."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from gandam_studio.core.errors import DamagedWorkspace, UserError
from gandam_studio.core.workspace.settings import read_setting
from gandam_studio.core.workspace.sprite import COLUMNS, Sprite

APPLICATION_ID = 0x474E4453  # "GNDS": lets `file` and other tools recognise a workspace.

# Compared verbatim with the schema stored in a database: never edit it, comments included. Add a step instead.
_VERSION_1 = """
CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL                     -- JSON
) WITHOUT ROWID;

CREATE TABLE sprites (
    seq        INTEGER PRIMARY KEY,         -- 1, 2, 3 ... in import order; no gaps, never deleted
    id         TEXT NOT NULL UNIQUE,        -- SHA-256 of size and canonical RGBA pixels
    name       TEXT NOT NULL,               -- file name as first seen
    blob       TEXT NOT NULL,               -- SHA-256 of the original's bytes: its name in originals/
    part       TEXT NOT NULL DEFAULT '',    -- which part of the original: 'frame=3', 'region=x,y,w,h'
    width      INTEGER NOT NULL,            -- canonical pixels, before any edit
    height     INTEGER NOT NULL,
    colors     INTEGER NOT NULL DEFAULT 0,  -- distinct visible colours, counted up to 4096
    alpha      INTEGER NOT NULL DEFAULT 0,  -- 1 when any pixel is not opaque
    background TEXT NOT NULL DEFAULT '',    -- '#rrggbb' of the border, or '' when transparent
    -- what the person decided; every one of these changes through an edit only
    status     TEXT NOT NULL DEFAULT 'undecided' CHECK (status IN ('undecided', 'kept', 'dropped')),
    reason     TEXT NOT NULL DEFAULT '',    -- why dropped
    flipped    INTEGER NOT NULL DEFAULT 0,
    rotation   INTEGER NOT NULL DEFAULT 0,  -- quarter turns clockwise
    crop       TEXT NOT NULL DEFAULT '',    -- 'x,y,w,h' in original pixels
    facing     TEXT NOT NULL DEFAULT 'unknown',  -- before the flip: 'left', 'right', 'front', 'unknown'
    tags       TEXT NOT NULL DEFAULT '',    -- sorted, joined and framed by newlines, or ''
    family     TEXT NOT NULL DEFAULT '',
    weight     REAL NOT NULL DEFAULT 1.0,
    split      TEXT NOT NULL DEFAULT ''     -- '' follows the workspace's rule; 'train' or 'held-out' by word
);
CREATE INDEX sprites_by_status ON sprites (status, flipped);
CREATE INDEX sprites_by_name ON sprites (name);
CREATE INDEX sprites_by_family ON sprites (family) WHERE family != '';

CREATE TABLE sources (                      -- every picture ever offered, accepted or not
    source      INTEGER PRIMARY KEY,
    path        TEXT NOT NULL,              -- as shown to people; undecodable bytes escaped
    member      TEXT NOT NULL DEFAULT '',   -- entry of an archive, frame, or region
    size        INTEGER NOT NULL DEFAULT 0,
    mtime_ns    INTEGER NOT NULL DEFAULT 0,
    file_digest TEXT NOT NULL DEFAULT '',
    sprite      INTEGER REFERENCES sprites (seq),
    verdict     TEXT NOT NULL CHECK (verdict IN ('accepted', 'rejected')),
    reason      TEXT NOT NULL DEFAULT '',
    UNIQUE (path, member)
);
CREATE INDEX sources_by_sprite ON sources (sprite);
CREATE INDEX sources_by_digest ON sources (file_digest);

CREATE TABLE fingerprints (
    seq      INTEGER PRIMARY KEY REFERENCES sprites (seq),
    hashes   BLOB NOT NULL,                 -- core.hashing.layout says which word is which
    features BLOB NOT NULL                  -- core.features
);

CREATE TABLE pairs (                        -- what the person said of two sprites
    a       INTEGER NOT NULL,
    b       INTEGER NOT NULL,
    verdict TEXT NOT NULL,                  -- 'distinct': not duplicates
    PRIMARY KEY (a, b),
    CHECK (a < b)
) WITHOUT ROWID;

CREATE TABLE edits (
    edit    INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    label   TEXT NOT NULL,
    sprites INTEGER NOT NULL,               -- how many it touched
    at      TEXT NOT NULL,                  -- UTC, ISO 8601
    state   TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'abandoned'))
);
CREATE INDEX edits_by_state ON edits (state, edit);

CREATE TABLE deltas (
    edit     INTEGER NOT NULL REFERENCES edits (edit),
    position INTEGER NOT NULL,
    field    TEXT NOT NULL,
    before,                                 -- no affinity: values return as they were stored
    after,
    seqs     BLOB NOT NULL,                 -- core.seqsets
    PRIMARY KEY (edit, position)
) WITHOUT ROWID;

CREATE TABLE versions (
    version INTEGER PRIMARY KEY,            -- shown as v1, v2, v3 ...
    digest  TEXT NOT NULL,
    parent  INTEGER REFERENCES versions (version),
    message TEXT NOT NULL,
    at      TEXT NOT NULL,
    sprites INTEGER NOT NULL,
    edit    INTEGER NOT NULL DEFAULT 0,     -- the last edit it contains
    tags    TEXT NOT NULL DEFAULT ''
);
"""

# Step i upgrades a workspace from version i to i + 1.
_STEPS = (_VERSION_1,)
CURRENT = len(_STEPS)


# How much of a workspace is checked when it is opened. The rest is checked when it is read, and by `verify`.
_ROWS_CHECKED = 100
_TYPES_CHECKED = 250
_PAGES_CHECKED = 256
_MAX_SECONDS = 5.0
_SMALLEST_ROW = 64  # lower bound for the bytes of the file that a sprite takes
_PROGRESS_STEPS = 100_000


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables in an empty database, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in _STEPS:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {CURRENT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def check(connection: sqlite3.Connection) -> None:
    """Raise UserError unless the database has exactly the tables of a workspace. Nothing in it is run or changed.

    Checks all of a small database, but only the start of a large one, so that it opens as fast.
    """
    try:
        with _limited(connection):
            _check_tables(connection)
            _check_beginning(connection)
    except (sqlite3.DatabaseError, ValueError, TypeError, OverflowError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN):
            raise
        raise UserError("workspace.sqlite is damaged or does not belong to a workspace") from error


def damage(connection: sqlite3.Connection) -> str:
    """Check every row of the database. Return what is wrong with it, or ""."""
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            return str(verdict)
        _check_rows(connection, rows=-1, types=-1)
        (count, highest) = connection.execute("SELECT count(*), coalesce(max(seq), 0) FROM sprites").fetchone()
        return "" if count == highest else "rows of sprites are missing"
    except (sqlite3.DatabaseError, UserError, ValueError) as error:
        return str(error)


@contextlib.contextmanager
def _limited(connection: sqlite3.Connection) -> Iterator[None]:
    """Interrupt statements that take too long: the page tree of a damaged database may be cyclic."""
    latest = time.monotonic() + _MAX_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > latest, _PROGRESS_STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _check_tables(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    found = _objects(connection)
    if application != APPLICATION_ID:
        what = "belongs to another program" if found else "is empty"
        raise UserError(f"workspace.sqlite {what}: this is not a GANdam workspace, or it is damaged")
    if version > CURRENT:
        raise UserError(f"this workspace was written by a newer GANdam Studio (schema {version}, known {CURRENT})")
    if version != CURRENT or found != _expected():
        raise UserError("workspace.sqlite is damaged: it does not have the tables of a workspace")


def _objects(connection: sqlite3.Connection) -> set[tuple[Any, ...]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT IN ('sqlite_stat1', 'sqlite_stat4')"
    return {tuple(row) for row in connection.execute(f"{query} LIMIT 100")}


@functools.cache
def _expected() -> set[tuple[Any, ...]]:
    with contextlib.closing(_model()) as model:
        return _objects(model)


def _model() -> sqlite3.Connection:
    """Return the database of an empty workspace, in memory."""
    model = sqlite3.connect(":memory:", isolation_level=None)
    prepare(model)
    return model


def _check_beginning(connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    if pages <= _PAGES_CHECKED:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise DamagedWorkspace("its pages are inconsistent")
    (lowest,) = connection.execute("SELECT coalesce(min(seq), 1) FROM sprites").fetchone()
    (highest,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
    if lowest < 1 or highest > pages * page_size // _SMALLEST_ROW:
        raise DamagedWorkspace("the row numbers of its sprites are not valid")
    _check_rows(connection, rows=_ROWS_CHECKED, types=_TYPES_CHECKED)


def _check_rows(connection: sqlite3.Connection, *, rows: int, types: int) -> None:
    """Check the first rows, or all of them for -1. Raises UserError, and sqlite3.Error for text that is not UTF-8."""
    for table, condition in _wrong_types().items():
        query = f"SELECT 1 FROM (SELECT * FROM {table} LIMIT ?) WHERE {condition} LIMIT 1"
        if connection.execute(query, (types,)).fetchone():
            raise DamagedWorkspace(f"a value in {table!r} has the wrong type")
    for row in connection.execute(f"SELECT {COLUMNS} FROM sprites LIMIT ?", (rows,)):
        Sprite.from_row(row)
    for key, value in connection.execute("SELECT key, value FROM settings LIMIT ?", (rows,)):
        try:
            read_setting(key, value)
        except UserError as error:
            raise DamagedWorkspace(str(error)) from None


@functools.cache
def _wrong_types() -> dict[str, str]:
    """Return table -> SQL that is true for a row with a value of a wrong type."""
    stored = {"INTEGER": "'integer'", "TEXT": "'text'", "BLOB": "'blob'", "REAL": "'real', 'integer'"}
    found = {}
    with contextlib.closing(_model()) as model:
        for (table,) in model.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            found[table] = " OR ".join(
                f"typeof({name}) NOT IN ({stored[kind]}{'' if needed or key else ', ' + repr('null')})"
                for _, name, kind, needed, _, key in model.execute(f"PRAGMA table_info({table})")
                if kind
            )
    return found


def _statements(script: str) -> list[str]:
    """Split a script into statements; `executescript` would commit the surrounding transaction."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
