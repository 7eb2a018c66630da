"""Effects as ratios: simulated distances that luck multiplies, collapsed runs, and distances at or below 0."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from planted_effects import recovered
from tiny_experiments import done

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.designs import FRACTIONAL, ONE_AT_A_TIME, Design, make_design
from gandam_studio.core.experiments.effects import BETTER, UNKNOWN, WORSE, Effect, effects
from gandam_studio.core.experiments.folder import Experiment
from gandam_studio.core.experiments.plan import Plan
from gandam_studio.core.experiments.results import results
from gandam_studio.core.experiments.scale import DIFFERENCE, RATIO, Key, scaled, times

Made = Callable[..., Experiment]
TIMES = 500
MAIN = tuple(map(math.log, (0.5, 1.6, 0.7, 1.0, 1.0)))
"""Planted effects of five changes: by how much each multiplies KID; the first two together by `TOGETHER` more."""
TOGETHER = math.log(0.75)
FRACTION = make_design(FRACTIONAL, (2,) * 5, 5)


def simulate(
    design: Design, seeds: Sequence[int], dice: np.random.Generator, main: Sequence[float] = MAIN,
    together: float = TOGETHER, *, collapsed: float = 0.0,
) -> dict[Key, tuple[float, float | None]]:  # fmt: skip
    """KID and its error: seeds and luck multiply it; some runs collapse, 3 to 15 times worse."""
    found = {}
    for seed in seeds:
        block = dice.normal(0, 0.3)
        for c in design.combinations:
            signs = [2 * level - 1 for level in c]
            log = block + sum(e * s / 2 for e, s in zip(main, signs, strict=True)) + dice.normal(0, 0.3)
            log += together * signs[0] * signs[1] / 2
            if dice.random() < collapsed:
                log += math.log(dice.uniform(3, 15))
            found[c, seed] = (20 * math.exp(log), 0.1)
    return found


def told(
    design: Design, seeds: Sequence[int], found: Mapping[Key, tuple[float, float | None]], scale: str = RATIO
) -> list[Effect]:
    """The effects on a scale."""
    on = scaled(found, scale)
    assert on.scale == scale
    return effects(design, seeds, on.values, on.at_limit)


@pytest.mark.parametrize("count", [3, 5, 8])
@pytest.mark.parametrize("collapsed", [0.0, pytest.param(0.15, marks=pytest.mark.slow)])
def test_planted_ratios_are_recovered_and_intervals_cover(collapsed: float, count: int) -> None:
    dice = np.random.default_rng(count)
    found = (
        effect
        for _ in range(TIMES if collapsed else TIMES // 2)
        for effect in told(FRACTION, range(count), simulate(FRACTION, range(count), dice, collapsed=collapsed))
    )
    coverage, signs = recovered(found, MAIN, TOGETHER)
    print(f"{count} seeds, {collapsed:.0%} collapsed: coverage {coverage:.3f}, signs {signs:.3f}")
    assert 0.93 <= coverage <= 0.97
    assert signs >= (0.9 if collapsed else 0.99)


@pytest.mark.slow
@pytest.mark.parametrize("collapsed", [0.0, 0.15])
@pytest.mark.parametrize("count", [1, 3, 5, 8])
@pytest.mark.parametrize("design", [FRACTION, make_design(ONE_AT_A_TIME, (2,) * 5)], ids=["fraction", "one"])
def test_null_experiments_say_better_or_worse_in_at_most_5_percent(
    design: Design, count: int, collapsed: float
) -> None:
    dice = np.random.default_rng(count + 100)
    said = 0
    for _ in range(2000):
        found = simulate(design, range(count), dice, (0.0,) * 5, 0.0, collapsed=collapsed)
        said += any(e.is_main and e.verdict in (BETTER, WORSE) for e in told(design, range(count), found))
    print(f"{design.kind}, {count} seeds, {collapsed:.0%} collapsed: better or worse in {said / 2000:.4f}")
    assert said / 2000 <= 0.05 + 0.01  # 2,000 repetitions know it to 1 %.


@pytest.mark.parametrize("middle", [0.01, 0.05])
def test_near_0_the_error_stays_and_effects_are_understated(middle: float) -> None:
    """Of runs about as good as real sprites, whose KID is measured to .02: 0.01 is noise, 0.05 two errors above 0."""
    dice = np.random.default_rng(4)
    design, repeats, said, wrong = make_design(ONE_AT_A_TIME, (2,)), 1000, 0, 0

    def found(ratio: float) -> dict[Key, tuple[float, float | None]]:
        return {
            (c, seed): (middle * ratio ** c[0] * math.exp(dice.normal(0, 0.3)) + dice.normal(0, 0.02), 0.02)
            for c in design.combinations
            for seed in range(5)
        }

    estimates = []
    for _ in range(repeats):
        (effect,) = told(design, range(5), found(1.0))
        said += effect.verdict in (BETTER, WORSE)
        (effect,) = told(design, range(5), found(2.0))
        wrong += effect.verdict == BETTER
        if effect.interval is not None:
            estimates.append(math.exp(effect.interval.estimate))
    middle_one = float(np.median(estimates)) if estimates else math.nan
    print(f"KID {middle}: better or worse in {said / repeats:.3f}; twice as high is told as {middle_one:.2f}")
    assert said / repeats <= 0.06
    assert wrong == 0
    if middle < 0.02:
        assert len(estimates) < repeats  # What is all noise is unknown.
        assert middle_one < 1.5
    else:
        assert 1.2 < middle_one < 2.0


def test_one_collapsed_run_does_not_hide_what_the_others_say() -> None:
    """Base against a change that halves KID, five seeds; the base of one seed is ten times as bad."""
    design = make_design(ONE_AT_A_TIME, (2,))
    found = {
        ((level,), s): ((20.0 + s) * (0.5 + 0.01 * s if level else 1.0), 0.1) for level in (0, 1) for s in range(5)
    }
    found[(0,), 4] = (240.0, 5.0)
    found[(1,), 4] = (110.0, 5.0)
    (ratio,) = told(design, range(5), found)
    (difference,) = told(design, range(5), found, DIFFERENCE)
    assert ratio.verdict == BETTER
    assert difference.verdict != BETTER


def test_what_cannot_be_told_from_0_counts_as_the_noise() -> None:
    found = {((0,), 0): (8.0, 0.4), ((0,), 1): (-0.1, 0.2), ((1,), 0): (0.3, 0.1), ((1,), 1): (0.5, 0.3)}
    on = scaled(found, RATIO)
    # -0.1 and 0.5 are below twice their errors; the larger of those is the limit, which 0.3 is below too.
    assert (on.limit, on.at_limit) == (0.6, {((0,), 1), ((1,), 0), ((1,), 1)})
    assert on.values == {key: math.log(8.0 if key == ((0,), 0) else 0.6) for key in found}
    assert on.note.startswith("3 of 4")
    assert scaled({key: (kid + 9, error) for key, (kid, error) in found.items()}, RATIO).note == ""


def test_the_same_noise_on_both_sides_is_no_answer() -> None:
    design = make_design(ONE_AT_A_TIME, (2, 2))
    found = {(c, seed): (0.01, 0.02) for c in design.combinations for seed in range(5)}
    found |= {((0, 1), seed): (5.0 + seed, 0.1) for seed in range(5)}
    first, second = told(design, range(5), found)
    assert (first.verdict, first.interval) == (UNKNOWN, None)
    assert "noise" in first.why
    assert second.verdict == WORSE


def test_a_distance_below_0_without_an_error_is_told_by_differences() -> None:
    found = {((0,), 0): (8.0, None), ((1,), 0): (-0.1, None)}
    on = scaled(found, RATIO)
    assert (on.scale, on.values) == (DIFFERENCE, {((0,), 0): 8.0, ((1,), 0): -0.1})
    assert on.note
    assert scaled(dict.fromkeys(found, (9.0, None)), RATIO).scale == RATIO


def test_results_tell_ratios_and_keep_the_differences(made: Made) -> None:
    experiment = made(seeds=tuple(range(5)))
    for cell in experiment.plan.cells:
        rate, _ = cell.combination
        experiment.save(done(cell, (20.0 + cell.seed) * 1.8**rate * (1.02 if cell.number % 2 else 1.0)))
    first = results(experiment)["effects"][0]
    assert (first["scale"], first["verdict"]) == (RATIO, "worse")
    assert first["ratio"]["estimate"] == pytest.approx(1.8, rel=0.03)
    assert first["ratio"]["low"] < 1.8 < first["ratio"]["high"]
    assert first["estimate"] == pytest.approx(0.8 * 22, rel=0.05)
    assert any("1.8 times as high" in line for line in results(experiment)["summary"])


def test_plans_of_before_are_told_as_they_were_planned(made: Made) -> None:
    experiment = made(seeds=tuple(range(5)))
    plain = experiment.plan.to_json()
    assert Plan.from_json(plain).scale == RATIO
    del plain["scale"]
    (experiment.folder / "plan.json").write_text(json.dumps(plain))
    old = Experiment.open(experiment.folder.parent.parent, experiment.name)
    assert old.plan.scale == DIFFERENCE
    for cell in old.plan.cells:
        old.save(done(cell, 20.0 + cell.seed + 9 * cell.combination[0]))
    document = results(old)
    assert document["measure"]["scale"] == DIFFERENCE
    assert (document["effects"][0]["scale"], document["effects"][0]["ratio"]) == (DIFFERENCE, None)
    assert document["effects"][0]["estimate"] == pytest.approx(9.0)
    with pytest.raises(UserError, match="ratio or difference"):
        made(scale="log")


def test_ratios_in_words() -> None:
    assert [times(value) for value in (0.2149, 1.0, 1.84, 14.2, 2e5, 1e-9)] == [
        "0.21", "1", "1.8", "14", ">1,000", "<0.001",
    ]  # fmt: skip
