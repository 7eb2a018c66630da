"""When a run's curves are written, and the estimated time left."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from trainer.progress import WRITE_S, ProgressWriter
from trainer.protocol import events
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.schedule import Done

EVERY = 3


class Run:
    """A session whose iterations are done by calling a method, and what its writer writes."""

    def __init__(self, *overrides: str, first: bool = True) -> None:
        config = apply_overrides(load_preset("dcgan"), [f"sampling.progress_every={EVERY}", *overrides])
        self.session: Any = SimpleNamespace(
            config=config,
            machine=SimpleNamespace(device=torch.device("cpu")),
            ranks=SimpleNamespace(first=first),
            done=Done(),
            images_per_iteration=10,
            augment=0.25,
        )
        self.said: list[Any] = []
        folder: Any = SimpleNamespace(checkpoints=list)
        self.writer = ProgressWriter(self.session, folder, self.said.append, None, False)

    def step(self, value: float = 1.0) -> None:
        done = self.session.done
        self.session.done = Done(done.iteration + 1, done.images + 10, done.seconds + 0.5)
        scalar = torch.tensor(value)
        self.writer.add(dict.fromkeys(events.CURVES, scalar), True)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [1000.0]
    for module in ("trainer.progress", "trainer.curves"):
        monkeypatch.setattr(f"{module}.time.perf_counter", lambda: now[0])
    return now


def test_curves_are_written_neither_too_often_nor_too_late(clock) -> None:
    run = Run()
    least, most = WRITE_S
    for _ in range(EVERY - 1):
        run.step()
    assert not run.writer.is_due(1000 + least)  # too few
    run.step()
    assert not run.writer.is_due(1000 + 0.99 * least)
    assert run.writer.is_due(1000 + least)
    clock[0] = 1000 + least
    run.writer.write()
    assert not run.writer.is_due(1000 + 0.99 * most + least)
    assert run.writer.is_due(1000 + most + least)
    clock[0] = 2000
    run.writer.skip_pause()
    assert not run.writer.is_due(2000 + 0.99 * most)


def test_a_full_buffer_is_due_at_once(clock) -> None:
    run = Run()
    for _ in range(256):
        assert not run.writer.is_due(1000)
        run.step()
    assert run.writer.is_due(1000)


def test_what_is_written(clock) -> None:
    run = Run("stop.iterations=100", "stop.minutes=0", "stop.images=0")
    run.writer.write()
    assert run.said == []
    run.step()
    run.writer.write()
    clock[0] += 2
    run.step(2.0)
    run.step(3.0)
    run.writer.write()
    assert [event.iteration for event in run.said] == [1, 3]
    said = run.said[1]
    assert isinstance(said, events.Progress)
    assert (said.first_iteration, said.curves["loss_g"]) == (2, [2.0, 3.0])
    assert said.pictures_per_s == 10.0  # 20 pictures in 2 s
    assert said.share == 0.03
    assert said.eta_s == 97.0  # 97 iterations, one a second
    assert (said.augment_probability, said.trained_s) == (0.25, 1.5)
    assert said.lr_d == run.session.config.optimiser.lr_d
    assert run.said[0].eta_s is None


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"iterations": 50, "images": 300}, 27.0),
        ({"images": 300}, 27.0),
        ({"minutes": 1}, 58.5),
        ({"minutes": 1, "iterations": 13}, 10.0),
        ({"iterations": 2}, 0.0),
        ({}, None),
    ],
)
def test_the_nearest_limit_says_how_long(clock, limits, left) -> None:
    run = Run(*(f"stop.{name}={limits.get(name, 0)}" for name in ("iterations", "images", "minutes")))
    run.step()
    run.writer.write()
    clock[0] += 2
    run.step()
    run.step()
    run.writer.write()
    assert run.said[1].eta_s == left


def test_a_value_that_is_no_number_is_written_then_told(clock) -> None:
    run = Run()
    run.step()
    run.step(math.nan)
    with pytest.raises(TrainerError) as caught:
        run.writer.write()
    assert caught.value.cause == "nan"
    assert "iteration 2" in str(caught.value)
    assert run.said[0].curves["loss_g"] == [1.0, None]


def test_other_ranks_write_nothing(clock) -> None:
    run = Run(first=False)
    run.step()
    run.writer.write()
    assert run.said == []
    run.session.ranks.first = True
    run.writer.write()
    assert run.said == []
