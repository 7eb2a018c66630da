"""The optimiser equals torch's Adam bit for bit, and training does not load torch's compiler."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from small_runs import small_config
from torch import nn

from trainer.adam import Adam
from trainer.protocol.run_directory import RunDirectory

CPU = torch.device("cpu")


def test_its_steps_are_those_of_torch_to_the_bit() -> None:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Linear(6, 2)).to(memory_format=torch.channels_last)
    theirs = copy.deepcopy(ours)
    one = Adam(ours.parameters(), 1e-3, (0.5, 0.99), 1e-7, CPU)
    other = torch.optim.Adam(theirs.parameters(), 1e-3, (0.5, 0.99), 1e-7, fused=True)
    for step in range(5):
        for optimiser in (one, other):
            for group in optimiser.param_groups:
                group["lr"], group["betas"] = 1e-3 / (step + 1), (0.5, 0.9 + 0.01 * step)
        for parameter, same in zip(ours.parameters(), theirs.parameters(), strict=True):
            # Once, one of them has none.
            nothing = step == 2 and parameter.dim() == 4
            parameter.grad = None if nothing else torch.randn_like(parameter)
            same.grad = None if nothing else parameter.grad.clone()
        before = [parameter.detach().clone() for parameter in ours.parameters()]
        one.step()
        other.step()
        assert any((a != b).any() for a, b in zip(before, ours.parameters(), strict=True))
        for parameter, same in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(parameter, same)
            if step != 2:
                assert all(torch.equal(one.state[parameter][name], value) for name, value in other.state[same].items())


TRAIN = """
import sys
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run
assert train_run(RunDirectory(sys.argv[1])).state == "finished"
print({"torch._dynamo", "torchvision"} & set(sys.modules))
"""


def test_a_run_does_not_load_the_compiler(make_run: Callable[..., RunDirectory], repository: Path) -> None:
    """Loading it takes a second at every start, and it is not used."""
    run = make_run("r", small_config("dcgan", "stop.iterations=2"))
    command = [sys.executable, "-c", TRAIN, str(run.path)]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=repository, env=alone, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1:] == ["set()"], done.stdout + done.stderr
