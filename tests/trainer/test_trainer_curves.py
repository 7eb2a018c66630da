"""Curves of a run, collected row by row, and pictures per second."""

from __future__ import annotations

import math

import pytest
import torch

from trainer import curves
from trainer.curves import CurveBuffer, Throughput
from trainer.protocol.events import CURVES

CPU = torch.device("cpu")


def row(value: float, **other: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(other.get(name, value)) for name in CURVES}


def test_rows_are_taken_once_and_in_order() -> None:
    buffer = CurveBuffer(CPU, 3)
    assert (len(buffer), buffer.full) == (0, False)
    for iteration, value in enumerate((1.0, 2.0, 3.0), start=7):
        assert not buffer.full
        buffer.add(iteration, row(value), True)
    assert (len(buffer), buffer.full, buffer.first_iteration) == (3, True, 7)
    taken, broken = buffer.take()
    assert broken is None
    assert taken == {name: [1.0, 2.0, 3.0] for name in CURVES}
    assert len(buffer) == 0
    buffer.add(10, row(4.0), True)
    assert buffer.first_iteration == 10
    assert buffer.take() == ({name: [4.0] for name in CURVES}, None)


def test_a_penalty_that_was_not_computed_is_absent() -> None:
    buffer = CurveBuffer(CPU, 2)
    buffer.add(1, row(1.0, penalty=0.5), True)
    buffer.add(2, row(1.0, penalty=0.5), False)
    taken, broken = buffer.take()
    assert broken is None
    assert taken["penalty"] == [0.5, None]
    assert all(taken[name] == [1.0, 1.0] for name in CURVES if name != "penalty")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_value_that_is_no_number_is_named(bad: float) -> None:
    buffer = CurveBuffer(CPU, 4)
    name = CURVES[-1]
    for iteration, value in enumerate((1.0, bad, 1.0, bad), start=50):
        buffer.add(iteration, row(2.0, **{name: value}), True)
    taken, broken = buffer.take()
    assert broken == 51
    assert taken[name] == [1.0, None, 1.0, None]
    assert taken[CURVES[0]] == [2.0] * 4


def test_values_have_five_digits() -> None:
    buffer = CurveBuffer(CPU, 1)
    buffer.add(1, row(1 / 3), True)
    assert buffer.take()[0][CURVES[0]] == [0.33333]


def test_rows_that_are_dropped_are_not_taken() -> None:
    buffer = CurveBuffer(CPU, 2)
    buffer.add(1, row(1.0), True)
    buffer.clear()
    assert buffer.take() == ({name: [] for name in CURVES}, None)


def test_pictures_per_second_are_those_of_the_last_seconds(monkeypatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(curves.time, "perf_counter", lambda: clock[0])
    rate = Throughput(window_s=10.0)

    def mark(at: float, images: int) -> float:
        clock[0] = at
        return rate.mark(images)

    assert mark(100, 500) == 0.0
    assert mark(102, 700) == 100.0
    assert mark(110, 1300) == 80.0  # the first mark is ten seconds old and counts
    assert mark(111, 1600) == 100.0  # since 102
    assert mark(200, 1689) == 1.0  # two marks are always kept: since 111
    rate.clear()
    assert mark(201, 2000) == 0.0
    assert mark(201, 3000) == 0.0  # no time has passed
