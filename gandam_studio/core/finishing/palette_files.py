"""Palettes in the files that drawing programs write: GIMP, JASC, Microsoft, Adobe, hex lists, Aseprite, pictures.

Formats are told by their content. Files may come from anywhere: sizes and counts are bounded and checked before use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.palette import MOST_COLOURS, Palette, packed, unpacked
from gandam_studio.core.pictures.decoding import aseprite
from gandam_studio.core.pictures.decoding.binary import Reader
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.sniff import sniff
from trainer.protocol.untrusted import UntrustedError, decode_text, one_line, read_regular, shortened

SUFFIXES = (".gpl", ".pal", ".hex", ".txt", ".act", ".ase", ".aseprite", ".png", ".gif", ".bmp", ".webp")
MOST_OF_PICTURE = 256
"""Colours of a picture that is read as a palette; more are those of a painting."""
_MOST_BYTES = 64 << 20  # an Aseprite document holds pictures too
_MOST_TEXT = 1 << 20
_LONGEST_NAME = 80
_MOST_BLOCKS = 10_000
_PICTURES = ("png", "gif", "bmp", "webp", "jpeg", "tiff", "pcx", "avif")
_PICTURE_LIMITS = Limits(max_pixels=16_000_000)

Colour = tuple[int, int, int]
Found = tuple[list[Colour], str]
"""Colours, and the name that the file gives them, ""."""


def read_palette(path: Path | str) -> Palette:
    """Read a palette file. Raises UserError with one line: what is wrong with which file."""
    path = Path(path)
    try:
        data = read_regular(path, _MOST_BYTES)
        colours, name = _read(data, path.suffix.lower())
        return Palette.of(colours, shortened(name, _LONGEST_NAME) or shortened(path.stem, _LONGEST_NAME))
    except (UntrustedError, UserError) as error:
        reason = str(error).removeprefix(f"{path} ")
        raise UserError(f"{shortened(path.name)} cannot be used as a palette: {reason}") from None
    except OSError as error:
        raise UserError(f"{shortened(str(path))} cannot be read: {error.strerror or error}") from None


def _read(data: bytes, suffix: str) -> Found:
    if data[:4] == b"ASEF":
        return _adobe_swatches(data)
    if data[4:6] == aseprite.MAGIC.to_bytes(2, "little"):
        return _aseprite(data)
    if suffix in (".act", ".pal") and len(data) in (768, 772) and not data.startswith(b"JASC-PAL"):
        return _adobe_table(data)
    if sniff(data[:512], data[-26:], len(data)) in _PICTURES:
        return _of_picture(data)
    if data[:4] == b"RIFF":
        return _riff(data)
    if len(data) > _MOST_TEXT:
        raise UserError("it is too large for a palette")
    text = decode_text(data)
    first = text.lstrip().partition("\n")[0].strip()
    if first == "GIMP Palette":
        return _gimp(text)
    if first == "JASC-PAL":
        return _jasc(text), ""
    return _hex(text)


# Text


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with something on them, and their numbers from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


_GIMP_COLOUR = re.compile(r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(?:\s+(.*))?")


def _gimp(text: str) -> Found:
    """GIMP's text format; Aseprite adds "Channels: RGBA" and a fourth number."""
    colours: list[Colour] = []
    name, with_alpha = "", False
    for number, line in _lines(text):
        if line == "GIMP Palette" or line.startswith(("#", "Columns:")):
            continue
        if line.startswith("Name:"):
            name = line[5:].strip()
        elif line.startswith("Channels:"):
            with_alpha = line[9:].strip() == "RGBA"
        else:
            match = _GIMP_COLOUR.fullmatch(line)
            if match is None:
                raise UserError(f"line {number} is no colour: {shortened(line, 40)}")
            if with_alpha and (match[4] or "").split()[:1] == ["0"]:
                continue  # the transparent entry
            _add(colours, tuple(map(int, match.groups()[:3])), f"line {number}")
    return colours, name


