"""JPEG: parse the markers for size, orientation and profile, then decode with libjpeg (through OpenCV)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_ICC = b"ICC_PROFILE\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_END = b"\xff\xd9"
_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # the marker that ends a scan: not a stuffed byte or RSTn
# libjpeg makes up zeros for missing bits, so ones come first: a cut in the very last byte shows. 64 bytes reach past
# any block.
_FILLER = b"\xfe" + bytes((37 * n + 91) % 251 for n in range(63))


@dataclass
class JpegHeader:
    """The contents of the markers before the first scan.

    Attributes:
        width, height: in pixels, as stored (before the EXIF orientation).
        components: 1 grey, 3 colour, 4 CMYK.
        exif: the EXIF block, starting at its TIFF header, or b"".
        profile: the ICC profile, or b"".
        xmp: the XMP packet, or b"".
        progressive: whether the picture is stored in scans of increasing detail.
        first_scan: offset of the first scan's data, 0 if there is none.
        interleaved: whether the first scan holds all components.
        complete: whether an end-of-image marker follows the first scan.
        restarts: whether the scans have restart markers.
    """

    width: int = 0
    height: int = 0
    components: int = 0
    exif: bytes = b""
    profile: bytes = b""
    xmp: bytes = b""
    progressive: bool = False
    first_scan: int = 0
    interleaved: bool = True
    complete: bool = False
    restarts: bool = False
    _profile_parts: dict[int, bytes] = field(default_factory=dict)


def read_header(data: bytes, limits: Limits) -> JpegHeader:
    """Parse the markers up to the first scan (ITU T.81, annex B). Raises UnreadablePicture."""
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
            header.first_scan = position
            header.complete = data.rfind(_END) >= position
            header.interleaved = data[position - length + 2] >= header.components
            break
    if not header.components:
        raise UnreadablePicture("a JPEG without a frame header")
    # ICC.1:2022 annex B.4: the profile is split into numbered parts.
    header.profile = b"".join(body for _, body in sorted(header._profile_parts.items()))
    return header


def _take(header: JpegHeader, marker: int, body: bytes, limits: Limits) -> None:
    if marker in _FRAMES and len(body) >= 6 and not header.components:
        header.progressive = marker in _PROGRESSIVE
        header.height, header.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        header.components = body[5]
        limits.check_size(header.width, header.height)
    elif marker == 0xE1 and body.startswith(b"Exif\0") and not header.exif:
        header.exif = body[6:]
    elif marker == 0xE1 and body.startswith(_XMP) and not header.xmp:
        header.xmp = body[len(_XMP) :]
    elif marker == 0xDD:
        header.restarts = any(body[:2])
    elif marker == 0xE2 and body.startswith(_ICC) and len(body) > 14:
        header._profile_parts.setdefault(body[12], body[14:])


def decode_pixels(data: bytes, header: JpegHeader) -> NDArray[np.uint8] | None:
    """Decode to (H, W, 4) RGBA uint8, as stored; None if Pillow has to (CMYK, incomplete, rejected by OpenCV)."""
    if header.components not in (1, 3) or not header.complete:
        return None
    pixels = _imdecode(data)
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        return None
    code = cv2.COLOR_GRAY2RGBA if pixels.ndim == 2 else cv2.COLOR_BGR2RGBA
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def require_whole(data: bytes, header: JpegHeader, pixels: NDArray[np.uint8] | None) -> None:
    """Raise UnreadablePicture if the data of the last scan ends early: libjpeg fills in grey and only warns.

    The check decodes again with other bytes appended to the scan: these change the picture only if data is missing,
    since bytes after a complete scan are never read. A file without an end marker is always rejected.
    """
    if not header.first_scan:
        return
    if not header.complete:
        raise UnreadablePicture("truncated")
    scans = _Scans(data, header)
    look = _imdecode if pixels is None else partial(decode_pixels, header=header)
    before = _imdecode(data) if pixels is None else pixels
    other = look(data[: scans.stop].rstrip(b"\xff") + _stand_in(data, header, scans.stop) + _END)
    if scans.broken or before is None or other is None or not np.array_equal(before, other):
        raise UnreadablePicture("truncated")


class _Scans:
    """The scans of a JPEG.

    Attributes:
        stop: offset at which the last scan's data ends.
        broken: whether the file ends in the middle of a scan's header.
    """

    def __init__(self, data: bytes, header: JpegHeader) -> None:
        self.lacking = self.broken = False
        position = header.first_scan
        if header.interleaved and not header.progressive:
            self.stop = data.find(_END, position)
            return
        final: dict[int, int] = {}  # component -> bit mask of the coefficients known to full precision
        head = data.rfind(b"\xff\xda", 0, position)
        while True:
            _note_scan(data[head + 4 : position], final)
            found = _IN_SCAN.search(data, position)
            self.stop = found.start() if found else len(data)
            head, position = _next_scan(data, self.stop)
            if not position:
                self.broken = data[head : head + 2] != _END
                break
        every = (1 << 64) - 1
        self.lacking = len(final) < header.components or any(
            mask != every for mask in final.values() if header.progressive
        )


def _note_scan(body: bytes, final: dict[int, int]) -> None:
    """Record which coefficients a scan completes to their last bit (ITU T.81, B.2.3 and G.1.1.1)."""
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count:
        return
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    mask = ((1 << (min(last, 63) - min(first, 63) + 1)) - 1) << min(first, 63) if not bits & 15 and last >= first else 0
    for index in range(count):
        component = body[1 + 2 * index]
        final[component] = final.get(component, 0) | mask


def _next_scan(data: bytes, position: int) -> tuple[int, int]:
    """Return (start of header, start of data) of the scan whose tables begin at `position`.

    If there is none, return (offset of the first marker that is not a table, 0).
    """
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] not in (0xD8, 0xD9):
        stop = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] == 0xDA:
            return position, stop
        position = stop
        while data[position : position + 2] == b"\xff\xff":
            position += 1
    return position, 0


def _stand_in(data: bytes, header: JpegHeader, stop: int) -> bytes:
    """Return bytes to replace data that may be missing, with the restart markers that would come next."""
    if not header.restarts:
        return _FILLER
    last = max((data.rfind(bytes((0xFF, 0xD0 + n)), header.first_scan, stop), n) for n in range(8))
    number = last[1] + 1 if last[0] >= 0 else 0
    return _FILLER + b"".join(bytes((0xFF, 0xD0 + (number + n) % 8)) + _FILLER for n in range(8))


def _imdecode(data: bytes) -> NDArray[np.uint8] | None:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if pixels is None else np.asarray(pixels, np.uint8)
