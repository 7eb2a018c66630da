"""Seeded edits of real sprites: the ways copies of a picture come to differ. Used by the duplicate benchmarks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

Edit = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def trimmed(rgba: np.ndarray) -> np.ndarray:
    """The picture's visible rectangle."""
    x, y, w, h = cv2.boundingRect(np.ascontiguousarray(rgba[..., 3]))
    return rgba[y : y + h, x : x + w]


def mirror(rgba: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Left becomes right."""
    return np.ascontiguousarray(rgba[:, ::-1])


def resize(rgba: np.ndarray, generator: np.random.Generator, factor: float | None = None) -> np.ndarray:
    """50 to 200 %, by any of the usual filters."""
    factor = float(np.exp(generator.uniform(np.log(0.5), np.log(2)))) if factor is None else factor
    filters = [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]
    size = (round(rgba.shape[1] * factor), round(rgba.shape[0] * factor))
    return np.array(Image.fromarray(rgba).resize(size, filters[generator.integers(4)]))


def flattened(rgba: np.ndarray, color: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """Laid on one colour, as RGB."""
    canvas = Image.new("RGBA", (rgba.shape[1], rgba.shape[0]), (*color, 255))
    canvas.alpha_composite(Image.fromarray(rgba))
    return canvas.convert("RGB")


def jpeg(rgba: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """On white, then JPEG at quality 30."""
    stream = io.BytesIO()
    flattened(rgba).save(stream, "JPEG", quality=30)
    return np.array(Image.open(stream).convert("RGBA"))


def crop(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """5 % of the visible width or height cut off one side, so that the sprite itself loses pixels."""
    content = trimmed(rgba)
    h, w = content.shape[:2]
    dx, dy = max(1, round(w * 0.05)), max(1, round(h * 0.05))
    cuts = [content[dy:], content[:-dy], content[:, dx:], content[:, :-dx]]
    return np.ascontiguousarray(cuts[generator.integers(4)])


def pad(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A larger transparent canvas, the sprite somewhere on it."""
    top, bottom, left, right = generator.integers(0, 40, 4)
    return np.pad(rgba, ((top, bottom), (left, right), (0, 0)))


def hue(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Hue turned by 20 to 340 degrees."""
    hsv = np.array(Image.fromarray(rgba[..., :3]).convert("HSV"))
    hsv[..., 0] = hsv[..., 0] + np.uint8(generator.integers(14, 242))
    rgb = np.array(Image.fromarray(hsv, "HSV").convert("RGB"))
    return np.dstack([rgb, rgba[..., 3]])


def brightness(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Brighter or darker by 15 to 35 %."""
    factor = 1 + generator.uniform(0.15, 0.35) * generator.choice([-1, 1])
    out = rgba.astype(np.float32)
    out[..., :3] *= factor
    return np.clip(out, 0, 255).astype(np.uint8)


def noise(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Gaussian noise of standard deviation 12 on the visible colours."""
    out = rgba.astype(np.float32)
    out[..., :3] += generator.normal(0, 12, out[..., :3].shape)
    out = np.clip(out, 0, 255).astype(np.uint8)
    out[rgba[..., 3] == 0] = 0
    return out


def background(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Laid on a random colour, or on an even gradient between two."""
    h, w = rgba.shape[:2]
    first, second = generator.integers(0, 256, (2, 3)).astype(np.float32)
    if generator.random() < 0.5:
        second = first
    ramp = np.linspace(0, 1, h if generator.random() < 0.5 else w, dtype=np.float32)
    ramp = ramp[:, None] if len(ramp) == h and h != w else ramp[None]
    back = first + (second - first) * np.broadcast_to(ramp, (h, w))[..., None]
    alpha = rgba[..., 3:].astype(np.float32) / 255
    rgb = np.rint(rgba[..., :3] * alpha + back * (1 - alpha)).astype(np.uint8)
    return np.dstack([rgb, np.full((h, w), 255, np.uint8)])


def invisible(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Rubbish under the transparent pixels, as many editors leave it."""
    out = rgba.copy()
    hidden = rgba[..., 3] == 0
    out[hidden, :3] = generator.integers(0, 256, 3) if generator.random() < 0.5 else 255
    return out


def palette(rgba: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Reduced to 16 colours, opacity kept."""
    rgb = Image.fromarray(rgba[..., :3]).quantize(16).convert("RGB")
    return np.dstack([np.array(rgb), rgba[..., 3]])


def mirror_hue(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mirrored and recoloured."""
    return hue(mirror(rgba, generator), generator)


def resize_jpeg(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Enlarged to 200 %, on white, JPEG at quality 30."""
    return jpeg(resize(rgba, generator, 2.0), generator)


EDITS: dict[str, Edit] = {
    "mirror": mirror,
    "resize": resize,
    "jpeg30": jpeg,
    "crop5": crop,
    "pad": pad,
    "hue": hue,
    "brightness": brightness,
    "noise": noise,
    "background": background,
    "invisible": invisible,
    "palette16": palette,
    "mirror+hue": mirror_hue,
    "resize+jpeg30": resize_jpeg,
}


def read_archive(archive: Path, names: list[str]) -> list[np.ndarray]:
    """The named pictures of a zip file as RGBA."""
    with zipfile.ZipFile(archive) as files:
        return [np.array(Image.open(io.BytesIO(files.read(name))).convert("RGBA")) for name in names]
