"""Outputs to a path given by a person never overwrite a workspace, a run, unrelated files or a device."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from odd_targets import content, links_work, odd_targets
from small_runs import COMMON, SMALL, shapes, small_config

import trainer.cli
from trainer.create_run import new_run
from trainer.protocol import output_folders, outputs
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

# Each command and the ending of what it writes.
FILES = {"sample": ".png", "interpolate": ".gif"}
FOLDERS = {"sample": ("--singly",), "export": ("--format", "safetensors", "--format", "torchscript")}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two checkpoints, 1 and 2."""
    folder = tmp_path_factory.mktemp("trained")
    np.save(folder / "d.npy", shapes(12, 3))
    config = small_config("dcgan", "stop.iterations=1")
    run = new_run(folder / "r", config, folder / "d.npy", [])
    train_run(run)
    train_run(run, limits=["stop.iterations=2"])
    return run.path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> RunDirectory:
    """A copy of it in its own folder."""
    shutil.copytree(trained, tmp_path / "r")
    return RunDirectory(tmp_path / "r")


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    """A folder that looks like a workspace."""
    folder = tmp_path / "ws"
    (folder / "originals").mkdir(parents=True)
    (folder / "runs").mkdir()
    (folder / "workspace.sqlite").write_bytes(b"everything decided")
    return folder


def call(*words: object) -> str:
    """Run a command; returns the reason if it was refused, else ""."""
    done = CliRunner().invoke(trainer.cli.main, [str(word) for word in words])
    if done.exception is None or done.exit_code == 0:
        return ""
    assert isinstance(done.exception, TrainerError), done.exception
    assert "\n" not in str(done.exception)
    return str(done.exception)


def commands(run: Path, out: Path) -> Iterator[tuple[object, ...]]:
    """All commands that write something drawn from a run, with `out` as target."""
    for force in ((), ("--force",)):
        for name in FILES:
            yield name, run, "--count" if name == "sample" else "--points", 2, "--out", out, *force
        for name, more in FOLDERS.items():
            yield name, run, "--out", out, *more, *force


def test_nothing_is_drawn_into_a_workspace_a_run_or_a_device(run: RunDirectory, ws: Path, tmp_path: Path) -> None:
    (tmp_path / "side").mkdir()
    targets = [ws, ws / "x.png", ws / "workspace.sqlite", ws / "originals" / "deep" / "x.png"]
    targets += [tmp_path / "side" / ".." / "ws" / "originals" / "x.png", ws / "originals" / ".."]
    targets += [run.path, *(run.path / name for name in ("config.json", "events.jsonl", "dataset.npy", "lock"))]
    targets += [run.path / "samples" / "x.png", run.path / "Checkpoints" / "x.png", run.path / "tensorboard" / "x.png"]
    if links_work(tmp_path):
        (tmp_path / "side" / "to-ws").symlink_to(ws)
        targets += [tmp_path / "side" / "to-ws", tmp_path / "side" / "to-ws" / "x.png"]
    targets += odd_targets(tmp_path / "odd")
    before = content(tmp_path)
    for target in targets:
        for words in commands(run.path, target):
            assert call(*words), words
    assert content(tmp_path) == before


def test_a_runs_folder_may_take_what_is_not_its_own(run: RunDirectory) -> None:
    assert call("sample", run.path, "--count", 2, "--out", run.path / "mine.png") == ""
    assert call("export", run.path, "--format", "safetensors", "--out", run.path / "model") == ""
    assert run.state().state == "finished"


