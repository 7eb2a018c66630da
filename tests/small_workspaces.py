"""Workspaces with a few small sprites, made without the importer so that versions are tested on their own."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core.pictures.decoding import sprite_id
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.store import transaction


def sprite_pixels(index: int) -> np.ndarray:
    """A small sprite, unique for each index: (12, 10, 4) uint8 with a transparent frame."""
    rgba = np.zeros((12, 10, 4), np.uint8)
    dice = np.random.default_rng(index)
    rgba[2:10, 2:7, :3] = dice.integers(0, 256, (8, 5, 3))
    rgba[2:10, 2:7, 3] = 255
    rgba[5, 7] = (index % 256, index // 256 % 256, 7, 255)
    return rgba


def png_bytes(rgba: np.ndarray) -> bytes:
    """The picture as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "PNG")
    return stream.getvalue()


def add_sprites(workspace: Workspace, indexes: list[int]) -> None:
    """Add sprites to a workspace like the importer, in the given order."""
    pictures = [sprite_pixels(index) for index in indexes]
    files = [png_bytes(rgba) for rgba in pictures]
    digests = [hashlib.sha256(data).hexdigest() for data in files]
    workspace.originals.add_all(zip(digests, files, strict=True))
    with transaction(workspace.connection) as connection:
        for index, rgba, data, digest in zip(indexes, pictures, files, digests, strict=True):
            name = f"sprite-{index:05d}.png"
            cursor = connection.execute(
                "INSERT INTO sprites (id, name, blob, width, height, alpha) VALUES (?, ?, ?, 10, 12, 1)",
                (sprite_id(rgba), name, digest),
            )
            connection.execute(
                "INSERT INTO sources (path, size, file_digest, sprite, verdict) VALUES (?, ?, ?, ?, 'accepted')",
                (f"art/{name}", len(data), digest, cursor.lastrowid),
            )


@pytest.fixture
def make_workspace(tmp_path: Path) -> Callable[..., Workspace]:
    """`make_workspace(count_or_indexes, name="w")`: an open workspace with those sprites."""
    opened: list[Workspace] = []

    def make(which: int | list[int] = 20, name: str = "w") -> Workspace:
        workspace = Workspace.create(tmp_path / name)
        opened.append(workspace)
        add_sprites(workspace, list(range(which)) if isinstance(which, int) else which)
        return workspace

    yield make
    for workspace in opened:
        workspace.close()


@pytest.fixture
def workspace(make_workspace: Callable[..., Workspace]) -> Workspace:
    """A workspace of 20 sprites, rows 1 to 20."""
    return make_workspace()
