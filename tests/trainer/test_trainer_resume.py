"""Stop and resume, kill and resume: the result is the same as without."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_runs import small_config

from trainer import checkpoints
from trainer.ema import STEMS
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import (
    FLOW_CURVES,
    CheckpointSaved,
    Progress,
    RunFailed,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStopped,
    RunWarning,
    TrainEvent,
)
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]


def weights(run: RunDirectory, iteration: int) -> dict[str, dict[str, torch.Tensor]]:
    return checkpoints.load(run.checkpoints_path / f"{iteration:08d}").tensors


def equal(first: dict[str, dict[str, torch.Tensor]], second: dict[str, dict[str, torch.Tensor]]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(first[stem][name], second[stem][name]) for stem in first for name in first[stem])


@pytest.mark.parametrize("preset", preset_names())
def test_stop_and_resume_equals_uninterrupted_bit_for_bit(preset: str, make_run: MakeRun) -> None:
    settings = ["stop.iterations=10", "sampling.checkpoint_every=5", "sampling.every=1000", "translation=0.125"]
    settings.append("ema.post_hoc=yes")
    flow = load_preset(preset).is_flow
    if flow:
        # Pictures are changed from the seventh iteration on, so after the checkpoint.
        settings += ["augmentation.probability_end=0.25", "augmentation.after_views=2"]
    if "sprite" in preset and not flow:
        settings.append("augmentation.adaptive=true")
    if preset.startswith("sprite-r3"):
        settings.append("regulariser.every=2")
    config = small_config(preset, *settings)
    straight, broken = make_run("straight", config), make_run("broken", config)
    assert train_run(straight).state == "finished"

    # The first half ends as a killed process does: without a word after its checkpoint.
    class Killed(BaseException):
        pass

    def die(event: object) -> None:
        if isinstance(event, CheckpointSaved) and event.iteration == 5:
            raise Killed

    with pytest.raises(Killed):
        train_run(broken, on_event=die)
    assert broken.state().state == "interrupted"
    assert train_run(broken).state == "finished"
    assert equal(weights(straight, 10), weights(broken, 10))
    assert set(STEMS) < weights(broken, 10).keys()
    told = [event for event in broken.events().read() if isinstance(event, RunResumed)]
    assert [event.iteration for event in told] == [5]

    def curves(run: RunDirectory, name: str) -> dict[int, float | None]:
        found: dict[int, float | None] = {}
        for event in run.events().read():
            if isinstance(event, Progress):
                found.update(enumerate(event.curves[name], event.first_iteration))
        return found

    for name in FLOW_CURVES if flow else ("loss_d", "loss_g", "grad_norm_d", "penalty"):
        assert curves(straight, name) == curves(broken, name)
    assert sorted(curves(broken, "loss" if flow else "loss_g")) == list(range(1, 11))


def test_a_finished_run_stays_finished_and_can_be_given_more(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=3"))
    train_run(run)
    before = weights(run, 3)
    again = train_run(run)
    assert (again.state, again.iteration) == ("finished", 3)
    assert equal(before, weights(run, 3))


@pytest.mark.timeout(120)
def test_commands_are_obeyed(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan", "sampling.every=100000", "sampling.progress_every=5"))
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(train_run(run)))
    thread.start()
    reader, seen = run.events(), []

    def wait_for(kind: str, count: int = 1) -> None:
        limit = time.monotonic() + 40
        while sum(event.kind == kind for event in seen) < count:
            assert time.monotonic() < limit, f"no {kind} in {[event.kind for event in seen]}"
            seen.extend(reader.read())
            time.sleep(0.05)

    wait_for("progress")
    run.request("sample")
    wait_for("samples_saved", 2)
    run.request("pause")
    wait_for("run_paused")
    time.sleep(0.3)
    seen.extend(reader.read())
    paused_at = seen[-1].iteration
    assert run.state().state == "paused"
    run.request("resume")
    wait_for("run_resumed")
    run.request("checkpoint")
    wait_for("checkpoint_saved", 2)
    run.request("stop")
    thread.join(40)
    assert not thread.is_alive()
    seen.extend(reader.read())
    assert isinstance(seen[-1], RunStopped)
    assert seen[-1].iteration > paused_at
    assert run.state().state == "stopped"
    for event in seen:
        if event.kind == "samples_saved":
            assert (run.path / event.fixed).is_file()
            assert (run.path / event.random).is_file()
            assert (run.path / event.fixed).read_bytes() != (run.path / event.random).read_bytes()


def test_a_damaged_newest_checkpoint_falls_back_with_a_warning(make_run: MakeRun) -> None:
    config = small_config("dcgan", "stop.iterations=6", "sampling.checkpoint_every=2", "sampling.every=1000")
    run, whole = make_run("r", config), make_run("whole", config)
    train_run(run)
    train_run(whole)
    victim = run.checkpoints()[-1] / "generator.safetensors"
    data = bytearray(victim.read_bytes())
    data[-5] ^= 0xFF
    victim.write_bytes(bytes(data))
    with pytest.raises(TrainerError, match="damaged"):
        checkpoints.verify(victim.parent)
    train_run(run)
    events = run.events().read()
    (warning,) = [e for e in events if isinstance(e, RunWarning) and e.about == "checkpoint"]
    assert "00000006 is damaged" in warning.message
    assert "from 4" in warning.message
    assert isinstance(events[-1], RunFinished)
    assert equal(weights(run, 6), weights(whole, 6))


def test_a_checkpoint_of_other_networks_is_refused_in_one_line(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=2"))
    train_run(run)
    config = small_config("dcgan", "stop.iterations=4", "generator_channels=16,12,10,6")
    run.config_path.write_text(json.dumps(config.to_json()))
    with pytest.raises(TrainerError, match="does not match the networks"):
        train_run(run)
    assert run.state().state == "failed"
    assert run.state().cause == "checkpoint"


def test_old_checkpoints_are_pruned_and_milestones_kept(make_run: MakeRun) -> None:
    settings = ["stop.iterations=8", "sampling.checkpoint_every=1", "sampling.keep=2", "sampling.milestones=3"]
    run = make_run("r", small_config("dcgan", *settings, "sampling.every=1000"))
    train_run(run)
    assert [int(folder.name) for folder in run.checkpoints()] == [3, 6, 7, 8]


def test_nothing_pickled_is_ever_loaded() -> None:
    """Published weights are torch files; they are read as plain tensors, in two modules only."""
    trainer = Path(__file__).parents[2] / "trainer"
    weights = set()
    for path in trainer.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for call in re.findall(r"torch\.load\(.*", text):
            assert call.endswith("weights_only=True)")
            weights.add(path.name)
        assert "pickle.load" not in text
        assert "np.load" not in text or "allow_pickle=False" in text
    assert weights <= {"lite0.py", "published.py"}


# Where TensorBoard is installed, its own writing thread fails too.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder whose files are open")
@pytest.mark.parametrize("every", [1, 100_000])
@pytest.mark.parametrize("paused", [False, True])
def test_a_run_without_its_folder_ends_and_does_not_make_it_anew(
    make_run: MakeRun, tmp_path: Path, paused: bool, every: int
) -> None:
    """Noticed by checking, or by the next grid or checkpoint that cannot be written."""
    settings = [f"sampling.every={every}", f"sampling.checkpoint_every={every}", "sampling.progress_every=2"]
    run = make_run("r", small_config("dcgan", *settings))
    moved = tmp_path / "elsewhere"

    def take_away(event: TrainEvent) -> None:
        if paused and isinstance(event, Progress) and not run.is_gone():
            run.request("pause")
        if isinstance(event, RunPaused if paused else Progress) and not run.is_gone():
            run.path.rename(moved)

    with pytest.raises(TrainerError, match="moved or deleted") as caught:
        train_run(run, on_event=take_away)
    assert caught.value.cause == "folder"
    assert run.is_gone()
    # What was moved says what happened, and can go on after it was moved back.
    state = RunDirectory(moved).state()
    assert (state.state, state.cause) == ("failed", "folder")
    moved.rename(run.path)
    later: list[TrainEvent] = []

    def stop(event: TrainEvent) -> None:
        later.append(event)
        if isinstance(event, Progress):
            run.request("stop")

    assert train_run(run, on_event=stop).state == "stopped"
    if paused:
        assert any(isinstance(event, RunResumed) and event.checkpoint for event in later)


def test_divergence_stops_the_run_names_the_step_and_keeps_good_checkpoints(make_run: MakeRun) -> None:
    settings = ["stop.iterations=40", "sampling.checkpoint_every=1", "sampling.every=1000", "sampling.keep=50"]
    run = make_run("r", small_config("wgan-gp", *settings, "lr_d=1", "lr_g=1", "regulariser.weight=1e30"))
    with pytest.raises(TrainerError, match=r"no longer a number at iteration \d+") as caught:
        train_run(run)
    assert caught.value.cause == "nan"
    last = run.events().read()[-1]
    assert isinstance(last, RunFailed)
    assert last.cause == "nan"
    for folder in run.checkpoints():
        for tensors in checkpoints.load(folder).tensors.values():
            assert all(torch.isfinite(value).all() for value in tensors.values() if value.is_floating_point())


def start(run: RunDirectory, repository: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "trainer", "train", str(run.path)]
    with run.log_path.open("ab") as log:
        return subprocess.Popen(command, cwd=repository, stdout=log, stderr=log, env=environment)


class Nursery:
    """A process that has trained once, `first`, and forks trainers of `run`, which start quickly.

    Most of the time of twenty starts was importing torch. Where there is no fork, trainers are started as ever.
    """

    CODE = """
