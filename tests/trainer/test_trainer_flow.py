"""Flows: known velocity fields and transports, the loss by hand, and runs from start to export."""

from __future__ import annotations

import dataclasses
import json
import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from emulated_cuda import emulate
from PIL import Image
from small_runs import small_config, training_set
from torch import nn

from trainer.augmentation import AugmentParams, told
from trainer.batches import BatchSource, draw_times
from trainer.dataset import TrainingSet, snapped
from trainer.describe import describe_config
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.evaluate import evaluate_run
from trainer.export import export
from trainer.flow import FlowGame, noisy, weights
from trainer.generators import FlowGenerator, build_generator
from trainer.grids import draw_pictures
from trainer.interpolate import interpolate
from trainer.networks import parameter_count
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import FLOW_CURVES, Progress, RunStarted, SamplesSaved
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import Done, rates
from trainer.protocol.settings import Flow
from trainer.protocol.shapes import generator_parameters, stages
from trainer.randomness import latents
from trainer.sampling import load_trained, pictures, save_sample
from trainer.session import Session, make_session
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
CPU = torch.device("cpu")


def posterior_mean(x: torch.Tensor, times: torch.Tensor, means: torch.Tensor, spread: float) -> torch.Tensor:
    """E[picture | x_t] (B, D) of an even mixture of Gaussians at `means` (K, D) with deviation `spread`.

    x_t = (1 - t) z + t picture is Gaussian in each mode, with mean t m and variance v = (1 - t)^2 + t^2 spread^2; given
    the mode, the picture's mean is m + t spread^2 / v (x_t - t m).
    """
    t = times[:, None, None]
    variance = (1 - t) ** 2 + (t * spread) ** 2
    away = x[:, None] - t * means
    shares = torch.softmax(-(away.square().sum(2, keepdim=True)) / (2 * variance), 1)
    return (shares * (means + t * spread**2 / variance * away)).sum(1)


class Exact(FlowGenerator):
    """Draws a mixture by its exact velocity field; "pictures" have D channels of one pixel."""

    def __init__(self, means: torch.Tensor, spread: float, steps: int, solver: str = "euler") -> None:
        nn.Module.__init__(self)
        self.solver = solver
        self.shape, self.latent, self.classes, self.steps = (means.shape[1], 1, 1), means.shape[1], 0, steps
        self._means, self._spread = means.double(), spread

    def picture_in(self, x: torch.Tensor, times: torch.Tensor, *_: Any) -> torch.Tensor:
        found = posterior_mean(x.flatten(1).double(), times.double(), self._means, self._spread)
        return found.view_as(x).to(x.dtype)


EIGHT = torch.tensor([[math.cos(a), math.sin(a)] for a in torch.arange(8) * math.pi / 4]) * 0.8


SOLVERS = pytest.mark.parametrize("solver", ["euler", "dpm-solver++"])


@SOLVERS
def test_a_point_mass_is_drawn_exactly_in_any_number_of_steps(solver: str) -> None:
    point = torch.tensor([[0.25, -0.5]])
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    for steps in (1, 2, 7):
        drawn = Exact(point, 0.0, steps, solver)(z).flatten(1)
        assert torch.equal(drawn, point.expand(5, 2))


@SOLVERS
def test_one_dimension_is_transported_in_order(solver: str) -> None:
    """The flow of a line keeps its points in order, so noise at a quantile ends at that quantile of the mixture."""
    means, spread = torch.tensor([[-0.6], [0.2]]), 0.15
    shares = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    z = torch.distributions.Normal(0.0, 1.0).icdf(shares)
    drawn = Exact(means, spread, 1000, solver)(z[:, None].float()).flatten().double()
    normal = torch.distributions.Normal(means.flatten().double(), torch.tensor(spread, dtype=torch.float64))
    reached = normal.cdf(drawn[:, None]).mean(1)
    assert (reached - shares).abs().max() < 6e-3
    coarse = Exact(means, spread, 4)(z[:, None].float()).flatten()
    assert bool((coarse.diff() >= 0).all())


