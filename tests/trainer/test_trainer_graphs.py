"""Recorded steps equal plain steps exactly, with emulated CUDA graphs."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import weakref
from collections.abc import Callable

import emulated_cuda
import pytest
import torch
from emulated_cuda import Forbidden, Graph
from small_runs import ADVERSARIAL, small_config, training_set

from trainer import graphs, tuning
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.game import Game
from trainer.objectives import needs_reals, separates
from trainer.protocol.config import TrainConfig, describe_fields
from trainer.protocol.events import RunWarning
from trainer.protocol.run_directory import RunDirectory
from trainer.session import Session, make_session
from trainer.train_run import train_run
from trainer.tuning import time_steps

CPU = torch.device("cpu")
OBJECTIVES = tuple(
    kind
    for field in describe_fields()
    if field.path == "objective.kind"
    for kind in field.choices
    if kind != "flow"  # It has networks of its own: test_trainer_flow.
)
REGULARISERS = ("none", "gp", "r1", "r1r2")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Graph]:
    """Emulated graphs, and the list of those made."""
    return emulated_cuda.emulate(monkeypatch)


def session(config: TrainConfig, recorded: bool) -> Session:
    return make_session(config, training_set(config), Machine(CPU, graphs=recorded), Ranks(), 8)


def trained(config: TrainConfig, recorded: bool, iterations: int) -> dict[str, torch.Tensor]:
    """Values, weights and statistics after a few iterations, every other one with a penalty."""
    own = session(config, recorded)
    reals, penalised = needs_reals(config.objective.kind), config.regulariser.kind != "none"
    found: dict[str, torch.Tensor] = {}
    steps = config.objective.critic_steps
    for number in range(iterations):
        for step in range(number * steps, (number + 1) * steps):
            weight = 0.5 if penalised and step % 2 == (steps == 1 and iterations > 1) else None
            of_d = own.game.discriminator_turn(own.batches.draw("d", step, 1.0, True), weight)
            found[f"values of d {step}"] = torch.stack(of_d)
        of_g = own.game.generator_phase(own.batches.draw("g", number, 1.0, reals))
        found[f"values of g {number}"] = torch.stack(of_g)
    assert own.game.graphs == recorded, own.game.complaint
    for name in ("generator", "discriminator"):
        found |= {f"{name} {key}": value for key, value in getattr(own.game, name).state_dict().items()}
    return found


def assert_same(config: TrainConfig, iterations: int) -> None:
    plain, recorded = trained(config, False, iterations), trained(config, True, iterations)
    assert plain.keys() == recorded.keys()
    different = [name for name in plain if not torch.equal(plain[name], recorded[name])]
    assert not different, different[:5]


@pytest.mark.parametrize("preset", ADVERSARIAL)
def test_recorded_steps_are_the_plain_ones(preset: str, made: list[Graph]) -> None:
    """Values, weights, BatchNorm's statistics and spectral normalisation's vectors, bit for bit."""
    config = small_config(preset, "dropout=0", "critic_steps=2" if preset == "wgan-gp" else "translation=0.125")
    assert_same(config, 3)
    parts = 2 if separates(config) else 1
    assert len(made) == (parts if config.regulariser.kind == "none" else 2 * parts) + 1
    assert len({id(graph.pool) for graph in made}) == 1


def combined(preset: str, objective: str, regulariser: str) -> TrainConfig:
    settings = [f"objective.kind={objective}", f"regulariser.kind={regulariser}"]
    if regulariser != "none":
        settings.append("regulariser.weight=1")
    config = small_config(preset, "critic_steps=1", "ema.enabled=no", *settings)
    noise = config.objective.label_noise if objective == "bce" else 0.0
    return dataclasses.replace(
        config,
        objective=dataclasses.replace(config.objective, label_noise=noise),
        architecture=dataclasses.replace(config.architecture, dropout=0.0),
    )


# One of each family and normalisation; narrow, the others are the same networks.
FAMILIES = ("gandam-part-1", "dcgan", "hinge-sn", "wgan-gp", "sprite-r3", "sprite-r3-cpu")


@pytest.mark.parametrize("preset", FAMILIES)
def test_every_objective_and_regulariser_can_be_recorded(
    preset: str, made: list[Graph], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every objective with every regulariser, distributed over the families."""
    monkeypatch.setattr(graphs, "WARM_UPS", 1)
    turned = FAMILIES.index(preset)
    for number, objective in enumerate(OBJECTIVES):
        assert_same(combined(preset, objective, REGULARISERS[(number + turned) % len(REGULARISERS)]), 1)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ADVERSARIAL)
