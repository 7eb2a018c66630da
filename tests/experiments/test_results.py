"""From outcomes to the document that everything reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from studio_calls import Studio
from tiny_experiments import done, tiny_plan

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments import tasting
from gandam_studio.core.experiments.folder import FAILED, Experiment, Outcome, experiments
from gandam_studio.core.experiments.growth import predict
from gandam_studio.core.experiments.results import read_results, results, write_results
from gandam_studio.core.experiments.running import remaining
from gandam_studio.core.experiments.tastes import new_taste, tastes
from gandam_studio.core.workspace import Workspace
from trainer.protocol.measured import JUDGE

Made = Callable[..., Experiment]
BEFORE = [("a", (5, 2, 0, 3)), ("a", (0, 4, 1, 5)), ("b", (3, 5, 4, 0))]
"""The left sides of the first pairs of a test of schema 1, seed 7, 6 samples and 6 real sprites, four a side."""


def fill(experiment: Experiment, better: float = -5.0, missing: tuple[int, ...] = (), **changes) -> None:  # type: ignore[no-untyped-def]
    """The first factor helps, the second does nothing."""
    for cell in experiment.plan.cells:
        rate, latent = cell.combination
        kid = (
            20.0
            + cell.seed
            + better * rate * (1 + 0.01 * cell.seed)
            + (0.3 if (cell.seed + latent) % 2 else -0.3) * latent
        )
        if cell.number in missing:
            experiment.save(Outcome(cell.number, FAILED, "r1-x", "the run failed: out of memory"))
        else:
            experiment.save(done(cell, kid, **(changes if rate else {})))


def test_effects_words_and_summary(made: Made) -> None:
    experiment = made(seeds=tuple(range(5)))
    fill(experiment)
    told = write_results(experiment)
    assert json.loads(experiment.results_path.read_text()) == told == read_results(experiment)
    assert [(e["factors"], e["level"], e["verdict"]) for e in told["effects"]] == [
        (["Rate"], "high", "better"), (["Latent"], "4", "within noise"),
    ]  # fmt: skip
    assert told["complete"]
    assert told["missing"] == 0
    assert any("Rate: low -> high: better" in line for line in told["summary"])


def test_missing_values_are_told_and_left_out(made: Made) -> None:
    experiment = made(seeds=tuple(range(5)))
    cells = [c.number for c in experiment.plan.cells if c.combination == (1, 0)]
    fill(experiment, missing=tuple(cells[:2]))
    told = results(experiment)
    assert (told["done"], told["missing"], told["total"]) == (13, 2, 15)
    first = told["effects"][0]
    assert (first["seeds"], first["dropped_seeds"], first["words"]) == (3, [0, 1], "suggestive: better")
    assert told["cells"][cells[0]]["why"] == "the run failed: out of memory"
    assert any("2 failed" in line for line in told["summary"])


def test_a_better_that_copies_says_so_by_verdict_and_by_alarm(made: Made) -> None:
    experiment = made(seeds=tuple(range(5)))
    fill(experiment, verdict="memorised")
    assert results(experiment)["effects"][0]["words"] == "better, but it copies (5 of 5 runs)"
    fill(experiment, alarms=("collapse",))
    assert results(experiment)["effects"][0]["words"] == "better, but it is collapsed (5 of 5 runs)"


def test_before_the_first_value_everything_is_unknown(made: Made) -> None:
    told = results(made())
    assert {e["verdict"] for e in told["effects"]} == {"unknown"}
    assert {c["state"] for c in told["cells"]} == {"waiting"}


def test_values_by_other_features_are_measured_again_unless_all_are(made: Made) -> None:
    experiment = made(seeds=tuple(range(3)))
    for cell in experiment.plan.cells:
        experiment.save(done(cell, 5.0, features=""))
    told = results(experiment)
    assert (told["done"], told["complete"], told["measure"]["features"]) == (len(experiment.plan.cells), True, "")
    experiment.save(done(experiment.plan.cells[0], 0.5))
    assert experiment.outcomes().keys() == {0}
    assert [cell.number for cell in remaining(experiment)] == [
        cell.number for cell in experiment.plan.order if cell.number
    ]
    told = results(experiment)
    assert (told["done"], told["measure"]["features"]) == (1, JUDGE)


def test_files_of_others_do_no_harm(made: Made) -> None:
    experiment = made()
    fill(experiment)
    folder = experiment.folder / "cells"
    (folder / "0000.json").write_text('{"cell": 1, "state": "done"')
    (folder / "0001.json").write_text('{"cell": 1, "state": "done", "run": "r1", "kid": "low"}')
    (folder / "0002.json").write_text('{"cell": 7, "state": "done", "run": "r1", "kid": 3}')
    assert sorted(experiment.outcomes()) == [3, 4, 5, 6, 7, 8]
    outcome = Outcome(3, FAILED, "../../elsewhere", "")
    with pytest.raises(UserError):
        experiment.run_of(outcome)


def test_names_are_not_taken_twice(made: Made, tmp_path: Path) -> None:
    experiment = made()
    with pytest.raises(UserError, match="already"):
        Experiment.create(tmp_path, tiny_plan())
    assert experiments(tmp_path) == ["tiny"]
    assert Experiment.open(tmp_path, "latest").plan == experiment.plan
    with pytest.raises(UserError, match="no experiment"):
        Experiment.open(tmp_path, "other")


def test_only_one_process_carries_it_out(made: Made) -> None:
    experiment = made()
    assert not experiment.is_carried_out()
    with experiment.locked():
        assert experiment.is_carried_out()
        with pytest.raises(UserError, match="another process"), experiment.locked():
            pass


# What more sprites would buy


def _power(slope: float, noise: tuple[float, ...] = (0.0, 0.02, -0.02)) -> dict[int, dict[int, float]]:
    return {n: {s: 100 * n**-slope * (1 + e * (n / 100)) for s, e in enumerate(noise)} for n in (100, 200)}


def test_a_power_is_continued() -> None:
    told = predict(_power(0.5), {100: dict.fromkeys(range(3), 0.04), 200: dict.fromkeys(range(3), 0.01)})
    assert told["answer"] == "predicted"
    for one in told["kid"]:
        assert one["low"] <= 100 * one["pictures"] ** -0.5 <= one["high"]
    assert [one["pictures"] for one in told["kid"]] == [400, 800]
    assert told["copying"][0]["estimate"] < 0.01


@pytest.mark.parametrize(
    ("kids", "why"),
    [
        (_power(0.0), "not surely fall"),
        (_power(0.5, (0.0, 0.0)), "2 seeds"),
        ({100: {0: 1.0, 1: 1.0, 2: 1.0}, 200: {0: 0.5, 1: -0.1, 2: 0.4}}, "floor"),
        ({100: {0: 1.0, 1: 1.0, 2: 1.0}, 300: {0: 0.5, 1: 0.1, 2: 0.4}}, "one twice"),
        (_power(0.9, (0.0, 0.24, -0.2)), "too much"),
        ({**_power(0.5), 400: {0: 9.0, 1: 9.2, 2: 8.9}}, "bends"),
    ],
)
def test_when_the_curve_does_not_support_it_nothing_is_told(kids: dict, why: str) -> None:
    told = predict(kids, {n: dict.fromkeys(v, 0.0) for n, v in kids.items()})
    assert told["answer"] == "cannot tell"
    assert why in told["why"]
    assert told["kid"] == []


# Tastes


def test_a_taste_test_goes_on_where_it_was_left(tmp_path: Path) -> None:
    test = new_taste(tmp_path, "r1", "r2", count=50, reals=20)
    for number in range(20):
        pair = test.pair(number)
        # A judge who prefers a, and knows real sprites.
        wanted = "real" if pair.is_check else "a"
        test.pick(pair.left[0] == wanted)
    (again,) = tastes(tmp_path)
    assert [again.pair(n) for n in range(40)] == [test.pair(n) for n in range(40)]
    assert again.standing.verdict == "a"
    assert "r1 is preferred" in again.words
    assert again.checks[0] == again.checks[1] >= 2
    assert again.is_attentive
    again.take_back()
    assert len(tastes(tmp_path)[0].left_picked) == 19


@pytest.mark.parametrize("each", [1, 4])
def test_every_sample_is_shown_once(tmp_path: Path, each: int) -> None:
    test = new_taste(tmp_path, "r1", "r2", count=50, reals=20, each=each)
    shown: set[tuple[str, int, int]] = set()
    total = 0
    for number in range(200):
        pair, batch = test.pair(number), test.round_of(number)
        for source, numbers in (pair.left, pair.right):
            assert len(set(numbers)) == each
            if source != "real":
                assert max(numbers) < 50
                shown |= {(source, test.sample_seed(source, batch), one) for one in numbers}
                total += each
    assert len(shown) == total
    rounds = [test.round_of(number) for number in range(200)]
    assert rounds == sorted(rounds)
    assert rounds[-1] >= 200 * each // 50 - 1


def test_checkpoints_of_one_run_are_tasted_and_named(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = made()
    experiment.save(done(experiment.plan.cells[0], 9.0, iteration=10, looks=((5, 9.5), (10, 9.0))))
    monkeypatch.setattr(tasting, "pictures_of", lambda *_words: {})
    test, _ = tasting.begin_taste(experiment, 0, 0, at=(0, 5))
    assert (test.a, test.b) == ("r0-x@10", "r0-x@5")
    assert results(experiment)["tastes"][0]["names"] == ["base, seed 0", "base, seed 0, at iteration 5"]
    with pytest.raises(UserError, match="two different"):
        tasting.begin_taste(experiment, 0, 0, at=(10, 0))
    with pytest.raises(UserError, match="not looked at"):
        tasting.begin_taste(experiment, 0, 0, at=(0, 7))


def test_results_call_what_was_tasted_by_its_combination(made: Made) -> None:
    experiment = made(seeds=tuple(range(2)))
    fill(experiment)
    changed = next(cell for cell in experiment.plan.cells if cell.combination == (1, 0))
    test = new_taste(experiment.folder, "r0-x@5", f"r{changed.number}-x@5", count=50, reals=20)
    for number in range(30):
        pair = test.pair(number)
        test.pick(pair.left[0] == ("real" if pair.is_check else "b"))
    (told,) = results(experiment)["tastes"]
    assert told["names"] == ["base, seed 0", f"Rate: high, seed {changed.seed}"]
    assert told["words"].startswith(f"Rate: high, seed {changed.seed} is preferred (0 of ")
    assert "4 samples a side" in told["words"]
    assert test.words.startswith(f"r{changed.number}-x@5 is preferred")


def test_tests_of_before_are_read_as_they_were_shown(tmp_path: Path) -> None:
    test = new_taste(tmp_path, "r1", "r2", count=6, reals=6)
    old = {**test.record(), "schema": 1, "seed": 7, "left_picked": [True] * 12}
    test.path.write_text(json.dumps(old))
    (again,) = tastes(tmp_path)
    assert {again.round_of(number) for number in range(100)} == {0}
    assert again.sample_seed("a", 0) == again.sample_seed("b", 0) == 7
    # As the version of before showed them.
    assert [again.pair(n).left for n in range(3)] == BEFORE
    again.take_back()
    assert json.loads(test.path.read_text()) == {**old, "left_picked": [True] * 11}


def test_sides_are_shuffled_and_checks_are_rare(tmp_path: Path) -> None:
    test = new_taste(tmp_path, "r1", "r2", count=50, reals=20)
    pairs = [test.pair(n) for n in range(400)]
    checks = [p for p in pairs if p.is_check]
    assert len(checks) == 50
    left = sum(p.left[0] == "a" for p in pairs if not p.is_check)
    assert 130 < left < 220
    assert not pairs[0].is_check


def test_who_passes_over_real_sprites_gets_no_verdict(tmp_path: Path) -> None:
    test = new_taste(tmp_path, "r1", "r2", count=50, reals=20)
    for number in range(40):
        pair = test.pair(number)
        test.pick(pair.left[0] == "a" or pair.right[0] == "real")
    assert test.standing.verdict == "a"
    assert "no verdict" in test.words
    assert test.to_json()["verdict"] == "undecided"


def test_a_damaged_experiment_hides_no_other(made: Made, studio: Studio, tmp_path: Path) -> None:
    Workspace.create(tmp_path).close()
    bad = [made(), made(name="bad")][1]
    (bad.folder / "plan.json").write_text("[1]")
    told = studio("experiment", "list", "--json", "-w", tmp_path).json["experiments"]
    listed = {one["experiment"]: one for one in told}
    assert listed["tiny"]["problem"] == ""
    assert listed["tiny"]["runs"] == 9
    assert "bad cannot be read" in listed["bad"]["problem"]
    assert "bad cannot be read" in studio("experiment", "list", "-w", tmp_path).out
    assert "bad cannot be read" in studio("experiment", "results", "bad", "-w", tmp_path).refusal


def test_what_others_wrote_cannot_control_the_terminal(made: Made, studio: Studio, tmp_path: Path) -> None:
    Workspace.create(tmp_path).close()
    experiment = made()
    experiment.save(Outcome(0, FAILED, "r1-x", "\x1b]0;evil\x07\nr2: fine"))
    new_taste(experiment.folder, "r1\x1b[2J@2", "r2@2", count=20, reals=0)
    for what in ("status", "results", "list"):
        said = studio("experiment", what, "tiny", "-w", tmp_path)
        assert said.code == 0
        assert not set(said.out + said.err) & set("\x1b\x07\r")
        assert not any(line.startswith("r2: fine") for line in said.out.splitlines())


@pytest.mark.skipif(os.name == "nt", reason="links and FIFOs are POSIX's")
def test_an_experiment_that_is_a_link_is_none(made: Made, tmp_path: Path) -> None:
    experiment = made()
    outside = tmp_path / "outside"
    experiment.folder.rename(outside)
    experiment.folder.symlink_to(outside, target_is_directory=True)
    other = made(name="other")
    assert experiments(tmp_path) == ["other"]
    with pytest.raises(UserError, match="there is no experiment 'tiny'"):
        Experiment.open(tmp_path, "tiny")
    with pytest.raises(UserError, match="link"):
        experiment.ask_to_stop()
    os.mkfifo(other.folder / "lock")
    with pytest.raises(UserError, match="is not a file"), other.locked():
        pass