@pytest.mark.parametrize(("solver", "steps"), [("euler", 64), ("dpm-solver++", 96)])
def test_eight_gaussians_are_drawn_evenly(solver: str, steps: int) -> None:
    z = torch.randn(4000, 2, generator=torch.Generator().manual_seed(1))
    drawn = Exact(EIGHT, 0.05, steps, solver)(z).flatten(1)
    distance, mode = torch.cdist(drawn, EIGHT).min(1)
    counts = torch.bincount(mode, minlength=8)
    assert int(counts.min()) > 420  # 500 each, with a deviation of 21.
    assert int(counts.max()) < 580
    assert float(distance.square().mean().sqrt() / math.sqrt(2)) == pytest.approx(0.05, rel=0.1)


def test_what_was_trained_before_draws_as_before() -> None:
    values = load_preset("sprite-flow-cpu").to_json()
    assert values["flow"].pop("solver") == "dpm-solver++"
    assert TrainConfig.from_json(values).flow.solver == "euler"


@SOLVERS
@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_one_step_at_a_time_gives_the_same(solver: str, steps: int) -> None:
    """As exports draw, from any guess before the first step."""
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(3))
    flow = Exact(EIGHT, 0.1, steps, solver)
    x, guess = z.view(-1, *flow.shape), torch.full((4, 2, 1, 1), 9.0)
    for step in range(steps):
        x, guess = flow.stepped(x, guess, torch.tensor(step))
    torch.testing.assert_close(x, flow(z), rtol=1e-4, atol=1e-5)


def test_a_sketch_is_of_second_order() -> None:
    """Where the flow is smooth, as that of one Gaussian; and a point mass is reached at once."""
    mean, spread = torch.tensor([[0.3]]), 0.5
    z = torch.randn(400, 1, generator=torch.Generator().manual_seed(2))
    exact = (mean + spread * z).view(-1, 1, 1, 1)
    plain, coarse, fine = (
        float((drawn - exact).abs().mean())
        for drawn in (Exact(mean, spread, 16)(z), *(Exact(mean, spread, 1).sketched(z, steps) for steps in (6, 12)))
    )
    assert fine < 0.3 * coarse
    assert fine < 0.3 * plain
    point = torch.tensor([[0.25, -0.5]])
    assert torch.equal(Exact(point, 0.0, 8).sketched(torch.randn(5, 2), 3).flatten(1), point.expand(5, 2))


@pytest.mark.parametrize("loss", ["velocity", "picture"])
def test_the_loss_is_least_at_the_exact_field(loss: str) -> None:
    """At the least loss its slope along any function of place and time is 0: found by drawing, within chance."""
    settings, count = Flow(loss=loss, time_mean=0.0), 40_000
    source = torch.Generator().manual_seed(0)
    x = EIGHT[torch.randint(8, (count,), generator=source)] + 0.2 * torch.randn(count, 2, generator=source)
    z, times = torch.randn(count, 2, generator=source), draw_times(settings, count, source)
    x_t = noisy(x[:, :, None, None], z[:, :, None, None], times).flatten(1)
    places = torch.cat([torch.ones(count, 1), x_t, (3 * x_t).sin(), (2 * x_t).cos(), times[:, None] * x_t], 1)

    def slopes(spread: float) -> torch.Tensor:
        """In standard errors from 0."""
        errors = (posterior_mean(x_t, times, EIGHT, spread) - x) * weights(times, settings)[:, None]
        each = (errors[:, :, None] * places[:, None]).flatten(1)
        return each.mean(0) / each.std(0) * math.sqrt(count)

    assert float(slopes(0.2).abs().max()) < 4
    assert float(slopes(0.3).abs().max()) > 10


