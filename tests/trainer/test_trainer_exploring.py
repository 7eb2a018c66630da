"""Directions, projections and neighbours where the answer is known, and models from elsewhere that run no code."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from small_runs import shapes, small_config
from torch import nn

from trainer.cli import main
from trainer.exploring import directions
from trainer.exploring.models import Model, open_model
from trainer.exploring.previews import BUDGET_S, MOST_STEPS, PreviewPlan, plan
from trainer.exploring.projection import project
from trainer.exploring.serving import Models, Server
from trainer.export import export
from trainer.generators import FlowGenerator, build_generator
from trainer.grids import LEAST, batches, draw_pictures
from trainer.latent_space import around, path, slerp, truncated
from trainer.neighbours import Neighbours
from trainer.networks import Generator
from trainer.protocol.config import fit_data
from trainer.protocol.errors import TrainerError
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.randomness import latents
from trainer.sampling import Trained, Wanted, load_trained, named_pictures, pictures, ready, wanted_pictures
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
SIDE, LATENT = 32, 12


class Linear(nn.Module):
    """z -> W z as pictures; W = U diag(s) V^T with V known."""

    def __init__(self) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(3)
        u, _ = torch.linalg.qr(torch.randn(3 * SIDE * SIDE, LATENT, generator=source))
        self.v, _ = torch.linalg.qr(torch.randn(LATENT, LATENT, generator=source))
        self.map = nn.Linear(LATENT, 3 * SIDE * SIDE, bias=False)
        self.map.weight = nn.Parameter(u @ torch.diag(1.5 * 0.8 ** torch.arange(LATENT)) @ self.v.T)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.map(z).reshape(-1, 3, SIDE, SIDE)


@pytest.fixture
def planted() -> tuple[Model, torch.Tensor]:
    core = Linear()
    config = small_config("sprite-r3-cpu")
    generator = Generator(core, LATENT, 0).eval().requires_grad_(False)
    trained = Trained(generator, torch.ones(3), (), "raw", 1, config)
    return Model(trained, None), core.v.T


def agreement(found: torch.Tensor, planted: torch.Tensor) -> torch.Tensor:
    return (found * planted[: len(found)]).sum(1).abs()


def test_both_kinds_find_the_planted_directions(planted: tuple[Model, torch.Tensor]) -> None:
    model, truth = planted
    for found in (directions.sefa(model, 6), directions.pca(model, 6)):
        assert agreement(found.vectors, truth).min() > 0.99
        assert (found.strengths[:-1] > found.strengths[1:]).all()
        largest = found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True))
        assert (largest > 0).all()
    assert torch.equal(directions.pca(model, 6).vectors, directions.pca(model, 6).vectors)


def test_picks_find_the_direction_that_divides_them() -> None:
    z = latents(5, "sample", 240, LATENT)
    truth = torch.zeros(LATENT)
    truth[4] = 1.0
    chosen = z @ truth
    found = directions.from_picks(z[chosen > 0.5], z[chosen < -0.5])
    assert float(found @ truth) > 0.9
    few = directions.from_picks(z[:1], z[1:2])
    assert float(few @ (z[0] - z[1]) / (z[0] - z[1]).norm()) == pytest.approx(1.0, abs=1e-3)
    alone = directions.from_picks(z[:1], z[:0])
    assert float(alone @ z[0] / z[0].norm()) == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(TrainerError, match="do not differ"):
        directions.from_picks(z[:2], z[:2])


def test_a_tag_that_a_direction_makes_is_learnt(planted: tuple[Model, torch.Tensor]) -> None:
    """Real pictures that lie to one side of a planted direction have the tag."""
    model, truth = planted
    z = latents(9, "real", 400, LATENT)
    tagged = ((z @ truth[0]) > 0).numpy()
    found = directions.from_tag(model, model.pixels(model.staged(z)), tagged)
    assert abs(float(found.vector @ truth[0])) > 0.9
    assert float(found.vector @ truth[0]) > 0  # Towards the tag.
    assert found.accuracy > 0.85
    shuffled = np.random.default_rng(0).permutation(tagged)
    assert directions.from_tag(model, model.pixels(model.staged(z)), shuffled).accuracy < 0.65


def test_latent_arithmetic_keeps_what_it_promises() -> None:
    z = latents(1, "sample", 2, 4096)
    assert torch.equal(truncated(z, 1.0), z)
    assert not truncated(z, 0.0).any()
    near = around(z[0], 0.25, 3, 4)
    assert torch.equal(near[1], around(z[0], 0.25, 4, 1)[0])
    assert near.std() == pytest.approx(1, abs=0.05)  # Variations are latents like others.
    cosine = (near @ z[0]) / (near.norm(dim=1) * z[0].norm())
    assert cosine == pytest.approx(np.full(4, np.sqrt(1 - 0.25**2)), abs=0.05)
    assert torch.equal(around(z[0], 0.0, 0, 1)[0], z[0])
    way = path(z, 5)
    assert len(way) == 6
    assert torch.equal(way[-1], z[1])
    assert torch.equal(way[0], z[0])
    assert float(way.norm(dim=1).min()) > 0.97 * float(z.norm(dim=1).min())  # On the sphere, not through it.
    zero = torch.zeros(4096)
    assert torch.isfinite(slerp(z[0], zero, torch.tensor([0.0, 0.5, 1.0]))).all()
    assert torch.isfinite(slerp(z[0], -z[0], torch.tensor([0.0, 0.5, 1.0]))).all()


@pytest.fixture
def run(make_run: MakeRun) -> RunDirectory:
    """A run of two steps, with modulation and so with stages to mix."""
    made = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=2", channels=4))
    train_run(made)
    return made


@pytest.mark.parametrize(("preset", "size"), [("sprite-r3-cpu", 32), ("sprite-r3", 32), ("sprite-flow-cpu", 32)])
def test_a_picture_depends_on_its_latent_alone(preset: str, size: int) -> None:
    """To the last byte, however many others are drawn beside it."""
    config = fit_data(load_preset(preset), size, 3)
    generator = build_generator(config)
    ready(generator, torch.device("cpu"))
    source = torch.Generator().manual_seed(4)
    for parameter in generator.parameters():  # What starts at zero would hide differences.
        if not parameter.any():
            parameter.copy_(torch.randn(parameter.shape, generator=source) * 0.05)
    if isinstance(generator, FlowGenerator):
        generator.steps = 3
    trained = Trained(generator, torch.ones(3), (), "raw", 1, config)
    whole = pictures(trained, 70, 5)
    for count in (1, 6, 36):
        assert np.array_equal(pictures(trained, count, 5), whole[:count])
    assert np.array_equal(named_pictures(trained, ["5/9"]), whole[9:10])


@pytest.mark.parametrize("count", [0, 1, 15, 16, 36, 64, 65, 100, 1000])
@pytest.mark.parametrize("most", [24, 64])
def test_batches_are_neither_large_nor_small(count: int, most: int) -> None:
    parts = batches(count, most)
    assert [n for part in parts for n in range(part.start, part.stop)] == list(range(count))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) <= max(most, 2 * LEAST - 1)
    assert min(sizes) >= min(count, LEAST)


def test_what_is_shown_first_fits_the_time() -> None:
    assert plan(1e-4, 36, None, None) == PreviewPlan(0, 36, 64)
    assert plan(1e-4, 36, 8, 1e-4).steps == 0  # All of it is soon drawn.
    assert plan(1.0, 36, 1, 1.0).steps == 0  # A flow of one step has nothing shorter.
    assert plan(3e-3, 36, None, None).drawn < 36  # Part by part.
    assert plan(9e-3, 36, None, 1.5e-3) == PreviewPlan(
        1, 36, plan(9e-3, 36, None, None).drawn
    )  # First all, less exactly.
    for seconds in (2e-4, 5e-4, 1.5e-3, 5e-3, 1.0):
        for found in (plan(seconds, 36, 32, seconds), plan(10 * seconds, 36, 32, seconds)):
            assert 1 <= found.steps <= MOST_STEPS
            assert found.steps * found.sketched * seconds <= BUDGET_S or (found.steps, found.sketched) == (1, 1)
    assert plan(5e-4, 36, 32, 5e-4).sketched == 36


class Asked:
    """A server of one model whose every step takes a second by its own clock, and what it sent."""

    def __init__(self, model: Model) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.cancel_after = 10**6
        self.model = model
        seconds = iter(range(10**6))
        model.clock = lambda: float(next(seconds))
        owner = self

        class Loaded(Models):
            def get(self, folder: Path, checkpoint: str | None) -> Model:
                return owner.model

        self.server = Server(Loaded(), lambda _n, meta, parts: self.sent.append((meta, parts)), self.is_cancelled)

    def is_cancelled(self, _number: int) -> bool:
        return len(self.sent) >= self.cancel_after

    def draw(self, count: int) -> list[tuple[dict[str, Any], list[bytes]]]:
        spots = [{"name": f"7/{index}"} for index in range(count)]
        self.sent.clear()
        self.server.answer(1, {"op": "draw", "model": {"folder": "."}, "spots": spots, "previews": True}, [])
        return self.sent


def flow_model() -> Model:
    config = small_config("sprite-flow-cpu", "flow.steps=4", channels=3)
    generator = build_generator(config).eval().requires_grad_(False)
    return Model(Trained(generator, torch.ones(3), (), "raw", 1, config), None)


def test_a_slow_flow_shows_previews_and_ends_with_what_sample_draws() -> None:
    model = flow_model()
    asked = Asked(model)
    for _ in range(6):
        model.sketches(torch.zeros(1, 1, model.latent), None, 1)
    *parts, (answer, blobs) = asked.draw(36)
    previews = [meta for meta, _ in parts if meta["preview"]]
    assert [n for meta in previews for n in range(meta["first"], meta["first"] + meta["shape"][0])] == list(range(36))
    assert [meta["all_shown"] for meta in previews] == [False] * (len(previews) - 1) + [True]
    final = [meta for meta, _ in parts if not meta["preview"]]
    assert final
    assert all(meta["all_shown"] for meta in final)
    assert parts[: len(previews)] == [part for part in parts if part[0]["preview"]]  # Previews come first.
    assert answer["done"]
    assert answer["shape"][0] == 36
    assert blobs[0] == pictures(model.trained, 36, 7).tobytes()
    assert len(blobs) == 37
    assert [len(own) for _, own in parts] == [1 + meta["shape"][0] for meta, _ in parts]


def test_a_wide_network_shows_sketches_and_ends_with_what_sample_draws() -> None:
    config = small_config("sprite-r3-cpu", channels=3)
    generator = build_generator(config)
    ready(generator, torch.device("cpu"))
    model = Model(Trained(generator, torch.ones(3), (), "raw", 1, config), None)
    model.half = True
    asked = Asked(model)
    for _ in range(6):
        model.pixels(torch.zeros(1, model.stages, model.latent))
        model.sketches(torch.zeros(100, model.stages, model.latent), None, 1)
    *parts, (answer, blobs) = asked.draw(36)
    sketched = [(meta, own) for meta, own in parts if meta["preview"]]
    assert [n for meta, _ in sketched for n in range(meta["first"], meta["first"] + meta["shape"][0])] == list(
        range(36)
    )
    assert sketched == parts[: len(sketched)]
    assert answer["done"]
    assert blobs[0] == pictures(model.trained, 36, 7).tobytes()
    shown = np.frombuffer(b"".join(own[0] for _, own in sketched), np.uint8).astype(int)
    assert 0 < np.abs(shown - np.frombuffer(blobs[0], np.uint8)).mean() < 3  # Levels of 255.


@pytest.mark.parametrize("gain", [0.2, 1.0, 20.0])
def test_sketches_in_bfloat16_are_chosen_where_they_are_quicker(monkeypatch: pytest.MonkeyPatch, gain: float) -> None:
    """By a clock that only drawing moves: `gain` times as far where the type is bfloat16."""
    now = [0.0]
    model = flow_model()
    model.clock = lambda: now[0]
    model.trained.generator.core.register_forward_pre_hook(
        lambda _m, given: now.__setitem__(0, now[0] + len(given[0]) * (gain if torch.is_autocast_enabled("cpu") else 1))
    )
    model.warm_up(36)
    assert model.half is (gain < 1)
    assert model.plan(36).steps == 1
    assert model.sketch_pace.seconds == pytest.approx(min(gain, 1.0))


def test_what_is_no_longer_wanted_ends_at_the_next_step() -> None:
    model = flow_model()
    passes: list[int] = []
    model.trained.generator.core.register_forward_pre_hook(lambda *_: passes.append(1))
    asked = Asked(model)
    asked.cancel_after = 0
    assert asked.draw(36) == [({"cancelled": True, "done": True}, [])]
    assert not passes
    for _ in range(6):
        model.sketches(torch.zeros(1, 1, model.latent), None, 1)
    asked.cancel_after = 1
    passes.clear()
    sent = asked.draw(36)
    assert sent[-1][0] == {"cancelled": True, "done": True}
    assert len(sent) == 2
    assert len(passes) == sent[0][0]["preview"]


def test_a_model_draws_what_sample_draws(run: RunDirectory) -> None:
    model = open_model(run.path)
    wanted = pictures(model.trained, 5, 7)
    z = latents(7, "sample", 5, model.latent)
    assert np.array_equal(model.pixels(model.staged(z)), wanted)
    assert model.stages == 4
    assert np.array_equal(model.pixels(model.staged(z.repeat(1, 4))), wanted)  # The same latent for every stage.
    with pytest.raises(TrainerError, match="takes 8"):
        model.staged(torch.zeros(1, 9))


def test_stages_are_mixed_coarse_to_fine(make_run: MakeRun) -> None:
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=1"))
    train_run(run)
    model = open_model(run.path)
    with torch.no_grad():  # Two steps teach little: let every stage matter.
        for parameter in model.trained.generator.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    z = model.staged(latents(7, "sample", 2, model.latent))
    mixed = [torch.cat([z[:1, :k], z[1:, k:]], 1) for k in range(5)]
    drawn = model.pixels(torch.cat(mixed)).astype(int)
    own = model.pixels(z).astype(int)
    assert np.abs(drawn[4] - own[0]).max() <= 1
    assert np.abs(drawn[0] - own[1]).max() <= 1
    assert np.abs(drawn[2] - own[0]).max() > 1
    assert np.abs(drawn[2] - own[1]).max() > 1


def test_what_a_generator_drew_is_found_again(planted: tuple[Model, torch.Tensor]) -> None:
    model, _ = planted
    z = 0.5 * latents(2, "sample", 1, LATENT)
    picture = model.pixels(model.staged(z))[0]
    told: list[tuple[int, int]] = []
    found = project(model, picture, report=lambda done, total, _error, _z: told.append((done, total)))
    assert found.error < 1
    assert np.abs(model.pixels(found.z[None])[0].astype(int) - picture.astype(int)).mean() < 1
    assert list(found.starts) == sorted(found.starts)
    assert told == sorted(told)
    assert torch.equal(project(model, picture).z, found.z)
    with pytest.raises(TrainerError, match="32x32x3"):
        project(model, picture[:16])


def test_a_projection_can_be_cancelled(planted: tuple[Model, torch.Tensor]) -> None:
    model, _ = planted

    class Stop(Exception):
        pass

    def report(done: int, _total: int, _error: float, _z: torch.Tensor) -> None:
        if done >= 10:
            raise Stop

    with pytest.raises(Stop):
        project(model, model.pixels(torch.zeros(1, 1, LATENT))[0], report=report)


def test_the_nearest_pictures_are_found_and_copies_named(make_run: MakeRun) -> None:
    run = make_run("r", small_config("sprite-r3-cpu"), count=48, split=["train"] * 40 + ["held-out"] * 8)
    real = shapes(48, 3)
    neighbours = Neighbours(run)
    training, held_out = neighbours.nearest(real[11], 5)
    assert (training[0].row, training[0].mirrored, training[0].held_out) == (11, False, False)
    assert training[0].distance < 1e-2
    assert [one.distance for one in training] == sorted(one.distance for one in training)
    assert all(one.row >= 40 and one.held_out for one in held_out)
    lopsided = next(i for i in range(40) if np.abs(real[i].astype(int) - real[i][:, ::-1]).mean() > 10)
    turned = real[lopsided][:, ::-1].copy()
    found = neighbours.nearest(turned, 1)[0][0]
    assert (found.row, found.mirrored, found.distance < 1) == (lopsided, True, True)
    assert np.array_equal(found.pixels, turned)
    noise = np.random.default_rng(0).integers(0, 255, (1, 32, 32, 3), dtype=np.uint8)
    assert neighbours.copies(np.concatenate([real[:2], noise])).tolist() == [True, True, False]


def test_classes_stay_those_of_samples(make_run: MakeRun) -> None:
    config = small_config("sprite-r3-cpu", "stop.iterations=1", "data.condition=a,b")
    run = make_run("r", config, tags=[["ab"[i % 2]] for i in range(24)])
    train_run(run)
    model = open_model(run.path)
    z, labels = latents(1, "sample", 6, model.latent), torch.arange(6) % 3
    assert np.array_equal(model.pixels(model.staged(z), labels), pictures(model.trained, 6, 1))
    assert directions.sefa(model, 3).vectors.shape == (3, 8)
    assert directions.pca(model, 3).vectors.shape == (3, 8)


@pytest.mark.parametrize("preset", ["dcgan", "gandam-step-2-dense-64", "sprite-r3"])
def test_every_family_has_directions(make_run: MakeRun, preset: str) -> None:
    run = make_run("r", small_config(preset, "stop.iterations=1"))
    train_run(run)
    model = open_model(run.path)
    found = directions.sefa(model, 4)
    assert found.vectors.shape == (4, model.latent)
    assert found.vectors.norm(dim=1) == pytest.approx(np.ones(4), abs=1e-5)


# Models from elsewhere


def test_an_exported_model_draws_the_same(run: RunDirectory, tmp_path: Path) -> None:
    trained = load_trained(run)
    export(trained, tmp_path / "model", ("safetensors",))
    model = open_model(tmp_path / "model")
    assert np.array_equal(pictures(model.trained, 3, 1), pictures(trained, 3, 1))
    assert model.facts()["compares"] is False


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"{sys.executable} -c \"open({str(self.mark)!r}, 'w')\"",)


def hostile(kind: str, good: Path, mark: Path) -> None:
    weights = good / "generator.safetensors"
    if kind == "pickle":
        weights.write_bytes(pickle.dumps(Evil(mark)))
    elif kind == "zip":
        with zipfile.ZipFile(weights, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Evil(mark)))
            archive.writestr("archive/version", "3")
    elif kind == "torch":
        torch.save({"a": Evil(mark)}, weights)
    elif kind == "long header":
        weights.write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
    elif kind == "lying header":
        head = json.dumps({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
        weights.write_bytes(struct.pack("<Q", len(head)) + head)
    elif kind == "other network":
        from safetensors.torch import save_file

        save_file({"core.a": torch.zeros(3)}, weights)
    elif kind == "only pickles":
        weights.unlink()
        torch.save({"a": Evil(mark)}, good / "generator.pt")
    elif kind == "config":
        told = json.loads((good / "generator.json").read_text())
        told["config"]["architecture"]["kind"] = "__import__('os')"
        (good / "generator.json").write_text(json.dumps(told))
    elif kind == "too large":
        told = json.loads((good / "generator.json").read_text())
        told["config"]["architecture"]["generator_channels"] = [10**6] * 4
        (good / "generator.json").write_text(json.dumps(told))
    else:
        raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind", ["pickle", "zip", "torch", "long header", "lying header", "other network", "only pickles", "config",
             "too large"],
)  # fmt: skip
def test_hostile_models_are_one_line_and_run_nothing(run: RunDirectory, tmp_path: Path, kind: str) -> None:
    export(load_trained(run), tmp_path / "model", ("safetensors",))
    mark = tmp_path / "it ran"
    hostile(kind, tmp_path / "model", mark)
    with pytest.raises(TrainerError) as told:
        open_model(tmp_path / "model")
    assert "\n" not in str(told.value)
    assert not mark.exists()
    if kind == "other network":
        assert "sprite network at 32 px" in str(told.value)


def test_a_network_that_its_file_does_not_hold_takes_no_memory(run: RunDirectory, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    trained = load_trained(run)
    export(trained, tmp_path / "model", ("safetensors",))
    about = json.loads((tmp_path / "model" / "generator.json").read_text())
    config = json.loads(run.config_path.read_text())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    about["config"]["architecture"]["discriminator_channels"] = [1024] * 4
    (tmp_path / "model" / "generator.json").write_text(json.dumps(about))
    open_model(tmp_path / "model")  # It holds no discriminator, so none is needed.
    about["config"]["architecture"]["generator_channels"] = config["architecture"]["generator_channels"] = [1024] * 4
    (tmp_path / "model" / "generator.json").write_text(json.dumps(about))
    with pytest.raises(TrainerError):
        open_model(tmp_path / "model")
    run.config_path.write_text(json.dumps(config))
    with pytest.raises(TrainerError):
        open_model(run.path)
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 100 << 20


@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "model.zip"])
def test_a_file_is_no_model(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "it ran"
    (tmp_path / name).write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(TrainerError, match="can run code"):
        open_model(tmp_path / name)
    assert not mark.exists()


def test_variations_have_names(run: RunDirectory, tmp_path: Path) -> None:
    told = CliRunner().invoke(main, [
        "sample", str(run.path), "--out", str(tmp_path / "a.png"), "--json", "--latent", "7/3~0.25/5",
        "--latent", "7/3",
    ])  # fmt: skip
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["seeds"] == ["7/3~0.25/5", "7/3"]


def test_samples_say_which_version_was_learned_from(make_run: MakeRun, tmp_path: Path) -> None:
    digest = "ab" * 32
    config = small_config("sprite-r3-cpu", "stop.iterations=1")
    made = make_run("r", dataclasses.replace(config, origin=dataclasses.replace(config.origin, manifest=digest)))
    train_run(made)
    drawn(made, tmp_path / "a.png", "--count", "1")
    assert json.loads(Image.open(tmp_path / "a.png").text["gandam"])["manifest"] == digest


def drawn(run: RunDirectory, out: Path, *words: str) -> dict[str, object]:
    told = CliRunner().invoke(main, ["sample", str(run.path), "--out", str(out), "--json", *words])
    assert told.exit_code == 0, told.output
    values: dict[str, object] = json.loads(told.output)
    return values


def test_variations_and_truncation_are_those_of_the_latents(run: RunDirectory, tmp_path: Path) -> None:
    model = open_model(run.path)
    z = latents(7, "sample", 3, model.latent)
    facts = drawn(run, tmp_path / "s", "--singly", "--count", "2", "--around", "7/2", "--radius", "0.4")
    assert facts["seeds"] == ["7/2~0.4/0", "7/2~0.4/1"]
    wanted = model.pixels(model.staged(around(z[2], 0.4, 0, 2)))
    found = [np.asarray(Image.open(tmp_path / "s" / f"0000{i}.png")) for i in range(2)]
    assert np.array_equal(np.stack(found), wanted)
    facts = drawn(run, tmp_path / "t", "--singly", "--count", "3", "--seed", "7", "--truncation", "0.5")
    assert facts["truncation"] == 0.5
    found = [np.asarray(Image.open(tmp_path / "t" / f"0000{i}.png")) for i in range(3)]
    assert np.array_equal(np.stack(found), model.pixels(model.staged(z / 2)))
    assert json.loads(Image.open(tmp_path / "t" / "00000.png").text["gandam"])["truncation"] == 0.5


def test_samples_that_copy_are_left_out(make_run: MakeRun, tmp_path: Path) -> None:
    """The training pictures are the run's own first samples, so those are copies, and no others need be."""
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=1"))
    train_run(run)
    trained = load_trained(run)
    with torch.no_grad():
        for parameter in trained.generator.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    average = draw_pictures(trained.generator, torch.zeros(1, 8), trained.fill)
    np.save(run.dataset_path, np.concatenate([pictures(trained, 23, 0), average]))
    wanted = Wanted(copies_out=True)
    drawn, names, left_out = wanted_pictures(run, trained, 10, 0, wanted)
    assert left_out >= 23
    assert len(names) == len(drawn) == 10
    assert not {f"0/{i}" for i in range(23)} & set(names)
    assert not Neighbours(run).copies(drawn).any()
    assert names == sorted(names, key=lambda name: int(name.split("/")[1]))
    first = int(names[-1].split("/")[1]) + 1
    assert first == left_out + 10  # Everything up to the last one was either kept or a copy.
    with pytest.raises(TrainerError, match="copy a training picture"):
        wanted_pictures(run, trained, 1, 0, Wanted(truncation=0.0, copies_out=True))
