"""Drawing many pictures and arranging them in a grid."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from trainer.dataset import snapped, to_pixels
from trainer.networks import Generator
from trainer.protocol import files

CHUNK = 64  # Pictures drawn at once, so that sampling does not need more memory than training.
LEAST = 16
"""Fewer pictures than these are not drawn at once: libraries compute small batches in another order, and the last bits
of a picture would depend on how many others were asked for."""


def batches(count: int, most: int = CHUNK) -> list[slice]:
    """Parts of `count` pictures that are drawn at once: alike in size, at most `most`, at least LEAST if there are."""
    parts = max(1, min(math.ceil(count / most), count // LEAST))
    bounds = [count * part // parts for part in range(parts + 1)]
    return [slice(first, last) for first, last in itertools.pairwise(bounds)]


def draw_batch(
    draw: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor], z: torch.Tensor, labels: torch.Tensor | None
) -> torch.Tensor:
    """`draw(z, labels)` with the last latent repeated to LEAST, so that each picture depends on its latent alone."""
    count = len(z)
    if 0 < count < LEAST:
        z = torch.cat([z, z[-1:].expand(LEAST - count, *z.shape[1:])])
        labels = None if labels is None else torch.cat([labels, labels[-1:].expand(LEAST - count)])
    return draw(z, labels)[:count]


@torch.no_grad()
def draw_pictures(
    generator: Generator,
    z: torch.Tensor,
    fill: torch.Tensor,
    labels: torch.Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
    snap: int = 0,
) -> np.ndarray[Any, Any]:
    """Pictures of latents z (N, latent) in evaluation mode: uint8 (N, H, W, C). The generator's mode is restored.

    z may also be (N, stages, latent), with a latent for each stage.

    `snap`: how many levels from the background still become background (see `dataset.snapped`).

    `progress` is called after every chunk with the number of pictures drawn, and of all.
    """
    device = next(generator.parameters()).device
    training = generator.training
    draw = generator.staged if z.ndim == 3 else generator
    generator.eval()
    try:
        parts = []
        for part in batches(len(z)):
            own = None if labels is None else labels[part].to(device)
            parts.append(to_pixels(draw_batch(draw, z[part].to(device), own), fill))
            if progress:
                progress(part.stop, len(z))
    finally:
        generator.train(training)
    return snapped(np.concatenate(parts), fill, snap)


def grid_shape(count: int) -> tuple[int, int]:
    """(rows, columns) for `count` pictures: as square as divides evenly, at least as wide as high (32: 4 x 8)."""
    columns = math.ceil(math.sqrt(count))
    while columns < count and count % columns:
        columns += 1
    if columns > 2 * math.ceil(math.sqrt(count)):  # A prime number: better a short last row than a single one.
        columns = math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def tile(pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """uint8 (N, H, W, C) -> one picture (rows * H, columns * W, C), row by row; empty cells are white and clear."""
    count, height, width, channels = pictures.shape
    rows, columns = grid_shape(count)
    sheet = np.full((rows * columns, height, width, channels), 255, np.uint8)
    sheet[count:, :, :, 3:] = 0
    sheet[:count] = pictures
    laid = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return np.ascontiguousarray(laid.reshape(rows * height, columns * width, channels))


def save_png(path: Path, pixels: np.ndarray[Any, Any], text: dict[str, str] | None = None) -> None:
    """Write uint8 (H, W, 3 or 4) as PNG, atomically. Raises OSError."""
    files.write_bytes(path, png_bytes(pixels, text))


def png_bytes(pixels: np.ndarray[Any, Any], text: dict[str, str] | None = None) -> bytes:
    """uint8 (H, W, 3 or 4) as a PNG file."""
    from PIL import PngImagePlugin

    notes = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        notes.add_text(key, value)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=notes, compress_level=4)
    return stream.getvalue()