@pytest.mark.slow
def test_a_trained_network_comes_near_the_exact_field_and_draws_all_eight() -> None:
    """Of eight plain colours, where noise leaves open which: there the guess is a mean of several, known exactly."""
    settings = (
        "generator_channels=16,16,16", "flow.time_mean=-2", "flow.steps=24", "optimiser.lr_g=4e-3", "batch.size=16",
        "schedule.warmup=0", "augmentation.probability=0", "stop.iterations=150", "ema.half_life=500",
    )  # fmt: skip
    config = small_config("sprite-flow-cpu", *settings)
    levels = ((torch.cat([EIGHT, torch.zeros(8, 1)], 1) + 1) * 127.5).round().byte()
    data = TrainingSet(
        levels[:, None, None].expand(8, 32, 32, 3).contiguous(), torch.arange(8), torch.arange(0), None, None, (),
        torch.ones(3),
    )  # fmt: skip
    session = make_session(config, data, Machine(CPU), Ranks(), 16)
    assert isinstance(session.game, FlowGame)
    for step in range(config.stop.iterations):
        now = rates(config, session.done)
        session.game.set_rates(now.factor, now.beta2)
        session.game.step(session.batches.draw("flow", step, 0.0, with_reals=True))
        session.end_iteration()
    colours = levels.float() / 127.5 - 1
    pictures_ = colours[:, :, None, None].expand(8, 3, 32, 32)
    source = torch.Generator().manual_seed(5)
    session.sampler.eval()
    assert isinstance(session.sampler, FlowGenerator)
    for time, most in ((0.05, 0.2), (0.1, 0.1)):
        x, times = pictures_[torch.randint(8, (256,), generator=source)], torch.full((256,), time)
        x_t = noisy(x, torch.randn(x.shape, generator=source), times)
        means = pictures_.flatten(1).double()
        exact = posterior_mean(x_t.flatten(1).double(), times.double(), means, 0.0).float().view_as(x)
        assert float((exact - x).square().mean()) > 0.02, "it is left open which"
        with torch.no_grad():
            errors = session.sampler.picture_in(x_t, times) - exact
        assert float(errors.square().mean() / (exact - exact.mean(0)).square().mean()) < most
    drawn = draw_pictures(session.sampler, latents(7, "eight", 128, session.sampler.latent), data.fill)
    distance, mode = torch.cdist((torch.from_numpy(drawn).float() / 127.5 - 1).mean((1, 2)), colours).min(1)
    assert int(torch.bincount(mode, minlength=8).min()) >= 5  # 16 each, if evenly.
    assert float(distance.mean()) < 0.25  # Two neighbours are .61 apart.


def test_times_are_logit_normal() -> None:
    settings = Flow(time_mean=-0.6, time_spread=0.8)
    times = draw_times(settings, 20_000, torch.Generator().manual_seed(0))
    logits = torch.log(times / (1 - times))
    assert float(logits.mean()) == pytest.approx(-0.6, abs=0.02)
    assert float(logits.std()) == pytest.approx(0.8, abs=0.02)


def flow_session(config: TrainConfig, machine: Machine | None = None, micro: int = 0, count: int = 24) -> Session:
    return make_session(config, training_set(config, count), machine or Machine(CPU), Ranks(), 8, micro)


def stirred(session: Session) -> FlowGame:
    """The session's game with weights that are not those of the start, which draws nothing."""
    game = session.game
    assert isinstance(game, FlowGame)
    source = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in game.parameters_g:
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=source))
    return game


@pytest.mark.parametrize("prediction", ["picture", "velocity"])
@pytest.mark.parametrize("loss", ["picture", "velocity"])
def test_the_loss_by_hand(prediction: str, loss: str) -> None:
    """Both predictions have both losses: |v' - v|^2 = |x' - x|^2 / (1 - t)^2 where nothing is clamped."""
    config = small_config("sprite-flow-cpu", f"flow.prediction={prediction}", f"flow.loss={loss}", "flow.time_mean=-2")
    config = dataclasses.replace(config, flow=dataclasses.replace(config.flow, clamp=1e-4))
    session = flow_session(config)
    game, batch = stirred(session), session.batches.draw("flow", 0, 0.0, with_reals=True)
    values = game.step(batch)
    again = stirred(flow_session(config))
    x, z, times = batch.real, batch.z.view_as(batch.real), batch.times.view(-1, 1, 1, 1)
    x_t = (1 - times) * z + times * x
    net = again.generator.core
    with torch.no_grad():
        out = net(x_t, net.told(batch.times))
    if prediction == "picture":
        picture, velocity = out, (out - x_t) / (1 - times)
    else:
        picture, velocity = x_t + (1 - times) * out, out
    wanted = (picture - x).square().mean() if loss == "picture" else (velocity - (x - z)).square().mean()
    assert float(values.loss) == pytest.approx(float(wanted), rel=1e-4)
    errors = (picture - x).square().mean((1, 2, 3))
    for part, name in enumerate(FLOW_CURVES[1:4]):
        inside = errors[(batch.times * 3).long() == part]
        value = float(getattr(values, name))
        assert (math.isnan(value) and not len(inside)) or value == pytest.approx(float(inside.mean()), rel=1e-4)


