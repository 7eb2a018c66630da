"""PNG: parse and check the chunks, then decode with libpng (through OpenCV).

The check rejects what some decoders accept silently: a bad CRC in a critical chunk, a missing palette, no image data.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.deflate import DamagedStream, Inflater
from gandam_studio.core.pictures.decoding import exif
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

_SIGNATURE = 8
_HEADER = struct.Struct(">IIBBBBB")
_CHUNK = struct.Struct(">I4s")  # length of the body, chunk type; body and CRC follow
_CRC = struct.Struct(">I")
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CRITICAL = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
_KEPT = frozenset((b"tRNS", b"iCCP", b"eXIf", b"acTL"))
_TEXT = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_METADATA = (b"Raw profile type exif\0", b"Raw profile type APP1\0", b"Raw profile type xmp\0", b"XML:com.adobe.xmp\0")
_MOST_TEXTS = 8
_MAXIMUM_PROFILE = 4 * 1024 * 1024
_SMALL = 1 << 18  # bytes of pixels; unfiltered pictures up to this size are inflated here


@dataclass
class PngHeader:
    """The contents of the chunks.

    Attributes:
        width, height, depth, color_type, interlaced: as in the header chunk.
        chunks: type -> body of the other chunks used here.
        texts: (type, body) of text chunks that hold EXIF or XMP.
        image: (start, stop) of each image data chunk's body in the file.
    """

    width: int
    height: int
    depth: int
    color_type: int
    interlaced: bool = False
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    image: list[tuple[int, int]] = field(default_factory=list)
    texts: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def animated(self) -> bool:
        """Whether an animation control chunk came before the image data."""
        return b"acTL" in self.chunks

    @property
    def orientation(self) -> int:
        """The orientation as in EXIF, 1 to 8."""
        return exif.in_exif(self.chunks.get(b"eXIf", b"")) or exif.in_png_texts(self.texts) or 1

    @property
    def profile(self) -> bytes:
        """The embedded ICC profile, or b"" if absent or broken. It overrides an sRGB chunk (PNG 3, 4.3)."""
        body = self.chunks.get(b"iCCP", b"")
        name, separator, packed = body.partition(b"\0")
        if not separator or len(name) > 79:
            return b""
        try:
            return zlib.decompressobj().decompress(packed[1:], _MAXIMUM_PROFILE)
        except zlib.error:
            return b""


def read_header(data: bytes, limits: Limits) -> PngHeader:
    """Check size, structure and the CRCs of critical chunks (PNG 1.2, sections 3 to 5). Raises UnreadablePicture."""
    if len(data) < _SIGNATURE + 25 or data[12:16] != b"IHDR" or data[8:12] != b"\0\0\0\r":
        raise UnreadablePicture("a PNG without a header")
    width, height, depth, color_type, compression, filtering, interlace = _HEADER.unpack_from(data, 16)
    limits.check_size(width, height)
    if depth not in _DEPTHS.get(color_type, ()) or compression or filtering or interlace > 1:
        raise UnreadablePicture("a PNG header with impossible values")
    header = PngHeader(width, height, depth, color_type, bool(interlace))
    _walk(data, header)
    return header


def _walk(data: bytes, header: PngHeader) -> None:
    """Collect the chunks used here into `header`; stop at IEND."""
    position, end = _SIGNATURE, len(data)
    view = memoryview(data)
    palette, image = False, header.image
    while position + 12 <= end:
        length, kind = _CHUNK.unpack_from(data, position)
        stop = position + 12 + length
        if stop > end:
            raise UnreadablePicture("truncated")
        if kind in _CRITICAL:
            if zlib.crc32(view[position + 4 : stop - 4]) != _CRC.unpack_from(data, stop - 4)[0]:
                raise UnreadablePicture(f"damaged: the checksum of its {kind.decode()} data is wrong")
            if kind == b"IDAT":
                if header.color_type == 3 and not palette:
                    raise UnreadablePicture("a palette PNG without its palette")
                image.append((position + 8, stop - 4))
            elif kind == b"PLTE":
                palette = True
                header.chunks.setdefault(kind, data[position + 8 : stop - 4])
            elif kind == b"IEND":
                break
        elif kind in _KEPT and not (kind == b"acTL" and image):
            header.chunks.setdefault(kind, data[position + 8 : stop - 4])
        elif kind in _TEXT and data.startswith(_METADATA, position + 8) and len(header.texts) < _MOST_TEXTS:
            header.texts.append((kind, data[position + 8 : stop - 4]))
        position = stop
    else:
        raise UnreadablePicture("truncated")
    if not image:
        raise UnreadablePicture("a PNG without image data")


def decode_pixels(data: bytes, header: PngHeader) -> NDArray[np.uint8]:
    """Decode a still PNG to (H, W, 4) RGBA uint8; 16-bit samples are rounded to 8. Raises UnreadablePicture."""
    quick = unfiltered(data, header)
    if quick is not None:
        return quick
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise UnreadablePicture("damaged: its pixels cannot be decoded")
    transparent = _grey_key(pixels, header)
    if pixels.dtype == np.uint16:
        pixels = to_8_bit(np.asarray(pixels, np.uint16))
    if pixels.ndim == 2:
        rgba = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGBA)
    elif pixels.shape[2] == 3:
        rgba = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGBA)
    else:
        rgba = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
    if transparent is not None:
        rgba[transparent] = 0
    if rgba.shape[:2] != (header.height, header.width):
        raise UnreadablePicture("damaged: its pixels do not fill its size")
    return np.asarray(rgba, np.uint8)


def unfiltered(data: bytes, header: PngHeader) -> NDArray[np.uint8] | None:
    """Decode a small 8-bit picture without filtered rows to (H, W, 4); None for any other, also a damaged one.

    Optimisers leave sprites unfiltered, so that inflating is nearly all the work: this takes half of libpng's time.
    Grey and RGB without alpha are left to libpng, because they may have a transparent colour.
    """
    samples = _SAMPLES.get(header.color_type, 0)
    stride = 1 + samples * header.width
    size = stride * header.height
    if not samples or header.depth != 8 or header.interlaced or size > _SMALL or len(header.image) != 1:
        return None
    ((start, stop),) = header.image
    inflater = Inflater(data[start:stop])
    try:
        # A third of the rows is enough to recognise most filtered pictures before inflating the rest.
        rows = inflater.read(stride * ((header.height + 2) // 3))
        if rows[::stride].strip(b"\0"):
            return None
        # Read one byte more than expected: a stream that is too long is left to libpng.
        rows += inflater.read(size - len(rows) + 1)
    except DamagedStream:
        return None
    if len(rows) != size or not inflater.whole or rows[::stride].strip(b"\0"):
        return None
    pixels = np.frombuffer(rows, np.uint8).reshape(header.height, stride)[:, 1:]
    if header.color_type == 6:
        return pixels.reshape(header.height, header.width, 4)
    if header.color_type == 4:
        return np.asarray(pixels.reshape(header.height, header.width, 2)[..., _GREY_ALPHA])
    table = _palette(header)
    return None if table is None or int(pixels.max()) >= len(table) else table[pixels]


_SAMPLES = {3: 1, 4: 2, 6: 4}  # colour type -> samples per pixel, for those inflated here
_GREY_ALPHA = np.array([0, 0, 0, 1])


def _palette(header: PngHeader) -> NDArray[np.uint8] | None:
    """Return a palette as (n, 4) RGBA; None if it is broken."""
    colors, opacity = header.chunks[b"PLTE"], header.chunks.get(b"tRNS", b"")
    count = len(colors) // 3
    if len(colors) % 3 or not 0 < count <= 256 or len(opacity) > count:
        return None
    table = np.full((count, 4), 255, np.uint8)
    table[:, :3] = np.frombuffer(colors, np.uint8).reshape(count, 3)
    table[: len(opacity), 3] = np.frombuffer(opacity, np.uint8)
    return table


def to_8_bit(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Round 16-bit samples to 8 bits: round(v / 257), which maps 0 and 65535 to 0 and 255."""
    return ((pixels.astype(np.uint32) * 255 + 32895) >> 16).astype(np.uint8)


def _grey_key(pixels: NDArray[np.generic], header: PngHeader) -> NDArray[np.bool_] | None:
    """Mask of the pixels that equal a grey PNG's transparent grey, which OpenCV ignores; None if it has none."""
    body = header.chunks.get(b"tRNS", b"")
    if header.color_type != 0 or len(body) < 2 or pixels.ndim != 2:
        return None
    key = int.from_bytes(body[:2], "big") & ((1 << header.depth) - 1)
    if header.depth < 8:
        key = key * 255 // ((1 << header.depth) - 1)
    return pixels == key
