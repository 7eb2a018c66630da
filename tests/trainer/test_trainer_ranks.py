"""Any number of ranks and machines with the same global batch give the same result."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_runs import ADVERSARIAL, small_config

from trainer import checkpoints
from trainer.dataset import load_training_set
from trainer.device import Machine
from trainer.distributed import Ranks, is_lost_contact
from trainer.layers import BatchNorm2d
from trainer.networks import build_networks
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import Progress
from trainer.protocol.run_directory import RunDirectory
from trainer.session import make_session
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
TRAINER = ["-W", "error::UserWarning:trainer", "-m", "trainer", "train"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def equal_config(preset: str, *settings: str) -> TrainConfig:
    """A run whose result can be compared: a large eps keeps Adam near SGD, which does not amplify rounding errors."""
    return small_config(
        preset, "stop.iterations=2", "sampling.every=1000", "optimiser.eps=0.01", "regulariser.every=1", *settings
    )


def started(repository: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    everything = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, *command], cwd=repository, env=everything, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def torchrun(run: RunDirectory, repository: Path, *options: str) -> subprocess.Popen[str]:
    """`torchrun OPTIONS -m trainer train RUN`, as typed by a person."""
    return started(repository, "-m", "torch.distributed.run", *options, "-m", "trainer", "train", str(run.path))


def finished(*processes: subprocess.Popen[str]) -> str:
    told = "".join(process.communicate(timeout=200)[0] for process in processes)
    assert all(process.returncode == 0 for process in processes), told
    return told


def assert_same(one: RunDirectory, other: RunDirectory) -> None:
    """Check for the same weights and, as equal gradients have equal averages, the same moments of the optimisers."""
    first = checkpoints.load(one.newest_checkpoint()).tensors
    second = checkpoints.load(other.newest_checkpoint()).tensors
    assert first.keys() == second.keys()
    for stem in first:
        for name, value in first[stem].items():
            assert torch.allclose(value, second[stem][name], atol=1e-5), (stem, name)
    curves = [[e.curves for e in run.events().read() if isinstance(e, Progress)] for run in (one, other)]
    name = "loss" if one.config().is_flow else "loss_d"
    losses = [[value for found in run for value in found[name]] for run in curves]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert other.state().state == "finished"


LEFT = """
import gc, weakref
import torch, torch.distributed as dist
from trainer.distributed import joined
with joined(torch.device("cpu")) as ranks:
    assert ranks.agreed(3 + ranks.rank) == 3
    group = weakref.ref(dist.group.WORLD)
    import torch.distributed.nn  # As torch's compiler does, some time.
