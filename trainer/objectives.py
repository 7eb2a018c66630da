"""The objective of a run: the losses of both networks, the discriminator's penalties, and how a step applies them.

x are raw scores (logits) of real pictures, g of generated ones, (B,), float32; s = softplus. A new objective needs its
formula in `real_loss` and `fake_loss` (or `discriminator_loss`, where it cannot be split) and in `generator_loss`, and
its name in `trainer.protocol.settings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch.nn import functional

from trainer.batches import StepBatch
from trainer.protocol.config import TrainConfig

Critic = Callable[[torch.Tensor], torch.Tensor]
"""Pictures (B, C, H, W) -> scores (B,)."""


class DiscriminatorLoss(NamedTuple):
    """The loss, and its real and generated parts (they sum to it)."""

    total: torch.Tensor
    real: torch.Tensor
    fake: torch.Tensor


def discriminator_loss(
    kind: str, x: torch.Tensor, g: torch.Tensor, noise: torch.Tensor | None = None
) -> DiscriminatorLoss:
    """The discriminator's loss, averaged over the batch.

    - bce: -log sigmoid(x) - log(1 - sigmoid(g)) (Goodfellow 2014, equation 1); `noise` (2, B) in [0, 1] holds label
      noise: real labels 1 - noise[0], generated labels noise[1].
    - wasserstein: mean(g) - mean(x) (Arjovsky 2017, equation 2).
    - hinge: max(0, 1 - x) + max(0, 1 + g) (Lim & Ye 2017; Miyato 2018, equation 16).
    - least-squares: ((x - 1)^2 + g^2) / 2 (Mao 2017, equation 2, a = 0, b = 1).
    - relativistic: s(-(x - g)), pairing (Jolicoeur-Martineau 2018; Huang 2024, equation 2); halves reported as parts.
    """
    if kind == "relativistic":
        total = functional.softplus(g - x).mean()
        return DiscriminatorLoss(total, total / 2, total / 2)
    real, fake = real_loss(kind, x, noise), fake_loss(kind, g, noise)
    return DiscriminatorLoss(real + fake, real, fake)


def real_loss(kind: str, x: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
    """The real pictures' part of `discriminator_loss`. Raises ValueError for an objective that cannot be split."""
    if kind == "bce":
        labels = torch.ones_like(x) if noise is None else 1 - noise[0]
        return functional.binary_cross_entropy_with_logits(x, labels)
    if kind == "wasserstein":
        return -x.mean()
    if kind == "hinge":
        return functional.relu(1 - x).mean()
    if kind == "least-squares":
        return (x - 1).square().mean() / 2
    raise ValueError(f"unknown objective {kind!r}")


