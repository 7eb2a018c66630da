"""Aseprite documents (.ase, .aseprite), by Aseprite's file specification: every frame as the program shows it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.decoding.binary import Reader, inflated
from gandam_studio.core.pictures.decoding.blending import MODES, blend, times
from gandam_studio.core.pictures.decoding.colour import rgb_to_srgb
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

Pixels = NDArray[np.uint8]

MAGIC, _FRAME_MAGIC = 0xA5E0, 0xF1FA
_OLD_PALETTE, _OLDEST_PALETTE, _PALETTE = 0x0004, 0x0011, 0x2019
_LAYER, _CEL, _PROFILE, _TAGS, _TILESET = 0x2004, 0x2005, 0x2007, 0x2018, 0x2023
_VISIBLE, _BACKGROUND, _REFERENCE = 1, 8, 64
_GROUP, _TILEMAP = 1, 2
_RAW, _LINKED, _COMPRESSED, _TILES = 0, 1, 2, 3
_BYTES = {32: 4, 16: 2, 8: 1}  # bits a pixel -> bytes
_MOST_CHUNKS = 500_000
_MOST_COLORS = 65_536
_DEEPEST = 64  # layers in layers
_CANVASES = 16  # times the largest picture, in cels of one frame


@dataclass(frozen=True)
class _Layer:
    index: int
    flags: int
    kind: int
    level: int
    mode: int
    opacity: int
    tileset: int
    children: list[_Layer] = field(default_factory=list)


@dataclass(frozen=True)
class _Cel:
    x: int
    y: int
    opacity: int
    kind: int
    z: int
    width: int = 0
    height: int = 0
    body: memoryview | None = None
    link: int = 0
    masks: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Tileset:
    flags: int
    count: int
    width: int
    height: int
    body: memoryview


class Document:
    """An opened document: a `sequences.Sequence` of its frames.

    Attributes:
        count: number of frames.
        first: always 0.
        size: (width, height) of the canvas in pixels.
    """

    first = 0

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._limits = limits
        reader = Reader(data, "<")
        _, magic, frames, width, height, depth, flags = reader.numbers("IHHHHHI")
        if magic != MAGIC:
            raise UnreadablePicture("an Aseprite document with a broken header")
        limits.check_size(width, height)
        if depth not in _BYTES or not frames:
            raise UnreadablePicture("an Aseprite document with impossible values")
        reader.skip(10)
        self._transparent = reader.number("B")
        reader.position = 128
        self.count, self.size = frames, (width, height)
        self._bytes, self._flags = _BYTES[depth], flags
        self._layers: list[_Layer] = []
        self._top: list[_Layer] = []
        self._cels: list[dict[int, _Cel]] = []
        self._tilesets: dict[int, _Tileset] = {}
        self._tiles: dict[int, Pixels] = {}
        self._palettes: list[Pixels] = []
        self._tags: list[tuple[int, int, str]] = []
        self._profile = b""
        self._chunks = 0
        self._new_palettes = False
        palette = np.zeros((0, 4), np.uint8)
        for _ in range(min(frames, limits.max_frames)):
            palette = self._read_frame(reader, palette)
            self._palettes.append(palette)
        self._arrange()

    def frame(self, index: int) -> Pixels:
        """Draw frame `index`: (H, W, 4) RGBA uint8. Raises UnreadablePicture."""
        if not 0 <= index < len(self._cels):
            raise UnreadablePicture(f"the animation has no frame={index}")
        self._drawn = 0
        canvas = np.zeros((self.size[1], self.size[0], 4), np.uint8)
        if self._flags & 2:
            self._draw_group(canvas, self._top, index)
        else:
            # Groups without a blend mode of their own only hide or show what they hold.
            flat = [layer for layer in self._layers if layer.kind != _GROUP]
            shown = self._shown()
            for layer in self._ordered([(layer.index, layer) for layer in flat], index):
                if layer.index in shown:
                    self._draw_cel(canvas, layer, index)
        return rgb_to_srgb(canvas, self._profile)

    def palette(self, index: int) -> Pixels:
        """Return the palette of frame `index`, (N, 4) RGBA, without the entry that stands for transparency."""
        if not 0 <= index < len(self._palettes):
            raise UnreadablePicture(f"the animation has no frame={index}")
        table = self._palettes[index]
        return (
            np.delete(table, self._transparent, axis=0)
            if self._bytes == 1 and self._transparent < len(table)
            else table
        )

    def tags(self, index: int) -> tuple[str, ...]:
        """Return the names of the tags that frame `index` belongs to."""
        return tuple(dict.fromkeys(name for first, last, name in self._tags if first <= index <= last))

    def _read_frame(self, reader: Reader, palette: Pixels) -> Pixels:
        size, magic, old, _, _, new = reader.numbers("IHHHHI")
        if magic != _FRAME_MAGIC or size < 16:
            raise UnreadablePicture("damaged: a frame's header is broken")
        frame = reader.part(size - 16)
        self._cels.append({})
        for _ in range(new or old):
            self._chunks += 1
            if self._chunks > _MOST_CHUNKS:
                raise UnreadablePicture("an Aseprite document of too many parts")
            length, kind = frame.numbers("IH")
            if length < 6:
                raise UnreadablePicture("damaged: a part's size is broken")
            chunk = frame.part(length - 6)
            if kind == _LAYER:
                self._read_layer(chunk)
            elif kind == _CEL:
                self._read_cel(chunk)
            elif kind == _TILESET:
                self._read_tileset(chunk)
            elif kind == _PALETTE:
                palette = _palette(chunk, palette)
                self._new_palettes = True
            elif kind in (_OLD_PALETTE, _OLDEST_PALETTE) and not self._new_palettes:
                palette = _old_palette(chunk, palette, six_bits=kind == _OLDEST_PALETTE)
            elif kind == _TAGS:
                self._read_tags(chunk)
            elif kind == _PROFILE:
                self._read_profile(chunk)
        return palette

    def _read_layer(self, chunk: Reader) -> None:
        flags, kind, level, _, _, mode, opacity = chunk.numbers("HHHHHHB")
        chunk.skip(3)
        chunk.skip(chunk.number("H"))
        tileset = chunk.number("I") if kind == _TILEMAP else 0
        if kind not in (0, _GROUP, _TILEMAP):
            raise UnreadablePicture(f"an Aseprite document with a layer of a kind that is not supported ({kind})")
        if len(self._layers) >= self._limits.max_layers:
            raise UnreadablePicture(f"too large: more than {self._limits.max_layers:,} layers")
        valid = self._flags & (2 if kind == _GROUP else 1)
        mode = mode if kind != _GROUP or valid else 0
        opacity = opacity if valid else 255
        self._layers.append(_Layer(len(self._layers), flags, kind, level, mode, opacity, tileset))

    def _read_cel(self, chunk: Reader) -> None:
        layer, x, y, opacity, kind, z = chunk.numbers("HhhBHh")
        chunk.skip(5)
        if kind == _LINKED:
            cel = _Cel(x, y, opacity, kind, z, link=chunk.number("H"))
        elif kind in (_RAW, _COMPRESSED, _TILES):
            width, height = chunk.numbers("HH")
            masks: tuple[int, ...] = ()
            if kind == _TILES:
                bits, *found = chunk.numbers("HIIII")
                if bits != 32:
                    raise UnreadablePicture(f"an Aseprite document with tiles of {bits} bits: not supported")
                masks = tuple(found)
                chunk.skip(10)
            cel = _Cel(x, y, opacity, kind, z, width, height, chunk.take(chunk.left), masks=masks)
        else:
            raise UnreadablePicture(f"an Aseprite document with a cel of a kind that is not supported ({kind})")
        self._cels[-1][layer] = cel

    def _read_tileset(self, chunk: Reader) -> None:
        identity, flags, count, width, height = chunk.numbers("IIIHH")
        chunk.skip(16)
        chunk.skip(chunk.number("H"))
        if flags & 1:
            chunk.skip(8)
        body = chunk.take(chunk.number("I")) if flags & 2 else memoryview(b"")
        self._tilesets[identity] = _Tileset(flags, count, width, height, body)

    def _read_tags(self, chunk: Reader) -> None:
        count = chunk.number("H")
        chunk.skip(8)
        for _ in range(count):
            first, last = chunk.numbers("HH")
            chunk.skip(13)
            name = chunk.text(chunk.number("H"))
            if name.strip():
                self._tags.append((first, last, name))

    def _read_profile(self, chunk: Reader) -> None:
        kind, flags, gamma = chunk.numbers("HHI")
        chunk.skip(8)
        if flags & 1 and gamma and kind != 2:
            raise UnreadablePicture("an Aseprite document with a gamma of its own: not supported")
        self._profile = bytes(chunk.take(chunk.number("I"))) if kind == 2 else b""

    def _arrange(self) -> None:
        """Put every layer into its group."""
        open_groups: list[_Layer] = []
        for layer in self._layers:
            del open_groups[layer.level :]
            if len(open_groups) != layer.level or layer.level > _DEEPEST:
                raise UnreadablePicture("damaged: its layers are not in order")
            (open_groups[-1].children if open_groups else self._top).append(layer)
            open_groups.append(layer)

    def _shown(self) -> set[int]:
        """Return the indexes of layers that are visible, as all groups around them are."""
        shown: set[int] = set()
        stack = list(self._top)
        while stack:
            layer = stack.pop()
            if layer.flags & _VISIBLE:
                shown.add(layer.index)
                stack += layer.children
        return shown

    def _ordered(self, layers: list[tuple[int, _Layer]], index: int) -> list[_Layer]:
        """Return layers from back to front; a cel's z-index moves it by that many layers (NOTE.5)."""
        cels = self._cels[index]

        def order(entry: tuple[int, _Layer]) -> tuple[int, int]:
            cel = cels.get(entry[1].index)
            z = cel.z if cel else 0
            return entry[0] + z, z

        return [layer for _, layer in sorted(layers, key=order)]

    def _draw_group(self, canvas: Pixels, layers: list[_Layer], index: int) -> None:
        for layer in self._ordered(list(enumerate(layers)), index):
            if not layer.flags & _VISIBLE:
                continue
            if layer.kind != _GROUP:
                self._draw_cel(canvas, layer, index)
                continue
            self._count(*self.size)
            whole = np.zeros_like(canvas)
            self._draw_group(whole, layer.children, index)
            _lay(canvas, whole, layer.opacity, _mode(layer))

    def _count(self, width: int, height: int) -> None:
        """Bound the work on one frame."""
        self._limits.check_size(width, height)
        self._drawn += width * height
        if self._drawn > _CANVASES * self._limits.max_pixels:
            raise UnreadablePicture("too large: its layers hold too many pixels")

    def _draw_cel(self, canvas: Pixels, layer: _Layer, index: int) -> None:
        cel = self._cels[index].get(layer.index)
        if cel is None or layer.flags & _REFERENCE:
            return
        image = cel
        for _ in range(self.count):
            if image.kind != _LINKED:
                break
            linked = self._cels[image.link].get(layer.index) if image.link < len(self._cels) else None
            if linked is None:
                return
            image = linked
        if image.kind == _LINKED:
            raise UnreadablePicture("damaged: its linked cels lead in a circle")
        if not image.width or not image.height:
            return
        palette = self._palettes[index]
        rgba = self._tilemap(image, layer, palette) if image.kind == _TILES else self._picture(image, layer, palette)
        left, top = max(0, cel.x), max(0, cel.y)
        part = rgba[top - cel.y :, left - cel.x :]
        place = canvas[top : top + part.shape[0], left : left + part.shape[1]]
        part = part[: place.shape[0], : place.shape[1]]
        if part.size:
            _lay(place, part, int(times(np.int32(cel.opacity), layer.opacity)), _mode(layer))  # type: ignore[arg-type]

    def _picture(self, cel: _Cel, layer: _Layer, palette: Pixels) -> Pixels:
        self._count(cel.width, cel.height)
        size = cel.width * cel.height * self._bytes
        body = cel.body or memoryview(b"")
        raw = bytes(body[:size]) if cel.kind == _RAW else inflated(body, size)
        return self._colored(raw, cel.height, cel.width, layer, palette)

    def _colored(self, raw: bytes, height: int, width: int, layer: _Layer, palette: Pixels) -> Pixels:
        """Turn raw pixels of the document's colour mode into (H, W, 4) RGBA."""
        if len(raw) != height * width * self._bytes:
            raise UnreadablePicture("truncated")
        pixels = np.frombuffer(raw, np.uint8).reshape(height, width, self._bytes)
        if self._bytes == 4:
            return pixels
        if self._bytes == 2:
            return np.asarray(pixels[..., [0, 0, 0, 1]])
        table = np.zeros((256, 4), np.uint8)
        table[: len(palette)] = palette[:256]
        if not layer.flags & _BACKGROUND:
            table[self._transparent] = 0
        return np.asarray(table[pixels[..., 0]])

    def _tilemap(self, cel: _Cel, layer: _Layer, palette: Pixels) -> Pixels:
        tileset = self._tilesets.get(layer.tileset)
        if tileset is None or not tileset.flags & 2:
            raise UnreadablePicture("an Aseprite document with tiles in another file: not supported")
        wide, high = tileset.width, tileset.height
        self._count(cel.width * wide, cel.height * high)
        if not wide or not high or tileset.count < 1:
            raise UnreadablePicture("damaged: its tiles have no pixels")
        self._count(wide, min(high * tileset.count, 1 << 31))
        raw = inflated(tileset.body, wide * high * tileset.count * self._bytes)
        tiles = self._colored(raw, high * tileset.count, wide, layer, palette).reshape(-1, high, wide, 4)
        words = np.frombuffer(inflated(cel.body or b"", 4 * cel.width * cel.height), "<u4").reshape(
            cel.height, cel.width
        )
        identity, flip_x, flip_y, diagonal = cel.masks
        shift = (identity & -identity).bit_length() - 1 if identity else 0
        numbers = (words & np.uint32(identity)) >> np.uint32(shift)
        shown = numbers < len(tiles)
        if tileset.flags & 4:
            shown &= numbers != 0
        whole = np.zeros((cel.height, cel.width, high, wide, 4), np.uint8)
        whole[shown] = tiles[numbers[shown]]
        turned = shown & _all_set(words, diagonal)
        if turned.any():
            if wide != high:
                raise UnreadablePicture("damaged: tiles that are not square are turned")
            whole[turned] = whole[turned].swapaxes(1, 2)
        for mask, axis in ((flip_x, 2), (flip_y, 1)):
            flipped = shown & _all_set(words, mask)
            if flipped.any():
                whole[flipped] = np.flip(whole[flipped], axis)
        return whole.swapaxes(1, 2).reshape(cel.height * high, cel.width * wide, 4)


