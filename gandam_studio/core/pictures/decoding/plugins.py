"""HEIC and JPEG XL, which optional packages decode: pillow-heif (extra "heic") and pylibjxl (extra "jxl").

A picture's size is checked before its pixels are decoded.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gandam_studio.core.pictures.decoding.colour import rgb_to_srgb
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.pillow import first_frame

Pixels = NDArray[np.uint8]


def heic(data: bytes, limits: Limits) -> Pixels:
    """Decode a HEIC picture to (H, W, 4) RGBA uint8, upright and sRGB. Raises UnreadablePicture."""
    try:
        import pillow_heif
    except ImportError:
        raise UnreadablePicture("a HEIC picture; to read it: pip install gandam-studio[heic]") from None
    pillow_heif.register_heif_opener(thumbnails=False)
    try:
        with Image.open(io.BytesIO(data), formats=("HEIF",)) as image:
            limits.check_size(*image.size)
            return first_frame(image)
    except UnreadablePicture:
        raise
    except MemoryError:
        raise UnreadablePicture("needs too much memory") from None
    except Exception:  # plugins raise nearly anything on damaged files
        raise UnreadablePicture("damaged: its pixels cannot be decoded") from None


def jxl(data: bytes, limits: Limits) -> Pixels:
    """Decode a JPEG XL picture, or the first frame of one, to (H, W, 4) RGBA uint8. Raises UnreadablePicture."""
    try:
        import pylibjxl
    except ImportError:
        raise UnreadablePicture("a JPEG XL picture; to read it: pip install gandam-studio[jxl]") from None
    try:
        info = pylibjxl.probe(data)
        limits.check_size(int(info["width"]), int(info["height"]))
        if info["have_animation"]:
            raise UnreadablePicture("an animated JPEG XL picture: not supported")
        pixels, metadata = pylibjxl.decode(data, metadata=True)
    except UnreadablePicture:
        raise
    except MemoryError:
        raise UnreadablePicture("needs too much memory") from None
    except Exception:
        raise UnreadablePicture("damaged: its pixels cannot be decoded") from None
    samples = np.asarray(pixels, np.uint8)
    samples = samples[..., None] if samples.ndim == 2 else samples
    depth = samples.shape[2]
    if depth not in (1, 2, 3, 4):
        raise UnreadablePicture("a JPEG XL picture of a kind that is not supported")
    profile = bytes(metadata.get("icc") or b"")
    if depth <= 2 and not profile:
        # The library does not say whether these levels are linear.
        raise UnreadablePicture("a grey JPEG XL picture without a colour profile: not supported")
    rgba = np.full((*samples.shape[:2], 4), 255, np.uint8)
    rgba[..., :3] = samples[..., :1] if depth <= 2 else samples[..., :3]
    if depth in (2, 4):
        rgba[..., 3] = samples[..., -1]
    return rgb_to_srgb(rgba, profile)
