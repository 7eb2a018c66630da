"""Photoshop documents (PSD, PSB), by Adobe's file format specification: the merged picture, not the layers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gandam_studio.core.deflate import DamagedStream, inflate
from gandam_studio.core.pictures.decoding import exif
from gandam_studio.core.pictures.decoding.binary import Reader
from gandam_studio.core.pictures.decoding.colour import rgb_to_srgb, to_srgb
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.png import to_8_bit

Pixels = NDArray[np.uint8]

_BITMAP, _GREY, _INDEXED, _RGB, _CMYK, _MULTICHANNEL, _DUOTONE, _LAB = 0, 1, 2, 3, 4, 7, 8, 9
_COLORS = {_BITMAP: 1, _GREY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _DUOTONE: 1, _LAB: 3}  # mode -> colour channels
_PROFILE, _TRANSPARENT, _VERSION, _EXIF, _XMP = 1039, 1047, 1057, 1058, 1060
_KEPT = frozenset((_PROFILE, _TRANSPARENT, _VERSION, _EXIF, _XMP))
_RAW, _RLE, _ZIP, _ZIP_PREDICTED = 0, 1, 2, 3
_MOST_CHANNELS = 64
_TRANSPARENCY = frozenset((b"Mt16", b"Mt32", b"Mtrn"))  # blocks that stand for a merged picture with transparency
_WIDE = frozenset((*_TRANSPARENCY, b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Alph", b"FMsk"))  # 64-bit sizes in a PSB


@dataclass
class _Header:
    width: int
    height: int
    channels: int
    depth: int
    mode: int
    large: bool
    palette: bytes = b""
    resources: dict[int, bytes] = field(default_factory=dict)
    transparency: bool = False


def decode(data: bytes, limits: Limits) -> Pixels:
    """Decode the merged picture to (H, W, 4) RGBA uint8, sRGB and upright. Raises UnreadablePicture.

    A document whose merged picture was left out when it was saved is refused: its layers are not read.
    """
    reader = Reader(data, ">")
    header = _read_header(reader, limits)
    _read_resources(reader, header)
    _read_layers(reader, header)
    version = header.resources.get(_VERSION, b"")
    if len(version) >= 5 and not version[4]:
        raise UnreadablePicture("a Photoshop document without its merged picture; save it with Maximize Compatibility")
    colors = _COLORS[header.mode]
    wanted = colors + (1 if header.transparency and header.channels > colors else 0)
    planes = _read_planes(reader, header, wanted)
    rgba = _rgba(planes, header)
    turn = exif.orientation(header.resources.get(_EXIF, b""), header.resources.get(_XMP, b""))
    return exif.upright(rgba, turn) if turn != 1 else rgba


def _read_header(reader: Reader, limits: Limits) -> _Header:
    _, version, _, _, channels, height, width, depth, mode = reader.numbers("IHHIHIIHH")
    if version not in (1, 2):
        raise UnreadablePicture("a Photoshop document of an unknown version")
    limits.check_size(width, height)
    if mode == _MULTICHANNEL:
        raise UnreadablePicture("a Photoshop document in Multichannel mode: not supported")
    if depth == 32:
        raise UnreadablePicture("a Photoshop document of 32 bits a channel: not supported")
    sound = depth == 1 if mode == _BITMAP else depth == 8 or (depth == 16 and mode != _INDEXED)
    if mode not in _COLORS or not sound or not _COLORS[mode] <= channels <= _MOST_CHANNELS:
        raise UnreadablePicture("a Photoshop document with impossible values")
    header = _Header(width, height, channels, depth, mode, version == 2)
    header.palette = bytes(reader.take(reader.number("I")))
    if mode == _INDEXED and len(header.palette) < 768:
        raise UnreadablePicture("a Photoshop document without its palette")
    return header


def _read_resources(reader: Reader, header: _Header) -> None:
    section = reader.part(reader.number("I"))
    while section.left >= 12:
        _, identity, name = section.numbers("IHB")
        section.skip(name + (name + 1) % 2)
        size = section.number("I")
        body = section.take(min(size, section.left))
        if identity in _KEPT:
            header.resources.setdefault(identity, bytes(body))
        section.skip(min(size % 2, section.left))


def _read_layers(reader: Reader, header: _Header) -> None:
    """Find out whether the first further channel is the merged picture's transparency, and skip the layers."""
    section = reader.part(reader.number("Q" if header.large else "I"))
    long = "Q" if header.large else "I"
    if section.left < 6:
        return
    length = section.number(long)
    if length >= 2:
        header.transparency = section.part(length).number("h") < 0
    elif section.left >= 4:
        header.transparency = _transparency_in_blocks(section, header)