def test_a_folder_of_samples_is_replaced_whole_and_only_that(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "each"
    words = ("sample", run.path, "--singly", "--out", out, "--force")
    assert call(*words, "--count", 5) == ""
    assert call(*words, "--count", 2) == ""
    assert {path.name for path in out.iterdir()} == {"00000.png", "00001.png", "seeds.json"}
    for name in ("notes.txt", "00007.png", "00001.png"):
        before = content(out)
        (out / name).write_text("mine")
        assert name in call(*words, "--count", 2)
        assert (out / name).read_text() == "mine"
        if name in before:
            (out / name).write_bytes(before[name])
        else:
            (out / name).unlink()
    seeds = json.loads((out / "seeds.json").read_bytes())
    (out / "seeds.json").write_text(json.dumps({key: value for key, value in seeds.items() if key != "files"}))
    (out / "notes.txt").write_text("mine")
    assert "notes.txt" in call(*words, "--count", 2)
    (out / "notes.txt").unlink()
    assert call(*words, "--count", 3) == "", "an earlier one's marker lists nothing"
    (out / "seeds.json").write_text('{"seeds": "a stranger\'s"}')
    before = content(out)
    assert "other files" in call(*words, "--count", 2)
    assert content(out) == before


def test_formats_that_were_not_asked_for_stay(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "model"
    words = ("export", run.path, "--out", out, "--force", "--format")
    assert call(*words, "safetensors", "--format", "torchscript") == ""
    before = content(out)
    assert call(*words, "safetensors") == ""
    assert content(out)["generator.pt"] == before["generator.pt"]
    facts = json.loads((out / "generator.json").read_bytes())
    assert set(facts["largest_difference"]) == {"generator.pt", "generator.safetensors"}
    before = content(out)
    assert "generator.pt" in call(*words, "safetensors", "--iteration", 1), "the other would be of iteration 2"
    assert content(out) == before
    assert call(*words, "safetensors", "--format", "torchscript", "--iteration", 1) == ""
    assert json.loads((out / "generator.json").read_bytes())["iteration"] == 1
    whole = (out / "generator.json").read_bytes()
    (out / "generator.json").write_bytes(re.sub(rb'("generator.pt": )[^,\n]*', rb'\1"wide"', whole))
    before = content(out)
    assert "generator.pt must be a number" in call(*words, "safetensors", "--iteration", 1)
    assert content(out) == before
    (out / "generator.json").write_bytes(whole)
    (out / "card.md").write_text("mine")
    before = content(out)
    assert "card.md" in call(*words, "safetensors", "--format", "torchscript")
    assert content(out) == before


def test_a_run_is_made_in_no_workspace_but_among_its_runs(run: RunDirectory, ws: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", shapes(4, 3))
    sets = [f"--set={text}" for text in (*SMALL["dcgan"], *COMMON)]
    made = ("--preset", "dcgan", "--data", tmp_path / "d.npy", *sets)
    targets = [ws, ws / "x", ws / "originals" / "x", ws / "runs" / "deep" / "x", tmp_path / "no" / ".." / "ws" / "x"]
    targets += [run.path, run.path / "samples" / "x", *odd_targets(tmp_path / "odd")]
    before = content(tmp_path)
    for target in targets:
        assert call("new", target, *made), target
        assert call("new", target, "--from", run.path), target
    assert content(tmp_path) == before
    assert call("new", ws / "runs" / "r7-mine", *made) == ""
    assert call("new", ws / "runs" / "r8-mine", "--from", run.path) == ""
    assert call("new", ws / "runs" / "r8-mine", "--from", run.path)
    assert RunDirectory(ws / "runs" / "r8-mine").config().origin.parent == "r"


@pytest.mark.parametrize("place", ["free", "workspace", "taken", "pipe", "gone"])
def test_the_log_of_our_own_failure_is_a_new_file(
    place: str, ws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()
    if place == "taken":
        (here / "trainer-error.log").write_text("mine")
    if place == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no named pipes here")
        os.mkfifo(here / "trainer-error.log")

    def fail(**_: object) -> None:
        raise ZeroDivisionError("an error of ours")

    monkeypatch.setattr(trainer.cli, "main", fail)
    temporary = tmp_path / "no" if place == "gone" else scratch
    monkeypatch.setattr(trainer.cli.tempfile, "gettempdir", lambda: str(temporary))
    monkeypatch.chdir(ws if place in ("workspace", "gone") else here)
    before = content(tmp_path)
    with pytest.raises(SystemExit):
        trainer.cli.run()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    after = content(tmp_path)
    new = after.keys() - before.keys()
    assert {name: after[name] for name in before} == before
    assert {str(Path(name).parent) for name in new} == ({"gone": set(), "workspace": {"scratch"}}.get(place, {"here"}))
    for name in new:
        assert b"an error of ours" in after[name]
        assert Path(name).name in told


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_folders, "SORTED_AT_ONCE", 3)


KIND = output_folders.FolderKind("about.json", "thing", lambda values: str(values.get("what", "")), re.compile("none"))


def write(folder: Path, names: list[str], **options: bool) -> None:
    with output_folders.new_folder(folder, KIND, force=True, **options) as part:
        for name in names:
            (part / name).parent.mkdir(exist_ok=True, parents=True)
            (part / name).write_text(name)
        output_folders.write_marker(part / KIND.marker, {"what": "thing", "naïve": [1, {"files": []}]})


def test_lists_longer_than_memory_holds_are_sorted_and_compared(tmp_path: Path, few_at_once: None) -> None:
    names = [f"{index % 3}/ü {index}.txt" for index in range(20)] + ["z", "a b"]
    write(tmp_path / "x", names)
    with output_folders.opened_marker(tmp_path / "x" / "about.json") as (description, listed):
        assert description == {"what": "thing", "naïve": [1, {"files": []}]}
        found = [json.loads(line) for line in listed or ()]
    assert sorted(found) == sorted([name, len(name.encode())] for name in names)
    whole = json.loads((tmp_path / "x" / "about.json").read_bytes())
    assert whole["files"] == found
    (tmp_path / "x" / "0" / "mine").write_text("mine")
    with pytest.raises(outputs.OutputError, match="0/mine"):
        write(tmp_path / "x", ["y"])
    (tmp_path / "x" / "0" / "mine").unlink()
    (tmp_path / "x" / "z").unlink()  # what is missing is nobody's loss
    write(tmp_path / "x", ["y"])
    assert {path.name for path in (tmp_path / "x").iterdir()} == {"about.json", "y"}
    write(tmp_path / "y", ["y"])
    assert content(tmp_path / "x") == content(tmp_path / "y"), "equal folders have equal markers"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_list_somebody_wrote_into_lists_nothing(tmp_path: Path) -> None:
    write(tmp_path / "x", ["y"])
    marker = tmp_path / "x" / "about.json"
    for text in (marker.read_text().replace("]\n", "], oh\n", 1), "x" * 1_000_000, '{"what": "thing",\n  "files": [\n'):
        marker.write_text(text)
        before = content(tmp_path)
        with pytest.raises(outputs.OutputError):
            write(tmp_path / "x", ["y", "z"])
        assert content(tmp_path) == before


def test_what_a_link_named_like_our_own_remains_leads_to_stays(tmp_path: Path) -> None:
    if not links_work(tmp_path):
        pytest.skip("no symbolic links here")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    os.utime(precious, (0, 0))
    (tmp_path / ".x.0123abcd.part").symlink_to(precious)
    write(tmp_path / "x", ["y"])
    assert (precious / "file").read_text() == "x"


def test_places_are_real_paths(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert outputs.check_place(tmp_path / "no" / ".." / "x") == tmp_path.resolve() / "x"
    for odd in (tmp_path / "a\0b", tmp_path / ("x" * 5000)):
        with pytest.raises(outputs.OutputError, match="cannot write") as refused:
            outputs.check_place(odd)
        assert len(str(refused.value)) < 200
    if links_work(tmp_path):
        (tmp_path / "to-a").symlink_to("a")
        (tmp_path / "loop").symlink_to("loop")
        assert outputs.check_place(tmp_path / "to-a" / "x") == tmp_path.resolve() / "a" / "x"
        with pytest.raises(outputs.OutputError):
            outputs.check_place(tmp_path / "loop" / "x")
