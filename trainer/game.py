"""One move of each player: the gradients of a discriminator phase and of a generator phase, and the updates.

Phases only compute; they return detached values on the device and never wait for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import nn

from trainer.augmentation import augment
from trainer.batches import Batch
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.graphs import Recordings
from trainer.layers import BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, MinibatchStd, remembering
from trainer.memory import is_out_of_memory
from trainer.networks import Discriminator, Generator
from trainer.objectives import discriminator_loss, fake_loss, generator_loss, real_loss
from trainer.penalties import gradient_penalty, zero_centred
from trainer.protocol.config import TrainConfig

D_VALUES = ("loss_d", "loss_d_real", "loss_d_fake", "d_real", "d_fake", "penalty", "sign")
"""Values a discriminator phase returns, in this order; "sign" is E[sign(D(x) - D(G(z)))]."""


class Game:
    """The two networks, their optimisers and one step of each.

    Attributes:
        parts: what one turn of the discriminator consists of: ("both",), or ("real", "fake") with separate steps.
        generator, discriminator: on the machine's device. optimiser_g, optimiser_d: Adam.
        least: the fewest pictures at once: those that are compared with each other (MinibatchStd), else 1.
        complaint: why graphs were given up, or "".
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
        """`batch`: pictures a step over all ranks; `micro`: of this rank's share, so many at once (see `micro`)."""
        self.config, self.machine, self.fill, self.ranks = config, machine, fill, ranks
        layout = torch.channels_last if machine.channels_last else torch.contiguous_format
        self.generator, self.discriminator = (net.to(machine.device, memory_format=layout) for net in networks)  # type: ignore[call-overload]
        self.generator.train()
        self.discriminator.train()
        self.parameters_g = list(self.generator.parameters())
        self.parameters_d = list(self.discriminator.parameters())
        self.optimiser_g = _adam(self.parameters_g, config, config.optimiser.lr_g, machine.device)
        self.optimiser_d = _adam(self.parameters_d, config, config.optimiser.lr_d, machine.device)
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
        objective = config.objective
        self.parts = ("real", "fake") if separates(config) else ("both",)
        self._by_averages = objective.fakes_batchnorm == "inference"
        self._shares = objective.shared_latents and objective.critic_steps == 1 and not self._by_averages
        self._kept: torch.Tensor | None = None
        self._recordings = Recordings()
        self._share = batch // ranks.count
        self._graphs = machine.graphs and ranks.count == 1 and not self._dropouts
        self.complaint = ""
        self.micro = micro
        self._unit = torch.ones((), device=machine.device)

    @property
    def micro(self) -> int:
        """Pictures at once on this rank, a multiple of `least`; gradients are accumulated over the rest of the batch.

        Below the whole share nothing is recorded any more, and recordings are freed.
        """
        return self._micro

    @micro.setter
    def micro(self, wanted: int) -> None:
        self._micro = self._whole_groups(wanted)
        if self._micro < self._share:
            self.graphs = False

    def lowered(self) -> int:
        """The next smaller `micro`; the present one when there is none."""
        return self._whole_groups(self._micro // 2)

    def _whole_groups(self, wanted: int) -> int:
        return max(self.least, min(wanted, self._share) // self.least * self.least)

    @property
    def graphs(self) -> bool:
        """Whether phases are recorded and replayed as CUDA graphs. Set to False, recordings are freed."""
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

    def discriminator_phase(self, draw: Batch, penalty_weight: float | None, part: str = "both") -> torch.Tensor:
        """One discriminator step. `penalty_weight` None: without penalty. Returns (len(D_VALUES) + 1,): the last is
        the gradients' 2-norm. May raise torch.OutOfMemoryError, before anything but running statistics changed.

        `part` "real" or "fake": only these pictures' share of loss and penalty; other values are 0 (see `merged`).
        """
        keeps = self._shares and not self.graphs and self.micro >= len(draw.z)
        self._kept = None
        self.generator.requires_grad_(keeps)
        self.discriminator.requires_grad_(True)
        if penalty_weight is not None:
            draw = dataclasses.replace(draw, weight=self._unit * penalty_weight)
        name = ("d" if part == "both" else f"d {part}") + (" with penalty" if penalty_weight is not None else "")
        gradients = self.discriminator_gradients if part == "both" else partial(self._half_gradients, part=part)
        values = self._accumulate(name, draw, self.parameters_d, gradients)
        return self._update(self.optimiser_d, self.parameters_d, values)

    def discriminator_turn(self, draw: Batch, penalty_weight: float | None) -> torch.Tensor:
        """All steps of one turn of the discriminator (see `parts`) on one draw; returns as `discriminator_phase`."""
        return merged([self.discriminator_phase(draw, penalty_weight, part) for part in self.parts])

    def generator_phase(self, draw: Batch) -> torch.Tensor:
        """One generator step. Returns (2,): loss and the gradients' 2-norm. May raise torch.OutOfMemoryError."""
        self.generator.requires_grad_(True)
        self.discriminator.requires_grad_(False)  # Its weights' gradients would be thrown away.
        values = self._accumulate("g", draw, self.parameters_g, self.generator_gradients)
        return self._update(self.optimiser_g, self.parameters_g, values)

    def discriminator_gradients(self, draw: Batch) -> torch.Tensor:
        """Backward pass of the discriminator's loss (mean over `draw`); returns `D_VALUES`, detached."""
        kind, regulariser = self.config.objective.kind, self.config.regulariser.kind
        weight, penalised = draw.weight, draw.weight is not None
        assert draw.real is not None
        self._seed_dropout(draw)
        fake = self._drawn(draw)
        real = augment(draw.real, draw.real_augmentation, self.fill).detach()
        fake = augment(fake, draw.fake_augmentation, self.fill).detach()
        real.requires_grad_(penalised and regulariser in ("r1", "r1r2"))
        fake.requires_grad_(penalised and regulariser == "r1r2")
        x, g = self._scores(real, draw), self._scores(fake, draw)
        loss = discriminator_loss(kind, x, g, draw.noise)
        penalty = torch.zeros((), device=x.device)
        if weight is not None and real.requires_grad:
            penalty = penalty + zero_centred(x, real, weight)
        if weight is not None and fake.requires_grad:
            penalty = penalty + zero_centred(g, fake, weight)
        if weight is not None and regulariser == "gp":
            assert draw.mix is not None
            penalty = gradient_penalty(lambda m: self._scores(m, draw), real, fake, draw.mix, weight)
        (loss.total + penalty).backward()
        with torch.no_grad():
            sign = torch.sign(x - g).mean()
            return torch.stack([*loss, x.mean(), g.mean(), penalty, sign]).detach()

    def _half_gradients(self, draw: Batch, part: str) -> torch.Tensor:
        """`discriminator_gradients` of the real or of the generated pictures alone."""
        kind, regulariser, weight = self.config.objective.kind, self.config.regulariser.kind, draw.weight
        self._seed_dropout(draw)
        real = None if draw.real is None else augment(draw.real, draw.real_augmentation, self.fill).detach()
        pictures = real if part == "real" else augment(self._drawn(draw), draw.fake_augmentation, self.fill).detach()
        assert pictures is not None
        zero = torch.zeros((), device=pictures.device)
        penalised = weight is not None and regulariser in (("r1", "r1r2") if part == "real" else ("r1r2",))
        pictures.requires_grad_(penalised)
        scores = self._scores(pictures, draw)
        loss = real_loss(kind, scores, draw.noise) if part == "real" else fake_loss(kind, scores, draw.noise)
        penalty = zero
        if weight is not None and penalised:
            penalty = zero_centred(scores, pictures, weight)
        if weight is not None and part == "fake" and regulariser == "gp":
            assert real is not None
            assert draw.mix is not None
            penalty = gradient_penalty(lambda m: self._scores(m, draw), real, pictures, draw.mix, weight)
        (loss + penalty).backward()
        with torch.no_grad():
            if part == "real":
                return torch.stack([loss, loss, zero, scores.mean(), zero, penalty, zero]).detach()
            sign = zero if real is None else torch.sign(self._scores(real, draw) - scores).mean()
            return torch.stack([loss, zero, loss, zero, scores.mean(), penalty, sign]).detach()

    def _drawn(self, draw: Batch) -> torch.Tensor:
        """The pictures the discriminator is shown, kept with their graph for the generator's phase where they serve it.

        By running averages they would teach the generator other gradients, so then they are never kept.
        """
        keeps = self.parameters_g[0].requires_grad
        if self._by_averages:
            self.generator.eval()
        # Where the generator's step draws these pictures again, its running statistics move only then.
        moves = keeps or not self._shares
        with torch.set_grad_enabled(keeps), self.machine.autocast(), remembering(self._norms_g, moves):
            fake = self.generator(draw.z, draw.labels)
        if self._by_averages:
            self.generator.train()
        self._kept = fake if keeps else None
        return fake

    def generator_gradients(self, draw: Batch) -> torch.Tensor:
        """Backward pass of the generator's loss (mean over `draw`); returns it, (1,), detached.

        With shared latents the discriminator's phase has drawn these pictures already, by the same weights.
        """
        self._seed_dropout(draw)
        fake, self._kept = self._kept, None
        if fake is None or len(fake) != len(draw.z):
            with self.machine.autocast():
                fake = self.generator(draw.z, draw.labels)
        g = self._scores(augment(fake, draw.fake_augmentation, self.fill), draw)
        x = None
        if draw.real is not None:
            with torch.no_grad():
                x = self._scores(augment(draw.real, draw.real_augmentation, self.fill), draw)
        loss = generator_loss(self.config.objective.kind, g, x)
        loss.backward()
        return loss.detach().reshape(1)

    def _scores(self, pictures: torch.Tensor, draw: Batch) -> torch.Tensor:
        if self.machine.channels_last:
            pictures = pictures.contiguous(memory_format=torch.channels_last)
        with self.machine.autocast():
            return self.discriminator(pictures, draw.labels)

    def _accumulate(
        self, name: str, draw: Batch, parameters: list[nn.Parameter], gradients: Callable[[Batch], torch.Tensor]
    ) -> torch.Tensor:
        """Mean values and gradients over the batch, `micro` pictures at a time."""
        if self.graphs and self.micro >= len(draw.z):
            buffers = [*self.generator.buffers(), *self.discriminator.buffers()]
            try:
                return self._recordings.replay(name, gradients, draw, parameters, buffers)
            except RuntimeError as error:
                if is_out_of_memory(error):
                    raise
                self.complaint = str(error)
            self.graphs = False  # After the error and its frames are gone.
        for parameter in parameters:
            parameter.grad = None
        count = len(draw.z)
        if self.micro >= count:
            return gradients(draw)
        total, sums = None, None
        for first in range(0, count, self.micro):
            last = min(first + self.micro, count)
            values = gradients(draw.part(first, last)) * ((last - first) / count)
            total = values if total is None else total + values
            sums = _weighted(parameters, sums, (last - first) / count)
        assert total is not None
        assert sums is not None
        for parameter, gradient in zip(parameters, sums, strict=True):
            parameter.grad = gradient
        return total

    def _update(
        self, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], values: torch.Tensor
    ) -> torch.Tensor:
        gradients = [p.grad for p in parameters if p.grad is not None]
        self.ranks.average([*gradients, values] if self.ranks.count > 1 else [])
        norm = torch.nn.utils.get_total_norm(gradients)
        optimiser.step()
        return torch.cat([values, norm.reshape(1).to(values.dtype)])

    def _seed_dropout(self, draw: Batch) -> None:
        for dropout in self._dropouts:
            dropout.source = (draw.source, self.ranks.rank, self.ranks.count)


def separates(config: TrainConfig) -> bool:
    """Whether the discriminator makes a step on real and another on generated pictures."""
    return config.objective.separate_steps and config.objective.kind != "relativistic"


def merged(parts: list[torch.Tensor]) -> torch.Tensor:
    """What the parts of one discriminator turn returned, as one: sums, and the root of the squared norms' sum."""
    if len(parts) == 1:
        return parts[0]
    values = torch.stack(parts)
    return torch.cat([values[:, :-1].sum(0), values[:, -1:].square().sum(0).sqrt()])


def _weighted(
    parameters: list[nn.Parameter], sums: list[torch.Tensor | None] | None, share: float
) -> list[torch.Tensor | None]:
    """Move the parameters' gradients, times `share`, onto `sums`."""
    found: list[torch.Tensor | None] = []
    for index, parameter in enumerate(parameters):
        gradient, before = parameter.grad, None if sums is None else sums[index]
        parameter.grad = None
        if gradient is not None:
            gradient.mul_(share)
            gradient = gradient if before is None else before.add_(gradient)
        found.append(gradient if gradient is not None else before)
    return found


def _adam(
    parameters: Iterable[nn.Parameter], config: TrainConfig, rate: float, device: torch.device
) -> torch.optim.Adam:
    """Adam, in one fused kernel where the device has it; its memory is taken at once, so no later step runs out."""
    o = config.optimiser
    fused = device.type in ("cuda", "cpu")
    optimiser = torch.optim.Adam(parameters, lr=rate, betas=(o.beta1, o.beta2), eps=o.eps, fused=fused)
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            optimiser.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=device if fused else "cpu"),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }
    return optimiser
