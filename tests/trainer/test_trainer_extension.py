"""Training beyond a run's limit: rates and penalty before, at and after it, computed by hand and in real runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from small_runs import small_config

from trainer import checkpoints
from trainer.cli import main
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import CheckpointSaved, Progress, RunExtended, TrainEvent
from trainer.protocol.extension import More, extend, with_limit
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.remedies import Remedy
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import Done, penalty_weight, rates
from trainer.protocol.settings import Stop
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]


def cosine(end: float = 0.25, **stop: float) -> TrainConfig:
    """From 1 to `end` over the run; beta2 from 0.9 to 0.99, the penalty from 2 to 0.2."""
    return TrainConfig.from_json(
        {
            "schedule": {"kind": "cosine", "end_factor": end, "beta2_end": 0.99},
            "optimiser": {"beta2": 0.9},
            "regulariser": {"kind": "r1", "weight": 2.0, "weight_end": 0.2},
            "stop": stop or {"iterations": 100},
        }
    )


def at(config: TrainConfig, iteration: int) -> float:
    return rates(config, Done(iteration, 8 * iteration, 3.0 * iteration)).factor


def done(iteration: int) -> Done:
    return Done(iteration, 8 * iteration, 3.0 * iteration)


def test_a_constant_tail_stays_where_the_cosine_ended() -> None:
    found = extend(cosine(), done(100), More(iterations=50, tail="constant"))
    longer = found.config
    assert longer.stop == Stop(iterations=150)
    # (1 + cos(pi x)) / 2 of the way from 1 down to 0.25.
    expected = {0: 1.0, 50: 0.625, 75: 0.25 + 0.75 * 0.14644660940672627, 100: 0.25, 101: 0.25, 125: 0.25, 150: 0.25}
    assert {iteration: at(longer, iteration) for iteration in expected} == pytest.approx(expected)
    assert [rates(longer, done(i)).beta2 for i in (0, 50, 100, 130, 150)] == pytest.approx([0.9, 0.945, *[0.99] * 3])
    weights = [penalty_weight(longer, done(i), i) for i in (0, 50, 100, 130, 150)]
    assert weights == pytest.approx([2.0, 1.1, 0.2, 0.2, 0.2])
    assert (found.tail, found.factor_before, found.factor, found.factor_end) == ("constant", 0.25, 0.25, 0.25)


def test_a_new_cool_down_goes_up_once_and_falls_again() -> None:
    found = extend(cosine(0.05), done(100), More(iterations=40, tail="cool-down"))
    # Half the rates, down to where they were, by another cosine; before it, everything is as it was.
    expected = {0: 1.0, 50: 0.525, 99: at(cosine(0.05), 99), 100: 0.5, 120: 0.275, 140: 0.05, 200: 0.05}
    assert {iteration: at(found.config, iteration) for iteration in expected} == pytest.approx(expected)
    # Beta2 and the penalty have no second start.
    assert [rates(found.config, done(i)).beta2 for i in (100, 120, 140)] == pytest.approx([0.99] * 3)
    assert penalty_weight(found.config, done(120), 0) == pytest.approx(0.2)
    assert (found.factor_before, found.factor, found.factor_end) == pytest.approx((0.05, 0.5, 0.05))
    again = extend(found.config, done(140), More(iterations=10, tail="constant")).config
    assert [at(again, i) for i in (120, 140, 145, 150)] == pytest.approx([0.275, 0.05, 0.05, 0.05])


@pytest.mark.parametrize(
    ("changes", "tail", "factors"),
    [
        (["schedule.kind=cosine", "end_factor=0.25"], "constant", (0.25, 0.25)),
        (["schedule.kind=cosine", "end_factor=0.05"], "cool-down", (0.05, 0.5)),
        ([], "constant", (1.0, 1.0)),
        (["schedule.kind=step", "step_factor=0.2", "step_every=40"], "constant", (0.04, 0.04)),
    ],
)
def test_the_trainer_chooses_a_tail_and_says_so(changes: list[str], tail: str, factors: tuple[float, float]) -> None:
    config = apply_overrides(TrainConfig(), ["stop.iterations=100", *changes])
    found = extend(config, done(100), More(iterations=100))
    assert found.tail == tail
    assert (found.factor_before, found.factor) == pytest.approx(factors)
    assert found.statement
    assert ("cool-down" in found.statement) == (tail == "cool-down")


def test_steps_go_on_and_constant_rates_stay() -> None:
    steps = apply_overrides(
        TrainConfig(), ["stop.iterations=100", "schedule.kind=step", "step_factor=0.5", "step_every=50"]
    )
    longer = extend(steps, done(100), More(iterations=100)).config
    assert [at(longer, i) for i in (0, 49, 50, 100, 150, 199)] == [1, 1, 0.5, 0.25, 0.125, 0.125]
    constant = apply_overrides(TrainConfig(), ["stop.minutes=5"])
    longer = extend(constant, done(100), More(minutes=5)).config
    assert [at(longer, i) for i in (0, 100, 200)] == [1, 1, 1]
    assert longer.stop == Stop(minutes=10)


def test_a_limit_of_time_and_one_of_iterations_mix() -> None:
    longer = extend(cosine(0.25, minutes=5.0), done(100), More(iterations=60, tail="cool-down")).config
    assert longer.stop == Stop(iterations=160)
    expected = {0: 1.0, 50: 0.625, 100: 0.5, 130: 0.5 - 0.4 / 2, 160: 0.1}
    assert {iteration: at(longer, iteration) for iteration in expected} == pytest.approx(expected)


def test_only_a_run_at_its_limit_is_extended() -> None:
    with pytest.raises(TrainerError, match="resume it first"):
        extend(cosine(), done(60), More(iterations=10))


def cooling(tail: float = 0.2, end: float = 0.25, **stop: float) -> TrainConfig:
    """The values of `cosine`, which change in the last `tail` of the run alone."""
    values = cosine(end, **stop).to_json()
    values["schedule"] |= {"kind": "cool-down", "cooldown": tail}
    return TrainConfig.from_json(values)


def all_at(config: TrainConfig, iteration: int) -> tuple[float, float, float | None]:
    """The factor of the learning rates, beta2 and the penalty's weight."""
    now = rates(config, done(iteration))
    return now.factor, now.beta2, penalty_weight(config, done(iteration), 0)


