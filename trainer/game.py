"""The two networks of an adversarial run and their optimisers: gradients and one step of each."""

from __future__ import annotations

import dataclasses
from functools import partial

import torch

from trainer.augmentation import augment
from trainer.batches import StepBatch
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.layers import BatchNorm2d, remembering
from trainer.learner import Learner
from trainer.networks import Discriminator, Generator
from trainer.objectives import Criterion, DiscriminatorValues, GeneratorValues
from trainer.protocol.config import TrainConfig


class Game(Learner):
    """The two networks, their optimisers and one step of each.

    Attributes:
        criterion: what the networks are trained for.
        generator, discriminator: on the machine's device. optimiser_g, optimiser_d: Adam.
        reuses_fakes: whether the generator's step may use the pictures generated for the discriminator.
    """

    def __init__(
        self,
        config: TrainConfig,
        networks: tuple[Generator, Discriminator],
        machine: Machine,
        fill: torch.Tensor,
        ranks: Ranks,
        batch: int,
        micro: int,
    ) -> None:
        """`batch`: pictures a step over all ranks. `micro`: the size of micro-batches (see `micro`)."""
        self.generator, self.discriminator = networks
        both = {"generator": self.generator, "discriminator": self.discriminator}
        super().__init__(config, both, machine, fill, ranks, batch, micro)
        self.parameters_g = list(self.generator.parameters())
        self.parameters_d = list(self.discriminator.parameters())
        self.optimiser_g = self.add_optimiser("optimiser_g", self.parameters_g, config.optimiser.lr_g)
        self.optimiser_d = self.add_optimiser("optimiser_d", self.parameters_d, config.optimiser.lr_d)
        self._norms_g = [layer for layer in self.generator.modules() if isinstance(layer, BatchNorm2d)]
        self.criterion = Criterion(config)
        settings = config.objective
        self._by_averages = settings.fakes_batchnorm == "inference"
        self.reuses_fakes = settings.shared_latents and settings.critic_steps == 1 and not self._by_averages
        self._kept: torch.Tensor | None = None
        self._unit = torch.ones((), device=machine.device)

    def discriminator_phase(
        self, batch: StepBatch, penalty_weight: float | None, part: str = "both"
    ) -> DiscriminatorValues:
        """One discriminator step, without penalty when `penalty_weight` is None.

        `part` "real" or "fake": only these pictures' share of loss and penalty; other values are 0. May raise
        torch.OutOfMemoryError, before anything but running statistics changed.
        """
        keeps = self.reuses_fakes and not self.graphs and self.micro >= len(batch.z)
        self._kept = None
        self.generator.requires_grad_(keeps)
        self.discriminator.requires_grad_(True)
        if penalty_weight is not None:
            batch = dataclasses.replace(batch, weight=self._unit * penalty_weight)
        name = ("d" if part == "both" else f"d {part}") + (" with penalty" if penalty_weight is not None else "")
        gradients = partial(self.discriminator_gradients, part=part)
        values = self.accumulate(name, batch, self.parameters_d, gradients)
        return DiscriminatorValues(*self.update(self.optimiser_d, self.parameters_d, values))

    def discriminator_turn(self, batch: StepBatch, penalty_weight: float | None) -> DiscriminatorValues:
        """All steps of one turn of the discriminator (see `Criterion.parts`) on one batch."""
        parts = [self.discriminator_phase(batch, penalty_weight, part) for part in self.criterion.parts]
        return DiscriminatorValues.merged(parts)

    def generator_phase(self, batch: StepBatch) -> GeneratorValues:
        """One generator step. May raise torch.OutOfMemoryError."""
        self.generator.requires_grad_(True)
        self.discriminator.requires_grad_(False)  # Its weights' gradients are not needed.
        values = self.accumulate("g", batch, self.parameters_g, self.generator_gradients)
        return GeneratorValues(*self.update(self.optimiser_g, self.parameters_g, values))

    def discriminator_gradients(self, batch: StepBatch, part: str = "both") -> torch.Tensor:
        """Backward pass of the discriminator's loss (mean over `batch`), or of one part of it.

        Returns all but the last of `DiscriminatorValues`, stacked and detached.
        """
        self.seed_dropout(batch)
        critic = partial(self._scores, batch=batch)
        fake = None if part == "real" else self._fakes(batch)
        real = None if batch.real is None else augment(batch.real, batch.real_augmentation, self.fill).detach()
        if fake is None:
            assert real is not None
            return self.criterion.real_backward(critic, real, batch)
        fake = augment(fake, batch.fake_augmentation, self.fill).detach()
        if part == "fake":
            return self.criterion.fake_backward(critic, real, fake, batch)
        assert real is not None
        return self.criterion.discriminator_backward(critic, real, fake, batch)

    def _fakes(self, batch: StepBatch) -> torch.Tensor:
        """Generated pictures for the discriminator; their graph is kept when the generator's step can use it.

        Pictures normalised by running averages have other gradients, so these are never kept.
        """
        keeps = self.parameters_g[0].requires_grad
        if self._by_averages:
            self.generator.eval()
        # When the generator's step generates these pictures again, only that step moves the running statistics.
        moves = keeps or not self.reuses_fakes
        with torch.set_grad_enabled(keeps), self.machine.autocast(), remembering(self._norms_g, moves):
            fake = self.generator(batch.z, batch.labels)
        if self._by_averages:
            self.generator.train()
        self._kept = fake if keeps else None
        return fake

    def generator_gradients(self, batch: StepBatch) -> torch.Tensor:
        """Backward pass of the generator's loss (mean over `batch`); returns it, (1,), detached.

        With shared latents the discriminator's step has generated these pictures already, with the same weights.
        """
        self.seed_dropout(batch)
        fake, self._kept = self._kept, None
        if fake is None or len(fake) != len(batch.z):
            with self.machine.autocast():
                fake = self.generator(batch.z, batch.labels)
        fake = augment(fake, batch.fake_augmentation, self.fill)
        real = None if batch.real is None else augment(batch.real, batch.real_augmentation, self.fill)
        return self.criterion.generator_backward(partial(self._scores, batch=batch), fake, real)

    def _scores(self, pictures: torch.Tensor, batch: StepBatch) -> torch.Tensor:
        if self.machine.channels_last:
            pictures = pictures.contiguous(memory_format=torch.channels_last)
        with self.machine.autocast():
            return self.discriminator(pictures, batch.labels)
