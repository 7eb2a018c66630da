"""The GANdam presets train like the author's Keras code: equal losses to that loop, written here with torch."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from small_runs import small_config
from torch import nn
from torch.nn import functional

from trainer.dataset import load_training_set
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.layers import BatchNorm2d
from trainer.networks import build_networks
from trainer.objectives import DiscriminatorValues
from trainer.protocol.config import TrainConfig
from trainer.protocol.events import Progress
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.run_directory import RunDirectory
from trainer.session import Session, make_session
from trainer.train_run import train_run

GANDAM = [name for name in preset_names() if name.startswith("gandam-")]
NEW = {
    "architecture": ("norm_eps", "dense_activation"),
    "objective": ("separate_steps", "fakes_batchnorm"),
}


def session_of(config: TrainConfig, run: RunDirectory, micro: int = 0) -> Session:
    device = torch.device("cpu")
    return make_session(config, load_training_set(run, config, device), Machine(device), Ranks(), 8, micro)


@pytest.mark.parametrize("preset", GANDAM)
def test_presets_hold_what_the_source_has(preset: str) -> None:
    config = load_preset(preset)
    assert config.objective.separate_steps
    assert config.objective.fakes_batchnorm == "inference"
    assert config.architecture.norm_eps == 1e-3
    assert config.architecture.dense_activation == ("relu" if config.architecture.discriminator_dense else "leaky")
    early = preset in ("gandam-part-1", "gandam-step-1-deeper-256")
    assert config.sampling.checkpoint_every == (2_000 if early else 10_000)
    networks = build_networks(small_config(preset))
    assert {m.eps for net in networks for m in net.modules() if isinstance(m, BatchNorm2d)} == {1e-3}


@pytest.mark.parametrize("preset", ["gandam-part-1", "gandam-step-3-dense-256"])
def test_iterations_are_those_of_the_authors_loop(preset: str, make_run: Callable[..., RunDirectory]) -> None:
    config = small_config(
        preset, "dropout=0", "discriminator_dense=12", "dense_activation=relu", "lr_d=1e-3", "lr_g=1e-3"
    )
    session = session_of(config, make_run("r", config))
    game = session.game
    generator, discriminator = copy.deepcopy(game.generator), copy.deepcopy(game.discriminator)
    assert [type(m) for m in discriminator.core][-2:] == [nn.Linear, nn.ReLU]
    of_g, of_d = (
        torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-7) for net in (generator, discriminator)
    )
    cost = functional.binary_cross_entropy_with_logits
    expected, found = [], []
    for number in range(4):
        draw = session.batches.draw("d", number, session.augment, True)
        assert draw.real is not None
        assert draw.noise is not None
        generator.eval()
        with torch.no_grad():
            fake = generator(draw.z)
        generator.train()
        losses = []
        for pictures, labels in ((draw.real, 1 - draw.noise[0]), (fake, draw.noise[1])):
            of_d.zero_grad()
            losses.append(cost(discriminator(pictures), labels))
            losses[-1].backward()
            of_d.step()
        later = session.batches.draw("g", number, session.augment, False)
        of_g.zero_grad()
        losses.append(cost(discriminator(generator(later.z)), torch.ones(8)))
        losses[-1].backward()
        of_g.step()
        expected.append([loss.item() for loss in losses])
        values = game.discriminator_turn(draw, None)
        found.append([values.loss_d_real.item(), values.loss_d_fake.item(), game.generator_phase(later).loss_g.item()])
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=1e-4, atol=1e-5)
    assert game.generator.training
    for ours, theirs in zip(game.generator.buffers(), generator.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("regulariser", ["none", "gp", "r1", "r1r2"])
@pytest.mark.parametrize("objective", ["bce", "hinge", "wasserstein", "least-squares"])
def test_the_two_steps_share_one_steps_loss_and_penalty(
    objective: str, regulariser: str, make_run: Callable[..., RunDirectory]
) -> None:
    more = [f"regulariser.kind={regulariser}", "regulariser.weight=3"] if regulariser != "none" else []
    config = small_config(
        "wgan-gp", f"objective.kind={objective}", "critic_steps=1", "discriminator_norm=none", "lr_d=0"
    )
    for text in more:
        section, _, rest = text.partition(".")
        name, _, value = rest.partition("=")
        typed = float(value) if name == "weight" else value
        values = config.to_json()
        values[section][name] = typed
        config = TrainConfig.from_json(values)
    both = session_of(config, make_run("r", config))
    twice_config = apply_overrides(config, ["objective.separate_steps=yes"])
    twice = session_of(twice_config, make_run("s", twice_config))
    weight = 3.0 if regulariser != "none" else None
    one = both.game.discriminator_phase(both.batches.draw("d", 0, 0.0, True), weight)
    draw = twice.batches.draw("d", 0, 0.0, True)
    parts = [twice.game.discriminator_phase(draw, weight, part) for part in twice.game.criterion.parts]
    assert len(parts) == 2
    # All but the norm, which is of two gradients instead of their sum. Rates of 0 leave the weights as they were.
    merged = DiscriminatorValues.merged(parts)
    torch.testing.assert_close(merged[:-1], one[:-1], rtol=1e-4, atol=1e-5)
    norms = torch.stack([part.grad_norm_d for part in parts])
    torch.testing.assert_close(merged.grad_norm_d, norms.norm())


def test_two_steps_in_micro_batches_are_those_of_the_whole_batch(make_run: Callable[..., RunDirectory]) -> None:
    texts = ["objective.separate_steps=yes", "objective.fakes_batchnorm=inference", "discriminator_norm=none"]
    config = small_config("dcgan", *texts)
    whole, parts = (session_of(config, make_run(name, config), micro) for name, micro in (("r", 8), ("s", 4)))
    found = []
    for session in (whole, parts):
        draw = session.batches.draw("d", 0, 0.0, True)
        values = session.game.discriminator_turn(draw, None)
        found.append((values, [parameter.clone() for parameter in session.game.parameters_d]))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-3, atol=1e-5)


def test_fakes_by_running_averages_leave_the_averages_alone(make_run: Callable[..., RunDirectory]) -> None:
    for kind, moves in (("train", True), ("inference", False)):
        config = small_config("hinge-sn", f"objective.fakes_batchnorm={kind}")
        session = session_of(config, make_run(kind, config))
        before = [buffer.clone() for buffer in session.game.generator.buffers()]
        session.game.discriminator_phase(session.batches.draw("d", 0, 0.0, True), None)
        pairs = zip(before, session.game.generator.buffers(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs) == moves


def test_a_run_made_before_these_settings_trains_as_it_did(make_run: Callable[..., RunDirectory]) -> None:
    values = small_config("gandam-part-1").to_json()
    for section, names in NEW.items():
        for name in names:
            del values[section][name]
    config = TrainConfig.from_json(values)
    assert (config.architecture.norm_eps, config.architecture.dense_activation) == (1e-5, "leaky")
    session = session_of(config, make_run("r", config))
    assert session.game.criterion.parts == ("both",)
    norms = [m for net in (session.game.generator, session.game.discriminator) for m in net.modules()]
    assert {m.eps for m in norms if isinstance(m, BatchNorm2d)} == {nn.BatchNorm2d(1).eps}


def test_adaptive_augmentation_sees_a_signal_of_two_steps(make_run: Callable[..., RunDirectory]) -> None:
    words = ["translation=0.2", "adaptive=yes", "target=-1", "objective.separate_steps=yes", "stop.iterations=32"]
    run = make_run("r", small_config("dcgan", *words))
    train_run(run)
    assert [event for event in run.events().read() if isinstance(event, Progress)][-1].augment_probability > 0
