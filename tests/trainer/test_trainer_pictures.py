"""Data sets, alpha, augmentation, sampling, walks and exports."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import shapes, small_config

from trainer.augmentation import AugmentParams, adapted, augment, draw_augmentation
from trainer.dataset import OTHER, load_training_set, over_background, to_pixels
from trainer.export import export
from trainer.features import RandomFeatures
from trainer.fresh_pictures import FreshPictures
from trainer.grids import grid_shape, tile
from trainer.interpolate import interpolate
from trainer.kid import Reference, kid
from trainer.latent_space import slerp, walk
from trainer.protocol import files, untrusted
from trainer.protocol.errors import TrainerError
from trainer.protocol.measured import JUDGE
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.settings import Augmentation
from trainer.randomness import generator, latents
from trainer.sampling import load_trained, pictures, save_sample
from trainer.train_run import train_run

MakeRun = Callable[..., RunDirectory]
CPU = torch.device("cpu")


@pytest.fixture
def trained_run(make_run: MakeRun) -> RunDirectory:
    run = make_run("r", small_config("sprite-r3-cpu", "stop.iterations=2", channels=4))
    train_run(run)
    return run


def test_pixels_survive_the_way_there_and_back() -> None:
    pixels = np.arange(2 * 8 * 8 * 3, dtype=np.uint32).reshape(2, 8, 8, 3).astype(np.uint8)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert np.array_equal(to_pixels(x, torch.ones(3)), pixels)


def test_invisible_colours_teach_nothing_and_visible_ones_survive() -> None:
    fill = torch.tensor([1.0, 1.0, 1.0, -1.0])
    hidden = torch.full((1, 4, 2, 2), -1.0)
    assert torch.equal(over_background(hidden, fill)[:, :3], torch.ones(1, 3, 2, 2))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 4)).astype(np.uint8)
    pixels[..., 3] = np.maximum(pixels[..., 3], 64)
    x = over_background(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, fill)
    back = to_pixels(x, fill)
    assert np.abs(back.astype(int) - pixels.astype(int)).max() <= 2


def test_held_out_pictures_are_never_trained_on(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan"), split=["held-out" if i % 6 == 0 else "train" for i in range(24)])
    data = load_training_set(run, run.config(), CPU)
    assert len(data.train) == 20
    assert data.held_out.tolist() == [0, 6, 12, 18]
    halved = small_config("pokesprite-overfit-128", "data.subset=7")
    run = make_run("s", halved)
    data = load_training_set(run, halved, CPU)
    assert len(data.train) == 7
    assert all(row % 2 == 0 for row in data.train.tolist())
    assert len(data.held_out) == 12
    assert load_training_set(run, halved, CPU).train.tolist() == data.train.tolist()


def test_relatives_of_training_pictures_are_not_held_out(make_run: MakeRun) -> None:
    config = small_config("pokesprite-overfit-128", "data.subset=0")
    related = ["a", "a", *[""] * 20, "b", "b"]
    data = load_training_set(make_run("r", config, family=related), config, CPU)
    assert data.train.tolist() == list(range(0, 24, 2))
    assert data.held_out.tolist() == list(range(3, 22, 2))


def test_tags_become_classes(make_run: MakeRun) -> None:
    config = small_config("dcgan", "data.condition=left,right")
    tags = [["left"], ["right", "red"], ["blue"]] * 8
    data = load_training_set(make_run("r", config, tags=tags), config, CPU)
    assert data.class_names == ("left", "right", OTHER)
    assert data.labels[:4].tolist() == [0, 1, 2, 0]
    with pytest.raises(TrainerError, match="no picture has the tag 'right'"):
        load_training_set(make_run("s", config, tags=[["left"]] * 24), config, CPU)


def test_a_conditional_run_trains_and_draws_the_class_asked_for(make_run: MakeRun) -> None:
    config = small_config("sprite-r3-cpu", "data.condition=left,right", "stop.iterations=2")
    run = make_run("r", config, tags=[["left"], ["right"], []] * 8)
    train_run(run)
    trained = load_trained(run)
    left, right = (pictures(trained, 3, 1, tag) for tag in ("left", "right"))
    assert not np.array_equal(left, right)
    with pytest.raises(TrainerError, match="no class 'up'; its classes are left, right"):
        pictures(trained, 3, 1, "up")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"split": ["train"]}, "split must have one entry for each of the 24"),
        ({"weights": [0.0] * 24}, "weight that is not a number above 0"),
        ({"background": [1, 2]}, "three numbers"),
        ({"sha256": "0" * 64}, "digest"),
        ({"split": ["held-out"] * 24}, "0 pictures to train on"),
    ],
)
def test_a_bad_data_set_is_refused_in_one_line(make_run: MakeRun, facts: dict, message: str) -> None:
    run = make_run("r", small_config("dcgan"), **facts)
    with pytest.raises(TrainerError, match=message) as caught:
        train_run(run)
    assert caught.value.cause == "data"
    assert (run.state().state, run.state().cause) == ("failed", "data")


def test_a_data_set_of_another_size_or_kind_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", small_config("dcgan", channels=4))
    with pytest.raises(TrainerError, match=r"32x32 with 4 channels, but config\.json says 32x32 with 3"):
        load_training_set(run, small_config("dcgan"), CPU)
    files.write_bytes(run.dataset_path, b"\x93NUMPY nonsense")
    with pytest.raises(TrainerError, match=r"cannot read dataset\.npy"):
        load_training_set(run, run.config(), CPU)


def test_a_shift_is_exact_and_filled_with_the_background() -> None:
    x = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
    fill = torch.tensor([7.0, 8.0, 9.0])
    moved = augment(x, AugmentParams(shift=torch.tensor([[1, 0], [0, -2]])), fill)
    assert torch.equal(moved[0, :, 1:], x[0, :, :-1])
    assert torch.equal(moved[0, :, 0], fill[:, None].expand(3, 4))
    assert torch.equal(moved[1, :, :, :2], x[1, :, :, 2:])
    assert torch.equal(moved[1, :, :, 2:], fill[:, None, None].expand(3, 4, 2))


def test_shifts_reach_as_far_in_all_directions() -> None:
    changes = draw_augmentation(Augmentation(translation=0.125), 4_000, 32, 1.0, generator(0, "test"))
    assert changes is not None
    for direction in changes.shift.T:
        values, counts = direction.unique(return_counts=True)
        assert values.tolist() == list(range(-4, 5))
        assert counts.min() > 0.8 * 4_000 / 9


def test_every_change_can_be_differentiated_twice_and_turned_off() -> None:
    settings = Augmentation(translation=0.2, brightness=0.3, saturation=0.4, contrast=0.2, cutout=0.3, rotation=True)
    x = torch.rand(3, 4, 8, 8, dtype=torch.float32).requires_grad_()
    changes = draw_augmentation(settings, 3, 8, 1.0, generator(0, "test"))
    assert changes is not None
    (slope,) = torch.autograd.grad(augment(x, changes, torch.zeros(4)).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert torch.isfinite(x.grad).all()
    never = draw_augmentation(settings, 3, 8, 0.0, generator(0, "test"))
    assert torch.allclose(augment(x, never, torch.zeros(4)), x, atol=1e-6)
    assert draw_augmentation(Augmentation(), 3, 8, 1.0, generator(0, "test")) is None


def test_the_adaptive_rule_rises_falls_and_stops_at_its_ceiling() -> None:
    settings = Augmentation(adaptive=True)
    assert adapted(0.1, 0.9, settings, 5_000) == pytest.approx(0.11)
    assert adapted(0.1, 0.1, settings, 5_000) == pytest.approx(0.09)
    assert adapted(0.0, 0.1, settings, 5_000) == 0.0
    assert adapted(0.8, 0.9, settings, 5_000) == 0.8


@pytest.mark.parametrize(("count", "shape"), [(32, (4, 8)), (64, (8, 8)), (16, (4, 4)), (7, (3, 3)), (50, (5, 10))])
def test_grids_are_near_square(count: int, shape: tuple[int, int]) -> None:
    assert grid_shape(count) == shape
    sheet = tile(shapes(count, 3))
    assert sheet.shape == (shape[0] * 32, shape[1] * 32, 3)
    assert np.array_equal(sheet[:32, 32:64], shapes(count, 3)[1])


def test_empty_cells_of_a_grid_are_white_and_clear() -> None:
    empty = tile(shapes(7, 4))[64:, 32:]
    assert empty.shape == (32, 64, 4)
    assert (empty[..., :3] == 255).all()
    assert not empty[..., 3].any()


def test_samples_are_repeatable_uncurated_and_record_their_seeds(trained_run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "new" / "grid.png"
    facts = save_sample(trained_run, 6, 42, out)
    assert facts["seeds"] == [f"42/{i}" for i in range(6)]
    with Image.open(out) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (96, 64))
        assert json.loads(picture.text["gandam"])["seed"] == 42
    trained = load_trained(trained_run)
    assert np.array_equal(pictures(trained, 6, 42)[:3], pictures(trained, 3, 42))
    assert not np.array_equal(pictures(trained, 3, 42), pictures(trained, 3, 43))
    singly = save_sample(trained_run, 3, 1, tmp_path / "each", singly=True)
    assert sorted(p.name for p in (tmp_path / "each").iterdir()) == [
        "00000.png",
        "00001.png",
        "00002.png",
        "seeds.json",
    ]
    assert singly["count"] == 3
    assert load_trained(trained_run, "raw").weights == "raw"
    with pytest.raises(TrainerError, match=r"no checkpoint of iteration 99; there are: 2"):
        load_trained(trained_run, iteration=99)


def test_a_sample_replaces_nothing_unless_told_to(trained_run: RunDirectory, tmp_path: Path) -> None:
    out, folder = tmp_path / "grid.png", tmp_path / "each"
    out.write_text("mine")
    folder.mkdir()
    save_sample(trained_run, 1, 1, folder, singly=True)  # An empty folder is in nobody's way.
    for target, singly, why in ((out, False, "exists"), (folder, True, "exists"), (folder, False, "is a folder")):
        with pytest.raises(TrainerError, match=why):
            save_sample(trained_run, 2, 1, target, singly=singly)
    assert out.read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == ["00000.png", "seeds.json"]
    save_sample(trained_run, 2, 1, out, force=True)
    save_sample(trained_run, 2, 1, folder, singly=True, force=True)
    with Image.open(out) as picture:
        assert picture.size == (64, 32)
    assert len(list(folder.iterdir())) == 3


def test_a_walk_starts_at_its_points_and_keeps_their_length() -> None:
    points = latents(3, "sample", 3, 64)
    path = walk(points, 8)
    assert path.shape == (24, 64)
    assert torch.allclose(path[::8], points, atol=1e-5)
    lengths = path.norm(dim=1)
    assert float(lengths.min()) > 0.95 * float(points.norm(dim=1).min())
    assert torch.allclose(slerp(points[0], points[0], torch.tensor([0.5]))[0], points[0], atol=1e-5)


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".png"])
def test_walks_are_written_whole(suffix: str, trained_run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / f"walk{suffix}"
    facts = interpolate(load_trained(trained_run), out, seed=1, points=3, steps=4, scale=2)
    assert facts["frames"] == 12
    if suffix == ".mp4":
        import cv2

        video = cv2.VideoCapture(str(out))
        assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 12
        video.release()
    else:
        with Image.open(out) as picture:
            assert picture.size == ((64, 64) if suffix == ".gif" else (128, 96))
    assert [p.name for p in tmp_path.glob(".walk*")] == []
    with pytest.raises(TrainerError, match="must end in"):
        interpolate(load_trained(trained_run), tmp_path / "walk.avi", 1, 3, 4)


@pytest.mark.parametrize("preset", ["dcgan", "sprite-r3-cpu"])
def test_exports_draw_the_same_pictures(preset: str, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("r", small_config(preset, "stop.iterations=2"))
    train_run(run)
    facts = export(load_trained(run), tmp_path / "out", ("safetensors", "torchscript"))
    assert set(facts["files"]) == {"generator.safetensors", "generator.pt"}
    assert max(facts["files"].values()) < 1e-3
    assert untrusted.read_json(tmp_path / "out" / "generator.json")["output"] == ["batch", 3, 32, 32]
    with pytest.raises(TrainerError, match="unknown format 'pdf'"):
        export(load_trained(run), tmp_path / "out", ("pdf",))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # The exporter's own dependencies warn at import.
@pytest.mark.parametrize("preset", ["dcgan", "sprite-r3-cpu", "gandam-part-1"])
def test_onnx_draws_the_same_pictures(preset: str, make_run: MakeRun, tmp_path: Path) -> None:
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")):
        pytest.skip("the export extra is not installed")
    run = make_run("r", small_config(preset, "stop.iterations=2"))
    train_run(run)
    facts = export(load_trained(run), tmp_path / "out", ("onnx",))
    assert facts["files"]["generator.onnx"] < 1e-3


def test_kid_knows_the_same_from_the_other() -> None:
    source = torch.Generator().manual_seed(0)
    x, same = torch.randn(2, 400, 32, generator=source, dtype=torch.float64)
    other = torch.randn(400, 32, generator=source, dtype=torch.float64) + 0.5
    noise = [kid(*torch.randn(2, 200, 32, generator=source, dtype=torch.float64)) for _ in range(20)]
    spread = float(np.std(noise))
    assert abs(kid(x, same)) < 4 * spread
    assert kid(x, other) > 20 * spread


def test_kid_of_random_features_sees_blur_noise_and_collapse() -> None:
    network = RandomFeatures()
    real, fresh = shapes(200, 3, seed=1), shapes(200, 3, seed=2)
    reference = Reference.of(network(real))
    floor = abs(reference.kid(network(fresh)))
    noisy = np.clip(fresh + np.random.default_rng(0).normal(0, 20, fresh.shape), 0, 255).astype(np.uint8)
    assert reference.kid(network(noisy)) > 5 * floor
    assert reference.kid(network(np.repeat(fresh[:4], 50, 0))) > 5 * floor


def test_every_run_reports_both_grids_and_a_metric(make_run: MakeRun) -> None:
    config = small_config("sprite-r3-cpu", "stop.iterations=4", "sampling.every=4")
    run = make_run("r", config, count=80, split=["train", "held-out"] * 40)
    train_run(run)
    events = run.events().read()
    kinds = [event.kind for event in events]
    assert [e.iteration for e in events if e.kind == "samples_saved"] == [0, 1, 2, 4]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"
    metric = next(event for event in events if event.kind == "metric_measured")
    assert (metric.name, metric.values["against"]) == ("kid", "held-out")
    measured = [event.iteration for event in events if event.kind == "metric_measured"]
    assert measured[-1] == 4, "the last pictures, whatever was spent on measuring"
    best = load_trained(run, iteration="best")
    assert best.iteration in [e.iteration for e in events if e.kind == "metric_measured"]
    assert load_preset("sprite-r3-cpu").ema.enabled
    assert best.weights == "ema"


def test_the_best_moment_is_measured_again_and_luck_does_not_count(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First values fall by chance at every moment; measured again, only the second moment is better."""
    first, again = iter([5.0, 4.0, 3.0, 2.0, 1.0]), iter([6.0, 3.0, 4.0, 3.5, 3.1])
    lucky: list[bool] = []

    def kid(_reference: Reference, features: torch.Tensor) -> float:
        return next(again if features.sum() < 0 else first)

    monkeypatch.setattr(Reference, "kid", kid)
    monkeypatch.setattr(FreshPictures, "features", lambda _self: torch.ones(1))
    monkeypatch.setattr(FreshPictures, "features_anew", lambda _self: lucky.append(True) or -torch.ones(1))
    monkeypatch.setattr("trainer.meters.SHARE", 1e9)
    config = small_config("sprite-r3-cpu", "stop.iterations=5", "sampling.every=1")
    run = make_run("r", config, count=80, split=["train", "held-out"] * 40)
    train_run(run)
    told = [event for event in run.events().read() if event.kind == "metric_measured"]
    assert [event.value for event in told if event.name == "kid"] == [5.0, 4.0, 3.0, 2.0, 1.0]
    assert [event.value for event in told if event.name == "kid_best"] == [6.0, 3.0]
    assert len(lucky) == 4, "a value that is not lower is not measured again"
    assert load_trained(run, iteration="best").iteration == 2


