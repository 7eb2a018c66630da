"""JPEG: its markers are walked for size, orientation and profile before libjpeg (through OpenCV) decodes the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.decoding.limits import Limits, UnreadablePicture

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_ICC = b"ICC_PROFILE\0"


@dataclass
class JpegHeader:
    """What the markers before the first scan say.

    Attributes:
        width, height: in pixels, as stored (before the EXIF orientation).
        components: 1 grey, 3 colour, 4 CMYK.
        exif: the EXIF block from its TIFF header on, or b"".
        profile: the ICC profile, or b"".
        complete: an end-of-image marker follows the first scan.
    """

    width: int = 0
    height: int = 0
    components: int = 0
    exif: bytes = b""
    profile: bytes = b""
    complete: bool = False
    _profile_parts: dict[int, bytes] = field(default_factory=dict)


def read_header(data: bytes, limits: Limits) -> JpegHeader:
    """Walk the markers up to the first scan (ITU T.81, annex B). Raises UnreadablePicture."""
    header = JpegHeader()
    position, end = 2, len(data)
    while position + 4 <= end:
        if data[position] != 0xFF:
            # Stray bytes between segments are skipped, as libjpeg does.
            position = data.find(b"\xff", position)
            if position < 0:
                break
            continue
        marker = data[position + 1]
        if marker == 0xFF or marker == 0:
            position += 1
            continue
        if marker in _ALONE:
            position += 2
            continue
        if marker in (0xD8, 0xD9):
            break
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if length < 2:
            raise UnreadablePicture("a JPEG with a broken segment")
        _take(header, marker, data[position + 4 : position + 2 + length], limits)
        position += 2 + length
        if marker == 0xDA:
            header.complete = data.rfind(b"\xff\xd9") >= position
            break
    if not header.components:
        raise UnreadablePicture("a JPEG without a frame header")
    # ICC.1:2022 annex B.4: the profile is cut into numbered parts.
    header.profile = b"".join(body for _, body in sorted(header._profile_parts.items()))
    return header


def _take(header: JpegHeader, marker: int, body: bytes, limits: Limits) -> None:
    if marker in _FRAMES and len(body) >= 6 and not header.components:
        header.height, header.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        header.components = body[5]
        limits.check_size(header.width, header.height)
    elif marker == 0xE1 and body.startswith(b"Exif\0") and not header.exif:
        header.exif = body[6:]
    elif marker == 0xE2 and body.startswith(_ICC) and len(body) > 14:
        header._profile_parts.setdefault(body[12], body[14:])


def decode_pixels(data: bytes, header: JpegHeader) -> NDArray[np.uint8] | None:
    """(H, W, 4) RGBA uint8 as stored; None when Pillow must decide (CMYK, incomplete, refused by OpenCV)."""
    if header.components not in (1, 3) or not header.complete:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        return None
    code = cv2.COLOR_GRAY2RGBA if pixels.ndim == 2 else cv2.COLOR_BGR2RGBA
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
