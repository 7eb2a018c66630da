"""Odd kernels, and what sprites look like through them.

From a kernel k that mirroring both arguments leaves as it is, k-(x, y) = (k(x, y) - k(x, m y)) / 2 is the covariance of
a Gaussian process whose functions are odd: f(m x) = -f(x). With k(x, y) = exp(-|F(x) - F(y)|^2 / s) and even and odd
halves e and o of the features F, the two distances are |e(x) - e(y)|^2 + |o(x)|^2 + |o(y)|^2 -+ 2 o(x) . o(y).

Up to `EXACT` sprites the whole matrix is kept. Above that, sprites are described by their kernel with `LANDMARKS` of
them (twice as many up to `FEW` sprites), which is odd as well (Nystroem; Williams and Seeger 2001).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.suggestions.facing.features import KINDS, Halves

EXACT = 2_000
FEW = 6_000
LANDMARKS = 512
MOST_KEPT = 640 << 20
"""Bytes of kernels with landmarks that are kept, so that other weights need no other look at the features."""
_SAMPLE = 400  # sprites that widths and scales are measured on
_JITTER = 1e-4
_CHUNK = 8_192

Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class View:
    """N sprites as the odd kernel sees them.

    Attributes:
        phi: (N, M) float32 with phi @ phi.T approximately the kernel; None where `gram` is kept.
        gram: (N, N) the kernel itself, or None.
        diagonal: (N,) the kernel of each sprite with itself: near 0 for one that looks like its mirror image.
    """

    phi: Matrix | None
    gram: Matrix | None
    diagonal: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.diagonal)

    def between(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> Matrix:
        """The (R, O) kernel between some sprites and others."""
        if self.gram is not None:
            return self.gram[np.ix_(rows, others)]
        assert self.phi is not None
        return np.asarray(self.phi[rows] @ self.phi[others].T, np.float32)

    def times(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The kernel times an (N, V) matrix."""
        if self.gram is not None:
            return np.asarray(self.gram @ vectors, np.float32)
        assert self.phi is not None
        return np.asarray(self.phi @ (self.phi.T @ vectors), np.float32)


