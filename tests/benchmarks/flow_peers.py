"""Three packages of flows and diffusion on PyPI, at a width fit for a CPU: contenders of trainer_quality.py.

torchcfm (Tong et al. 2024), smalldiffusion (C. Yuan) and rectified-flow-pytorch (P. Wang), all under the MIT licence.
Networks, losses, optimisers and samplers are theirs, with the settings of their own examples. These examples train for
hours, so that what they lay down for hundreds of thousands of steps is shortened: the batch is 16, and averages of
weights begin with a short memory (as those of torch_ema and ema_pytorch do by themselves). Widths, and where there was
a choice between two examples which of them, were chosen by tries of 30 CPU seconds on the bundled mechas.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from peers import CPU, Peer


class TorchCFM(Peer):
    """torchcfm: flow matching with optimal transport in the batch, as in the package's examples of pictures.

    Network, rate and tolerance are those of its MNIST example, the smallest; clipping and averaged weights come from
    its CIFAR-10 example.
    """

    def __init__(
        self,
        pixels: np.ndarray[Any, Any],
        seed: int,
        device: torch.device = CPU,
        *,
        width: int,
        multiples: tuple[int, ...] | None = None,
    ) -> None:
        from torch_ema import ExponentialMovingAverage
        from torchcfm.conditional_flow_matching import ExactOptimalTransportConditionalFlowMatcher
        from torchcfm.models.unet import UNetModel

        super().__init__(pixels, seed, device)
        self._shape = (3, *pixels.shape[1:3])
        network = UNetModel(dim=self._shape, num_channels=width, num_res_blocks=1, channel_mult=multiples)
        self._network = network.to(device)
        self._matcher = ExactOptimalTransportConditionalFlowMatcher(sigma=0.0)
        self._optimiser = torch.optim.Adam(self._network.parameters())
        self._average = ExponentialMovingAverage(self._network.parameters(), decay=0.9999)

    def train(self) -> None:
        """One iteration, as in the examples."""
        self._network.train()
        self._optimiser.zero_grad()
        pictures = next(self.batches) * 2 - 1
        time, between, velocity = self._matcher.sample_location_and_conditional_flow(
            torch.randn_like(pictures), pictures
        )
        (self._network(time, between) - velocity).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        self._average.update()

    def sample(self, count: int) -> torch.Tensor:
        """Pictures of the averaged weights by an adaptive solver, (count, 3, H, W)."""
        from torchdiffeq import odeint

        self._network.eval()
        with self._average.average_parameters():
            drawn = odeint(
                self._network, torch.randn(count, *self._shape, device=self.device),
                torch.tensor([0.0, 1.0], device=self.device), rtol=1e-4, atol=1e-4, method="dopri5",
            )[-1]  # fmt: skip
        return (drawn + 1) / 2


class SmallDiffusion(Peer):
    """smalldiffusion: its UNet, training loop and accelerated sampler, as in its example of FashionMNIST."""

    def __init__(
        self,
        pixels: np.ndarray[Any, Any],
        seed: int,
        device: torch.device = CPU,
        *,
        width: int,
        multiples: tuple[int, ...],
        blocks: int = 2,
    ) -> None:
        from accelerate import Accelerator
        from smalldiffusion import Scaled, ScheduleLogLinear, Unet, training_loop
        from torch_ema import ExponentialMovingAverage

        super().__init__(pixels, seed, device)
        size = pixels.shape[1]
        self._network = Scaled(Unet)(
            size, 3, 3, ch=width, ch_mult=multiples, num_res_blocks=blocks, attn_resolutions=(size // 2,)
        ).to(device)
        self._schedule = ScheduleLogLinear(sigma_min=0.01, sigma_max=20, N=800)
        self._accelerator = Accelerator(cpu=device.type == "cpu")
        self._average = ExponentialMovingAverage(self._network.parameters(), decay=0.999)
        self._loop = training_loop(
            (batch * 2 - 1 for batch in self.batches), self._network, self._schedule, self._accelerator,
            epochs=1, lr=7e-4,
        )  # fmt: skip

    def train(self) -> None:
        """One round of the package's loop, which takes the step of the batch before and the loss of the next."""
        next(self._loop)
        self._average.update()

    def sample(self, count: int) -> torch.Tensor:
        """Pictures of the averaged weights in 20 steps, (count, 3, H, W)."""
        from smalldiffusion import samples

        with self._average.average_parameters():
            *_, drawn = samples(
                self._network, self._schedule.sample_sigmas(20), gam=1.6, batchsize=count, accelerator=self._accelerator
            )
        return (drawn + 1) / 2


class RectifiedFlow(Peer):
    """rectified-flow-pytorch: its UNet, its loss and its trainer's optimiser and average.

    The UNet says the picture, as in its example of flowers ("clean"), or the velocity, as in its README ("flow").
    """

    def __init__(
        self,
        pixels: np.ndarray[Any, Any],
        seed: int,
        device: torch.device = CPU,
        *,
        width: int,
        multiples: tuple[int, ...] = (1, 2, 4, 8),
        heads: int = 4,
        predict: str = "clean",
    ) -> None:
        from ema_pytorch import EMA
        from rectified_flow_pytorch import RectifiedFlow as Flow
        from rectified_flow_pytorch import Unet

        super().__init__(pixels, seed, device)
        self._flow = Flow(
            Unet(dim=width, dim_mults=multiples, attn_heads=heads), predict=predict, data_shape=(3, *pixels.shape[1:3])
        ).to(device)
        self._optimiser = torch.optim.Adam(self._flow.parameters(), lr=3e-4)
        self._average = EMA(self._flow, forward_method_names=("sample",))

    def train(self) -> None:
        """One iteration, as the package's trainer does it."""
        self._flow.train()
        self._flow(next(self.batches)).backward()
        torch.nn.utils.clip_grad_norm_(self._flow.parameters(), 0.5)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._average.update()

    def sample(self, count: int) -> torch.Tensor:
        """Pictures of the averaged weights by the package's sampler, (count, 3, H, W)."""
        return self._average.sample(batch_size=count)  # type: ignore[no-any-return]


FLOWS: dict[str, Callable[[np.ndarray[Any, Any], int, torch.device], Peer]] = {
    "torchcfm": functools.partial(TorchCFM, width=32, multiples=(1, 1, 2, 2)),
    "smalldiffusion": functools.partial(SmallDiffusion, width=32, multiples=(1, 1, 2), blocks=1),
    "rectified-flow-pytorch": functools.partial(RectifiedFlow, width=16, multiples=(1, 2, 4), heads=2),
}
"""name -> (pixels (N, H, W, 3) uint8, seed, device) -> contender."""
