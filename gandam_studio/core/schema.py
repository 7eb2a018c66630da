"""The tables of a workspace, and the steps that bring an older workspace up to date."""

from __future__ import annotations

import sqlite3

from gandam_studio.core.errors import UserError

APPLICATION_ID = 0x474E4453  # "GNDS": lets `file` and other tools recognise a workspace.

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

# Step i brings a workspace from version i to i + 1.
_STEPS = (_VERSION_1,)
CURRENT = len(_STEPS)


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables, or bring them up to date, in one transaction.

    Raises UserError when the file is no workspace or was written by a newer program.
    """
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError:
        raise UserError("workspace.sqlite is damaged or is no workspace") from None
    if version > CURRENT:
        raise UserError(f"this workspace was written by a newer GANdam Studio (schema {version}, known {CURRENT})")
    if version and application != APPLICATION_ID:
        raise UserError("workspace.sqlite belongs to another program")
    if version == CURRENT:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in _STEPS[version:]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {CURRENT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def require_current(connection: sqlite3.Connection) -> None:
    """Raise UserError unless the tables are those of this program: a reader cannot bring them up to date."""
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError:
        raise UserError("workspace.sqlite is damaged or is no workspace") from None
    if version != CURRENT:
        raise UserError(
            f"this workspace has schema {version}, not {CURRENT}: open it once in the window to bring it up to date"
        )


def _statements(script: str) -> list[str]:
    """Split a script; `executescript` would commit the transaction around it."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
