"""Loads pictures that are not imported yet (for sheets and recipe previews). A worker vets them first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.importing.archives import ZipReader
from gandam_studio.core.importing.examining import read_file, why
from gandam_studio.core.importing.items import ACCEPTED, ARCHIVE, MISSING, Item
from gandam_studio.core.importing.options import WorkSettings
from gandam_studio.core.importing.pool import Pool
from gandam_studio.core.pictures.decoding.canonical import decode
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.palettes import without_index_0
from gandam_studio.core.workers.pool import Check


class Sheet(NamedTuple):
    """A sheet to cut.

    Attributes:
        rgba: (H, W, 4) uint8, canonical.
        cleared: the same with the first palette entry made transparent; None if the file has no palette.
    """

    rgba: NDArray[np.uint8]
    cleared: NDArray[np.uint8] | None = None


def load_sheet(source: Path | Item, *, limits: Limits = DEFAULT_LIMITS, check: Check = lambda: None) -> Sheet:
    """Load a sheet as `load_picture` does, with its variant without the first palette entry."""
    data = _data(source, limits)
    rgba = load_picture(data, limits=limits, check=check)
    return Sheet(rgba, without_index_0(data, rgba, limits))


def load_picture(
    source: Path | str | bytes | Item, *, limits: Limits = DEFAULT_LIMITS, check: Check = lambda: None
) -> NDArray[np.uint8]:
    """Return the canonical RGBA (H, W, 4) of an untrusted file, zip entry or encoded bytes.

    A worker process decodes the picture first, to check that it stays within the limits; then it is decoded here. Takes
    about half a second, so call it off the GUI thread. Raises UnreadablePicture, or what `check` raises.
    """
    data = source if isinstance(source, bytes) else _data(source, limits)
    item = Item("preview", data=data, size=len(data))
    settings = WorkSettings("", "first", None, vars(limits))
    with Pool(settings, 1) as pool:
        for _, outcomes in pool.run(iter([[item]]), check):
            if outcomes[0].verdict in (ARCHIVE, MISSING):
                raise UnreadablePicture("an archive, not a picture")
            if outcomes[0].verdict != ACCEPTED:
                raise UnreadablePicture(outcomes[0].reason)
    return decode(data, limits, vetted=True).rgba


def _data(source: Path | str | Item, limits: Limits) -> bytes:
    try:
        return _bytes_of(source, limits) if isinstance(source, Item) else read_file(os.fspath(source), limits)
    except OSError as error:
        raise UnreadablePicture(why(error)) from None


def _bytes_of(item: Item, limits: Limits) -> bytes:
    if item.member and item.index < 0:
        raise UnreadablePicture("a picture in a tar archive, which cannot be read on its own")
    if not item.member:
        return read_file(item.path, limits)
    reader = ZipReader()
    try:
        return reader.read(item.path, item.index, limits.max_file_bytes)
    finally:
        reader.close()
