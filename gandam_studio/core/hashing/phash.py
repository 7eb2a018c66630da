"""ImageHash's pHash (Zauner 2010), the same to the last bit, many pictures at a time.

`f"{word:016x}"` of a word is `str(imagehash.phash(picture))`. Pillow's grey and resampling, and SciPy's transform, are
ImageHash's own: another one's rounding would decide bits otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

_SIDE, _KEPT = 32, 8
BYTES = _SIDE * _SIDE
"""Size of a `reduced` picture."""


def reduced(rgba: np.ndarray) -> np.ndarray:
    """What is hashed of a picture: (H, W, 3 or 4) uint8 to (32, 32) uint8 grey. Transparency is not looked at."""
    grey = Image.fromarray(np.ascontiguousarray(rgba)).convert("L")
    return np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))


def unpack(data: bytes) -> np.ndarray:
    """Return a `reduced` picture from its `BYTES` bytes."""
    return np.frombuffer(data, np.uint8).reshape(_SIDE, _SIDE)


def phashes(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) uint64 from `reduced` pictures: the 8x8 low frequencies of each against their median."""
    from scipy.fftpack import dct  # late: it takes longer to import than most of what is asked of it

    if not len(pictures):
        return np.zeros(0, dtype=np.uint64)
    rows = dct(np.stack(pictures), axis=1)[:, :_KEPT]
    low = dct(rows, axis=2)[:, :, :_KEPT].reshape(len(pictures), _KEPT * _KEPT)
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()
