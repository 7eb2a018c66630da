"""Settings that have no effect in combination with others, section by section, at their bounds."""

from __future__ import annotations

import pytest

from trainer.protocol.config import TrainConfig
from trainer.protocol.effects import has_limit, newly_without_limit, without_effect
from trainer.protocol.overrides import parse_overrides
from trainer.protocol.presets import load_preset

OPEN = ["stop.iterations=0", "stop.minutes=0", "stop.images=0"]
LIMITED = ["stop.iterations=5", "stop.minutes=0", "stop.images=0"]
SHARES = {"probability", "probability_end", "after_views"}
STILL = [f"augmentation.{name}=0" for name in ("translation", "brightness", "saturation", "contrast", "cutout")]
STILL += ["augmentation.rotation=0"]
PENALTY = ["regulariser.kind=r1r2", "regulariser.every=1"]
COSINE = ["schedule.kind=cosine", "schedule.end_factor=0.5", "schedule.beta2_end=0"]
COOLS = ["schedule.kind=cool-down"]
FALLS, STEPS = ("end_factor", "beta2_end"), ("step_factor", "step_every")
PENALTY = ["regulariser.kind=r1", "regulariser.weight=1", "regulariser.weight_end=0.5"]
WEIGHTLESS = {"kind", "every"}


def made(*overrides: str, preset: str = "dcgan") -> TrainConfig:
    """A preset with other values, including those without effect."""
    values = load_preset(preset).to_json()
    for path, value in parse_overrides(overrides).items():
        section, _, name = path.rpartition(".")
        (values[section] if section else values)[name] = value
    return TrainConfig.from_json(values)


def idle(section: str, *overrides: str, preset: str = "dcgan") -> set[str]:
    found = without_effect(made(*overrides, preset=preset))
    return {path.removeprefix(f"{section}.") for path in found if path.startswith(f"{section}.")}


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ([*LIMITED, "regulariser.kind=none"], {"weight", "weight_end", "every"}),
        ([*LIMITED, *PENALTY, "regulariser.weight=1", "regulariser.weight_end=-1"], set()),
        ([*LIMITED, *PENALTY, "regulariser.weight=1", "regulariser.weight_end=0"], set()),
        ([*OPEN, *PENALTY, "regulariser.weight=1", "regulariser.weight_end=0"], {"weight_end"}),
        ([*LIMITED, *PENALTY, "regulariser.weight=0", "regulariser.weight_end=-1"], WEIGHTLESS),
        ([*LIMITED, *PENALTY, "regulariser.weight=0", "regulariser.weight_end=0"], WEIGHTLESS),
        ([*LIMITED, *PENALTY, "regulariser.weight=0", "regulariser.weight_end=0.5"], set()),
        ([*OPEN, *PENALTY, "regulariser.weight=0", "regulariser.weight_end=0.5"], {*WEIGHTLESS, "weight_end"}),
    ],
)
def test_penalties(overrides: list[str], names: set[str]) -> None:
    assert idle("regulariser", *overrides) == names


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ([], {*SHARES, "adaptive", "target", "ceiling"}),
        (["translation=0.25", "probability=0.5"], {"target", "ceiling"}),
        (["translation=0.25", "probability=0"], {"translation", "target", "ceiling"}),
        (["translation=0.25", "probability=0", "probability_end=0"], {"translation", "target", "ceiling"}),
        (["translation=0.25", "probability=0", "probability_end=0.5"], {"target", "ceiling"}),
        (["translation=0.25", "adaptive=yes", "ceiling=0.5"], SHARES),
        (["translation=0.25", "adaptive=yes", "ceiling=0", "probability_end=0.5"], {*SHARES, "translation"}),
        (["adaptive=yes"], {*SHARES, "adaptive", "target", "ceiling"}),
        (["cutout=0.01", "brightness=0.5", "probability=1"], {"cutout", "target", "ceiling"}),
    ],
)
def test_changes_of_the_pictures(overrides: list[str], names: set[str]) -> None:
    given = [*STILL, "augmentation.adaptive=no", *(f"augmentation.{text}" for text in overrides)]
    assert idle("augmentation", "data.size=32", *given) == names