import os, sys
import torch
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run
torch.set_num_threads(1)
train_run(RunDirectory(sys.argv[1]))
for line in sys.stdin:
    trainer = os.fork()
    if not trainer:
        train_run(RunDirectory(line.rstrip()))
        os._exit(0)
    print(trainer, flush=True)
    print(os.waitpid(trainer, 0)[1], flush=True)
"""

    def __init__(self, run: RunDirectory, repository: Path, first: RunDirectory) -> None:
        self._run = run
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.CODE, str(first.path)], cwd=repository, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._trainer = 0

    def __enter__(self) -> Nursery:
        return self

    def start(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._run.path}\n")
        self._process.stdin.flush()
        self._trainer = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill the trainer, which must still be running."""
        assert self._process.stdout is not None
        os.kill(self._trainer, signal.SIGKILL)
        assert int(self._process.stdout.readline()) == signal.SIGKILL

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class Starts:
    """The same with `python -m trainer train`, started afresh every time."""

    def __init__(self, run: RunDirectory, repository: Path) -> None:
        self._run, self._repository = run, repository

    def __enter__(self) -> Starts:
        return self

    def start(self) -> None:
        self._process = start(self._run, self._repository)

    def kill(self) -> None:
        assert self._process.poll() is None, self._run.log_path.read_text()
        self._process.kill()
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        self._process.kill()


