"""A run derived from another one: one change is told, a second one is amber and can be split."""

from __future__ import annotations

import dataclasses

import pytest

from gandam_studio.qt.train.setup.one_change import DATA, OneChangeBar, changes_from, split
from trainer.protocol.config import Origin, TrainConfig
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset


@pytest.fixture
def parent() -> TrainConfig:
    return dataclasses.replace(load_preset("dcgan"), origin=Origin(version="v1"))


def test_changes_are_counted_and_the_data_is_one(parent: TrainConfig) -> None:
    assert changes_from(parent, parent, "v1") == []
    one = apply_overrides(parent, ["batch.size=16"])
    assert [c.factor for c in changes_from(parent, one, "v1")] == ["batch.size"]
    both = changes_from(parent, one, "v2", "v1 -> v2: +3")
    assert [(c.factor, c.text) for c in both][1:] == [(DATA, "v1 -> v2: +3")]
    luck = apply_overrides(parent, ["seed=9", "device=cpu"])
    assert changes_from(parent, luck, "v1") == []


def test_each_part_of_a_split_has_one_change(parent: TrainConfig) -> None:
    config = apply_overrides(parent, ["batch.size=16", "optimiser.lr_g=1e-3"])
    found = changes_from(parent, config, "v2")
    parts = split(parent, config, found)
    assert len(parts) == 3
    for change, alone in parts:
        rest = changes_from(parent, alone, "v2" if change.factor == DATA else "v1")
        assert [one.factor for one in rest] == [change.factor]


def test_what_has_no_effect_alone_is_not_split(parent: TrainConfig) -> None:
    config = apply_overrides(parent, ["regulariser.kind=gp", "regulariser.weight=5"])
    found = changes_from(parent, config, "v1")
    assert len(found) == 2
    assert len(split(parent, config, found)) < 2


def test_channels_are_one_change_though_they_leave_nothing_to_choose() -> None:
    untrained = load_preset("sprite-r3-cpu")
    config = apply_overrides(untrained, ["generator_channels=96,48,16,16"])
    found = changes_from(untrained, config, "")
    assert [one.factor for one in found] == ["architecture.generator_channels"]
    assert split(untrained, config, found)[0][1] == config


def test_the_bar_turns_amber_with_the_second_change(qtbot, parent: TrainConfig) -> None:  # type: ignore[no-untyped-def]
    bar = OneChangeBar()
    qtbot.addWidget(bar)
    found = changes_from(parent, apply_overrides(parent, ["batch.size=16", "lr_g=1e-3"]), "v1")
    bar.show_changes("r1", found[:1], 0)
    assert bar.label.property("role") == "secondary"
    assert bar.button.isHidden()
    bar.show_changes("r1", found, 2)
    assert bar.label.property("role") == "warning"
    assert "cannot be separated" in bar.label.text()
    assert not bar.button.isHidden()
    with qtbot.waitSignal(bar.split_requested):
        bar.button.click()


def test_a_split_queues_a_run_for_each_change(session, sprites, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.core import runs
    from gandam_studio.qt.train.screen import TrainScreen

    config = apply_overrides(load_preset("dcgan"), ["data.size=32", "architecture.size=32", "device=cpu",
        "architecture.generator_channels=8,8,8", "architecture.discriminator_channels=8,8,8"])  # fmt: skip
    first = runs.create_run(session.workspace, sprites, config)
    screen = TrainScreen(session)
    qtbot.addWidget(screen)
    started: list = []
    monkeypatch.setattr(screen.control, "start_or_queue", lambda run: started.append(run))
    screen.setup.continue_from(sprites.label, "dcgan", first.config(), first.name)
    assert not screen.setup.one_change.isHidden()
    screen.setup.draft.set_value("batch.size", 16)
    assert screen.setup.one_change.button.isHidden()
    screen.setup.draft.set_value("optimiser.lr_g", 1e-3)
    assert screen.setup.one_change.label.property("role") == "warning"
    screen.setup.one_change.button.click()
    qtbot.waitUntil(lambda: len(started) == 2, timeout=20_000)
    before = first.config()
    for run, path in zip(started, ("optimiser.lr_g", "batch.size"), strict=True):
        assert [c.factor for c in changes_from(before, run.config(), "v1")] == [path]
        assert run.config().origin.parent == first.name
    screen.setup.draft.choose("dcgan")
    assert screen.setup.one_change.isHidden()
    screen.closing()
