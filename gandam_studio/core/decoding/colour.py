"""Colour management: whatever profile a picture carries, its pixels become sRGB."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_MAXIMUM_PROFILE = 4 * 1024 * 1024
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
# Deterministic on every machine: LittleCMS's own black point compensation, no monitor profile.
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


def is_srgb(profile: bytes) -> bool:
    """Whether a profile says it is sRGB: converting would only add rounding errors."""
    if not profile:
        return True
    text = profile[:4096]
    return b"sRGB" in text or "sRGB".encode("utf-16-be") in text


def rgb_to_srgb(rgba: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """Convert (H, W, 4) pixels from an RGB or grey profile; alpha is kept. A broken profile is ignored."""
    if is_srgb(profile) or len(profile) > _MAXIMUM_PROFILE:
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
    """A Pillow picture (modes L, RGB, CMYK) in sRGB, mode RGB; None when the profile is broken or of another kind."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), renderingIntent=_INTENT, outputMode="RGB", flags=_FLAGS
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
