"""The two networks of a run and their optimisers: gradients, micro-batches and updates of one step of each.

Steps only compute: they return detached values on the device and never wait for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from trainer.adam import Adam
from trainer.augmentation import augment
from trainer.batches import StepBatch
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.graphs import Recordings
from trainer.layers import BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, MinibatchStd, remembering
from trainer.memory import is_out_of_memory
from trainer.networks import Discriminator, Generator
from trainer.objectives import Criterion, DiscriminatorValues, GeneratorValues
from trainer.protocol.config import TrainConfig


class Game:
    """The two networks, their optimisers and one step of each.

    Attributes:
        criterion: what the networks are trained for.
        generator, discriminator: on the machine's device. optimiser_g, optimiser_d: Adam.
        least: the smallest micro-batch: the pictures that MinibatchStd compares with each other, else 1.
        reuses_fakes: whether the generator's step may use the pictures generated for the discriminator.
        complaint: why CUDA graphs were given up, or "".
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
        self.config, self.machine, self.fill, self.ranks = config, machine, fill, ranks
        layout = torch.channels_last if machine.channels_last else torch.contiguous_format
        self.generator, self.discriminator = (net.to(machine.device, memory_format=layout) for net in networks)  # type: ignore[call-overload]
        self.generator.train()
        self.discriminator.train()
        self.parameters_g = list(self.generator.parameters())
        self.parameters_d = list(self.discriminator.parameters())
        o = config.optimiser
        betas = (o.beta1, o.beta2)
        self.optimiser_g = Adam(self.parameters_g, o.lr_g, betas, o.eps, machine.device)
        self.optimiser_d = Adam(self.parameters_d, o.lr_d, betas, o.eps, machine.device)
        layers = [layer for network in networks for layer in network.modules()]
        self._dropouts = [layer for layer in layers if isinstance(layer, Dropout)]
        self._norms_g = [layer for layer in self.generator.modules() if isinstance(layer, BatchNorm2d)]
        self.least = 1
        for layer in layers:
            if isinstance(layer, Conv2d | ConvTranspose2d):
                layer.winograd = machine.winograd
            elif isinstance(layer, BatchNorm2d):
                layer.ranks = ranks
            elif isinstance(layer, MinibatchStd):
                layer.batch, self.least = batch, layer.group_of(batch)
        self.criterion = Criterion(config)
        settings = config.objective
        self._by_averages = settings.fakes_batchnorm == "inference"
        self.reuses_fakes = settings.shared_latents and settings.critic_steps == 1 and not self._by_averages
        self._kept: torch.Tensor | None = None
        self._recordings = Recordings()
        self._share = batch // ranks.count
        self._graphs = machine.graphs and ranks.count == 1 and not self._dropouts
        self.complaint = ""
        self.micro = micro
        self._unit = torch.ones((), device=machine.device)

    @property
    def micro(self) -> int:
        """Pictures this rank computes at once, a multiple of `least`; gradients are accumulated over its share.

        When it is smaller than that share, CUDA graphs are off.
        """
        return self._micro

    @micro.setter
    def micro(self, wanted: int) -> None:
        self._micro = self._whole_groups(wanted)
        if self._micro < self._share:
            self.graphs = False

    def lowered(self) -> int:
        """The next smaller `micro`, or the present one when there is none."""
        return self._whole_groups(self._micro // 2)

    def _whole_groups(self, wanted: int) -> int:
        return max(self.least, min(wanted, self._share) // self.least * self.least)

    @property
    def graphs(self) -> bool:
        """Whether steps are recorded and replayed as CUDA graphs. Setting it to False frees the recordings."""
        return self._graphs

    @graphs.setter
    def graphs(self, wanted: bool) -> None:
        self._graphs = wanted
        if not wanted:
            self._recordings.free()

    def set_rates(self, factor: float, beta2: float) -> None:
        """Learning rates as a multiple of the configured ones, and Adam's beta2."""
        configured = self.config.optimiser
        for optimiser, rate in ((self.optimiser_g, configured.lr_g), (self.optimiser_d, configured.lr_d)):
            for group in optimiser.param_groups:
                group["lr"], group["betas"] = rate * factor, (configured.beta1, beta2)

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
        values = self._accumulate(name, batch, self.parameters_d, gradients)
        return DiscriminatorValues(*self._update(self.optimiser_d, self.parameters_d, values))

    def discriminator_turn(self, batch: StepBatch, penalty_weight: float | None) -> DiscriminatorValues:
        """All steps of one turn of the discriminator (see `Criterion.parts`) on one batch."""
        parts = [self.discriminator_phase(batch, penalty_weight, part) for part in self.criterion.parts]
        return DiscriminatorValues.merged(parts)

    def generator_phase(self, batch: StepBatch) -> GeneratorValues:
        """One generator step. May raise torch.OutOfMemoryError."""
        self.generator.requires_grad_(True)
        self.discriminator.requires_grad_(False)  # Its weights' gradients are not needed.
        values = self._accumulate("g", batch, self.parameters_g, self.generator_gradients)
        return GeneratorValues(*self._update(self.optimiser_g, self.parameters_g, values))

    def discriminator_gradients(self, batch: StepBatch, part: str = "both") -> torch.Tensor:
        """Backward pass of the discriminator's loss (mean over `batch`), or of one part of it.

        Returns all but the last of `DiscriminatorValues`, stacked and detached.
        """
        self._seed_dropout(batch)
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
        self._seed_dropout(batch)
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

    def _accumulate(
        self,
        name: str,
        batch: StepBatch,
        parameters: list[nn.Parameter],
        gradients: Callable[[StepBatch], torch.Tensor],
    ) -> torch.Tensor:
        """Mean values and gradients over the batch, `micro` pictures at a time."""
        if self.graphs and self.micro >= len(batch.z):
            buffers = [*self.generator.buffers(), *self.discriminator.buffers()]
            try:
                return self._recordings.replay(name, gradients, batch, parameters, buffers)
            except RuntimeError as error:
                if is_out_of_memory(error):
                    raise
                self.complaint = str(error)
            self.graphs = False  # After the error and its frames are gone.
        for parameter in parameters:
            parameter.grad = None
        count = len(batch.z)
        if self.micro >= count:
            return gradients(batch)
        total, sums = None, None
        for first in range(0, count, self.micro):
            last = min(first + self.micro, count)
            values = gradients(batch.part(first, last)) * ((last - first) / count)
            total = values if total is None else total + values
            sums = _weighted(parameters, sums, (last - first) / count)
        assert total is not None
        assert sums is not None
        for parameter, gradient in zip(parameters, sums, strict=True):
            parameter.grad = gradient
        return total

    def _update(self, optimiser: Adam, parameters: list[nn.Parameter], values: torch.Tensor) -> torch.Tensor:
        gradients = [p.grad for p in parameters if p.grad is not None]
        self.ranks.average([*gradients, values] if self.ranks.count > 1 else [])
        norm = torch.nn.utils.get_total_norm(gradients)
        optimiser.step()
        return torch.cat([values, norm.reshape(1).to(values.dtype)])

    def _seed_dropout(self, batch: StepBatch) -> None:
        for dropout in self._dropouts:
            dropout.source = (batch.source, self.ranks.rank, self.ranks.count)


def _weighted(
    parameters: list[nn.Parameter], sums: list[torch.Tensor | None] | None, share: float
) -> list[torch.Tensor | None]:
    """Add the parameters' gradients, times `share`, to `sums`."""
    found: list[torch.Tensor | None] = []
    for index, parameter in enumerate(parameters):
        gradient, before = parameter.grad, None if sums is None else sums[index]
        parameter.grad = None
        if gradient is not None:
            gradient.mul_(share)
            gradient = gradient if before is None else before.add_(gradient)
        found.append(gradient if gradient is not None else before)
    return found