def test_a_planned_cool_down_changes_the_end_of_the_run_alone() -> None:
    config = cooling()
    start, middle, end = (1.0, 0.9, 2.0), (0.625, 0.945, 1.1), (0.25, 0.99, 0.2)
    for iteration, wanted in {0: start, 40: start, 80: start, 90: middle, 100: end, 120: end}.items():
        assert all_at(config, iteration) == pytest.approx(wanted)
    # By time as by iterations: 5 minutes are 100 iterations of 3 seconds.
    assert all_at(cooling(minutes=5.0), 90) == pytest.approx(middle)
    # Over the whole of the run it is the cosine.
    for iteration in range(0, 101, 7):
        assert all_at(cooling(1.0), iteration) == pytest.approx(all_at(cosine(), iteration))
    # Without a limit nothing ever changes.
    assert all_at(cooling(iterations=0), 10**6) == pytest.approx(start)


def test_before_its_cool_down_a_run_gets_any_limit_as_if_it_had_been_planned_so() -> None:
    for limit in (70, 100, 1000):
        moved = with_limit(cooling(), Stop(iterations=limit), done(50)).config
        assert moved == cooling(iterations=limit)
    found = with_limit(cooling(iterations=0), Stop(iterations=200), done(50))
    assert found.config == cooling(iterations=200)


def test_a_run_is_ended_early_from_where_it_is() -> None:
    start, middle, end = (1.0, 0.9, 2.0), (0.625, 0.945, 1.1), (0.25, 0.99, 0.2)
    planned = cooling()
    for found in (
        extend(planned, done(50), More(iterations=10, tail="cool-down")),
        with_limit(planned, Stop(iterations=60), done(50)),  # 50 of 60 would be in the midst of its last fifth.
        extend(cooling(iterations=0), done(50), More(iterations=10, tail="cool-down")),
    ):
        assert (found.tail, found.config.stop) == ("cool-down", Stop(iterations=60))
        assert (found.factor_before, found.factor, found.factor_end) == pytest.approx((1.0, 1.0, 0.25))
        for iteration, wanted in {0: start, 50: start, 55: middle, 60: end, 70: end}.items():
            assert all_at(found.config, iteration) == pytest.approx(wanted)
    # Trained on after that, beta2 and the penalty have no second start.
    ended = extend(planned, done(50), More(iterations=10, tail="cool-down")).config
    longer = extend(ended, done(60), More(iterations=10, tail="cool-down")).config
    for iteration, factor in {60: 0.5, 65: 0.3, 70: 0.1}.items():
        assert all_at(longer, iteration) == pytest.approx((factor, 0.99, 0.2))


