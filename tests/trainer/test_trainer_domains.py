"""A value is either refused in one line when it is set, or the run trains."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import COMMON, SMALL, small_config
from test_trainer_effects import FAMILIES, made_run, with_value

from trainer.cli import main
from trainer.create_run import fork_run, new_run
from trainer.describe import describe_config
from trainer.protocol import shapes
from trainer.protocol.config import FieldInfo, TrainConfig, describe_fields, fit_data
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.settings import Architecture, Data, SettingError
from trainer.protocol.suitability import check_data
from trainer.train_run import train_run

FIELDS = [info for info in describe_fields() if not info.path.startswith(("origin.", "extension."))]
NUMBERS = [
    "-9" * 40, "-9223372036854775809", "-2147483649", "-1", "0", "1", "2", "3", "7", "100", "1024", "65536", "100000",
    "1000000000", "4294967296", "9223372036854775807", "9223372036854775808", "9" * 5000, "x", "",
]  # fmt: skip
EXTREMES = {
    "int": NUMBERS,
    "float": [*NUMBERS, "inf", "-inf", "nan", "1e400", "-1e-300", "1e-300", "1e-12", "0.5", "0.9999999", "1e9", "1e38"],
    "bool": ["true", "no", "maybe", ""],
    "str": ["", "x" * 100_000, "\ud800", "a\nb", "a\x1b[31mb", "é", "none", "batch", "cuda"],
    "tuple[int, ...]": [
        "",
        "0",
        "-1",
        "1",
        "8,8",
        "8,8,8",
        "8,8,8,8",
        "8,8,8,8,8",
        "8," * 1000,
        "16384," * 4,
        "9" * 400,
    ],
    "tuple[str, ...]": ["", "a", "a,a", "b", "(other)", "\ud800", " , ,", "a," * 5000, "x" * 100_000],
}


def refused_or_changed(config: TrainConfig, path: str, text: str) -> TrainConfig | None:
    """The changed configuration, or None if it was refused in one short line that names the setting."""
    try:
        return apply_overrides(config, [f"{path}={text}"])
    except TrainerError as error:
        message = str(error)
        assert "\n" not in message
        assert len(message) < 400
        # Another setting is named where it is the one that must follow.
        assert path in message or any(info.path in message for info in FIELDS), message
        return None


def is_small(config: TrainConfig) -> bool:
    """Whether two iterations take about a second."""
    a, size = config.architecture, config.data.size
    found = shapes.stages(a, size)
    parameters = shapes.generator_parameters(a, found, config.data) + shapes.discriminator_parameters(
        a, found, config.data
    )
    pixels = config.data.size**2 * max(config.batch.size, 4) * max(*found.generator, *found.discriminator)
    return (
        parameters < 3e6
        and pixels < 2e7
        and config.batch.size <= 128
        and config.processes == 1
        and config.objective.critic_steps < 9
    )


def trains(config: TrainConfig, folder: Path, name: str) -> None:
    """Train two iterations for real, writing everything."""
    limits = [] if 0 < config.stop.iterations <= 2 else ["stop.iterations=2"]
    try:
        run = made_run(folder, name, config, count=6)
        check_data(config, np.load(run.dataset_path).shape[1:], run.dataset_info())
    except TrainerError:  # As `new` would refuse it: nothing has this tag.
        return
    try:
        outcome = train_run(run, limits=limits)
    except TrainerError as error:
        if error.cause not in ("nan", "device"):  # It diverged, or this machine has no such device.
            raise
    else:
        assert outcome.iteration <= 2


def values_of(info: FieldInfo) -> list[str]:
    bounds = [bound for bound in (info.low, info.high) if bound is not None]
    edges = [text for bound in bounds for text in (str(bound), str(bound * 2), str(bound - 1), f"-{abs(bound)}")]
    return [*map(str, info.choices), *edges, *EXTREMES[info.kind]]


def test_every_number_is_bounded_on_both_sides_and_every_text_in_length() -> None:
    for info in FIELDS:
        if info.kind in ("int", "float"):
            assert info.choices or None not in (info.low, info.high), info.path
        if info.kind.startswith("tuple[int"):
            assert None not in (info.low, info.high), info.path
        if info.kind.startswith(("tuple", "str")):
            assert info.choices or info.most <= 10_000, info.path


@pytest.mark.parametrize("info", FIELDS, ids=lambda info: info.path)
def test_extreme_values_are_refused_in_one_line_or_train(info: FieldInfo, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    for family, preset in FAMILIES.items():
        config = small_config(preset, "batch.size=4", "sampling.every=2", "stop.iterations=2")
        accepted: dict[str, TrainConfig] = {}
        for text in values_of(info):
            if (changed := refused_or_changed(config, info.path, text)) is not None and changed != config:
                accepted[json.dumps(changed.to_json())] = changed
                assert TrainConfig.from_json(changed.to_json()) == changed
        small = [changed for changed in accepted.values() if is_small(changed)]
        # The first and the last: the smallest and the largest that are accepted.
        for number, changed in enumerate({0: small[0], 1: small[-1]}.values() if small else ()):
            if family == _family_of(info.path):
                trains(changed, tmp_path, f"{family}{number}")
    torch.set_num_threads(threads)


def _family_of(path: str) -> str:
    """The family in which a field's values are trained, one of four in turn."""
    if path.startswith("flow.") or path in ("architecture.patch", "architecture.blocks"):
        return "unet"
    idle = {"architecture.modulation", "architecture.skips", "architecture.palette", "architecture.colour_weight"}
    if path in idle or path.startswith(("ema.", "regulariser.", "schedule.")):
        return "sprite"
    return "dcgan" if path.startswith(("precision.", "sampling.", "stop.", "optimiser.")) else "gandam"


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_settings_together_are_refused_or_train(family: str, data: st.DataObject) -> None:
    import tempfile

    torch.set_num_threads(1)  # The example before may have asked for more.
    config = small_config(FAMILIES[family], "batch.size=4", "sampling.every=2", "stop.iterations=2")
    chosen = data.draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique_by=lambda info: info.path))
    for info in chosen:
        low, high = info.low if info.low is not None else -10, info.high if info.high is not None else 10
        numbers = {
            "int": st.integers(int(low), int(high)),
            "float": st.floats(low, high),
            "tuple[int, ...]": st.lists(st.integers(1, 24), max_size=6).map(lambda items: ",".join(map(str, items))),
        }
        extremes = st.sampled_from(values_of(info))
        text = str(data.draw(st.one_of(extremes, numbers[info.kind]) if info.kind in numbers else extremes))
        config = refused_or_changed(config, info.path, text) or config
    if is_small(config):
        with tempfile.TemporaryDirectory() as folder:
            trains(config, Path(folder), "r")


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, 10**400, True, None, "1", [], {}, [[[]]]])
@pytest.mark.parametrize("path", ["optimiser.lr_g", "regulariser.weight_end", "batch.size", "seed", "preset", "ema"])
def test_a_configuration_file_is_checked_as_a_setting_is(path: str, value: Any) -> None:
    values = load_preset("dcgan").to_json()
    section, _, name = path.rpartition(".")
    (values[section] if section else values)[name] = value
    if (path, value) in [("preset", "1"), ("ema", {})]:
        TrainConfig.from_json(values)
        return
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        TrainConfig.from_json(values)
    assert path in str(refused.value)


