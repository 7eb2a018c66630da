"""Decode any supported file to canonical pixels: 8-bit sRGB RGBA, upright, transparent pixels all zero."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding import exif, jpeg, pillow, png, sequences
from gandam_studio.core.pictures.decoding.colour import rgb_to_srgb
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.sniff import ARCHIVES, describe_other, sniff

COLORS_COUNTED = 4096
_ANIMATED = ("gif", "webp", "avif", "tiff")
# Kind -> module in this package and what to call in it. They are imported when the first such file comes: most sets
# hold PNGs alone, and every process would load them.
_DOCUMENTS = {"aseprite": ("aseprite", "Document"), "ico": ("icons", "Icon"), "cur": ("icons", "Icon")}
"""Formats of several pictures that are read by our own code."""
_ICONS = ("ico", "cur")
_STILLS = {
    "netpbm": ("netpbm", "decode"), "pcx": ("pcx", "decode"), "xpm": ("xpm", "decode"), "psd": ("psd", "decode"),
    "xcf": ("xcf", "decode"), "openraster": ("openraster", "decode"), "heic": ("plugins", "heic"),
    "jxl": ("plugins", "jxl"),
}  # fmt: skip
"""Formats of one picture that are read by our own code, or by an optional package."""
_SAMPLE = 1 << 16  # pixels; larger pictures are sampled before a full count
_LEAST_VISIBLE = np.uint32(1 << 24)  # the smallest 32-bit value of a pixel with any opacity

Pixels = NDArray[np.uint8]


class IsArchive(UnreadablePicture):
    """The bytes are an archive, whose members may be pictures. `kind` is one of `sniff.ARCHIVES`."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"an archive ({kind})")
        self.kind = kind


@dataclass(frozen=True)
class PictureInfo:
    """Properties of a decoded picture.

    Attributes:
        format: as sniffed, one of `sniff.PICTURES`.
        width, height: canonical size in pixels.
        colors: distinct visible RGBA colours, counted up to COLORS_COUNTED (which means "that many or more").
        alpha: whether any pixel is not opaque.
        background: "#rrggbb" of the border if most of it has one opaque colour, else "".
        frames: number of frames that the file declares.
        tags: the names that the file gives the frame, such as those of animations it belongs to.
    """

    format: str
    width: int
    height: int
    colors: int
    alpha: bool
    background: str
    frames: int = 1
    tags: tuple[str, ...] = ()