def test_the_clamp_bounds_what_hardly_noisy_pictures_count() -> None:
    times = torch.tensor([0.0, 0.5, 0.9, 0.99])
    assert weights(times, Flow(clamp=0.2)).tolist() == pytest.approx([1, 4, 25, 25])
    assert weights(times, Flow(loss="picture")).tolist() == [1.0] * 4


def test_gradients_are_the_slopes_of_the_loss() -> None:
    config = small_config("sprite-flow-cpu", "optimiser.lr_g=0")
    session = flow_session(config)
    game, batch = stirred(session), session.batches.draw("flow", 0, 0.0, with_reals=True)
    game.gradients(batch)
    for parameter in (game.generator.core.enter.weight, game.generator.core.middle.scale_shift.bias):
        flat, place = parameter.data.view(-1), int(parameter.grad.abs().argmax())
        slope = float(parameter.grad.flatten()[place])
        kept, found = float(flat[place]), []
        for way in (1e-2, -1e-2):
            flat[place] = kept + way
            game.generator.zero_grad()
            found.append(float(game.gradients(batch)[0]))
        flat[place] = kept
        assert (found[0] - found[1]) / 2e-2 == pytest.approx(slope, rel=0.05)
        game.generator.zero_grad()
        game.gradients(batch)


def test_micro_batches_have_the_gradients_of_the_whole_batch() -> None:
    config = small_config("sprite-flow", "data.condition=a")
    found = []
    for micro in (8, 3):
        session = flow_session(config, micro=micro)
        game = stirred(session)
        found.append((game.step(session.batches.draw("flow", 0, 1.0, with_reals=True)), game.parameters_g))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-6, equal_nan=True)
    for one, two in zip(found[0][1], found[1][1], strict=True):
        assert (one.grad is None) == (two.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(one.grad, two.grad, rtol=1e-3, atol=1e-5)


def test_a_long_gradient_is_clipped_and_reported_as_it_was() -> None:
    config = small_config("sprite-flow-cpu", "optimiser.clip=0.5")
    session = flow_session(config)
    game = stirred(session)
    norm = float(game.step(session.batches.draw("flow", 0, 0.0, with_reals=True)).grad_norm_g)
    after = torch.nn.utils.get_total_norm([p.grad for p in game.parameters_g if p.grad is not None])
    assert norm > 0.5
    assert float(after) == pytest.approx(0.5, rel=1e-3)


def test_classes_are_sometimes_not_told() -> None:
    config = small_config("sprite-flow-cpu", "data.condition=a,b", "flow.class_drop=0.25")
    data = dataclasses.replace(training_set(config), labels=torch.arange(24) % 3, class_names=("a", "b", "(other)"))
    source = BatchSource(config, data, 400, Ranks())
    labels = source.draw("flow", 0, 0.0, with_reals=True).labels
    assert labels is not None
    assert 60 < int((labels == 3).sum()) < 140
    known = source.draw("flow", 0, 0.0, with_reals=True)
    assert torch.equal(labels, known.labels)
    config = dataclasses.replace(config, flow=dataclasses.replace(config.flow, class_drop=0.0))
    assert int(BatchSource(config, data, 400, Ranks()).draw("flow", 0, 0.0, True).labels.max()) < 3


def test_guidance_pushes_towards_the_class() -> None:
    config = small_config("sprite-flow-cpu", "data.condition=a,b", "flow.guidance=2.5")
    session = flow_session(config)
    network = stirred(session).generator
    network.steps = 1
    z = torch.randn(3, network.latent, generator=torch.Generator().manual_seed(0))
    x, start, untold = z.view(3, *network.shape), torch.zeros(3), torch.full((3,), 3)
    with torch.no_grad():
        of_class, without = (network.picture_in(x, start, labels) for labels in (torch.arange(3), untold))
        torch.testing.assert_close(network(z, torch.arange(3)), without + 2.5 * (of_class - without))
        torch.testing.assert_close(network(z), without)
    assert float((of_class - without).abs().max()) > 1e-3


def test_what_was_changed_is_told_and_nothing_for_unchanged_pictures() -> None:
    shift = torch.tensor([[0, 0], [2, -1]])
    changes = AugmentParams(shift=shift, saturation=torch.tensor([0.0, 0.1]))
    numbers = told(changes, 32)
    assert numbers[0].tolist() == [0.0] * 9
    assert numbers[1].tolist() == pytest.approx([0.5, -0.25, 0, 0, 0, 0, 0.4, 0, 0])
    turned = told(AugmentParams(turns=torch.tensor([0, 1, 3]), hole=torch.tensor([[-8, -8], [0, 4], [-8, -8]])), 32)
    assert turned[:, 2:5].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert turned[:, 8].tolist() == [0, 1, 0]


def test_the_network_hears_how_pictures_were_changed() -> None:
    session = flow_session(small_config("sprite-flow-cpu"))
    network = stirred(session).generator
    x, times = torch.randn(1, *network.shape), torch.tensor([0.3])
    changes = told(AugmentParams(shift=torch.tensor([[3, 0]])), 32)
    with torch.no_grad():
        plain, changed = network.picture_in(x, times), network.picture_in(x, times, None, changes)
        unchanged = network.picture_in(x, times, None, torch.zeros(1, 9))
    assert torch.equal(plain, unchanged)
    assert float((plain - changed).abs().max()) > 1e-4


@pytest.mark.parametrize(("name", "size"), [("sprite-flow-cpu", 32), ("sprite-flow-cpu", 128), ("sprite-flow", 32)])
def test_parameters_are_counted_without_building(name: str, size: int) -> None:
    config = apply_overrides(fit_data(load_preset(name), size, 4), ["data.condition=a"])
    network = build_generator(config)
    counted = generator_parameters(config.architecture, stages(config.architecture, size), config.data, 2)
    matrices = sum(parameter.numel() for parameter in network.parameters() if parameter.ndim > 1)
    assert counted == matrices
    assert network.core.patch == 2, "larger pictures get more stages, not larger squares"
    facts = describe_config(config)
    assert facts["generator"]["parameters"] == parameter_count(network)
    with torch.no_grad():
        network.steps = 1
        assert network(torch.zeros(2, network.latent)).shape == (2, 4, size, size)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (["objective.kind=bce"], "objective.kind"),
        (["architecture.kind=dcgan"], "objective.kind"),
        (["architecture.patch=4"], "generator_channels"),
        (["architecture.generator_channels=8,8"], "generator_channels"),
        (["regulariser.kind=gp"], "regulariser.kind"),
        (["augmentation.adaptive=yes"], "adaptive"),
        (["optimiser.lr_d=1e-3"], "lr_d"),
        (["architecture.latent=9"], "latent"),
        (["flow.guidance=2"], "guidance"),
    ],
)
def test_what_a_flow_does_not_have_is_refused(settings: list[str], named: str) -> None:
    with pytest.raises(TrainerError, match=named):
        apply_overrides(load_preset("sprite-flow-cpu"), settings)


