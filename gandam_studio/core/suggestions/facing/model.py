"""A Gaussian process on odd functions: which way sprites face, and how sure that is.

Facing is regressed on: +1 for left, -1 for right, both in the picture before the flip (Rasmussen and Williams 2006,
chapter 2 and section 6.5). Weights over the kinds of features and the noise are those with the largest marginal
likelihood of what a person has confirmed, out of a short list; the likelihood's scale is solved for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.suggestions.facing.features import NETWORK
from gandam_studio.core.suggestions.facing.kernel import OddKernels, View

NOISES = (0.03, 0.1, 0.3)
DEFAULT_NOISE = 0.1
_MOST_EVIDENCE = 300  # confirmed sprites that weights are chosen by: its cost grows with the cube
_MOST_LEFT_OUT = 1_000
_USUAL = {"edges": 0.25, "outline": 0.25, "patches": 1.0, NETWORK: 3.0}
_LEAN = 4.0
_ROUNDS = 12
_POWER = 60

Signs = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Belief:
    """What the model believes about N sprites.

    Attributes:
        mean, sd: (N,) of the latent function, above 0 for left.
        margin: (N,) mean over the standard deviation of an observation; its sign says which way.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    margin: NDArray[np.float64]


def believe(view: View, labels: Signs, noise: float = DEFAULT_NOISE) -> Belief:
    """The posterior given `labels`, (N,): +1 left, -1 right, 0 not confirmed."""
    rows = np.flatnonzero(labels)
    targets = labels[rows].astype(np.float64)
    if view.phi is not None and len(rows) > view.phi.shape[1]:
        mean, variance = _by_weights(view.phi, rows, targets, noise)
    else:
        mean, variance = _by_functions(view, rows, targets, noise)
    sd = np.sqrt(np.maximum(variance, 1e-6))
    return Belief(mean, sd, mean / np.sqrt(sd**2 + noise))


def _by_functions(
    view: View, rows: NDArray[np.intp], targets: NDArray[np.float64], noise: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By the matrix among the confirmed sprites."""
    prior = np.maximum(view.diagonal, 0).astype(np.float64)
    if not len(rows):
        return np.zeros(len(view)), prior
    among = view.between(rows, rows).astype(np.float64)
    inverse = np.linalg.inv(among + noise * np.eye(len(rows)))
    # In single precision from here: as many products as there are pairs of sprites.
    weights, narrow = (inverse @ targets).astype(np.float32), inverse.astype(np.float32)
    mean, reduction = np.empty(len(view)), np.empty(len(view))
    for first in range(0, len(view), 16_384):
        some = np.arange(first, min(first + 16_384, len(view)))
        across = view.between(some, rows)
        mean[some] = across @ weights
        reduction[some] = np.einsum("ij,ij->i", across @ narrow, across)
    return mean, prior - reduction


def _by_weights(
    phi: NDArray[np.float32], rows: NDArray[np.intp], targets: NDArray[np.float64], noise: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By the matrix among the landmarks, where more sprites than those are confirmed.

    What landmarks do not see of a sprite is left out of its variance, since nothing that is confirmed makes it less.
    """
    some = phi[rows]
    precision = (some.T @ some).astype(np.float64) / noise + np.eye(phi.shape[1])
    covariance = np.linalg.inv(precision)
    weights = covariance @ (some.T @ targets.astype(np.float32)).astype(np.float64) / noise
    variance = np.einsum("ij,ij->i", phi @ covariance.astype(np.float32), phi).astype(np.float64)
    return (phi @ weights.astype(np.float32)).astype(np.float64), variance


def left_out(view: View, labels: Signs, noise: float) -> list[tuple[float, bool]]:
    """(margin, whether right) of confirmed sprites, each predicted from all others (Rasmussen and Williams, 5.4.2)."""
    rows = np.flatnonzero(labels)
    if len(rows) > _MOST_LEFT_OUT:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_LEFT_OUT).astype(np.intp)]
    if len(rows) < 2:
        return []
    targets = labels[rows].astype(np.float64)
    inverse = np.linalg.inv(view.between(rows, rows).astype(np.float64) + noise * np.eye(len(rows)))
    own = np.maximum(np.diagonal(inverse), 1e-9)
    means = targets - (inverse @ targets) / own
    margins = np.abs(means) * np.sqrt(own)
    return list(zip(margins.tolist(), (np.sign(means) == targets).tolist(), strict=True))


