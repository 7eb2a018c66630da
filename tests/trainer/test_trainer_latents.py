"""Every picture of a run's grids can be drawn again by its name from the checkpoint of that moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from small_runs import small_config

from trainer.cli import main
from trainer.protocol.events import SamplesSaved
from trainer.protocol.run_directory import RunDirectory
from trainer.randomness import derived_seed
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]


def sample(run: RunDirectory, out: Path, *words: str) -> tuple[int, str]:
    told = CliRunner().invoke(main, ["sample", str(run.path), "--out", str(out), *words])
    return told.exit_code, str(told.exception or told.output)


def cell(path: Path, event: SamplesSaved, index: int) -> np.ndarray:
    row, column, side = index // event.columns, index % event.columns, event.size
    return np.asarray(Image.open(path))[side * row : side * (row + 1), side * column : side * (column + 1)]


def test_seeds_derived_from_a_name_never_change() -> None:
    """63 bits of a hash, so that a picture keeps its name in every version of this program."""
    assert derived_seed(42, "latent", 1) == 8_798_994_810_908_268_019
    assert derived_seed(0, "a") == 4_508_493_090_892_072_991


@pytest.mark.parametrize("tags", [(), ("a", "b")])
def test_grids_are_drawn_again_by_name(make_run: MakeRun, tmp_path: Path, tags: tuple[str, ...]) -> None:
    changes = ["stop.iterations=2", *([f"data.condition={','.join(tags)}"] if tags else [])]
    config = small_config("sprite-r3-cpu", *changes, channels=4)
    run = make_run("r", config, tags=[[tags[i % 2]] for i in range(24)]) if tags else make_run("r", config)
    train_run(run)
    (event,) = (e for e in run.events().read() if isinstance(e, SamplesSaved) and e.iteration == 2)
    for name, grid in ((f"fixed/{3}", event.fixed), (f"{event.random_seed}/1", event.random)):
        out = tmp_path / f"{name.replace('/', '-')}.png"
        code, told = sample(run, out, "--iteration", "2", "--latent", name)
        assert code == 0, told
        drawn = np.asarray(Image.open(out)).astype(int)
        # A batch of another size may round otherwise in the last place.
        assert np.abs(drawn - cell(run.path / grid, event, int(name.split("/")[1])).astype(int)).max() <= 1
        note = json.loads(Image.open(out).text["gandam"])
        assert (note["seeds"], note["iteration"], note["count"]) == ([name], 2, 1)


def test_a_folder_can_hold_the_sheet_as_well_and_is_replaced_whole(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=1"))
    train_run(run)
    out = tmp_path / "sprites"
    assert sample(run, out, "--count", "5", "--singly", "--sheet")[0] == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [*(f"{i:05d}.png" for i in range(5)), "seeds.json", "sheet.png"]
    assert sample(run, out, "--count", "2", "--singly", "--force")[0] == 0
    assert sorted(path.name for path in out.iterdir()) == ["00000.png", "00001.png", "seeds.json"]
    assert sample(run, tmp_path / "x.png", "--sheet")[0] == 2


@pytest.mark.parametrize("name", ["fixed", "fixed/x", "7", "-1/2", "7/9999999", "fixed/1/2", ""])
def test_what_names_no_latent_is_refused(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=1"))
    train_run(run)
    code, told = sample(run, tmp_path / "x.png", "--latent", name)
    assert code
    assert "fixed/3" in told
    assert not (tmp_path / "x.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be asked to end on Windows")
def test_ended_in_the_middle_it_leaves_nothing_behind(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=1"))
    train_run(run)
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "trainer", "sample", str(run.path), "--count", "20000", "--singly", "--progress"]
    with subprocess.Popen(
        [*command, "--out", str(out / "sprites")], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as p:
        assert p.stderr is not None
        for line in p.stderr:
            if line.startswith(b"progress: 20000 "):
                break
        until = time.monotonic() + 30
        while not any(path.name.endswith(".part") for path in out.iterdir()) and time.monotonic() < until:
            time.sleep(0.005)
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == 1
    assert list(out.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be asked to end on Windows")
def test_ended_while_code_is_made_from_text_it_ends_alike(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", small_config("dcgan", "stop.iterations=1"))
    train_run(run)
    (tmp_path / "asked_to_end.py").write_text(
        "import trainer.cli, trainer.sampling\n"
        "from trainer.ending import leave_after\n"
        "def ended(*_, **__):\n"
        "    exec('import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)')\n"
        "trainer.sampling.save_sample = ended\n"
        "leave_after(trainer.cli.run)\n"
    )
    command = [sys.executable, "-m", "asked_to_end", "sample", str(run.path), "--out", str(tmp_path / "x.png")]
    root = Path(__file__).resolve().parents[2]
    there = os.pathsep.join([str(tmp_path), str(root)])
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": there}, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1)