@pytest.mark.parametrize("values", [None, [], 3, {"schema_version": 0, "optimiser": 3}, {"schema_version": []}])
def test_what_is_no_configuration_at_all_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        TrainConfig.from_json(values)


@pytest.mark.parametrize("kind", ["gandam", "dcgan", "sprite"])
def test_networks_that_pass_the_arithmetic_are_built_and_give_pictures(kind: str) -> None:
    dice = random.Random(1)
    built = 0
    for _ in range(200):
        a = Architecture(
            kind=kind,
            size=dice.choice([32, 64, 128, 256]),
            latent=dice.randint(1, 9),
            base=dice.choice([1, 2, 4]),
            generator_base_channels=dice.choice([0, 6]),
            generator_dense=dice.choice([(), (5,)]),
            discriminator_dense=dice.choice([(), (5,)]),
            generator_channels=tuple(dice.randint(1, 12) for _ in range(dice.randint(0, 8))),
            discriminator_channels=tuple(dice.randint(1, 12) for _ in range(dice.randint(0, 8))),
            minibatch_std=dice.random() < 0.5,
            discriminator_norm=dice.choice(["batch", "none", "spectral"]),
        )
        data = Data(dice.choice([32, 64, 128, 256]), dice.choice([3, 4]), condition=dice.choice([(), ("left",)]))
        try:
            config = TrainConfig(architecture=a, data=data)
        except SettingError:
            continue
        facts = describe_config(config)
        drawn = [layer["output"] for layer in facts["generator"]["layers"] if len(layer["output"]) == 3][-1]
        assert drawn == [data.channels, data.size, data.size]
        assert [1] in [layer["output"] for layer in facts["discriminator"]["layers"]]
        built += 1
    assert built


