"""Every setting has an observable effect, or setting it is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_runs import small_config

from trainer import progress, session, training
from trainer.protocol import files
from trainer.protocol.config import TrainConfig, describe_fields, fit_data, flat
from trainer.protocol.effects import without_effect
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import RunWarning
from trainer.protocol.overrides import SettingRefused, apply_overrides, parse_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run

FAMILIES = {"gandam": "gandam-step-3-dense-256", "dcgan": "dcgan", "sprite": "sprite-r3", "unet": "sprite-flow"}
# From here every setting can be seen to do something within a few iterations.
PLAIN = [
    "batch.size=4", "stop.iterations=4", "sampling.every=2", "sampling.count=4", "objective.kind=bce",
    "objective.label_noise=0", "objective.shared_latents=no", "regulariser.kind=none", "regulariser.weight_end=-1",
    "augmentation.translation=0", "augmentation.brightness=0", "augmentation.saturation=0", "schedule.kind=constant",
    "schedule.beta2_end=0", "ema.enabled=no", "sampling.progress_every=1", "precision.winograd=auto", "device=auto",
]  # fmt: skip
PLAIN_FLOW = [
    "augmentation.probability=1", "optimiser.clip=0", "schedule.warmup=0", "sampling.snap=0", "flow.steps=2",
    "augmentation.after_views=0", "augmentation.contrast=0",
]  # fmt: skip
PENALTY = ["regulariser.kind=r1r2", "regulariser.weight=1", "regulariser.every=1"]
SHIFT = ["augmentation.translation=0.25"]
ADAPTIVE = [*SHIFT, "augmentation.adaptive=yes", "augmentation.target=-1"]
COSINE = ["schedule.kind=cosine", "schedule.end_factor=0.5"]
STEP = ["schedule.kind=step", "schedule.step_factor=0.5", "schedule.step_every=1"]
AVERAGE = ["ema.enabled=yes", "ema.ramp=1", "ema.half_life=1"]
NORMED = ["architecture.generator_norm=batch", "architecture.discriminator_norm=batch"]

SEEN: dict[str, str] = {}
"""What was observed of a configuration: many settings begin at the same one."""

# Setting -> (what it takes beside it, another value).
TRIED: dict[str, tuple[list[str], str]] = {
    "seed": ([], "5"),
    "data.size": ([], "64"),
    "data.channels": ([], "4"),
    "data.subset": ([], "4"),
    "data.every_other": ([], "yes"),
    "data.condition": ([], "a"),
    "architecture.latent": ([], "9"),
    "architecture.generator_base_channels": ([], "8"),
    "architecture.generator_dense": ([], "10"),
    "architecture.generator_channels": ([], "24,12,8,8"),
    "architecture.discriminator_channels": ([], "8,8,12,16"),
    "architecture.wide_channels": (["architecture.wide_from=1"], "12,9"),
    "architecture.wide_from": (["architecture.wide_channels=12,9"], "1"),
    "architecture.discriminator_dense": ([], "10"),
    "architecture.generator_norm": ([], "none,batch"),
    "architecture.discriminator_norm": ([], "none,batch"),
    "architecture.discriminator_norm_blocks": (NORMED, "1"),
    "architecture.norm_momentum": (NORMED, "0.9"),
    "architecture.norm_eps": (NORMED, "0.5"),
    "architecture.dense_activation": ([], "leaky,relu"),
    "architecture.dropout": ([], "0.5"),
    "architecture.modulation": ([], "yes"),
    "architecture.skips": ([], "yes,no"),
    "architecture.palette": ([], "8,4"),
    "architecture.colour_weight": ([], "3,2"),
    "architecture.minibatch_std": ([], "yes"),
    "architecture.blocks": ([], "2"),
    "objective.kind": ([], "hinge"),
    "objective.label_noise": ([], "0.3"),
    "objective.critic_steps": ([], "2"),
    "objective.shared_latents": ([], "yes"),
    "objective.separate_steps": ([], "yes,no"),
    "objective.fakes_batchnorm": (NORMED, "train,inference"),
    "flow.prediction": ([], "velocity"),
    "flow.loss": ([], "picture"),
    "flow.clamp": ([], "0.9"),
    "flow.time_mean": ([], "1"),
    "flow.time_spread": ([], "2"),
    "flow.grid_steps": ([], "3"),
    "flow.solver": (["flow.solver=euler"], "dpm-solver++"),
    "flow.class_drop": (["data.condition=a"], "1"),
    "flow.guidance": (["data.condition=a"], "3"),
    "regulariser.kind": (["regulariser.weight=1"], "gp"),
    "regulariser.weight": (PENALTY, "5"),
    "regulariser.weight_end": (PENALTY, "50"),
    "regulariser.every": (PENALTY, "2"),
    "augmentation.probability": (SHIFT, "0"),
    "augmentation.probability_end": (SHIFT, "0"),
    "augmentation.after_views": (SHIFT, "1000"),
    "augmentation.translation": ([], "0.25"),
    "augmentation.brightness": ([], "0.5"),
    "augmentation.saturation": ([], "0.5"),
    "augmentation.contrast": ([], "0.5"),
    "augmentation.cutout": ([], "0.5"),
    "augmentation.mirror": ([], "yes,no"),
    "augmentation.rotation": ([], "yes"),
    "augmentation.adaptive": (SHIFT, "yes"),
    "augmentation.target": (ADAPTIVE, "1"),
    "augmentation.ceiling": (ADAPTIVE, "0"),
    "optimiser.lr_g": ([], "0.02"),
    "optimiser.lr_d": ([], "0.02"),
    "optimiser.beta1": ([], "0.7"),
    "optimiser.beta2": ([], "0.5"),
    "optimiser.eps": ([], "0.5"),
    "optimiser.clip": ([], "1e-9"),
    "schedule.kind": (["schedule.step_factor=0.5", "schedule.step_every=1", "schedule.end_factor=0.5"], "cosine"),
    "schedule.cooldown": (["schedule.kind=cool-down", "schedule.end_factor=0.5"], "0.75"),
    "schedule.end_factor": (COSINE, "0.1"),
    "schedule.step_factor": (STEP, "0.1"),
    "schedule.step_every": (STEP, "2"),
    "schedule.beta2_end": (COSINE, "0.5"),
    "schedule.warmup": ([], "3"),
    "ema.enabled": (["ema.half_life=1"], "yes"),
    "ema.half_life": (AVERAGE, "1000"),
    "ema.ramp": (["ema.enabled=yes", "ema.half_life=1000"], "0.1,0"),
    "ema.post_hoc": ([], "yes"),
    "precision.kind": ([], "bf16"),
    "precision.channels_last": ([], "auto"),
    "precision.winograd": ([], "off"),
    "precision.threads": ([], "2"),
    "batch.size": ([], "8"),
    "batch.micro": ([], "2"),
    "batch.sampler": ([], "fixed"),
    "sampling.every": ([], "1"),
    "sampling.count": ([], "9"),
    "sampling.snap": ([], "127"),
    "sampling.checkpoint_every": ([], "1"),
    "sampling.keep": (["sampling.checkpoint_every=1"], "1"),
    "sampling.milestones": (["sampling.checkpoint_every=1", "sampling.keep=1"], "2"),
    "sampling.progress_every": ([], "3"),
    "stop.iterations": ([], "2"),
    "stop.minutes": ([], "1e-9"),
    "stop.images": ([], "9"),
}  # fmt: skip
ELSEWHERE = {
    "preset": "a name",
    "description": "a text",
    "device": "chooses the machine (test_trainer_folders, test_journey_refusals)",
    "processes": "shares the work with the same result (test_trainer_ranks)",
    "architecture.kind": "its lists have other lengths: every preset is built in test_trainer_networks",
    "architecture.base": "goes with the number of stages, as size does",
    "architecture.size": "names what the lists are for; refused where they do not fit (test_trainer_domains)",
    "architecture.patch": "goes with the number of stages, as size does (test_trainer_flow)",
    "flow.steps": "of samples that are drawn later (test_trainer_flow)",
    "precision.cuda_graphs": "there is no CUDA here; refused on a processor (below)",
    "precision.tf32": "there is no CUDA here; refused on a processor (below)",
    "sampling.checkpoint_minutes": "counts minutes (test_trainer_resume)",
    "diagnostics.enabled": "changes no weights (test_diagnosed_runs)",
    "diagnostics.share": "counts seconds (test_diagnosed_runs)",
    "diagnostics.on_alarm": "needs an alarm (test_diagnosed_runs)",
}


@pytest.fixture
def observed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[TrainConfig], str]]:
    """observed(config): a digest of everything that a short run writes, except times."""
    monkeypatch.setattr(session, "ADAPT_EVERY", 1)
    monkeypatch.setattr(progress, "WRITE_S", (0.0, 1e9))
    number = iter(range(100))

    def observe(config: TrainConfig) -> str:
        if (known := json.dumps(config.to_json())) in SEEN:
            return SEEN[known]
        name = f"r{next(number)}"
        torch.set_num_threads(1)
        run = made_run(tmp_path, name, config)
        train_run(run)
        found = hashlib.sha256(str(torch.get_num_threads()).encode())
        for path in sorted(path for path in run.path.rglob("*") if path.is_file()):
            if path.suffix in (".png", ".safetensors"):
                found.update(path.relative_to(run.path).as_posix().encode() + path.read_bytes())
            if path.name == "state.json":
                found.update(json.dumps(_timeless(json.loads(path.read_bytes())), sort_keys=True).encode())
        for line in run.events_path.read_text().splitlines():
            found.update(json.dumps(_timeless(json.loads(line)), sort_keys=True).encode())
        SEEN[known] = found.hexdigest()
        return SEEN[known]

    before = torch.get_num_threads()
    yield observe
    torch.set_num_threads(before)


def made_run(folder: Path, name: str, config: TrainConfig, count: int = 12) -> RunDirectory:
    """A run on `count` noise pictures, half of them tagged "a"."""
    size, channels = config.data.size, config.data.channels
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    np.save(folder / f"{name}.npy", pixels)
    facts = {"ids": [f"{i:064x}" for i in range(count)], "background": [255, 255, 255],
             "tags": [["a"] if i % 2 else [] for i in range(count)]}  # fmt: skip
    files.write_json(folder / f"{name}.json", facts)
    return RunDirectory.create(folder / name, config, folder / f"{name}.npy", folder / f"{name}.json")


def _timeless(value: Any) -> Any:
    """Remove what differs between repetitions of a run, and copies of the configuration."""
    # Of state.json, "winograd" says what was chosen, also where no layer can use it.
    skipped = {"wall_time", "time", "pictures_per_s", "eta_s", "memory_mb", "busy_percent", "trained_s", "share",
               "total_iterations", "saved_at", "winograd"}  # fmt: skip
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key not in skipped}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def with_value(config: TrainConfig, path: str, text: str) -> TrainConfig:
    """Set a value as if the file were edited by hand, without refusing values that have no effect."""
    values = config.to_json()
    section, _, name = path.rpartition(".")
    (values[section] if section else values)[name] = parse_overrides([f"{path}={text}"])[path]
    return TrainConfig.from_json(values)


def other_value(config: TrainConfig, path: str, tried: str) -> str:
    """Of two values "x,y", the one that `config` does not have; other texts are one value."""
    if path.endswith(("channels", "dense")) or "," not in tried:
        return tried
    return next(text for text in tried.split(",") if parse_overrides([f"{path}={text}"])[path] != flat(config)[path])


def test_every_setting_is_tried() -> None:
    settable = {info.path for info in describe_fields() if not info.path.startswith(("origin.", "extension."))}
    assert settable == TRIED.keys() | ELSEWHERE.keys()


def cases() -> Iterator[Any]:
    """Every setting in every family; settings unrelated to networks in one family only, as the others are slow."""
    for number, path in enumerate(sorted(TRIED)):
        for place, family in enumerate(FAMILIES):
            here = path.startswith(("architecture.", "objective.", "precision.w")) or place == number % len(FAMILIES)
            yield pytest.param(path, family, marks=() if here else pytest.mark.slow)


def before_and_after(path: str, family: str) -> tuple[TrainConfig, TrainConfig, bool] | None:
    """A configuration, the same with another value, and whether it is accepted; None if it does not apply."""
    beside, tried = TRIED[path]
    plain = small_config(FAMILIES[family])
    flow = family == "unet"
    always = [text for text in PLAIN if not (flow and text.startswith(("objective", "regulariser")))]
    try:
        for text in (*always, *(PLAIN_FLOW if flow else ()), *beside):
            plain = with_value(plain, *text.split("=", 1))
        changed = with_value(plain, path, text := other_value(plain, path, tried))
    except ValueError:  # These lists have other lengths in this family.
        return None
    try:
        apply_overrides(plain, [f"{path}={text}"])
    except SettingRefused as error:
        return plain, changed, error.path != path
    return plain, changed, True


@pytest.mark.parametrize(("path", "family"), list(cases()))
def test_a_setting_changes_something_or_is_refused(
    path: str, family: str, observed: Callable[[TrainConfig], str]
) -> None:
    found = before_and_after(path, family)
    if found is not None:
        plain, changed, accepted = found
        assert (observed(plain) != observed(changed)) == accepted


@pytest.mark.parametrize("path", sorted(TRIED))
def test_every_setting_has_an_effect_somewhere(path: str) -> None:
    found = [before_and_after(path, family) for family in FAMILIES]
    assert any(case and case[2] for case in found)


@pytest.mark.parametrize(
    ("preset", "words", "named"),
    [
        ("sprite-r3", ["architecture.dropout=0.3"], "architecture.dropout"),
        ("dcgan", ["architecture.base=2"], "architecture.base"),
        ("dcgan", ["regulariser.kind=gp"], "regulariser.kind"),
        ("dcgan", ["regulariser.weight=5"], "regulariser.weight"),
        ("dcgan", ["schedule.kind=step"], "schedule.kind"),
        ("dcgan", ["schedule.kind=cosine"], "schedule.kind"),
        ("dcgan", ["schedule.kind=cosine", "end_factor=0.1", "stop.iterations=0"], "schedule.kind"),
        ("sprite-r3", ["stop.iterations=0"], "schedule.kind"),
        ("sprite-r3", ["stop.iterations=0", "schedule.kind=constant"], "regulariser.weight_end"),
        ("sprite-r3", ["stop.iterations=0", "regulariser.weight_end=-1"], "schedule.kind"),
        ("dcgan", ["augmentation.translation=0.01"], "augmentation.translation"),
        ("dcgan", ["augmentation.cutout=0.01"], "augmentation.cutout"),
        ("dcgan", ["augmentation.probability=0.5"], "augmentation.probability"),
        ("sprite-r3", ["augmentation.probability=0", "contrast=0.3"], "augmentation.contrast"),
        ("dcgan", ["batch.micro=128"], "batch.micro"),
        ("dcgan", ["device=cpu", "precision.cuda_graphs=on"], "precision.cuda_graphs"),
        ("dcgan", ["device=cpu", "precision.tf32=off"], "precision.tf32"),
        ("hinge-sn", ["objective.label_noise=0.1"], "objective.label_noise"),
        ("sprite-r3", ["objective.separate_steps=yes"], "objective.separate_steps"),
        ("dcgan", ["origin.version=v9"], "origin.version"),
        ("dcgan", ["extension.iterations=9"], "extension.iterations"),
    ],
)
def test_what_would_have_no_effect_is_refused_by_name(preset: str, words: list[str], named: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        apply_overrides(load_preset(preset), words)
    assert refused.value.path == named
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_a_preset_holds_stays_when_another_setting_makes_it_idle() -> None:
    config = apply_overrides(load_preset("gandam-part-1"), ["objective.kind=hinge"])
    assert config.objective.label_noise == 0.1
    assert "objective.label_noise" in without_effect(config)
    assert apply_overrides(config, ["objective.label_noise=0.1", "seed=3"]).seed == 3, "it is as it was"


def test_presets_hold_nothing_that_they_do_not_use() -> None:
    plain = flat(TrainConfig())
    for name in preset_names():
        config = load_preset(name)
        idle = without_effect(config)
        assert [path for path, value in flat(config).items() if path in idle and value != plain[path]] == []


def test_an_older_run_may_hold_what_would_be_refused_now(tmp_path: Path) -> None:
    config = with_value(small_config("sprite-r3", "batch.size=4"), "architecture.dropout", "0.3")
    config = with_value(config, "stop.iterations", "0")
    run = made_run(tmp_path, "r", config)
    train_run(run, limits=["stop.iterations=1"])
    assert run.config().architecture.dropout == 0.3


def test_a_cosine_without_a_limit_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = with_value(small_config("sprite-r3", "batch.size=4"), "stop.iterations", "0")
    run = made_run(tmp_path, "r", config)
    monkeypatch.setattr(training, "limit_reached", lambda stop, done: "iterations" if done.iteration else "")
    train_run(run)
    assert [event.about for event in run.events().read() if isinstance(event, RunWarning)].count("schedule") == 1


def test_a_penalty_that_grows_from_nothing_is_applied(tmp_path: Path) -> None:
    from trainer.protocol.schedule import Done, penalty_weight

    config = apply_overrides(
        load_preset("dcgan"), ["regulariser.kind=r1", "regulariser.weight=0", "regulariser.weight_end=5"]
    )
    weights = [penalty_weight(config, Done(iteration=at), 0) for at in (0, 12_500, 24_999)]
    assert weights[0] is None
    assert weights[1:] == pytest.approx([2.5, 5.0], rel=1e-4)


def test_an_average_without_a_ramp_has_its_half_life_from_the_start() -> None:
    from trainer.ema import Average
    from trainer.networks import build_networks
    from trainer.protocol.settings import Ema

    generator, _ = build_networks(small_config("dcgan"))
    average = Average(generator, Ema(enabled=True, half_life=8, ramp=0.0))
    before = [parameter.clone() for parameter in average.network.parameters()]
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(1.0)
    average.update(8, 8)
    for old, new in zip(before, average.network.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.5)


@pytest.mark.parametrize("asked", ["stop.iterations=3", "stop.images=5"])
def test_a_limit_that_lies_behind_is_refused_and_changes_nothing(asked: str, tmp_path: Path) -> None:
    run = made_run(tmp_path, "r", small_config("dcgan", "batch.size=4", "stop.iterations=6"))
    train_run(run)
    before, written = run.config(), len(run.events_path.read_bytes())
    with pytest.raises(TrainerError, match="iteration 6"):
        train_run(run, limits=["stop.iterations=0", asked])
    assert run.config() == before
    assert len(run.events_path.read_bytes()) == written
    assert train_run(run).iteration == 6, "without a new limit it is finished, as it was"
    assert train_run(run, limits=["stop.iterations=7"]).iteration == 7


def test_penalties_beyond_their_range_are_refused_when_pictures_grow() -> None:
    config = apply_overrides(load_preset("sprite-r3"), ["data.size=32", "regulariser.weight=1e30"])
    with pytest.raises(ValueError, match=r"weight"):
        fit_data(config, 256, 3)
