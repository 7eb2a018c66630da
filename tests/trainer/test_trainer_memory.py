"""Running out of memory reduces the micro-batch; gradients stay those of the whole batch."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
import torch
from small_runs import small_config

from trainer.batches import StepBatch
from trainer.dataset import load_training_set
from trainer.device import Machine
from trainer.distributed import Ranks
from trainer.game import Game
from trainer.layers import BatchNorm2d, MinibatchStd
from trainer.memory import attempt, is_out_of_memory, largest_batch
from trainer.meters import Meter
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import RunFailed, RunWarning
from trainer.protocol.run_directory import RunDirectory
from trainer.session import Session, make_session
from trainer.train_run import train_run

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
        of_d = made.game.discriminator_turn(made.batches.draw("d", 0, 1.0, True), 0.5)
        of_g = made.game.generator_phase(made.batches.draw("g", 0, 1.0, True))
        gradients = [p.grad for p in made.game.parameters_g if p.grad is not None]
        found.append((of_d, of_g, gradients))
    torch.testing.assert_close(found[0][:2], found[1][:2], rtol=2e-3, atol=2e-4)
    for one, two in zip(found[0][2], found[1][2], strict=True):
        assert torch.allclose(one, two, rtol=1e-2, atol=1e-4 * float(one.abs().max() + 1e-3))


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pretend that a discriminator step on more than this many pictures runs out of memory."""

    def limit(most: int) -> None:
        real = Game.discriminator_gradients

        def gradients(self: Game, batch: StepBatch, part: str) -> torch.Tensor:
            if len(batch.z) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
            return real(self, batch, part)

        monkeypatch.setattr(Game, "discriminator_gradients", gradients)

    return limit


def test_out_of_memory_lowers_the_micro_batch_says_so_and_goes_on(
    make_run: MakeRun, small_memory: Callable[[int], None]
) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=3", "sampling.checkpoint_every=2"))
    small_memory(2)
    assert train_run(run).iteration == 3
    told = [event for event in run.events().read() if isinstance(event, RunWarning) and event.about == "memory"]
    assert [("4 pictures at once" in e.message, "2 pictures at once" in e.message) for e in told] == [
        (True, False),
        (False, True),
    ]
    assert "8" in told[0].message
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
    assert largest_batch(lambda size: False) == 0


def test_a_batch_that_fits_nowhere_is_a_clear_failure(make_run: MakeRun, small_memory: Callable[[int], None]) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=2", "batch.size=0"))
    small_memory(2)
    with pytest.raises(TrainerError, match="not even a batch of 4") as caught:
        train_run(run)
    assert caught.value.cause == "oom"


def test_batch_auto_trains_with_what_fits(make_run: MakeRun, small_memory: Callable[[int], None]) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=2", "batch.size=0"))
    small_memory(8)
    train_run(run)
    assert run.events().read()[0].batch == 8


@pytest.mark.parametrize("micro", [1, 3, 4, 6, 7])
def test_pictures_compared_with_each_other_stay_together_in_micro_batches(micro: int, make_run: MakeRun) -> None:
    """The groups of minibatch_std, and so gradients and values, do not depend on micro-batches."""
    run = make_run("r", small_config("sprite-r3-cpu", "regulariser.every=1", "batch.size=12"))
    config, device = run.config(), torch.device("cpu")
    assert config.architecture.minibatch_std
    found = []
    for part in (12, micro):
        made = make_session(config, load_training_set(run, config, device), Machine(device), Ranks(), 12, part)
        assert made.game.micro % 4 == 0
        of_d = made.game.discriminator_turn(made.batches.draw("d", 0, 1.0, True), 0.5)
        of_g = made.game.generator_phase(made.batches.draw("g", 0, 1.0, True))
        gradients = [p.grad for p in made.game.parameters_d + made.game.parameters_g if p.grad is not None]
        found.append((of_d, of_g, gradients))
    torch.testing.assert_close(found[0][:2], found[1][:2], rtol=2e-3, atol=2e-4)
    for one, two in zip(found[0][2], found[1][2], strict=True):
        assert torch.allclose(one, two, rtol=1e-2, atol=1e-4 * float(one.abs().max() + 1e-3))


def test_groups_of_an_odd_batch_are_those_of_the_whole() -> None:
    layer = MinibatchStd()
    layer.batch = 10  # Twos: four would not divide it.
    x = torch.randn(10, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    parts = [layer(part) for part in (x[:4], x[4:8], x[8:])]
    assert torch.equal(torch.cat(parts), layer(x))


def test_memory_is_not_asked_for_less_than_a_group(make_run: MakeRun, small_memory: Callable[[int], None]) -> None:
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=2"))
    small_memory(2)
    with pytest.raises(TrainerError, match="even with 4 pictures") as caught:
        train_run(run)
    assert caught.value.cause == "oom"


def test_a_meter_without_memory_ends_the_measuring_and_not_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(self: Meter) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Meter, "measure", measure)
    run = make_run("r", small_config("dcgan", "stop.iterations=4", "sampling.every=2"), count=40)
    assert train_run(run).state == "finished"
    told = [event for event in run.events().read() if isinstance(event, RunWarning) and event.about == "memory"]
    assert len(told) == 1


def test_statistics_of_pictures_drawn_twice_move_once(make_run: MakeRun) -> None:
    """With micro-batches the generator's step draws the shared latents a second time."""
    run = make_run("r", small_config("dcgan"))
    found = []
    for micro in (8, 4):
        made = session(run, micro)
        made.game.discriminator_turn(made.batches.draw("d", 0, 1.0, True), None)
        made.game.generator_phase(made.batches.draw("g", 0, 1.0, False))
        found.append(
            [m.num_batches_tracked.item() for m in made.game.generator.modules() if isinstance(m, BatchNorm2d)]
        )
    assert found == [[1] * 3, [2] * 3]  # Once for each part.


TEXTS = [
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
    "CUDA driver error: out of memory",
    "HIP out of memory. Tried to allocate 2.00 GiB",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
    "Unable to find a valid cuDNN algorithm to run convolution",
    "GET was unable to find an engine to execute this computation",
    "NCCL error in: ProcessGroupNCCL.cpp:1, unhandled cuda error\nLast error:\nCuda failure 2 'out of memory'",
    "NCCL error: unhandled cuda error\nLast error:\nFailed to CUDA calloc async 16 bytes",
    "NCCL error: unhandled cuda error\nLast error:\nFailed to CUDA host alloc 64 bytes",
    "MPS backend out of memory (MPS allocated: 1.00 GB)",
    "[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.",
    "std::bad_alloc",
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_library_has_its_words_for_it(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    assert attempt(lambda: (_ for _ in ()).throw(RuntimeError(text))) is None


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: device-side assert triggered",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
        "NCCL error: remote process exited or there was a network error",
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
    ],
)
def test_other_failures_are_not_taken_for_it(text: str) -> None:
    assert not is_out_of_memory(RuntimeError(text))


def test_what_came_up_while_memory_ran_out_is_out_of_memory() -> None:
    error = RuntimeError("CUDA error: operation failed due to a previous error during capture")
    assert not is_out_of_memory(error)
    error.__context__ = torch.OutOfMemoryError("CUDA out of memory")
    assert is_out_of_memory(error)
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))


def test_what_counts_as_out_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
