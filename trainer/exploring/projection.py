"""Projection: the latent whose picture comes nearest to a given picture, by gradient from several starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from trainer.dataset import over_background
from trainer.diagnostics.likeness import Array
from trainer.exploring.models import Model
from trainer.protocol.errors import TrainerError
from trainer.randomness import latents

CANDIDATES = 512
STARTS = 8
STEPS = 160
POLISHED = 2
"""How many starts are brought to the end by a second-order method."""
POLISH_STEPS = 160
RATE = 0.08
SCALES = (1, 2, 4)
PATIENCE = 16
"""Iterations of the last method without a gain of a thousandth, after which it ends."""

Report = Callable[[int, int, float, torch.Tensor], None]
"""Called with steps done, of all, the mean error in levels so far, and the latent (stages, L) it belongs to; raises to
cancel."""


@dataclass(frozen=True)
class Projection:
    """What was found.

    Attributes:
        z: (stages, L). label: class, or None. error: mean difference in levels of 255, colours over the background.
        starts: the errors that the starts ended with, best first.
    """

    z: torch.Tensor
    label: int | None
    error: float
    starts: tuple[float, ...]


def target_of(model: Model, picture: Array) -> torch.Tensor:
    """uint8 (H, W, C) as the generator draws: (1, C, H, W) in [-1, 1], colours over the background.

    Raises TrainerError for a picture of another size.
    """
    size, channels = model.trained.config.data.size, model.trained.config.data.channels
    if picture.shape != (size, size, channels):
        shape = "x".join(map(str, picture.shape))
        raise TrainerError(f"the picture is {shape}, but this generator draws {size}x{size}x{channels}")
    x = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
    return over_background(x, model.trained.fill) if channels == 4 else x


def mean_error(x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute differences in levels of 255: (N,) for pictures (N, C, H, W)."""
    return (x - target).abs().mean((1, 2, 3)) * 127.5


def project(
    model: Model, picture: Array, *, per_stage: bool = False, seed: int = 0,
    report: Report = lambda _done, _all, _error, _z: None,
) -> Projection:  # fmt: skip
    """Find the latent for uint8 (H, W, C). Equal inputs give equal results on one machine.

    Of 512 drawn latents the nearest ones, and the average, are followed by Adam over a pyramid of scales (which moves
    whole shapes first), the best two then by L-BFGS on pixels alone. `per_stage`: then let every stage have a
    latent of its own, which comes nearer to pictures that the generator would not draw ("W+" of Abdal et al. 2019).
    Raises TrainerError for a picture of another size or a generator without gradients.
    """
    target = target_of(model, picture)
    total = STEPS + POLISHED * POLISH_STEPS + (POLISH_STEPS if per_stage and model.stages > 1 else 0)
    z, labels = _starts(model, target, seed)
    z = _followed(model, z, labels, target, report, total)
    with torch.no_grad():
        errors = mean_error(model.tensors(_spread(model, z), labels), target)
    order = errors.argsort(stable=True).tolist()
    ended: list[tuple[float, torch.Tensor, torch.Tensor | None]] = []
    for number, index in enumerate(order[:POLISHED]):
        own = None if labels is None else labels[index : index + 1]
        later = _after(report, STEPS + number * POLISH_STEPS, total)
        polished = _polished(model, z[index : index + 1], own, target, later)
        with torch.no_grad():
            error = float(mean_error(model.tensors(_spread(model, polished), own), target))
        ended.append((error, polished, own))
    error, best, own = min(ended, key=lambda one: one[0])
    best = _spread(model, best).detach()
    if per_stage and model.stages > 1:
        best = _polished(model, best, own, target, _after(report, STEPS + POLISHED * POLISH_STEPS, total))
        with torch.no_grad():
            error = float(mean_error(model.tensors(best, own), target))
    rest = [float(errors[i]) for i in order[POLISHED:]]
    found = tuple(sorted([*(one[0] for one in ended), *rest]))
    return Projection(best[0].detach(), None if own is None else int(own), error, found)


