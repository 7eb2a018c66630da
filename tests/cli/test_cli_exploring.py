"""`explore`, `project`, `export-model` and the new options of `sample`, on a run that was really trained."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from studio_calls import Studio
from trained_runs import NARROW, NARROW_FLOW, trained_run

from gandam_studio.core.runs.explored import explored
from gandam_studio.core.workspace import Workspace
from trainer.protocol.sample_notes import vector_of


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(tmp_path_factory.mktemp("prepared") / "r1-sprite").path


@pytest.fixture
def place(tmp_path: Path, prepared: Path) -> Path:
    """A workspace with one trained run."""
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "w" / "runs").mkdir(exist_ok=True)
    shutil.copytree(prepared, tmp_path / "w" / "runs" / "r1-sprite")
    return tmp_path / "w"


def test_directions_are_found_kept_and_drawn(studio: Studio, place: Path, tmp_path: Path) -> None:
    run = place / "runs" / "r1-sprite"
    assert studio("explore", "r1", "-w", place, "--json").json == {
        "run": "r1-sprite", "favourites": [], "directions": [],
    }  # fmt: skip
    answer = studio(
        "explore", "r1", "-w", place, "--directions", "--count", 3, "--keep", "2=bulkier", "--out", tmp_path / "d.png",
        "--json",
    ).json  # fmt: skip
    vectors = np.stack([vector_of(one["vector"]) for one in answer["directions"]])
    assert np.abs(vectors @ vectors.T - np.eye(3)).max() < 1e-5
    assert answer["kept"] == ["bulkier"]
    assert np.array_equal(explored(run).directions[0].vector, vectors[1])
    assert np.asarray(Image.open(tmp_path / "d.png")).shape == (3 * 32, 7 * 32, 3)
    kept = studio("explore", "r1", "-w", place, "--json").json["directions"]
    assert [(one["name"], one["kind"]) for one in kept] == [("bulkier", "sefa")]
    assert "bulkier" in studio("explore", run, "-w", place).out


@pytest.mark.parametrize(
    "words", [("--keep", "2=x"), ("--directions", "--keep", "9=x"), ("--directions", "--keep", "x"), ("--tag", "t")]
)
def test_what_explore_cannot_do_is_a_usage_error(studio: Studio, place: Path, words: tuple[str, ...]) -> None:
    assert studio("explore", "r1", "-w", place, *words).code == 2


def test_an_average_is_made_after_training_and_drawn_from(studio: Studio, place: Path, tmp_path: Path) -> None:
    assert "ema.post_hoc" in studio("average", "r1", "-w", place).refusal
    made = trained_run(tmp_path / "r2-sprite", settings=(*NARROW, "ema.post_hoc=yes"))
    made.path.rename(place / "runs" / "r2-sprite")
    answer = studio("average", "r2", "-w", place, "--width", 0.2, "--json").json
    assert (answer["iteration"], answer["width"], answer["quality"], answer["moments"]) == (2, 0.2, None, [2])
    assert "average of width 0.2 at iteration 2" in studio("average", "r2", "-w", place, "--width", 0.2).out
    for name in ("post-hoc", "2"):
        studio("sample", "r2", "-w", place, "--iteration", name, "--count", 4, "--out", tmp_path / f"{name}.png")
    with Image.open(tmp_path / "post-hoc.png") as one, Image.open(tmp_path / "2.png") as other:
        assert "post-hoc 0.2" in one.info["gandam"]
        assert one.tobytes() != other.tobytes()
    assert "choose a width" in studio("average", "r2", "-w", place).refusal
    assert studio("average", "r2", "-w", place, "--width", 0.5).code == 2


def test_a_picture_is_found_in_the_model(studio: Studio, place: Path, tmp_path: Path) -> None:
    studio("sample", "r1", "-w", place, "--latent", "4/2", "--out", tmp_path / "own.png")
    answer = studio(
        "project", "r1", tmp_path / "own.png", "-w", place, "--out", tmp_path / "found.png", "--keep", "mine", "--json"
    ).json
    assert answer["mean_error"] < 1
    own, found = (np.asarray(Image.open(tmp_path / name)).astype(int) for name in ("own.png", "found.png"))
    assert np.abs(own - found).mean() < 1
    assert [one.name for one in explored(place / "runs" / "r1-sprite").favourites] == ["mine"]
    assert "exists" in studio("project", "r1", tmp_path / "own.png", "-w", place, "--out", tmp_path / "own.png").refusal
    find = ("project", "r1", tmp_path / "own.png", "-w", place)
    assert "name to keep it under is empty" in studio(*find, "--keep", " ").refusal
    assert "control character" in studio(*find, "--keep", "a\x07").refusal
    assert len(explored(place / "runs" / "r1-sprite").favourites) == 1
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    assert "cannot be read" in studio("project", "r1", tmp_path / "broken.png", "-w", place).refusal
    (tmp_path / "model.pt").write_bytes(pickle.dumps(print))
    assert "is a file" in studio("explore", tmp_path / "model.pt", "-w", place, "--directions").refusal


def test_samples_around_one_and_with_less_variety(studio: Studio, place: Path, tmp_path: Path) -> None:
    answer = studio(
        "sample", "r1", "-w", place, "--count", 4, "--around", "7/1", "--radius", 0.5, "--out", tmp_path / "a.png",
        "--json",
    ).json  # fmt: skip
    assert answer["seeds"] == [f"7/1~0.5/{i}" for i in range(4)]
    plain, less = (tmp_path / f"{name}.png" for name in ("plain", "less"))
    studio("sample", "r1", "-w", place, "--count", 4, "--out", plain)
    studio("sample", "r1", "-w", place, "--count", 4, "--truncation", 0.2, "--out", less)
    cells = [
        np.asarray(Image.open(path)).reshape(2, 32, 2, 32, 3).swapaxes(1, 2).reshape(4, -1) for path in (plain, less)
    ]
    assert cells[1].astype(float).std(axis=0).mean() < 0.6 * cells[0].astype(float).std(axis=0).mean()
    left = studio("sample", "r1", "-w", place, "--count", 4, "--copies-out", "--out", tmp_path / "c.png", "--json").json
    assert len(left["seeds"]) == 4
    both = studio("sample", "r1", "-w", place, "--around", "7", "--latent", "7/1", "--out", tmp_path / "d.png")
    assert both.code == 2


def test_a_flow_draws_in_other_passes_and_leaves_the_background_on_request(studio: Studio, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    run = trained_run(tmp_path / "r1-flow", 4, preset="sprite-flow-cpu", settings=NARROW_FLOW)
    (tmp_path / "w" / "runs").mkdir(exist_ok=True)
    run.path.rename(tmp_path / "w" / "runs" / "r1-flow")
    drawn = {}
    for name, words in {"plain": (), "raw": ("--raw",), "fewer": ("--raw", "--passes", 1)}.items():
        target = tmp_path / f"{name}.png"
        assert studio("sample", "r1", "-w", tmp_path / "w", "--count", 4, *words, "--out", target).code == 0
        drawn[name] = np.asarray(Image.open(target)).astype(int)
    cleaned = np.where((drawn["raw"] >= 255 - 17).all(-1, keepdims=True), 255, drawn["raw"])
    assert np.array_equal(drawn["plain"], cleaned)
    assert not np.array_equal(drawn["fewer"], drawn["raw"])
    folder = tmp_path / "folder"
    assert studio("sample", "r1", "-w", tmp_path / "w", "--count", 4, "--raw", "--singly", "--out", folder).code == 0
    singly = [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]
    assert np.array_equal(singly[0][..., :3], drawn["raw"][:32, :32])
    # Nothing can be read from its network, so its directions are the largest changes.
    answer = studio("explore", "r1", "-w", tmp_path / "w", "--directions", "--count", 2, "--json").json
    assert [one["kind"] for one in answer["directions"]] == ["pca", "pca"]
    assert "PCA" in studio("explore", "r1", "-w", tmp_path / "w", "--directions", "--kind", "sefa").refusal


def test_a_model_is_handed_over_and_explored(studio: Studio, place: Path, tmp_path: Path) -> None:
    words = ("export-model", "r1", "-w", place, "--out", tmp_path / "model", "--format", "safetensors")
    answer = studio(*words, "--note", "My own art.", "--json").json
    assert list(answer["files"]) == ["generator.safetensors"]
    assert answer["files"]["generator.safetensors"] <= 1e-5  # not 0 where another layout is computed by another kernel
    assert "> My own art." in (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "--force" in studio(*words).refusal
    of_run = studio("explore", "r1", "-w", place, "--directions", "--json").json["directions"]
    of_model = studio("explore", tmp_path / "model", "-w", place, "--directions", "--json").json["directions"]
    assert of_model == of_run