def test_a_cool_down_within_a_cool_down_goes_on_where_the_first_was() -> None:
    # At 55 the first is half over, so beta2 and the penalty have their middle values, from which they go on.
    first = extend(cooling(), done(50), More(iterations=10, tail="cool-down")).config
    second = extend(first, done(55), More(iterations=4, tail="cool-down")).config
    middle, end = (0.625, 0.945, 1.1), (0.25, 0.99, 0.2)
    for iteration, wanted in {55: middle, 59: end, 70: end}.items():
        assert all_at(second, iteration) == pytest.approx(wanted)


def test_any_schedule_can_be_ended_early() -> None:
    # Of the cosine half is over; the rest is passed in 20 iterations. At 60 beta2 and the penalty are farther by the
    # cosine, of which 0.6 is done: (1 + cos(0.6 pi)) / 2 = 0.3454915 is left.
    found = extend(cosine(), done(50), More(iterations=20, tail="cool-down"))
    left = 0.3454915028125263
    middle = (0.4375, 0.99 - 0.09 * left, 0.2 + 1.8 * left)
    for iteration, wanted in {50: (0.625, 0.945, 1.1), 60: middle, 70: (0.25, 0.99, 0.2)}.items():
        assert all_at(found.config, iteration) == pytest.approx(wanted)
    constant = apply_overrides(TrainConfig(), ["stop.iterations=100"])
    found = extend(constant, done(50), More(iterations=20, tail="cool-down"))
    assert [at(found.config, i) for i in (0, 50, 60, 70)] == pytest.approx([1.0, 1.0, 0.55, 0.1])


@given(
    now=st.integers(1, 100),
    limits=st.lists(st.integers(1, 200), min_size=1, max_size=4),
    end=st.floats(0, 1),
    kind=st.sampled_from(["cosine", "cool-down", "constant"]),
)
def test_no_later_limit_ever_raises_the_rates(now: int, limits: list[int], end: float, kind: str) -> None:
    """With constant tails, rates never increase between steps, for any sequence of limits."""
    overrides = [f"schedule.kind={kind}", f"end_factor={end}"] if kind != "constant" and end < 1 else []
    config = apply_overrides(TrainConfig(), ["stop.iterations=100", *overrides])
    before = at(config, now)
    for more in limits:
        config = with_limit(config, Stop(iterations=now + more), done(now), "constant").config
        after = [at(config, iteration) for iteration in range(now, now + more + 1)]
        assert after[0] <= before + 1e-12
        assert all(b <= a + 1e-12 for a, b in pairwise(after))
        now, before = now + more, after[-1]