def test_other_runs_have_no_flow() -> None:
    with pytest.raises(TrainerError, match=r"flow\.steps has no effect"):
        apply_overrides(load_preset("dcgan"), ["flow.steps=3"])
    with pytest.raises(TrainerError, match="flow goes with networks of kind unet"):
        apply_overrides(load_preset("dcgan"), ["objective.kind=flow"])


def test_recorded_steps_are_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and weights, bit for bit, with everything that a flow's step can hold."""
    made = emulate(monkeypatch)
    config = small_config(
        "sprite-flow", "data.condition=a,b", "augmentation.rotation=yes", "contrast=0.1", "cutout=0.2"
    )
    data = dataclasses.replace(training_set(config), labels=torch.arange(24) % 3, class_names=("a", "b", "(other)"))
    found = []
    for recorded in (False, True):
        session = make_session(config, data, Machine(CPU, graphs=recorded), Ranks(), 8)
        game = stirred(session)
        values = [game.step(session.batches.draw("flow", number, 1.0, True)) for number in range(3)]
        assert game.graphs == recorded, game.complaint
        found.append(
            torch.cat([torch.stack(step).nan_to_num(-1) for step in values] + [p.flatten() for p in game.parameters_g])
        )
    assert torch.equal(*found)
    assert len(made) == 1


