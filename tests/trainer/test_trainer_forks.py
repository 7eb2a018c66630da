"""Continuing: past damaged checkpoints, and as another run with other settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_runs import small_config

from trainer import checkpoints
from trainer.cli import main
from trainer.create_run import fork_run
from trainer.protocol import files, untrusted
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import RunFinished, RunStarted
from trainer.protocol.run_directory import CHECKPOINT_STATE, RunDirectory
from trainer.sampling import load_trained
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
SAVING = ["sampling.checkpoint_every=2", "sampling.every=1000"]


def damage(folder: Path) -> None:
    path = next(iter(folder.glob("*.safetensors")))
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("keep", [1, 3])
def test_what_is_trained_after_damage_outlives_the_damaged(make_run: MakeRun, keep: int) -> None:
    run = make_run("r", small_config("dcgan", *SAVING, f"sampling.keep={keep + 1}", "stop.iterations=6"))
    train_run(run)
    damage(run.checkpoints()[-1])
    good = int(run.checkpoints()[-2].name)
    train_run(run, limits=["stop.iterations=5", f"sampling.keep={keep}"])
    assert good == 4
    assert run.state().iteration == 5
    assert [int(folder.name) for folder in run.checkpoints()][-1] == 5
    assert checkpoints.newest_good(run.checkpoints()) == (run.checkpoints()[-1], [])
    finished = [event for event in run.events().read() if isinstance(event, RunFinished)][-1]
    assert finished.checkpoint == "checkpoints/00000005"
    assert (run.checkpoints_path / "set-aside-00000006").is_dir(), "nothing is lost"
    assert load_trained(run).iteration == 5


def test_a_run_whose_checkpoints_are_all_damaged_begins_again_and_keeps_what_it_trains(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan", *SAVING, "sampling.keep=2", "stop.iterations=6"))
    train_run(run)
    for folder in run.checkpoints():
        damage(folder)
    train_run(run, limits=["stop.iterations=3"])
    assert [int(folder.name) for folder in run.checkpoints()] == [2, 3]
    train_run(run, limits=["stop.iterations=4"])
    assert run.state().iteration == 4


def test_a_checkpoint_of_a_newer_version_stays_where_it_is(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=4"))
    train_run(run)
    state = run.checkpoints()[-1] / CHECKPOINT_STATE
    files.write_json(state, {**untrusted.read_json(state), "schema_version": checkpoints.SCHEMA_VERSION + 1})
    train_run(run, limits=["stop.iterations=3"])
    assert state.is_file()
    assert not list(run.checkpoints_path.glob("set-aside-*"))


def test_setting_aside_twice_keeps_both(tmp_path: Path) -> None:
    for _ in range(3):
        (tmp_path / "00000006").mkdir()
        checkpoints.set_aside(tmp_path / "00000006")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_fork_obeys_what_it_was_told_about_batch_and_precision(make_run: MakeRun, tmp_path: Path) -> None:
    parent = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=2"))
    train_run(parent)
    other = fork_run(tmp_path / "f", parent, ["batch.size=4", "stop.iterations=4"])
    same = fork_run(tmp_path / "g", parent, ["stop.iterations=4"])
    train_run(other)
    train_run(same)
    batches = [
        next(event.batch for event in run.events().read() if isinstance(event, RunStarted))
        for run in (parent, other, same)
    ]
    assert batches == [8, 4, 8]
    assert other.state().iteration == 4
    assert other.state().images_seen == 2 * 8 + 2 * 4
    assert checkpoints.load(other.checkpoints()[-1]).values["batch"] == 4
    assert checkpoints.MACHINE_ANEW not in checkpoints.load(other.checkpoints()[-1]).values


def test_a_fork_of_nothing_is_refused_and_leaves_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    parent = make_run("r", small_config("dcgan", *SAVING, "stop.iterations=2"))
    with pytest.raises(TrainerError, match="no checkpoint to continue from: it has none yet"):
        fork_run(tmp_path / "f", parent, [])
    train_run(parent)
    damage(parent.checkpoints()[-1])
    with pytest.raises(TrainerError, match="no checkpoint to continue from: checkpoint 00000002 is damaged"):
        fork_run(tmp_path / "f", parent, [])
    assert not (tmp_path / "f").exists()


def test_a_fork_has_its_parents_best(make_run: MakeRun, tmp_path: Path) -> None:
    parent = make_run("r", small_config("dcgan", "sampling.every=2", "stop.iterations=4"), 48)
    train_run(parent)
    fork = fork_run(tmp_path / "f", parent, [])
    assert load_trained(fork, iteration="best").iteration == load_trained(parent, iteration="best").iteration
    bare = make_run("b", small_config("dcgan", *SAVING))
    with pytest.raises(TrainerError, match="no best checkpoint yet"):
        load_trained(bare, iteration="best")


@pytest.mark.parametrize("words", [["--preset", "dcgan"], ["--size", "64"], ["--alpha"], ["--data", "."]])
def test_what_a_fork_cannot_change_is_refused(words: list[str], make_run: MakeRun, tmp_path: Path) -> None:
    parent = make_run("r", small_config("dcgan", *SAVING))
    done = CliRunner().invoke(main, ["new", str(tmp_path / "f"), "--from", str(parent.path), *words])
    assert done.exit_code == 2
    assert f"{words[0]} cannot be used with --from" in done.output