def _after(report: Report, done: int, total: int) -> Callable[[int, float, torch.Tensor], None]:
    """Reports steps after the first `done`."""
    return lambda step, error, z: report(done + step, total, error, z)


def _spread(model: Model, z: torch.Tensor) -> torch.Tensor:
    """(N, L) as (N, stages, L)."""
    return z[:, None].expand(-1, model.stages, -1)


def _starts(model: Model, target: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The nearest of many drawn latents and, unless there are classes, the average: (starts, L) and their classes."""
    z = latents(seed, "projection", CANDIDATES, model.latent)
    classes = len(model.trained.classes)
    labels = torch.arange(len(z)) % classes if classes else None
    with torch.no_grad():
        losses = torch.cat([
            _loss(model.tensors(_spread(model, z[i : i + 64]), None if labels is None else labels[i : i + 64]), target)
            for i in range(0, len(z), 64)
        ])  # fmt: skip
    order = losses.argsort(stable=True)[:STARTS]
    if labels is not None:
        return z[order].clone(), labels[order]
    return torch.cat([z[order[: STARTS - 1]], torch.zeros(1, model.latent)]), None


def _loss(x: torch.Tensor, target: torch.Tensor, scales: tuple[int, ...] = SCALES) -> torch.Tensor:
    """Squared differences (N,), averaged over a pyramid of scales."""
    difference, found = x - target, []
    for scale in scales:
        if difference.shape[2] >= scale:
            part = functional.avg_pool2d(difference, scale) if scale > 1 else difference
            found.append((part * part).mean((1, 2, 3)))
    return torch.stack(found).sum(0) / len(found)


def _prior(z: torch.Tensor) -> torch.Tensor:
    """A pull (N,) on latents far longer than any that the generator was trained on; none on others."""
    return 1e-3 * functional.relu((z * z).mean(-1) - 1.5).reshape(len(z), -1).mean(1)


def _followed(
    model: Model, start: torch.Tensor, labels: torch.Tensor | None, target: torch.Tensor, report: Report, total: int
) -> torch.Tensor:
    z = start.clone().requires_grad_(True)
    adam = torch.optim.Adam([z], lr=RATE, betas=(0.9, 0.99))
    for step in range(STEPS):
        for group in adam.param_groups:
            group["lr"] = RATE * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / STEPS)))
        adam.zero_grad()
        x = model.tensors(_spread(model, z), labels)
        if not x.requires_grad:
            raise TrainerError("pictures cannot be projected into this generator: it passes no gradients")
        (_loss(x, target) + _prior(z)).sum().backward()
        adam.step()
        if step % 5 == 4:
            errors = mean_error(x.detach(), target)
            best = int(errors.argmin())
            report(step + 1, total, float(errors[best]), _spread(model, z.detach()[best : best + 1])[0])
    return z.detach()


def _polished(
    model: Model, start: torch.Tensor, label: torch.Tensor | None, target: torch.Tensor,
    report: Callable[[int, float, torch.Tensor], None],
) -> torch.Tensor:  # fmt: skip
    """L-BFGS from z (1, L) or (1, stages, L) on pixels alone."""
    z = start.clone().requires_grad_(True)
    lbfgs = torch.optim.LBFGS([z], max_iter=4, history_size=24, line_search_fn="strong_wolfe", tolerance_change=0)

    def closure() -> torch.Tensor:
        lbfgs.zero_grad()
        spread = _spread(model, z) if z.ndim == 2 else z
        loss: torch.Tensor = (_loss(model.tensors(spread, label), target, (1,)) + _prior(z)).sum()
        loss.backward()
        return loss

    best, stale = math.inf, 0
    for step in range(0, POLISH_STEPS, 4):
        loss = float(lbfgs.step(closure).detach())
        spread = (_spread(model, z) if z.ndim == 2 else z).detach()
        with torch.no_grad():
            error = float(mean_error(model.tensors(spread, label), target))
        report(step + 4, error, spread[0])
        stale = 0 if loss < best * 0.999 else stale + 4
        best = min(best, loss)
        if stale >= PATIENCE or loss < 1e-8:
            break
    return z.detach()
