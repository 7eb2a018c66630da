"""Perceptual hashes for sprites: trimmed, alpha-aware, mirror-aware. The entry point is `fingerprint_batch`.

What computes them is imported when it is first asked for: reading stored ones needs no OpenCV.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gandam_studio.core.hashing.layout import COLUMNS, Column, Flag, mirrored

if TYPE_CHECKING:
    from gandam_studio.core.hashing.fingerprint import fingerprint_batch, fingerprint_stack

__all__ = ["COLUMNS", "Column", "Flag", "fingerprint_batch", "fingerprint_stack", "mirrored"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.fingerprint"), name)
    return found
