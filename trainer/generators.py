"""Builds the generator of any run; that of a flow draws in several passes of its network."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable

import torch
from torch import nn

from trainer import checkpoints
from trainer.networks import Generator, build_networks, class_count
from trainer.networks_flow import UNet
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.shapes import generator_parameters, latent_size, stages
from trainer.randomness import derived_seed

EARLY = 1.5
"""How much shorter the first steps of DPM-Solver++ are: step i of n begins at the time (i / n)^1.5."""


class FlowGenerator(Generator):
    """Draws by following the flow from noise to a picture, in `steps` steps.

    Attributes:
        steps: network passes for a picture, and as many again with guidance; may be changed at any time.
        solver: how a step is made of a pass, see `flow.solver`.
        shape: (C, H, W) of the pictures. A latent is such a picture of noise, flattened.
    """

    def __init__(self, config: TrainConfig, classes: int) -> None:
        """`classes`: number of classes, 0 for none."""
        a, data = config.architecture, config.data
        widths = stages(a, data.size).generator
        net = UNet(widths, data.channels, a.patch, a.blocks, classes)
        super().__init__(net, latent_size(a, data), 0)
        self.classes = classes
        self.shape = (data.channels, data.size, data.size)
        self.steps, self.guidance, self.solver = config.flow.steps, config.flow.guidance, config.flow.solver
        self._velocity = config.flow.prediction == "velocity"

    def picture_in(
        self,
        x: torch.Tensor,
        times: torch.Tensor,
        labels: torch.Tensor | None = None,
        changes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The network's guess of the picture in `x` (B, C, H, W) = (1 - t) noise + t picture, at times t (B,).

        A network that predicts the velocity v = picture - noise has guessed the picture x + (1 - t) v. Labels (B,) in
        [0, classes], where `classes` stands for "not told"; `changes`: how the pictures were augmented, see
        `AugmentParams.told`.
        """
        net = self.core
        assert isinstance(net, UNet)
        found = net(x, net.told(times, labels, changes))
        return x + (1 - times.view(-1, 1, 1, 1)) * found if self._velocity else found

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """Noise z (B, latent), labels (B,) -> pictures (B, C, H, W), about [-1, 1], float32."""
        return self.drawn(z, labels)

    def drawn(
        self, z: torch.Tensor, labels: torch.Tensor | None = None, before: Callable[[], None] | None = None
    ) -> torch.Tensor:
        """As `forward`; `before` is called before every step, and stops it by raising.

        A step from time s to t goes (t - s) / (1 - s) of the way to the guessed picture, which is Euler's method for
        the velocity (guess - x) / (1 - s); so the last step ends at the guess itself. For the other solver see
        `sketched`.
        """
        if self.solver != "euler":
            return self.sketched(z, self.steps, labels, before)
        x = z.float().view(-1, *self.shape)
        for step in range(self.steps):
            if before is not None:
                before()
            guess = self._guided(x, torch.full_like(z[:, 0], step / self.steps), labels)
            x = torch.lerp(x, guess, 1 / (self.steps - step))
        return x

    def stepped(
        self, x: torch.Tensor, last: torch.Tensor, step: torch.Tensor, labels: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step of `drawn`, its number (a scalar, int64) a tensor, as exports need it.

        x (B, C, H, W) and the last step's guess (the same; any at first) -> the same two after this step.
        """
        count, number = self.steps, step.float()
        if self.solver == "euler":
            guess = self._guided(x, torch.zeros_like(x[:, 0, 0, 0]) + number / count, labels)
            return x + (guess - x) * (1 / (count - number)), guess
        before, now, then = (((number + more).clamp(0, count) / count) ** EARLY for more in (-1, 0, 1))
        guess = self._guided(x, torch.zeros_like(x[:, 0, 0, 0]) + now, labels)
        least = _least_time(count)
        at = [(time / (1 - time)).log() for time in (one.clamp(least, 1 - least) for one in (before, now, then))]
        inside = (step > 0) & (step < count - 1)
        ahead = torch.where(inside, (at[2] - at[1]) / (2 * (at[1] - at[0]).clamp_min(1e-6)), 0.0)
        aim = guess + (guess - last) * ahead
        return x + (aim - x) * ((then - now) / (1 - now)), guess

    def sketched(
        self, z: torch.Tensor, steps: int, labels: torch.Tensor | None = None, before: Callable[[], None] | None = None
    ) -> torch.Tensor:
        """As `drawn` with DPM-Solver++, in any number of steps: few give nearly what more will: (B, latent) ->
        (B, C, H, W).

        DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): the guess is carried on along a straight line in the logarithm
        of signal to noise, log(t / (1 - t)). Steps are shorter at first, where the picture is decided: at times
        (i / steps)^1.5. On sprites this comes as near in four steps as Euler's method in seven.
        """
        x = z.float().view(-1, *self.shape).contiguous(memory_format=torch.channels_last)
        times = [(step / steps) ** EARLY for step in range(steps + 1)]
        least = _least_time(steps)
        clear = [math.log(time / (1 - time)) for time in (min(max(one, least), 1 - least) for one in times)]
        before_last: tuple[torch.Tensor, float] | None = None  # The last guess, and how much clearer it got after it.
        for (now, then), (clear_now, clear_then) in zip(
            itertools.pairwise(times), itertools.pairwise(clear), strict=True
        ):
            if before is not None:
                before()
            guess = aim = self._guided(x, torch.full_like(z[:, 0], now), labels)
            clearer = clear_then - clear_now
            if before_last is not None and then < 1:
                aim = guess + (guess - before_last[0]) * (clearer / (2 * before_last[1]))
            x = torch.lerp(x, aim, (then - now) / (1 - now))
            before_last = guess, clearer
        return x

    def _guided(self, x: torch.Tensor, times: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        """The guess, pushed away from that without a class (classifier-free guidance, Ho & Salimans 2022, eq. 6)."""
        if not self.classes:
            return self.picture_in(x, times)
        untold = torch.full_like(times, self.classes, dtype=torch.long)
        guess = self.picture_in(x, times, untold if labels is None else labels)
        if labels is None or self.guidance == 1:
            return guess
        without = self.picture_in(x, times, untold)
        return without + self.guidance * (guess - without)


def _least_time(steps: int) -> float:
    """What counts as the time 0, of which signal to noise has no logarithm, and how far from 1 the end counts as."""
    return min(1e-3, steps**-EARLY / 2)


def build_generator(config: TrainConfig, classes: int = 0) -> Generator:
    """The generator alone, as the configuration's seed initialises it: for sampling, export, and flows."""
    if not config.is_flow:
        return build_networks(config, classes)[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(config.seed, "weights"))
        return FlowGenerator(config, classes or class_count(config))


