"""The trainer's DCGAN equals the well-known example: same losses as that loop, written here with torch alone."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from small_runs import small_config
from torch.nn import functional

from trainer.dataset import load_training_set
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.protocol.run_directory import RunDirectory
from trainer.session import make_session

# Wide enough for the fast convolutions to take part; the report's fixed batch, as its preset has it.
WIDE = ["generator_channels=64,64,32,32", "discriminator_channels=32,32,64,64"]


@pytest.mark.parametrize("winograd", [False, True])
@pytest.mark.parametrize("preset", ["dcgan", "pokesprite-overfit-128"])
def test_iterations_are_those_of_the_plain_loop(
    preset: str, winograd: bool, make_run: Callable[..., RunDirectory]
) -> None:
    config = small_config(preset, *WIDE)
    device = torch.device("cpu")
    data = load_training_set(make_run("r", config), config, device)
    session = make_session(config, data, Machine(device, channels_last=winograd, winograd=winograd), Ranks(), 8)
    game = session.game
    generator, discriminator = copy.deepcopy(game.generator), copy.deepcopy(game.discriminator)
    for layer in (*generator.modules(), *discriminator.modules()):
        if hasattr(layer, "winograd"):
            layer.winograd = False
    of_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    of_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    cost = functional.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(8), torch.zeros(8)
    expected, found = [], []
    for number in range(4):
        draw = session.batches.draw("d", number, session.augment, True)
        assert draw.real is not None
        of_d.zero_grad()
        on_real = cost(discriminator(draw.real.clone()), ones)
        fake = generator(draw.z)
        on_fake = cost(discriminator(fake.detach()), zeros)
        (on_real + on_fake).backward()
        of_d.step()
        of_g.zero_grad()
        of_generator = cost(discriminator(fake), ones)
        of_generator.backward()
        of_g.step()
        expected.append([on_real.item() + on_fake.item(), of_generator.item()])
        values = game.discriminator_phase(draw, None)
        ours = game.generator_phase(session.batches.draw("g", number, session.augment, False))
        found.append([values.loss_d.item(), ours.loss_g.item()])
    assert expected[0][0] > 1.1 * expected[-1][0]  # They learned, so that the later losses tell of the updates too.
    # Rounding grows: Adam's first steps are as long for a gradient of 1e-9 as for one of 1.
    torch.testing.assert_close(torch.tensor(found[:1]), torch.tensor(expected[:1]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=5e-3, atol=1e-4)