def _transparency_in_blocks(section: Reader, header: _Header) -> bool:
    """Documents of 16 bits keep their layers in blocks of their own, after the global mask."""
    section.skip(section.number("I"))
    while section.left >= 12:
        signature, key = bytes(section.take(4)), bytes(section.take(4))
        if signature not in (b"8BIM", b"8B64"):
            return False
        if key in _TRANSPARENCY:
            return True
        size = section.number("Q" if header.large and key in _WIDE else "I")
        if key in (b"Lr16", b"Layr") and size >= 2 and section.left >= 2:
            return section.number("h") < 0
        section.skip(min((size + 3) // 4 * 4, section.left))
    return False


def _read_planes(reader: Reader, header: _Header, wanted: int) -> list[NDArray[np.uint8]]:
    """Return the first `wanted` channels: (H, W) uint8, or (H, W, 2) bytes for 16 bits, or packed bits."""
    compression = reader.number("H")
    stride = (header.width * header.depth + 7) // 8
    size = stride * header.height
    if compression == _RAW:
        found = [bytes(reader.take(size)) for _ in range(wanted)]
    elif compression == _RLE:
        code = "I" if header.large else "H"
        sizes = [reader.numbers(f"{header.height}{code}") for _ in range(header.channels)]
        found = [_unpacked(bytes(reader.take(sum(rows))), stride, header.height) for rows in sizes[:wanted]]
    elif compression in (_ZIP, _ZIP_PREDICTED):
        whole = _inflated(reader.take(reader.left), size * header.channels)
        found = [whole[at * size : (at + 1) * size] for at in range(wanted)]
    else:
        raise UnreadablePicture("a Photoshop document with an unknown compression")
    shape = (header.height, header.width, 2) if header.depth == 16 else (header.height, stride)
    planes = [np.frombuffer(plane, np.uint8).reshape(shape) for plane in found]
    return [_summed(plane, header.depth) for plane in planes] if compression == _ZIP_PREDICTED else planes


def _unpacked(data: bytes, stride: int, height: int) -> bytes:
    """Undo PackBits, in which no run crosses a row's end."""
    try:
        return Image.frombytes("L", (stride, height), data, "packbits", "L").tobytes()
    except ValueError:
        raise UnreadablePicture("truncated") from None


def _inflated(data: memoryview, size: int) -> bytes:
    try:
        return inflate(data, size, 15)
    except DamagedStream:
        raise UnreadablePicture("damaged: its compressed data is broken") from None


def _summed(plane: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Undo the prediction of each sample by the one before it in its row."""
    if depth == 16:
        words = plane.view(">u2")[..., 0].astype(np.uint16)
        return np.cumsum(words, axis=1, dtype=np.uint16).astype(">u2")[..., None].view(np.uint8)
    return np.cumsum(plane, axis=1, dtype=np.uint8)


def _rgba(planes: list[NDArray[np.uint8]], header: _Header) -> Pixels:
    if header.mode == _BITMAP:
        planes = [(1 - np.unpackbits(plane, axis=1)[:, : header.width]) * np.uint8(255) for plane in planes]
    colors = _COLORS[header.mode]
    rgba = np.full((header.height, header.width, 4), 255, np.uint8)
    if len(planes) > colors:
        white = (255, 128, 128) if header.mode == _LAB else (255,) * colors
        rgba[..., 3] = _levels(planes[colors])
        planes = [_unmatted(planes[at], planes[colors], white[at]) for at in range(colors)]
    else:
        planes = [_levels(plane) for plane in planes]
    profile = header.resources.get(_PROFILE, b"")
    if header.mode == _INDEXED:
        table = np.frombuffer(header.palette[:768], np.uint8).reshape(3, 256).T
        rgba[..., :3] = table[planes[0]]
        transparent = int.from_bytes(header.resources.get(_TRANSPARENT, b"")[:2] or b"\xff\xff", "big")
        rgba[planes[0] == transparent] = 0
        return rgb_to_srgb(rgba, profile)
    if header.mode in (_CMYK, _LAB):
        rgba[..., :3] = _converted(planes, header.mode, profile)
        return rgba
    for channel in range(3):
        rgba[..., channel] = planes[channel if colors == 3 else 0]
    return rgb_to_srgb(rgba, profile)


def _levels(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W) levels of a channel, rounded to 8 bits."""
    return plane if plane.ndim == 2 else to_8_bit(plane.view(">u2")[..., 0].astype(np.uint16))


def _unmatted(plane: NDArray[np.uint8], alpha: NDArray[np.uint8], white: int) -> NDArray[np.uint8]:
    """Undo Photoshop's laying of the merged picture on white, c = a * colour + (1 - a) * white; in 8 bits."""
    result = np.empty(plane.shape[:2], np.uint8)
    most = 255 if plane.ndim == 2 else 65535
    step = max(1, (1 << 20) // plane.shape[1])
    for top in range(0, plane.shape[0], step):
        rows, shade = (_numbers(part[top : top + step]) for part in (plane, alpha))
        mixed = rows * most - white * (most // 255) * (most - shade)
        safe = np.maximum(shade, 1) * (most // 255)
        result[top : top + step] = np.clip((2 * mixed + safe) // (2 * safe), 0, 255)
    return result


def _numbers(plane: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return (H, W) samples at full depth."""
    return (plane if plane.ndim == 2 else plane.view(">u2")[..., 0]).astype(np.int64)


def _converted(planes: list[NDArray[np.uint8]], mode: int, profile: bytes) -> Pixels:
    """Convert CMYK or Lab to sRGB, (H, W, 3)."""
    stacked = np.ascontiguousarray(np.stack(planes, axis=-1))
    if mode == _LAB:
        # Photoshop's a and b have 128 added; Pillow's are two's complement.
        stacked[..., 1:] ^= 0x80
        return np.array(Image.frombytes("LAB", stacked.shape[1::-1], stacked.tobytes()).convert("RGB"))
    # Photoshop stores how much white is left, Pillow how much ink.
    image = Image.frombytes("CMYK", stacked.shape[1::-1], (255 - stacked).tobytes())
    managed = to_srgb(image, profile) if profile[16:20] == b"CMYK" else None
    return np.array(managed or image.convert("RGB"))
