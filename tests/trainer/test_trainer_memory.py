"""Running out of memory lowers the micro-batch; gradients stay those of the whole batch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from conftest import small_config

from trainer.dataset import load_training_set
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.errors import TrainerError
from trainer.events import RunFailed, Warning
from trainer.game import Game
from trainer.memory import is_out_of_memory, largest_batch
from trainer.run_directory import RunDirectory
from trainer.session import Session, make_session
from trainer.start import train_run

MakeRun = Callable[..., RunDirectory]


def session(run: RunDirectory, micro: int = 0) -> Session:
    config, device = run.config(), torch.device("cpu")
    return make_session(config, load_training_set(run, config, device), Machine(device), Ranks(), 8, micro)


@pytest.mark.parametrize("preset", ["wgan-gp", "hinge-sn", "sprite-r3-cpu"])
def test_gradients_in_micro_batches_are_those_of_the_whole_batch(preset: str, make_run: MakeRun) -> None:
    run = make_run(
        "r",
        small_config(
            preset, "generator_norm=none", "discriminator_norm=none", "regulariser.every=1", "minibatch_std=no"
        ),
    )
    found = []
    for micro in (8, 3):
        made = session(run, micro)
        of_d = made.game.discriminator_phase(made.drawer.draw("d", 0, 1.0, True), 0.5)
        of_g = made.game.generator_phase(made.drawer.draw("g", 0, 1.0, True))
        gradients = [p.grad for p in made.game.parameters_g if p.grad is not None]
        found.append((of_d, of_g, gradients))
    assert torch.allclose(found[0][0], found[1][0], rtol=2e-3, atol=2e-4)
    assert torch.allclose(found[0][1], found[1][1], rtol=2e-3, atol=2e-4)
    for one, two in zip(found[0][2], found[1][2], strict=True):
        assert torch.allclose(one, two, rtol=1e-2, atol=1e-4 * float(one.abs().max() + 1e-3))


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pretend that a discriminator step over more than so many pictures runs out of memory."""

    def limit(most: int) -> None:
        real = Game.discriminator_gradients

        def gradients(self: Game, draw):  # type: ignore[no-untyped-def]
            if len(draw.z) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
            return real(self, draw)

        monkeypatch.setattr(Game, "discriminator_gradients", gradients)

    return limit


def test_out_of_memory_lowers_the_micro_batch_says_so_and_goes_on(
    make_run: MakeRun, small_memory: Callable[[int], None]
) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=3", "sampling.checkpoint_every=2"))
    small_memory(2)
    assert train_run(run).iteration == 3
    told = [event for event in run.events().read() if isinstance(event, Warning) and event.about == "memory"]
    assert [("4 pictures at once" in e.message, "2 pictures at once" in e.message) for e in told] == [
        (True, False),
        (False, True),
    ]
    assert "same batch of 8" in told[0].message
    assert "Batch normalisation" in told[0].message


def test_not_even_one_picture_is_a_clear_failure(make_run: MakeRun, small_memory: Callable[[int], None]) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=3"))
    small_memory(0)
    with pytest.raises(TrainerError, match="even with one picture"):
        train_run(run)
    last = run.events().read()[-1]
    assert isinstance(last, RunFailed)
    assert last.cause == "oom"


def test_the_largest_batch_is_found_by_doubling() -> None:
    tried: list[int] = []

    def fits(size: int) -> bool:
        tried.append(size)
        return size <= 50

    assert largest_batch(fits) == 32
    assert tried == [4, 8, 16, 32, 64]
    assert largest_batch(lambda size: True, high=100) == 64
    with pytest.raises(TrainerError, match="not even"):
        largest_batch(lambda size: False)


def test_batch_auto_trains_with_what_fits(make_run: MakeRun, small_memory: Callable[[int], None]) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=2", "batch.size=0"))
    small_memory(8)
    train_run(run)
    assert run.events().read()[0].batch == 8


def test_what_counts_as_out_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