@pytest.mark.parametrize("kind", ["gandam", "dcgan", "sprite"])
@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_the_right_number_of_stages_is_accepted_at_every_size(kind: str, size: int) -> None:
    log = size.bit_length() - 1
    counts = {"gandam": (log - 3, log), "dcgan": (log - 2, log - 2), "sprite": (log - 1, log - 1)}[kind]
    more = {"generator_base_channels": 8} if kind == "gandam" else {}
    lists = [(8,) * count for count in counts]
    made = Architecture(kind=kind, size=size, generator_channels=lists[0], discriminator_channels=lists[1], **more)
    shapes.check_networks(made, Data(size=size))
    for name in ("generator_channels", "discriminator_channels"):
        wrong = Architecture(**{**made.__dict__, name: (8,) * (len(getattr(made, name)) + 1)})
        with pytest.raises(SettingError, match=name):
            shapes.check_networks(wrong, Data(size=size))


def test_the_arithmetic_counts_what_the_networks_have() -> None:
    for name in preset_names():
        config = fit_data(load_preset(name), 32, 3)
        facts, found = describe_config(config), shapes.stages(config.architecture, 32)
        for part, count in (
            ("generator", shapes.generator_parameters(config.architecture, found, config.data)),
            ("discriminator", shapes.discriminator_parameters(config.architecture, found, config.data)),
        ):
            # A unet's narrow layers have more biases for their weights; they are counted apart in test_trainer_flow.
            assert count == pytest.approx(facts.get(part, {"parameters": 0})["parameters"], rel=0.007)


@pytest.mark.parametrize(
    ("preset", "words", "named"),
    [
        ("dcgan", ["generator_channels=64,32"], "architecture.generator_channels"),
        ("dcgan", ["discriminator_channels=8,8,8,8,8"], "architecture.discriminator_channels"),
        ("gandam-part-1", ["architecture.base=2"], "architecture.generator_channels"),
        ("gandam-part-2", ["architecture.base=4"], "architecture.base"),
        ("dcgan", ["generator_channels=16384,16384,16384,16384"], "architecture.generator_channels"),
        ("sprite-r3-cpu", ["batch.size=12", "processes=2", "minibatch_std=yes", "batch.size=12"], "batch.size"),
        ("dcgan", ["data.subset=1"], "data.subset"),
        ("dcgan", ["data.condition=a,a"], "data.condition"),
    ],
)
def test_what_cannot_train_is_refused_when_it_is_set(preset: str, words: list[str], named: str, tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.zeros((4, 64, 64, 3), np.uint8))
    sets = [f"--set={text}" for text in words]
    made = CliRunner().invoke(
        main, ["new", str(tmp_path / "r"), "--preset", preset, "--data", str(tmp_path / "d.npy"), *sets]
    )
    assert isinstance(made.exception, TrainerError)
    assert named in str(made.exception)
    assert not (tmp_path / "r").exists()


