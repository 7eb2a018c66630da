"""Colour management: convert pixels from a picture's ICC profile to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_MAXIMUM_PROFILE = 4 * 1024 * 1024
_SAME = 2  # levels; short tables for sRGB's curve are off by one, gamma 2.2 by nine
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
# LittleCMS's own black point compensation and no monitor profile: the same result on every machine.
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


@lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Whether a profile is close enough to sRGB that a conversion would only add rounding errors.

    Decided by its effect, not its name. Also True for a missing or broken profile.
    """
    if not profile or len(profile) > _MAXIMUM_PROFILE:
        return True
    space = profile[16:20]
    if space not in (b"RGB ", b"GRAY"):
        return False
    probe = _probe() if space == b"RGB " else np.arange(256, dtype=np.uint8)[None]
    converted = to_srgb(Image.fromarray(probe), profile)
    if converted is None:
        return True
    before = probe if space == b"RGB " else probe[..., None]
    return int(np.abs(np.asarray(converted).astype(np.int16) - before).max()) <= _SAME


def _probe() -> NDArray[np.uint8]:
    """Test colours, (1, n, 3): ramps of grey and of each primary, and a grid over the RGB cube."""
    ramp = np.arange(256, dtype=np.uint8)
    ramps = [ramp[:, None] * np.array(colour, np.uint8) for colour in ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    steps = np.linspace(0, 255, 6).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    return np.concatenate([*ramps, cube])[None]


def rgb_to_srgb(rgba: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """Convert (H, W, 4) pixels from an RGB or grey profile; alpha is kept. A broken profile is ignored."""
    if is_srgb(profile):
        return rgba
    space = profile[16:20]
    if space == b"GRAY":
        image = Image.fromarray(np.ascontiguousarray(rgba[..., 0]))
    elif space == b"RGB ":
        image = Image.fromarray(np.ascontiguousarray(rgba[..., :3]))
    else:
        return rgba
    converted = to_srgb(image, profile)
    if converted is None:
        return rgba
    result = rgba.copy()
    result[..., :3] = np.asarray(converted)
    return result


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert a Pillow picture (modes L, RGB, CMYK) to sRGB, mode RGB; None if the profile is unusable."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), renderingIntent=_INTENT, outputMode="RGB", flags=_FLAGS
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
