"""Contrast measured on pixels: ratios of WCAG 2.2, and the colours of text estimated from a picture."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QImage

TEXT, MARK = 4.5, 3.0


def pixels_of(image: QImage) -> np.ndarray:
    """The picture as uint8 (height, width, 3)."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def luminance(colors: np.ndarray) -> np.ndarray:
    """Relative luminance of 8-bit colours (..., 3)."""
    part = np.asarray(colors, np.float64) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Contrast between colours (..., 3), 1 to 21."""
    first, second = luminance(one), luminance(other)
    return (np.maximum(first, second) + 0.05) / (np.minimum(first, second) + 0.05)


def background(pixels: np.ndarray) -> np.ndarray:
    """The most frequent colour, (3,)."""
    packed = pixels.reshape(-1, 3).astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colors, counts = np.unique(packed, return_counts=True)
    most = int(colors[counts.argmax()])
    return np.array([most >> 16, most >> 8 & 255, most & 255], np.uint8)


def measured(pixels: np.ndarray, strays: int = 2) -> float:
    """Contrast of something drawn on a plain background: the extreme colour against the most frequent one.

    Strokes thinner than a pixel are blended with the ground, so only the extreme pixels have the colour of the pen.
    The `strays` most extreme ones are skipped: they may belong to something else that touches the rectangle.
    """
    flat = pixels.reshape(-1, 3)
    found = np.sort(ratio(flat, background(flat)))[::-1]
    return float(found[min(strays, len(found) - 1)])
