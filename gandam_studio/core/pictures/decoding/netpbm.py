"""Netpbm: PBM, PGM, PPM (plain and raw, 1 to 16 bits) and PAM. Of a file with several pictures, the first is read."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

HEADER = re.compile(rb"P([1-6])(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?=[\s#])")
_MAXIMUM = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?=[\s#])")
_COMMENT = re.compile(rb"#[^\r\n]*")
_LONGEST_HEADER = 4096
# PAM: tuple type -> samples of a pixel
_PAM_TYPES = {
    b"BLACKANDWHITE": 1, b"GRAYSCALE": 1, b"RGB": 3,
    b"BLACKANDWHITE_ALPHA": 2, b"GRAYSCALE_ALPHA": 2, b"RGB_ALPHA": 4,
}  # fmt: skip


def decode(data: bytes, limits: Limits) -> NDArray[np.uint8]:
    """Decode to (H, W, 4) RGBA uint8; samples are scaled to 8 bits and rounded. Raises UnreadablePicture."""
    if data.startswith(b"P7"):
        return _pam(data, limits)
    head = data[:_LONGEST_HEADER]
    found = HEADER.match(head)
    if found is None:
        raise UnreadablePicture("a Netpbm picture with a broken header")
    kind, width, height = int(found[1]), int(found[2]), int(found[3])
    limits.check_size(width, height)
    position, most = found.end(), 1
    if kind not in (1, 4):
        maximum = _MAXIMUM.match(head, position)
        if maximum is None:
            raise UnreadablePicture("a Netpbm picture with a broken header")
        most, position = int(maximum[1]), maximum.end()
        _check_maximum(most)
    depth = 3 if kind in (3, 6) else 1
    count = width * height * depth
    if kind <= 3:
        samples = _plain(data[position:], count, kind == 1)
    elif kind == 4:
        # Comments may stand between the height and the single separator before the raster.
        return _bits(data, _raster(data, position), width, height)
    else:
        samples = _raw(data, _raster(data, position), count, most)
    levels = _to_8_bit(samples, most).reshape(height, width, depth)
    return _rgba(255 - levels if kind == 1 else levels)


def _raster(data: bytes, position: int) -> int:
    """Return where the raster begins: behind one white space, and comments before it."""
    while data[position : position + 1] == b"#":
        position = data.find(b"\n", position)
        if position < 0:
            raise UnreadablePicture("truncated")
    return position + 1


def _check_maximum(most: int) -> None:
    if not 1 <= most <= 65535:
        raise UnreadablePicture(f"a Netpbm picture with samples up to {most}, not 1 to 65535")


def _plain(text: bytes, count: int, bits: bool) -> NDArray[np.uint32]:
    """Return `count` samples in decimal digits."""
    # A sample has at most five digits; twice that leaves room for wide layouts. The rest is another picture.
    text = _COMMENT.sub(b" ", text[: 64 + (4 if bits else 12) * count])
    if bits:
        found = np.frombuffer(bytes(text.translate(None, b" \t\r\n\v\f")), np.uint8)[:count]
        if len(found) < count:
            raise UnreadablePicture("truncated")
        values = found.astype(np.uint32) - ord("0")
    else:
        words = text.split(maxsplit=count)[:count]
        if len(words) < count:
            raise UnreadablePicture("truncated")
        try:
            values = np.array(words, "S9").astype(np.uint32)
        except ValueError:
            raise UnreadablePicture("damaged: its samples are not numbers") from None
    if bits and int(values.max()) > 1:
        raise UnreadablePicture("damaged: its samples are not numbers")
    return values


def _raw(data: bytes, position: int, count: int, most: int) -> NDArray[np.uint32]:
    width = 2 if most > 255 else 1
    if len(data) < position + count * width:
        raise UnreadablePicture("truncated")
    return np.frombuffer(data, ">u2" if width == 2 else np.uint8, count, position)


def _bits(data: bytes, position: int, width: int, height: int) -> NDArray[np.uint8]:
    stride = (width + 7) // 8
    if len(data) < position + stride * height:
        raise UnreadablePicture("truncated")
    rows = np.frombuffer(data, np.uint8, stride * height, position).reshape(height, stride)
    bits = np.unpackbits(rows, axis=1)[:, :width]
    return _rgba(((1 - bits) * np.uint8(255))[..., None])


def _to_8_bit(samples: NDArray[np.uint32], most: int) -> NDArray[np.uint8]:
    if int(samples.max()) > most:
        raise UnreadablePicture("damaged: a sample is larger than its header says")
    if most == 255:
        return samples.astype(np.uint8)
    return ((samples.astype(np.uint32) * 255 + most // 2) // most).astype(np.uint8)


def _rgba(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGBA for (H, W, n) with n = 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA."""
    height, width, depth = samples.shape
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = samples[..., :1] if depth <= 2 else samples[..., :3]
    if depth in (2, 4):
        rgba[..., 3] = samples[..., -1]
    return rgba


def _pam(data: bytes, limits: Limits) -> NDArray[np.uint8]:
    head, mark, _ = data[:_LONGEST_HEADER].partition(b"\nENDHDR\n")
    if not mark:
        raise UnreadablePicture("a PAM picture with a broken header")
    fields: dict[bytes, bytes] = {}
    for line in head.split(b"\n")[1:]:
        name, _, value = line.strip().partition(b" ")
        if name and not name.startswith(b"#"):
            fields[name] = value.strip()
    try:
        width, height, depth, most = (int(fields[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    except (KeyError, ValueError):
        raise UnreadablePicture("a PAM picture with a broken header") from None
    limits.check_size(width, height)
    _check_maximum(most)
    kind = fields.get(b"TUPLTYPE", b"")
    if depth not in (1, 2, 3, 4) or _PAM_TYPES.get(kind, depth) > depth or (kind and kind not in _PAM_TYPES):
        raise UnreadablePicture("a PAM picture of a kind that is not supported")
    samples = _raw(data, len(head) + len(mark), width * height * depth, most)
    used = _PAM_TYPES.get(kind, depth)
    return _rgba(_to_8_bit(samples, most).reshape(height, width, depth)[..., :used])
