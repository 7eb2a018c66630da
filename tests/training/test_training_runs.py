"""From a version to a run that trains, is killed, resumes and is found again, with the real trainer process."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import create_run, find_run, runs, start, summary
from gandam_studio.core.runs.process import ask, trainer_command
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, SetSetting
from trainer.protocol.config import TrainConfig
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.recipe import Recipe
from trainer.protocol.run_directory import RunDirectory

PATIENCE_S = 90


def tiny(iterations: int = 30) -> TrainConfig:
    """The real small preset with little to do."""
    return apply_overrides(
        load_preset("sprite-r3-cpu"),
        [
            f"stop.iterations={iterations}",
            "stop.minutes=0",
            "data.size=32",
            "batch.size=4",
            "architecture.generator_channels=8,8,8,8",
            "architecture.discriminator_channels=8,8,8,8",
            "sampling.every=10",
            "sampling.checkpoint_every=10",
        ],
    )


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def run(workspace: Workspace) -> RunDirectory:
    workspace.apply(Flip([3]))
    workspace.apply(Drop([1, 2], "text"))
    return create_run(workspace, versions.commit(workspace, "first"), tiny())


def test_a_run_holds_everything_it_needs(workspace: Workspace, run: RunDirectory) -> None:
    version = versions.versions(workspace)[-1]
    origin = run.config().origin
    assert (origin.manifest, origin.version, origin.facing_curated) == (version.digest, "v1", True)
    assert run.manifest_path.read_bytes() == workspace.manifest_path(version.digest).read_bytes()
    pixels = np.load(run.dataset_path, allow_pickle=False)
    assert (pixels.shape, pixels.dtype) == ((18, 32, 32, 3), np.uint8)
    assert len(run.dataset_info()["ids"]) == 18
    assert run.state().state == "created"
    assert [found.run for found in runs(workspace)] == ["r1-sprite-r3-cpu"]


def test_runs_are_numbered_and_found_by_number_name_or_latest(workspace: Workspace, run: RunDirectory) -> None:
    version = versions.versions(workspace)[-1]
    second = create_run(workspace, version, tiny(), parent=run.name)
    assert [found.run for found in runs(workspace)] == ["r1-sprite-r3-cpu", "r2-sprite-r3-cpu"]
    for text in ("r2", "latest", "r2-sprite-r3-cpu"):
        assert find_run(workspace, text).path == second.path
    with pytest.raises(UserError, match="there is no run 'r3'; there are r1-sprite-r3-cpu, r2"):
        find_run(workspace, "r3")
    assert runs(workspace)[1].parent == "r1-sprite-r3-cpu"


def test_a_broken_run_is_listed_with_its_problem(workspace: Workspace, run: RunDirectory) -> None:
    run.config_path.write_text("{ half a config")
    (found,) = runs(workspace)
    assert "config.json" in found.problem


def test_too_few_sprites_are_refused_and_leave_no_run(workspace: Workspace) -> None:
    workspace.apply(Drop(range(2, 21), "text"))
    with pytest.raises(UserError, match="too few to train on"):
        create_run(workspace, versions.commit(workspace, "almost nothing"), tiny())
    assert runs(workspace) == []


@pytest.mark.parametrize(
    ("recipe", "preset", "asked", "size", "line"),
    [
        (
            32,
            "pokesprite-overfit-128",
            [],
            32,
            "at 32 px, the recipe's size; the preset's is 64 px: --set data.size=64",
        ),
        (32, "sprite-r3", [], 32, "at 32 px, the recipe's size"),
        (32, "sprite-r3", ["--set", "data.size=64"], 64, ""),
        (
            64,
            "sprite-r3-cpu",
            [],
            32,
            "at 32 px, the preset's size; the recipe's is 64 px: --set data.size=64",
        ),
        (64, "sprite-r3", [], 64, ""),
    ],
)
def test_the_size_somebody_chose_is_the_size_trained_at(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch,
    recipe: int, preset: str, asked: list[str], size: int, line: str,
) -> None:  # fmt: skip
    from gandam_studio.commands import training as commands

    workspace.apply(SetSetting("recipe", Recipe(size=recipe).to_json()))
    versions.commit(workspace, "sized")
    folder = workspace.folder
    workspace.close()
    monkeypatch.setattr(commands, "train_to_end", lambda run, *_, **__: summary(run.path))
    command = ["--preset", preset, "--detach", "-w", str(folder), *asked]
    told = CliRunner().invoke(commands.train, command, catch_exceptions=False).output
    (run,) = (folder / "runs").iterdir()
    config = RunDirectory(run).config()
    assert config.data.size == size
    assert np.load(RunDirectory(run).dataset_path, allow_pickle=False).shape[1:3] == (size, size)
    assert (line in told) if line else ("px" not in told)
    if preset == "sprite-r3":  # Zero-centred penalties grow with the number of pixels.
        assert config.regulariser.weight == (0.5 if size == 32 and not asked else 2.0)


def test_killed_in_the_middle_a_run_resumes_and_finishes(run: RunDirectory) -> None:
    process = start(run)
    wait_for(lambda: run.newest_checkpoint() or process.poll() is not None, "the first checkpoint")
    assert process.poll() is None, run.log_path.read_text()
    with pytest.raises(UserError, match="already being trained"):
        start(run)
    os.kill(process.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    process.wait()
    interrupted = run.state()
    assert interrupted.state == "interrupted"
    assert interrupted.checkpoint

    assert start(run).wait(PATIENCE_S) == 0, run.log_path.read_text()
    finished = run.state()
    assert (finished.state, finished.iteration, finished.attempt) == ("finished", 30, 2)
    assert any(run.samples_path.glob("fixed-*.png"))
    assert any(run.samples_path.glob("random-*.png"))


def test_a_stranger_s_module_in_the_run_folder_is_never_run(run: RunDirectory, monkeypatch, tmp_path: Path) -> None:
    trap = "import pathlib; pathlib.Path(__file__).with_name('sprung').touch(); raise SystemExit(3)"
    (run.path / "torch.py").write_text(trap)
    (run.path / "trainer.py").write_text(trap)
    monkeypatch.chdir(run.path)
    presets = ask("presets")
    assert presets
    assert not (run.path / "sprung").exists()


def test_the_trainer_s_own_line_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        ask("sample", str(tmp_path), "--out", str(tmp_path / "x.png"))


def test_the_studio_starts_exactly_the_documented_command() -> None:
    assert trainer_command("train", "RUN")[-3:] == ["trainer", "train", "RUN"]
    assert json.dumps(dataclasses.asdict(tiny()))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--minutes", "inf"], "stop.minutes"),
        (["--seed", str(2**64)], "seed"),
        (["--set", "optimiser.lr_g=inf"], "optimiser.lr_g"),
        (["--set", "architecture.dropout=0.3"], "architecture.dropout"),
        (["--set", "generator_channels=8,8"], "architecture.generator_channels"),
        (["--set", "data.condition=nobody"], "nobody"),
    ],
)
def test_what_cannot_train_is_refused_before_there_is_a_run(workspace: Workspace, words: list[str], named: str) -> None:
    from gandam_studio.commands import training as commands
    from trainer.protocol.errors import TrainerError

    versions.commit(workspace, "first")
    folder = workspace.folder
    workspace.close()
    done = CliRunner().invoke(commands.train, ["--preset", "sprite-r3-cpu", *words, "-w", str(folder)])
    if isinstance(done.exception, SystemExit):  # refused as an argument already
        assert done.exit_code == 2
        assert named.removeprefix("stop.") in done.output
    else:
        assert isinstance(done.exception, UserError | TrainerError)
        assert named in str(done.exception)
        assert "\n" not in str(done.exception)
    assert not (folder / "runs").exists() or not list((folder / "runs").iterdir())


def test_a_limit_given_apart_counts_before_a_schedule_is_judged(workspace: Workspace) -> None:
    from gandam_studio.commands.training import configured

    config = configured("sprite-r3-cpu", ("stop.iterations=0",), None, 5.0, "auto", 3)
    assert (config.stop.iterations, config.stop.minutes, config.seed) == (0, 5.0, 3)


def test_a_penalty_too_large_for_the_recipes_size_is_a_users_error() -> None:
    from gandam_studio.core.runs import at_recipe_size

    config = apply_overrides(load_preset("sprite-r3-cpu"), ["regulariser.weight=1e30"])
    with pytest.raises(UserError, match="weight"):
        at_recipe_size(config, Recipe(size=256))
