"""Small writers of Aseprite, GIMP and Photoshop documents and icons, by their published descriptions."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

# Aseprite: docs/ase-file-specs.md


def ase_chunk(kind: int, body: bytes) -> bytes:
    return struct.pack("<IH", 6 + len(body), kind) + body


def ase_text(text: str) -> bytes:
    return struct.pack("<H", len(text.encode())) + text.encode()


def ase_layer(
    name: str = "a",
    *,
    flags: int = 1,
    kind: int = 0,
    level: int = 0,
    mode: int = 0,
    opacity: int = 255,
    tileset: int = 0,
) -> bytes:
    body = struct.pack("<HHHHHHB3x", flags, kind, level, 0, 0, mode, opacity) + ase_text(name)
    return ase_chunk(0x2004, body + (struct.pack("<I", tileset) if kind == 2 else b""))


def ase_cel(
    layer: int,
    pixels: np.ndarray,
    x: int = 0,
    y: int = 0,
    *,
    opacity: int = 255,
    z: int = 0,
    raw: bool = False,
) -> bytes:
    head = struct.pack("<HhhBHh5x", layer, x, y, opacity, 0 if raw else 2, z)
    body = np.ascontiguousarray(pixels).tobytes()
    size = struct.pack("<HH", pixels.shape[1], pixels.shape[0])
    return ase_chunk(0x2005, head + size + (body if raw else zlib.compress(body)))


def ase_link(layer: int, frame: int, x: int = 0, y: int = 0, opacity: int = 255) -> bytes:
    return ase_chunk(0x2005, struct.pack("<HhhBHh5xH", layer, x, y, opacity, 1, 0, frame))


def ase_palette(colors: Sequence[tuple[int, int, int, int]], first: int = 0, size: int = 0) -> bytes:
    body = struct.pack("<III8x", size or first + len(colors), first, first + len(colors) - 1)
    return ase_chunk(0x2019, body + b"".join(struct.pack("<H4B", 0, *color) for color in colors))


def ase_old_palette(colors: Sequence[tuple[int, int, int]], kind: int = 0x0004) -> bytes:
    return ase_chunk(kind, struct.pack("<HBB", 1, 0, len(colors)) + b"".join(bytes(color) for color in colors))


def ase_tags(*tags: tuple[int, int, str]) -> bytes:
    body = struct.pack("<H8x", len(tags))
    for first, last, name in tags:
        body += struct.pack("<HHB", first, last, 0) + bytes(12) + ase_text(name)
    return ase_chunk(0x2018, body)


def ase_tileset(identity: int, tiles: np.ndarray, flags: int = 2 | 4) -> bytes:
    packed = zlib.compress(np.ascontiguousarray(tiles).tobytes())
    head = struct.pack("<IIIHHh14x", identity, flags, len(tiles), tiles.shape[2], tiles.shape[1], 1)
    return ase_chunk(
        0x2023, head + ase_text("t") + (struct.pack("<I", len(packed)) + packed if flags & 2 else bytes(8))
    )


def ase_tilemap(layer: int, words: np.ndarray, x: int = 0, y: int = 0) -> bytes:
    head = struct.pack("<HhhBHh5x", layer, x, y, 255, 3, 0)
    grid = struct.pack("<HHHIIII10x", words.shape[1], words.shape[0], 32, 0x1FFFFFFF, 1 << 31, 1 << 30, 1 << 29)
    return ase_chunk(0x2005, head + grid + zlib.compress(words.astype("<u4").tobytes()))


def aseprite(
    frames: Sequence[Sequence[bytes]], size: tuple[int, int], *, depth: int = 32, flags: int = 1, transparent: int = 0
) -> bytes:
    body = b""
    for chunks in frames:
        joined = b"".join(chunks)
        body += struct.pack("<IHHH2xI", 16 + len(joined), 0xF1FA, len(chunks), 100, len(chunks)) + joined
    head = struct.pack(
        "<IHHHHHIH8xB3xH", 128 + len(body), 0xA5E0, len(frames), *size, depth, flags, 100, transparent, 0
    )
    return head.ljust(128, b"\0") + body


# GIMP: devel-docs/xcf.txt


def run_lengths(plane: bytes) -> bytes:
    """Encode one plane with XCF's run lengths, using all four kinds of run where possible."""
    out, at = b"", 0
    while at < len(plane):
        same = 1
        while at + same < len(plane) and plane[at + same] == plane[at] and same < 60_000:
            same += 1
        if same > 127:
            out += bytes((127, same >> 8, same & 255, plane[at]))
        elif same > 1:
            out += bytes((same - 1, plane[at]))
        else:
            stop = at + 1
            while stop + 1 < len(plane) and plane[stop] != plane[stop + 1]:
                stop += 1
            same = stop - at
            head = bytes((128, same >> 8, same & 255)) if same > 127 else bytes((256 - same,))
            out += head + plane[at : at + same]
        at += same
    return out


