"""The inputs of training steps, with everything random drawn beforehand: a function of (seed, step) alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainer.augmentation import AugmentParams, draw_augmentation
from trainer.dataset import TrainingSet
from trainer.distributed import Ranks
from trainer.protocol.config import TrainConfig
from trainer.protocol.settings import Flow
from trainer.protocol.shapes import latent_size
from trainer.randomness import generator


@dataclass(frozen=True)
class StepBatch:
    """Pictures and random numbers of one step, for the B pictures of this rank.

    Attributes:
        real: (B, C, H, W) float32 pictures in [-1, 1]. z: (B, latent). labels: (B,) classes of `real`, or None.
        real_augmentation, fake_augmentation: how `real` and the generated pictures are augmented, or None.
        noise: (2, B) label noise, or None. mix: (B,) in [0, 1], or None.
        source: generator for dropout masks. weight: the gradient penalty's, (), or None at steps without one.
        times: (B,) in [0, 1), of a flow only; there `labels` may be the number of classes, for "not told".
    """

    real: torch.Tensor | None
    z: torch.Tensor
    labels: torch.Tensor | None
    real_augmentation: AugmentParams | None
    fake_augmentation: AugmentParams | None
    noise: torch.Tensor | None
    mix: torch.Tensor | None
    source: torch.Generator
    weight: torch.Tensor | None = None
    times: torch.Tensor | None = None

    def part(self, first: int, last: int) -> StepBatch:
        """The inputs of pictures first .. last - 1, for a micro-batch."""

        def cut(value: torch.Tensor | None) -> torch.Tensor | None:
            return None if value is None else value[first:last]

        return StepBatch(
            cut(self.real),
            self.z[first:last],
            cut(self.labels),
            self.real_augmentation and self.real_augmentation.part(first, last),
            self.fake_augmentation and self.fake_augmentation.part(first, last),
            None if self.noise is None else self.noise[:, first:last],
            cut(self.mix),
            self.source,
            self.weight,
            cut(self.times),
        )


def draw_times(settings: Flow, count: int, source: torch.Generator) -> torch.Tensor:
    """Logit-normal times (count,) in (0, 1) (Esser et al. 2024, equation 19)."""
    drawn = torch.randn(count, generator=source, device=source.device)
    return torch.sigmoid(settings.time_mean + settings.time_spread * drawn)


class BatchSource:
    """Draws phases.

    Each number's rows depend on nothing that came before, so a run can start at any iteration.
    """

    def __init__(self, config: TrainConfig, data: TrainingSet, batch: int, ranks: Ranks) -> None:
        self._config, self._data, self._batch, self._ranks = config, data, batch, ranks
        self._device = data.fill.device
        self._train = data.train.to(self._device)
        self._weights = None if data.weights is None else data.weights.to(self._device, torch.float32)
        self._latent = latent_size(config.architecture, config.data)
        self._orders: dict[tuple[str, int], torch.Tensor] = {}

    def draw(self, phase: str, number: int, probability: float, with_reals: bool) -> StepBatch:
        """The inputs of step `number` of the discriminator (`phase` "d"), of the generator ("g") or of a flow ("flow").

        `probability` is that of augmentation. `with_reals`: whether the step looks at real pictures.
        """
        config, batch, mine = self._config, self._batch, self._ranks.share(self._batch)
        stream, place = phase, number
        if phase == "g" and config.objective.shared_latents:  # All as in the discriminator's last step.
            stream, place = "d", (number + 1) * config.objective.critic_steps - 1
        source = generator(config.seed, stream, place, self._device)
        z = torch.randn(batch, self._latent, generator=source, device=self._device)[mine]
        rows = self._rows(stream, place, source)[mine]
        mirrored = None
        if config.augmentation.mirror:
            mirrored = (torch.rand(batch, generator=source, device=self._device) < 0.5)[mine]
        size = config.data.size
        changes = [draw_augmentation(config.augmentation, batch, size, probability, source) for _ in range(2)]
        noise = mix = None
        if phase == "d" and config.objective.label_noise > 0:
            noise = torch.rand(2, batch, generator=source, device=self._device) * config.objective.label_noise
            noise = noise[:, mine]
        if phase == "d" and config.regulariser.kind == "gp":
            mix = torch.rand(batch, generator=source, device=self._device)[mine]
        labels = None if self._data.labels is None else self._data.labels[rows]
        times = None
        if phase == "flow":
            times = draw_times(config.flow, batch, source)[mine]
            if labels is not None:
                dropped = (torch.rand(batch, generator=source, device=self._device) < config.flow.class_drop)[mine]
                labels = torch.where(dropped, len(self._data.class_names), labels)
        return StepBatch(
            real=self._data.batch(rows, mirrored) if with_reals else None,
            z=z,
            labels=labels,
            real_augmentation=changes[0] and changes[0].part(mine.start, mine.stop),
            fake_augmentation=changes[1] and changes[1].part(mine.start, mine.stop),
            noise=noise,
            mix=mix,
            source=source,
            times=times,
        )

    def _rows(self, phase: str, number: int, source: torch.Generator) -> torch.Tensor:
        """Row numbers of the global batch (batch,)."""
        count, kind = len(self._train), self._config.batch.sampler
        if kind == "fixed":
            places = torch.arange(self._batch, device=self._device) % count
        elif self._weights is not None:
            places = torch.multinomial(self._weights, self._batch, replacement=True, generator=source)
        elif kind == "replacement":
            places = torch.randint(count, (self._batch,), generator=source, device=self._device)
        else:
            places = self._shuffled(phase, number * self._batch)
        return self._train[places]

    def _shuffled(self, phase: str, first: int) -> torch.Tensor:
        """Places first .. first + batch - 1 of an endless stream of shuffled epochs."""
        count, parts, place = len(self._train), [], first
        while place < first + self._batch:
            epoch, offset = divmod(place, count)
            taken = self._order(phase, epoch)[offset : offset + first + self._batch - place]
            parts.append(taken)
            place += len(taken)
        return torch.cat(parts)

    def _order(self, phase: str, epoch: int) -> torch.Tensor:
        key = (phase, epoch)
        if key not in self._orders:
            self._orders = {k: v for k, v in self._orders.items() if k[0] != phase or k[1] >= epoch - 1}
            shuffled = torch.randperm(len(self._train), generator=generator(self._config.seed, f"epoch-{phase}", epoch))
            self._orders[key] = shuffled.to(self._device)
        return self._orders[key]