class Raw(NamedTuple):
    """A picture as decoded, before `finish`.

    Attributes:
        rgba: (H, W, 4) uint8, possibly a read-only view; colours under alpha 0 are still present.
        kind: as sniffed, one of `sniff.PICTURES`.
        frames: number of frames that the file declares.
        tags: as in `PictureInfo`.
    """

    rgba: Pixels
    kind: str
    frames: int = 1
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A decoded picture. `rgba` is (H, W, 4) uint8, contiguous; fully transparent pixels are all zero."""

    rgba: Pixels
    info: PictureInfo


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS, *, vetted: bool = False) -> Picture:
    """Decode a picture, or the first frame of an animation, to canonical RGBA.

    Applies the EXIF orientation, converts ICC profiles to sRGB, rounds 16 bits to 8, expands CMYK, palettes and grey,
    and sets RGB under alpha 0 to 0. The size in the header is checked before any pixel is decoded. `vetted` skips the
    check for truncated data; use it for files that an import has accepted, also one by an older version.
    Raises UnreadablePicture (IsArchive for an archive) with a short reason.
    """
    return _finished(decode_raw(data, limits, vetted=vetted))


def decode_raw(data: bytes, limits: Limits = DEFAULT_LIMITS, *, vetted: bool = False) -> Raw:
    """Decode without the last step, which `finish_stack` does for many pictures of one size at once."""
    kind = picture_kind(data, limits)
    if still := _still(data, kind, limits, vetted=vetted):
        return still
    with opened(data, kind, limits) as pictures:
        return Raw(pictures.frame(0), kind, pictures.count)


@contextlib.contextmanager
def opened(data: bytes, kind: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[sequences.Sequence]:
    """Open a file that may hold several pictures: an animation, an icon. Raises UnreadablePicture."""
    if kind in _DOCUMENTS:
        yield _decoder(*_DOCUMENTS[kind])(data, limits)
    else:
        with pillow.opened(data, kind, limits) as image:
            yield pillow.Frames(image)


def frames(pictures: sequences.Sequence, limits: Limits) -> Iterator[tuple[int, Pixels]]:
    """Yield (index, RGBA) of every frame. Raises UnreadablePicture once the limits are exceeded."""
    count = min(pictures.count, limits.max_frames)
    width, height = pictures.size
    for index in range(pictures.first, count):
        if width * height * (index + 1) > limits.max_pixels:
            raise UnreadablePicture(f"too large: {count} frames of {width} x {height} pixels")
        yield index, pictures.frame(index)


def decode_frames(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[int, Picture]]:
    """Yield (index, picture) for every distinct frame of an animation, or picture of an icon; a still one is frame 0.

    Frames equal to an earlier one are skipped. Empty frames are skipped too, unless all are empty.
    Raises UnreadablePicture.
    """
    kind = picture_kind(data, limits)
    if still := _still(data, kind, limits):
        yield 0, _finished(still)
        return
    with opened(data, kind, limits) as pictures:
        seen: set[str] = set()
        empty: tuple[int, Picture] | None = None
        for index, rgba in frames(pictures, limits):
            picture = _finished(Raw(rgba, kind, pictures.count, pictures.tags(index)))
            if picture.info.colors == 0:
                empty = empty or (index, picture)
                continue
            key = sprite_id(picture.rgba)
            if key not in seen:
                seen.add(key)
                yield index, picture
        if empty and not seen:
            yield empty


def frames_in(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, list[str]]:
    """Return how many frames an animation holds, and the tags it gives them; 1 for anything else. Raises
    UnreadablePicture.
    """
    kind = picture_kind(data, limits)
    if kind in _ICONS or (kind not in _ANIMATED and kind not in _DOCUMENTS and kind != "png"):
        return 1, []
    if kind == "png" and not png.read_header(data, limits).animated:
        return 1, []
    with opened(data, kind, limits) as pictures:
        indices = range(pictures.first, min(pictures.count, limits.max_frames))
        tags = dict.fromkeys(tag for index in indices for tag in pictures.tags(index))
        return max(1, pictures.count - pictures.first), list(tags)


def decode_first(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, Raw]:
    """Return (index, picture) of the first frame of an animation that is not blank; a still picture is frame 0.

    Of an icon, the largest picture counts as the first. Falls back to the first frame. Raises UnreadablePicture.
    """
    kind = picture_kind(data, limits)
    if still := _still(data, kind, limits):
        return 0, still
    with opened(data, kind, limits) as pictures:
        first: tuple[int, Raw] | None = None
        for index, rgba in frames(pictures, limits):
            found = index, Raw(rgba, kind, pictures.count, pictures.tags(index))
            if kind in _ICONS or _shows_something(rgba):
                return found
            first = first or found
            if pictures.size[0] * pictures.size[1] * (index + 2) > limits.max_pixels:
                break
        if first is None:
            raise UnreadablePicture("an animation without frames")
        return first


def decode_frame(data: bytes, index: int, limits: Limits = DEFAULT_LIMITS) -> Pixels:
    """Decode frame `index` of an animation, or picture of an icon. Raises UnreadablePicture."""
    with opened(data, picture_kind(data, limits), limits) as pictures:
        if index >= pictures.count:
            raise UnreadablePicture(f"the animation has no frame={index}")
        return pictures.frame(index)


def _still(data: bytes, kind: str, limits: Limits, *, vetted: bool = False) -> Raw | None:
    """Return the picture of a still file; None for a file that may hold several frames."""
    if kind == "png":
        header = png.read_header(data, limits)
        if header.animated:
            return None
        rgba = png.decode_pixels(data, header)
        if header.chunks or header.texts:
            rgba = rgb_to_srgb(rgba, header.profile)
            turn = header.orientation
            rgba = exif.upright(rgba, turn) if turn != 1 else rgba
        return Raw(rgba, kind)
    if kind == "jpeg":
        return Raw(*_jpeg(data, limits, vetted))
    if kind in _STILLS:
        return Raw(_decoder(*_STILLS[kind])(data, limits), kind)
    return None if kind in _ANIMATED or kind in _DOCUMENTS else Raw(*_by_pillow(data, kind, limits))


def _decoder(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"gandam_studio.core.pictures.decoding.{module}"), name)


def _shows_something(rgba: Pixels) -> bool:
    """Whether a picture is neither invisible nor a single colour."""
    words = np.ascontiguousarray(rgba).view("<u4")
    visible = words >= _LEAST_VISIBLE
    return bool(visible.any()) and not (visible.all() and bool((words == words[0, 0]).all()))


def picture_kind(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """Return the sniffed format, one of `sniff.PICTURES`. Raises UnreadablePicture for anything else."""
    if len(data) > limits.max_file_bytes:
        raise UnreadablePicture(f"too large: {len(data) / 1e6:,.0f} MB")
    kind = sniff(data[:512], data[-26:], len(data))
    if kind is None:
        raise UnreadablePicture(describe_other(data[:512]))
    if kind in ARCHIVES:
        raise IsArchive(kind)
    return kind


def sprite_id(rgba: Pixels) -> str:
    """Return the sprite's id: SHA-256 (hex) of "{width}x{height}\\n" and its canonical RGBA bytes."""
    height, width = rgba.shape[:2]
    digest = hashlib.sha256(b"%dx%d\n" % (width, height))
    digest.update(np.ascontiguousarray(rgba).data)
    return digest.hexdigest()


