"""Perceptual hashes for sprites: trimmed, alpha-aware, mirror-aware. The entry point is `fingerprint_batch`."""

from gandam_studio.core.hashing.fingerprint import fingerprint_batch, fingerprint_stack
from gandam_studio.core.hashing.layout import COLUMNS, Column, Flag, mirrored

__all__ = ["COLUMNS", "Column", "Flag", "fingerprint_batch", "fingerprint_stack", "mirrored"]
