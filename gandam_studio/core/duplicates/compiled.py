"""Whether loops over pixels run compiled (`pixels_numba`, `tiles_numba`) or as operations of numpy, with equal results.

Loading numba takes as long as a few thousand comparisons, so only what has many to do asks for it (`use`).
"""

from __future__ import annotations

import contextlib
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

kernels: ModuleType | None = None
"""The compiled loops over the pixels of contents, once `use` has loaded them."""
tile_kernels: ModuleType | None = None
"""The compiled loops over tiles."""
fused = (True, True)
"""How `tile_kernels.resampled` rounds; see `tiles_numba.rounding`."""


def available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def use(*, tiles_first: bool = False) -> None:
    """Run loops compiled from now on, if numba is installed. They are compiled once and cached on disk by numba.

    Loops over tiles only where numpy's matrix products round as they do, so that results do not depend on numba.
    tiles_first: in which order they are compiled.
    """
    global kernels, tile_kernels, fused
    if kernels is not None or not available():
        return
    # numba raises RuntimeError where it finds no folder for its cache.
    with contextlib.suppress(ImportError, RuntimeError):
        if tiles_first:
            import_module("gandam_studio.core.duplicates.tiles_numba")
        from gandam_studio.core.duplicates import pixels_numba, tiles_numba

        rounding = tiles_numba.rounding()
        if rounding is not None:
            tile_kernels, fused = tiles_numba, rounding
        kernels = pixels_numba
