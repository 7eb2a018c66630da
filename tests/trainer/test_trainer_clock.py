"""Timing on an asynchronous device: all training is counted, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from small_runs import small_config, training_set

from trainer import clock as clocks
from trainer.clock import AHEAD, TrainingClock
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.protocol.run_directory import RunDirectory
from trainer.session import make_session
from trainer.training import Training


class Simulated:
    """A device with a queue, and the only clock: `now` is the program's time."""

    def __init__(self) -> None:
        self.now = self.done = 0.0
        self.furthest = 0.0

    def ask(self, host: float, device: float) -> None:
        """Queue `device` seconds of work, which takes the program `host` seconds."""
        self.now += host
        self.done = max(self.done, self.now) + device
        self.furthest = max(self.furthest, self.done - self.now)

    def marked(self, _: torch.device) -> Mark:
        return Mark(self, self.done)

    def perf_counter(self) -> float:
        return self.now


@dataclasses.dataclass
class Mark:
    """An event."""

    device: Simulated
    at: float

    def synchronize(self) -> None:
        self.device.now = max(self.device.now, self.at)


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Simulated:
    found = Simulated()
    monkeypatch.setattr(clocks.devices, "marked", found.marked)
    monkeypatch.setattr(clocks.time, "perf_counter", found.perf_counter)
    return found


@pytest.mark.parametrize(("host", "device"), [(0.001, 0.011), (0.011, 0.001), (0.001, 1.0)])
def test_a_run_of_so_many_seconds_takes_so_many(
    host: float,
    device: float,
    simulated: Simulated,
    make_run: Callable[..., RunDirectory],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run of six seconds, with grids and checkpoints that take a second each."""
    settings = ["stop.minutes=0.1", "sampling.every=100", "sampling.checkpoint_every=150"]
    config = small_config("dcgan", *settings)
    session = make_session(config, training_set(config), Machine(torch.device("cpu")), Ranks(), 8)
    training = Training(session, make_run("r", config), None, 0.0)
    apart = [0.0]

    def iterate() -> None:
        simulated.ask(host, device)
        done = session.done
        session.done = dataclasses.replace(done, iteration=done.iteration + 1, images=done.images + 8)

    def pass_time() -> None:
        # Reading results waits for the device, which `flush` before has done already.
        assert simulated.done <= simulated.now
        simulated.now += 1.0
        simulated.done = simulated.now
        apart[0] += 1.0

    monkeypatch.setattr(training, "iterate", iterate)
    monkeypatch.setattr(training.grids, "save", lambda: None)
    real = training.flush

    def flush() -> None:
        real()
        pass_time()

    monkeypatch.setattr(training, "flush", flush)
    monkeypatch.setattr("trainer.training.save_checkpoint", lambda session, folder: None)
    assert training.train() == "minutes"
    spent = simulated.done - apart[0]
    assert session.done.seconds == pytest.approx(spent)
    assert 6.0 <= spent <= 6.0 + (AHEAD + 1) * device + host


def test_the_program_is_never_far_ahead_and_does_not_wait_at_every_step(simulated: Simulated) -> None:
    clock = TrainingClock(torch.device("cpu"))
    waited = 0
    for _ in range(100):
        clock.start()
        simulated.ask(0.001, 0.010)
        before = simulated.now
        clock.stop()
        waited += simulated.now >= simulated.done
        assert simulated.now >= before
    assert waited == 0  # The device always has something to do.
    assert simulated.furthest <= (AHEAD + 1) * 0.010 + 1e-9
    clock.settle()
    assert clock.seconds == pytest.approx(simulated.done)


def test_what_happens_between_iterations_is_not_counted(simulated: Simulated) -> None:
    clock = TrainingClock(torch.device("cpu"), seconds=5.0)
    clock.start()
    simulated.ask(1.0, 0.0)
    clock.stop()
    clock.settle()
    simulated.now += 100.0
    clock.settle()
    assert clock.seconds == pytest.approx(6.0)


def test_a_processor_has_nothing_to_wait_for() -> None:
    clock = TrainingClock(torch.device("cpu"))
    clock.start()
    clock.stop()
    before = clock.seconds
    clock.settle()
    assert clock.seconds == before
