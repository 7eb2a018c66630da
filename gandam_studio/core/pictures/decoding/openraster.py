"""OpenRaster and Krita documents (.ora, .kra): zips with the merged picture in them, which is read."""

from __future__ import annotations

import io
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding import exif, png
from gandam_studio.core.pictures.decoding.colour import rgb_to_srgb
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

_MERGED = "mergedimage.png"
_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, KeyError, NotImplementedError)


def decode(data: bytes, limits: Limits) -> NDArray[np.uint8]:
    """Decode the merged picture to (H, W, 4) RGBA uint8, sRGB and upright. Raises UnreadablePicture."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if _MERGED not in archive.namelist():
                raise UnreadablePicture("a Krita or OpenRaster document without its merged picture")
            with archive.open(_MERGED) as stream:
                merged = stream.read(limits.max_file_bytes + 1)
    except _ERRORS:
        raise UnreadablePicture("a damaged Krita or OpenRaster document") from None
    if len(merged) > limits.max_file_bytes:
        raise UnreadablePicture(f"too large: {len(merged) / 1e6:,.0f} MB")
    if not merged.startswith(b"\x89PNG\r\n\x1a\n"):
        raise UnreadablePicture("a damaged Krita or OpenRaster document")
    header = png.read_header(merged, limits)
    rgba = rgb_to_srgb(png.decode_pixels(merged, header), header.profile)
    return exif.upright(rgba, header.orientation) if header.orientation != 1 else rgba
