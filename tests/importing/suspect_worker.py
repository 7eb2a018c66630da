"""A worker with simulated decoder bugs: marked pictures crash it, hang it, exhaust memory or break the hashing."""

from __future__ import annotations

import ctypes
import sys
import threading

import numpy as np

from gandam_studio.core.importing import describing, worker
from gandam_studio.core.pictures.decoding import canonical
from gandam_studio.core.workers.serving import serve

decode_first, fingerprint_stack = canonical.decode_first, describing.fingerprint_stack
MARKED = (66, 65, 68)  # the colour of a top left pixel that breaks the hashing


def fragile_decode(data: bytes, *limits: object):
    if b"SEGFAULT" in data:
        ctypes.string_at(0)
    if b"HANG" in data:
        # Holds the interpreter lock: nothing inside this process could end it but the watchdog's C thread.
        ctypes.PyDLL(None).usleep(120_000_000)
    if b"SLEEP" in data:
        threading.Event().wait(120)
    if b"MEMORY" in data:
        return [np.ones(1 << 27, np.uint8) for _ in range(1000)]
    return decode_first(data, *limits)


def fragile_hashing(stack):
    if any(tuple(picture[0, 0, :3]) == MARKED for picture in stack):
        ctypes.string_at(0)
    return fingerprint_stack(stack)


if __name__ == "__main__":
    canonical.decode_first = fragile_decode
    describing.fingerprint_stack = fragile_hashing
    sys.exit(serve(worker.prepare))
