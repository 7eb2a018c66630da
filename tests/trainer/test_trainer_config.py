from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.generators import build_generator
from trainer.protocol.advice import SECTIONS, SETTINGS
from trainer.protocol.config import SCHEMA_VERSION, TrainConfig, describe_fields, differences, fit_data, flat
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import FILLED_IN, apply_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.settings import SettingError
from trainer.protocol.shapes import stages

WANTED = {
    "dcgan", "gandam-part-1", "gandam-part-2", "gandam-step-1-deeper-256", "gandam-step-2-dense-64",
    "gandam-step-3-dense-256", "hinge-sn", "pokesprite-overfit-128", "sprite-flow", "sprite-flow-cpu",
    "sprite-r3", "sprite-r3-cpu", "wgan-gp",
}  # fmt: skip


def test_every_promised_preset_exists_and_survives_json() -> None:
    assert set(preset_names()) >= WANTED
    for name in preset_names():
        config = load_preset(name)
        assert config.preset == name
        assert config.description
        assert config.stop.iterations > 0
        assert TrainConfig.from_json(config.to_json()) == config


def test_every_field_has_a_meaning_and_a_path_that_exists() -> None:
    values = flat(TrainConfig())
    infos = describe_fields()
    assert len(infos) > 60
    for info in infos:
        assert info.path in values
        assert len(info.meaning) > 8
    assert {info.path for info in infos} == set(values) - {"schema_version"}


def test_every_setting_shown_has_a_name_and_says_what_good_and_bad_look_like() -> None:
    shown = [info for info in describe_fields() if info.path.partition(".")[0] not in FILLED_IN]
    names = [(info.path.partition(".")[0] if "." in info.path else "", info.name) for info in shown]
    assert len(set(names)) == len(names)
    for info in shown:
        section = info.path.partition(".")[0] if "." in info.path else ""
        assert section in SECTIONS
        assert "_" not in info.name
        assert info.advice or info.path in ("preset", "description"), info.path
    assert set(SETTINGS) == {info.path for info in shown}


def test_overrides_reach_nested_fields_by_full_or_short_name() -> None:
    config = apply_overrides(
        load_preset("dcgan"),
        [
            "optimiser.lr_g=1e-4",
            "lr_d=3e-5",
            "ema.enabled=yes",
            "generator_channels=64, 32, 16,8",
            "data.condition=left,right",
        ],
    )
    assert config.optimiser.lr_g == 1e-4
    assert config.optimiser.lr_d == 3e-5
    assert config.ema.enabled is True
    assert config.architecture.generator_channels == (64, 32, 16, 8)
    assert config.data.condition == ("left", "right")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("optimizer.lr=3", "optimiser.lr_g"),
        ("lrg=1", "optimiser.lr_g"),
        ("size=3", "data.size or architecture.size or batch.size"),
        ("batch.size=many", "whole number"),
        ("ema.enabled=perhaps", "true or false"),
        ("nonsense", "name=value"),
        ("objective.kind=hinje", "hinge"),
        ("batch.size=-1", "at least 0"),
        ("optimiser.lr_g=nan", "finite"),
    ],
)
def test_bad_overrides_say_what_to_do(text: str, hint: str) -> None:
    with pytest.raises(TrainerError, match=hint):
        apply_overrides(load_preset("dcgan"), [text])


def test_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(TrainerError, match="did you mean sprite-r3"):
        load_preset("sprite-r33")


def test_unknown_fields_and_newer_schemas_are_refused() -> None:
    with pytest.raises(ValueError, match=r"did you mean optimiser\.lr_g"):
        TrainConfig.from_json({"optimiser": {"lr_gg": 1.0}})
    with pytest.raises(ValueError, match="newer version"):
        TrainConfig.from_json({"schema_version": 99})
    with pytest.raises(ValueError, match=r"must be a whole number"):
        TrainConfig.from_json({"batch": {"size": True}})


def test_texts_may_be_as_long_as_their_limits() -> None:
    config = TrainConfig()
    longest = dataclasses.replace(config.data, condition=("x" * 1_000,))
    described = dataclasses.replace(config, data=longest, description="y" * 10_000)
    assert TrainConfig.from_json(described.to_json()) == described
    with pytest.raises(SettingError, match="at most 1,000 characters an item"):
        dataclasses.replace(config.data, condition=("x" * 1_001,))
    with pytest.raises(SettingError, match="at most 10,000 characters"):
        dataclasses.replace(config, description="y" * 10_001)


def test_an_old_schema_is_patched_not_broken() -> None:
    config = TrainConfig.from_json({"schema_version": 0, "optimiser": {"lr_g": 0.1, "decay": 0.2}})
    assert config.schema_version == SCHEMA_VERSION
    assert config.optimiser.lr_g == 0.1
    assert (config.schedule.kind, config.schedule.step_factor) == ("step", 0.2)


@pytest.mark.parametrize("size", [32, 64, 256])
def test_a_flow_of_schema_1_keeps_its_network(size: int) -> None:
    """It took squares of 4 x 4 pixels together at 64 px, where a new run has a fourth stage."""
    new = fit_data(load_preset("sprite-flow-cpu"), size, 3)
    old = TrainConfig.from_json(new.to_json() | {"schema_version": 1})
    assert TrainConfig.from_json(old.to_json()) == old
    patch = 2 * size // 32
    assert stages(old.architecture, size).generator == (80, 64, 32)
    assert old.architecture.patch == patch
    assert build_generator(old).core.enter.weight.shape[:2] == (32, 3 * patch**2)
    assert (old == new) == (size == 32)
    assert stages(new.architecture, size).generator == (80, 64, 32, 24, 24, 24)[: size.bit_length() - 3]


def test_part_1_to_part_2_changed_at_least_ten_factors() -> None:
    changed = [path for path, _, _ in differences(load_preset("gandam-part-1"), load_preset("gandam-part-2"))]
    assert len([path for path in changed if path.split(".")[0] not in ("preset", "description", "stop")]) >= 10
    for path in ("architecture.latent", "augmentation.mirror", "objective.label_noise", "batch.size", "optimiser.lr_g"):
        assert path in changed
    assert differences(load_preset("dcgan"), load_preset("dcgan")) == []


def test_penalty_weights_follow_the_number_of_pixels() -> None:
    config = fit_data(load_preset("sprite-r3"), 32, 4)
    assert (config.data.size, config.data.channels) == (32, 4)
    assert config.regulariser.weight == pytest.approx(0.5)
    assert config.regulariser.weight_end == pytest.approx(0.05)
    assert config.scaled
    assert fit_data(load_preset("wgan-gp"), 32, 3).regulariser.weight == 10.0


@given(st.floats(0, 1), st.integers(2, 65536), st.booleans(), st.integers(0, 2**63 - 1))
def test_json_round_trip_is_exact(rate: float, batch: int, enabled: bool, seed: int) -> None:
    config = load_preset("sprite-r3")
    config = dataclasses.replace(
        config,
        seed=seed,
        optimiser=dataclasses.replace(config.optimiser, lr_g=rate),
        batch=dataclasses.replace(config.batch, size=batch),
        ema=dataclasses.replace(config.ema, enabled=enabled),
    )
    assert TrainConfig.from_json(config.to_json()) == config