def test_a_best_moment_by_other_features_does_not_count(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an update of the program: the old value is lower, and says nothing about the new ones."""
    values = iter([0.5, 0.5, 9.0, 8.0, 7.0, 7.5])
    monkeypatch.setattr(Reference, "kid", lambda *_: next(values))
    monkeypatch.setattr("trainer.meters.SHARE", 1e9)
    monkeypatch.setattr(RandomFeatures, "name", "older-features")
    config = small_config("sprite-r3-cpu", "stop.iterations=3", "sampling.every=1", "diagnostics.enabled=false")
    run = make_run("r", config, count=80, split=["train", "held-out"] * 40)
    with monkeypatch.context() as older:
        older.setattr("trainer.fresh_pictures.feature_space", RandomFeatures)
        train_run(run, limits=["stop.iterations=1"])
    assert load_trained(run, iteration="best").iteration == 1
    train_run(run, limits=["stop.iterations=3"])
    told = [event for event in run.events().read() if event.kind == "metric_measured"]
    assert [(event.name, event.value, event.features) for event in told] == [
        ("kid", 0.5, "older-features"), ("kid_best", 0.5, "older-features"),
        ("kid", 9.0, JUDGE), ("kid_best", 8.0, JUDGE), ("kid", 7.0, JUDGE), ("kid_best", 7.5, JUDGE),
    ]  # fmt: skip
    assert load_trained(run, iteration="best").iteration == 3
