"""Rate of false alarms, delay of true ones, and that alarms are cleared."""

from __future__ import annotations

import numpy as np
import torch

from trainer.diagnostics.alarms import Detector, Race


def _first_alarm(random: np.random.Generator, share: float, usual: float, factor: float, total: int, grids: int) -> int:
    detector = Detector()
    for grid in range(1, grids + 1):
        if detector.look(int(random.binomial(total, share)), total, usual, factor * usual) == "raised":
            return grid
    return grids + 1


def test_shares_that_are_usual_raise_no_alarm_and_higher_ones_do_soon() -> None:
    random = np.random.default_rng(0)
    false = sum(_first_alarm(random, 0.03, 0.05, 2, 256, 200) <= 200 for _ in range(100))
    border = np.mean([_first_alarm(random, 0.05, 0.05, 2, 256, 100) for _ in range(100)])
    soon = np.median([_first_alarm(random, 0.07, 0.05, 2, 256, 200) for _ in range(100)])
    at_once = np.median([_first_alarm(random, 0.10, 0.05, 2, 256, 200) for _ in range(100)])
    assert false <= 2
    assert border >= 60  # On average a false alarm in 100 grids or more, even at the border.
    assert soon <= 12
    assert at_once <= 2


def test_collapse_to_half_of_the_bound_is_told() -> None:
    random = np.random.default_rng(1)
    usual = 1 / 64
    assert sum(_first_alarm(random, 1 / 100, usual, 4, 128, 200) <= 200 for _ in range(100)) <= 6
    assert np.median([_first_alarm(random, 1 / 32, usual, 4, 128, 200) for _ in range(100)]) <= 14
    assert np.median([_first_alarm(random, 1 / 16, usual, 4, 128, 200) for _ in range(100)]) <= 3


def test_an_alarm_is_told_once_cleared_after_three_calm_grids_and_survives_a_checkpoint() -> None:
    detector = Detector()
    assert detector.look(200, 256, 0.05, 0.1) == "raised"
    detector = Detector(**detector.to_json())
    assert detector.look(200, 256, 0.05, 0.1) == ""
    assert [detector.look(0, 256, 0.05, 0.1) for _ in range(3)] == ["", "", "cleared"]
    assert not detector.alarmed
    assert detector.look(200, 256, 0.05, 0.1) == "raised"


def test_the_race_is_seldom_lost_by_a_generator_that_knows_nothing() -> None:
    lost = 0
    for seed in range(60):
        random = torch.Generator().manual_seed(seed)
        usual = torch.randn(1000, generator=random)  # Labellings differ for good: looks are not independent.
        race = Race(50)
        for _ in range(50):
            race.look(usual + 0.3 * torch.randn(1000, generator=random))
        lost += race.alarmed
    assert lost <= 6


def test_the_race_is_lost_by_one_that_copies_and_never_by_a_tie() -> None:
    random = torch.Generator().manual_seed(0)
    race = Race(50)
    said = []
    for look in range(50):
        values = torch.randn(1000, generator=random)
        values[0] += look / 8
        said.append(race.look(values))
    assert said.count("raised") == 1
    assert race.alarmed
    tied = Race(10)
    assert not any(tied.look(torch.zeros(1000)) for _ in range(10))
    assert len(race.retired) <= 50
