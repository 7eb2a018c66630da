"""Importing large modules without looking for garbage meanwhile."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator

MANY = 50
"""Modules that are worth leaving out of later collections."""


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Within this context modules are imported, and the garbage collector rests.

    Hardly anything is garbage while modules load, but every import makes the collector look through all that was loaded
    before: with torch, a fifth of the time. What was loaded is left out of later collections (`gc.freeze`), which are
    quicker then, also the last one when the process ends. Contexts may be nested; the outermost one counts. Where all
    was loaded before, nothing is frozen, so that garbage of a long-lived process is still found.
    """
    if not gc.isenabled():
        yield
        return
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) - before >= MANY:
            gc.freeze()
        gc.enable()
