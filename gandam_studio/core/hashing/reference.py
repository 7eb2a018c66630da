"""ImageHash's hashes, many pictures at a time and the same to the last bit.

Every function takes pictures of one size as (N, H, W, 3) uint8 RGB and returns one word a picture whose most
significant bit is ImageHash's first: `int(str(imagehash.phash(picture)), 16)`. Definitions: ImageHash 4.3 (Buchner,
BSD-2-Clause); pHash after Zauner 2010, dHash after Krawetz 2013. Pillow's own resampling is kept, because its
rounding decides bits; a batch is resampled as one tall and one wide picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

_LANCZOS = Image.Resampling.LANCZOS


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """(N, B) bool, B <= 64, to (N,) uint64, the first bit most significant of the B."""
    count, length = bits.shape
    padded = np.zeros((count, 64), dtype=np.uint8)
    padded[:, 64 - length :] = bits
    return np.packbits(padded, axis=1).view(">u8").astype(np.uint64).ravel()


def grey(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 to (...) uint8 as Pillow's convert("L"): ITU-R 601-2 in 16-bit fixed point, rounded."""
    wide = rgb.astype(np.uint32)
    return ((wide[..., 0] * 19595 + wide[..., 1] * 38470 + wide[..., 2] * 7471 + 0x8000) >> 16).astype(np.uint8)


def resize_grey(stack: np.ndarray, width: int, height: int) -> np.ndarray:
    """(N, H, W) uint8 to (N, height, width), each as Pillow's resize with LANCZOS would give it."""
    if _rows_first(stack.shape[1], stack.shape[2], height, width):
        return _resize_columns(_resize_rows(stack, width), height)
    return _resize_rows(_resize_columns(stack, height), width)


def _resize_rows(stack: np.ndarray, width: int) -> np.ndarray:
    """(N, H, W) to (N, H, width): all rows of all pictures as one tall picture, whose vertical pass Pillow skips."""
    count, height, old = stack.shape
    tall = Image.fromarray(np.ascontiguousarray(stack).reshape(count * height, old))
    return np.asarray(tall.resize((width, count * height), _LANCZOS)).reshape(count, height, width)


def _resize_columns(stack: np.ndarray, height: int) -> np.ndarray:
    """(N, H, W) to (N, height, W): all columns as one wide picture, whose horizontal pass Pillow skips."""
    count, old, width = stack.shape
    wide = Image.fromarray(np.ascontiguousarray(stack.transpose(1, 0, 2)).reshape(old, count * width))
    columns = np.asarray(wide.resize((count * width, height), _LANCZOS)).reshape(height, count, width)
    return np.ascontiguousarray(columns.transpose(1, 0, 2))


@lru_cache(maxsize=256)
def _rows_first(height: int, width: int, new_height: int, new_width: int) -> bool:
    """Whether this Pillow resamples rows before columns for these sizes; it rounds in between, and versions differ.

    Found by asking it to resize noise, which no two orders round alike.
    """
    noise = np.random.default_rng(0).integers(0, 256, (1, height, width), dtype=np.uint8)
    theirs = np.asarray(Image.fromarray(noise[0]).resize((new_width, new_height), _LANCZOS))
    return np.array_equal(_resize_columns(_resize_rows(noise, new_width), new_height)[0], theirs)


def phash(rgb: np.ndarray) -> np.ndarray:
    """ImageHash's `phash(hash_size=8, highfreq_factor=4)`.

    The 8x8 low frequencies of a 32x32 DCT against their median.
    """
    # ImageHash's own transform: another one's rounding would decide ties otherwise.
    from scipy.fftpack import dct

    pixels = resize_grey(grey(rgb), 32, 32)
    low = dct(dct(pixels, axis=1)[:, :8], axis=2)[:, :, :8].reshape(len(rgb), 64)
    return pack_bits(low > np.median(low, axis=1, keepdims=True))


def dhash(rgb: np.ndarray) -> np.ndarray:
    """ImageHash's `dhash(hash_size=8)`: whether brightness rises from each of 9 columns to the next, 8 rows."""
    pixels = resize_grey(grey(rgb), 9, 8)
    return pack_bits((pixels[:, :, 1:] > pixels[:, :, :-1]).reshape(len(rgb), 64))


def whash(rgb: np.ndarray) -> np.ndarray:
    """ImageHash's `whash(hash_size=8, mode="haar", remove_max_haar_ll=True)`.

    An 8x8 Haar approximation against its median.
    """
    import pywt  # late: only this hash needs it

    smaller = min(rgb.shape[1:3])
    scale = max(2 ** int(np.log2(smaller)), 8)
    levels = int(np.log2(scale))
    pixels = resize_grey(grey(rgb), scale, scale) / 255.0
    coefficients = list(pywt.wavedec2(pixels, "haar", level=levels, axes=(1, 2)))
    coefficients[0] = coefficients[0] * 0
    pixels = pywt.waverec2(coefficients, "haar", axes=(1, 2))
    low = pywt.wavedec2(pixels, "haar", level=levels - 3, axes=(1, 2))[0].reshape(len(rgb), 64)
    return pack_bits(low > np.median(low, axis=1, keepdims=True))


def colorhash(rgb: np.ndarray) -> np.ndarray:
    """ImageHash's `colorhash(binbits=3)`.

    14 fractions (black, grey, 6 faint hues, 6 bright hues) of 3 bits: 42 bits.
    """
    count, height, width = rgb.shape[:3]
    tall = Image.fromarray(np.ascontiguousarray(rgb[..., :3]).reshape(count * height, width, 3))
    hsv = np.asarray(tall.convert("HSV")).reshape(count, height * width, 3)
    hue, saturation = hsv[..., 0], hsv[..., 1]
    black = grey(rgb).reshape(count, -1) < 32
    low = saturation < 256 // 3
    colour = ~black & ~low
    total = np.maximum(1, colour.sum(axis=1))
    bins = [(black.mean(axis=1) * 8).astype(int), ((~black & low).mean(axis=1) * 8).astype(int)]
    # ImageHash's six hue bins on 0..255: half open, the last one closed.
    which = np.minimum(np.searchsorted(np.linspace(0, 255, 7), hue, side="right") - 1, 5)
    for mask in (colour & (saturation < 256 * 2 // 3), colour & (saturation > 256 * 2 // 3)):
        bins += [((mask & (which == index)).sum(axis=1) * 8 * 1.0 / total).astype(int) for index in range(6)]
    values = np.minimum(np.stack(bins, axis=1), 7)
    # Its bit i of 3 is `v // 2**(2 - i) % 2**(3 - i) > 0`, which is not plain binary: kept as it is.
    bits = [(values // 2 ** (2 - i)) % 2 ** (3 - i) > 0 for i in range(3)]
    return pack_bits(np.stack(bits, axis=2).reshape(count, 42))
