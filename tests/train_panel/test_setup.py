"""Setting up a run: every setting editable, changes marked, mistakes explained, checks with remedies."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton
from recorded_runs import pictures

from gandam_studio.core.runs.checks import (
    FLOW_PASSES,
    NOTE,
    OK,
    WARNING,
    check_copying,
    check_data,
    check_disk,
    flow_pictures,
)
from gandam_studio.core.workspace.query import Filter
from gandam_studio.qt.train.setup.advanced_form import AdvancedForm
from gandam_studio.qt.train.setup.draft import ConfigDraft, as_text, editable_fields
from gandam_studio.qt.train.setup.one_change import changes_from
from trainer.protocol.config import Origin, TrainConfig, flat
from trainer.protocol.manifest import ManifestEntry, manifest_bytes
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.schedule import Done
from trainer.protocol.widening import is_open, settled


@pytest.fixture
def draft(qapp) -> ConfigDraft:  # type: ignore[no-untyped-def]
    made = ConfigDraft()
    made.choose("dcgan")
    return made


def test_every_setting_survives_being_shown_and_read_back(draft: ConfigDraft) -> None:
    assert {"gandam-part-2", "sprite-r3-cpu"} <= set(preset_names())
    for name in ("gandam-part-2", "sprite-r3-cpu"):
        draft.choose(name)
        for info in editable_fields():
            draft.set_text(info.path, draft.text(info.path))
            assert not draft.problem, (name, info.path, draft.problem)
        assert draft.departures() == {}


def test_departures_are_known_and_can_be_taken_back(draft: ConfigDraft) -> None:
    draft.set_text("optimiser.lr_g", "1e-3")
    draft.set_text("architecture.generator_channels", "64, 32,16 ,8")
    assert draft.departures() == {
        "optimiser.lr_g": (2e-4, 1e-3),
        "architecture.generator_channels": ([512, 256, 128, 64], [64, 32, 16, 8]),
    }
    draft.reset("optimiser.lr_g")
    assert list(draft.departures()) == ["architecture.generator_channels"]
    draft.choose("wgan-gp")
    assert draft.departures() == {}


def test_a_mistake_is_told_and_the_last_valid_configuration_stays(draft: ConfigDraft) -> None:
    draft.set_text("batch.size", "96")
    draft.set_text("batch.size", "many")
    assert "whole number" in draft.problem
    assert draft.config.batch.size == 96
    draft.set_text("batch.size", "-1")
    assert draft.problem_path == "batch.size"
    draft.set_text("batch.size", "48")
    assert (draft.problem, draft.config.batch.size) == ("", 48)


def test_the_form_edits_every_setting_with_its_meaning(draft: ConfigDraft, qtbot) -> None:  # type: ignore[no-untyped-def]
    form = AdvancedForm(draft)
    qtbot.addWidget(form)
    assert set(form.rows) == {info.path for info in editable_fields()}
    kinds = {path: type(row.editor) for path, row in form.rows.items()}
    assert issubclass(kinds["objective.kind"], QComboBox)
    assert issubclass(kinds["ema.enabled"], QCheckBox)
    assert issubclass(kinds["optimiser.lr_g"], QLineEdit)
    row = form.rows["optimiser.lr_g"]
    assert "generator's learning rate" in row.editor.toolTip().lower()
    assert row.mark.isHidden()
    row.editor.clear()
    qtbot.keyClicks(row.editor, "0.01")
    assert draft.config.optimiser.lr_g == 0.01
    assert not row.mark.isHidden()
    assert "0.0002" in row.mark.toolTip()
    qtbot.mouseClick(row.mark, Qt.MouseButton.LeftButton)
    assert draft.departures() == {}
    assert row.editor.text() == "0.0002"


def test_searching_the_form_finds_by_meaning(draft: ConfigDraft, qtbot) -> None:  # type: ignore[no-untyped-def]
    form = AdvancedForm(draft)
    qtbot.addWidget(form)
    form.search.setText("learning rate")
    shown = {path for path, row in form.rows.items() if not row.isHidden()}
    assert {"optimiser.lr_g", "optimiser.lr_d", "schedule.end_factor"} <= shown
    assert "seed" not in shown


def test_settings_of_an_earlier_run_come_back_as_departures_from_its_preset(draft: ConfigDraft) -> None:
    config = apply_overrides(load_preset("dcgan"), ["batch.micro=16", "seed=5"])
    config = dataclasses.replace(config, origin=Origin(parent="r1"))
    draft.start_from(load_preset("dcgan"), config, "r7")
    assert set(draft.departures()) == {"batch.micro", "seed"}
    assert draft.parent_run == "r7"
    assert flat(draft.config)["batch.micro"] == 16


def test_what_changed_nothing_in_an_earlier_run_is_left_out(draft: ConfigDraft) -> None:
    values = load_preset("sprite-r3").to_json()
    values["architecture"]["dropout"] = 0.3
    values["seed"] = 5
    draft.start_from(load_preset("sprite-r3"), TrainConfig.from_json(values), "r7")
    assert draft.problem == ""
    assert set(draft.departures()) == {"seed"}


def test_the_field_at_fault_is_marked_wherever_one_typed_last(draft: ConfigDraft) -> None:
    draft.set_text("regulariser.weight", "5")
    assert draft.problem_path == "regulariser.weight"
    draft.set_text("seed", "7")
    assert draft.problem_path == "regulariser.weight", "still nothing is penalised"
    draft.set_text("regulariser.kind", "gp")
    assert (draft.problem, draft.config.regulariser.weight, draft.config.seed) == ("", 5.0, 7)
    draft.set_text("architecture.generator_channels", "8, 8")
    assert draft.problem_path == "architecture.generator_channels"
    assert "\n" not in draft.problem


def test_channels_set_by_hand_show_that_they_stay(draft: ConfigDraft) -> None:
    draft.choose("sprite-r3-cpu")
    asked = draft.text("architecture.wide_from")
    draft.set_text("architecture.generator_channels", "96, 48, 16, 16")
    assert draft.text("architecture.wide_from") == "0"
    assert set(draft.departures()) == {"architecture.generator_channels", "architecture.wide_from"}
    draft.set_text("architecture.generator_channels", "96, 48, 16, 8")
    assert draft.departures() == {}
    assert draft.text("architecture.wide_from") == asked != "0"
    draft.set_text("architecture.generator_channels", "96, 48, 16, 16")
    draft.set_text("architecture.wide_from", asked)
    assert str(draft.config.architecture.wide_from) == asked, "unless that is set too"


@pytest.mark.parametrize("iterations", [None, 0])
def test_a_run_made_from_another_has_the_networks_it_got(draft: ConfigDraft, iterations: int | None) -> None:
    preset = load_preset("sprite-r3-cpu")
    trained = settled(preset, iterations)
    draft.start_from(preset, trained, "r7")
    assert draft.config == trained
    assert not is_open(draft.config)


def test_a_run_of_an_older_version_gives_its_networks_to_the_next(draft: ConfigDraft) -> None:
    preset = load_preset("sprite-r3-cpu")
    values = preset.to_json()
    del values["architecture"]["wide_channels"], values["architecture"]["wide_from"]
    older = TrainConfig.from_json(values)
    draft.start_from(preset, older, "r7")
    assert not is_open(draft.config)
    assert changes_from(older, draft.config, "") == []


@pytest.mark.parametrize("value", [True, 3, 2.5e-4, (1, 2), "bce", ()])
def test_values_as_text(value: object) -> None:
    assert as_text(value) == {True: "true", 3: "3", 2.5e-4: "0.00025", (1, 2): "1, 2", "bce": "bce", (): ""}[value]


def _manifest(workspace, entries: list[ManifestEntry]):  # type: ignore[no-untyped-def]
    digest = "d" * 64
    path: Path = workspace.manifest_path(digest)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(manifest_bytes(entries))
    return SimpleNamespace(digest=digest)


def _entry(index: int, side: int = 32, facing: str = "left") -> ManifestEntry:
    return ManifestEntry(f"{index:064x}", f"{index}.png", "0" * 64, side, side, facing=facing)


def test_checks_find_few_sprites_mixed_facing_and_sizes_that_do_not_fit(workspace) -> None:  # type: ignore[no-untyped-def]
    config = load_preset("sprite-r3-cpu")
    good = [_entry(i) for i in range(100)]
    levels = {c.name: c.level for c in check_data(workspace, _manifest(workspace, good), config)}
    assert levels == {"sprites": OK, "facing": OK, "duplicates": NOTE, "sizes": OK}
    bad = [_entry(i, 200, "left" if i % 3 else "right") for i in range(30)]
    found = {c.name: c for c in check_data(workspace, _manifest(workspace, bad), config)}
    assert {name: check.level for name, check in found.items()} == {
        "sprites": WARNING,
        "facing": WARNING,
        "duplicates": NOTE,
        "sizes": NOTE,
    }
    assert "20 look left, 10 right" in found["facing"].text
    assert found["facing"].cure == "Curate"
    assert found["facing"].shown == Filter(status="not-dropped", facing="right"), "the fewer ones"
    assert (found["sizes"].shown, found["sizes"].panel) == (Filter(status="not-dropped", min_side=65), "recipe")


def test_a_flow_that_would_see_each_sprite_too_often_is_warned_about(workspace) -> None:  # type: ignore[no-untyped-def]
    version = _manifest(workspace, [_entry(i) for i in range(100)])
    preset = apply_overrides(load_preset("sprite-flow-cpu"), ["batch.size=10", "stop.iterations=6000"])
    flow = apply_overrides(preset, ["augmentation.probability=0"])

    def often(*changes: str, steps: int | None = None) -> str:
        config = apply_overrides(flow, list(changes))
        found = [check for check in check_data(workspace, version, config, steps) if check.name == "passes"]
        assert {check.level for check in found} <= {WARNING}
        return found[0].text if found else ""

    assert "600 times" in often()
    (found,) = check_copying(workspace, version, flow)
    assert often() == found.text
    ends = found.images
    assert ends == 100 * FLOW_PASSES
    assert often(f"stop.images={ends}") == ""
    assert "1,200 times" in often("data.subset=50"), "of fewer pictures"
    assert "1,200 times" in often("data.every_other=true")
    assert often(f"stop.iterations={10 * FLOW_PASSES}") == ""
    assert f"{FLOW_PASSES + 1} times" in often(f"stop.iterations={10 * FLOW_PASSES + 10}")
    assert "400 times" in often("stop.images=40000")
    assert often("stop.minutes=5") == "", "who knows how fast it trains"
    assert "500 times" in often("stop.minutes=5", steps=5000)
    augmented = ("augmentation.probability=0.5", "augmentation.translation=0.0625")
    assert often(*augmented, "stop.iterations=2000") == ""
    assert "600 times" in often(*augmented)
    own = ("augmentation.probability=0.8",)
    assert often(*own, "stop.iterations=3000") == "", "as the preset has it"
    assert "301 times" in often(*own, "stop.iterations=3010")
    assert ("augmentation" in often(), "augmentation" in often(*augmented)) == (True, False)
    falls = (*augmented, "augmentation.probability_end=0.1", "stop.iterations=1500")
    assert "150 times" in often(*falls), "too little in the end"
    assert "to the end" in often(*falls)
    rises = ("augmentation.translation=0.0625", "augmentation.probability_end=0.5", "stop.iterations=1500")
    assert "sooner" in often(*rises)
    late = (*augmented, f"augmentation.after_views={FLOW_PASSES + 1}")
    assert "sooner" in often(*late, f"stop.iterations={10 * FLOW_PASSES + 10}"), "it begins too late"
    gan = load_preset("sprite-r3-cpu")
    assert [check for check in check_data(workspace, version, gan, 10**6) if check.name == "passes"] == []


def test_when_a_flow_may_begin_to_copy_is_told_of_a_run_limited_by_time(workspace) -> None:  # type: ignore[no-untyped-def]
    version = _manifest(workspace, [_entry(i) for i in range(100)])
    timed = apply_overrides(load_preset("sprite-flow-cpu"), ["stop.iterations=0", "stop.minutes=5"])
    (found,) = check_copying(workspace, version, timed)
    assert (found.level, found.images) == (NOTE, 30_000)
    assert "30,000" in found.text
    for change in ("stop.minutes=0.5", "stop.images=30000", "stop.images=9000", "stop.iterations=900"):
        assert check_copying(workspace, version, apply_overrides(timed, [change])) == [], change
    assert check_copying(workspace, version, apply_overrides(timed, ["stop.images=40000"])) == [found]
    card = apply_overrides(timed, ["stop.minutes=0.5", "device=cuda"])
    assert [check.images for check in check_copying(workspace, version, card)] == [30_000], "a card gets that far"
    gan = apply_overrides(load_preset("sprite-r3-cpu"), ["stop.minutes=5"])
    assert check_copying(workspace, version, gan) == []


def test_a_runs_end_is_reckoned_alike_before_and_during_it() -> None:
    flow = apply_overrides(load_preset("sprite-flow-cpu"), ["batch.size=10", "stop.iterations=600"])
    done = Done(200, 2000, 20.0)
    assert flow_pictures(flow) == flow_pictures(flow, done=done) == 6000
    assert flow_pictures(flow, done=Done(200, 4000, 20.0)) == 12_000, "its batch was chosen by a trial"
    soon = apply_overrides(flow, ["stop.images=500"])
    assert flow_pictures(soon) == flow_pictures(soon, done=done) == 500, "the nearest limit"
    timed = apply_overrides(flow, ["stop.iterations=0", "stop.minutes=5"])
    assert flow_pictures(timed, 3000) == flow_pictures(timed, done=done) == 30_000
    assert flow_pictures(timed) is flow_pictures(timed, done=Done(200, 2000)) is None, "nobody knows how fast it is"
    assert flow_pictures(load_preset("sprite-r3-cpu"), done=done) is None


def test_a_family_that_a_flow_would_often_see_is_told(workspace) -> None:  # type: ignore[no-untyped-def]
    flow = apply_overrides(load_preset("sprite-flow-cpu"), ["stop.iterations=100"])
    others = [dataclasses.replace(_entry(i), family=str(i % 9)) for i in range(200)]

    def told(members: int, config: TrainConfig = flow, **values: object) -> list[str]:
        large = [dataclasses.replace(_entry(1000 + i), family="cream", **values) for i in range(members)]
        found = check_data(workspace, _manifest(workspace, [*others, *large]), config)
        return [check.text for check in found if check.name == "family"]

    assert "cream" in told(31)[0]
    assert told(30) == []
    assert told(31, load_preset("sprite-r3-cpu")) == []
    assert told(31, weight=0.5) == [], "balanced, it is seen as often as others"
    assert told(31, split="held-out") == []
    even = [dataclasses.replace(_entry(i), family=str(i % 5)) for i in range(200)]
    found = check_data(workspace, _manifest(workspace, even), flow)
    assert "family" not in {check.name for check in found}, "of families of one size, none is a favourite"


def test_leftover_duplicates_are_told_from_the_newest_search(workspace, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.core import versions
    from gandam_studio.core.duplicates import find_duplicates
    from gandam_studio.core.importing import import_sources
    from gandam_studio.core.workspace.edits import Drop

    folder = tmp_path / "sprites"
    folder.mkdir()
    for index, picture in enumerate(pictures(12, 5)):
        image = Image.fromarray(picture).resize((32, 32), Image.Resampling.NEAREST)
        image.save(folder / f"{index:02}.png")
        if index == 3:
            image.resize((64, 64), Image.Resampling.NEAREST).save(folder / "larger.png")
    import_sources(workspace, [folder])
    config = load_preset("sprite-r3-cpu")

    def check(version):  # type: ignore[no-untyped-def]
        return next(c for c in check_data(workspace, version, config) if c.name == "duplicates")

    first = versions.commit(workspace, "all")
    assert (check(first).level, check(first).cure) == (NOTE, "Duplicates")
    report = find_duplicates(workspace)
    assert check(first).text == "1 sprite is a copy of another in this version"
    assert (check(first).level, check(first).cure) == (WARNING, "Duplicates")
    (copy,) = [member.seq for group in report.groups for member in group.duplicates]
    workspace.apply(Drop([copy], "a copy"))
    assert check(versions.commit(workspace, "without")).level == OK


def test_mirroring_curated_pictures_is_warned_of(workspace) -> None:  # type: ignore[no-untyped-def]
    config = apply_overrides(load_preset("dcgan"), ["augmentation.mirror=true"])
    names = [c.name for c in check_data(workspace, _manifest(workspace, [_entry(i) for i in range(100)]), config)]
    assert "mirror" in names


def test_a_disk_too_small_is_told(tmp_path: Path) -> None:
    assert check_disk(tmp_path, 1000).level == OK
    assert check_disk(tmp_path, 10**16).level == WARNING


@pytest.mark.parametrize(("needed", "level"), [(99, OK), (101, WARNING)])
def test_a_fifth_of_the_disk_is_left_free(tmp_path: Path, monkeypatch, needed: int, level: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=120_000))
    assert check_disk(tmp_path, 1000 * needed).level == level
    assert "120 KB free" in check_disk(tmp_path, 1000 * needed).text


def _level(workspace, name: str, entries: list[ManifestEntry], config=None) -> str:  # type: ignore[no-untyped-def]
    checks = check_data(workspace, _manifest(workspace, entries), config or load_preset("sprite-r3-cpu"))
    return next(check.level for check in checks if check.name == name)


def test_where_warnings_about_the_data_begin(workspace) -> None:  # type: ignore[no-untyped-def]
    def of(name: str, *parts: tuple[int, dict[str, Any]]) -> str:
        entries = [replace(_entry(0), **values) for count, values in parts for _ in range(count)]
        return _level(workspace, name, [replace(entry, id=f"{n:064x}") for n, entry in enumerate(entries)])

    assert of("sprites", (64, {})) == OK
    assert of("sprites", (63, {})) == WARNING
    assert of("sprites", (63, {}), (40, {"split": "held-out"})) == WARNING
    assert of("facing", (9, {"facing": "left"}), (1, {"facing": "right"})) == WARNING
    assert of("facing", (19, {"facing": "left"}), (2, {"facing": "right"})) == OK
    assert of("facing", (19, {"facing": "right"}), (2, {"facing": "left"})) == OK
    assert of("facing", (10, {"facing": "left"}), (10, {"facing": "unknown"})) == OK
    assert of("facing", (10, {"facing": "left"}), (11, {"facing": "unknown"})) == NOTE
    assert of("facing", (10, {"facing": "front"})) == OK
    size = load_preset("sprite-r3-cpu").data.size
    large, small = {"width": 2 * size + 1, "height": 3}, {"width": 3, "height": (size - 1) // 2}
    fits, half = {"width": 2 * size, "height": 2 * size}, {"width": size // 2, "height": 3}
    assert of("sizes", (2, large), (8, fits)) == NOTE
    assert of("sizes", (1, large), (9, half)) == OK
    assert of("sizes", (2, small), (8, half)) == NOTE
    assert of("sizes", (10, {**large, "crop": (0, 0, size, size)})) == OK


def test_the_page_offers_cures_and_starts_what_was_drawn_up(session, sprites, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.train.control import RunControl
    from gandam_studio.qt.train.setup.setup_page import SetupPage

    control = RunControl(session)
    page = SetupPage(session, control)
    qtbot.addWidget(page)
    assert page.version().number == sprites.number
    page.check()
    buttons = [b for b in page.preflight.findChildren(QPushButton) if b.text() == "Go to Curate"]
    with qtbot.waitSignal(page.cure_requested) as asked:
        qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    assert asked.args == ["Curate", None]
    page.draft.choose("sprite-flow-cpu")
    page.draft.set_value("stop.iterations", 100_000)
    page.check()
    often = next(check for check in page.preflight.shown if check.name == "passes")
    button = next(b for b in page.preflight.findChildren(QPushButton) if f"{often.images:,}" in b.toolTip())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert page.draft.config.stop.images == often.images
    page.check()
    assert "passes" not in {check.name for check in page.preflight.shown}
    page.draft.reset("stop.images")
    page.draft.set_text("stop.iterations", "12")
    with qtbot.waitSignal(page.start_requested) as started:
        qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    version, config, parent = started.args
    assert (version.number, config.stop.iterations, parent) == (1, 12, "")
    page.draft.set_text("stop.iterations", "soon")
    assert not page.start_button.isEnabled()
    assert page.problem.text()
    control.release()


def test_without_a_version_nothing_can_be_started(session, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.train.control import RunControl
    from gandam_studio.qt.train.setup.setup_page import SetupPage

    control = RunControl(session)
    page = SetupPage(session, control)
    qtbot.addWidget(page)
    assert page.version() is None
    assert not page.start_button.isEnabled()
    control.release()


def test_a_scaled_preset_says_so(session, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.train.control import RunControl
    from gandam_studio.qt.train.setup.setup_page import SetupPage

    control = RunControl(session)
    page = SetupPage(session, control)
    qtbot.addWidget(page)
    page.draft.choose("gandam-part-2")
    page.draft.set_text("data.size", "64")
    assert "256 px" in page.description.text()
    assert dataclasses.asdict(page.draft.config)["data"]["size"] == 64
    control.release()


def test_another_preset_is_proposed_and_taking_it_keeps_what_was_set(session, sprites, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.train.control import RunControl
    from gandam_studio.qt.train.setup.setup_page import SetupPage

    control = RunControl(session)
    page = SetupPage(session, control)
    qtbot.addWidget(page)
    page.draft.set_devices(["cpu"])
    assert "sprite-r3-cpu" in page.proposal.button.text()  # With so few sprites not the one that the page begins with.
    page.draft.choose("dcgan")
    page.draft.set_value("data.size", 32)
    page.draft.set_text("seed", "5")
    page.draft.set_text("optimiser.lr_g", "1e-3")
    assert not page.proposal.isHidden()
    assert "sprite-r3-cpu" in page.proposal.button.text()
    qtbot.mouseClick(page.proposal.button, Qt.MouseButton.LeftButton)
    assert page.draft.config.preset == page.presets.currentText() == "sprite-r3-cpu"
    assert list(page.draft.departures()) == ["seed"]
    assert page.proposal.button.isHidden(), "what was proposed is chosen"
    control.release()


def test_the_preset_that_was_proposed_says_what_to_expect(session, sprites, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.core.runs import proposing
    from gandam_studio.qt.train.control import RunControl
    from gandam_studio.qt.train.setup.setup_page import SetupPage

    monkeypatch.setattr(proposing, "LEAST_SPRITES", 4)
    control = RunControl(session)
    page = SetupPage(session, control)
    qtbot.addWidget(page)
    page.draft.set_devices(["cpu"])

    def said() -> str:
        page.check()  # Which counts what is trained on.
        assert not page.proposal.isHidden()
        return page.proposal.label.text()

    in_time = said()
    assert page.draft.config.preset == "sprite-flow-cpu"
    assert page.proposal.button.isHidden()
    page.draft.set_text("stop.iterations", "100")
    short = said()
    assert short != in_time
    page.draft.set_text("stop.iterations", "6000")
    assert said() == in_time
    page.draft.set_text("data.subset", "3")
    assert "sprite-r3-cpu" in page.proposal.button.text(), "that few are trained on"
    assert not page.proposal.button.isHidden()
    page.draft.set_text("seed", "7")
    assert not page.proposal.button.isHidden(), "the same before the next check"
    page.draft.set_text("data.subset", "0")
    page.draft.choose("dcgan")
    page.draft.set_value("data.size", 32)
    page.draft.set_text("stop.iterations", "100")
    few = page.proposal.label.text()
    page.draft.set_text("stop.iterations", "6000")
    assert page.proposal.label.text() != few, "in the batches of what is proposed"
    page.draft.set_text("stop.images", "5000")
    assert page.proposal.label.text() == few
    qtbot.mouseClick(page.proposal.button, Qt.MouseButton.LeftButton)
    assert page.draft.config.stop.images == 5000
    assert page.proposal.label.text() == short
    control.release()


def test_taking_a_proposal_keeps_a_size_that_was_set_by_hand(session, sprites, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.train.control import RunControl
    from gandam_studio.qt.train.setup.setup_page import SetupPage

    control = RunControl(session)
    page = SetupPage(session, control)
    qtbot.addWidget(page)
    page.draft.set_devices(["cuda"])
    page.draft.choose("dcgan")
    page.draft.set_value("data.size", 128)
    assert load_preset("sprite-r3").data.size == 64
    qtbot.mouseClick(page.proposal.button, Qt.MouseButton.LeftButton)
    assert page.draft.config.preset == "sprite-r3"
    assert page.draft.config.data.size == 128
    control.release()
