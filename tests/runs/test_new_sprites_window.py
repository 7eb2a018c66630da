"""The New sprites dialog: the look is chosen under a preview, what is written is what was shown, and some come back."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from recorded_runs import recorded

from gandam_studio.core import versions
from gandam_studio.core.runs import handing_over
from gandam_studio.core.runs.handing_over import EACH, OWN, Samples
from gandam_studio.core.runs.sampling import Choice
from gandam_studio.core.workspace.lineage import GENERATED
from gandam_studio.core.workspace.query import Filter
from trainer.protocol.files import write_json
from trainer.protocol.run_directory import RunDirectory

SIDE = 24


def soft_samples(count: int) -> Samples:
    """Blobs in soft colours with half-clear edges and a stray pixel each."""
    dice = np.random.default_rng(2)
    y, x = np.mgrid[:SIDE, :SIDE]
    pictures = []
    for index in range(count):
        away = np.hypot(y - 12, x - 11 - index % 3)
        picture = np.zeros((SIDE, SIDE, 4), np.uint8)
        picture[..., :3] = np.clip(dice.integers(60, 200, 3) + 8 * dice.standard_normal((SIDE, SIDE, 3)), 0, 255)
        picture[..., 3] = np.clip(255 * (9.5 - away), 0, 255)
        picture[12, 11] = (255, 0, 255, 255)
        pictures.append(picture)
    facts = {"run": "r1-test", "iteration": 200, "weights": "ema", "seed": 4, "count": count, "manifest": "ab" * 32}
    return Samples(pictures, [f"4/{index}" for index in range(count)], facts)


@pytest.fixture
def run(session) -> RunDirectory:  # type: ignore[no-untyped-def]
    made = recorded(Path(session.workspace.folder) / "runs" / "r1-test", iterations=200)
    (made.checkpoints_path / "00000200").mkdir(exist_ok=True)
    return made


@pytest.fixture
def dialog(session, run, qtbot, monkeypatch, tmp_path):  # type: ignore[no-untyped-def]
    """An opened dialog whose samples are drawn without a network; `.drawn` counts them."""
    from gandam_studio.core.runs.listing import runs
    from gandam_studio.qt.outputs.sprites_dialog import SpritesDialog

    drawn: list[int] = []
    tags: list[str] = []

    def by(_run: RunDirectory, *, count: int, choice: Choice, **_: object):  # type: ignore[no-untyped-def]
        def draw(_folder: Path) -> Samples:
            drawn.append(count)
            tags.append(choice.tag)
            return soft_samples(count)

        return draw

    monkeypatch.setattr(handing_over, "drawn_by", by)
    made = SpritesDialog(session, runs(session.workspace), run.path)
    made.drawn, made.tags = drawn, tags
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.preview.done is not None, timeout=20_000)
    yield made
    made.done(0)


def opacity(image) -> set[int]:  # type: ignore[no-untyped-def]
    return {image.pixelColor(x, y).alpha() for x in range(image.width()) for y in range(image.height())}


def settled(dialog, qtbot, before) -> None:  # type: ignore[no-untyped-def]
    qtbot.waitUntil(lambda: dialog.preview.done is not None and dialog.preview.done is not before, timeout=20_000)


def test_before_and_after_are_shown_at_once(dialog) -> None:  # type: ignore[no-untyped-def]
    pictures = dialog.preview.pictures
    assert pictures.before.image.size() == pictures.after.image.size()
    assert len(opacity(pictures.before.image)) > 2
    assert opacity(pictures.after.image) == {0, 255}
    assert "training pictures" in dialog.preview.told.text()
    palette = dialog.preview.done.finish.palette
    assert dialog.panel.swatches.colours == list(palette.colours)
    red, green, blue = palette.colours[0]
    assert dialog.panel.swatches.colour_at(dialog.panel.swatches.rect().topLeft()) == f"#{red:02x}{green:02x}{blue:02x}"


def test_every_choice_changes_the_preview(dialog, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    panel, preview = dialog.panel, dialog.preview
    before = preview.done
    panel.palette_box.setCurrentIndex(panel.palette_box.findData(OWN))
    settled(dialog, qtbot, before)
    before = preview.done
    panel.colours.setValue(5)
    settled(dialog, qtbot, before)
    assert len(panel.swatches.colours) == 5
    before = preview.done
    panel.cleans.setChecked(False)
    settled(dialog, qtbot, before)
    assert preview.done.finish.share is None
    assert not panel.times.isEnabled()
    before = preview.done
    panel.alpha.setCurrentIndex(1)
    settled(dialog, qtbot, before)
    assert len(opacity(preview.pictures.after.image)) > 2
    (tmp_path / "two.hex").write_text("101010\nf0f0f0\n")
    panel.palette_box.setCurrentIndex(panel.palette_box.findData("file"))
    qtbot.waitUntil(lambda: "palette file" in preview.told.text(), timeout=20_000)
    assert not dialog.start_button.isEnabled()
    panel.file.setText(str(tmp_path / "none.gpl"))
    qtbot.waitUntil(lambda: "none.gpl cannot be read" in preview.told.text(), timeout=20_000)
    panel.file.setText(str(tmp_path / "two.hex"))
    qtbot.waitUntil(lambda: panel.swatches.colours == [(16, 16, 16), (240, 240, 240)], timeout=20_000)
    assert dialog.start_button.isEnabled()
    assert dialog.drawn == [6], "the samples are drawn once"


def test_another_seed_is_drawn_and_previewed(dialog, qtbot) -> None:  # type: ignore[no-untyped-def]
    dialog.seed.setValue(dialog.seed.value() + 1)
    qtbot.waitUntil(lambda: dialog.drawn == [6, 6], timeout=20_000)


def test_both_pictures_zoom_and_move_together(dialog, qtbot) -> None:  # type: ignore[no-untyped-def]
    pictures = dialog.preview.pictures
    fitted = pictures.zoom
    assert fitted >= 1
    pictures.before.setFocus()
    QTest.keyClick(pictures.before, Qt.Key.Key_Plus)
    assert pictures.zoom == fitted + 1
    QTest.keyClick(pictures.before, Qt.Key.Key_Right)
    assert pictures.before.origin == pictures.after.origin
    pictures.after.zoom_wanted.emit(1, QPointF(10, 10))
    assert pictures.before.zoom == pictures.after.zoom == fitted + 2
    qtbot.mouseClick(pictures.whole, Qt.MouseButton.LeftButton)
    assert pictures.zoom == fitted
    for _ in range(12):
        qtbot.mouseClick(pictures.smaller, Qt.MouseButton.LeftButton)
    assert 0 < pictures.zoom < 1
    assert "%" in pictures.before.accessible_value()


def test_what_is_written_is_what_was_shown_and_comes_back(dialog, session, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dialog.layout_box.setCurrentIndex(3)
    dialog.count.setValue(6)
    dialog.take.setChecked(True)
    dialog.target.setText(str(tmp_path / "out"))
    shown = dialog.preview.done
    with qtbot.waitSignal(session.sprites_imported, timeout=60_000):
        qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    told = json.loads((tmp_path / "out" / "seeds.json").read_text(encoding="utf-8"))
    assert (tmp_path / "out" / "sprites.aseprite").is_file()
    for one, picture in zip(told["sprites"], shown.pictures, strict=True):
        with Image.open(tmp_path / "out" / one["file"]) as written:
            assert (np.asarray(written) == picture).all()
    assert "New in the workspace: 6 sprites" in dialog.told.text()
    assert len(session.workspace.select(Filter(tag=GENERATED))) == 6
    assert versions.count_generated(session.workspace) == (0, 6)


@pytest.mark.parametrize(("layout", "suffix"), [(1, ".png"), (4, ".aseprite")])
def test_single_files(dialog, qtbot, tmp_path: Path, layout: int, suffix: str) -> None:  # type: ignore[no-untyped-def]
    dialog.panel.palette_box.setCurrentIndex(dialog.panel.palette_box.findData(EACH))
    dialog.layout_box.setCurrentIndex(layout)
    assert dialog.target.text().endswith(suffix)
    dialog.target.setText(str(tmp_path / "x.bmp"))
    assert not dialog.start_button.isEnabled()
    dialog.target.setText(str(tmp_path / f"x{suffix}"))
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.task is None and dialog.reveal_button.isVisible(), timeout=60_000)
    assert (tmp_path / f"x{suffix}").stat().st_size > 100


def test_a_walk_of_too_many_frames_is_refused(dialog, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dialog.layout_box.setCurrentIndex(5)
    assert dialog.target.text().endswith(".gif")
    dialog.count.setValue(3000)
    assert "too many" in dialog.problem.text()
    dialog.count.setValue(8)
    assert dialog.start_button.isEnabled()


def test_what_is_too_large_is_refused_before_it_is_drawn(dialog, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dialog.target.setText(str(tmp_path / "a.gif"))
    dialog.layout_box.setCurrentIndex(dialog.layout_box.findData("moving"))
    dialog.count.setValue(60)
    dialog.steps.setValue(30)
    assert dialog.start_button.isEnabled()
    dialog.scale.setCurrentIndex(4)
    assert dialog.scale.currentData() == (8,)
    assert "memory" not in dialog.problem.text()
    dialog._side = 256  # A run of larger pictures: as `runs` would choose.
    dialog.check()
    assert "fit into memory" in dialog.problem.text()
    dialog.target.setText(str(tmp_path / "a.png"))
    dialog.layout_box.setCurrentIndex(dialog.layout_box.findData("sheet"))
    assert dialog.scale.currentData() == (8,), "another format leaves the size as it was chosen"
    dialog.count.setValue(2000)
    assert "is too large" in dialog.problem.text()
    assert not dialog.start_button.isEnabled()


def test_sprites_of_one_class_are_drawn(dialog, run, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert dialog.kinds.isHidden()
    config = json.loads(run.config_path.read_text(encoding="utf-8"))
    config["data"]["condition"] = ["mech", "tank"]
    write_json(run.config_path, config)
    dialog._change_run()
    assert [dialog.kinds.itemText(index) for index in range(dialog.kinds.count())] == [
        "All kinds", "mech", "tank", "(other)",
    ]  # fmt: skip
    assert dialog.kinds.isVisible()
    before = dialog.preview.done
    dialog.kinds.setCurrentIndex(2)
    settled(dialog, qtbot, before)
    assert dialog.tags[-1] == "tank"
    dialog.count.setValue(3)
    dialog.target.setText(str(tmp_path / "out"))
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.result_path is not None, timeout=60_000)
    assert (dialog.drawn[-1], dialog.tags[-1]) == (3, "tank")


def test_versions_says_what_a_run_has_drawn(session, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.versions.commit_box import CommitBox

    box = CommitBox()
    qtbot.addWidget(box)
    box.show()
    assert not box.drawn.isVisible()
    box.show_drawn(0, 4)
    assert box.drawn_buttons["candidates"].text() == "4 left out until kept"
    assert not box.drawn_buttons["accepted"].isVisible()
    with qtbot.waitSignal(box.unseen_requested) as asked:
        qtbot.mouseClick(box.drawn_buttons["candidates"], Qt.MouseButton.LeftButton)
    assert asked.args == ["candidates"]
    assert not box.with_generated.isVisible()
    box.show_drawn(3, 4)
    assert box.drawn_buttons["accepted"].text() == "3 kept, not trained on"
    with qtbot.waitSignal(box.choices_changed):
        box.with_generated.click()
    assert box.choices == {"kept_only": False, "with_generated": True}
    box.show_drawn(3, 4)
    assert box.drawn_buttons["accepted"].text() == "3 kept, to be trained on"
    box.show_drawn(0, 4)
    assert not box.choices["with_generated"]


def test_chosen_samples_are_handed_over(session, run, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.outputs.finishing_dialog import HandOverDialog

    samples = soft_samples(5)
    dialog = HandOverDialog(session, run, samples)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.preview.done is not None, timeout=20_000)
    for layout, name in ((0, "folder"), (5, "turn.gif")):
        dialog.layout_box.setCurrentIndex(layout)
        dialog.target.setText(str(tmp_path / name))
        dialog.reveal_button.hide()
        qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: dialog.task is None and dialog.reveal_button.isVisible(), timeout=60_000)
    assert len(list((tmp_path / "folder").glob("r1-test-*.png"))) == 5
    with Image.open(tmp_path / "turn.gif") as film:
        assert film.n_frames == 5  # type: ignore[attr-defined]
    dialog.done(0)


def test_without_the_training_pictures_samples_are_handed_over_all_the_same(  # type: ignore[no-untyped-def]
    session, run, qtbot, tmp_path: Path
) -> None:
    from gandam_studio.qt.outputs.finishing_dialog import HandOverDialog

    run.dataset_path.rename(tmp_path / "elsewhere.npy")
    dialog = HandOverDialog(session, run, soft_samples(3))
    qtbot.addWidget(dialog)
    dialog.show()
    panel = dialog.panel
    qtbot.waitUntil(lambda: dialog.preview.done is not None, timeout=20_000)
    assert panel.lacking.isVisible()
    assert panel.look.palette == OWN
    assert not panel.cleans.isEnabled()
    dialog.target.setText(str(tmp_path / "folder"))
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.result_path is not None, timeout=60_000)
    assert len(list((tmp_path / "folder").glob("r1-test-*.png"))) == 3
    panel.show_data(True)  # Another run, whose pictures are there.
    assert not panel.lacking.isVisible()
    assert panel.cleans.isEnabled()
    assert panel.cleans.isChecked()
    assert panel.outline.value() > 0
    dialog.done(0)


def test_without_transparency_the_background_is_offered_instead(session, run, dialog, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel = dialog.panel
    assert panel.background.isHidden()
    assert not panel.alpha.isHidden()
    np.save(run.dataset_path, np.full((20, SIDE, SIDE, 3), 255, np.uint8))
    write_json(run.dataset_info_path, {"split": ["train"] * 20, "background": [255, 255, 255]})
    panel.palette_box.setCurrentIndex(panel.palette_box.findData(OWN))
    soft = soft_samples(6)
    whole = [np.where(one[..., 3:] > 127, one[..., :3], 250).astype(np.uint8) for one in soft.pictures]
    before = dialog.preview.done
    dialog.preview.show_samples(run, Samples(whole, soft.latents, soft.facts))
    settled(dialog, qtbot, before)
    assert not panel.background.isHidden()
    assert panel.alpha.isHidden()
    assert opacity(dialog.preview.pictures.after.image) == {0, 255}
    before = dialog.preview.done
    panel.background.setCurrentIndex(panel.background.findData(False))
    settled(dialog, qtbot, before)
    assert opacity(dialog.preview.pictures.after.image) == {255}


def test_what_could_not_be_chosen_before_cannot_be_chosen_afterwards(dialog, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dialog.take.setEnabled(False)  # as in a workspace that is opened for reading only
    dialog.target.setText(str(tmp_path / "out"))
    dialog.start()
    assert not dialog.count.isEnabled()
    qtbot.waitUntil(lambda: dialog.result_path is not None and dialog.task is None, timeout=20_000)
    assert dialog.count.isEnabled()
    assert not dialog.take.isEnabled()


def test_after_cancelling_return_starts_again(dialog, qtbot, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def without_end(_run: RunDirectory, *, job, **_: object):  # type: ignore[no-untyped-def]
        def draw(_folder: Path) -> Samples:
            while True:
                job.check()
                time.sleep(0.01)

        return draw

    monkeypatch.setattr(handing_over, "drawn_by", without_end)
    dialog.target.setText(str(tmp_path / "out"))
    dialog.start()
    dialog.close_button.setFocus()
    dialog.reject()
    qtbot.waitUntil(lambda: dialog.task is None, timeout=20_000)
    assert dialog.isVisible()
    assert dialog.focusWidget() is dialog.start_button
