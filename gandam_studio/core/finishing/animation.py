"""Frames as a GIF, an animated PNG or a WebP, enlarged without smoothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

FORMATS = (".gif", ".png", ".apng", ".webp")
_DESCRIPTION = 0x010E  # EXIF's ImageDescription
LEAST_MS = 20
"""Viewers show GIF frames that are shorter than this much slower."""


def rounded_ms(milliseconds: float) -> int:
    """A frame's duration as all formats can hold it: whole hundredths of a second, at least `LEAST_MS`."""
    return max(LEAST_MS, round(milliseconds / 10) * 10)


def enlarged(frame: Image.Image, scale: int) -> Image.Image:
    """A picture `scale` times as large, without smoothing."""
    return frame.resize((frame.width * scale, frame.height * scale), Image.Resampling.NEAREST)


def animated(
    frames: Sequence[Image.Image], suffix: str, scale: int, durations: Sequence[int], *, comment: str = "",
    advance: Callable[[], None] = lambda: None,
) -> bytes:  # fmt: skip
    """RGB or RGBA frames of one size, looped for ever, in the format of `suffix` (one of FORMATS).

    PNG and WebP keep all colours and half-clear pixels; a frame of a GIF has 256 colours, exact where it has no more.

    Args:
        frames: at least one. durations: of each, milliseconds (`rounded_ms`). scale: enlargement.
        comment: stored in the file. advance: called after every frame.
    """
    gif = suffix == ".gif"
    pictures = []
    for frame in frames:
        pictures.append(enlarged(paletted(frame) if gif else frame, scale))
        advance()
    stream = io.BytesIO()
    if suffix == ".webp":
        exif = Image.Exif()
        if comment:
            exif[_DESCRIPTION] = comment
        pictures[0].save(
            stream, "WEBP", save_all=True, append_images=pictures[1:], loop=0, duration=list(durations), lossless=True,
            quality=100, method=4, exact=False, exif=exif.tobytes() if comment else b"",
        )  # fmt: skip
        return stream.getvalue()
    from PIL import PngImagePlugin

    notes = PngImagePlugin.PngInfo()
    if comment:
        notes.add_text("Comment", comment)
    more = {"optimize": False, **({"comment": comment.encode()} if comment else {})} if gif else {"pnginfo": notes}
    pictures[0].save(
        stream, "GIF" if gif else "PNG", save_all=True, append_images=pictures[1:], loop=0, duration=list(durations),
        disposal=2 if gif else 0, **more,
    )  # fmt: skip
    return stream.getvalue()


def paletted(frame: Image.Image) -> Image.Image:
    """A frame in 256 colours of its own, chosen before it is enlarged.

    GIF knows no half-transparent pixels, which would get fringes: they become clear or opaque.
    """
    if frame.mode != "RGBA":
        return _quantized(frame, 256)
    pixels = np.array(frame)
    clear = pixels[..., 3] < 128
    pixels[clear] = 0
    indices = _quantized(Image.fromarray(np.ascontiguousarray(pixels[..., :3])), 255)
    palette = indices.getpalette() or []
    numbers = np.array(indices)
    numbers[clear] = 255
    made = Image.fromarray(numbers, "P")
    made.putpalette([*palette[:765], *[0] * (768 - len(palette[:765]))])
    made.info["transparency"] = 255
    return made


def _quantized(frame: Image.Image, colours: int) -> Image.Image:
    """With few colours, all of them; of many, an octree is five hundred times as quick as the median cut."""
    few = frame.getcolors(colours) is not None
    method = Image.Quantize.MEDIANCUT if few else Image.Quantize.FASTOCTREE
    return frame.quantize(colours, method, dither=Image.Dither.NONE)