def test_a_learning_rate_that_rises_at_first() -> None:
    config = apply_overrides(load_preset("sprite-flow-cpu"), ["schedule.warmup=4", "schedule.end_factor=1"])
    found = [rates(config, Done(iteration)).factor for iteration in range(6)]
    assert found == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_what_is_nearly_background_becomes_background() -> None:
    white = torch.ones(3)
    pixels = np.array([[[[255, 255, 255], [238, 250, 255], [237, 255, 255], [0, 0, 0]]]], np.uint8)
    assert snapped(pixels, white, 0) is pixels
    assert snapped(pixels, white, 17)[0, 0].tolist() == [[255] * 3, [255] * 3, [237, 255, 255], [0, 0, 0]]
    clear = torch.tensor([1.0, 1.0, 1.0, -1.0])
    pixels = np.array([[[[9, 9, 9, 17], [9, 9, 9, 18], [9, 9, 9, 238], [9, 9, 9, 255]]]], np.uint8)
    found = snapped(pixels.copy(), clear, 17)[0, 0]
    assert found[0, 3] == 0
    assert found[:, 3].tolist() == [0, 18, 255, 255]
    assert found[1:, :3].tolist() == [[9, 9, 9]] * 3


@pytest.fixture(scope="module", params=[3, 4], ids=["opaque", "with alpha"])
def trained(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> RunDirectory:
    """A flow of a few iterations on little pictures."""
    from small_runs import shapes

    from trainer.protocol import files

    folder = tmp_path_factory.mktemp("flow")
    config = small_config(
        "sprite-flow-cpu", "stop.iterations=12", "sampling.every=6", "sampling.count=9", "data.condition=a", "snap=17",
        "progress_every=1", channels=request.param,
    )  # fmt: skip
    np.save(folder / "a.npy", shapes(40, request.param))
    tags = [["a"] if number % 2 else [] for number in range(40)]
    split = ["train"] * 32 + ["test"] * 8
    facts = {"ids": [f"{n:064x}" for n in range(40)], "background": [255] * 3, "tags": tags, "split": split}
    files.write_json(folder / "a.json", facts)
    run = RunDirectory.create(folder / "r", config, folder / "a.npy", folder / "a.json")
    assert train_run(run).state == "finished"
    return run


def test_a_run_tells_its_own_curves_and_has_no_discriminator(trained: RunDirectory) -> None:
    told_ = trained.events().read()
    started = next(event for event in told_ if isinstance(event, RunStarted))
    assert (started.discriminator_parameters, started.generator_parameters > 0) == (0, True)
    curves: dict[str, list[float | None]] = {name: [] for name in FLOW_CURVES}
    for event in told_:
        if isinstance(event, Progress):
            assert tuple(event.curves) == FLOW_CURVES
            assert event.lr_d == 0
            for name, values in event.curves.items():
                curves[name] += values
    assert all(len(values) == 12 for values in curves.values())
    assert None not in curves["loss"]
    noise = [[curves[name][n] for name in FLOW_CURVES[1:4]] for n in range(12)]
    assert all(any(value is not None for value in row) for row in noise)
    names = {path.name for path in trained.newest_checkpoint().iterdir()}
    assert names == {"ema.safetensors", "generator.safetensors", "optimiser_g.safetensors", "state.json"}
    kinds = {event.kind for event in told_}
    assert {"samples_saved", "run_finished", "checkpoint_saved"} <= kinds


def test_grids_are_kept_as_they_were_drawn_too(make_run: Callable[..., RunDirectory]) -> None:
    # What a network draws after two steps is grey, so that much has to count as near the background.
    run = make_run("r", small_config("sprite-flow-cpu", "stop.iterations=2", "sampling.every=1", "snap=127"))
    assert train_run(run).state == "finished"

    def read(path: str) -> np.ndarray:
        return np.asarray(Image.open(run.path / path))[None]

    (*_, saved) = (event for event in run.events().read() if isinstance(event, SamplesSaved))
    for which in ("fixed", "random"):
        finished, raw = read(saved.grid(which)), read(saved.grid(which, raw=True))
        assert not np.array_equal(finished, raw)
        assert np.array_equal(finished, snapped(raw, torch.ones(3), 127))


def test_what_needs_no_cleaning_is_kept_once(make_run: Callable[..., RunDirectory]) -> None:
    run = make_run("r", small_config("sprite-flow-cpu", "stop.iterations=2", "sampling.every=1", "snap=0"))
    assert train_run(run).state == "finished"
    (*_, saved) = (event for event in run.events().read() if isinstance(event, SamplesSaved))
    assert (saved.raw_fixed, saved.raw_random) == ("", "")
    assert saved.grid("fixed", raw=True) == saved.fixed
    assert not list(run.samples_path.glob("raw-*"))


def test_samples_are_drawn_in_full_steps_raw_or_finished(trained: RunDirectory, tmp_path: Path) -> None:
    whole = load_trained(trained)
    assert (whole.steps, whole.snap) == (3, 17)
    finished, raw = pictures(whole, 5, 1), pictures(load_trained(trained, raw=True), 5, 1)
    assert np.array_equal(finished, snapped(raw, whole.fill, 17))
    few = load_trained(trained, steps=1)
    assert not np.array_equal(pictures(few, 5, 1), finished)
    assert np.array_equal(pictures(whole, 2, 1), finished[:2])
    facts = save_sample(trained, 4, 0, tmp_path / "s.png", trained=few)
    assert (facts["snap"], facts["steps"]) == (17, 1)
    with Image.open(tmp_path / "s.png") as picture:
        assert json.loads(picture.text["gandam"])["steps"] == 1  # type: ignore[attr-defined]
    with pytest.raises(TrainerError, match="steps must be from 1"):
        load_trained(trained, steps=0)


def test_the_walk_between_samples_goes_through_them(trained: RunDirectory, tmp_path: Path) -> None:
    model = load_trained(trained)
    facts = interpolate(model, tmp_path / "walk.png", 1, points=2, steps=3, tag="a")
    assert facts["frames"] == 6
    with Image.open(tmp_path / "walk.png") as sheet:
        cells = np.asarray(sheet).reshape(2, 32, 3, 32, -1).swapaxes(1, 2)
    ends = pictures(model, 2, 1, "a")
    for row in (0, 1):
        assert np.abs(cells[row, 0].astype(int) - ends[row].astype(int)).max() <= 1


def test_an_exported_flow_draws_the_same(trained: RunDirectory, tmp_path: Path) -> None:
    formats = ("safetensors", "torchscript")
    model = load_trained(trained)
    done = export(model, tmp_path / "out", formats)
    assert done["files"].keys() == {"generator.safetensors", "generator.pt"}
    about = json.loads((tmp_path / "out" / "generator.json").read_text())
    assert about["inputs"]["z"] == ["batch", model.config.data.channels * 32 * 32]


@SOLVERS
@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_a_flow_is_drawn_from_without_this_program(
    trained: RunDirectory, tmp_path: Path, engine: str, solver: str
) -> None:
    if engine == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package, reason="the extra [export] is not installed")
    model = load_trained(trained)
    config = dataclasses.replace(model.config, flow=dataclasses.replace(model.config.flow, solver=solver))
    model = dataclasses.replace(model, config=config)
    assert isinstance(model.generator, FlowGenerator)
    model.generator.solver = solver
    assert (model.steps, model.snap, len(model.classes)) == (3, 17, 2)  # All that makes a flow's samples differ.
    done = export(model, tmp_path / "out", ("safetensors" if engine == "torch" else "onnx",), run=trained)
    assert max(done["files"].values()) < 1e-3
    example = runpy.run_path(str(tmp_path / "out" / "draw.py"), run_name="example")
    about = json.loads((tmp_path / "out" / "generator.json").read_text())
    z = example["latents"](3, 3, about["inputs"]["z"][1])
    found = example["pixels"](example[f"with_{engine}"](about, z, np.arange(3) % 2), about).astype(int)
    wanted = pictures(model, 3, 3).astype(int)
    far = np.abs(found - wanted).max(3) > 1
    assert far.mean() < 0.002  # A colour just at the edge of the background may fall on either side.


def test_a_flow_is_evaluated_as_other_runs_are(trained: RunDirectory) -> None:
    facts = evaluate_run(trained, samples=32)
    assert facts["verdict"]
    assert facts["iteration"] == 12