gc.collect()
assert group() is None, gc.get_referrers(group())
"""


def test_a_group_that_was_left_is_gone_with_its_threads(repository: Path) -> None:
    """A remaining gloo thread may drop a tensor at interpreter exit, which aborts the process."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "USE_LIBUV": "0"}
    ranks = [started(repository, "-c", LEFT, **shared, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(2)]
    finished(*ranks)


# Batch norm, dropout, label noise and double backward are all in these two.
@pytest.mark.parametrize(
    "preset", [pytest.param("gandam-part-1", marks=pytest.mark.slow), "sprite-r3-cpu", "sprite-flow"]
)
def test_torchrun_with_two_ranks_equals_one(preset: str, make_run: MakeRun, repository: Path) -> None:
    config = equal_config(preset, "ema.post_hoc=yes")
    one, two = make_run("one", config), make_run("two", config)
    train_run(one)
    told = finished(torchrun(two, repository, "--nproc-per-node=2", f"--master-port={free_port()}"))
    assert_same(one, two)
    assert two.events().read()[0].ranks == 2
    assert told.count("finished") == 1  # The first rank alone speaks.


# Both ranks train several runs one after another: most of the time of a start is importing torch.
SEVERAL = """
import os, sys
import torch
import trainer.tuning
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run
trainer.tuning.bf16_may_pay = lambda device: True
torch.set_num_threads(1)
for argument in sys.argv[1:]:
    os.environ["MASTER_PORT"], path = argument.split(":", 1)
    train_run(RunDirectory(path))
    print(path, "is finished", flush=True)
"""


def trained_by_two(repository: Path, *runs: RunDirectory, script: str = SEVERAL, **more: str) -> None:
    arguments = [f"{free_port()}:{run.path}" for run in runs]
    shared = {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "USE_LIBUV": "0", **more}
    ranks = [
        started(repository, "-c", script, *arguments, **shared, RANK=str(rank), LOCAL_RANK=str(rank))
        for rank in range(2)
    ]
    try:
        finished(*ranks)
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def has_batch_norm(preset: str) -> bool:
    networks = build_networks(small_config(preset))
    return any(isinstance(module, BatchNorm2d) for network in networks for module in network.modules())


# Narrow, the other presets are the same networks.
NORMED = ("dcgan", "gandam-part-1", "hinge-sn", "wgan-gp")


@pytest.mark.parametrize("presets", [NORMED, pytest.param(tuple(ADVERSARIAL), marks=pytest.mark.slow)])
def test_ranks_with_batch_norm_find_precision_and_batch_by_trial(
    presets: tuple[str, ...], make_run: MakeRun, repository: Path
) -> None:
    """Trials of one process must not wait for the others. Half precision equals that of one rank."""
    normed = [preset for preset in presets if has_batch_norm(preset)]
    assert len(normed) >= len(NORMED)
    settings = ["stop.iterations=2", "precision.kind=auto", "batch.size=0", "sampling.every=1000"]
    tried = [make_run(preset, small_config(preset, *settings)) for preset in normed]
    half = [equal_config(preset, "precision.kind=bf16") for preset in normed[:3:2]]
    one = [make_run(f"one-{config.preset}", config) for config in half]
    two = [make_run(f"two-{config.preset}", config) for config in half]
    for run in one:
        train_run(run)
    trained_by_two(repository, *tried, *two)
    for run in tried:
        assert run.state().state == "finished"
        begun = run.events().read()[0]
        assert begun.ranks == 2
        assert begun.batch % 2 == 0
        assert begun.batch <= 24  # No more than there are pictures.
    for alone, shared in zip(one, two, strict=True):
        first, second = (checkpoints.load(run.newest_checkpoint()).tensors for run in (alone, shared))
        for stem in ("generator", "discriminator"):
            for name, value in first[stem].items():
                close = torch.allclose(value.float(), second[stem][name].float(), atol=0.01, rtol=0.02)
                assert close, (alone.path.name, stem, name)


# The ranks disagree about the time that an iteration takes, as machines of unequal load do.
DISAGREEING = SEVERAL.replace(
    "torch.set_num_threads(1)",
    "torch.set_num_threads(1)\n"
    "trainer.tuning.time_steps = lambda *_: 1e-6 if os.environ['RANK'] == os.environ['WIDER'] else 1e6",
)


@pytest.mark.parametrize("wider", [0, 1])
def test_the_first_rank_chooses_the_networks_for_all(wider: int, make_run: MakeRun, repository: Path) -> None:
    settings = ["wide_channels=12,9", "wide_from=100", "stop.iterations=0", "stop.minutes=0.005", "sampling.every=1000"]
    run = make_run("r", small_config("sprite-r3-cpu", *settings))
    trained_by_two(repository, run, script=DISAGREEING, WIDER=str(wider))
    channels = run.config().architecture.generator_channels
    assert channels == ((16, 12, 12, 9) if wider == 0 else (16, 12, 8, 6))
    assert run.state().state == "finished"
    assert run.events().read()[0].ranks == 2


@pytest.mark.slow
def test_processes_asked_for_are_started_by_the_trainer_itself(make_run: MakeRun, repository: Path) -> None:
    one, two = make_run("one", equal_config("sprite-r3-cpu")), make_run("two", equal_config("sprite-r3-cpu"))
    train_run(one)
    told = finished(started(repository, *TRAINER, str(two.path), "--processes=2"))
    assert "Fatal" not in told  # The other rank ends as quietly as the first.
    assert_same(one, two)
    assert two.events().read()[0].ranks == 2
    assert two.config().processes == 2


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [3, 4])
def test_three_and_four_ranks_equal_one(ranks: int, make_run: MakeRun, repository: Path) -> None:
    config = equal_config("gandam-part-1", "batch.size=12")
    one, many = make_run("one", config), make_run("many", config)
    train_run(one)
    finished(torchrun(many, repository, f"--nproc-per-node={ranks}", f"--master-port={free_port()}"))
    assert_same(one, many)


