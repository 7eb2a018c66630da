"""Real sprites for the tests of hashes and duplicates."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from studio_calls import studio
from warm_starts import warm

from gandam_studio.core.workspace import Workspace

__all__ = ["studio", "warm"]


@pytest.fixture
def workspace(tmp_path: Path, imported: Path) -> Iterator[Workspace]:
    """A copy, for one test, of the workspace that its module's fixture `imported` made."""
    with Workspace.open(shutil.copytree(imported, tmp_path / "workspace")) as made:
        yield made


@pytest.fixture(scope="session")
def unzipped_sprites(shared_data: Path) -> Callable[[int], list[np.ndarray]]:
    """Return a function that loads `count` gen8 sprites of different species as (56, 68, 4) uint8."""
    archive = shared_data / "pokesprite" / "pokesprite-2.7.0.zip"
    if not archive.is_file():
        pytest.skip("the pokesprite archive is not in ../shared/data")

    def load(count: int) -> list[np.ndarray]:
        with zipfile.ZipFile(archive) as files:
            names = sorted(n for n in files.namelist() if n.startswith("pokemon-gen8/regular/") and n.count("/") == 2)
            names = [
                name for name in names if name.endswith(".png") and "-" not in name.rsplit("/", 1)[1]
            ]  # one a species
            chosen = names[:: max(1, len(names) // count)][:count]
            return [np.array(Image.open(io.BytesIO(files.read(name))).convert("RGBA")) for name in chosen]

    return load
