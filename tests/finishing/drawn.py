"""Pictures for the tests of finishing: drawn mechas, and the same made unclean as a generator draws them."""

from __future__ import annotations

import numpy as np

from gandam_studio.samples.mechas.collection import render

Pixels = np.ndarray


def clean_sprites(count: int) -> list[Pixels]:
    """Sprites of few colours with clear backgrounds, (64, 64, 4)."""
    return [render(5, index) for index in range(count)]


def soiled(picture: Pixels, seed: int = 0) -> Pixels:
    """A sprite with soft colours, half-clear edges and single wrong pixels."""
    dice = np.random.default_rng(seed)
    noisy = picture.astype(np.int64)
    noisy[..., :3] += dice.integers(-14, 15, noisy[..., :3].shape)
    noisy[..., 3] += np.where(
        noisy[..., 3] > 0, -dice.integers(0, 60, noisy.shape[:2]), dice.integers(0, 60, noisy.shape[:2])
    )
    wrong = dice.random(noisy.shape[:2]) < 0.04
    noisy[wrong, :3] = dice.integers(0, 256, (int(wrong.sum()), 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)
