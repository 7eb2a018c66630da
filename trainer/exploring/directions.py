"""Directions in latent space: closed-form, by principal components, and learnt from tags or picks.

A direction is a unit vector (L,); the sign is fixed by its largest entry, so that it is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from trainer.diagnostics.likeness import Array
from trainer.exploring.models import Model
from trainer.features import RandomFeatures
from trainer.networks import Generator
from trainer.protocol.errors import TrainerError
from trainer.randomness import latents

SAMPLES = 1024
"""Samples drawn for principal components and for directions of tags; four times the latent's length where that is
more. Latents of flows are pictures of noise: too long for that, and a sample takes many passes."""
MOST_SAMPLES = 4096
PCA_SIDE = 32
RIDGE = 1e-3
LEAST_TAGGED = 8
Report = Callable[[int, int], None]
"""Called with the number of pictures done, and of all; raises to cancel."""


@dataclass(frozen=True)
class Found:
    """Directions, strongest first.

    Attributes:
        vectors: (K, L), unit length. strengths: (K,) how much each matters, as shares of all.
    """

    vectors: torch.Tensor
    strengths: torch.Tensor


def signed(vectors: torch.Tensor) -> torch.Tensor:
    """Unit vectors (K, L) turned so that the entry of largest size is positive."""
    vectors = vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-12)
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0)


def closed_form(weights: torch.Tensor, count: int) -> Found:
    """SeFa (Shen & Zhou 2021, equation 6): the eigenvectors of A^T A with the largest eigenvalues, for the weights A
    (rows, L) that latents meet first."""
    _, values, vectors = torch.linalg.svd(weights.double(), full_matrices=False)
    power = values**2
    return Found(signed(vectors[:count]).float(), (power / power.sum().clamp_min(1e-12))[:count].float())


def entering_weights(generator: Generator) -> torch.Tensor | None:
    """The weights (rows, L) that latents meet first, without those of classes; None if there is no such layer."""
    own = getattr(generator.core, "entering_weights", None)
    if own is not None:
        weights: torch.Tensor = own()
        return weights[:, : generator.latent]
    for module in generator.core.modules():
        if isinstance(module, nn.Linear):
            found = module.weight
        elif isinstance(module, nn.ConvTranspose2d):
            found = module.weight.flatten(1).T  # (in, out, kh, kw)
        elif isinstance(module, nn.Conv2d):
            return None  # Latents are pictures here.
        else:
            continue
        return found[:, : generator.latent].detach() if found.shape[1] >= generator.latent else None
    return None


def sefa(model: Model, count: int) -> Found:
    """Closed-form directions of the generator's first layers. Raises TrainerError where it has none."""
    weights = entering_weights(model.trained.generator)
    if weights is None:
        raise TrainerError(
            "a flow draws from noise as large as its picture, so no directions can be read from its network: choose "
            "the largest changes (PCA)"
        )
    return closed_form(weights, count)


def sample_count(latent: int) -> int:
    """How many samples directions are measured on."""
    return max(SAMPLES, 4 * latent) if 4 * latent <= MOST_SAMPLES else SAMPLES


def matched_latents(seed: int, count: int, size: int) -> torch.Tensor:
    """Latents (count, size) whose sample mean is 0 and covariance exactly I, where there are enough of them.

    Moment matching (Barraquand 1995): chance correlations of a finite sample would tilt directions.
    """
    z = latents(seed, "directions", count, size)
    if count < 2 * size:
        return z
    x = z.double() - z.double().mean(0)
    factor = torch.linalg.cholesky(x.T @ x / count)
    return torch.linalg.solve_triangular(factor, x.T, upper=False).T.float()


def pca(model: Model, count: int, report: Report = lambda _done, _all: None, seed: int = 0) -> Found:
    """The directions in which pictures vary most, after GANSpace (Härkönen et al. 2020).

    Principal components of pictures, averaged to at most 32 x 32 pixels; each direction is the gradient of a component
    over latents by least squares, which for latents from N(0, I) is what GANSpace's regression gives.
    """
    z = matched_latents(seed, sample_count(model.latent), model.latent)
    rows = _small_pictures(model, z, report)
    return principal(z, rows, count)


