"""CUDA without a GPU: recorded graphs that compute on the CPU, and what is forbidden during a recording."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
# Each reads a value on the host, or has a result whose size depends on values.
WAITING = {
    aten._local_scalar_dense, aten.item, aten.is_nonzero, aten.equal, aten.nonzero, aten.masked_select, aten._unique2,
    aten.unique_dim, aten.bincount, aten.repeat_interleave, aten.allclose,
}  # fmt: skip
BY_PLACE = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}  # By a mask they wait, too.
# A tensor of host memory: a copy of it to the device would wait, and its value would stay what it was.
FROM_HOST = {aten.lift_fresh, aten.lift, aten.scalar_tensor}
RANDOM = {aten.rand, aten.randn, aten.randint, aten.randperm, aten.bernoulli, aten.multinomial, aten.native_dropout}


class Forbidden(RuntimeError):
    """Something that CUDA refuses during a recording."""


def tensors(values: Any) -> list[torch.Tensor]:
    """All tensors in nested arguments."""
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def place(tensor: torch.Tensor) -> int:
    """Identifies the memory of a tensor: equal for tensors that share it."""
    return tensor.untyped_storage()._cdata


class Recording(TorchDispatchMode):
    """Refuses what CUDA refuses during a recording. Subclasses record the rest."""

    device = "cpu"

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = func.overloadpacket
        by_mask = packet in BY_PLACE and any(t.dtype in (torch.bool, torch.uint8) for t in tensors(args[1]))
        if packet in WAITING or packet in FROM_HOST or by_mask:
            raise Forbidden(f"{func} while a graph is recorded")
        if packet in RANDOM:
            raise Forbidden(f"{func}: random numbers are drawn outside")
        for tensor in tensors((args, kwargs)):
            if tensor.device.type != self.device:
                raise Forbidden(f"{func} with a tensor on {tensor.device} while a graph of {self.device} is recorded")
        result = func(*args, **kwargs)
        for tensor in tensors(result):
            if tensor.device.type != self.device:
                raise Forbidden(f"{func} makes a tensor on {tensor.device} while a graph is recorded")
        self.note(func, args, kwargs, result)
        return result

    def note(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Called for every operation."""


class Graph(Recording):
    """torch.cuda.CUDAGraph on the CPU: `replay` repeats the recorded operations in the same memory.

    As there, recording computes nothing (what it made is NaN, what it changed is as before), and a replay overwrites
    what graphs of the same pool that were recorded later have left.
    """

    made: list[Graph] = []

    def __init__(self) -> None:
        super().__init__()
        self.pool: Any = None
        self._steps: list[tuple[Any, Any, Any, list[tuple[torch.Tensor, int]]]] = []
        self._own: dict[int, torch.Tensor] = {}
        self._before: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for argument, value in zip(func._schema.arguments, args, strict=False):
            written = argument.alias_info is not None and argument.alias_info.is_write
            for tensor in tensors(value) if written else []:
                if place(tensor) not in self._own and place(tensor) not in self._before:
                    self._before[place(tensor)] = (tensor, tensor.clone())
        return super().__torch_dispatch__(func, types, args, kwargs)

    def note(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        given = {place(tensor) for tensor in tensors((args, kwargs))}
        fresh = []
        for number, tensor in enumerate(tree_leaves(result)):
            if isinstance(tensor, torch.Tensor) and place(tensor) not in given:
                fresh.append((tensor, number))
                self._own[place(tensor)] = tensor
        if fresh or func._schema.is_mutable:
            self._steps.append((func, args, kwargs, fresh))

    def spoil(self) -> None:
        """Overwrite everything that was computed."""
        with torch.no_grad():
            for tensor in self._own.values():
                if tensor.is_floating_point():
                    tensor.detach().fill_(float("nan"))

    def finish(self) -> None:
        with torch.no_grad():
            for tensor, value in self._before.values():
                tensor.copy_(value)
        self._before.clear()
        self.spoil()
        Graph.made.append(self)

    def replay(self) -> None:
        later = Graph.made[Graph.made.index(self) + 1 :]
        for other in later:
            if other.pool is not None and other.pool is self.pool:
                other.spoil()
        with torch.no_grad():
            for func, args, kwargs, fresh in self._steps:
                result = tree_leaves(func(*args, **kwargs))
                for tensor, number in fresh:
                    tensor.detach().copy_(result[number])


class Stream:
    """torch.cuda.Stream; there is only one."""

    def wait_stream(self, other: object) -> None:
        """Nothing to wait for."""


def emulate(monkeypatch: pytest.MonkeyPatch) -> list[Graph]:
    """Replace torch.cuda's graphs by `Graph`; returns the growing list of graphs made."""

    @contextlib.contextmanager
    def graph(made: Graph, pool: Any = None) -> Iterator[None]:
        made.pool = pool
        with made:
            yield
        made.finish()

    monkeypatch.setattr(Graph, "made", [])
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", object)
    return Graph.made