class OddKernels:
    """One odd kernel a kind of features, with widths and scales measured on the sprites themselves.

    The order of the sprites makes no difference, nor how each is turned. With `chosen` they are some rows of the
    features, which are counted from 0 here.
    """

    def __init__(self, features: Halves, chosen: NDArray[np.intp] | None = None) -> None:
        self._features = features
        self._chosen = chosen
        self._count = len(features) if chosen is None else len(chosen)
        self._order = self._spread()
        sample = self._order[_strided(self._count, _SAMPLE)]
        self._widths: dict[str, float] = {}
        self._scales: dict[str, float] = {}
        self._grams: dict[str, Matrix] = {}
        self._near: dict[str, NDArray[np.float16]] = {}
        self._own: dict[str, NDArray[np.float32]] = {}
        self._views: dict[tuple[tuple[str, float], ...], View] = {}
        for kind, part in KINDS.items():
            if not len(sample) or not features.even[:, part].shape[1]:
                self._widths[kind], self._scales[kind] = 1.0, 0.0
                continue
            some = self._part(sample, part)
            distances = _squared(some.even, some.even)
            norms = (some.odd**2).sum(axis=1)
            # Without the product of the odd halves, which depends on how sprites are turned.
            apart = distances + norms[:, None] + norms
            self._widths[kind] = max(float(np.median(apart)), 1e-6)
            own = _diagonal(some.odd, self._widths[kind])
            self._scales[kind] = float(own.mean())

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are there and tell a sprite from its mirror image: not an outline among opaque squares."""
        return tuple(kind for kind, scale in self._scales.items() if scale > 1e-4)

    def between(self, rows: NDArray[np.intp], others: NDArray[np.intp], weights: Mapping[str, float]) -> Matrix:
        """The (R, O) weighted sum of the kernels between two sets of rows; each has a mean of 1 on the diagonal."""
        result = np.zeros((len(rows), len(others)), np.float32)
        right = {kind: self._part(others, KINDS[kind]) for kind in weights}
        for first in range(0, len(rows), _CHUNK):
            some = rows[first : first + _CHUNK]
            for kind, weight in weights.items():
                left = self._part(some, KINDS[kind])
                scale = np.float32(weight / self._scales[kind])
                result[first : first + len(some)] += scale * _odd(left, right[kind], self._widths[kind])
        return result

    def diagonal(self, weights: Mapping[str, float]) -> NDArray[np.float32]:
        """The (N,) kernel of each sprite with itself."""
        result = np.zeros(self._count, np.float32)
        for kind, weight in weights.items():
            if kind not in self._own:
                self._own[kind] = self._diagonal_of(kind)
            result += np.float32(weight) * self._own[kind]
        return result

    def _diagonal_of(self, kind: str) -> NDArray[np.float32]:
        result = np.empty(self._count, np.float32)
        for some in self._runs():
            odd = self._features.odd[:, KINDS[kind]][self._rows(some)].astype(np.float32)
            result[some] = _diagonal(odd, self._widths[kind]) / np.float32(self._scales[kind])
        return result

    def _runs(self) -> list[NDArray[np.intp]]:
        """The sprites, some thousands at a time."""
        return [np.arange(first, min(first + _CHUNK, self._count)) for first in range(0, self._count, _CHUNK)]

    def _rows(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where the features of sprites are."""
        return rows if self._chosen is None else self._chosen[rows]

    def _part(self, rows: NDArray[np.intp], part: slice) -> Halves:
        even, odd = self._features.even[:, part], self._features.odd[:, part]
        return Halves(even[self._rows(rows)].astype(np.float32), odd[self._rows(rows)].astype(np.float32))

    def _spread(self) -> NDArray[np.intp]:
        """An order that depends on the even halves alone, so that every n-th of it are all kinds of sprites."""
        even = self._features.even
        directions = np.random.default_rng(0).standard_normal((even.shape[1], 2)).astype(np.float32)
        along = np.zeros((self._count, 2), np.float32)
        for some in self._runs():
            along[some] = even[self._rows(some)].astype(np.float32) @ directions
        return np.lexsort((along[:, 1], along[:, 0]))

    def view(self, weights: Mapping[str, float], check: Callable[[], None] = lambda: None) -> View:
        """How the weighted sum of the kernels sees all sprites. Raises what `check` raises, which is called often."""
        asked = tuple(weights.items())
        if asked not in self._views:
            self._views[asked] = self._view(weights, check)
        return self._views[asked]

    def _view(self, weights: Mapping[str, float], check: Callable[[], None]) -> View:
        count = self._count
        everything = np.arange(count)
        if count <= EXACT:
            # A page may change the weights, but not the kernel of each kind.
            for kind in weights.keys() - self._grams.keys():
                self._grams[kind] = self.between(everything, everything, {kind: 1.0})
            gram = np.zeros((count, count), np.float32)
            for kind, weight in weights.items():
                gram += np.float32(weight) * self._grams[kind]
            gram = np.asarray((gram + gram.T) / 2, np.float32)
            return View(None, gram, np.ascontiguousarray(np.diagonal(gram)))
        landmarks = self._order[_strided(count, LANDMARKS * (2 if count <= FEW else 1))]
        among = self.between(landmarks, landmarks, weights).astype(np.float64)
        values, vectors = np.linalg.eigh((among + among.T) / 2)
        values = np.maximum(values, _JITTER * max(values[-1], 1e-12))
        root = (vectors / np.sqrt(values)).astype(np.float32)
        phi = np.empty((count, len(landmarks)), np.float32)
        kept = self._kept_near(landmarks, check)
        for some in self._runs():
            check()
            if kept is None:
                near = self.between(some, landmarks, weights)
            else:
                near = np.zeros((len(some), len(landmarks)), np.float32)
                for kind, weight in weights.items():
                    near += np.float32(weight) * kept[kind][some].astype(np.float32)
            phi[some] = near @ root
        return View(phi, None, self.diagonal(weights))

    def _kept_near(
        self, landmarks: NDArray[np.intp], check: Callable[[], None]
    ) -> Mapping[str, NDArray[np.float16]] | None:
        """The (N, M) kernel of each kind between all sprites and `landmarks`, in half precision; None for too many."""
        count = self._count
        if 2 * count * len(landmarks) * len(self.kinds) > MOST_KEPT:
            return None
        for kind in self.kinds:
            if kind not in self._near:
                near = np.empty((count, len(landmarks)), np.float16)
                for some in self._runs():
                    check()
                    near[some] = self.between(some, landmarks, {kind: 1.0})
                self._near[kind] = near
        return self._near


def _odd(left: Halves, right: Halves, width: float) -> Matrix:
    near = _squared(left.even, right.even)
    near += (left.odd**2).sum(axis=1)[:, None]
    near += (right.odd**2).sum(axis=1)
    cross = 2 * (left.odd @ right.odd.T)
    factor = np.float32(-1 / width)
    # Both exponentials see the same rounded numbers, so that negating an odd half negates the result exactly.
    return np.asarray((np.exp((near - cross) * factor) - np.exp((near + cross) * factor)) / 2, np.float32)


def _diagonal(odd: Matrix, width: float) -> NDArray[np.float32]:
    return np.asarray((1 - np.exp(-4 * (odd**2).sum(axis=1) / width)) / 2, np.float32)


def _squared(left: NDArray[np.floating], right: NDArray[np.floating]) -> Matrix:
    products = left @ right.T
    found = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * products
    return np.asarray(np.maximum(found, 0), np.float32)


def _strided(count: int, most: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.intp)) if count else np.empty(0, np.intp)