def principal(z: torch.Tensor, rows: torch.Tensor, count: int) -> Found:
    """Directions of latents z (N, L) along the principal components of what they give, rows (N, D)."""
    rows = rows.double() - rows.double().mean(0)
    if rows.shape[1] > len(rows):  # The same components from the smaller of the two Gram matrices.
        values, vectors = torch.linalg.eigh(rows @ rows.T)
        power, scores = values.flip(0), vectors.flip(1)[:, :count] * values.flip(0)[:count].clamp_min(0).sqrt()
    else:
        values, vectors = torch.linalg.eigh(rows.T @ rows)
        power, scores = values.flip(0), rows @ vectors.flip(1)[:, :count]
    slopes = slopes_of(z, scores)
    shares = power.clamp_min(0) / power.clamp_min(0).sum().clamp_min(1e-12)
    return Found(signed(slopes.T.float()), shares[:count].float())


def slopes_of(z: torch.Tensor, values: torch.Tensor, ridge: float = RIDGE) -> torch.Tensor:
    """Least-squares slopes (L, K) of values (N, K) over latents (N, L), with a ridge of that share of N."""
    x = z.double() - z.double().mean(0)
    y = values.double() - values.double().mean(0)
    if len(x) >= x.shape[1]:
        gram = x.T @ x + ridge * len(x) * torch.eye(x.shape[1], dtype=torch.double)
        return torch.linalg.solve(gram, x.T @ y)
    gram = x @ x.T + ridge * len(x) * torch.eye(len(x), dtype=torch.double)
    return x.T @ torch.linalg.solve(gram, y)


@torch.no_grad()
def _small_pictures(model: Model, z: torch.Tensor, report: Report, chunk: int = 64) -> torch.Tensor:
    """Pictures of z (N, L), averaged to at most 32 x 32 pixels: (N, C * side * side)."""
    parts = []
    for first in range(0, len(z), chunk):
        x = _measured(model, z, first, chunk, report)
        if x.shape[2] > PCA_SIDE:
            x = functional.adaptive_avg_pool2d(x, PCA_SIDE)
        parts.append(x.flatten(1))
    return torch.cat(parts)


@torch.no_grad()
def _measured(model: Model, z: torch.Tensor, first: int, chunk: int, report: Report) -> torch.Tensor:
    """Pictures (chunk, C, H, W) of z (N, L) from `first` on; reports after them, and in every step of a flow."""
    own = z[first : first + chunk]
    x = model.measured(model.staged(own), _classes(model, first, len(own)), lambda: report(first, len(z)))
    report(first + len(own), len(z))
    return x


def _classes(model: Model, first: int, count: int) -> torch.Tensor | None:
    """The classes in turn, as samples have them."""
    if not model.trained.classes:
        return None
    return torch.arange(first, first + count) % len(model.trained.classes)