def kill_at_random(run: RunDirectory, trainers: Nursery | Starts, rounds: int) -> None:
    """Kill -9 at random instants a run that writes checkpoints all the time; it must always be resumable."""
    dice = random.Random(11)
    reached = 0
    for _ in range(rounds):
        trainers.start()
        limit = time.monotonic() + 60
        reader = run.events()
        while not any(isinstance(e, CheckpointSaved) and e.iteration > reached for e in reader.read()):
            assert time.monotonic() < limit, "no checkpoint was written"
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.25))
        trainers.kill()
        assert run.state().state in ("interrupted", "created")
        folder, complaints = checkpoints.newest_good(run.checkpoints())
        assert complaints == []
        assert folder is not None or reached == 0
        if folder is not None:
            assert int(folder.name) >= reached
            reached = int(folder.name)
    assert reached > 0


@pytest.mark.slow  # the killed runs of tests/training and tests/train_panel stay in the quick set
def test_kill_9_while_checkpoints_are_written(make_run: MakeRun, repository: Path) -> None:
    settings = ["sampling.checkpoint_every=1", "sampling.every=100000", "stop.iterations=100000"]
    run = make_run("r", small_config("dcgan", *settings))
    with Starts(run, repository) as trainers:
        kill_at_random(run, trainers, rounds=2)


@pytest.mark.slow
def test_kill_9_twenty_times(make_run: MakeRun, repository: Path) -> None:
    settings = ["sampling.checkpoint_every=1", "sampling.every=100000", "stop.iterations=100000"]
    run = make_run("r", small_config("dcgan", *settings))
    first = make_run("first", small_config("dcgan", "stop.iterations=2"))
    with Nursery(run, repository, first) if hasattr(os, "fork") else Starts(run, repository) as trainers:
        kill_at_random(run, trainers, rounds=20)


def test_remains_of_a_killed_writer_are_cleared_and_a_half_renamed_folder_restored(tmp_path: Path) -> None:
    good = tmp_path / "00000004"
    values = {"iteration": 4, "images_seen": 32, "trained_s": 1.0, "batch": 8, "micro_batch": 8, "bf16": False}
    values |= {"channels_last": True, "augment": 0.0, "sign_sum": 0.0, "sign_count": 0}
    checkpoints.save(good, checkpoints.Checkpoint({"generator": {"w": torch.ones(3)}}, values))
    good.rename(tmp_path / ".00000004.abcd1234.old")
    (tmp_path / ".00000005.abcd1234.part").mkdir()
    checkpoints.clear_remains(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["00000004"]
    assert checkpoints.load(good).values["iteration"] == 4
