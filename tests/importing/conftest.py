"""An empty workspace, and folders of sprites to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pictures import sprite_png
from warm_starts import warm

from gandam_studio.core.workspace import Workspace

__all__ = ["warm"]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "workspace") as opened:
        yield opened


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., Path]:
    def make(numbers: range, name: str = "pictures") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for number in numbers:
            (folder / f"sprite-{number:05d}.png").write_bytes(sprite_png(number))
        return folder

    return make
