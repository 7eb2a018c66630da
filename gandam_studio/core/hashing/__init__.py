"""Perceptual hashes made for sprites: trimmed, alpha-aware, mirror-aware. `fingerprint_batch` is the way in."""

from gandam_studio.core.hashing.fingerprint import fingerprint_batch, fingerprint_stack
from gandam_studio.core.hashing.layout import COLUMNS, Column, Flag, mirrored

__all__ = ["COLUMNS", "Column", "Flag", "fingerprint_batch", "fingerprint_stack", "mirrored"]
