"""Numbers from file systems and archives as a workspace keeps them: whole, and within 64 bits."""

from __future__ import annotations

import math

from trainer.protocol.untrusted import MAX_INTEGER

UNKNOWN_TIME = 0


def storable_ns(nanoseconds: int) -> int:
    """A time in nanoseconds since 1970; UNKNOWN_TIME beyond the years 1677 to 2262, which 64 bits hold."""
    return nanoseconds if -MAX_INTEGER <= nanoseconds <= MAX_INTEGER else UNKNOWN_TIME


def storable_time(seconds: float) -> int:
    """`storable_ns` of a time in seconds, which may be infinite or no number."""
    return storable_ns(int(seconds * 1e9)) if math.isfinite(seconds) and abs(seconds) < 1e12 else UNKNOWN_TIME
