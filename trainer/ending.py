"""Ends the process without taking apart what was loaded, which the system frees at once."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable


def leave_after(work: Callable[[], None]) -> None:
    """Do `work`; if it succeeds, the process ends once threads have ended and what is registered with atexit was done.

    To delete torch's modules one by one would take a tenth of the time of loading them. A failure ends as usual.
    """
    succeeded = False

    def leave() -> None:
        # Tools that trace a process write their results at its very end.
        if succeeded and sys.gettrace() is None and _flushed():
            os._exit(0)

    atexit.register(leave)  # The first one registered is the last one called.
    work()
    succeeded = True


def _flushed() -> bool:
    """Whether all that was printed is written; if not, Python reports it."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True
