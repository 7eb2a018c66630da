"""Recorded CUDA steps: at small pictures a step's hundreds of kernel launches cost more than its arithmetic.

A phase is captured once (forward and backward) with its inputs in fixed places and then replayed. Optimiser, random
draws and indexing stay outside. Not used with several ranks, micro-batches or dropout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from trainer.augmentation import Changes
from trainer.draws import Draw

WARM_UPS = 3  # Runs on a side stream before capture, as torch's documentation asks.


def tensors_of(value: Draw | Changes) -> list[torch.Tensor]:
    """Every tensor in a draw, in field order."""
    found: list[torch.Tensor] = []
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, torch.Tensor):
            found.append(inner)
        elif isinstance(inner, Changes):
            found += tensors_of(inner)
    return found


def with_tensors(value: Any, tensors: Iterable[torch.Tensor]) -> Any:
    """The same draw with its tensors replaced by `tensors`, in the order of `tensors_of`."""
    supply = iter(tensors)
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, torch.Tensor):
            changed[field.name] = next(supply)
        elif isinstance(inner, Changes):
            own = [next(supply) for _ in tensors_of(inner)]
            changed[field.name] = with_tensors(inner, own)
    return dataclasses.replace(value, **changed)


class Recorded:
    """One phase's gradients as a CUDA graph.

    `gradients(draw)` must run forward and backward and return detached values. `buffers` (running statistics) are put
    back after the warm-up, so that recording leaves no trace.
    """

    def __init__(
        self,
        gradients: Callable[[Draw], torch.Tensor],
        draw: Draw,
        parameters: list[nn.Parameter],
        buffers: list[torch.Tensor],
    ) -> None:
        self._parameters = parameters
        self._places = [tensor.clone() for tensor in tensors_of(draw)]
        static = with_tensors(draw, self._places)
        kept = [buffer.clone() for buffer in buffers]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                self._forget()
                gradients(static)
        torch.cuda.current_stream().wait_stream(side)
        self._forget()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._values = gradients(static)
        self._gradients = [parameter.grad for parameter in parameters]
        for buffer, before in zip(buffers, kept, strict=True):
            buffer.copy_(before)

    def replay(self, draw: Draw) -> torch.Tensor:
        """Run the phase for `draw`; gradients are in the parameters afterwards. Returns its values."""
        for place, tensor in zip(self._places, tensors_of(draw), strict=True):
            place.copy_(tensor)
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return self._values.clone()

    def _forget(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None