def fake_loss(kind: str, g: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
    """The generated pictures' part of `discriminator_loss`. Raises ValueError for an objective that cannot be split."""
    if kind == "bce":
        labels = torch.zeros_like(g) if noise is None else noise[1]
        return functional.binary_cross_entropy_with_logits(g, labels)
    if kind == "wasserstein":
        return g.mean()
    if kind == "hinge":
        return functional.relu(1 + g).mean()
    if kind == "least-squares":
        return g.square().mean() / 2
    raise ValueError(f"unknown objective {kind!r}")


def generator_loss(kind: str, g: torch.Tensor, x: torch.Tensor | None = None) -> torch.Tensor:
    """The generator's loss, averaged over the batch; only "relativistic" needs `x`.

    bce: -log sigmoid(g), the non-saturating form, target exactly 1. wasserstein, hinge: -mean(g).
    least-squares: (g - 1)^2 / 2. relativistic: s(-(g - x)).
    """
    if kind == "bce":
        return functional.softplus(-g).mean()
    if kind in ("wasserstein", "hinge"):
        return -g.mean()
    if kind == "least-squares":
        return (g - 1).square().mean() / 2
    if kind == "relativistic" and x is not None:
        return functional.softplus(x - g).mean()
    raise ValueError(f"unknown objective {kind!r}" if x is not None else "relativistic needs scores of real pictures")


def needs_reals(kind: str) -> bool:
    """Whether the generator's loss looks at real pictures."""
    return kind == "relativistic"


def separates(config: TrainConfig) -> bool:
    """Whether the discriminator makes one step on real pictures and another on generated ones."""
    return config.objective.separate_steps and config.objective.kind != "relativistic"


def squared_gradient(scores: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """|d scores_i / d pictures_i|^2 for each picture, (B,), differentiable; `pictures` must require gradients."""
    (gradient,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    return gradient.to(scores.dtype).square().flatten(1).sum(1)


def zero_centred(scores: torch.Tensor, pictures: torch.Tensor, weight: float | torch.Tensor) -> torch.Tensor:
    """weight / 2 * E|grad D|^2: R1 on real pictures, R2 on generated ones (Mescheder 2018, equation 9)."""
    return squared_gradient(scores, pictures).mean() * (weight / 2)


def gradient_penalty(
    critic: Critic, real: torch.Tensor, fake: torch.Tensor, mix: torch.Tensor, weight: float | torch.Tensor
) -> torch.Tensor:
    """weight * E(|grad D(m)| - 1)^2 at m = mix * real + (1 - mix) * fake (Gulrajani 2017, equation 3).

    real, fake (B, C, H, W), detached; mix (B,) ~ U(0, 1).
    """
    share = mix.view(-1, *[1] * (real.ndim - 1))
    middle = (share * real + (1 - share) * fake).detach().requires_grad_()
    norm = (squared_gradient(critic(middle), middle) + 1e-12).sqrt()
    return (norm - 1).square().mean() * weight


class DiscriminatorValues(NamedTuple):
    """Scalars measured by one step of the discriminator, on the device.

    Named as in `events.CURVES`, except `sign`: E[sign(D(x) - D(G(z)))], which adaptive augmentation follows.
    """

    loss_d: torch.Tensor
    loss_d_real: torch.Tensor
    loss_d_fake: torch.Tensor
    d_real: torch.Tensor
    d_fake: torch.Tensor
    penalty: torch.Tensor
    sign: torch.Tensor
    grad_norm_d: torch.Tensor

    @classmethod
    def merged(cls, parts: Sequence[DiscriminatorValues]) -> DiscriminatorValues:
        """The values of one turn, from its steps: their sums, and the root of the squared norms' sum."""
        if len(parts) == 1:
            return parts[0]
        rows = torch.stack([torch.stack(part) for part in parts])
        return cls(*torch.cat([rows[:, :-1].sum(0), rows[:, -1:].square().sum(0).sqrt()]))


class GeneratorValues(NamedTuple):
    """Scalars measured by one step of the generator, on the device, named as in `events.CURVES`."""

    loss_g: torch.Tensor
    grad_norm_g: torch.Tensor


class Criterion:
    """Loss and penalty of a run, as its settings say, applied to pictures that are drawn and augmented already.

    Attributes:
        parts: the steps of one turn of the discriminator: ("both",), or ("real", "fake") with separate steps.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._kind, self._regulariser = config.objective.kind, config.regulariser.kind
        self._adaptive = config.augmentation.adaptive
        self.parts = ("real", "fake") if separates(config) else ("both",)

    @property
    def generator_needs_reals(self) -> bool:
        """Whether a generator step looks at real pictures."""
        return needs_reals(self._kind)

    def discriminator_needs_reals(self, part: str) -> bool:
        """Whether step `part` of a turn looks at real pictures; some on generated ones do, too."""
        return part != "fake" or self._adaptive or self._regulariser == "gp"

    def discriminator_backward(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, batch: StepBatch
    ) -> torch.Tensor:
        """Backward pass of loss and penalty on detached pictures; returns all but the last of `DiscriminatorValues`."""
        weight = batch.weight
        real.requires_grad_(weight is not None and self._regulariser in ("r1", "r1r2"))
        fake.requires_grad_(weight is not None and self._regulariser == "r1r2")
        x, g = critic(real), critic(fake)
        loss = discriminator_loss(self._kind, x, g, batch.noise)
        penalty = torch.zeros((), device=x.device)
        if weight is not None and real.requires_grad:
            penalty = penalty + zero_centred(x, real, weight)
        if weight is not None and fake.requires_grad:
            penalty = penalty + zero_centred(g, fake, weight)
        if weight is not None and self._regulariser == "gp":
            assert batch.mix is not None
            penalty = gradient_penalty(critic, real, fake, batch.mix, weight)
        (loss.total + penalty).backward()
        with torch.no_grad():
            sign = torch.sign(x - g).mean()
            return torch.stack([*loss, x.mean(), g.mean(), penalty, sign]).detach()

    def real_backward(self, critic: Critic, real: torch.Tensor, batch: StepBatch) -> torch.Tensor:
        """`discriminator_backward` of the real pictures alone; values of generated ones are 0."""
        weight = batch.weight
        real.requires_grad_(weight is not None and self._regulariser in ("r1", "r1r2"))
        x = critic(real)
        loss = real_loss(self._kind, x, batch.noise)
        zero = penalty = torch.zeros((), device=x.device)
        if weight is not None and real.requires_grad:
            penalty = zero_centred(x, real, weight)
        (loss + penalty).backward()
        with torch.no_grad():
            return torch.stack([loss, loss, zero, x.mean(), zero, penalty, zero]).detach()

    def fake_backward(
        self, critic: Critic, real: torch.Tensor | None, fake: torch.Tensor, batch: StepBatch
    ) -> torch.Tensor:
        """`discriminator_backward` of the generated pictures alone; values of real ones are 0.

        `real` pictures, where there are any, serve "gp" and `sign`.
        """
        weight = batch.weight
        fake.requires_grad_(weight is not None and self._regulariser == "r1r2")
        g = critic(fake)
        loss = fake_loss(self._kind, g, batch.noise)
        zero = penalty = torch.zeros((), device=g.device)
        if weight is not None and fake.requires_grad:
            penalty = zero_centred(g, fake, weight)
        if weight is not None and self._regulariser == "gp":
            assert real is not None
            assert batch.mix is not None
            penalty = gradient_penalty(critic, real, fake, batch.mix, weight)
        (loss + penalty).backward()
        with torch.no_grad():
            sign = zero if real is None else torch.sign(critic(real) - g).mean()
            return torch.stack([loss, zero, loss, zero, g.mean(), penalty, sign]).detach()

    def generator_backward(self, critic: Critic, fake: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        """Backward pass of the generator's loss on pictures with their graph; returns it, (1,), detached."""
        g = critic(fake)
        x = None
        if real is not None:
            with torch.no_grad():
                x = critic(real)
        loss = generator_loss(self._kind, g, x)
        loss.backward()
        return loss.detach().reshape(1)
