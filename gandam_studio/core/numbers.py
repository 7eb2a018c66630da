"""Convert file times to the 64-bit integers that a workspace stores."""

from __future__ import annotations

import math

from trainer.protocol.untrusted import MAX_INTEGER

UNKNOWN_TIME = 0


def storable_ns(nanoseconds: int) -> int:
    """Return a time in nanoseconds since 1970, or UNKNOWN_TIME outside the range of 64 bits (years 1677 to 2262)."""
    return nanoseconds if -MAX_INTEGER <= nanoseconds <= MAX_INTEGER else UNKNOWN_TIME


def storable_time(seconds: float) -> int:
    """Return `storable_ns` for a time in seconds, which may be infinite or NaN."""
    return storable_ns(int(seconds * 1e9)) if math.isfinite(seconds) and abs(seconds) < 1e12 else UNKNOWN_TIME
