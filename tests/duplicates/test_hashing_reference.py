"""The hashes that carry ImageHash's names are ImageHash's hashes, to the last bit."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image

from gandam_studio.core.hashing import reference

SIZES = [(8, 8), (9, 31), (32, 32), (56, 68), (64, 64), (200, 97)]


def pictures(height: int, width: int) -> np.ndarray:
    """Noise, smooth shades, blocks, flat colours, symmetric and saturated pictures of one size."""
    generator = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([255 * x / width, 255 * y / height, 255 * (x + y) / (width + height)], axis=2)
    blocks = generator.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3)).repeat(4, 0).repeat(4, 1)[:height, :width]
    noise = generator.integers(0, 256, (height, width, 3))
    made = [noise, smooth, blocks, (blocks + blocks[:, ::-1]) // 2, np.zeros_like(noise), np.full_like(noise, 255)]
    made += [
        np.full_like(noise, 128),
        np.where(noise > 128, 255, 0),
        noise // 8,
        np.where(x[..., None] * 2 < width, 10, 240) + 0 * noise,
    ]
    return np.stack(made).astype(np.uint8)


@pytest.mark.parametrize("name", ["phash", "dhash", "whash", "colorhash"])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_same_bits_as_imagehash(name: str, height: int, width: int):
    stack = pictures(height, width)
    theirs = [int(str(getattr(imagehash, name)(Image.fromarray(picture))), 16) for picture in stack]
    ours = getattr(reference, name)(stack).tolist()
    assert ours == theirs


def test_same_bits_on_real_sprites(shared_data, unzipped_sprites):
    stack = np.stack([np.asarray(Image.fromarray(picture).convert("RGB")) for picture in unzipped_sprites(120)])
    for name in ("phash", "dhash", "whash", "colorhash"):
        theirs = [int(str(getattr(imagehash, name)(Image.fromarray(picture))), 16) for picture in stack]
        assert getattr(reference, name)(stack).tolist() == theirs
        assert len(set(theirs)) > 40  # else equality would prove little


def test_grey_is_pillows_for_every_corner_of_the_cube():
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    assert np.array_equal(reference.grey(rgb), np.asarray(Image.fromarray(rgb).convert("L")))
