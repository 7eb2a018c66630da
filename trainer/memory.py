"""Running out of memory is a number to lower, not an end: smaller micro-batches, and the largest batch that fits."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from trainer.errors import TrainerError

Result = TypeVar("Result")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "not enough memory" in text or "MPS backend out of memory" in text
    )


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
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return None


def with_less_memory(
    step: Callable[[], Result], micro: Callable[[], int], lower: Callable[[int], None], device: torch.device
) -> Result:
    """`step()`, halving the micro-batch and trying again whenever memory runs out.

    `micro` tells the present micro-batch, `lower` sets it and tells the person.
    Raises TrainerError (cause "oom") when one picture at a time is still too much.
    """
    while True:
        result = attempt(step)
        if result is not None:
            return result
        free_memory(device)
        if micro() <= 1:
            raise TrainerError("out of memory even with one picture at a time; use smaller pictures or networks", "oom")
        lower(max(1, micro() // 2))


def largest_batch(fits: Callable[[int], bool], low: int = 4, high: int = 4096) -> int:
    """The largest power of two in [low, high] for which `fits` holds, doubling from `low`. Raises TrainerError."""
    best, size = 0, low
    while size <= high and fits(size):
        best, size = size, size * 2
    if not best:
        raise TrainerError(f"not even a batch of {low} fits in memory; use smaller pictures or networks", "oom")
    return best
