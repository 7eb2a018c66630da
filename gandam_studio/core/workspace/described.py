"""The versions of the hashes and features stored in a workspace, and whether they are out of date.

Separate from the code that computes them, so that this check does not import the decoders.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from gandam_studio.core.workspace.settings import DESCRIBED as SETTING

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


# Increase when the meaning or value of any column changes (`core.hashing`): stored rows are then recomputed.
FINGERPRINT_VERSION = 5
FEATURES_VERSION = 1


def remember_versions(connection: sqlite3.Connection) -> None:
    """Store the versions of hashes and features together with the first sprites of a workspace."""
    connection.execute("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", (SETTING, versions()))


def is_stale(workspace: Workspace) -> bool:
    """Whether hashes or features are missing, or were computed by another version."""
    kept = workspace.setting(SETTING)
    (rows, described) = workspace.connection.execute(
        "SELECT (SELECT count(*) FROM sprites), (SELECT count(*) FROM fingerprints)"
    ).fetchone()
    return rows != described or (rows > 0 and kept != json.loads(versions()))


def versions() -> str:
    """Return the setting's value for rows computed by this program."""
    return json.dumps({"fingerprints": FINGERPRINT_VERSION, "features": FEATURES_VERSION})