_NUMBERS = re.compile(r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(?:\s+\d{1,3})?")


def _jasc(text: str) -> list[Colour]:
    """Paint Shop Pro's text format: a version, a count, a colour a line."""
    lines = list(_lines(text))[1:]
    if len(lines) < 2 or not re.fullmatch(r"\d{1,6}", lines[1][1]):
        raise UserError("the number of its colours is missing")
    colours: list[Colour] = []
    count = int(lines[1][1])
    if count != len(lines) - 2:
        raise UserError(f"it says that it has {count:,} colours, but has {len(lines) - 2:,}")
    for number, line in lines[2:]:
        match = _NUMBERS.fullmatch(line)
        if match is None:
            raise UserError(f"line {number} is no colour: {shortened(line, 40)}")
        _add(colours, tuple(map(int, match.groups())), f"line {number}")
    return colours


_HEX = re.compile(r"(?:#|0x)?([0-9a-fA-F]{6}|[0-9a-fA-F]{8})")


def _hex(text: str) -> Found:
    """A colour a line as rrggbb; lists of Paint.NET have its opacity first (aarrggbb) and comments after semicolons."""
    colours: list[Colour] = []
    for number, line in _lines(text):
        line = line.partition(";")[0].strip()
        if not line:
            continue
        match = _HEX.fullmatch(line)
        if match is None:
            raise UserError(
                f"line {number} is no colour: {shortened(line, 40)}" if colours else "it is no palette that is known"
            )
        value = int(match[1][-6:], 16)
        _add(colours, (value >> 16, value >> 8 & 255, value & 255), f"line {number}")
    return colours, ""


def _add(colours: list[Colour], colour: tuple[int, ...], where: str) -> None:
    if max(colour) > 255:
        raise UserError(f"{where} has a value above 255")
    if len(colours) > 4 * MOST_COLOURS:  # repeated ones are left out later
        raise UserError(f"the palette has more than {MOST_COLOURS:,} colours")
    colours.append((colour[0], colour[1], colour[2]))


# Binary


def _riff(data: bytes) -> Found:
    """Microsoft's palette: RIFF, "PAL ", a chunk "data" of LOGPALETTE: version, count, four bytes a colour."""
    reader = Reader(data, "<")
    reader.skip(8)
    if bytes(reader.take(4)) != b"PAL ":
        raise UserError("it is a RIFF file, but no palette")
    for _ in range(_MOST_BLOCKS):
        kind = bytes(reader.take(4))
        size = reader.number("I")
        if kind == b"data":
            chunk = reader.part(min(size, reader.left))
            _, count = chunk.numbers("HH")
            entries = bytes(chunk.take(4 * count))
            return [(entries[i], entries[i + 1], entries[i + 2]) for i in range(0, len(entries), 4)], ""
        reader.skip(size + size % 2)
    raise UserError("it has too many parts")


def _adobe_table(data: bytes) -> Found:
    """Adobe's colour table (.act): 256 colours; four bytes more say how many count and which is transparent."""
    count, clear = (
        (int.from_bytes(data[768:770], "big"), int.from_bytes(data[770:772], "big")) if data[768:] else (0, 0)
    )
    if count > 256:
        raise UserError(f"it says that it has {count:,} colours; at most 256 fit")
    used = range(count or 256)
    clear = clear if data[768:] else -1
    return [(data[3 * i], data[3 * i + 1], data[3 * i + 2]) for i in used if i != clear], ""


def _adobe_swatches(data: bytes) -> Found:
    """Adobe Swatch Exchange (.ase), as described by Olivier Berten (selapa.net/swatches/colors/fileformats.php)."""
    reader = Reader(data, ">", 8)
    colours: list[Colour] = []
    blocks, name = reader.number("I"), ""
    if blocks > _MOST_BLOCKS:
        raise UserError(f"it says that it has {blocks:,} parts, which is too many")
    for _ in range(blocks):
        kind, size = reader.numbers("HI")
        block = reader.part(size)
        if kind == 0xC001:
            name = name or _wide_text(block)
        elif kind == 0x0001:
            _wide_text(block)
            model = bytes(block.take(4))
            rgb = _MODELS.get(model)
            if rgb is None:
                raise UserError(f"it has colours of a kind that is not supported ({shortened(repr(model), 20)})")
            values = block.numbers({b"Gray": "f", b"CMYK": "ffff"}.get(model, "fff"))
            if not all(np.isfinite(values)):
                raise UserError("it has a colour that is no number")
            _add(colours, tuple(round(255 * min(1.0, max(0.0, float(value)))) for value in rgb(values)), "a colour")
    return colours, name


def _wide_text(block: Reader) -> str:
    length = block.number("H")
    return one_line(bytes(block.take(2 * length)).decode("utf-16-be", "replace").rstrip("\0"))


def _lab_to_rgb(values: Any) -> tuple[float, ...]:
    """CIELAB (D50; lightness in [0, 1]) to sRGB, by the matrices of CSS Color 4."""
    lightness, a, b = 100 * float(values[0]), float(values[1]), float(values[2])
    y = (lightness + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2) * np.array([0.96429568, 1.0, 0.82510460])
    linear = _D50_TO_RGB @ xyz
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
    return tuple(curved.tolist())


# XYZ of D50 -> D65 (Bradford) -> linear sRGB, in one.
_D50_TO_RGB = np.array([
    [3.1341358, -1.6173876, -0.4906622],
    [-0.9787955, 1.9161415, 0.0334477],
    [0.0719553, -0.2289768, 1.4053860],
])  # fmt: skip
_MODELS: dict[bytes, Callable[[Any], tuple[float, ...]]] = {
    b"RGB ": lambda v: tuple(v),
    b"Gray": lambda v: (v[0], v[0], v[0]),
    b"CMYK": lambda v: tuple((1 - ink) * (1 - v[3]) for ink in v[:3]),
    b"LAB ": _lab_to_rgb,
}


def _aseprite(data: bytes) -> Found:
    """The palette of an Aseprite document's first frame, without its transparent entry."""
    try:
        document = aseprite.Document(data, DEFAULT_LIMITS)
    except UnreadablePicture as error:
        raise UserError(str(error)) from None
    table = document.palette(0)
    return [(int(r), int(g), int(b)) for r, g, b, alpha in table if alpha], ""


def _of_picture(data: bytes) -> Found:
    """The visible colours of a picture in the order in which they are met, row by row, as palettes are drawn."""
    from gandam_studio.core.pictures.decoding.canonical import decode

    try:
        rgba = decode(data, _PICTURE_LIMITS).rgba
    except UnreadablePicture as error:
        raise UserError(str(error)) from None
    rgb = rgba[rgba[..., 3] > 0][:, :3]
    values, first = np.unique(packed(rgb), return_index=True)
    if len(values) > MOST_OF_PICTURE:
        raise UserError(f"it has {len(values):,} colours, but a picture is a palette with at most {MOST_OF_PICTURE}")
    return [(int(r), int(g), int(b)) for r, g, b in unpacked(values[np.argsort(first)])], ""


# Writing


def gimp_palette(palette: Palette, columns: int = 8) -> bytes:
    """A palette as a .gpl file, which GIMP, Aseprite, Krita, Inkscape and Lospec read."""
    lines = ["GIMP Palette", f"Name: {one_line(palette.name) or 'palette'}", f"Columns: {columns}", "#"]
    lines += [f"{r:3d} {g:3d} {b:3d}\t{r:02x}{g:02x}{b:02x}" for r, g, b in palette.colours]
    return ("\n".join(lines) + "\n").encode()
