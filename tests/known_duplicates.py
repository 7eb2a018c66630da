"""Pictures with known duplicates, and how to add them to a workspace."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import numpy as np
from PySide6.QtTest import QTest
from small_workspaces import png_bytes

from gandam_studio.core.pictures.decoding import sprite_id
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.store import transaction
from gandam_studio.samples.mechas.collection import kind_of, render, truth

# Row numbers of the sprites `known_pictures` gives.
BODY, BODY_MIRRORED = 1, 2
TANK, TANK_DOUBLED, TANK_PADDED = 3, 4, 5
PLANE, PLANE_REPAINTED = 6, 7
ALONE = 8


def first_of(kind: str, skip: int = 0) -> int:
    """The index of an original of this kind in the sample collection."""
    found = (index for index in range(2000) if kind_of(7, index) == kind and truth(7, index).relation == "original")
    for _ in range(skip):
        next(found)
    return next(found)


def known_pictures() -> dict[str, np.ndarray]:
    """Eight pictures: a mirrored pair, an enlarged and a padded copy, a recolour, and an unrelated one."""
    body, tank, plane = (render(7, first_of(kind)) for kind in ("hero", "tank", "plane"))
    return {
        "body.png": body,
        "body-mirrored.png": np.ascontiguousarray(body[:, ::-1]),
        "tank.png": tank,
        "tank-doubled.png": tank.repeat(2, 0).repeat(2, 1),
        "tank-padded.png": np.pad(tank, ((4, 6), (10, 2), (0, 0))),
        "plane.png": plane,
        "plane-repainted.png": render(7, first_of("plane"), coat=5),
        "alone.png": render(7, first_of("crawler")),
    }


def add_pictures(workspace: Workspace, pictures: dict[str, np.ndarray]) -> None:
    """Add pictures to a workspace; fingerprints are computed on first use."""
    files = {name: png_bytes(rgba) for name, rgba in pictures.items()}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    workspace.originals.add_all((digests[name], data) for name, data in files.items())
    with transaction(workspace.connection) as connection:
        for name, rgba in pictures.items():
            colors = len(np.unique(rgba[rgba[..., 3] > 0], axis=0))
            connection.execute(
                "INSERT INTO sprites (id, name, blob, width, height, alpha, colors) VALUES (?, ?, ?, ?, ?, 1, ?)",
                (sprite_id(rgba), name, digests[name], rgba.shape[1], rgba.shape[0], colors),
            )


def eventually(condition: Callable[[], object], seconds: float = 60) -> bool:
    """Whether it becomes true in time, while the window processes events."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        QTest.qWait(5)
    return True
