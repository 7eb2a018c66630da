"""Recognising that memory ran out, on any device, and finding what fits."""

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
    """Whether `error` means that memory ran out, on any device, or has such an error as its cause or context.

    A CUDA graph that runs out of memory while it is captured ends with another error, about the capture.
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
    """Release cached memory after a failed step; its tensors must be gone."""
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
    """The error for when even micro-batches of `least` pictures, the smallest possible, do not fit."""
    some = "one picture" if least == 1 else f"{least} pictures"
    return TrainerError(f"out of memory even with {some} at a time; use smaller pictures or networks", "oom")


def largest_batch(fits: Callable[[int], bool], low: int = 4, high: int = 4096) -> int:
    """The largest power of two in [low, high] for which `fits` holds, doubling from `low`; 0 when none does."""
    best, size = 0, low
    while size <= high and fits(size):
        best, size = size, size * 2
    return best
