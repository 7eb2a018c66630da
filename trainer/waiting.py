"""How long OpenMP threads spin before they sleep; must be set before torch is imported."""

from __future__ import annotations

import os

SPINS = "1000"
"""Rounds of libgomp's spin loop: tens of microseconds."""


def wait_briefly() -> None:
    """Let OpenMP threads spin briefly and then sleep, unless OMP_WAIT_POLICY or GOMP_SPINCOUNT is set.

    Small steps wait hundreds of times, mostly briefly. Threads that sleep at once halve the speed of an idle machine;
    threads that spin for milliseconds (libgomp's default) made steps up to six times slower on a busy one. Only libgomp
    (torch on Linux) reads this.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