def noise(folder: Path, name: str, size: int, channels: int = 3, count: int = 4, **facts: Any) -> Path:
    path = folder / f"{name}.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (count, size, size, channels), dtype=np.uint8))
    if facts:
        ids = [str(index) for index in range(count)]
        path.with_suffix(".json").write_text(json.dumps({"ids": ids, "background": [255, 255, 255], **facts}))
    return path


@pytest.mark.parametrize(
    ("words", "facts", "named"),
    [
        (["data.size=64"], {}, "data.size"),
        (["data.channels=4"], {}, "data.channels"),
        (["data.condition=left"], {}, "left"),
        (["data.condition=left,right"], {"tags": [["left"], ["left", "right"], [], []]}, "right"),
        (["data.every_other=yes"], {"split": ["train", "train", "held-out", "held-out"]}, "at least 2"),
        ([], {"split": ["held-out", "held-out", "held-out", "train"]}, "at least 2"),
    ],
)
def test_settings_that_do_not_suit_the_pictures_are_refused_when_the_run_is_made(
    words: list[str], facts: dict[str, Any], named: str, tmp_path: Path
) -> None:
    data = noise(tmp_path, "d", 32, **facts)
    with pytest.raises(TrainerError, match=named) as refused:
        new_run(tmp_path / "r", load_preset("dcgan"), data, [*SMALL["dcgan"], *COMMON, *words])
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "r").exists()


def test_a_folder_is_read_at_the_size_and_channels_that_are_set(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "art").mkdir()
    for index in range(3):
        Image.new("RGBA", (20, 20), (index, 90, 200, 255)).save(tmp_path / "art" / f"{index}.png")
    words = ["data.size=32", "data.channels=4", *SMALL["dcgan"], *COMMON]
    run = new_run(tmp_path / "r", load_preset("dcgan"), tmp_path / "art", words)
    assert np.load(run.dataset_path).shape == (3, 32, 32, 4)
    assert train_run(run, limits=["stop.iterations=1"]).iteration == 1
    with pytest.raises(TrainerError, match=r"data\.size"):
        new_run(tmp_path / "s", load_preset("dcgan"), tmp_path / "art", words, size=64)


@pytest.mark.parametrize(
    "words",
    [
        ["generator_channels=16,12,9,6"],
        ["architecture.dropout=0.5"],
        ["architecture.latent=9"],
        ["data.size=64"],
        ["data.condition=a"],
    ],
)
def test_a_fork_that_could_not_go_on_is_refused_before_it_is_made(words: list[str], tmp_path: Path) -> None:
    run = made_run(tmp_path, "r", small_config("dcgan", "batch.size=4", "stop.iterations=1"))
    train_run(run)
    with pytest.raises(TrainerError, match=words[0].partition("=")[0]):
        fork_run(tmp_path / "fork", run, words)
    assert not (tmp_path / "fork").exists()
    fork = fork_run(tmp_path / "fork", run, ["generator_channels=16,12,8,9", "stop.iterations=2"])
    assert fork.config().scaled, "the outermost block is left out here, however wide"
    assert train_run(fork).iteration == 2


def test_more_threads_than_a_machine_has_are_not_all_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer import device

    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(device.os, "cpu_count", lambda: 96)
    for wanted in (2, 64, 80, 1024):
        device.set_threads(wanted)
    monkeypatch.setattr(device.os, "cpu_count", lambda: 2)
    device.set_threads(1024)
    assert asked == [2, 64, 80, 96, 2]


def test_the_longest_accepted_run_fits_into_json_and_is_read_again(tmp_path: Path) -> None:
    config = small_config("dcgan")
    for info in FIELDS:
        if (
            info.kind in ("int", "float")
            and not info.choices
            and not info.path.startswith(("processes", "batch", "architecture"))
        ):
            config = with_value(config, info.path, str(info.high))
    run = made_run(tmp_path, "r", config)
    assert RunDirectory(run.path).config() == config
    json.dumps(json.loads(run.config_path.read_bytes()), allow_nan=False)