def cleared(rgba: Pixels) -> Pixels:
    """Return the pixels of `finish`, (H, W, 4) uint8, without looking at their properties."""
    if not (rgba.flags.c_contiguous and rgba.flags.writeable):
        rgba = np.array(rgba, order="C")
    words = rgba.view("<u4")
    np.putmask(words, words < _LEAST_VISIBLE, 0)
    return rgba


def finish(rgba: Pixels, kind: str = "raw", frames: int = 1) -> Picture:
    """Clear hidden colours of (H, W, 4) RGBA uint8 pixels and collect the picture's properties."""
    if not (rgba.flags.c_contiguous and rgba.flags.writeable):
        rgba = np.array(rgba, order="C")
    (info,) = finish_stack(rgba[None], [(kind, frames)])
    return Picture(rgba, info)


def _finished(raw: Raw) -> Picture:
    picture = finish(raw.rgba, raw.kind, raw.frames)
    return Picture(picture.rgba, dataclasses.replace(picture.info, tags=raw.tags)) if raw.tags else picture


def finish_stack(stack: Pixels, facts: Sequence[tuple[str, int]]) -> list[PictureInfo]:
    """`finish` for N pictures of one size: (N, H, W, 4) uint8, contiguous, changed in place.

    `facts` holds the format and the number of frames of each picture.
    """
    count, height, width = stack.shape[:3]
    words = stack.view("<u4").reshape(count, -1)  # alpha is the highest byte
    if words.shape[1] <= _SAMPLE:
        # Sort once: the minimum, the hidden pixels and the number of colours all follow from the order.
        ordered = np.sort(words, axis=1)
        for row, ranked in zip(words, ordered, strict=True):
            hidden = int(ranked.searchsorted(_LEAST_VISIBLE))
            if hidden and ranked[hidden - 1]:
                ranked[:hidden] = 0
                np.putmask(row, row < _LEAST_VISIBLE, 0)
        smallest = ordered[:, 0]
        colors = [min(_distinct(ranked), COLORS_COUNTED) for ranked in ordered]
    else:
        smallest = words.min(axis=1)
        for index in np.flatnonzero(smallest < _LEAST_VISIBLE):
            np.putmask(words[index], words[index] < _LEAST_VISIBLE, 0)
        colors = [_count_colors(row) for row in words]
    alpha = (smallest < 0xFF << 24).tolist()
    return [
        PictureInfo(kind, width, height, colors[index], alpha[index], background_of(stack[index]), frames)
        for index, (kind, frames) in enumerate(facts)
    ]


def background_of(rgba: Pixels) -> str:
    """Return "#rrggbb" if a corner and 60 % of the border or more are one opaque colour, else ""."""
    words = rgba.view("<u4")[..., 0]
    if not (words[0, 0] or words[0, -1] or words[-1, 0] or words[-1, -1]):
        return ""
    border = np.concatenate((words[0], words[-1], words[1:-1, 0], words[1:-1, -1]))
    # A colour that 60 % of the border has is also its median.
    border.sort()
    middle = int(border[len(border) // 2])
    if middle >> 24 != 0xFF or middle not in words[:: max(1, len(words) - 1), :: max(1, words.shape[1] - 1)]:
        return ""
    if np.count_nonzero(border == middle) < 0.6 * len(border):
        return ""
    return f"#{middle & 0xFF:02x}{middle >> 8 & 0xFF:02x}{middle >> 16 & 0xFF:02x}"


def _count_colors(words: NDArray[np.uint32]) -> int:
    """Count the distinct visible colours of a large picture, up to COLORS_COUNTED; a sample settles photographs."""
    sample = np.sort(words[:: len(words) // _SAMPLE])
    if _distinct(sample) >= COLORS_COUNTED:
        return COLORS_COUNTED
    return min(_distinct(np.sort(words)), COLORS_COUNTED)


def _distinct(ordered: NDArray[np.uint32]) -> int:
    """Count the distinct values in sorted words, without 0 (invisible)."""
    count = 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
    return count - (int(ordered[0]) == 0)


def _jpeg(data: bytes, limits: Limits, vetted: bool) -> tuple[Pixels, str, int]:
    header = jpeg.read_header(data, limits)
    pixels = jpeg.decode_pixels(data, header)
    if not vetted:
        jpeg.require_whole(data, header, pixels)
    if pixels is None:
        return _by_pillow(data, "jpeg", limits)
    turn = exif.orientation(header.exif, header.xmp)
    return exif.upright(rgb_to_srgb(pixels, header.profile), turn), "jpeg", 1


def _by_pillow(data: bytes, kind: str, limits: Limits) -> tuple[Pixels, str, int]:
    with pillow.opened(data, kind, limits) as image:
        return pillow.first_frame(image), kind, 1
