"""Running out of memory is a number to lower, not an end: smaller micro-batches, and the largest batch that fits."""

from __future__ import annotations

import errno
import gc
import re
from collections.abc import Callable
from typing import TypeVar

import torch

from trainer.protocol.errors import TrainerError

Result = TypeVar("Result")

# CUDA, its driver, HIP, XPU and MPS; the CPU's allocator; cuBLAS, cuDNN, cuSOLVER and cuSPARSE; cuDNN that finds no
# algorithm for the memory left; NCCL.
_TEXTS = re.compile(
    r"out[ _]of[ _]memory|not enough memory|can(?:'|no)t allocate memory|unable to allocate|bad_alloc"
    r"|alloc(?:ation)?_failed|errormemoryallocation|cublas_status_not_initialized when calling .?cublascreate"
    r"|find a valid cudnn algorithm|unable to find an engine to execute"
    r"|failed to cuda (?:host )?[cm]?alloc",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether `error` says that memory ran out, on any device, or came up while such an error was being handled.

    A recording that runs out of memory ends with an error of its own, about the recording.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            return True
        if isinstance(error, RuntimeError) and _TEXTS.search(str(error)):
            return True
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return True
        seen.add(id(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def free_memory(device: torch.device) -> None:
    """Give cached memory back, after the failed step's tensors are gone."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def attempt(step: Callable[[], Result]) -> Result | None:
    """`step()`, or None when memory ran out; the failed step's frames are released before returning."""
    try:
        return step()
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
    return None


def out_of_memory(least: int) -> TrainerError:
    """What is said when `least` pictures at a time, the fewest there can be, are still too many."""
    some = "one picture" if least == 1 else f"{least} pictures"
    return TrainerError(f"out of memory even with {some} at a time; use smaller pictures or networks", "oom")


def with_less_memory(
    step: Callable[[], Result], lower: Callable[[], bool], device: torch.device, least: int = 1
) -> Result:
    """`step()`; whenever memory runs out, `lower` makes it need less, tells the person, and it is tried again.

    `lower` returns False when it cannot: then TrainerError (cause "oom") is raised, which names `least` pictures.
    """
    while True:
        result = attempt(step)
        if result is not None:
            return result
        free_memory(device)
        if not lower():
            raise out_of_memory(least)
        free_memory(device)


def largest_batch(fits: Callable[[int], bool], low: int = 4, high: int = 4096) -> int:
    """The largest power of two in [low, high] for which `fits` holds, doubling from `low`; 0 when none does."""
    best, size = 0, low
    while size <= high and fits(size):
        best, size = size, size * 2
    return best
