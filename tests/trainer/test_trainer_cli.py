"""The command line as used by people and the Studio."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from small_runs import COMMON, SMALL, shapes, small_config

from trainer import cli
from trainer.cli import main, run
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]


def call(*words: object) -> tuple[int, str]:
    """Run `python -m trainer` in a process; returns (exit code, output)."""
    command = [sys.executable, "-m", "trainer", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_from_a_folder_of_pictures_to_samples(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    for index, picture in enumerate(shapes(12, 4)):
        Image.fromarray(picture).save(tmp_path / "art" / f"{index}.png")
    (tmp_path / "art" / "broken.png").write_text("no picture")
    sets = [f"--set={text}" for text in (*SMALL["dcgan"], *COMMON, "stop.iterations=2")]
    code, told = call("new", tmp_path / "r", "--preset", "dcgan", "--data", tmp_path / "art", "--size", 32, *sets)
    assert code == 0, told
    assert np.load(tmp_path / "r" / "dataset.npy").shape == (12, 32, 32, 3)
    code, told = call("train", tmp_path / "r", "--json")
    assert code == 0, told
    assert json.loads(told.splitlines()[-1]) == {
        "run": "r", "state": "finished", "reason": "iterations", "iteration": 2, "images_seen": 16,
    }  # fmt: skip
    code, told = call("sample", tmp_path / "r", "--count", 4, "--seed", 3, "--out", tmp_path / "s.png", "--json")
    assert code == 0, told
    assert json.loads(told)["seeds"] == ["3/0", "3/1", "3/2", "3/3"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "nowhere"], "no folder nowhere"),
        (["describe", "sprite-r4"], "did you mean sprite-r3"),
        (["sample", "nowhere", "--out", "x.png"], "no folder nowhere"),
        (["new", "somewhere", "--data", ".", "--preset", "nonsense"], "there is no preset"),
        (["describe", "dcgan", "--set", "batch.sise=3"], "did you mean batch.size"),
        (["new", "somewhere", "--data", ".", "--preset", "dcgan", "--size", "33"], "size must be one of 32, 64"),
    ],
)
def test_refusals_are_one_clear_line(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["trainer", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 1
    told = "".join(capsys.readouterr())
    assert message in told
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_wrong_usage_is_2() -> None:
    for words in (["dance"], ["train"], ["train", "x", "--iterations", "0"], ["new", "x"]):
        assert CliRunner().invoke(main, words).exit_code == 2, words


def test_an_unexpected_error_is_logged_beside_older_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def boom(**_: object) -> None:
        raise ZeroDivisionError("boom")

    (tmp_path / "trainer-error.log").write_text("older", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "main", boom)
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 1
    named = Path(capsys.readouterr().err.strip().partition("; see ")[2])
    assert named.parent == tmp_path
    assert "ZeroDivisionError: boom" in named.read_text(encoding="utf-8")
    assert (tmp_path / "trainer-error.log").read_text(encoding="utf-8") == "older"


def test_describe_and_presets_print_their_contract() -> None:
    runner = CliRunner()
    facts = json.loads(runner.invoke(main, ["describe", "gandam-part-2", "--json"]).output)
    assert set(facts) >= {"generator", "discriminator"}
    for part in ("generator", "discriminator"):
        assert set(facts[part]) == {"parameters", "layers"}
    assert "dcgan" in json.loads(runner.invoke(main, ["presets", "--json"]).output)
    assert "learning rate" in runner.invoke(main, ["describe", "--fields"]).output


def test_more_iterations_may_be_asked_of_a_finished_run(make_run: MakeRun) -> None:
    made = make_run("r", small_config("dcgan", "stop.iterations=2"))
    runner = CliRunner()
    assert runner.invoke(main, ["train", str(made.path)]).exit_code == 0
    assert runner.invoke(main, ["train", str(made.path), "--iterations", "4"]).exit_code == 0
    assert made.state().iteration == 4
    assert made.config().stop.iterations == 4


def test_a_fork_goes_on_from_its_parent_at_another_rate(make_run: MakeRun, tmp_path: Path) -> None:
    made = make_run("r", small_config("dcgan", "stop.iterations=2"))
    runner = CliRunner()
    runner.invoke(main, ["train", str(made.path)])
    words = [
        "new",
        str(tmp_path / "fork"),
        "--from",
        str(made.path),
        "--set",
        "lr_g=1e-5",
        "--set",
        "stop.iterations=3",
    ]
    assert runner.invoke(main, words).exit_code == 0
    fork = RunDirectory(tmp_path / "fork")
    assert (fork.config().origin.parent, fork.config().optimiser.lr_g) == ("r", 1e-5)
    assert runner.invoke(main, ["train", str(fork.path)]).exit_code == 0
    assert fork.state().iteration == 3
    assert made.state().iteration == 2


def test_a_full_disk_is_said_so(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_run("r", small_config("dcgan", "stop.iterations=2"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainer.sample_grids.save_png", full)
    with pytest.raises(TrainerError, match="the disk is full; free some space and start again"):
        train_run(made)
    assert (made.state().state, made.state().cause) == ("failed", "disk_full")


def test_a_bug_of_ours_is_one_line_and_its_traceback_is_logged(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = make_run("r", small_config("dcgan", "stop.iterations=2"))
    monkeypatch.setattr("trainer.objectives.generator_loss", lambda *_: 1 / 0)
    with pytest.raises(TrainerError, match=r"unexpected error \(ZeroDivisionError"):
        train_run(made)
    assert made.state().cause == "bug"
    assert "Traceback" not in caplog.text
    assert "ZeroDivisionError" in made.log_path.read_text(encoding="utf-8")


def test_the_protocol_modules_do_not_import_torch() -> None:
    names = ("config", "events", "run_directory", "manifest", "recipe")
    modules = ", ".join(f"trainer.protocol.{name}" for name in names)
    code = f"import sys, trainer.cli, {modules}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "False"
