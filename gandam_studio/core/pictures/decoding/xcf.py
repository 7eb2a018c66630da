"""GIMP documents (XCF), by GIMP's format description: the layers laid on each other as GIMP shows them.

The picture is made in bands as high as a tile, so that memory holds the result and one row of tiles of each layer.
What is not supported is refused by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.binary import Reader, inflated
from gandam_studio.core.pictures.decoding.colour import rgb_to_srgb
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.xcf_modes import Blending, blending, encode, lay

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_VERSION = re.compile(rb"gimp xcf (file|v\d{3})\0")
_TILE = 64
_NEWEST = 25
_SAME = 3  # levels by which equal colour profiles may differ
_RGB, _GREY, _INDEXED = 0, 1, 2
(_COLORMAP, _FLOATING, _OPACITY, _MODE, _VISIBLE, _APPLY_MASK, _SHOW_MASK, _OFFSETS, _COMPRESSION, _PARASITES, _GROUP,
 _PATH, _FLOAT_OPACITY, _COMPOSITE_MODE, _COMPOSITE_SPACE, _BLEND_SPACE) = (
    1, 5, 6, 7, 8, 11, 13, 15, 17, 21, 29, 30, 33, 35, 36, 37)  # fmt: skip
_PASS_THROUGH = 61
_DEEPEST = 64  # groups in groups
_CANVASES = 16  # times the largest picture, in pixels of all layers
# Precision -> numpy's type of a sample, and whether samples are linear.
_PRECISIONS = {
    100: (">u1", True), 150: (">u1", False), 200: (">u2", True), 250: (">u2", False), 300: (">u4", True),
    350: (">u4", False), 500: (">f2", True), 550: (">f2", False), 600: (">f4", True), 650: (">f4", False),
    700: (">f8", True), 750: (">f8", False),
}  # fmt: skip


@dataclass
class _Image:
    data: bytes
    version: int
    limits: Limits
    width: int = 0
    height: int = 0
    kind: int = 0
    sample: np.dtype[np.generic] = field(default_factory=lambda: np.dtype(">u1"))
    linear: bool = False
    compression: int = 0
    colormap: Pixels | None = None
    profile: bytes = b""

    def pointer(self, reader: Reader) -> int:
        """Read an offset in the file."""
        return reader.number("Q" if self.version >= 11 else "I")

    def at(self, offset: int) -> Reader:
        """Return a reader at an offset."""
        if offset >= len(self.data):
            raise UnreadablePicture("truncated")
        return Reader(self.data, ">", offset)


class _Tiles:
    """The pixels of a layer or mask, a row of tiles at a time."""

    def __init__(self, image: _Image, offset: int, width: int, height: int, channels: int) -> None:
        reader = image.at(offset)
        wide, high, depth = reader.numbers("III")
        level = image.at(image.pointer(reader))
        size = channels * image.sample.itemsize
        if (wide, high) != (width, height) or depth != size or level.numbers("II") != (width, height):
            raise UnreadablePicture("damaged: a layer's pixels do not fit its size")
        columns, rows = -(-width // _TILE), -(-height // _TILE)
        count = columns * rows
        wide_pointers = image.version >= 11
        self._places = np.frombuffer(level.take(count * (8 if wide_pointers else 4)), ">u8" if wide_pointers else ">u4")
        self._image, self._columns, self._bytes, self._channels = image, columns, size, channels
        self._width, self._height = width, height
        self._kept: tuple[int, NDArray[np.generic]] | None = None

    def rows(self, top: int, bottom: int) -> NDArray[np.generic]:
        """Return rows as (n, W, channels) samples."""
        first, last = top // _TILE, (bottom - 1) // _TILE
        found = [self._row(number) for number in range(first, last + 1)]
        whole = found[0] if len(found) == 1 else np.concatenate(found)
        return whole[top - first * _TILE : bottom - first * _TILE]

    def _row(self, number: int) -> NDArray[np.generic]:
        if self._kept and self._kept[0] == number:
            return self._kept[1]
        height = min(_TILE, self._height - number * _TILE)
        row = np.zeros((height, self._width, self._bytes), np.uint8)
        for column in range(self._columns):
            left = column * _TILE
            width = min(_TILE, self._width - left)
            place = int(self._places[number * self._columns + column])
            if place:
                row[:, left : left + width] = self._tile(place, width, height)
        samples = row.view(self._image.sample).reshape(height, self._width, self._channels)
        self._kept = number, samples
        return samples

    def _tile(self, place: int, width: int, height: int) -> Pixels:
        reader = self._image.at(place)
        count = width * height
        size = count * self._bytes
        if self._image.compression == 0:
            raw = bytes(reader.take(size))
        elif self._image.compression == 1:
            planes = np.frombuffer(_run_lengths(reader, count, self._bytes), np.uint8).reshape(self._bytes, count)
            return planes.T.reshape(height, width, self._bytes)
        else:
            raw = inflated(reader.take(min(reader.left, 2 * size + 1024)), size)
        return np.frombuffer(raw, np.uint8).reshape(height, width, self._bytes)


def _run_lengths(reader: Reader, count: int, planes: int) -> bytes:
    """Undo the run-length encoding of a tile: `planes` streams of `count` bytes."""
    data, at = reader.data, reader.position
    found = bytearray()
    try:
        for plane in range(planes):
            stop = (plane + 1) * count
            while len(found) < stop:
                code = data[at]
                at += 1
                if code in (127, 128):
                    length = data[at] << 8 | data[at + 1]
                    at += 2
                else:
                    length = code + 1 if code < 127 else 256 - code
                if length > stop - len(found):
                    raise UnreadablePicture("damaged: its run lengths are broken")
                if code <= 127:
                    found += bytes((data[at],)) * length
                    at += 1
                elif at + length <= len(data):
                    found += data[at : at + length]
                    at += length
                else:
                    raise UnreadablePicture("truncated")
                if not length and at >= len(data):
                    raise UnreadablePicture("truncated")
    except IndexError:
        raise UnreadablePicture("truncated") from None
    return bytes(found)


@dataclass
class _Layer:
    width: int
    height: int
    x: int = 0
    y: int = 0
    visible: bool = True
    opacity: float = 1.0
    blending: Blending | None = None
    alpha: bool = False
    is_group: bool = False
    pixels: _Tiles | None = None
    mask: _Tiles | None = None
    children: list[_Layer] = field(default_factory=list)


def decode(data: bytes, limits: Limits) -> Pixels:
    """Decode to (H, W, 4) RGBA uint8, sRGB. Raises UnreadablePicture, also for what is not supported."""
    found = _VERSION.match(data)
    if found is None:
        raise UnreadablePicture("a GIMP document of an unknown version")
    image = _Image(data, 0 if found[1] == b"file" else int(found[1][1:]), limits)
    if image.version > _NEWEST:
        raise UnreadablePicture(f"a GIMP document of version {image.version}: not supported yet")
    reader = Reader(data, ">", 14)
    image.width, image.height, image.kind = reader.numbers("III")
    limits.check_size(image.width, image.height)
    _read_precision(reader, image)
    for kind, body in _properties(reader):
        _take_image_property(image, kind, body)
    if image.linear and image.profile:
        _drop_linear_profile(image)
    if image.kind not in (_RGB, _GREY, _INDEXED) or (image.kind == _INDEXED and image.colormap is None):
        raise UnreadablePicture("a GIMP document with impossible values")
    layers = _read_layers(reader, image)
    rgba = np.zeros((image.height, image.width, 4), np.uint8)
    for top in range(0, image.height, _TILE):
        bottom = min(top + _TILE, image.height)
        band = np.zeros((bottom - top, image.width, 4), np.float32)
        _draw(band, layers, image, top, bottom)
        rgba[top:bottom] = np.rint(np.clip(band, 0, 1) * 255).astype(np.uint8)
    return rgb_to_srgb(rgba, image.profile)


def _read_precision(reader: Reader, image: _Image) -> None:
    if image.version < 4:
        return
    precision = reader.number("I")
    if image.version == 4:
        precision = {0: 150, 1: 250}.get(precision, 0)
    sample, image.linear = _PRECISIONS.get(precision, ("", False))
    if not sample or (image.version < 12 and sample != ">u1"):
        raise UnreadablePicture(f"a GIMP document of a precision that is not supported ({precision})")
    image.sample = np.dtype(sample)


def _drop_linear_profile(image: _Image) -> None:
    """Leave out the profile of a document in linear light if it is the one that sRGB has there; else refuse it."""
    # From 8 on: converters are coarse near black, where the curve is steepest.
    ramp = np.arange(8, 256, dtype=np.float32)[None, :, None] / np.float32(255)
    seen = rgb_to_srgb(np.repeat(np.rint(ramp * 255).astype(np.uint8), 4, axis=2), image.profile)[0, :, :3]
    meant = np.rint(encode(ramp[0]) * 255)
    if int(np.abs(seen - meant).max()) > _SAME:
        raise UnreadablePicture("a GIMP document in linear light with a colour profile of its own: not supported")
    image.profile = b""


def _properties(reader: Reader) -> list[tuple[int, Reader]]:
    """Read a list of properties: (type, payload)."""
    found: list[tuple[int, Reader]] = []
    while True:
        kind, size = reader.numbers("II")
        if not kind:
            return found
        if kind == _COLORMAP:
            # Some versions of GIMP wrote a wrong size here.
            size = 4 + 3 * Reader(reader.data, ">", reader.position).number("I")
        found.append((kind, reader.part(size)))
        if len(found) > 10_000:
            raise UnreadablePicture("damaged: its properties do not end")


def _take_image_property(image: _Image, kind: int, body: Reader) -> None:
    if kind == _COLORMAP:
        body.skip(4)
        colors = np.frombuffer(body.take(body.left), np.uint8)[: 3 * 256].reshape(-1, 3)
        image.colormap = np.zeros((256, 3), np.uint8)
        image.colormap[: len(colors)] = colors
    elif kind == _COMPRESSION:
        image.compression = body.number("B")
        if image.compression > 2:
            raise UnreadablePicture("a GIMP document with an unknown compression")
    elif kind == _PARASITES:
        while body.left:
            name = body.text(body.number("I")).rstrip("\0")
            body.skip(4)
            value = bytes(body.take(body.number("I")))
            if name == "icc-profile":
                image.profile = value


def _read_layers(reader: Reader, image: _Image) -> list[_Layer]:
    """Return the visible layers outside groups, the topmost first."""
    top: list[_Layer] = []
    paths: dict[tuple[int, ...], _Layer] = {}
    pixels = 0
    for number in range(image.limits.max_layers + 1):
        offset = image.pointer(reader)
        if not offset:
            break
        if number == image.limits.max_layers:
            raise UnreadablePicture(f"too large: more than {image.limits.max_layers:,} layers")
        layer, path = _read_layer(image.at(offset), image)
        path = path or (len(top),)
        if len(path) > _DEEPEST:
            raise UnreadablePicture("damaged: its layers are not in order")
        parent = paths.get(path[:-1]) if len(path) > 1 else None
        if len(path) > 1 and parent is None:
            raise UnreadablePicture("damaged: its layers are not in order")
        (parent.children if parent else top).append(layer)
        paths[path] = layer
        if layer.visible and not layer.is_group:
            pixels += layer.width * layer.height
    if pixels > _CANVASES * image.limits.max_pixels:
        raise UnreadablePicture("too large: its layers hold too many pixels")
    return top


def _read_layer(reader: Reader, image: _Image) -> tuple[_Layer, tuple[int, ...]]:
    width, height, kind = reader.numbers("III")
    reader.skip(reader.number("I"))
    layer = _Layer(width, height, alpha=bool(kind & 1))
    path: tuple[int, ...] = ()
    mode = composite_mode = composite_space = blend_space = 0
    apply_mask, shows_mask = True, False
    for name, body in _properties(reader):
        if name == _FLOATING:
            raise UnreadablePicture("a GIMP document with a floating selection: not supported")
        if name == _OPACITY:
            layer.opacity = min(body.number("I"), 255) / 255
        elif name == _FLOAT_OPACITY:
            layer.opacity = float(np.frombuffer(body.take(4), ">f4")[0])
        elif name == _MODE:
            mode = body.number("I")
        elif name == _VISIBLE:
            layer.visible = bool(body.number("I"))
        elif name == _APPLY_MASK:
            apply_mask = bool(body.number("I"))
        elif name == _SHOW_MASK:
            shows_mask = bool(body.number("I"))
        elif name == _OFFSETS:
            layer.x, layer.y = body.numbers("ii")
        elif name == _GROUP:
            layer.is_group = True
        elif name == _PATH:
            path = body.numbers(f"{body.left // 4}I")
        elif name == _COMPOSITE_MODE:
            composite_mode = abs(body.number("i"))
        elif name == _COMPOSITE_SPACE:
            composite_space = abs(body.number("i"))
        elif name == _BLEND_SPACE:
            blend_space = abs(body.number("i"))
    hierarchy, mask = image.pointer(reader), image.pointer(reader)
    if not layer.visible:
        return layer, path
    if image.version >= 20 and image.pointer(reader):
        raise UnreadablePicture("a GIMP document with layer effects: not supported")
    if not 0 <= layer.opacity <= 1:
        raise UnreadablePicture("a GIMP document with impossible values")
    if shows_mask and mask:
        raise UnreadablePicture("a GIMP document that shows a layer's mask in place of the layer: not supported")
    if not layer.is_group or mode != _PASS_THROUGH:
        layer.blending = blending(mode, composite_mode, composite_space, blend_space)
    elif layer.opacity != 1 or (mask and apply_mask):
        raise UnreadablePicture("a GIMP document with a group that passes through partly: not supported")
    if layer.is_group:
        image.limits.check_size(max(width, 1), max(height, 1))
    else:
        image.limits.check_size(width, height)
        channels = (3 if kind < 2 else 1) + (1 if layer.alpha else 0)
        if kind > 5 or kind // 2 != image.kind:
            raise UnreadablePicture("damaged: a layer's pixels are of another kind")
        layer.pixels = _Tiles(image, hierarchy, width, height, channels)
    if mask and apply_mask:
        layer.mask = _read_mask(image.at(mask), image, layer)
    return layer, path


def _read_mask(reader: Reader, image: _Image, layer: _Layer) -> _Tiles:
    size = reader.numbers("II")
    reader.skip(reader.number("I"))
    _properties(reader)
    if size != (layer.width, layer.height):
        raise UnreadablePicture("damaged: a mask is not as large as its layer")
    return _Tiles(image, image.pointer(reader), *size, 1)


def _draw(band: Floats, layers: list[_Layer], image: _Image, top: int, bottom: int, first: bool = True) -> None:
    """Lay layers on a band of rows, the last in the list first; the lowest visible one of all is always Normal."""
    shown = [layer for layer in layers if layer.visible]
    for layer in reversed(shown):
        lowest = first and layer is shown[-1]
        if layer.is_group and layer.blending is None:
            _draw(band, layer.children, image, top, bottom, lowest)
            continue
        above, below = max(top, layer.y), min(bottom, layer.y + layer.height)
        left, right = max(0, layer.x), min(image.width, layer.x + layer.width)
        if above >= below or left >= right:
            continue
        columns = slice(left - layer.x, right - layer.x)
        if layer.pixels is None:
            whole = np.zeros((below - above, image.width, 4), np.float32)
            _draw(whole, layer.children, image, above, below)
            source = whole[:, left:right]
        else:
            source = _colored(layer.pixels.rows(above - layer.y, below - layer.y)[:, columns], image, layer.alpha)
        if layer.mask is not None:
            mask = _shares(layer.mask.rows(above - layer.y, below - layer.y)[:, columns, 0])
            source[..., 3] *= mask
        source[..., 3] *= np.float32(layer.opacity)
        mode = layer.blending
        if mode is not None:
            lay(band[above - top : below - top, left:right], source, mode.as_normal() if lowest else mode)


def _colored(samples: NDArray[np.generic], image: _Image, alpha: bool) -> Floats:
    """Return (h, w, 4) perceptual RGBA from 0 to 1."""
    height, width = samples.shape[:2]
    rgba = np.ones((height, width, 4), np.float32)
    if image.kind == _INDEXED and image.colormap is not None:
        rgba[..., :3] = image.colormap[samples[..., 0].astype(np.intp)] / np.float32(255)
    else:
        colors = _shares(samples[..., :-1] if alpha else samples)
        rgba[..., :3] = encode(colors) if image.linear else colors
    if alpha:
        rgba[..., 3] = np.clip(_shares(samples[..., -1]), 0, 1)
    return rgba


def _shares(samples: NDArray[np.generic]) -> Floats:
    """Return samples as shares of the full value."""
    if samples.dtype.kind == "u":
        most = float(2 ** (8 * samples.dtype.itemsize) - 1)
        return (samples.astype(np.float64) / most).astype(np.float32)
    return np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