def from_picks(more: torch.Tensor, less: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """The unit direction (L,) from latents to have less of, (A, L), to those to have more of, (B, L).

    Logistic regression with a Gaussian prior on the slopes (ridge), solved by Newton's method in the span of the picks:
    with few picks it is close to the difference of the means. Without `less` the average latent, zero, stands for them.
    Raises TrainerError without `more`.
    """
    if not len(more):
        raise TrainerError("pick at least one sample to have more of")
    if not len(less):
        less = torch.zeros(1, more.shape[1])
    x = torch.cat([more, less]).double()
    y = torch.cat([torch.ones(len(more)), torch.zeros(len(less))]).double()
    weight = torch.where(y > 0, 0.5 / len(more), 0.5 / len(less)).double()  # Both sides count alike.
    gram = x @ x.T
    scale = float(gram.diagonal().mean().clamp_min(1e-9))
    gram = gram / scale
    a, bias = torch.zeros(len(x), dtype=torch.double), torch.zeros((), dtype=torch.double)
    for _ in range(50):
        p = torch.sigmoid(gram @ a + bias)
        h = (weight * p * (1 - p)).clamp_min(1e-9)
        # Stationary in a: weight (p - y) + strength / n a = 0; solved together with the bias.
        penalty = strength / len(x)
        top = torch.cat([torch.diag(h) @ gram + penalty * torch.eye(len(x), dtype=torch.double), h[:, None]], 1)
        bottom = torch.cat([h @ gram, h.sum()[None]])[None]
        wrong = torch.cat([weight * (p - y) + penalty * a, (weight * (p - y)).sum()[None]])
        step = torch.linalg.solve(torch.cat([top, bottom]), wrong)
        a, bias = a - step[:-1], bias - step[-1]
        if float(step.abs().max()) < 1e-10:
            break
    direction = a @ x
    if not bool(torch.isfinite(direction).all()) or float(direction.norm()) < 1e-9:
        raise TrainerError("these picks do not differ, so there is no direction between them")
    return (direction / direction.norm()).float()


@dataclass(frozen=True)
class TagDirection:
    """A direction learnt from a tag of the training sprites.

    Attributes:
        vector: (L,). accuracy: balanced accuracy of telling the tag from pictures, on pictures not learnt from
            (0.5: no better than chance). explained: share of the variance of the tag's score over samples that a
            straight line in latent space explains.
    """

    vector: torch.Tensor
    accuracy: float
    explained: float


def from_tag(
    model: Model, pictures: Array, tagged: Array, report: Report = lambda _done, _all: None, seed: int = 0
) -> TagDirection:
    """The direction of a tag: real pictures, uint8 (N, H, W, C), of which `tagged` (N,) bool have it.

    A ridge classifier on features of the real pictures scores samples, and the scores are regressed on latents, as
    InterFaceGAN does (Shen et al. 2020). Raises TrainerError when too few pictures have the tag, or lack it.
    """
    count = int(tagged.sum())
    if min(count, len(tagged) - count) < LEAST_TAGGED:
        raise TrainerError(
            f"{count:,} of {len(tagged):,} training pictures have this tag; {LEAST_TAGGED} with and without are needed"
        )
    network = RandomFeatures()
    parts = []
    for first in range(0, len(pictures), 128):  # As many at once as the features take anyway.
        report(0, sample_count(model.latent))
        parts.append(network(pictures[first : first + 128]))
    features = torch.cat(parts)
    mean, deviation = features.mean(0), features.std(0).clamp_min(1e-6)
    x = ((features - mean) / deviation).double()
    y = torch.from_numpy(np.where(tagged, 1.0, -1.0))
    weight = torch.from_numpy(np.where(tagged, 0.5 / count, 0.5 / (len(tagged) - count)))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    right = torch.zeros(len(x), dtype=torch.double)
    for fold in range(4):
        test = order[fold::4]
        train = torch.ones(len(x), dtype=torch.bool)
        train[test] = False
        slope, bias = _ridge(x[train], y[train], weight[train])
        right[test] = ((x[test] @ slope + bias) * y[test] > 0).double()
    accuracy = float((right * weight).sum())
    slope, bias = _ridge(x, y, weight)
    z = matched_latents(seed, sample_count(model.latent), model.latent)
    scores = []
    for first in range(0, len(z), 64):
        x = _measured(model, z, first, 64, report)
        scores.append(((network(model.finished(x)) - mean) / deviation).double() @ slope + bias)
    score = torch.cat(scores)
    direction = slopes_of(z, score[:, None], 0.01)[:, 0]
    fitted = (z.double() - z.double().mean(0)) @ direction
    left = float(((score - score.mean() - fitted) ** 2).sum() / ((score - score.mean()) ** 2).sum().clamp_min(1e-12))
    if float(direction.norm()) < 1e-9:
        raise TrainerError("samples do not differ in this tag")
    return TagDirection((direction / direction.norm()).float(), accuracy, max(0.0, 1 - left))


def _ridge(x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted ridge regression of y (N,) on x (N, D): slopes (D,) and bias."""
    share = weight / weight.sum()
    centre, middle = share @ x, share @ y
    a = (x - centre) * share.sqrt()[:, None]
    b = (y - middle) * share.sqrt()
    ridge = 0.1 * float((a * a).sum()) / x.shape[1]
    if len(a) < a.shape[1]:
        slope = a.T @ torch.linalg.solve(a @ a.T + ridge * torch.eye(len(a), dtype=torch.double), b)
    else:
        slope = torch.linalg.solve(a.T @ a + ridge * torch.eye(a.shape[1], dtype=torch.double), a.T @ b)
    return slope, middle - centre @ slope
