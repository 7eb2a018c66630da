"""Sprites that must be on the same side of a train / held-out split, for the held-out ones to be a fair test."""

from __future__ import annotations

from gandam_studio.core.duplicates.links import LOOK_RADIUS, WHOLE_RADIUS, load_findings
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE
from gandam_studio.core.duplicates.twins import named, twins
from gandam_studio.core.workspace import Workspace


def held_together(workspace: Workspace, distance: float = DEFAULT_DISTANCE) -> list[tuple[str, str]]:
    """Return pairs of sprite ids that no split may separate, for `versions.splits.assign_splits`.

    Equal and mirrored contents are known from fingerprints alone. Resized, recoloured and otherwise related sprites, up
    to `distance` (none if negative), are known after a search for duplicates. Pairs that the person called no
    duplicates are excluded unless their pixels are the same.
    """
    connection = workspace.connection
    distinct = {(int(a), int(b)) for a, b in connection.execute("SELECT a, b FROM pairs")}
    found = load_findings(workspace.folder, (LOOK_RADIUS, WHOLE_RADIUS)).links if distance >= 0 else []
    related = {
        (link.i, link.j) for link in found if link.verdict.distance <= distance and (link.i, link.j) not in distinct
    }
    return named(connection, related | twins(connection))
