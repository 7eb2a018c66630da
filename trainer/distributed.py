"""Training with several processes (ranks); the result does not depend on their number."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from trainer.protocol.errors import TrainerError


@dataclass(frozen=True)
class Ranks:
    """The rank of this process and the number of ranks."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this rank writes files."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """This rank's part of a global batch. Raises TrainerError when it cannot be divided."""
        if batch % self.count:
            raise TrainerError(f"a batch of {batch} cannot be divided among {self.count} ranks")
        own = batch // self.count
        return slice(self.rank * own, (self.rank + 1) * own)

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace tensors by their mean over ranks: one flattened all_reduce."""
        found = list(tensors)
        if self.count == 1 or not found:
            return
        flat = torch.cat([tensor.reshape(-1).float() for tensor in found])
        dist.all_reduce(flat)
        flat /= self.count
        offset = 0
        for tensor in found:
            tensor.copy_(flat[offset : offset + tensor.numel()].view(tensor.shape))
            offset += tensor.numel()

    def agreed(self, value: int) -> int:
        """Rank 0's `value` on every rank; exchanged between CPUs, without waiting for devices."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.int64)
        dist.broadcast(shared, 0)
        return int(shared)

    def largest(self, value: int) -> int:
        """The largest `value` of any rank, on every rank."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.int64)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return int(shared)

    def smallest(self, value: int) -> int:
        """The smallest `value` of any rank, on every rank."""
        return -self.largest(-value)

    def check_equal(self, parameters: Iterable[torch.Tensor]) -> None:
        """Raise TrainerError when ranks hold different weights."""
        if self.count == 1:
            return
        total = torch.stack([p.detach().double().abs().sum() for p in parameters]).sum().reshape(1)
        low, high = total.clone(), total.clone()
        dist.all_reduce(low, dist.ReduceOp.MIN)
        dist.all_reduce(high, dist.ReduceOp.MAX)
        if not torch.equal(low, high):
            raise TrainerError("the networks of the ranks have diverged", "bug")


def is_first() -> bool:
    """Whether this process is the first rank, or the only one, before the group is joined."""
    return os.environ.get("RANK", "0") == "0"


def local_rank() -> int:
    """The number of this process among the ranks of its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def ranks_here() -> int:
    """How many ranks share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_lost_contact(error: BaseException) -> bool:
    """Whether `error` means that another rank has gone or does not respond."""
    text = str(error).lower()
    words = (
        "connection closed by peer", "connection reset", "connection refused", "broken pipe", "timed out", "gloo",
        "remote process exited", "communicator was aborted", "ncclremoteerror", "collective operation timeout",
    )  # fmt: skip
    return isinstance(error, RuntimeError) and any(word in text for word in words)


@contextmanager
def joined(device: torch.device, shares_gpu: bool = False) -> Iterator[Ranks]:
    """Within this context, be a member of the process group that torchrun or `trainer.processes` has set up, if any.

    `shares_gpu`: several ranks on one GPU; slow (gloo), for checks only.
    Raises TrainerError when this machine has fewer GPUs than ranks, or an MPS device.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks()
        return
    if device.type == "mps":
        raise TrainerError(
            "several processes train on CUDA or the CPU only; choose the device cpu, or one process", "device"
        )
    if device.type == "cuda":
        if ranks_here() > torch.cuda.device_count() and not shares_gpu:
            found = torch.cuda.device_count()
            raise TrainerError(f"{ranks_here()} processes need one GPU each, but this machine has {found}", "device")
        torch.cuda.set_device(device)
    # Its functions take the group at the time of import as a default argument. If torch's compiler imports it later,
    # it keeps our group alive until the interpreter ends, and the group's threads abort.
    importlib.import_module("torch.distributed.nn.functional")
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" and not shares_gpu else "gloo")
    try:
        yield Ranks(int(os.environ["RANK"]), count)
    finally:
        dist.destroy_process_group()
