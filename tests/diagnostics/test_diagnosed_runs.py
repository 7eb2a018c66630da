"""Diagnoses of real small runs, during and after training."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from known_sprites import known
from PIL import Image

from trainer import diagnosis_watch
from trainer.cli import main
from trainer.create_run import new_run
from trainer.protocol.diagnosis import VERDICTS, Diagnosis
from trainer.protocol.events import Alarm, Diagnosed, RunStopped
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import Done
from trainer.protocol.settings import Extension, Stop
from trainer.train_run import train_run

NARROW = ["architecture.size=32", "architecture.latent=8", "generator_channels=16,12,8,6",
          "discriminator_channels=6,8,12,16", "batch.size=8", "sampling.count=16", "device=cpu",
          "precision.kind=fp32", "precision.channels_last=off", "sampling.every=8", "diagnostics.share=1"]  # fmt: skip


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run on 40 sprites with families, diagnosed at every sample point."""
    monkeypatch.setattr(diagnosis_watch, "EXPECTED_S", 0.0)
    # However busy the machine is, looks cost nothing.
    monkeypatch.setattr(diagnosis_watch, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    monkeypatch.setattr(diagnosis_watch, "PICTURES", 64)
    monkeypatch.setattr("trainer.fresh_pictures.PICTURES", 64)
    data = known(1, training=40, held_out=10)
    np.save(tmp_path / "sprites.npy", np.concatenate([data.training, data.held_out]))
    facts = {
        "ids": [str(i) for i in range(50)], "background": [255, 255, 255],
        "split": ["train"] * 40 + ["held-out"] * 10, "family": [f"f{i // 2}" for i in range(50)],
    }  # fmt: skip
    (tmp_path / "sprites.json").write_text(json.dumps(facts))
    return new_run(tmp_path / "run", load_preset("sprite-r3-cpu"), tmp_path / "sprites.npy", NARROW)


def test_a_run_is_diagnosed_and_what_it_shows_is_there(ready: RunDirectory) -> None:
    train_run(ready, limits=["stop.iterations=5"])
    found = [event for event in ready.events().read() if isinstance(event, Diagnosed)]
    assert found
    for event in found:
        diagnosis = Diagnosis.from_json(event.values)
        assert diagnosis.verdict == event.verdict
        assert event.verdict in VERDICTS
        assert (diagnosis.training, diagnosis.held_out, diagnosis.families) == (40, 10, 20)
        assert diagnosis.quality
        for name in ("nearest", "group"):
            with Image.open(ready.path / event.pictures[name]) as sheet:
                assert sheet.height % 32 == 0
    assert found[-1].iteration == 5


def test_training_is_the_same_with_and_without_diagnoses(ready: RunDirectory, tmp_path: Path) -> None:
    other = RunDirectory.create(
        tmp_path / "without", apply_overrides(ready.config(), ["diagnostics.enabled=false"]), ready.dataset_path,
        ready.dataset_info_path,
    )  # fmt: skip
    for run in (ready, other):
        train_run(run, limits=["stop.iterations=3"])
    assert not any(isinstance(event, Diagnosed) for event in other.events().read())
    weights = [(run.path / "checkpoints" / "00000003" / "generator.safetensors").read_bytes() for run in (ready, other)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("action", ["checkpoint", "stop"])
def test_an_alarm_does_what_was_asked_for(ready: RunDirectory, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    monkeypatch.setattr(diagnosis_watch, "PATIENCE", -1)  # A first generator's pictures are all alike, and blurry.
    monkeypatch.setattr(diagnosis_watch, "bound_of", lambda *_: 1e6)
    data = known(1, training=40, held_out=10)
    one = data.modes(1, data.unseen, 64)
    monkeypatch.setattr("trainer.fresh_pictures.draw_pictures", lambda *_, **_options: one)
    train_run(ready, limits=["stop.iterations=4", f"diagnostics.on_alarm={action}"])
    found = ready.events().read()
    alarms = [event for event in found if isinstance(event, Alarm)]
    assert [alarm.about for alarm in alarms if alarm.state == "raised"][:1] == ["collapse"]
    raised = alarms[0].iteration
    if action == "stop":
        ended = found[-1]
        assert isinstance(ended, RunStopped)
        assert "collapse" in ended.reason
        assert ended.iteration <= raised + 1
    else:
        saved = [event.iteration for event in found if event.kind == "checkpoint_saved" and event.reason == "asked"]
        assert any(raised <= iteration <= raised + 1 for iteration in saved)


def test_a_resumed_run_keeps_its_alarm_and_says_it_once(ready: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    data = known(1, training=40, held_out=10)
    one = data.modes(1, data.training, 64)
    monkeypatch.setattr("trainer.fresh_pictures.draw_pictures", lambda *_, **_options: one)
    train_run(ready, limits=["stop.iterations=2"])
    train_run(ready, limits=["stop.iterations=5"])
    raised = [(a.about, a.state) for a in ready.events().read() if isinstance(a, Alarm)]
    assert raised.count(("copying", "raised")) == 1


def test_an_event_answers_whether_anything_happens_at_the_spikes(
    ready: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose pictures change completely where a curve jumps, and little elsewhere."""

    random, jumps = np.random.default_rng(0), (3, 6, 9, 12, 15)
    pictures = [random.integers(0, 256, (16, 32, 32, 3)).astype(float)]
    for step in range(20):
        share = 0.6 if step in jumps else 0.2
        pictures.append((1 - share) * pictures[-1] + share * random.integers(0, 256, (16, 32, 32, 3)))
    session = SimpleNamespace(
        config=apply_overrides(ready.config(), ["sampling.every=10"]), done=SimpleNamespace(iteration=0, seconds=1e9),
        diagnostics_state={}, data=SimpleNamespace(train=range(40)),
    )  # fmt: skip
    watch = diagnosis_watch.DiagnosisWatch(session, ready, SimpleNamespace(), lambda _event: None)  # type: ignore[arg-type]
    for step, fixed in enumerate(pictures):
        if step == 11:  # As after resuming from a checkpoint.
            watch = diagnosis_watch.DiagnosisWatch(session, ready, SimpleNamespace(), lambda _event: None)  # type: ignore[arg-type]
            watch.follow(pictures[10].astype(np.uint8))
        session.done.iteration = 10 * (step + 1)
        if step - 1 in jumps:
            watch.spiked(session.done.iteration - 4)
        watch.follow(fixed.astype(np.uint8))
    kept = session.diagnostics_state  # what a checkpoint keeps
    windows = [diagnosis_watch.Window(*values) for values in kept["windows"]]
    found = diagnosis_watch.spikes_in(windows, kept["spikes"], 10)
    assert found
    assert (found.with_spike, found.without) == (5, 15)
    assert found.ratio
    assert found.ratio > 1.3
    assert found.p
    assert found.p <= 0.05


LONGER = Extension(iterations=1000)
COOLING = Extension(
    iterations=1000, start_factor=0.5, end_factor=0.1, from_iterations=1000, from_images=16_000, to_iterations=4000
)
# Planned for 2,000 iterations, and cooled down from iteration 1,000 on.
ENDED_EARLY = replace(COOLING, iterations=2000, to_iterations=1500)


@pytest.mark.parametrize(
    ("kind", "limit", "extension", "iteration", "wanted"),
    [
        ("cosine", 1000, Extension(), 500, (True, 0.5)),
        ("cosine", 1000, Extension(), 1000, (True, 1.0)),
        ("cosine", 4000, LONGER, 500, (True, 0.5)),
        ("cosine", 4000, LONGER, 2000, (False, None)),
        ("cosine", 4000, COOLING, 2000, (True, None)),
        ("constant", 1000, Extension(), 500, (False, None)),
        ("cosine", 0, Extension(), 500, (True, None)),
        ("cool-down", 1000, Extension(), 800, (False, None)),
        ("cool-down", 1000, Extension(), 900, (True, None)),
        ("cool-down", 0, Extension(), 900, (False, None)),
        ("cosine", 1500, ENDED_EARLY, 900, (True, 0.45)),
        ("cosine", 1500, ENDED_EARLY, 1200, (True, None)),
        ("constant", 1500, ENDED_EARLY, 1200, (True, None)),
    ],
)
def test_the_outlook_follows_the_schedule_and_not_a_later_limit(
    kind: str, limit: int, extension: Extension, iteration: int, wanted: tuple[bool, float | None]
) -> None:
    config = load_preset("sprite-r3-cpu")
    config = replace(
        config, schedule=replace(config.schedule, kind=kind), stop=Stop(iterations=limit), extension=extension
    )
    assert diagnosis_watch.decay(config, Done(iteration, 16 * iteration, 1.0)) == wanted


@pytest.mark.parametrize(("a_picture", "first"), [(0.001, 1.0), (0.05, 32.0)], ids=["usual", "slow"])
def test_diagnoses_take_no_more_than_their_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, a_picture: float, first: float
) -> None:
    """With a simulated clock: a diagnosis takes 1 s, the first one more where features are slow; 10 iterations take
    20 s, and 3 % are allowed, from the first one on."""
    config = apply_overrides(load_preset("sprite-r3-cpu"), ["diagnostics.share=0.03"])
    done = SimpleNamespace(iteration=0, seconds=0.0)
    data = SimpleNamespace(train=list(range(100)), held_out=[])
    session = SimpleNamespace(config=config, done=done, diagnostics_state={}, data=data)
    now, looks = [0.0], []

    def takes(seconds: float) -> bool:
        now[0] += seconds
        return True

    def look(_watch: object, _fixed: object) -> bool:
        looks.append(done.seconds)
        return takes(first if len(looks) == 1 else 1.0)

    fresh = SimpleNamespace(space=lambda pictures: takes(a_picture * len(pictures)))
    watch = diagnosis_watch.DiagnosisWatch(session, RunDirectory(tmp_path), fresh, lambda _event: None)  # type: ignore[arg-type]
    monkeypatch.setattr(diagnosis_watch.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(diagnosis_watch, "real_pixels", lambda _data, rows: rows)
    monkeypatch.setattr(diagnosis_watch.DiagnosisWatch, "_look", look)
    for _ in range(200):
        done.iteration += 10
        done.seconds += 20
        watch.look(None)
        if looks:
            assert now[0] <= 0.03 * done.seconds
    assert looks
    assert now[0] >= 0.02 * done.seconds


PROMISED: dict[str, object] = {
    "verdict": str, "why": str,
    "variety": {"n2": float, "low": float, "high": float, "distinct": int, "chao1": float, "top_share": float,
                "real": {"n2": float, "distinct": int, "top_share": float}},
    "copying": {"kappa": float, "low": float, "high": float, "sources": int,
                "test": {"hits_p": float, "lean_p": float}},
    "quality": {"kid": float, "floor_mean": float, "floor_sd": float, "z": float},
    "features": str, "samples": int,
}  # fmt: skip
"""What `evaluate --json` has for everyone who reads it; docs/json.md lists the rest."""
MORE = {"run", "iteration", "weights", "seed", "reason", "advice", "training", "held_out", "families", "sharp", "drift",
        "spikes", "outlook", "nearest", "clipped"}  # fmt: skip


def assert_promised(answer: object, promised: object) -> None:
    """Check that all documented keys exist with values of their types; missing numbers are null."""
    if isinstance(promised, dict):
        assert isinstance(answer, dict)
        for name, kind in promised.items():
            assert name in answer
            assert_promised(answer[name], kind)
    elif promised is float:
        assert answer is None or type(answer) in (float, int)
    else:
        assert type(answer) is promised


def _answer(*arguments: str) -> dict:  # type: ignore[type-arg]
    result = CliRunner().invoke(main, ["evaluate", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout.splitlines()[-1])


def test_a_run_its_grids_and_a_folder_are_evaluated(ready: RunDirectory, tmp_path: Path) -> None:
    train_run(ready, limits=["stop.iterations=5", "diagnostics.enabled=false"])
    answer = _answer(str(ready.path), "--samples", "32", "--out", str(tmp_path / "sheets"))
    assert answer["verdict"] in VERDICTS
    assert answer["iteration"] == 5
    assert_promised(answer, PROMISED)
    assert set(answer) == set(PROMISED) | MORE
    assert 0 <= answer["clipped"]["density"] <= 1
    written = {path.name for path in (tmp_path / "sheets").iterdir()}
    assert written == {"diagnosis.json", "group.png", "nearest.png"}
    grids = _answer(str(ready.path), "--grids")
    moments = grids["moments"]
    assert [moment["iteration"] for moment in moments][-1] == 5
    assert moments[0]["drift"] is None
    assert moments[-1]["drift"]["identity"] > 0
    assert grids["spikes"] is None, "so short a run has no spikes"
    made = tmp_path / "made"
    made.mkdir()
    for index, picture in enumerate(np.load(ready.dataset_path)[:40]):
        Image.fromarray(picture).save(made / f"{index}.png")
    (made / "broken.png").write_bytes(b"no picture")
    copied = _answer(str(made), "--against", str(ready.path))
    assert copied["verdict"] == "memorised"
    assert (copied["pictures"], copied["unreadable"], copied["samples"]) == (40, 1, 40)
    assert copied["copying"]["kappa"] == 1.0


@pytest.mark.parametrize("arguments", [["{made}"], ["{made}", "--against", "{run}"], ["{run}", "--iteration", "7"]])
def test_what_cannot_be_evaluated_is_one_line(ready: RunDirectory, tmp_path: Path, arguments: list[str]) -> None:
    made = tmp_path / "few"
    made.mkdir()
    for index in range(3):
        Image.new("RGB", (8, 8)).save(made / f"{index}.png")
    given = [text.format(made=made, run=ready.path) for text in arguments]
    result = CliRunner().invoke(main, ["evaluate", *given])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
