"""Losses and penalties compared with values derived by hand and with finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from trainer.objectives import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    squared_gradient,
    zero_centred,
)
from trainer.protocol.config import describe_fields

# A flow has no discriminator: see test_trainer_flow.py.
KINDS = [one for field in describe_fields() if field.path == "objective.kind" for one in field.choices if one != "flow"]


def softplus(value: float) -> float:
    return math.log1p(math.exp(value))


def test_discriminator_losses_by_hand() -> None:
    x, g = torch.tensor([2.0, 0.5]), torch.tensor([-1.0, 0.25])
    wanted = {
        "bce": (softplus(-2) + softplus(-0.5)) / 2 + (softplus(-1) + softplus(0.25)) / 2,
        "wasserstein": (-1 + 0.25) / 2 - 1.25,
        "hinge": (0 + 0.5) / 2 + (0 + 1.25) / 2,
        "relativistic": (softplus(-3) + softplus(-0.25)) / 2,
        "least-squares": ((1 + 0.25) / 2 + (1 + 0.0625) / 2) / 2,
    }
    assert set(wanted) == set(KINDS)
    for kind, value in wanted.items():
        loss = discriminator_loss(kind, x, g)
        assert float(loss.total) == pytest.approx(value, rel=1e-6), kind
        assert float(loss.real + loss.fake) == pytest.approx(value, rel=1e-6), kind


def test_generator_losses_by_hand() -> None:
    g, x = torch.tensor([-1.0, 0.5]), torch.tensor([2.0, 0.0])
    assert float(generator_loss("bce", g)) == pytest.approx((softplus(1) + softplus(-0.5)) / 2)
    assert float(generator_loss("wasserstein", g)) == pytest.approx(0.25)
    assert float(generator_loss("hinge", g)) == pytest.approx(0.25)
    assert float(generator_loss("least-squares", g)) == pytest.approx((4 + 0.25) / 4)
    assert float(generator_loss("relativistic", g, x)) == pytest.approx((softplus(3) + softplus(-0.5)) / 2)
    with pytest.raises(ValueError, match="real"):
        generator_loss("relativistic", g)


def test_label_noise_moves_the_labels_and_nothing_else() -> None:
    x, g, noise = torch.tensor([1.5]), torch.tensor([-0.5]), torch.tensor([[0.1], [0.05]])
    loss = discriminator_loss("bce", x, g, noise)
    real = 0.9 * softplus(-1.5) + 0.1 * softplus(1.5)
    fake = 0.05 * softplus(0.5) + 0.95 * softplus(-0.5)
    assert float(loss.real) == pytest.approx(real, rel=1e-6)
    assert float(loss.fake) == pytest.approx(fake, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_agree_with_finite_differences(kind: str) -> None:
    torch.manual_seed(3)
    x = torch.randn(5, dtype=torch.float64, requires_grad=True)
    g = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda a, b: discriminator_loss(kind, a, b).total, (x, g))
    assert gradcheck(lambda b: generator_loss(kind, b, x.detach()), (g,))


def critic(weight: torch.Tensor):  # type: ignore[no-untyped-def]
    return lambda x: torch.tanh(x.flatten(1) @ weight).sum(1)


def test_the_penalty_of_a_linear_critic_is_its_slope() -> None:
    weight = torch.tensor([3.0, 4.0])
    x = torch.randn(6, 1, 1, 2, requires_grad=True)
    scores = x.flatten(1) @ weight
    assert torch.allclose(squared_gradient(scores, x), torch.full((6,), 25.0))
    assert float(zero_centred(x.flatten(1) @ weight, x, 0.5)) == pytest.approx(0.5 / 2 * 25)
    real, fake = torch.randn(6, 1, 1, 2), torch.randn(6, 1, 1, 2)
    found = gradient_penalty(lambda m: m.flatten(1) @ weight, real, fake, torch.rand(6), 10.0)
    assert float(found) == pytest.approx(10 * (5 - 1) ** 2, rel=1e-5)


def test_penalties_are_differentiable_for_the_critics_weights() -> None:
    torch.manual_seed(4)
    weight = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    real, fake = torch.randn(2, 3, 1, 2, 2, dtype=torch.float64)
    mix = torch.rand(3, dtype=torch.float64)

    def r1(w: torch.Tensor) -> torch.Tensor:
        x = real.clone().requires_grad_()
        return zero_centred(critic(w)(x), x, 2.0)

    assert gradcheck(r1, (weight,))
    assert gradcheck(lambda w: gradient_penalty(critic(w), real, fake, mix, 10.0), (weight,))
    assert gradgradcheck(lambda w: critic(w)(real).sum(), (weight,))


class Mixture:
    """Eight Gaussians on a circle of radius 2, deviation 0.05, which every objective must learn."""

    centres = torch.tensor([[2 * math.cos(i * math.pi / 4), 2 * math.sin(i * math.pi / 4)] for i in range(8)])

    @classmethod
    def draw(cls, count: int) -> torch.Tensor:
        return cls.centres[torch.randint(8, (count,))] + 0.05 * torch.randn(count, 2)

    @classmethod
    def covered(cls, points: torch.Tensor) -> int:
        """Modes with at least 1 % of the points within 0.4."""
        distance, nearest = torch.cdist(points, cls.centres).min(1)
        counts = torch.bincount(nearest[distance < 0.4], minlength=8)
        return int((counts > len(points) * 0.01).sum())


def play(kind: str, penalty: str, weight: float, steps: int) -> int:
    """Train two small perceptrons on the mixture; returns the modes that the averaged generator covers."""
    torch.manual_seed(0)

    def net(inside: int, outside: int) -> torch.nn.Sequential:
        layers = [
            torch.nn.Linear(inside, 64),
            torch.nn.LeakyReLU(0.2),
            torch.nn.Linear(64, 64),
            torch.nn.LeakyReLU(0.2),
        ]
        return torch.nn.Sequential(*layers, torch.nn.Linear(64, outside))

    generator, discriminator = net(8, 2), net(2, 1)
    of_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
    of_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.0, 0.9))

    def scores(points: torch.Tensor) -> torch.Tensor:
        return discriminator(points).squeeze(1)

    for _ in range(steps):
        real = Mixture.draw(128).requires_grad_(penalty == "r1")
        fake = generator(torch.randn(128, 8)).detach()
        x = scores(real)
        loss = discriminator_loss(kind, x, scores(fake)).total
        if penalty == "r1":
            loss = loss + zero_centred(x, real, weight)
        else:
            loss = loss + gradient_penalty(scores, real, fake, torch.rand(128), weight)
        of_d.zero_grad()
        loss.backward()
        of_d.step()
        loss = generator_loss(kind, scores(generator(torch.randn(128, 8))), scores(Mixture.draw(128)).detach())
        of_g.zero_grad()
        loss.backward()
        of_g.step()
    with torch.no_grad():
        return Mixture.covered(generator(torch.randn(2000, 8)))


@pytest.mark.parametrize(
    ("kind", "penalty", "steps"),
    [
        ("bce", "r1", 500),
        ("hinge", "r1", 500),
        ("relativistic", "r1", 500),
        ("least-squares", "r1", 500),
        ("wasserstein", "gp", 1000),
    ],
)
def test_every_objective_covers_the_modes_of_a_toy_mixture(kind: str, penalty: str, steps: int) -> None:
    assert play(kind, penalty, 0.2 if penalty == "r1" else 1.0, steps) >= 7
