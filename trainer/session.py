"""A run in memory: data, networks, optimisers, averages; building, saving and restoring it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer import checkpoints
from trainer.augmentation import adapted
from trainer.batches import BatchSource
from trainer.checkpoints import Checkpoint
from trainer.dataset import TrainingSet
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.ema import Average, PowerAverages
from trainer.flow import FlowGame
from trainer.game import Game
from trainer.generators import FlowGenerator, build_generator
from trainer.layers import MinibatchStd
from trainer.networks import build_networks
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.schedule import Done, augmentation_probability

ADAPT_EVERY = 16  # Iterations between two steps of the adaptive augmentation.


@dataclass
class Session:
    """A run in memory.

    Attributes:
        done: how far it is. batch: pictures per step over all ranks. batches: where steps get their data from.
        average: what samples are drawn from, if it is kept. powers: what averages of other widths are made of later.
        augment: probability of augmentation now. sign_sum, sign_count: what the adaptive rule has measured since it
            last changed it.
        best: the best metric so far: {"name", "value", "iteration", "features"}, or {}.
        diagnostics_state: what `diagnosis_watch` keeps between its looks, as plain values.
    """

    config: TrainConfig
    machine: Machine
    ranks: Ranks
    data: TrainingSet
    game: Game | FlowGame
    batches: BatchSource
    average: Average | None
    batch: int
    powers: PowerAverages | None = None
    done: Done = field(default_factory=Done)
    augment: float = 0.0
    sign_sum: torch.Tensor = field(default_factory=lambda: torch.zeros(()))
    sign_count: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    diagnostics_state: dict[str, Any] = field(default_factory=dict)

    @property
    def sampler(self) -> Any:
        """The generator to draw pictures from: the average, if there is one."""
        return self.average.network if self.average else self.game.generator

    @property
    def images_per_iteration(self) -> int:
        """Real pictures seen in one iteration (by the discriminator, where there is one)."""
        return self.config.pictures_per_iteration(self.batch)

    def add_sign(self, sign: torch.Tensor) -> None:
        """Count one measurement of `DiscriminatorValues.sign` for the adaptive augmentation."""
        self.sign_sum += sign
        self.sign_count += 1

    def end_iteration(self) -> None:
        """Count the iteration whose steps were taken: averages, progress, and the probability of augmentation."""
        images = self.done.images + self.images_per_iteration
        for average in (self.average, self.powers):
            if average:
                average.update(self.images_per_iteration, images)
        self.done = Done(self.done.iteration + 1, images, self.done.seconds)
        self.adapt_augmentation()

    def plan_augmentation(self) -> None:
        """Before an iteration: the probability of augmentation by its schedule, unless it is adaptive."""
        planned = augmentation_probability(self.config, self.done, len(self.data.train))
        if planned is not None:
            self.augment = planned

    def adapt_augmentation(self) -> None:
        """After every `ADAPT_EVERY` iterations, change the probability of augmentation where it is adaptive."""
        if self.done.iteration % ADAPT_EVERY:
            return
        if self.config.augmentation.adaptive and not self.config.is_flow:  # A flow has no score to adapt to.
            signal = float(self.sign_sum) / max(self.sign_count, 1)
            seen = ADAPT_EVERY * self.images_per_iteration
            self.augment = adapted(self.augment, signal, self.config.augmentation, seen)
        self.sign_sum, self.sign_count = torch.zeros_like(self.sign_sum), 0


def make_session(
    config: TrainConfig, data: TrainingSet, machine: Machine, ranks: Ranks, batch: int, micro: int = 0
) -> Session:
    """Build a session at iteration 0. Raises TrainerError."""
    own = ranks.share(batch)
    share = own.stop - own.start
    micro = micro or config.batch.micro or share
    game: Game | FlowGame
    if config.is_flow:
        drawing = build_generator(config, len(data.class_names))
        assert isinstance(drawing, FlowGenerator)
        drawing.steps = config.flow.grid_steps  # Also of its average, which draws while training.
        game = FlowGame(config, drawing, machine, data.fill, ranks, batch, micro)
    else:
        networks = build_networks(config, len(data.class_names))
        _refuse_broken_groups(networks, batch, share)
        game = Game(config, networks, machine, data.fill, ranks, batch, micro)
    adaptive = config.augmentation.adaptive and not config.is_flow
    augment = 0.0 if adaptive else config.augmentation.probability
    return Session(
        config=config,
        machine=machine,
        ranks=ranks,
        data=data,
        game=game,
        batches=BatchSource(config, data, batch, ranks),
        average=Average(game.generator, config.ema) if config.ema.enabled else None,
        powers=PowerAverages(game.generator) if config.ema.post_hoc else None,
        batch=batch,
        augment=augment,
        sign_sum=torch.zeros((), device=machine.device),
    )


def _refuse_broken_groups(networks: tuple[nn.Module, nn.Module], batch: int, share: int) -> None:
    """Raise TrainerError when minibatch_std would have to compare pictures of different ranks."""
    for module in (m for network in networks for m in network.modules() if isinstance(m, MinibatchStd)):
        if share % module.group_of(batch):
            group = module.group_of(batch)
            raise TrainerError(
                f"minibatch_std compares groups of {group} pictures, but each process has {share} of {batch}: "
                f"use another batch.size or number of processes"
            )


def capture(session: Session, only_weights: bool = False) -> Checkpoint:
    """Everything needed to resume exactly, copied to the CPU; with `only_weights` just the generators."""
    game = session.game
    tensors = {"generator": checkpoints.module_tensors(game.generator)}
    if not only_weights:
        tensors |= {name: checkpoints.module_tensors(network) for name, network in game.networks.items()}
        tensors |= {name: checkpoints.optimiser_tensors(one) for name, one in game.optimisers.items()}
        tensors |= session.powers.tensors() if session.powers else {}
    if session.average:
        session.average.refresh_buffers()
        tensors["ema"] = checkpoints.module_tensors(session.average.network)
    values = {
        "iteration": session.done.iteration,
        "images_seen": session.done.images,
        "trained_s": session.done.seconds,
        "batch": session.batch,
        "micro_batch": game.micro,
        "bf16": session.machine.bf16,
        "channels_last": session.machine.channels_last,
        "winograd": session.machine.winograd,
        "device": session.machine.device.type,
        "augment": session.augment,
        "sign_sum": float(session.sign_sum),
        "sign_count": session.sign_count,
        "best": session.best,
        "diagnostics": session.diagnostics_state,
        "torch": torch.__version__,
    }
    return Checkpoint(tensors, values)


def restore(session: Session, saved: Checkpoint) -> None:
    """Continue from a checkpoint. Raises TrainerError when it does not match the networks."""
    game, values = session.game, saved.values
    if missing := [name for name in (*game.networks, *game.optimisers) if name not in saved.tensors]:
        raise TrainerError(
            f"the checkpoint has no {missing[0]}.safetensors, so training cannot continue from it", "checkpoint"
        )
    for name, network in game.networks.items():
        checkpoints.restore_module(network, saved.tensors[name])
    for name, optimiser in game.optimisers.items():
        checkpoints.restore_optimiser(optimiser, saved.tensors[name])
    if session.average:
        checkpoints.restore_module(session.average.network, saved.tensors.get("ema", saved.tensors["generator"]))
    if session.powers:
        session.powers.restore(saved.tensors)
    session.done = Done(values["iteration"], values["images_seen"], values["trained_s"])
    session.augment = values["augment"]
    session.sign_sum = torch.tensor(values["sign_sum"], device=session.machine.device)
    session.sign_count = values["sign_count"]
    session.best = dict(values.get("best", {}))
    session.diagnostics_state = dict(values.get("diagnostics", {}))


def checkpoint_name(iteration: int) -> str:
    """The folder name of a checkpoint."""
    return f"{iteration:08d}"


def save_checkpoint(session: Session, folder: Path) -> Path:
    """Write the session's checkpoint below `folder` (first rank only). Raises OSError."""
    return checkpoints.save(folder / checkpoint_name(session.done.iteration), capture(session))
