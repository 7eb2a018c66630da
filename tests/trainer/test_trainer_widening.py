"""Wider last stages where there is time for them: what decides, what is kept, and that nothing else notices."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from small_runs import small_config, training_set

from trainer import checkpoints, train_run, tuning
from trainer.cli import main
from trainer.create_run import fork_run
from trainer.describe import describe_config
from trainer.distributed import Ranks
from trainer.exploring.models import open_model
from trainer.preflight import preflight
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import CheckpointSaved, RunStarted, RunWarning
from trainer.protocol.overrides import SettingRefused, apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.widening import is_open, settled

MakeRun = Callable[..., RunDirectory]
CPU = torch.device("cpu")
OPEN = ["architecture.wide_channels=12,9", "architecture.wide_from=5"]
NARROW, WIDE = ((16, 12, 8, 6), (6, 8, 12, 16)), ((16, 12, 12, 9), (9, 12, 12, 16))
WIDE_BY_HAND = ["generator_channels=16,12,12,9", "discriminator_channels=9,12,12,16"]
QUIET = ["sampling.every=1000", "diagnostics.enabled=no"]


def open_config(*overrides: str) -> TrainConfig:
    """Narrow networks whose last stages are wider with time for 5 iterations, of 8 pictures each."""
    return small_config("sprite-r3-cpu", *OPEN, *QUIET, *overrides)


def channels(config: TrainConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return config.architecture.generator_channels, config.architecture.discriminator_channels


def chosen(config: TrainConfig) -> tuple[TrainConfig, str]:
    return tuning.choose_networks(config, training_set(config), CPU, Ranks())


def told(run: RunDirectory) -> list[str]:
    return [e.message for e in run.events().read() if isinstance(e, RunWarning) and e.about == "wider"]


@pytest.fixture
def not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> float:
        raise AssertionError("this limit needs no measuring")

    monkeypatch.setattr(tuning, "time_steps", refuse)


@pytest.fixture
def half_a_second(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """Every iteration takes half a second; the configurations that were timed."""
    timed: list[TrainConfig] = []

    def timing(config: TrainConfig, *_: object) -> float:
        timed.append(config)
        return 0.5

    monkeypatch.setattr(tuning, "time_steps", timing)
    return timed


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (["stop.iterations=5"], WIDE),
        (["stop.iterations=4"], NARROW),
        (["stop.iterations=0", "stop.images=33"], WIDE),
        (["stop.iterations=0", "stop.images=32"], NARROW),
        (["stop.iterations=100", "stop.images=32"], NARROW),
        (["stop.iterations=4", "stop.images=3200"], NARROW),
        (["stop.iterations=4", "stop.minutes=1000"], NARROW),
        (["stop.iterations=0", "schedule.kind=constant", "regulariser.weight_end=-1"], WIDE),
    ],
)
@pytest.mark.usefixtures("not_timed")
def test_limits_that_count_decide_without_measuring(limits: list[str], expected: object) -> None:
    found, said = chosen(open_config(*limits))
    assert channels(found) == expected
    assert not is_open(found)
    assert bool(said) == (expected == WIDE)
    assert chosen(found) == (found, ""), "and only once"


@pytest.mark.parametrize(("seconds", "expected"), [(2.5, WIDE), (2.0, NARROW), (0.001, NARROW)])
def test_minutes_are_divided_by_what_an_iteration_of_the_wide_networks_takes(
    seconds: float, expected: object, half_a_second: list[TrainConfig]
) -> None:
    found, _ = chosen(open_config("stop.iterations=0", f"stop.minutes={seconds / 60!r}"))
    assert channels(found) == expected
    assert [channels(config) for config in half_a_second] == [WIDE]


def test_the_nearest_of_several_limits_counts(half_a_second: list[TrainConfig]) -> None:
    assert channels(chosen(open_config("stop.iterations=9", f"stop.minutes={2 / 60!r}"))[0]) == NARROW
    assert channels(chosen(open_config("stop.iterations=9", "stop.minutes=1"))[0]) == WIDE
    assert len(half_a_second) == 2


def test_networks_that_do_not_fit_in_memory_stay_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> float:
        raise MemoryError

    monkeypatch.setattr(tuning, "time_steps", full)
    assert channels(chosen(open_config("stop.iterations=0", "stop.minutes=60"))[0]) == NARROW


def test_an_automatic_batch_is_found_before_pictures_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "choose_batch", lambda *_: 4)
    for images, expected in ((17, WIDE), (16, NARROW)):
        config = open_config("batch.size=0", "stop.iterations=0", f"stop.images={images}")
        assert channels(chosen(config)[0]) == expected


@pytest.mark.usefixtures("half_a_second")
def test_what_is_said_has_the_iterations_and_the_channels() -> None:
    assert chosen(open_config("stop.iterations=6000"))[1].startswith("there is time for 6,000 iterations, so the last")
    said = chosen(open_config("stop.iterations=0", "stop.minutes=74.7"))[1]
    assert said.startswith("there is time for about 9,000 iterations, so")
    assert "(12 and 9 channels)" in said


def test_real_steps_are_timed_within_seconds() -> None:
    """An hour is enough for 5 iterations, a microsecond is not, whatever the machine."""
    assert channels(chosen(open_config("stop.iterations=0", "stop.minutes=60"))[0]) == WIDE
    assert channels(chosen(open_config("stop.iterations=0", "stop.minutes=1e-8"))[0]) == NARROW


def test_a_slow_machine_is_timed_by_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now, taken = [0.0], []
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: now[0])

    class Slow:
        def step(self) -> None:
            taken.append(1)
            now[0] += tuning.WIDTH_BUDGET_S / 1.5

        def seconds(self) -> float:
            return tuning.WIDTH_BUDGET_S / 1.5

    monkeypatch.setattr(tuning, "_started", lambda *_: Slow())
    assert channels(chosen(open_config("stop.iterations=0", "stop.minutes=60"))[0]) == WIDE
    assert len(taken) == 2


def test_nothing_is_said_where_the_wider_stages_are_left_out() -> None:
    """Networks written for pictures of 128 px leave out the outer two for 32 px."""
    config = open_config(
        "architecture.size=128", "generator_channels=16,12,12,12,8,6", "discriminator_channels=6,8,12,12,12,16",
        "wide_from=5", "stop.iterations=5",
    )  # fmt: skip
    wide, said = chosen(config)
    assert wide.architecture.generator_channels == (16, 12, 12, 12, 12, 9)
    assert said == ""


def test_a_run_that_has_not_trained_is_refused_for_what_it_lacks(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", open_config("stop.iterations=5"))
    with pytest.raises(TrainerError) as refused:
        fork_run(tmp_path / "f", run, [])
    assert "wide_from" not in str(refused.value)


def test_channels_set_by_hand_stay() -> None:
    preset = load_preset("sprite-r3-cpu")
    assert is_open(preset)
    for by_hand in ("generator_channels=96,48,16,8", "discriminator_channels=16,16,48,96"):
        config = apply_overrides(preset, [by_hand])
        assert not is_open(config)
        assert channels(settled(config, None)) == channels(config)
    both = apply_overrides(preset, ["generator_channels=96,48,16,16", "wide_from=7"])
    assert is_open(both), "unless both are set"
    assert not is_open(apply_overrides(preset, ["wide_from=0"]))
    assert is_open(apply_overrides(preset, ["optimiser.lr_g=1e-4", "data.size=64"]))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["wide_channels=40,24,16,12,8"], "architecture.wide_channels"),
        (["wide_channels=16384,16384"], "architecture.wide_channels"),
        (["wide_channels=0"], "wide_channels"),
        (["wide_from=0", "wide_channels=32"], "architecture.wide_channels"),
        (["wide_channels=", "wide_from=9"], "architecture.wide_from"),
    ],
)
def test_wide_channels_that_cannot_be(words: list[str], named: str) -> None:
    with pytest.raises(SettingRefused, match=named):
        apply_overrides(load_preset("sprite-r3-cpu"), words)


def test_the_preset_is_as_measured() -> None:
    """docs/experiments.md compares these networks."""
    preset = load_preset("sprite-r3-cpu")
    assert channels(preset) == ((96, 48, 16, 8), (8, 16, 48, 96))
    assert channels(settled(preset, preset.architecture.wide_from)) == ((96, 48, 24, 16), (16, 24, 48, 96))
    assert channels(settled(preset, preset.architecture.wide_from - 1)) == channels(preset)


def test_a_run_that_became_wider_is_the_one_made_wide_to_the_last_bit(make_run: MakeRun) -> None:
    config = open_config("stop.iterations=6", "sampling.checkpoint_every=3")
    by_hand = apply_overrides(config, WIDE_BY_HAND)
    plain, run = make_run("plain", by_hand), make_run("r", config)

    class Killed(BaseException):
        pass

    def die(event: object) -> None:
        if isinstance(event, CheckpointSaved) and event.iteration == 3:
            raise Killed

    with pytest.raises(Killed):
        train_run.train_run(run, on_event=die)
    assert run.config() == by_hand, "the settings hold what was chosen"
    train_run.train_run(run)
    train_run.train_run(plain)
    assert run.config() == by_hand
    one, other = (checkpoints.load(made.newest_checkpoint()).tensors for made in (plain, run))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[stem][name], other[stem][name]) for stem in one for name in one[stem])
    assert len(told(run)) == 1
    assert told(plain) == []


def test_another_limit_later_changes_no_networks(make_run: MakeRun) -> None:
    for name, first, then, networks in (("narrow", 2, 20, NARROW), ("wide", 5, 6, WIDE)):
        run = make_run(name, open_config(f"stop.iterations={first}"))
        train_run.train_run(run)
        train_run.train_run(run, limits=[f"stop.iterations={then}"])
        assert channels(run.config()) == networks
        assert len(told(run)) == (networks == WIDE)
        assert run.state().iteration == then


def test_the_limit_given_with_the_first_start_decides(make_run: MakeRun) -> None:
    run = make_run("r", open_config("stop.iterations=100"))
    train_run.train_run(run, limits=["stop.iterations=2"])
    assert channels(run.config()) == NARROW


def test_killed_right_after_the_choice_it_begins_again_with_the_same_networks(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("r", open_config("stop.iterations=6"))

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(train_run, "make_session", die)
        with pytest.raises(Killed):
            train_run.train_run(run)
    assert channels(run.config()) == WIDE
    assert run.state().state in ("created", "interrupted")
    assert describe_config(run.config())["generator"]["parameters"] > 0
    train_run.train_run(run, limits=["stop.iterations=2"])
    assert channels(run.config()) == WIDE
    assert run.state().iteration == 2


def test_a_run_that_became_wider_opens_everywhere(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", open_config("stop.iterations=6", "ema.post_hoc=yes", "sampling.checkpoint_every=2"), 48)
    train_run.train_run(run)
    config = run.config()
    started = next(event for event in run.events().read() if isinstance(event, RunStarted))
    layers = describe_config(config)
    costs = preflight(config)
    for name in ("generator", "discriminator"):
        count = layers[name]["parameters"]
        assert getattr(started, f"{name}_parameters") == costs[f"{name}_parameters"] == count
    assert costs["wider"] == "", "there is nothing to choose"
    assert open_model(run.path).facts()["size"] == config.data.size
    commands = [
        ["sample", run.path, "--count", 4, "--out", tmp_path / "s.png"],
        ["evaluate", run.path, "--samples", 16],
        ["average", run.path, "--width", 0.1],
        ["export", run.path, "--out", tmp_path / "model", "--format", "safetensors"],
        ["new", tmp_path / "fork", "--from", run.path, "--set", "stop.iterations=8"],
        ["train", tmp_path / "fork"],
    ]
    for words in commands:
        answer = CliRunner().invoke(main, [*map(str, words), "--json"])
        assert answer.exit_code == 0, (words[0], answer.output, answer.exception)
    fork = RunDirectory(tmp_path / "fork")
    assert channels(fork.config()) == WIDE
    assert fork.state().iteration == 8
    about = json.loads((tmp_path / "model" / "generator.json").read_text())
    assert tuple(about["config"]["architecture"]["generator_channels"]) == WIDE[0]


def test_weights_that_are_trained_already_are_not_chosen_for_again(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=2", *QUIET))
    train_run.train_run(run)
    with pytest.raises(TrainerError, match="wide_from has no effect"):
        fork_run(tmp_path / "fork", run, [*OPEN, "stop.iterations=50"])
    fork = fork_run(tmp_path / "fork", run, ["stop.iterations=50"])
    assert channels(fork.config()) == NARROW


def test_preflight_measures_what_will_be_trained() -> None:
    for limits, networks in ((["stop.iterations=5"], WIDE_BY_HAND), (["stop.iterations=4"], [])):
        config = open_config(*limits)
        costs = preflight(config)
        same = preflight(apply_overrides(config, [*networks, "wide_from=0"]))
        counts = ("generator_parameters", "discriminator_parameters", "steps", "checkpoint_mb")
        assert [costs[name] for name in counts] == [same[name] for name in counts]
        assert bool(costs["wider"]) == bool(networks)


def test_trackers_are_told_the_networks_that_were_chosen(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[dict] = []
    stand_in = SimpleNamespace(
        init=lambda **values: begun.append(values["config"]), log=lambda *_, **__: None, finish=lambda: None,
        Image=lambda path: path,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if name == "wandb" else None)
    monkeypatch.setenv("WANDB_API_KEY", "x")
    run = make_run("r", open_config("stop.iterations=5"))
    train_run.train_run(run)
    assert begun == [run.config().to_json()]
    assert tuple(begun[0]["architecture"]["generator_channels"]) == WIDE[0]