def restored_generator(config: TrainConfig, classes: int, tensors: dict[str, torch.Tensor]) -> Generator:
    """The generator with the weights of a file. Raises TrainerError when they do not fit.

    That is found out before anything is built, for a configuration from elsewhere may describe networks that fill the
    memory, beside a file of a few bytes.
    """
    a, data = config.architecture, config.data
    wanted = generator_parameters(a, stages(a, data.size), data, classes)
    if 2 * sum(value.numel() for value in tensors.values()) < wanted:
        raise TrainerError("the checkpoint does not match the networks of config.json: it is too small", "checkpoint")
    if not config.is_flow:  # The discriminator is built with the generator, and not needed: the smallest will do.
        narrow = (1,) * len(a.discriminator_channels)
        smallest = dataclasses.replace(a, discriminator_channels=narrow, discriminator_dense=())
        config = dataclasses.replace(config, architecture=smallest)
    generator = build_generator(config, classes)
    checkpoints.restore_module(generator, tensors)
    return generator


def build_all(config: TrainConfig, classes: int = 0) -> dict[str, nn.Module]:
    """Every network of a run by its name in a checkpoint: "generator" and, unless it is a flow, "discriminator"."""
    if config.is_flow:
        return {"generator": build_generator(config, classes)}
    generator, discriminator = build_networks(config, classes)
    return {"generator": generator, "discriminator": discriminator}
