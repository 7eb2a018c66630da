"""Flow matching: the loss of a flow, and one step of its network.

x is a training picture, z noise of its shape, t in [0, 1) a time: the noisy picture is x_t = (1 - t) z + t x, its
velocity x - z (Lipman et al. 2023; Liu et al. 2023, equation 1). There is no discriminator.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from trainer.augmentation import augment, told
from trainer.batches import StepBatch
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.generators import FlowGenerator
from trainer.learner import Learner
from trainer.protocol.config import TrainConfig
from trainer.protocol.settings import Flow

LEVELS = 3
"""Times are reported in this many equal parts: much noise, some, little."""


def noisy(x: torch.Tensor, z: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """x_t = (1 - t) z + t x of (B, C, H, W) at times (B,)."""
    return torch.lerp(z, x, times.view(-1, 1, 1, 1))


def weights(times: torch.Tensor, settings: Flow) -> torch.Tensor:
    """What the squared error of a guessed picture counts at each time, (B,).

    An error e of the picture is one of e / (1 - t) of the velocity, so the loss of velocities is that of pictures
    divided by (1 - t)^2, which is kept from growing without bound (Li & He 2025, section 4).
    """
    if settings.loss == "picture":
        return torch.ones_like(times)
    return (1 - times).clamp_min(settings.clamp) ** -2


class FlowValues(NamedTuple):
    """Scalars measured by one step, on the device, named as in `events.FLOW_CURVES`."""

    loss: torch.Tensor
    error_much_noise: torch.Tensor
    error_some_noise: torch.Tensor
    error_little_noise: torch.Tensor
    grad_norm_g: torch.Tensor


class FlowGame(Learner):
    """The network of a flow, its optimiser and one step.

    Attributes:
        generator: on the machine's device. optimiser_g: Adam.
    """

    generator: FlowGenerator

    def __init__(
        self,
        config: TrainConfig,
        generator: FlowGenerator,
        machine: Machine,
        fill: torch.Tensor,
        ranks: Ranks,
        batch: int,
        micro: int,
    ) -> None:
        """`batch`: pictures a step over all ranks. `micro`: the size of micro-batches (see `micro`)."""
        self.generator = generator
        super().__init__(config, {"generator": generator}, machine, fill, ranks, batch, micro)
        self.parameters_g = list(generator.parameters())
        self.optimiser_g = self.add_optimiser("optimiser_g", self.parameters_g, config.optimiser.lr_g)

    def step(self, batch: StepBatch) -> FlowValues:
        """One step. May raise torch.OutOfMemoryError, before anything changed."""
        self.generator.requires_grad_(True)
        values = self.update(
            self.optimiser_g,
            self.parameters_g,
            self.accumulate("flow", batch, self.parameters_g, self.gradients),
        )
        # Sums and shares were averaged over ranks and micro-batches; a level without pictures has no error (NaN).
        errors = values[1 : 1 + LEVELS] / values[1 + LEVELS : 1 + 2 * LEVELS]
        return FlowValues(*torch.cat([values[:1], errors, values[-1:]]))

    def gradients(self, batch: StepBatch) -> torch.Tensor:
        """Backward pass of the loss, its mean over `batch`.

        Returns (1 + 2 * LEVELS,), detached: the loss; of each level of noise the sum of squared errors of the guessed
        pictures, and the number of pictures, both divided by the number in the batch.
        """
        assert batch.real is not None
        assert batch.times is not None
        x = augment(batch.real, batch.real_augmentation, self.fill)
        x_t = noisy(x, batch.z.view_as(x), batch.times)
        if self.machine.channels_last:
            x_t = x_t.contiguous(memory_format=torch.channels_last)
        changes = None if batch.real_augmentation is None else told(batch.real_augmentation, x.shape[3])
        with self.machine.autocast():
            guess = self.generator.picture_in(x_t, batch.times, batch.labels, changes)
        errors = (guess.float() - x).square().mean((1, 2, 3))
        loss = (errors * weights(batch.times, self.config.flow)).mean()
        loss.backward()
        level = (batch.times * LEVELS).long().clamp_max(LEVELS - 1)
        inside = (level[:, None] == torch.arange(LEVELS, device=level.device)).to(errors.dtype)
        sums = torch.cat([errors.detach()[None] @ inside, inside.sum(0, keepdim=True)], 1)[0] / len(x)
        return torch.cat([loss.detach().reshape(1), sums])