def test_every_combination_can_be_recorded(preset: str, made: list[Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "WARM_UPS", 1)
    for objective, regulariser in itertools.product(OBJECTIVES, REGULARISERS):
        assert_same(combined(preset, objective, regulariser), 1)


def test_the_emulation_refuses_what_a_recording_must_not_do(made: list[Graph]) -> None:
    x = torch.ones(3)
    for step in (
        lambda: x.sum().item(),
        lambda: x[x > 0],
        lambda: x + torch.tensor(2.0),
        lambda: torch.rand(3),
        lambda: torch.equal(x, x),
        lambda: x + torch.empty(3, device="meta"),
    ):
        with pytest.raises(Forbidden), torch.cuda.graph(torch.cuda.CUDAGraph()):
            step()


class Broken:
    """Recordings that fail at their end as CUDA's do, the first `times` of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int = 1_000) -> None:
        self.count = 0

        def finish(graph: Graph) -> None:
            self.count += 1
            if self.count <= times:
                raise error
            real(graph)

        real = Graph.finish
        monkeypatch.setattr(Graph, "finish", finish)


INVALID = RuntimeError("CUDA error: operation failed due to a previous error during capture")


def recording_run(
    make_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch, *settings: str
) -> RunDirectory:
    monkeypatch.setattr(tuning, "uses_graphs", lambda config, device: True)
    return make_run("r", small_config("dcgan", "stop.iterations=3", *settings))


def told(run: RunDirectory, about: str) -> list[str]:
    return [event.message for event in run.events().read() if isinstance(event, RunWarning) and event.about == about]


def test_a_recording_that_fails_leaves_no_trace(made: list[Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config("dcgan")
    plain = trained(config, False, 2)
    Broken(monkeypatch, INVALID)
    own = session(config, True)
    for number in range(2):
        own.game.discriminator_turn(own.batches.draw("d", number, 1.0, True), None)
        own.game.generator_phase(own.batches.draw("g", number, 1.0, False))
    assert not own.game.graphs
    assert "previous error" in own.game.complaint
    for name, value in own.game.generator.state_dict().items():
        assert torch.equal(value, plain[f"generator {name}"]), name


def test_training_goes_on_without_graphs_and_says_so_once(
    made: list[Graph], make_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    Broken(monkeypatch, INVALID)
    run = recording_run(make_run, monkeypatch)
    assert train_run(run).iteration == 3
    (message,) = told(run, "graphs")
    assert "previous error" in message


def test_trials_survive_a_recording_that_fails(
    made: list[Graph], make_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials run before training and without its fall-backs."""
    Broken(monkeypatch, INVALID)
    run = recording_run(make_run, monkeypatch, "batch.size=0")
    assert train_run(run).state == "finished"


def test_out_of_memory_while_recording_costs_the_graphs_before_the_batch(
    made: list[Graph], make_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is about the recording; the lack of memory is only its cause."""
    error = RuntimeError("CUDA error: operation failed due to a previous error during capture")
    error.__context__ = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
    Broken(monkeypatch, error)
    run = recording_run(make_run, monkeypatch)
    assert train_run(run).iteration == 3
    assert len(told(run, "graphs")) == 1
    assert told(run, "memory") == []


@pytest.mark.parametrize("why", ["off", "micro"])
def test_recordings_are_freed_when_they_are_of_no_more_use(why: str, made: list[Graph]) -> None:
    own = session(small_config("sprite-r3-cpu", "regulariser.every=1"), True)
    own.game.discriminator_turn(own.batches.draw("d", 0, 1.0, True), None)
    own.game.generator_phase(own.batches.draw("g", 0, 1.0, True))
    recorded = [weakref.ref(graph) for graph in made]
    made.clear()
    if why == "off":
        own.game.graphs = False
    else:
        own.game.micro = 4
    gc.collect()
    assert [graph() for graph in recorded] == [None, None]
    assert not any(parameter.grad is not None for parameter in own.game.parameters_g)  # They lay in its memory.
    own.game.discriminator_turn(own.batches.draw("d", 1, 1.0, True), None)
    assert made == []


def test_trials_try_every_step_that_training_will_take(made: list[Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config("sprite-r3-cpu")
    assert config.regulariser.every > 1
    seen: list[float | None] = []
    real = Game.discriminator_turn
    monkeypatch.setattr(
        Game, "discriminator_turn", lambda self, batch, weight: seen.append(weight) or real(self, batch, weight)
    )
    assert time_steps(config, training_set(config), Machine(CPU, graphs=True), 8, steps=1) > 0
    assert len(made) == 3
    assert {weight is None for weight in seen} == {True, False}


def test_an_iteration_is_reckoned_with_all_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several critic steps, few of them with a penalty: each counts as often as it occurs."""
    now = [0.0]
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: now[0])

    def takes(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(Game, "discriminator_turn", lambda self, batch, weight: takes(1.0 if weight is None else 9.0))
    monkeypatch.setattr(Game, "generator_phase", lambda self, batch: takes(100.0))
    config = small_config("wgan-gp", "regulariser.every=4", "critic_steps=5")
    assert time_steps(config, training_set(config), Machine(CPU), 8) == pytest.approx(5 * (9 + 3 * 1) / 4 + 100)