def _all_set(words: NDArray[np.uint32], mask: int) -> NDArray[np.bool_]:
    if not mask:
        return np.zeros(words.shape, np.bool_)
    return (words & np.uint32(mask)) == mask


def _mode(layer: _Layer) -> str:
    if layer.mode >= len(MODES):
        raise UnreadablePicture(f"an Aseprite document with a blend mode that is not supported ({layer.mode})")
    return MODES[layer.mode]


def _lay(canvas: Pixels, picture: Pixels, opacity: int, mode: str) -> None:
    """Blend a picture onto a canvas of the same size, in place, some rows at a time."""
    step = max(1, (1 << 18) // canvas.shape[1])
    for top in range(0, canvas.shape[0], step):
        place, rows = canvas[top : top + step], picture[top : top + step]
        # What has no bits set at all is a hole: it is not drawn, whatever the mode.
        drawn = rows.any(axis=2)
        if drawn.any():
            below, above = place[drawn].astype(np.int32), rows[drawn].astype(np.int32)
            place[drawn] = blend(below, above, opacity, mode).astype(np.uint8)


def _palette(chunk: Reader, palette: Pixels) -> Pixels:
    size, first, last = chunk.numbers("III")
    chunk.skip(8)
    if size > _MOST_COLORS or last < first or last >= _MOST_COLORS:
        raise UnreadablePicture("damaged: its palette has impossible values")
    table = np.zeros((max(size, last + 1), 4), np.uint8)
    kept = palette[: len(table)]
    table[: len(kept)] = kept
    for index in range(first, last + 1):
        flags = chunk.number("H")
        table[index] = np.frombuffer(chunk.take(4), np.uint8)
        if flags & 1:
            chunk.skip(chunk.number("H"))
    return table


def _old_palette(chunk: Reader, palette: Pixels, *, six_bits: bool) -> Pixels:
    table = np.zeros((max(256, len(palette)), 4), np.uint8)
    table[: len(palette)] = palette
    index = used = 0
    for _ in range(chunk.number("H")):
        skip, count = chunk.numbers("BB")
        index += skip
        count = count or 256
        colors = np.frombuffer(chunk.take(3 * count), np.uint8).reshape(-1, 3)
        if index + count > 256:
            raise UnreadablePicture("damaged: its palette has impossible values")
        table[index : index + count, :3] = (colors << 2) | (colors >> 4) if six_bits else colors
        table[index : index + count, 3] = 255
        index += count
        used = max(used, index)
    return table[: max(used, len(palette))]
