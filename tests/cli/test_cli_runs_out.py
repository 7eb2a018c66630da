"""Names and notes of runs, extended training and new samples, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recorded_runs import Recorder, make_run, recorded
from studio_calls import Studio

from trainer.protocol.events import SamplesSaved
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory

TINY = (
    "architecture.kind=dcgan", "architecture.size=32", "data.size=32", "architecture.latent=8",
    "architecture.generator_channels=8,8,8", "architecture.discriminator_channels=8,8,8", "batch.size=4",
    "sampling.every=20", "sampling.count=9", "precision.threads=1", "precision.kind=fp32",
    "precision.channels_last=off", "ema.enabled=false", "device=cpu", "stop.iterations=3", "schedule.kind=cosine",
    "schedule.end_factor=0.25",
)  # fmt: skip


@pytest.fixture
def empty(studio: Studio, tmp_path: Path) -> Path:
    studio("new", tmp_path / "studio")
    return tmp_path / "studio"


def test_a_run_is_named_found_by_its_name_and_listed(empty: Path, studio: Studio) -> None:
    recorded(empty / "runs" / "r1-test", iterations=100)
    name, note = "Knights \u2603", "first try\n<b>blurry</b>"
    done = studio("label", "r1", "--name", name, "--note", note, "-w", empty, "--json").json
    assert done == {"run": "r1-test", "name": name, "note": note}
    (listed,) = studio("runs", "-w", empty, "--json").json
    assert (listed["run"], listed["name"], listed["note"]) == ("r1-test", name, note)
    assert name in studio("runs", "-w", empty).out
    assert studio("label", name, "-w", empty, "--json").json["run"] == "r1-test"
    studio("label", "r1", "--name", "", "-w", empty)
    assert studio("label", "r1", "-w", empty, "--json").json == {"run": "r1-test", "name": "", "note": note}
    assert "one line" in studio("label", "r1", "--name", "a\nb", "-w", empty).refusal
    assert "no run" in studio("label", "r9", "--name", "x", "-w", empty).refusal


def test_runs_are_compared(empty: Path, studio: Studio) -> None:
    for name, more in (("r1-a", []), ("r2-b", ["optimiser.lr_g=1e-3"]), ("r3-c", ["lr_g=1e-3", "batch.size=2"])):
        make_run(empty / "runs" / name, (*TINY, *more), "dcgan")
    told = studio("runs", "--compare", "r1", "r2", "-w", empty, "--json").json
    assert told["changed"] == [{"factor": "optimiser.lr_g", "a": 2e-4, "b": 1e-3}]
    assert told["confounded"] is False
    assert told["environment"] == []
    assert studio("runs", "--compare", "r1", "r3", "-w", empty, "--json").json["confounded"] is True
    assert "confounded: 2 factors" in studio("runs", "--compare", "r1", "r3", "-w", empty).out


def test_longer_training_is_refused_where_it_has_no_meaning(empty: Path, studio: Studio) -> None:
    unfinished = Recorder(make_run(empty / "runs" / "r1-test"))
    unfinished.train(20)
    resumed = ("train", "--resume", "r1", "-w", empty)
    assert "only a finished run" in studio(*resumed, "--more-minutes", 1).refusal
    for words in (
        ("train", "--preset", "dcgan", "--more-minutes", "1", "-w", empty),
        (*resumed, "--more-minutes", 1, "--more-iterations", 5), (*resumed, "--tail", "constant"),
    ):  # fmt: skip
        assert studio(*words).code == 2


def tiny_run(empty: Path, tmp_path: Path, *more: str) -> RunDirectory:
    from trainer.protocol import files

    array, info = tmp_path / "x.npy", tmp_path / "x.json"
    np.save(array, np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8))
    files.write_json(info, {"ids": [f"{i:064x}" for i in range(12)], "background": [255, 255, 255]})
    config = apply_overrides(load_preset("dcgan"), [*TINY, *more])
    return RunDirectory.create(empty / "runs" / "r1-tiny", config, array, info)


def test_a_stopped_run_is_finished_early(empty: Path, studio: Studio, tmp_path: Path) -> None:
    from trainer.protocol.events import RunExtended, TrainEvent
    from trainer.train_run import train_run

    run = tiny_run(empty, tmp_path, "stop.iterations=1000", "sampling.checkpoint_every=1")

    class Killed(BaseException):
        pass

    def die(event: TrainEvent) -> None:
        if event.iteration == 3:
            raise Killed

    with pytest.raises(Killed):
        train_run(run, on_event=die)
    resumed = ("train", "--resume", "r1", "--more-iterations", 2, "-w", empty)
    assert "--tail cool-down" in studio(*resumed).refusal
    told = studio(*resumed, "--tail", "cool-down", "--json").json
    assert (told["state"], told["iteration"]) == ("finished", run.config().stop.iterations)
    (event,) = (event for event in run.events().read() if isinstance(event, RunExtended))
    assert event.factor_before == event.factor == pytest.approx(1, abs=1e-4)
    assert event.factor_end == pytest.approx(0.25)


def test_a_finished_run_trains_longer_and_its_samples_are_drawn_again(
    empty: Path, studio: Studio, tmp_path: Path
) -> None:
    from trainer.train_run import train_run

    run = tiny_run(empty, tmp_path)
    train_run(run)
    told = studio("train", "--resume", "r1", "--more-iterations", 2, "-w", empty, "--json").json
    assert (told["state"], told["iteration"]) == ("finished", 5)
    assert run.config().extension.iterations == 3
    grid = [event for event in run.events().read() if isinstance(event, SamplesSaved)][-1]
    assert grid.iteration == 5
    out = tmp_path / "again.png"
    drawn = studio("sample", "r1", "--iteration", 5, "--latent", "fixed/4", "--out", out, "-w", empty, "--json").json
    assert drawn["seeds"] == ["fixed/4"]
    with Image.open(out) as made, Image.open(run.path / grid.fixed) as whole:
        own = np.asarray(whole)[32:64, 32:64].astype(int)
        assert np.abs(np.asarray(made).astype(int) - own).max() <= 1
        assert json.loads(made.text["gandam"])["iteration"] == 5  # type: ignore[attr-defined]