def mixtures(kinds: Sequence[str]) -> list[dict[str, float]]:
    """The weightings that are tried: a usual one, and those that lean on edges, outlines, one way, or patches."""
    favoured: dict[str, Callable[[str], bool]] = {
        "none": lambda kind: False,
        "edges": lambda kind: kind.startswith("edges"),
        "outlines": lambda kind: kind.startswith("outline"),
        "stretched": lambda kind: kind.endswith("stretched"),
        "patches": lambda kind: kind.startswith("patches"),
    }
    found: list[dict[str, float]] = []
    for leans in favoured.values():
        raw = {kind: _usual(kind) * (_LEAN if leans(kind) else 1.0) for kind in kinds}
        total = sum(raw.values())
        weights = {kind: value / total for kind, value in raw.items()}
        if weights and weights not in found:
            found.append(weights)
    return found


def _usual(kind: str) -> float:
    return _USUAL.get(kind, _USUAL.get(kind.split(",")[0], 1.0))


def likeliest(kernels: OddKernels, labels: Signs) -> tuple[dict[str, float], float]:
    """The (weights, noise) with the largest marginal likelihood of the confirmed sprites."""
    tried = mixtures(kernels.kinds)
    rows = np.flatnonzero(labels)
    if len(rows) > _MOST_EVIDENCE:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_EVIDENCE).astype(np.intp)]
    if len(rows) < 8 or not tried:
        return (tried[0] if tried else {}), DEFAULT_NOISE
    targets = labels[rows].astype(np.float64)
    singles = {kind: kernels.between(rows, rows, {kind: 1.0}).astype(np.float64) for kind in kernels.kinds}
    best = (-math.inf, tried[0], DEFAULT_NOISE)
    for weights in tried:
        values, vectors = np.linalg.eigh(sum(weight * singles[kind] for kind, weight in weights.items()))
        squares = (vectors.T @ targets) ** 2
        for noise in NOISES:
            best = max(
                best, (_evidence(np.maximum(values, 0) + noise, squares), weights, noise), key=lambda one: one[0]
            )
    return best[1], best[2]


def _evidence(values: NDArray[np.float64], squares: NDArray[np.float64]) -> float:
    """Log marginal likelihood, up to a constant, at the best scale of a kernel plus noise with these eigenvalues."""
    count = len(values)
    return float(-0.5 * (count * math.log(max(float((squares / values).mean()), 1e-12)) + np.log(values).sum()))


def start(view: View, noise: float = DEFAULT_NOISE) -> NDArray[np.float64]:
    """(N,) which way sprites face, without any answer and up to one sign for all; its size says how sure.

    Synchronisation over Z2: the leading eigenvector of the normalised odd kernel (Singer 2011). Then each sprite is
    predicted from all others, as the first step has them, until that changes no sign.
    """
    count = len(view)
    norms = 1 / np.sqrt(np.maximum(view.diagonal, 1e-3 * max(float(view.diagonal.max(initial=0)), 1e-9)))
    scale = norms.astype(np.float32)[:, None]

    def times(some: NDArray[np.floating]) -> NDArray[np.float64]:
        return (scale * view.times(np.asarray(scale * some, np.float32))).astype(np.float64)

    block = np.stack([norms * way for way in _ways(view)], axis=1).astype(np.float64)
    for _ in range(_POWER):
        block = np.linalg.qr(times(block))[0]
    values, vectors = np.linalg.eigh(block.T @ times(block))
    found = np.asarray(block @ vectors[:, int(values.argmax())], np.float64)
    return _self_taught(view, np.sign(found), noise) if count > 1 else found


def _ways(view: View) -> NDArray[np.float64]:
    """Four deterministic starts for the power iteration, odd in each sprite: rows of the kernel itself."""
    firm = np.argsort(-view.diagonal, kind="stable")
    chosen = firm[np.unique(np.linspace(0, len(firm) - 1, min(4, len(firm))).astype(np.intp))]
    return np.asarray(view.between(np.arange(len(view)), chosen).T + 1e-6, np.float64)


def _self_taught(view: View, signs: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """Leave-one-out predictions from signs that are replaced by their predictions until they stay."""
    if view.gram is not None:
        inverse = np.linalg.inv(view.gram.astype(np.float64) + noise * np.eye(len(view)))
        own = np.diagonal(inverse)

        def predict(given: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(given - (inverse @ given) / own)
    else:
        assert view.phi is not None
        phi = view.phi
        covariance = np.linalg.inv((phi.T @ phi).astype(np.float64) + noise * np.eye(phi.shape[1])).astype(np.float32)
        spread = phi @ covariance
        leverage = np.minimum(np.einsum("ij,ij->i", spread, phi), 1 - 1e-3).astype(np.float64)

        def predict(given: NDArray[np.float64]) -> NDArray[np.float64]:
            fitted = spread @ (phi.T @ given.astype(np.float32))
            return np.asarray((fitted - leverage * given) / (1 - leverage), np.float64)

    found = predict(signs)
    for _ in range(_ROUNDS):
        again = np.where(found >= 0, 1.0, -1.0)
        if (again == signs).all():
            break
        signs = again
        found = predict(signs)
    return found
