"""How long the processor's threads spin for each other before they sleep; settled before torch is loaded."""

from __future__ import annotations

import os

SPINS = "1000"
"""Rounds of libgomp's waiting loop, tens of microseconds."""


def wait_briefly() -> None:
    """Let OpenMP's threads spin for a moment and then sleep, unless the person has said how they shall wait.

    Small steps have hundreds of waits, most of them short: threads that sleep at once halve the speed of a quiet
    machine, threads that spin for long (libgomp's default, milliseconds) take the processor from each other on a
    busy one, where a step took up to six times as long. Only libgomp reads this (torch on Linux).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
