"""Low frequencies and their signs, against SciPy's transform."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dctn

from gandam_studio.core.hashing.spectral import coefficients, padded_size, sign_words


def frequencies(parity: int) -> list[tuple[int, int]]:
    """The 64 lowest (row, column) frequencies with even or odd columns, without the constant."""
    every = [(ky, kx) for ky in range(16) for kx in range(parity, 16, 2) if (ky, kx) != (0, 0)]
    return sorted(every, key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair[0]))[:64]


def found(pictures: list[np.ndarray]) -> np.ndarray:
    """`coefficients` of pictures (H, W) of any sizes, in one buffer: (N, 2, 64)."""
    height, width = padded_size(max(one.shape[0] for one in pictures), max(one.shape[1] for one in pictures))
    planes = np.zeros((len(pictures), 1, height, width), np.float32)
    mirrored = np.zeros((len(pictures), 1, height, width // 2), np.float32)
    for n, one in enumerate(pictures):
        h, w = one.shape
        planes[n, 0, :h, :w] = one
        part = one[:, ::-1][:, : width // 2]
        mirrored[n, 0, :h, : part.shape[1]] = part
    sizes = np.array([one.shape for one in pictures])
    return coefficients(planes, mirrored, sizes[:, 0], sizes[:, 1])[:, 0]


def expected(picture: np.ndarray) -> np.ndarray:
    whole = dctn(picture.astype(float), type=2) / 4
    return np.array([[whole[pair] for pair in frequencies(parity)] for parity in (0, 1)])


def drawn(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 100 + width).integers(0, 256, (height, width))


@pytest.mark.parametrize("sizes", [[(20, 24)], [(33, 17)], [(16, 16), (40, 31), (17, 52)], [(64, 64), (64, 64)]])
def test_coefficients_are_those_of_the_cosine_transform(sizes) -> None:
    pictures = [drawn(*size) for size in sizes]
    for got, picture in zip(found(pictures), pictures, strict=True):
        assert np.allclose(got, expected(picture), rtol=1e-4, atol=0.5)


@pytest.mark.parametrize(("height", "width"), [(2, 3), (5, 7), (8, 15), (3, 20)])
def test_fewer_pixels_than_frequencies_are_repeated(height: int, width: int) -> None:
    small = drawn(height, width)
    large = small.repeat(16, axis=0).repeat(16, axis=1)
    words, silent = sign_words(found([small])[0])
    wanted, quiet = sign_words(found([large])[0])
    assert silent.tolist() == quiet.tolist()
    assert words[~silent].tolist() == wanted[~silent].tolist()


def test_a_mirror_image_negates_odd_columns_alone() -> None:
    picture = drawn(21, 33)
    plain, mirrored = found([picture, picture[:, ::-1]])
    assert np.array_equal(plain[0], mirrored[0])
    assert np.array_equal(plain[1], -mirrored[1])


def test_sizes_of_buffers() -> None:
    assert padded_size(1, 1) == (16, 32)
    assert padded_size(16, 32) == (16, 32)
    assert padded_size(17, 33) == (32, 64)


def test_signs_as_words() -> None:
    rows = np.full((5, 64), -1.0)
    rows[0, 0] = rows[0, 63] = 1.0
    rows[1] = 0.0
    rows[2, :3] = (1e-7, 5.0, 1e-7)  # zero up to rounding: the sign of the lowest one that is not
    rows[3, :3] = (1e-7, -5.0, 1e-7)
    rows[4, :2] = (-5.0, 1e-4)  # small, but a number
    words, silent = sign_words(rows)
    assert silent.tolist() == [False, True, False, False, False]
    assert words[[0, 2, 3, 4]].tolist() == [(1 << 63) + 1, 0b111 << 61, 0, 1 << 62]
    inverted, _ = sign_words(-rows)
    assert (inverted ^ words)[[0, 2, 3, 4]].tolist() == [2**64 - 1] * 4
