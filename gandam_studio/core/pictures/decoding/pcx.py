"""PCX (ZSoft): 1 to 8 bits a sample in 1 to 4 planes, run-length encoded or not."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.binary import Reader
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

_RUN = re.compile(rb"([\xc0-\xff])(.)", re.DOTALL)
_WHOLE_RUNS = re.compile(rb"(?:[\xc0-\xff].|[\x00-\xbf])*+", re.DOTALL)
_CHUNK = 1 << 16
_PALETTE = 769  # bytes at the end of the file, with the mark before them
# IBM's 16 colours, of files whose version has no palette.
_EGA = bytes.fromhex(
    "000000 0000aa 00aa00 00aaaa aa0000 aa00aa aa5500 aaaaaa 555555 5555ff 55ff55 55ffff ff5555 ff55ff ffff55 ffffff"
)


def decode(data: bytes, limits: Limits) -> NDArray[np.uint8]:
    """Decode to (H, W, 4) RGBA uint8. Raises UnreadablePicture."""
    samples, table = _read(data, limits)
    height, planes, width = samples.shape
    rgba = np.full((height, width, 4), 255, np.uint8)
    if table is None:
        rgba[..., :planes] = samples.transpose(0, 2, 1)
    else:
        rgba[..., :3] = table[samples[:, 0]]
    return rgba


def indices(data: bytes, limits: Limits) -> NDArray[np.uint8] | None:
    """Decode to (H, W) uint8 places in the palette; None for a picture without one. Raises UnreadablePicture."""
    samples, table = _read(data, limits)
    return None if table is None else samples[:, 0]


def _read(data: bytes, limits: Limits) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """(samples, (H, planes, W) uint8; palette, (n, 3)): of a picture with one, the only plane has places in it."""
    reader = Reader(data, "<")
    _, version, packed, bits, left, top, right, bottom = reader.numbers("BBBBHHHH")
    reader.skip(4)
    palette = bytes(reader.take(48))
    _, planes, stride, _ = reader.numbers("BBHH")
    width, height = right - left + 1, bottom - top + 1
    limits.check_size(width, height)
    if stride * 8 < width * bits or stride * planes * height > 5 * limits.max_pixels:
        raise UnreadablePicture("a PCX picture with impossible values")
    if (bits, planes) not in ((1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (4, 1), (8, 1), (8, 3), (8, 4)):
        raise UnreadablePicture(f"a PCX picture of {planes} planes of {bits} bits: not supported")
    size = stride * planes * height
    body = data[128:]
    raw = _unpacked(body, size) if packed else body[:size]
    if len(raw) < size:
        raise UnreadablePicture("truncated")
    rows = np.frombuffer(raw, np.uint8).reshape(height, planes, stride)
    samples = _samples(rows, bits)[..., :width]
    if bits == 8 and planes >= 3:
        return samples, None
    levels = np.zeros((height, 1, width), np.uint8)
    for plane in range(planes):
        levels[:, 0] |= samples[:, plane] << plane if bits == 1 else samples[:, plane]
    return levels, _table(data, palette, version, bits * planes)


def _unpacked(data: bytes, size: int) -> bytes:
    """Undo the run-length encoding, some bytes at a time, up to `size` bytes."""
    found = bytearray()
    position = 0
    while len(found) < size:
        whole = _WHOLE_RUNS.match(data, position, position + _CHUNK)
        stop = whole.end() if whole else position
        if stop == position:
            break
        found += _RUN.sub(lambda run: run[2] * (run[1][0] & 63), data[position:stop])
        position = stop
    return bytes(found[:size])


def _samples(rows: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Split bytes into samples of `bits` bits, the highest bits first."""
    if bits == 8:
        return rows
    if bits == 1:
        return np.unpackbits(rows, axis=2)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    split = (rows[..., None] >> shifts) & np.uint8((1 << bits) - 1)
    return split.reshape(*rows.shape[:2], -1)


def _table(data: bytes, palette: bytes, version: int, depth: int) -> NDArray[np.uint8]:
    """Return the colours of samples, (n, 3)."""
    if depth == 8:
        tail = data[-_PALETTE:]
        if len(tail) == _PALETTE and tail[0] in (10, 12):
            return np.frombuffer(tail[1:], np.uint8).reshape(256, 3)
        return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    colors = np.frombuffer(palette, np.uint8).reshape(16, 3)
    if depth == 1:
        # Most programs leave the palette of black and white pictures empty.
        two = colors[:2]
        return two if int(np.abs(two[0].astype(int) - two[1]).max()) else np.array([[0] * 3, [255] * 3], np.uint8)
    if version == 3 or not palette.strip(b"\0"):
        colors = np.frombuffer(_EGA, np.uint8).reshape(16, 3)
    return colors