@pytest.mark.slow
def test_two_nodes_equal_one(make_run: MakeRun, repository: Path) -> None:
    """Two torchruns over the network (loopback), one rank each."""
    config = equal_config("sprite-r3-cpu")
    one, two = make_run("one", config), make_run("two", config)
    train_run(one)
    meet = ["--nnodes=2", "--nproc-per-node=1", "--master-addr=127.0.0.1", f"--master-port={free_port()}"]
    finished(*(torchrun(two, repository, *meet, f"--node-rank={node}") for node in (0, 1)))
    assert_same(one, two)
    assert two.events().read()[0].ranks == 2


def wait_for_checkpoint(run: RunDirectory, process: subprocess.Popen[str], iteration: int = 2) -> None:
    limit = time.monotonic() + 60
    while not any(int(folder.name) >= iteration for folder in run.checkpoints()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit
        time.sleep(0.02)


ENDLESS = ["stop.iterations=100000", "sampling.checkpoint_every=2", "sampling.every=100000", "processes=2"]


@pytest.mark.skipif(sys.platform == "win32", reason="asks ps for the other ranks")
@pytest.mark.parametrize("victim", [pytest.param("first", marks=pytest.mark.slow), "other"])
def test_a_killed_rank_ends_the_run_and_it_can_be_resumed(victim: str, make_run: MakeRun, repository: Path) -> None:
    run = make_run("r", small_config("sprite-r3-cpu", *ENDLESS))
    process = started(repository, *TRAINER, str(run.path))
    wait_for_checkpoint(run, process)
    (other,) = children(process.pid)
    os.kill(process.pid if victim == "first" else other, signal.SIGKILL)
    told, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    limit = time.monotonic() + 20
    while alive(other):
        assert time.monotonic() < limit, "the other rank outlived the first"
        time.sleep(0.05)
    state = run.state()
    if victim == "other":
        assert (state.state, state.cause) == ("failed", "ranks"), told
        assert "another process of this run was lost" in told
    else:
        assert state.state == "interrupted"
    newest = int(run.newest_checkpoint().name)
    finished(started(repository, *TRAINER, str(run.path), f"--iterations={newest + 2}", "--processes=1"))
    assert run.state().iteration == newest + 2


def children(pid: int) -> list[int]:
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in table.splitlines()]
    return [own for own, parent in pairs if parent == pid]


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to pass on")
def test_torchrun_asked_to_end_saves_a_checkpoint_first(make_run: MakeRun, repository: Path) -> None:
    run = make_run("r", small_config("dcgan", *ENDLESS[:-1]))
    process = torchrun(run, repository, "--nproc-per-node=2", f"--master-port={free_port()}")
    wait_for_checkpoint(run, process)
    process.terminate()
    process.communicate(timeout=60)
    state = run.state()
    assert state.state == "stopped"
    assert int(run.newest_checkpoint().name) == state.iteration


@pytest.mark.parametrize(
    "text",
    [
        "[../third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:4711",
        "NCCL error in: ProcessGroupNCCL.cpp:1, remote process exited or there was a network error",
        "NCCL communicator was aborted on rank 1.",
        "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3)",
    ],
)
def test_another_rank_that_is_gone_is_known_by_its_words(text: str) -> None:
    assert is_lost_contact(RuntimeError(text))
    assert not is_lost_contact(RuntimeError("CUDA error: device-side assert triggered"))


def test_what_cannot_be_divided_is_refused(make_run: MakeRun) -> None:
    with pytest.raises(TrainerError, match="9 cannot be divided among 2"):
        Ranks(0, 2).share(9)
    with pytest.raises(TrainerError, match="8 pictures cannot be divided among 3 processes"):
        small_config("dcgan", "processes=3")
    with pytest.raises(TrainerError, match="minibatch_std compares 4 of 8 pictures"):
        small_config("sprite-r3-cpu", "processes=4")
    config = small_config("sprite-r3-cpu")
    data = load_training_set(make_run("r", config), config, torch.device("cpu"))
    with pytest.raises(TrainerError, match="minibatch_std compares groups of 4"):  # As torchrun may start them.
        make_session(config, data, Machine(torch.device("cpu")), Ranks(0, 4), 8)
