"""TensorBoard and Weights & Biases get the events, the latter only on request."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_runs import small_config

from trainer.protocol.events import MetricMeasured, Progress, RunWarning, SamplesSaved, TrainEvent
from trainer.protocol.run_directory import RunDirectory
from trainer.trackers import Trackers, means
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
STEPS = ["stop.iterations=6", "sampling.every=3", "sampling.progress_every=2"]


@pytest.mark.filterwarnings("ignore")  # Its own dependencies warn at import.
def test_tensorboard_shows_what_the_events_say(make_run: MakeRun) -> None:
    pytest.importorskip("tensorboard", reason="the tensorboard extra is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = make_run("r", small_config("dcgan", *STEPS), 48)
    train_run(run)
    events = run.events().read()
    read = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    read.Reload()
    for name in ("loss_d", "loss_g", "grad_norm_g"):
        expected = {e.iteration: means(e)[name] for e in events if isinstance(e, Progress)}
        assert len(expected) >= 2
        assert {e.step: e.value for e in read.Scalars(name)} == pytest.approx(expected, rel=1e-5)
    metrics = {e.iteration: e.value for e in events if isinstance(e, MetricMeasured)}
    assert {e.step: e.value for e in read.Scalars("kid")} == pytest.approx(metrics, rel=1e-5)
    grids = [e.iteration for e in events if isinstance(e, SamplesSaved)]
    assert [e.step for e in read.Images("fixed")] == grids
    assert read.Images("fixed")[0].encoded_image_string.startswith(b"\x89PNG")


class Broken:
    """A tracker whose disk is full, or whose package has another version."""

    def __init__(self, *_: object) -> None:
        if self.fails == "start":
            raise ImportError("no module of that name")

    fails = "start"

    def write(self, event: TrainEvent) -> None:
        if self.fails == "write":
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        raise RuntimeError("closed already")


@pytest.mark.parametrize("fails", ["start", "write", "close"])
def test_a_mirror_that_fails_does_not_end_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "tensorboard" else None)
    monkeypatch.setattr("trainer.trackers.TensorBoard", Broken)
    monkeypatch.setattr(Broken, "fails", fails)
    run = make_run("r", small_config("dcgan", *STEPS), 48)
    assert train_run(run).state == "finished"
    warnings = [event.message for event in run.events().read() if isinstance(event, RunWarning)]
    told = [text for text in warnings if text.startswith("TensorBoard failed")]
    assert len(told) == (fails != "close"), "once, and after the last event there is no place to tell it"


def test_wandb_is_told_only_when_a_person_asked_for_it(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = small_config("dcgan")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "wandb" else None)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda **_: None, finish=lambda: None))
    assert Trackers(tmp_path, config).names == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_wandb_offline_keeps_the_run_here(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="the wandb extra is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = make_run("r", small_config("dcgan", *STEPS), 48)
    train_run(run)
    assert run.state().state == "finished"
    kept = list(run.path.glob("wandb/offline-run-*/*.wandb"))
    assert len(kept) == 1
    assert b"loss_d" in kept[0].read_bytes()


def test_what_wandb_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple] = []
    stand_in = SimpleNamespace(
        init=lambda **values: calls.append(("init", values)),
        log=lambda values, step: calls.append(("log", values, step)),
        finish=lambda: calls.append(("finish",)),
        Image=lambda path: f"picture {path}",
    )
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "wandb" else None)
    monkeypatch.setenv("WANDB_API_KEY", "x")
    config, run = small_config("dcgan"), tmp_path / "r7-name"
    trackers = Trackers(run, config)
    assert trackers.names == ["Weights & Biases"]
    trackers.write(Progress(iteration=4, first_iteration=3, curves={"loss_d": [1.0, 2.0], "penalty": [None, 0.5]}))
    trackers.write(MetricMeasured(iteration=4, name="kid", value=0.25))
    trackers.write(MetricMeasured(iteration=4, name="kid", value=None))
    trackers.write(SamplesSaved(iteration=4, fixed="samples/x.png"))
    trackers.write(RunWarning(iteration=4, message="x"))
    trackers.close()
    assert trackers.names == []
    assert calls == [
        ("init", {"dir": str(run), "name": "r7-name", "id": "r7-name", "resume": "allow", "config": config.to_json()}),
        ("log", {"loss_d": 1.5, "penalty": 0.5}, 4),
        ("log", {"kid": 0.25}, 4),
        ("log", {"fixed": f"picture {run / 'samples/x.png'}"}, 4),
        ("finish",),
    ]
    assert trackers.failures() == []


def test_means_leave_out_what_is_absent() -> None:
    assert means(Progress(curves={"a": [1.0, None, 3.0], "b": [None], "c": []})) == {"a": 2.0}