def test_a_planned_share_needs_a_limit_to_end_at() -> None:
    ramp = ["augmentation.translation=0.25", "augmentation.probability=0", "augmentation.probability_end=0.5"]
    still = [*STILL, "augmentation.adaptive=no"]
    assert idle("augmentation", *LIMITED, *still, *ramp) == {"target", "ceiling"}
    assert idle("augmentation", *OPEN, *still, *ramp) == {"probability_end", "translation", "target", "ceiling"}
    assert newly_without_limit(made(*LIMITED, *still, *ramp), made(*OPEN, *still, *ramp)) == [
        "augmentation.probability_end"
    ]
    cools = [*LIMITED, *COSINE, *COOLS, "schedule.end_factor=1"]
    assert "kind" not in idle("schedule", *cools, *still, *ramp)
    assert "kind" in idle("schedule", *cools, *still, *ramp, "augmentation.translation=0")


def test_a_shift_of_a_pixel_is_the_smallest() -> None:
    assert "translation" in idle("augmentation", "data.size=64", "augmentation.translation=0.0155")
    assert "translation" not in idle("augmentation", "data.size=64", "augmentation.translation=0.015625")


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["schedule.kind=constant"], {*FALLS, *STEPS, "cooldown"}),
        ([*LIMITED, *COSINE], {*STEPS, "cooldown"}),
        ([*OPEN, *COSINE], {"kind", *FALLS, *STEPS, "cooldown"}),
        ([*LIMITED, *COSINE, "schedule.end_factor=1"], {"kind", *STEPS, "cooldown"}),
        ([*LIMITED, *COSINE, "schedule.end_factor=1", "schedule.beta2_end=0.9"], {*STEPS, "cooldown"}),
        ([*LIMITED, *COSINE, *COOLS], {*STEPS}),
        ([*OPEN, *COSINE, *COOLS], {"kind", "cooldown", *FALLS, *STEPS}),
        ([*LIMITED, *COSINE, *COOLS, "schedule.end_factor=1"], {"kind", "cooldown", *STEPS}),
        ([*LIMITED, *COSINE, *COOLS, "schedule.end_factor=1", *PENALTY], {*STEPS}),
        (["schedule.kind=step", "schedule.step_factor=0.5"], {*FALLS, "cooldown"}),
        (["schedule.kind=step", "schedule.step_factor=1"], {*FALLS, "cooldown", "kind", "step_every"}),
    ],
)
def test_schedules(overrides: list[str], names: set[str]) -> None:
    assert idle("schedule", *overrides) == names


def test_the_machine() -> None:
    assert idle("ema", "ema.enabled=no", "ema.post_hoc=yes") == {"half_life", "ramp"}
    assert idle("ema", "ema.enabled=yes") == set()
    assert idle("precision", "device=cpu") == {"cuda_graphs", "tf32"}
    assert idle("precision", "device=cuda") == set()
    assert idle("precision", "device=cuda", preset="sprite-r3") == {"winograd"}
    assert idle("batch", "batch.size=8", "batch.micro=8") == {"micro"}
    assert idle("batch", "batch.size=8", "batch.micro=4") == set()
    assert idle("batch", "batch.size=0", "batch.micro=4") == set()


def test_objectives() -> None:
    assert "label_noise" not in idle("objective", "objective.kind=bce")
    assert {"label_noise", "separate_steps"} <= idle("objective", "objective.kind=relativistic")


def test_what_a_limit_taken_away_makes_idle() -> None:
    before = made(*LIMITED, *COSINE)
    after = made(*OPEN, *COSINE)
    assert has_limit(before.stop)
    assert not has_limit(after.stop)
    assert "schedule.kind" in newly_without_limit(before, after)
    assert newly_without_limit(before, before) == []
    assert newly_without_limit(after, after) == []
