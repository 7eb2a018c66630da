"""Digests of pixels: different for different pixels, mirrored ones included, and independent of margins."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gandam_studio.core.hashing.digest import pixel_digests
from gandam_studio.core.hashing.reducing import LONGEST, halved_evenly, reduced_tones

words = st.tuples(st.integers(1, 20), st.integers(1, 20)).flatmap(
    lambda size: arrays(np.uint32, size, elements=st.sampled_from([0, 1, 0xFF000000, 0x80FF00FF, 0xFFFFFFFF]))
)


def digests(content: np.ndarray, height: int = 0, width: int = 0) -> tuple[int, int]:
    """Digests of one content in a buffer of at least this height and width."""
    h, w = content.shape
    buffer = np.zeros((1, max(height, h), max(width, w)), dtype=np.uint32)
    buffer[0, :h, :w] = content
    straight, mirrored, _ = pixel_digests(buffer, np.array([h]), np.array([w]))
    return int(straight[0]), int(mirrored[0])


@settings(max_examples=200, deadline=None)
@given(words, st.integers(0, 40), st.integers(0, 40))
def test_the_mirrored_digest_is_the_mirrored_pictures_and_the_buffer_does_not_count(content, height, width):
    straight, mirrored = digests(content)
    assert digests(content, height, width) == (straight, mirrored)
    assert digests(content[:, ::-1]) == (mirrored, straight)


def test_every_small_change_changes_the_digest() -> None:
    dice = np.random.default_rng(1)
    content = dice.integers(0, 2**32, (24, 31), dtype=np.uint32)
    seen = {digests(content)[0], digests(np.ascontiguousarray(content.T))[0], digests(content[::-1])[0]}
    for y, x in np.ndindex(content.shape):
        for change in (1, 1 << 8, 1 << 24, 1 << 31):
            changed = content.copy()
            changed[y, x] ^= np.uint32(change)
            seen.add(digests(changed)[0])
    assert len(seen) == 3 + content.size * 4


def test_one_black_pixel_anywhere_and_every_size_of_nothing_are_told_apart() -> None:
    found = set()
    for y, x in np.ndindex(80, 70):
        content = np.zeros((80, 70), dtype=np.uint32)
        content[y, x] = 0xFF000000
        found.add(digests(content)[0])
    for h, w in np.ndindex(20, 20):
        found.add(digests(np.zeros((h + 1, w + 1), dtype=np.uint32))[0])
    assert len(found) == 80 * 70 + 400


def test_reduction_mirrors_and_keeps_the_mean() -> None:
    dice = np.random.default_rng(2)
    grey = dice.integers(0, 256, (512, 384), dtype=np.uint8)
    opaque = grey.astype(np.uint32) * 0x010101 | 0xFF000000
    small = reduced_tones(opaque)
    assert small.shape == (LONGEST, 96)
    assert (small >> 24 == 255).all()
    assert abs(float((small & 255).mean()) - grey.mean()) < 1
    assert np.array_equal(reduced_tones(opaque[:, ::-1]), small[:, ::-1])
    half_seen = np.where(np.arange(384) < 192, opaque, 0)
    small = reduced_tones(half_seen)
    assert (small[:, :48] >> 24 == 255).all()
    assert not small[:, 48:].any()
    assert halved_evenly(grey[:511], 32).shape == (511, 384)
