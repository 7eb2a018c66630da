"""`sample --from`: what a file holds is drawn again, to the last bit, however it was steered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from studio_calls import Studio
from trained_runs import NARROW_FLOW, trained_run

from gandam_studio.core.runs.drawing import DrawingProcess, Source
from gandam_studio.core.runs.exploring import write_path
from gandam_studio.core.runs.film import FilmPlan
from gandam_studio.core.runs.handing_over import HandOverPlan, Look, Samples, hand_over, marked
from gandam_studio.core.workspace import Workspace
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.sample_notes import Spot, read_note, told


def workspace_with(folder: Path, run: Path) -> Path:
    Workspace.create(folder / "w").close()
    (folder / "w" / "runs").mkdir(exist_ok=True)
    shutil.copytree(run, folder / "w" / "runs" / run.name)
    return folder / "w"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    return workspace_with(folder, trained_run(folder / "r1-sprite").path)


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    run = trained_run(folder / "r1-flow", 4, preset="sprite-flow-cpu", settings=NARROW_FLOW)
    return workspace_with(folder, run.path)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"))


def steered(place: Path, count: int) -> Samples:
    """Samples as Explore hands them over: moved, mixed and truncated; the last one of its own seed."""
    run = next((place / "runs").iterdir())
    process, source = DrawingProcess(), Source(run)
    try:
        facts = process.ask("open", source).values["facts"]
        direction = np.linspace(-1, 1, facts["latent"], dtype="<f4").tobytes()
        values: dict[str, Any] = {
            "spots": [{"name": f"7/{n}"} for n in range(count)], "truncation": 0.8,
            "moves": [{"at": 0, "amount": 1.5}],
        }  # fmt: skip
        if facts["stages"] > 1:
            values["mix"] = {"spot": {"name": "9/1"}, "from": 2}
        found = process.ask("draw", source, values, [direction])
        plain = process.ask("draw", source, {"spots": [{"name": "3/4"}]})
    finally:
        process.close()
    pictures = [*found.pictures(), *plain.pictures()]
    spots = [Spot(f"steered-7/{n}", vector) for n, vector in enumerate(found.vectors(1))]
    spots.append(Spot("3/4"))
    about = {"run": run.name, "iteration": facts["iteration"], "weights": None, "seed": None, "count": count + 1}
    return Samples(pictures, [spot.latent for spot in spots], {**about, "manifest": ""}, (), spots)


@pytest.mark.parametrize("kind", ["prepared", "flow"])
def test_steered_samples_are_drawn_again_from_every_file(
    studio: Studio, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    place = request.getfixturevalue(kind)
    samples = steered(place, 3)
    run = RunDirectory(next((place / "runs").iterdir()))
    plan = HandOverPlan((1, 2), sheet=True, aseprite=True)
    hand_over(run, tmp_path / "out", lambda _folder: samples, Look(), plan)
    hand_over(run, tmp_path / "turn.gif", lambda _folder: samples, Look())
    hand_over(run, tmp_path / "turn.webp", lambda _folder: samples, Look())
    write_path(
        np.stack(samples.pictures), tmp_path / "path.png", FilmPlan(), [], comment=marked(samples.told)
    )  # fmt: skip
    names = ["seeds.json", "sheet.json", "sheet.png", "sheet@2x.png", "sprites.aseprite"]
    for path in [*(tmp_path / "out" / name for name in names), *tmp_path.glob("turn.*"), tmp_path / "path.png"]:
        note = read_note(path)
        assert (note.run, note.iteration) == (run.name, samples.facts["iteration"])
        assert [spot.latent for spot in note.spots] == list(samples.latents), path.name
        assert [spot.to_json() for spot in note.spots] == [spot.to_json() for spot in samples.spots], path.name
    alone = sorted(path for path in (tmp_path / "out").glob("r1-*-steered-*.png") if "@" not in path.name)
    assert len(alone) == 3
    target = tmp_path / "one.png"
    studio("sample", "r1", "-w", place, "--from", alone[1], "--out", target)
    assert np.array_equal(pixels(target), pixels(alone[1]))
    target = tmp_path / "all"
    words = ("sample", "r1", "-w", place, "--from", tmp_path / "out" / "sprites.aseprite", "--out", target, "--singly")
    assert studio(*words, "--json").json["seeds"] == list(samples.latents)
    notes = json.loads((target / "seeds.json").read_text(encoding="utf-8"))["sprites"]
    found = np.stack([pixels(target / one["file"]) for one in notes])
    assert np.array_equal(found[..., :3], np.stack(samples.pictures)[..., :3])
    # What was drawn again can be drawn again.
    assert [one.get("vector") for one in notes] == [spot.to_json().get("vector") for spot in samples.spots]


@pytest.mark.slow
def test_options_of_sample_are_drawn_again_too(studio: Studio, prepared: Path, flow: Path, tmp_path: Path) -> None:
    cases = {
        "around": (prepared, ("--around", "7/1", "--truncation", 0.6)),
        "raw": (flow, ("--raw", "--passes", 2)),
    }
    for name, (place, words) in cases.items():
        out, again = tmp_path / name, tmp_path / f"{name}-again.png"
        studio("sample", "r1", "-w", place, "--count", 2, *words, "--singly", "--out", out)
        (path, *_) = sorted(out.glob("*.png"), reverse=True)
        assert studio("sample", "r1", "-w", place, "--from", path, "--out", again).code == 0
        assert np.array_equal(pixels(again), pixels(path)), name


@pytest.mark.slow
def test_a_projection_and_a_walk_are_drawn_again(studio: Studio, prepared: Path, tmp_path: Path) -> None:
    studio("sample", "r1", "-w", prepared, "--latent", "4/2", "--out", tmp_path / "own.png")
    for words in ((), ("--per-stage",)):
        found, again = tmp_path / f"found{len(words)}.png", tmp_path / f"again{len(words)}.png"
        studio("project", "r1", tmp_path / "own.png", "-w", prepared, "--out", found, *words)
        studio("sample", "r1", "-w", prepared, "--from", found, "--out", again)
        assert np.array_equal(pixels(again), pixels(found))
    walk = ("sample", "r1", "-w", prepared, "--count", 3, "--steps", 4, "--seed", 2)
    studio(*walk, "--out", tmp_path / "a.gif")
    words = ("sample", "r1", "-w", prepared, "--from", tmp_path / "a.gif", "--out")
    assert studio(*words, tmp_path / "b.gif").code == 0
    assert (tmp_path / "b.gif").read_bytes() == (tmp_path / "a.gif").read_bytes()
    assert "is a walk" in studio(*words, tmp_path / "b.png").refusal
    assert "is no walk" in studio(*words[:-2], tmp_path / "own.png", "--out", tmp_path / "c.gif").refusal


def test_the_checkpoint_is_that_of_the_file(studio: Studio, prepared: Path, tmp_path: Path) -> None:
    place = shutil.copytree(prepared, tmp_path / "w")
    run = RunDirectory(place / "runs" / "r1-sprite")
    folder = run.newest_checkpoint()
    assert folder is not None
    studio("sample", "r1", "-w", place, "--count", 1, "--out", tmp_path / "a.png")
    words = ("sample", "r1", "-w", place, "--from", tmp_path / "a.png", "--out", tmp_path / "b.png")
    for more in (("--count", 64), ("--seed", 0), ("--around", "7/1")):  # The file says these.
        assert studio(*words, *more).code == 2
    shutil.rmtree(run.checkpoints_path / "best", ignore_errors=True)
    folder.rename(folder.with_name("best"))  # The best one stays when others are thinned out.
    assert studio(*words).code == 0
    assert np.array_equal(pixels(tmp_path / "b.png"), pixels(tmp_path / "a.png"))
    (run.checkpoints_path / "best").rename(folder)
    with Image.open(tmp_path / "a.png") as picture:
        note = json.loads(picture.text["gandam"])  # type: ignore[attr-defined]
    for changes, reason in (
        ({"iteration": 77}, "no checkpoint of iteration 77"),
        ({"latent": "x", "vector": Spot("", np.zeros(5, np.float32)).to_json()["vector"]}, "takes 8"),
        ({"tag": "left"}, "has no class 'left'"),
        ({"steps": 5}, "only a flow"),
    ):
        notes = PngImagePlugin.PngInfo()
        notes.add_text("gandam", json.dumps({**note, **changes}))
        Image.new("RGB", (4, 4)).save(tmp_path / "x.png", pnginfo=notes)
        assert reason in studio(*words[:5], tmp_path / "x.png", "--out", tmp_path / "c.png").refusal
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    said = studio(*words[:5], tmp_path / "x.png", "--out", tmp_path / "c.png").refusal
    assert said == "x.png cannot be drawn again: it does not say what draws it again"
    assert "cannot be read" in studio(*words[:5], tmp_path / "none.png", "--out", tmp_path / "c.png").refusal
    for more in (("--latent", "1/1"), ("--truncation", 0.5), ("--raw",), ("--around", 1)):
        assert studio(*words, "--force", *more).code == 2
    (place / "runs" / "r1-sprite").rename(place / "runs" / "r2-other")
    said = studio("sample", "r2", *words[2:], "--force")
    assert "was drawn by r1-sprite" in said.err
    assert said.code == 0


def test_long_notes_keep_the_lineage_of_documents(studio: Studio, tmp_path: Path) -> None:
    """The names of thousands of sprites do not fit into one text of a document."""
    from recorded_runs import make_run

    from gandam_studio.core.finishing.aseprite_writing import LONGEST_TEXT
    from gandam_studio.core.workspace.lineage import is_marked, lineage_in

    count = 9000
    run = make_run(tmp_path / "runs" / "r1-test")
    facts = {"run": "r1-test", "iteration": 4, "weights": "ema", "seed": 7, "count": count, "manifest": ""}
    # They are empty, as a run draws them that has learned nothing yet.
    samples = Samples([np.zeros((1, 1, 4), np.uint8)] * count, [f"7/{n}" for n in range(count)], facts)
    hand_over(run, tmp_path / "a.aseprite", lambda _folder: samples, Look())
    found = lineage_in((tmp_path / "a.aseprite").read_bytes(), 3)
    assert found is not None
    assert found.run == "r1-test"
    assert [spot.latent for spot in read_note(tmp_path / "a.aseprite").spots] == list(samples.latents)
    # A film of a flow's steered samples has a long note behind its pictures.
    spots = [Spot(f"steered-{n}", np.full(8 * LONGEST_TEXT // 100, n, np.float32)) for n in range(20)]
    write_path(
        np.zeros((20, 4, 4, 3), np.uint8), tmp_path / "a.webp", FilmPlan(), [], comment=marked(told(facts, spots))
    )
    assert is_marked((tmp_path / "a.webp").read_bytes())
    assert len(read_note(tmp_path / "a.webp").spots) == 20
