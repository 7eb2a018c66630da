"""Which kind of hashes and features a workspace's rows hold, and whether this program would make others.

Apart from the code that makes them: asking must not cost the import of decoders.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from gandam_studio.core.settings import DESCRIBED as SETTING

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


# Raise when any column's meaning or value changes (`core.hashing`, `core.features`): stored rows are made again.
FINGERPRINT_VERSION = 4
FEATURES_VERSION = 1


def remember_versions(connection: sqlite3.Connection) -> None:
    """Note, with a workspace's first sprites, which kind of hashes and features its rows hold."""
    connection.execute("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", (SETTING, versions()))


def is_stale(workspace: Workspace) -> bool:
    """Whether the rows hold hashes or features of another kind than this program's, or lack some."""
    kept = workspace.setting(SETTING)
    (rows, described) = workspace.connection.execute(
        "SELECT (SELECT count(*) FROM sprites), (SELECT count(*) FROM fingerprints)"
    ).fetchone()
    return rows != described or (rows > 0 and kept != json.loads(versions()))


def versions() -> str:
    """The setting's value for rows this program describes."""
    return json.dumps({"fingerprints": FINGERPRINT_VERSION, "features": FEATURES_VERSION})
