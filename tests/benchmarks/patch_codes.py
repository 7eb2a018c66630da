"""Learn the codes that the facing assistant counts patches by, from the bundled mechas.

    python tests/benchmarks/patch_codes.py

Writes gandam_studio/core/suggestions/facing/codes.npy: (18, 18) that whitens patches, and (PAIRS, 18) codes, found by
spherical k-means over patches and their mirror images (Coates and Ng 2012). Features that workspaces keep are of one
list of codes, so another list needs another format in core/suggestions/described.py.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from gandam_studio.core.hashing.content import find_content  # noqa: E402
from gandam_studio.core.suggestions.facing import patches  # noqa: E402

PER_PICTURE = 40
ROUNDS = 8
RIDGE = 0.05  # of the mean variance


def sampled(path: Path) -> np.ndarray:
    """(P, 18) patches from every other picture of a zip."""
    rng = np.random.default_rng(0)
    found = []
    with zipfile.ZipFile(path) as files:
        for name in sorted(name for name in files.namelist() if name.endswith(".png"))[::2]:
            picture = np.array(Image.open(io.BytesIO(files.read(name))).convert("RGBA"))
            pixels = patches.own_pixels(find_content(picture).rgba)
            some, _ = patches.patches_of(pixels)
            found.append(some[rng.choice(len(some), min(PER_PICTURE, len(some)), replace=False)])
    return np.concatenate(found)


def learned(some: np.ndarray) -> np.ndarray:
    """(18 + PAIRS, 18) float32: the whitening matrix, and the codes."""
    rng = np.random.default_rng(0)
    mirrored = patches.MIRRORED
    both = np.concatenate([some, some[:, mirrored]]).astype(np.float64)
    values, vectors = np.linalg.eigh(both.T @ both / len(both))
    real = values > 1e-6 * values[-1]
    values, vectors = values[real][-16:], vectors[:, real][:, -16:]
    whitening = (vectors / np.sqrt(values + RIDGE * values.mean())) @ vectors.T
    seen = some @ whitening
    length = np.linalg.norm(seen, axis=1)
    seen = seen[length > np.median(length) / 2]
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    codes = seen[rng.choice(len(seen), patches.PAIRS, replace=False)]
    for _ in range(ROUNDS):
        straight, turned = seen @ codes.T, seen @ codes[:, mirrored].T
        flip = turned.max(axis=1) > straight.max(axis=1)
        nearest = np.maximum(straight, turned).argmax(axis=1)
        alike = np.where(flip[:, None], seen[:, mirrored], seen)
        for code in np.unique(nearest):
            mean = alike[nearest == code].mean(axis=0)
            codes[code] = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return np.concatenate([whitening, codes]).astype(np.float32)


if __name__ == "__main__":
    np.save(patches.FILE, learned(sampled(REPOSITORY / "data" / "mechas" / "mechas.zip")))
    print(patches.FILE)