@example("cool-down", [(2, 1), (5, 20), (1, 1)])
@given(
    kind=st.sampled_from(["cosine", "cool-down"]),
    moves=st.lists(st.tuples(st.integers(1, 200), st.integers(1, 99)), min_size=1, max_size=5),
)
def test_nothing_goes_back_before_the_limit_is_reached(kind: str, moves: list[tuple[int, int]]) -> None:
    """Limits of any order, chosen at any moment, with the trainer's own tails: all values only go to their ends."""
    config = cosine(0.05) if kind == "cosine" else cooling(0.3, 0.05)
    now, before = 10, all_at(config, 10)
    for more, share in moves:
        config = with_limit(config, Stop(iterations=now + more), done(now)).config
        for iteration in range(now, now + more * share // 100 + 1):
            after = all_at(config, iteration)
            assert after[0] <= before[0] + 1e-9
            assert after[1] >= before[1] - 1e-9
            assert after[2] is not None
            assert before[2] is not None
            assert after[2] <= before[2] + 1e-9
            now, before = iteration, after


def small(*more: str) -> TrainConfig:
    changes = ["stop.iterations=4", "schedule.kind=cosine", "end_factor=0.25", "sampling.progress_every=1"]
    return small_config("dcgan", *changes, *more)


def learned_at(run: RunDirectory) -> dict[int, float]:
    """The generator's learning rate that training recorded, by iteration."""
    return {event.iteration: event.lr_g for event in run.events().read() if isinstance(event, Progress)}


def test_a_finished_run_trains_on_and_keeps_a_record_of_it(make_run: MakeRun) -> None:
    run = make_run("r", small())
    runner = CliRunner()
    assert runner.invoke(main, ["train", str(run.path)]).exit_code == 0
    rate = run.config().optimiser.lr_g
    told = runner.invoke(main, ["train", str(run.path), "--more-iterations", "3"])
    assert told.exit_code == 0, told.output
    assert "stay where the schedule ended, at 0.25" in told.output
    assert (run.state().state, run.state().iteration) == ("finished", 7)
    (event,) = (event for event in run.events().read() if isinstance(event, RunExtended))
    assert (event.iterations, event.tail, event.iteration) == (7, "constant", 4)
    assert (event.factor_before, event.factor) == pytest.approx((0.25, 0.25))
    assert learned_at(run)[7] == pytest.approx(0.25 * rate)
    # Resumed or not, the settings stay; and the next one goes on from there.
    assert run.config().extension.iterations == 4
    told = runner.invoke(main, ["train", str(run.path), "--more-iterations", "2", "--tail", "cool-down"])
    assert told.exit_code == 0, told.output
    assert run.config().stop.iterations == 9
    assert [at(run.config(), i) for i in (0, 4, 7, 8, 9)] == pytest.approx([1.0, 0.25, 0.5, 0.3, 0.1])
    assert learned_at(run)[9] == pytest.approx(0.1 * rate)


def kill_at(run: RunDirectory, iteration: int, more: More | None = None) -> None:
    """Train until the checkpoint of `iteration` and end as a killed process does, without a word."""

    class Killed(BaseException):
        pass

    def die(event: TrainEvent) -> None:
        if isinstance(event, CheckpointSaved) and event.iteration == iteration:
            raise Killed

    with pytest.raises(Killed):
        train_run(run, on_event=die, more=more)


def test_a_stopped_run_is_ended_early_and_resumes_in_its_cool_down(make_run: MakeRun) -> None:
    """Ended in one go or resumed in its midst: the same weights."""
    weights = []
    for name, interrupted in (("once", False), ("twice", True)):
        plan = small("schedule.kind=cool-down", "stop.iterations=100", "sampling.checkpoint_every=1")
        run = make_run(name, plan)
        kill_at(run, 3)
        more = More(iterations=4, tail="cool-down")
        if interrupted:
            kill_at(run, 5, more)
            train_run(run)
        else:
            train_run(run, more=more)
        assert (run.state().state, run.state().iteration) == ("finished", 7)
        rate = run.config().optimiser.lr_g
        # By a cosine from 1 to 0.25 in four iterations.
        wanted = [1.0, 1.0, 1.0, 0.25 + 0.75 * (2 + 2**0.5) / 4, 0.625, 0.25 + 0.75 * (2 - 2**0.5) / 4, 0.25]
        learned = learned_at(run)
        assert [learned[i + 1] / rate for i in range(7)] == pytest.approx(wanted)
        newest = run.newest_checkpoint()
        assert newest is not None
        weights.append(checkpoints.load(newest).tensors["generator"])
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_run_that_has_not_ended_names_what_helps(make_run: MakeRun) -> None:
    run = make_run("r", small("schedule.kind=cool-down", "stop.iterations=100", "sampling.checkpoint_every=1"))
    kill_at(run, 2)
    with pytest.raises(TrainerError, match=r"^r: .*resume it first") as refused:
        train_run(run, more=More(iterations=4))
    assert refused.value.remedy is Remedy.COOL_DOWN


def test_another_limit_of_a_finished_run_does_not_raise_its_rates(make_run: MakeRun) -> None:
    run = make_run("r", small())
    runner = CliRunner()
    runner.invoke(main, ["train", str(run.path)])
    assert runner.invoke(main, ["train", str(run.path), "--iterations", "8"]).exit_code == 0
    assert run.state().iteration == 8
    after = [value for iteration, value in learned_at(run).items() if iteration > 4]
    assert max(after) == pytest.approx(0.25 * run.config().optimiser.lr_g)


def test_more_is_refused_where_it_has_no_meaning(make_run: MakeRun) -> None:
    run = make_run("r", small("sampling.checkpoint_every=1"))
    runner = CliRunner()
    before = json.loads(run.config_path.read_text())
    assert "no checkpoint" in runner.invoke(main, ["train", str(run.path), "--more-iterations", "2"]).exception.args[0]
    both = runner.invoke(main, ["train", str(run.path), "--more-iterations", "2", "--minutes", "1"])
    assert both.exit_code == 2
    assert runner.invoke(main, ["train", str(run.path), "--tail", "constant"]).exit_code == 2
    assert json.loads(run.config_path.read_text()) == before


def test_a_configuration_from_before_opens_and_is_not_extended() -> None:
    values = cosine().to_json()
    del values["extension"]
    old = TrainConfig.from_json(values)
    assert old == cosine()
    assert at(old, 100) == 0.25
