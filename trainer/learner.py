"""What every objective's steps share: micro-batches, recorded steps, several ranks and the update of one network.

Steps only compute: they return detached values on the device and never wait for it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from trainer.adam import Adam
from trainer.batches import StepBatch
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.graphs import Recordings
from trainer.layers import BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, MinibatchStd
from trainer.memory import is_out_of_memory
from trainer.networks import Generator
from trainer.protocol.config import TrainConfig


class Learner:
    """The networks of a run in training mode, and one Adam for each.

    Attributes:
        networks: by their name in a checkpoint, on the machine's device. generator: the one that draws.
        optimisers: by their name in a checkpoint. parameters_g: the generator's.
        least: the smallest micro-batch: the pictures that MinibatchStd compares with each other, else 1.
        complaint: why CUDA graphs were given up, or "".
    """

    generator: Generator
    parameters_g: list[nn.Parameter]

    def __init__(
        self,
        config: TrainConfig,
        networks: dict[str, nn.Module],
        machine: Machine,
        fill: torch.Tensor,
        ranks: Ranks,
        batch: int,
        micro: int,
    ) -> None:
        """`batch`: pictures a step over all ranks. `micro`: the size of micro-batches (see `micro`)."""
        self.config, self.machine, self.fill, self.ranks = config, machine, fill, ranks
        layout = torch.channels_last if machine.channels_last else torch.contiguous_format
        self.networks = {
            name: network.to(machine.device, memory_format=layout).train()  # type: ignore[call-overload]
            for name, network in networks.items()
        }
        layers = [layer for network in self.networks.values() for layer in network.modules()]
        self._dropouts = [layer for layer in layers if isinstance(layer, Dropout)]
        self.least = 1
        for layer in layers:
            if isinstance(layer, Conv2d | ConvTranspose2d):
                layer.winograd = machine.winograd
            elif isinstance(layer, BatchNorm2d):
                layer.ranks = ranks
            elif isinstance(layer, MinibatchStd):
                layer.batch, self.least = batch, layer.group_of(batch)
        self.optimisers: dict[str, Adam] = {}
        self._rates: list[tuple[Adam, float]] = []
        self._recordings = Recordings()
        self._share = batch // ranks.count
        self._graphs = machine.graphs and ranks.count == 1 and not self._dropouts
        self.complaint = ""
        self.micro = micro

    def add_optimiser(self, name: str, parameters: list[nn.Parameter], rate: float) -> Adam:
        """Make the Adam called `name` for `parameters`, whose configured learning rate is `rate`."""
        settings = self.config.optimiser
        made = Adam(parameters, rate, (settings.beta1, settings.beta2), settings.eps, self.machine.device)
        self.optimisers[name] = made
        self._rates.append((made, rate))
        return made

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
        for optimiser, rate in self._rates:
            for group in optimiser.param_groups:
                group["lr"], group["betas"] = rate * factor, (self.config.optimiser.beta1, beta2)

    def accumulate(
        self,
        name: str,
        batch: StepBatch,
        parameters: list[nn.Parameter],
        gradients: Callable[[StepBatch], torch.Tensor],
    ) -> torch.Tensor:
        """Mean values and gradients of step `name` over the batch, `micro` pictures at a time."""
        if self.graphs and self.micro >= len(batch.z):
            buffers = [buffer for network in self.networks.values() for buffer in network.buffers()]
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

    def update(self, optimiser: Adam, parameters: list[nn.Parameter], values: torch.Tensor) -> torch.Tensor:
        """One step of `optimiser` by the mean gradients over all ranks; returns the mean values and their 2-norm.

        The norm is that before clipping.
        """
        gradients = [p.grad for p in parameters if p.grad is not None]
        self.ranks.average([*gradients, values] if self.ranks.count > 1 else [])
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.config.optimiser.clip > 0:
            torch.nn.utils.clip_grads_with_norm_(parameters, self.config.optimiser.clip, norm)
        optimiser.step()
        return torch.cat([values, norm.reshape(1).to(values.dtype)])

    def seed_dropout(self, batch: StepBatch) -> None:
        """Let dropout draw its masks for this batch."""
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
