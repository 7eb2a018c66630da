"""Prepared pictures on disk: a .npy file of uint8 (N, H, W, C), memory-mapped after checking its header."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy

from trainer.protocol.untrusted import UntrustedError, open_regular

MAX_HEADER = 10_000
MAX_SIDE = 65_536


def open_pictures(
    path: Path, mode: Literal["r", "c"] = "r", *, follow_links: bool = True
) -> np.memmap[Any, np.dtype[np.uint8]]:
    """Map a .npy file of pictures: uint8 (N, H, W, C), N at least 1, C = 3 or 4.

    Nothing is unpickled, and the shape is checked against the file's size. `mode`: "r" to read, "c" for copy on write.
    Raises UntrustedError (a ValueError) for any other file, and OSError.
    """
    with open_regular(path, follow_links=follow_links) as stream:
        shape, in_columns = _header(stream)
        offset, size = stream.tell(), os.fstat(stream.fileno()).st_size
        needed = shape[0] * shape[1] * shape[2] * shape[3]
        if size - offset < needed:
            raise UntrustedError(f"it is cut off: {size - offset:,} of {needed:,} bytes of pictures")
        return np.memmap(stream, np.uint8, mode=mode, offset=offset, shape=shape, order="F" if in_columns else "C")  # type: ignore[call-overload,unused-ignore]


def _header(stream: Any) -> tuple[tuple[int, ...], bool]:
    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise UntrustedError("it is not a .npy file of a known version")
        shape, in_columns, kind = read(stream, max_header_size=MAX_HEADER)
    except UntrustedError:
        raise
    except Exception:  # numpy's header parser raises anything its tokenizer does.
        raise UntrustedError("it is not a .npy array") from None
    sound = (
        kind == np.uint8
        and len(shape) == 4
        and all(isinstance(side, int) and side > 0 for side in shape)
        and max(shape[1:3]) <= MAX_SIDE
        and shape[3] in (3, 4)
    )
    if not sound:
        found = f"{kind} {shape}"
        raise UntrustedError(f"it must hold uint8 (N, H, W, 3 or 4), not {found[:80]}")
    return shape, in_columns
