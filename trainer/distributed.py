"""Several ranks, one experiment: started by `torchrun`, the result does not depend on their number."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from trainer.errors import TrainerError


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1
    local: int = 0

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

    def agreed(self, value: int, device: torch.device) -> int:
        """Rank 0's `value` on every rank."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.int64, device=device)
        dist.broadcast(told, 0)
        return int(told)

    def check_equal(self, parameters: Iterable[torch.Tensor]) -> None:
        """Raise TrainerError when ranks hold different weights."""
        if self.count == 1:
            return
        total = torch.stack([p.detach().double().abs().sum() for p in parameters]).sum().reshape(1)
        low, high = total.clone(), total.clone()
        dist.all_reduce(low, dist.ReduceOp.MIN)
        dist.all_reduce(high, dist.ReduceOp.MAX)
        if not torch.equal(low, high):
            raise TrainerError("the ranks' networks have drifted apart", "bug")


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the group that torchrun describes in the environment, if any; leave it at the end."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks()
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.is_available():
        torch.cuda.set_device(local % torch.cuda.device_count())
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(int(os.environ["RANK"]), count, local)
    finally:
        dist.destroy_process_group()