def xcf_property(kind: int, body: bytes = b"") -> bytes:
    return struct.pack(">II", kind, len(body)) + body


class Xcf:
    """Writes an XCF document; layers are given from the top down."""

    def __init__(
        self,
        width: int,
        height: int,
        kind: int = 0,
        *,
        version: int = 3,
        compression: int = 1,
        precision: int = 0,
        colors: bytes = b"",
        sample: str = ">u1",
    ) -> None:
        self.size, self.kind, self.version, self.compression = (width, height), kind, version, compression
        self.precision, self.colors, self.sample = precision, colors, sample
        self.layers: list[tuple[np.ndarray, list[bytes], np.ndarray | None]] = []

    def add(
        self,
        pixels: np.ndarray,
        *properties: bytes,
        x: int = 0,
        y: int = 0,
        mode: int = 0,
        opacity: int = 255,
        mask: np.ndarray | None = None,
    ) -> Xcf:
        found = [
            xcf_property(6, struct.pack(">I", opacity)), xcf_property(7, struct.pack(">I", mode)),
            xcf_property(15, struct.pack(">ii", x, y)), *properties, xcf_property(0),
        ]  # fmt: skip
        self.layers.append((pixels, found, mask))
        return self

    def pointer(self, value: int) -> bytes:
        return struct.pack(">Q" if self.version >= 11 else ">I", value)

    def hierarchy(self, out: bytearray, pixels: np.ndarray) -> int:
        height, width, channels = pixels.shape
        places = []
        for top in range(0, height, 64):
            for left in range(0, width, 64):
                tile = np.ascontiguousarray(pixels[top : top + 64, left : left + 64]).astype(self.sample)
                places.append(len(out))
                raw = tile.view(np.uint8).reshape(-1, channels * tile.itemsize)
                if self.compression == 1:
                    out += b"".join(run_lengths(raw[:, plane].tobytes()) for plane in range(raw.shape[1]))
                else:
                    out += zlib.compress(raw.tobytes()) if self.compression == 2 else raw.tobytes()
        level = len(out)
        out += struct.pack(">II", width, height) + b"".join(map(self.pointer, places)) + self.pointer(0)
        found = len(out)
        depth = channels * np.dtype(self.sample).itemsize
        out += struct.pack(">III", width, height, depth) + self.pointer(level) + self.pointer(0)
        return found

    def write(self) -> bytes:
        name = b"file" if not self.version else b"v%03d" % self.version
        head = b"gimp xcf " + name + b"\0" + struct.pack(">III", *self.size, self.kind)
        if self.version >= 4:
            head += struct.pack(">I", self.precision or 150)
        if self.colors:
            head += xcf_property(1, struct.pack(">I", len(self.colors) // 3) + self.colors)
        head += xcf_property(17, bytes((self.compression,))) + xcf_property(0)
        out = bytearray(head) + bytes((len(self.layers) + 2) * len(self.pointer(0)))
        places = []
        for pixels, properties, mask in self.layers:
            hierarchy = self.hierarchy(out, pixels)
            mask_at = 0
            if mask is not None:
                inner = self.hierarchy(out, mask[..., None])
                mask_at = len(out)
                out += struct.pack(">III", mask.shape[1], mask.shape[0], 0) + xcf_property(0) + self.pointer(inner)
            places.append(len(out))
            kind = 2 * self.kind + (pixels.shape[2] in (2, 4))
            out += struct.pack(">IIII", pixels.shape[1], pixels.shape[0], kind, 2) + b"a\0" + b"".join(properties)
            out += self.pointer(hierarchy) + self.pointer(mask_at)
        for number, place in enumerate(places):
            at = len(head) + number * len(self.pointer(0))
            out[at : at + len(self.pointer(0))] = self.pointer(place)
        return bytes(out)


# Photoshop: Adobe Photoshop File Formats Specification


def packed_bits(row: bytes) -> bytes:
    out = b""
    for at in range(0, len(row), 100):
        part = row[at : at + 100]
        repeated = len(part) > 1 and len(set(part)) == 1
        out += bytes((257 - len(part), part[0])) if repeated else bytes((len(part) - 1,)) + part
    return out


def psd(
    planes: Sequence[np.ndarray],
    mode: int = 3,
    *,
    compression: int = 1,
    transparency: bool = False,
    palette: bytes = b"",
    resources: Sequence[tuple[int, bytes]] = (),
    large: bool = False,
    in_block: bool = False,
) -> bytes:
    """Encode a Photoshop document from (H, W) channels of its merged picture: uint8, big-endian uint16, packed bits."""
    depth = 16 if planes[0].dtype.itemsize == 2 else 1 if mode == 0 else 8
    height, width = planes[0].shape
    head = b"8BPS" + struct.pack(">H6xHIIHH", 2 if large else 1, len(planes), height, width, depth, mode)
    if mode == 0:
        planes = [np.packbits(plane == 0, axis=1) for plane in planes]
    found = b"".join(
        b"8BIM" + struct.pack(">HHI", key, 0, len(body)) + body + bytes(len(body) % 2) for key, body in resources
    )
    long = ">Q" if large else ">I"
    layers = struct.pack(long, 2) + struct.pack(">h", -1) + bytes(4) if transparency else b""
    if in_block:  # as Photoshop writes 16 bits a channel: no layers here, a mask of its own, then the layers
        mask = b"\0\1mask"
        layers = struct.pack(long, 0) + struct.pack(">I", len(mask)) + mask
        layers += b"8BIMLr16" + struct.pack(long, 4) + struct.pack(">hh", -1 if transparency else 1, 0)
    out = head + struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(found)) + found
    out += struct.pack(long, len(layers)) + layers + struct.pack(">H", compression)
    rows = [[row.tobytes() for row in plane] for plane in planes]
    if compression == 1:
        packed = [packed_bits(row) for plane in rows for row in plane]
        out += b"".join(struct.pack(">I" if large else ">H", len(row)) for row in packed) + b"".join(packed)
    elif compression == 0:
        out += b"".join(row for plane in rows for row in plane)
    elif compression == 2:
        out += zlib.compress(b"".join(row for plane in rows for row in plane))
    else:
        steps = [np.diff(plane.astype(np.int64), axis=1, prepend=0).astype(plane.dtype) for plane in planes]
        out += zlib.compress(b"".join(plane.astype(f">u{plane.dtype.itemsize}").tobytes() for plane in steps))
    return out


def openraster(pictures: dict[str, bytes], kind: str = "image/openraster") -> bytes:
    """Encode a zip of pictures whose first entry names its type: OpenRaster or Krita."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", kind, zipfile.ZIP_STORED)
        for name, body in pictures.items():
            archive.writestr(name, body)
    return stream.getvalue()


# Windows icons and cursors


def icon(pictures: Sequence[bytes], sizes: Sequence[int], kind: int = 1) -> bytes:
    place = 6 + 16 * len(pictures)
    entries = b""
    for body, side in zip(pictures, sizes, strict=True):
        entries += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, 1, 32, len(body), place)
        place += len(body)
    return struct.pack("<HHH", 0, kind, len(pictures)) + entries + b"".join(pictures)


def icon_bitmap(rgba: np.ndarray, depth: int = 32, colors: Sequence[tuple[int, int, int]] = ()) -> bytes:
    """Encode a picture of an icon; below 32 bits, the mask holds the transparent pixels. `colors` make a palette."""
    height, width = rgba.shape[:2]
    head = struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, depth, 0, 0, 0, 0, len(colors), 0)
    table = b"".join(bytes((blue, green, red, 0)) for red, green, blue in colors)
    rows = rgba[::-1]
    if depth == 32:
        body = rows[..., [2, 1, 0, 3]].tobytes()
    elif depth == 24:
        body = b"".join(row[:, [2, 1, 0]].tobytes().ljust(-(-3 * width // 4) * 4, b"\0") for row in rows)
    else:
        index = np.array([[colors.index(tuple(int(v) for v in pixel[:3])) for pixel in row] for row in rows], np.uint8)
        bits = np.unpackbits(index[..., None], axis=2)[..., 8 - depth :].reshape(height, -1)
        body = b"".join(np.packbits(row).tobytes().ljust(-(-width * depth // 32) * 4, b"\0") for row in bits)
    mask = b"".join(np.packbits(row[:, 3] == 0).tobytes().ljust(-(-width // 32) * 4, b"\0") for row in rows)
    return head + table + body + mask
