"""The quality benchmark holds out pictures that are not in training, nor their relatives."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.dataset import TrainingSet
from trainer.device import Machine
from trainer.diagnostics.diagnose import Diagnostics
from trainer.real_sides import real_sides


@pytest.fixture
def benchmark_script(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = repository / "tests" / "benchmarks"
    monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location("trainer_quality", folder / "trainer_quality.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(module)
    yield module
    for name in ("peers", "gan_peers", "flow_peers"):
        sys.modules.pop(name, None)


def test_no_family_of_the_bundled_mechas_and_no_twin_is_on_both_sides(benchmark_script: ModuleType) -> None:
    pixels, families = benchmark_script.read(benchmark_script.BUNDLED)
    assert len(pixels) == len(families) == 600
    assert all(families)
    held_out, train, kin = benchmark_script.split(pixels, families)
    assert sorted([*held_out.tolist(), *train.tolist()]) == list(range(600))
    assert 120 <= len(held_out) <= 130
    sides = [{families[row] for row in rows.tolist()} for rows in (held_out, train)]
    assert not sides[0] & sides[1]
    looks = [
        {picture.tobytes() for row in rows.tolist() for picture in (pixels[row], pixels[row][:, ::-1])}
        for rows in (held_out, train)
    ]
    assert not looks[0] & looks[1]
    assert len(kin.unique()) == len({*families})


def test_without_families_it_is_the_plain_random_split(benchmark_script: ModuleType) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
    held_out, train, kin = benchmark_script.split(pixels, [""] * 50)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    assert torch.equal(held_out, order[:10])
    assert torch.equal(train, order[10:])
    assert torch.equal(kin, torch.arange(50))


def test_a_chain_of_kinships_stays_together(benchmark_script: ModuleType) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    families = [""] * 20
    families[0] = families[1] = "a"
    pixels[2] = pixels[1][:, ::-1]
    families[2] = families[3] = "b"
    held_out, train, kin = benchmark_script.split(pixels, families)
    assert kin.tolist() == [0, 0, 0, 0, *range(4, 20)]
    for rows in (held_out, train):
        assert len({0, 1, 2, 3} & set(rows.tolist())) in (0, 4)


def test_copies_are_looked_for_with_the_families_known(benchmark_script: ModuleType) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    families = [f"family {row // 3}" for row in range(60)]
    judge = Diagnostics(*real_sides(benchmark_script.training_set(pixels, families)), 16)
    assert judge.families == 16  # A fifth of the twenty is held out.


def test_balanced_families_count_as_one_picture_each(benchmark_script: ModuleType) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    families = ["large"] * 20 + [""] * 40
    data = benchmark_script.training_set(pixels, families, balance=True)
    assert data.weights is not None
    weights = dict(zip(data.train.tolist(), data.weights.tolist(), strict=True))
    assert {row: weight for row, weight in weights.items() if row >= 20} == {row: 1.0 for row in weights if row >= 20}
    assert sum(weight for row, weight in weights.items() if row < 20) in (0, pytest.approx(1))
    assert benchmark_script.training_set(pixels, families).weights is None


def test_a_run_with_classes_draws_each_as_often_as_it_learns_it(benchmark_script: ModuleType) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (80, 32, 32, 3), dtype=np.uint8)
    classes = ["a"] * 60 + ["b"] * 20
    data = benchmark_script.told(benchmark_script.training_set(pixels, [""] * 80), classes)
    config = benchmark_script.with_classes(benchmark_script.configurations(240.0, 0, [])["sprite-r3-cpu"], data)
    one = benchmark_script.Ours(config, data, Machine(torch.device("cpu"), channels_last=True))
    one.step()
    asked: list[torch.Tensor] = []
    one.session.sampler.register_forward_pre_hook(lambda _network, given: asked.append(given[1]))
    assert one.draw(64).shape == (64, 32, 32, 3)
    learned = int((data.labels[data.train] == 0).sum())
    assert abs(int((torch.cat(asked) == 0).sum()) - 64 * learned / 64) <= 1


def flow_and_gan(script: ModuleType) -> dict[str, Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (80, 32, 32, 3), dtype=np.uint8)
    data, machine = script.training_set(pixels, [""] * 80), Machine(torch.device("cpu"), channels_last=True)
    configured = script.configurations(240.0, 0, [])
    return {name: script.Ours(configured[name], data, machine) for name in ("sprite-flow-cpu", "sprite-r3-cpu")}


def test_contenders_are_given_the_seconds_of_the_clock_that_is_asked(benchmark_script: ModuleType) -> None:
    now = [0.0]

    class Slow:
        seconds, steps = 0.0, 0

        def __init__(self, takes: float) -> None:
            self.takes = takes

        def step(self) -> None:
            now[0] += self.takes
            self.steps += 1

    contenders = {"quick": Slow(0.25), "slow": Slow(2.0)}
    benchmark_script.train_turns(contenders, 7.0, lambda: now[0])
    assert [(one.steps, one.seconds) for one in contenders.values()] == [(28, 7.0), (4, 8.0)]


def test_on_a_card_its_presets_and_pictures_there(benchmark_script: ModuleType) -> None:
    assert list(benchmark_script.configurations(60.0, 0, [], device="cuda"))[:2] == ["sprite-flow", "sprite-r3"]
    pixels = np.zeros((40, 32, 32, 3), np.uint8)
    there = torch.device("meta")
    data = benchmark_script.moved(benchmark_script.training_set(pixels, [""] * 40), there)
    assert (data.pixels.device, data.fill.device) == (there, there)

    class Shown(benchmark_script.Peer):  # type: ignore[misc, name-defined]
        def train(self) -> None:
            self.shown = next(self.batches)

        def sample(self, count: int) -> torch.Tensor:
            raise NotImplementedError

    peer = Shown(pixels, 0, there)
    peer.step()
    assert peer.shown.device == there


def test_a_flow_draws_in_other_ways_and_its_own_is_kept(benchmark_script: ModuleType) -> None:
    contenders = flow_and_gan(benchmark_script)
    flow = contenders["sprite-flow-cpu"]
    flow.step()
    draws = ["flow.solver=dpm-solver++;flow.steps=24", "flow.steps=2", "flow.solver=euler;flow.steps=2"]
    ways = benchmark_script.ways(contenders, draws)
    assert {name: list(of) for name, of in ways.items()} == {"sprite-flow-cpu": draws}
    passes: list[int] = []
    flow.session.sampler.core.register_forward_pre_hook(lambda _network, given: passes.append(len(given[0])))
    own, few, euler = (flow.draw(16, flow=way) for way in ways["sprite-flow-cpu"].values())
    assert passes == [16] * (24 + 2 + 2)
    assert (flow.draw(16) == own).all()
    assert not (few == euler).all()
    assert not (flow.draw(16, flow=ways["sprite-flow-cpu"]["flow.steps=2"], seed=8) == few).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("flow.steps=6;flow.clamp=0.1", "only changes how a trained flow draws: .*; not flow.clamp$"),
        ("flow.steps=0", "^--draw: flow.steps must be"),
        ("flow.stebs=6", "^--draw: there is no setting 'flow.stebs'"),
        ("flow.guidance=2", "^--draw: flow.guidance has no effect without classes"),
    ],
)
def test_other_ways_to_draw_do_not_change_the_training(benchmark_script: ModuleType, text: str, says: str) -> None:
    with pytest.raises(SystemExit, match=says):
        benchmark_script.ways(flow_and_gan(benchmark_script), [text])


def test_other_ways_to_draw_need_a_flow(benchmark_script: ModuleType) -> None:
    contenders = {"sprite-r3-cpu": flow_and_gan(benchmark_script)["sprite-r3-cpu"]}
    assert benchmark_script.ways(contenders, []) == {}
    with pytest.raises(SystemExit, match="needs a flow"):
        benchmark_script.ways(contenders, ["flow.steps=6"])


def test_ratios_are_of_seeds_and_have_an_interval(benchmark_script: ModuleType) -> None:
    assert benchmark_script.ratio([10.0, 20.0, 40.0], [20.0, 40.0, 80.0]) == "0.50 (0.50 to 0.50)"
    # Ratios of 1/2, 1 and 2: logs of -0.6931, 0 and 0.6931, whose interval is 4.303 * 0.6931 / sqrt(3) = 1.722 wide.
    assert benchmark_script.ratio([1.0, 3.0, 8.0], [2.0, 3.0, 4.0]) == "1.00 (0.18 to 5.60)"
    assert benchmark_script.ratio([1.0, -3.0, 8.0], [2.0, 3.0, 4.0]) == "-"
    assert benchmark_script.interval([1.0, 2.0, 3.0]) == "2 ± 2"


@pytest.mark.parametrize("size", [32, 64])
def test_the_programs_own_contenders_take_a_step_and_draw(benchmark_script: ModuleType, size: int) -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (80, size, size, 3), dtype=np.uint8))
    data = TrainingSet(pixels, torch.arange(64), torch.arange(64, 80), None, None, (), torch.ones(3))
    for config in benchmark_script.configurations(240.0, 0, [], size).values():
        one = benchmark_script.Ours(config, data, Machine(torch.device("cpu"), channels_last=True))
        one.step()
        assert (one.iterations, one.images) == (1, config.batch.size)
        assert one.draw(3).shape == (3, size, size, 3)


def test_families_come_from_the_named_column_and_the_key_colour_becomes_white(
    benchmark_script: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    rgb = np.full((16, 16, 3), (0, 0, 255), np.uint8)
    rgb[6:10, 4:12] = (255, 0, 0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rgb).save(folder / name)
    (tmp_path / "art.tsv").write_text("file\tdesign\na.png\tx\nb.png\ty\n", encoding="utf-8")
    wanted = np.full((64, 64, 3), 255, np.uint8)
    wanted[16:48] = (255, 0, 0)  # Eight by four pixels, as wide as the square now.
    pixels, families = benchmark_script.read(folder, 64, "design", key=True)
    assert families == ["x", "y"]
    assert (pixels == wanted).all()
    kept, _ = benchmark_script.read(folder, 64, "design")
    assert (kept[:, 0, 0] == (0, 0, 255)).all()
    with pytest.raises(SystemExit, match=r"no column family, but file, design"):
        benchmark_script.read(folder, 64)


def test_a_peer_sees_every_picture_in_turn_and_is_counted(benchmark_script: ModuleType) -> None:
    pixels = np.arange(33, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)

    class Seeing(benchmark_script.Peer):  # type: ignore[misc, name-defined]
        def __init__(self, seed: int) -> None:
            super().__init__(pixels, seed)
            self.seen: list[int] = []

        def train(self) -> None:
            batch = next(self.batches)
            assert batch.shape == (16, 3, 1, 1)
            self.seen += (batch[:, 0, 0, 0] * 255).round().int().tolist()

        def sample(self, count: int) -> torch.Tensor:
            return torch.linspace(-1, 2, count)[:, None, None, None].expand(count, 3, 1, 1)

    one, same, other = Seeing(1), Seeing(1), Seeing(2)
    for peer in (one, same, other):
        peer.step()
        peer.step()
    assert len(set(one.seen)) == 32
    assert one.seen == same.seen != other.seen
    assert (one.iterations, one.images) == (2, 32)
    drawn = one.draw(40)
    assert drawn.shape == (40, 1, 1, 3)
    assert (drawn.min(), drawn.max()) == (0, 255)


def test_a_grid_of_many_settings_has_a_name_that_files_may_have(benchmark_script: ModuleType):
    settings = ";".join(f"generator_channels={width},96,64,48" for width in range(64, 128))
    labels = (settings, f"{settings};seed=1", "sprite-flow-cpu", "a/b")
    names = {benchmark_script.file_name(label, 0) for label in labels}
    assert len(names) == 4
    assert {"sprite-flow-cpu-0", "a_b-0"} < names
    assert max(map(len, names)) < 200
