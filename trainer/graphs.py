"""Training steps as CUDA graphs: with small pictures, launching kernels takes longer than computing them.

A step's forward and backward pass are captured once, with their inputs in fixed tensors, and then replayed. Optimiser,
random numbers and indexing stay outside. Not used with several ranks, micro-batches or dropout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from trainer.augmentation import AugmentParams
from trainer.batches import StepBatch

WARM_UPS = 3  # Runs on a side stream before capture, as torch's documentation asks.


def tensors_of(value: StepBatch | AugmentParams) -> list[torch.Tensor]:
    """Every tensor in a batch, in field order."""
    found: list[torch.Tensor] = []
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, torch.Tensor):
            found.append(inner)
        elif isinstance(inner, AugmentParams):
            found += tensors_of(inner)
    return found


def with_tensors(value: Any, tensors: Iterable[torch.Tensor]) -> Any:
    """The same batch with its tensors replaced by `tensors`, in the order of `tensors_of`."""
    supply = iter(tensors)
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, torch.Tensor):
            changed[field.name] = next(supply)
        elif isinstance(inner, AugmentParams):
            own = [next(supply) for _ in tensors_of(inner)]
            changed[field.name] = with_tensors(inner, own)
    return dataclasses.replace(value, **changed)


class Recordings:
    """The recorded steps of one game by name, in one memory pool.

    They can share it, since the gradients and values of one are used before the next is replayed.
    """

    def __init__(self) -> None:
        self._recorded: dict[str, Recorded] = {}
        self._pool: Any = None

    def replay(
        self,
        name: str,
        gradients: Callable[[StepBatch], torch.Tensor],
        batch: StepBatch,
        parameters: list[nn.Parameter],
        buffers: list[torch.Tensor],
    ) -> torch.Tensor:
        """Run step `name` for `batch`, recording it the first time (see `Recorded`); returns its values."""
        if name not in self._recorded:
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            self._recorded[name] = Recorded(gradients, batch, parameters, buffers, self._pool)
        return self._recorded[name].replay(batch)

    def free(self) -> None:
        """Drop all recordings and their memory, gradients included."""
        for recorded in self._recorded.values():
            recorded.forget()
        self._recorded.clear()
        self._pool = None


class Recorded:
    """The gradients of one step as a CUDA graph.

    `gradients(batch)` must run forward and backward and return detached values. `buffers` (running statistics) are
    restored after the warm-up, also when recording fails.
    """

    def __init__(
        self,
        gradients: Callable[[StepBatch], torch.Tensor],
        batch: StepBatch,
        parameters: list[nn.Parameter],
        buffers: list[torch.Tensor],
        pool: Any = None,
    ) -> None:
        self._parameters = parameters
        self._places = [tensor.clone() for tensor in tensors_of(batch)]
        static = with_tensors(batch, self._places)
        kept = [buffer.clone() for buffer in buffers]
        try:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UPS):
                    self.forget()
                    gradients(static)
            torch.cuda.current_stream().wait_stream(side)
            self.forget()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, pool=pool):
                self._values = gradients(static)
        except BaseException:
            self.forget()
            raise
        finally:
            for buffer, before in zip(buffers, kept, strict=True):
                buffer.copy_(before)
        self._gradients = [parameter.grad for parameter in parameters]

    def replay(self, batch: StepBatch) -> torch.Tensor:
        """Run the step for `batch`; its gradients are in the parameters afterwards. Returns its values."""
        for place, tensor in zip(self._places, tensors_of(batch), strict=True):
            place.copy_(tensor)
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return self._values.clone()

    def forget(self) -> None:
        """Drop the parameters' gradients, which are in the recording's memory."""
        for parameter in self._parameters:
            parameter.grad = None
