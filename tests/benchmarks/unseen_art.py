"""Sets of different drawings that look alike: frames, rotations and poses, for counting how many a search loses.

A set is a list of RGBA pictures of which no two have the same trimmed pixels, mirrored or not. Whoever drops one of
them in favour of another loses a drawing.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from gandam_studio.core.hashing.content import find_content
from gandam_studio.samples.mechas import truths
from gandam_studio.samples.mechas.collection import render

_BLOCK = 24  # neighbours by name are taken together, since they look alike most
_SMALLEST = 12  # pixels of the longer side of what is visible


def different(pictures: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The pictures without those whose trimmed pixels came before, mirrored or not, and without dots and blanks."""
    seen: set[tuple[tuple[int, ...], bytes]] = set()
    found = []
    for picture in pictures:
        content = find_content(picture).rgba
        if max(content.shape[:2]) < _SMALLEST:
            continue
        names = [(content.shape, np.ascontiguousarray(way).tobytes()) for way in (content, content[:, ::-1])]
        if names[0] not in seen:
            seen.update(names)
            found.append(picture)
    return found


def zipped(archive: Path, names: Iterable[str] | None = None) -> list[np.ndarray]:
    """The different drawings of a zip file of PNGs, by name."""
    with zipfile.ZipFile(archive) as files:
        chosen = sorted(names if names is not None else (one for one in files.namelist() if one.endswith(".png")))
        return different(np.array(Image.open(io.BytesIO(files.read(name))).convert("RGBA")) for name in chosen)


def in_folder(folder: Path, limit: int) -> list[np.ndarray]:
    """Up to about `limit` different drawings of a folder of PNGs and the folders in it, in blocks of neighbours."""
    paths = sorted(folder.rglob("*.png"))
    blocks = [paths[start : start + _BLOCK] for start in range(0, len(paths), _BLOCK)]
    every = max(1, round(len(paths) / limit))
    chosen = [path for block in blocks[::every] for path in block]
    pictures = (np.array(Image.open(path).convert("RGBA")) for path in chosen)
    return different(picture for picture in pictures if max(picture.shape[:2]) <= 256)


def drawn_mechas(seed: int, count: int) -> list[np.ndarray]:
    """Machines of the program's own artist, each with several kinds of gear: one build, other weapons or heads."""
    originals = [one.index for one in truths(seed, 3 * count) if one.relation == "original"][: count // 4]
    return different(render(seed, index, gear=gear) for index in originals for gear in range(4))
