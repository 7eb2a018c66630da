"""A model that is handed over says what it is, and is drawn from without this program."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_runs import small_config

from trainer.export import export
from trainer.model_card import CARD, EXAMPLE, card
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.sampling import load_trained, pictures
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
WITHOUT = """
import runpy, sys
for name in ("trainer", "gandam_studio", "trainer.networks"):
    sys.modules[name] = None  # Importing it raises ImportError.
sys.argv = ["draw.py", *sys.argv[2:]]
runpy.run_path({path!r}, run_name="__main__")
"""


def alone(folder: Path, *words: str) -> None:
    """Run the example in a process that cannot import this program."""
    code = WITHOUT.format(path=str(folder / EXAMPLE))
    done = subprocess.run([sys.executable, "-c", code, "-", *words], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr


def cells(path: Path, count: int, side: int) -> np.ndarray:
    sheet = np.asarray(Image.open(path))
    columns = sheet.shape[1] // side
    return np.stack([
        sheet[i // columns * side : (i // columns + 1) * side, i % columns * side : (i % columns + 1) * side]
        for i in range(count)
    ])  # fmt: skip


@pytest.mark.parametrize("channels", [3, 4])
def test_the_example_draws_what_sample_draws_without_this_program(
    make_run: MakeRun, tmp_path: Path, channels: int
) -> None:
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=2", channels=channels))
    train_run(run)
    trained = load_trained(run)
    export(trained, tmp_path / "model", ("safetensors",), run=run)
    modes = {path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert len(modes) == 1  # What one person can read, others can.
    alone(tmp_path / "model", "--count", "5", "--seed", "3", "--engine", "torch", "--out", str(tmp_path / "a.png"))
    found = cells(tmp_path / "a.png", 5, 32).astype(int)
    assert np.abs(found - pictures(trained, 5, 3)).max() <= 1


@pytest.mark.parametrize(
    ("preset", "changes"),
    [("sprite-r3", ()), ("sprite-r3-cpu", ("data.condition=a,b",)), ("dcgan", ()), ("gandam-part-1", ()),
     ("sprite-r3", ("architecture.generator_norm=batch",)), ("gandam-part-2", ()), ("gandam-step-2-dense-64", ())],
)  # fmt: skip
def test_every_network_is_drawn_from_its_weights(
    make_run: MakeRun, tmp_path: Path, preset: str, changes: tuple[str, ...]
) -> None:
    config = small_config(preset, "stop.iterations=2", *changes)
    tags = {"tags": [["ab"[i % 2]] for i in range(24)]} if config.data.condition else {}
    run = make_run("r", config, **tags)
    train_run(run)
    trained = load_trained(run)
    export(trained, tmp_path / "model", ("safetensors",), run=run)
    names = runpy.run_path(str(tmp_path / "model" / EXAMPLE), run_name="example")
    about = json.loads((tmp_path / "model" / "generator.json").read_text())
    labels = np.arange(4) % len(about["classes"]) if about["classes"] else None
    drawn = names["with_torch"](about, names["latents"](3, 4, about["inputs"]["z"][1]), labels)
    found = names["pixels"](drawn, about).astype(int)
    assert np.abs(found - pictures(trained, 4, 3)).max() <= 1


def test_onnx_is_drawn_from_as_well(make_run: MakeRun, tmp_path: Path) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="the extra [export] is not installed")
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=2", channels=4))
    train_run(run)
    trained = load_trained(run)
    export(trained, tmp_path / "model", run=run)
    alone(tmp_path / "model", "--count", "5", "--seed", "3", "--engine", "onnx", "--out", str(tmp_path / "a.png"))
    assert np.abs(cells(tmp_path / "a.png", 5, 32).astype(int) - pictures(trained, 5, 3)).max() <= 1


def test_an_export_of_an_older_version_takes_another_format(make_run: MakeRun, tmp_path: Path) -> None:
    """Its settings lack those that came later, which have their defaults."""
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=2", "wide_from=0"))
    train_run(run)
    trained, marker = load_trained(run), tmp_path / "model" / "generator.json"
    export(trained, tmp_path / "model", ("safetensors",))
    before = json.loads(marker.read_text())
    del before["config"]["architecture"]["wide_from"], before["config"]["flow"]["solver"]
    marker.write_text(json.dumps(before))
    export(trained, tmp_path / "model", ("torchscript",), force=True)
    assert {path.name for path in marker.parent.iterdir()} >= {"generator.safetensors", "generator.pt"}
    before["config"]["seed"] += 1
    marker.write_text(json.dumps(before))
    with pytest.raises(TrainerError, match="another network"):
        export(trained, tmp_path / "model", ("onnx",), force=True)


def test_the_card_says_what_the_model_is(make_run: MakeRun, tmp_path: Path) -> None:
    config = small_config("sprite-r3-cpu", "stop.iterations=2")
    run = make_run("r", config, count=40, split=["train"] * 32 + ["held-out"] * 8)
    train_run(run)
    trained = load_trained(run)
    export(trained, tmp_path / "model", ("safetensors",), run=run, note="Mine.\n# Not a heading\n[a](b)")
    text = (tmp_path / "model" / CARD).read_text()
    assert "32 to train on, 8 held out" in text
    assert "| Iteration | 2 |" in text
    assert "> Mine." in text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["# r", "## Training pictures", "## Training", "## Diagnosis", "## Rights", "## Files"]
    assert not re.search(r"(?<!\\\\)\[a", text.replace("\\[a", ""))
    assert "Nothing was noted about rights" in card(trained, run, "", {})
    again = export(trained, tmp_path / "model", ("safetensors",), run=run, force=True)
    assert again["files"]
    (tmp_path / "model" / "mine.txt").write_text("keep")
    with pytest.raises(TrainerError, match="mine"):
        export(trained, tmp_path / "model", ("safetensors",), run=run, force=True)
