"""The Explore screen as a hand uses it, with a real model drawn from by a real process."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QInputDialog
from studio_window import CONTROL, SHIFT, OpenWindow, are_final, press

from gandam_studio.core.runs.drawing import Answer, Source
from gandam_studio.core.runs.explored import Direction, Explored, Favourite, explored, keep
from gandam_studio.core.runs.film import FORMATS
from gandam_studio.qt.explore import explorer as views
from gandam_studio.qt.explore import screen as explore_screen
from gandam_studio.qt.explore.directions_panel import OWN, PCA, SEFA, DirectionsPanel
from gandam_studio.qt.explore.drawer import Drawer
from gandam_studio.qt.explore.project_dialog import ProjectDialog
from gandam_studio.qt.explore.screen import ExploreScreen
from gandam_studio.qt.explore.steering import Steering
from gandam_studio.qt.following.requests import ExploreRun
from gandam_studio.qt.outputs.model_dialog import ModelDialog
from gandam_studio.qt.outputs.path_dialog import PathDialog
from gandam_studio.qt.runs.screen import RunsScreen
from trainer.protocol.run_directory import CHECKPOINT_STATE, RunDirectory
from trainer.protocol.sample_notes import Spot, text_of

SLOW = 60_000
NONE = Qt.KeyboardModifier.NoModifier


def drawn(qtbot, screen: ExploreScreen, do) -> None:  # type: ignore[no-untyped-def]
    """Do something and wait for the samples that it draws."""
    with qtbot.waitSignal(screen.explorer.drawn, timeout=SLOW):
        do()


def test_a_story_of_favourites_a_path_and_a_film(explore, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Explore, keep three, go from one to the next, and take the film away: by keys alone."""
    window, screen = explore()
    run = screen.explorer.source.folder
    assert [cell.name for cell in screen.grid.cells[:3]] == ["0/0", "0/1", "0/2"]
    before = [cell.pixels for cell in screen.grid.cells]
    for _ in range(3):
        press(Qt.Key.Key_U)
        press(Qt.Key.Key_Right)
    assert [one.name for one in explored(run).favourites] == ["0/0", "0/1", "0/2"]
    press(Qt.Key.Key_Z)  # Undo takes back the last favourite, not an edit of the workspace.
    assert len(explored(run).favourites) == 2
    press(Qt.Key.Key_Z, SHIFT)
    assert len(explored(run).favourites) == 3
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_I))
    assert isinstance(screen.explorer.view, views.Path)
    assert len(screen.grid.cells) == 2 * views.STEPS + 1
    for index, place in enumerate((0, views.STEPS, 2 * views.STEPS)):
        assert np.array_equal(screen.grid.cells[place].pixels, before[index])
        assert np.array_equal(screen.grid.cells[place].vector, explored(run).favourites[index].vector)
    dialog = PathDialog(window.session, run, np.stack([cell.pixels for cell in screen.grid.cells]), window)
    qtbot.addWidget(dialog)
    assert {dialog.kind.itemData(row) for row in range(dialog.kind.count())} == set(FORMATS)
    target = tmp_path / "film.gif"
    dialog.target.setText(str(target))
    dialog.start()
    qtbot.waitUntil(lambda: dialog.result_path is not None, timeout=SLOW)
    with Image.open(target) as film:
        assert film.n_frames == 4 * views.STEPS
        assert film.size == (32 * dialog.scale.value(),) * 2
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_Escape))
    assert isinstance(screen.explorer.view, views.Random)
    assert np.array_equal(screen.grid.cells[0].pixels, before[0])


def test_seeds_variety_and_variations(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    first = screen.grid.cells[3].pixels
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_N))
    other = screen.bar.seed.value()
    assert other != 0
    assert screen.grid.cells[3].name == f"{other}/3"
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_P))
    assert np.array_equal(screen.grid.cells[3].pixels, first)
    screen.grid.choose(3)
    vector = screen.grid.cells[3].vector
    drawn(qtbot, screen, lambda: screen.bar.variety.setValue(50))
    assert screen.grid.cells[3].vector == pytest.approx(vector / 2, abs=1e-6)
    drawn(qtbot, screen, lambda: screen.bar.variety.setValue(100))
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_A))
    names = [cell.name for cell in screen.grid.cells]
    assert names[:3] == ["0/3", "0/3~0.35/0", "0/3~0.35/1"]
    assert np.array_equal(screen.grid.cells[0].pixels, first)
    drawn(qtbot, screen, lambda: screen.header.radius.setValue(10))
    near = screen.grid.cells[1].vector
    assert np.linalg.norm(near - vector) < np.linalg.norm(vector)
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_A, SHIFT))
    assert screen.grid.cells[1].name == "0/3~0.1/35"
    # Variations of a variation have no name that draws them again, so they are drawn from its latent.
    screen.grid.choose(1)
    base = screen.grid.cells[1]
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_Return))
    assert np.array_equal(screen.grid.cells[0].vector, base.vector)
    assert not screen.bar.variety.isEnabled()


def test_sliders_move_all_samples_and_directions_are_kept(explore, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    panel, run = screen.directions, screen.explorer.source.folder
    qtbot.waitUntil(lambda: len(panel.rows) > 0, timeout=SLOW)
    start = [cell.vector for cell in screen.grid.cells]
    direction = panel.directions[0].vector
    drawn(qtbot, screen, lambda: panel.rows[0].setValue(20))
    for before, cell in zip(start, screen.grid.cells, strict=True):
        assert cell.vector == pytest.approx(before + 2 * direction, abs=1e-5)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_args, **_more: ("bulkier", True))
    panel.keep_wanted.emit(0)
    assert [one.name for one in explored(run).directions] == ["bulkier"]
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_Backspace))
    assert np.array_equal(screen.grid.cells[0].vector, start[0])
    # Learnt from picks: towards the one, away from the other.
    screen.grid.choose(4)
    press(Qt.Key.Key_Y)
    screen.grid.choose(7)
    press(Qt.Key.Key_Y, SHIFT)
    with qtbot.waitSignal(screen.explorer.kept_changed, timeout=SLOW):
        press(Qt.Key.Key_L, CONTROL | SHIFT)
    learnt = explored(run).directions[-1]
    wanted = start[4] - start[7]
    assert float(learnt.vector @ wanted) / np.linalg.norm(wanted) == pytest.approx(1, abs=1e-3)
    assert panel.kind == OWN
    drawn(qtbot, screen, lambda: panel.rows[1].setValue(10))
    assert screen.grid.cells[0].vector == pytest.approx(start[0] + learnt.vector, abs=1e-5)
    panel.remove_wanted.emit(1)
    assert [one.name for one in explored(run).directions] == ["bulkier"]
    panel.kinds.setCurrentIndex(panel.kinds.findData(PCA))
    panel.stop_button.click()
    assert panel.kind == SEFA
    assert panel.rows
    assert panel.stop_button.isHidden()
    panel.kinds.setCurrentIndex(panel.kinds.findData(PCA))
    qtbot.waitUntil(lambda: len(panel.rows) > 1, timeout=SLOW)
    assert panel.stop_button.isHidden()


def test_going_back_leads_to_the_sample_one_came_from(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    screen.grid.choose(7)
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_A))
    assert screen.grid.chosen.name == "0/7"
    assert screen.grid.current == 0
    press(Qt.Key.Key_Right)
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_A))
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_Escape))
    assert (screen.grid.current, screen.grid.chosen.name) == (7, "0/7")
    assert screen.sample.name.text() == "0/7"


def test_a_renamed_favourite_is_shown_under_its_new_name(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    for index in (2, 5):
        screen.grid.choose(index)
        press(Qt.Key.Key_U)
    screen.favourites.setFocus()
    screen.favourites.setCurrentRow(1)
    assert screen.sample.name.text() == "0/5"
    screen.favourites.item(1).setText("the tall one")
    assert screen.sample.name.text() == "the tall one"
    assert screen.favourites.currentRow() == 1  # so that keys go on from here
    press(Qt.Key.Key_Z, CONTROL)
    assert screen.sample.name.text() == "0/5"
    press(Qt.Key.Key_Z, CONTROL)
    assert screen.sample.name.text() == screen.grid.chosen.name
    assert screen.favourites.currentRow() == 0


def test_mixing_takes_details_of_another(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    start = [cell.vector for cell in screen.grid.cells]
    screen.grid.choose(5)
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_M, SHIFT))
    mixed = screen.grid.cells[2].vector.reshape(4, 8)
    assert mixed == pytest.approx(np.stack([start[2], start[2], start[5], start[5]]))
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_Escape))
    assert np.array_equal(screen.grid.cells[2].vector, start[2])


def test_a_steered_sample_is_opened_again_from_its_file(explore, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    window, screen = explore()
    qtbot.waitUntil(lambda: len(screen.directions.rows) > 0, timeout=SLOW)
    screen.grid.choose(5)
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_M, SHIFT))
    drawn(qtbot, screen, lambda: screen.directions.rows[0].setValue(20))
    wanted = screen.grid.cells[2]
    screen.grid.choose(2)
    screen.taking_out.save_to(tmp_path / "a.png")
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_Escape))
    drawn(qtbot, screen, lambda: screen.taking_out.open_sprite(tmp_path / "a.png"))
    (cell,) = screen.grid.cells
    assert np.array_equal(cell.vector, wanted.vector)
    assert np.array_equal(cell.pixels, wanted.pixels)
    assert screen.header.heading.text() == "1 sprite of a.png"
    assert not any(row.value() for row in screen.directions.rows)
    drawn(qtbot, screen, lambda: screen.directions.rows[0].setValue(10))  # It is steered on from there.
    assert not np.array_equal(screen.grid.cells[0].vector, wanted.vector)
    screen.taking_out.save_to(tmp_path / "b.png")
    assert json.loads(Image.open(tmp_path / "b.png").text["gandam"])["latent"] == "steered-0/2"
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_Escape))
    assert len(screen.grid.cells) == 36
    # What cannot be shown is said.
    posted: list[str] = []
    window.session.message_posted.connect(lambda text, *_rest: posted.append(text))
    Image.new("RGB", (2, 2)).save(tmp_path / "plain.png")
    screen.taking_out.open_sprite(tmp_path / "plain.png")
    assert "does not say what draws it again" in posted[-1]
    for changes, words in (
        ({"vector": text_of(np.zeros(5, np.float32)), "run": "r9-gone"}, "another network (r9-gone)"),
        ({"run": "r9-gone"}, "may be another picture"),
    ):
        note = {**json.loads(Image.open(tmp_path / "a.png").text["gandam"]), **changes}
        notes = PngImagePlugin.PngInfo()
        notes.add_text("gandam", json.dumps(note))
        Image.new("RGB", (2, 2)).save(tmp_path / "other.png", pnginfo=notes)
        screen.taking_out.open_sprite(tmp_path / "other.png")
        assert words in posted[-1]


def test_a_file_is_opened_with_the_checkpoint_that_drew_it(explore, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    newest = screen.explorer.facts.iteration
    screen.grid.choose(3)
    wanted = screen.grid.cells[3].pixels
    screen.taking_out.save_to(tmp_path / "a.png")
    run = screen.explorer.source.folder
    shutil.copytree(run / "checkpoints" / f"{newest:08}", run / "checkpoints" / f"{newest + 1:08}")
    state = run / "checkpoints" / f"{newest + 1:08}" / CHECKPOINT_STATE
    state.write_text(json.dumps({**json.loads(state.read_text()), "iteration": newest + 1}))
    with qtbot.waitSignal(screen.explorer.opened, timeout=SLOW):
        screen.model.request(ExploreRun(run, newest + 1.0))
    qtbot.waitUntil(lambda: are_final(screen, 36), timeout=SLOW)
    assert screen.explorer.facts.iteration == newest + 1
    screen.taking_out.open_sprite(tmp_path / "a.png")
    qtbot.waitUntil(lambda: are_final(screen, 1), timeout=SLOW)
    assert screen.explorer.facts.iteration == newest
    assert np.array_equal(screen.grid.cells[0].pixels, wanted)


def test_a_sample_is_found_again_and_kept(explore, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    window, screen = explore()
    screen.grid.choose(6)
    wanted = screen.grid.cells[6].pixels
    screen.taking_out.save_to(tmp_path / "a")
    saved = Image.open(tmp_path / "a.png")
    assert json.loads(saved.text["gandam"])["latent"] == "0/6"
    assert np.array_equal(np.asarray(saved), wanted)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    assert screen.can_take(data)
    picture, name = screen.taking_out.picture_in(data)
    from gandam_studio.core.runs.exploring import fitted

    dialog = ProjectDialog(
        screen.explorer, fitted(screen.explorer.source.folder, screen.explorer.facts, picture), name, window
    )
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.cell is not None, timeout=SLOW)
    assert np.abs(dialog.cell.pixels.astype(int) - wanted).mean() < 1
    assert dialog.keep_button.isEnabled()
    screen.keeping.toggle(dialog.cell)
    assert [one.origin for one in explored(screen.explorer.source.folder).favourites] == ["a.png"]


def test_nearest_pictures_are_shown_and_copies_warned_about(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    qtbot.waitUntil(lambda: len(screen.sample.training.rows) == 1, timeout=SLOW)
    assert len(screen.sample.training.rows[0][1]) == 4
    real = np.load(screen.explorer.source.folder / "dataset.npy")[0]
    answer = screen.drawer.process.ask(
        "nearest", screen.explorer.source, {"shape": list(real.shape), "count": 4}, [real.tobytes()]
    )
    screen.sample.show_nearest(answer, "")
    assert not screen.sample.warning.isHidden()


def test_favourites_are_named_and_removed(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    run = screen.explorer.source.folder
    button, unkept = screen.sample.keep_button, screen.sample.keep_button.text()
    press(Qt.Key.Key_U)
    assert button.text() != unkept
    press(Qt.Key.Key_Right)
    assert button.text() == unkept
    press(Qt.Key.Key_Left)
    assert button.text() != unkept
    screen.favourites.item(0).setText("the tall one")
    assert explored(run).favourites[0].name == "the tall one"
    screen.favourites.item(0).setSelected(True)
    screen.favourites.setFocus()
    press(Qt.Key.Key_Delete)
    assert not explored(run).favourites
    assert button.text() == unkept
    screen.grid.setFocus()
    press(Qt.Key.Key_Z)
    assert explored(run).favourites[0].name == "the tall one"
    assert screen.favourites.count() == 1


def test_the_seed_of_a_steered_sample_is_not_copied(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    screen.grid.choose(8)
    press(Qt.Key.Key_C, CONTROL)
    assert QGuiApplication.clipboard().image().width() == 32
    screen.actions_of.copy_seed.trigger()
    assert QGuiApplication.clipboard().text() == "0/8"
    QGuiApplication.clipboard().setText("before")
    qtbot.waitUntil(lambda: len(screen.directions.rows) > 0, timeout=SLOW)
    drawn(qtbot, screen, lambda: screen.directions.rows[0].setValue(20))
    screen.actions_of.copy_seed.trigger()
    assert QGuiApplication.clipboard().text() == "before"


def test_a_favourite_knows_its_seed(explore, qtbot, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.explore import taking_out

    _, screen = explore()
    screen.grid.choose(3)
    press(Qt.Key.Key_U)
    qtbot.waitUntil(lambda: len(screen.directions.rows) > 0, timeout=SLOW)
    drawn(qtbot, screen, lambda: screen.directions.rows[0].setValue(20))
    screen.grid.choose(4)
    press(Qt.Key.Key_U)
    screen.favourites.renamed.emit(0, "the tall one")
    screen.favourites.setCurrentRow(0)
    screen.actions_of.copy_seed.trigger()
    assert QGuiApplication.clipboard().text() == "0/3"
    screen.taking_out.save_to(tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as picture:
        told = json.loads(picture.text["gandam"])  # type: ignore[attr-defined]
    assert (told["latent"], told["name"]) == ("0/3", "the tall one")
    assert told.get("manifest", "") == RunDirectory(screen.explorer.source.folder).config().origin.manifest
    screen.favourites.clearSelection()
    opened: list = []
    monkeypatch.setattr(taking_out, "run_dialog", opened.append)
    screen.actions_of.hand_over_favourites.trigger()
    qtbot.waitUntil(lambda: bool(opened), timeout=SLOW)
    qtbot.addWidget(opened[0])
    over = opened[0].drawing()(None)(tmp_path)
    assert list(over.latents) == ["0/3", "steered-0/4"]
    assert [one.get("name") for one in map(over.named, range(2))] == ["the tall one", None]
    opened[0].done(0)


def test_runs_lead_here(  # type: ignore[no-untyped-def]
    open_window: OpenWindow, folder: Path, qtbot
) -> None:
    window = open_window(folder)
    runs = window.visit_by_name("Runs")
    assert isinstance(runs, RunsScreen)
    qtbot.waitUntil(lambda: runs.run_shown() is not None, timeout=SLOW)
    runs.explore()
    screen = window.screen_shown
    assert isinstance(screen, ExploreScreen)
    qtbot.waitUntil(lambda: are_final(screen, 36), timeout=90_000)
    assert screen.explorer.source.folder == folder / "runs" / "r1-sprite"


def test_no_runs_and_damaged_favourites(open_window: OpenWindow, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = folder / "runs" / "r1-sprite"
    (run / "explored.json").write_text('{"favourites": 3}')
    window = open_window(folder)
    screen = window.visit_by_name("Explore")
    assert isinstance(screen, ExploreScreen)
    qtbot.waitUntil(lambda: are_final(screen, 36), timeout=90_000)
    screen.grid.setFocus()
    press(Qt.Key.Key_U)
    assert (run / "explored.json").read_text() == '{"favourites": 3}'  # Nothing of the person's is overwritten.
    window.close_workspace()
    shutil.rmtree(run)
    assert window.open_folder(folder)
    screen = window.visit_by_name("Explore")
    QTest.qWait(300)
    assert isinstance(screen, ExploreScreen)
    assert screen.pages.currentWidget() is screen.empty


def test_a_damaged_checkpoint_is_told_in_the_grid(open_window: OpenWindow, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    for weights in (folder / "runs" / "r1-sprite" / "checkpoints").glob("*/*.safetensors"):
        weights.write_bytes(b"not what it was")
    window = open_window(folder)
    screen = window.visit_by_name("Explore")
    assert isinstance(screen, ExploreScreen)
    qtbot.waitUntil(lambda: "damaged" in screen.grid.message, timeout=90_000)
    assert not screen.actions_of.keep.isEnabled()


def test_directions_of_another_checkpoint_say_so(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    vector = np.eye(8, dtype=np.float32)[0]
    screen.explorer.add_direction(Direction("old", vector, iteration=1, kind="sefa"))
    screen.explorer.add_direction(Direction("new", vector, iteration=screen.explorer.facts.iteration))
    screen.explorer.add_direction(Direction("longer", np.ones(99, np.float32)))
    screen.directions.kinds.setCurrentIndex(screen.directions.kinds.findData(OWN))
    shown = {one.name: one.note for one in screen.directions.directions}
    assert set(shown) == {"old", "new"}
    assert "iteration 1" in shown["old"]
    assert not shown["new"]


def test_the_model_is_handed_over_from_the_window(explore, qtbot, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    window, screen = explore()
    source = screen.explorer.source
    dialog = ModelDialog(window.session, source.folder, source.checkpoint, "newest", window)
    qtbot.addWidget(dialog)
    dialog.note.setPlainText("My own art. Do as you like.")
    dialog.onnx.setChecked(False)

    def denied(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", denied)
        (tmp_path / "closed").mkdir()
        dialog.target.setText(str(tmp_path / "closed"))
        assert "Permission denied" in dialog.problem.text()
    target = tmp_path / "model"
    dialog.target.setText(str(target))
    dialog.start()
    qtbot.waitUntil(lambda: dialog.result_path is not None, timeout=SLOW)
    names = sorted(path.name for path in target.iterdir())
    assert names == ["MODEL_CARD.md", "draw.py", "generator.json", "generator.safetensors"]
    assert "> My own art. Do as you like." in (target / "MODEL_CARD.md").read_text()
    # And it can be explored like a run, without its training pictures.
    before = screen.grid.cells[4].pixels
    with qtbot.waitSignal(screen.explorer.opened, timeout=SLOW):
        screen.model.open_folder(target)
    qtbot.waitUntil(lambda: are_final(screen, 36), timeout=SLOW)
    assert np.array_equal(screen.grid.cells[4].pixels, before)
    assert not screen.actions_of.tag.isEnabled()
    assert not screen.actions_of.model.isEnabled()


def test_the_samples_shown_are_handed_over(explore, qtbot, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.explore import taking_out
    from gandam_studio.qt.outputs.finishing_dialog import HandOverDialog

    _, screen = explore()
    opened: list[HandOverDialog] = []
    monkeypatch.setattr(taking_out, "run_dialog", opened.append)
    press(Qt.Key.Key_M, CONTROL)
    (dialog,) = opened
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.preview.done is not None, timeout=SLOW)
    dialog.target.setText(str(tmp_path / "shown"))
    dialog.start()
    qtbot.waitUntil(lambda: dialog.result_path is not None, timeout=SLOW)
    told = json.loads((tmp_path / "shown" / "seeds.json").read_text(encoding="utf-8"))
    assert told["seeds"] == [cell.name for cell in screen.grid.cells]
    assert told["run"] == screen.explorer.source.folder.name
    assert len(list((tmp_path / "shown").glob("*-seed-0-*.png"))) == len(screen.grid.cells)
    dialog.done(0)


def test_what_is_found_again_stays_a_favourite(explore, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.explore import taking_out

    _, screen = explore()
    found = dataclasses.replace(screen.grid.cells[4], name="mech.png")

    def keep_it(dialog: ProjectDialog) -> QDialog.DialogCode:
        dialog.cell = found
        dialog.done(0)
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(taking_out, "run_dialog", keep_it)
    for _ in range(2):
        screen.taking_out.project_pixels(found.pixels, "mech.png")
        assert [one.name for one in explored(screen.explorer.source.folder).favourites] == ["mech.png"]


def test_a_training_picture_is_looked_for_in_the_model(explore, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    _, screen = explore()
    qtbot.waitUntil(lambda: screen.sample.nearest_picture is not None, timeout=SLOW)
    asked: list[tuple[np.ndarray, str]] = []
    monkeypatch.setattr(screen.taking_out, "project_pixels", lambda picture, name: asked.append((picture, name)))
    screen.actions_of.project_nearest.trigger()
    real = np.load(screen.explorer.source.folder / "dataset.npy")
    (picture, name), *_ = asked
    assert any(np.array_equal(picture, one) or np.array_equal(picture, one[:, ::-1]) for one in real)
    assert "0/0" in name


def test_a_screen_that_rested_draws_again(explore, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """After a while out of sight the process ends; coming back starts another, which draws the same."""
    monkeypatch.setattr(explore_screen, "REST_MS", 1)
    window, screen = explore()
    before = [cell.pixels for cell in screen.grid.cells]
    process = screen.drawer.process
    window.visit_by_name("Runs")
    qtbot.waitUntil(lambda: not process.is_alive, timeout=SLOW)
    screen.grid.show_cells([])
    drawn(qtbot, screen, lambda: window.visit_by_name("Explore"))
    assert all(np.array_equal(cell.pixels, one) for cell, one in zip(screen.grid.cells, before, strict=True))


def test_a_new_checkpoint_is_listed_and_a_path_drawn_with_another(explore, qtbot) -> None:  # type: ignore[no-untyped-def]
    window, screen = explore()
    for _ in range(2):
        press(Qt.Key.Key_U)
        press(Qt.Key.Key_Right)
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_I))
    before = screen.bar.checkpoints.count()
    window.visit_by_name("Runs")
    folder = screen.explorer.source.folder / "checkpoints"
    (number,) = (path.name for path in folder.iterdir() if path.name.isdecimal())
    shutil.copytree(folder / number, folder / f"{int(number) - 1:08}")  # The same weights under another name will do.
    window.visit_by_name("Explore")
    assert screen.bar.checkpoints.count() == before + 1
    assert screen.bar.checkpoints.chosen.iteration == int(number)
    with qtbot.waitSignal(screen.explorer.opened, timeout=SLOW):
        screen.bar.checkpoints.setCurrentIndex(before)
    qtbot.waitUntil(lambda: are_final(screen, views.STEPS + 1), timeout=SLOW)
    assert isinstance(screen.explorer.view, views.Path)


class ByHand(Drawer):
    """A drawer whose answers a test gives."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict, list[bytes], object, object]] = []
        self.cancelled: list[int] = []

    def ask(self, op, source, values, parts, on_answer, on_error, on_progress=None):  # type: ignore[no-untyped-def]
        self.asked.append((op, dict(values), list(parts), on_answer, on_progress))
        return len(self.asked) - 1

    def cancel(self, request) -> None:  # type: ignore[no-untyped-def]
        if request is not None:
            self.cancelled.append(request)


def samples(shade: int, count: int = views.COUNT, **more: object) -> Answer:
    """Pictures of one shade of 2 x 2 pixels, with numbered latents."""
    pixels = np.full((count, 2, 2, 3), shade, np.uint8)
    first = int(more.get("first", 0))  # type: ignore[call-overload]
    latents = [np.full(4, first + n, "<f4").tobytes() for n in range(count)]
    return Answer({"shape": [count, 2, 2, 3], **more}, [pixels.tobytes(), *latents])


@pytest.fixture
def by_hand(qapp, tmp_path: Path):  # type: ignore[no-untyped-def]
    """An explorer of an open model, and its drawer; the first grid is asked for."""
    drawer = ByHand()
    explorer = views.Explorer(drawer)
    explorer.open(Source(tmp_path))
    facts = {"iteration": 1, "latent": 4, "stages": 1, "size": 2, "channels": 3, "classes": [], "compares": False}
    drawer.asked[0][3](Answer({"facts": {**facts, "kind": "unet"}}))
    yield explorer, drawer
    drawer.close()


def test_a_class_can_be_asked_for(by_hand) -> None:  # type: ignore[no-untyped-def]
    explorer, drawer = by_hand
    facts = {"iteration": 1, "latent": 4, "stages": 1, "size": 2, "channels": 3, "compares": False, "kind": "unet"}
    explorer.open(Source(explorer.source.folder, "other"))
    drawer.asked[-1][3](Answer({"facts": {**facts, "classes": ["left", "right"]}}))
    assert drawer.asked[-1][1]["spots"][:2] == [{"name": "0/0"}, {"name": "0/1"}]
    drawer.asked[-1][3](samples(10, 36, classes=[n % 2 for n in range(36)]))
    assert [cell.latent for cell in explorer.cells[:2]] == ["0/0", "0/1"]
    assert explorer.spot(explorer.cells[1], []) == {"name": "0/1"}
    explorer.set_kind(0)
    assert drawer.asked[-1][1]["spots"][:2] == [{"name": "0/0", "class": 0}, {"name": "0/1", "class": 0}]
    drawer.asked[-1][3](samples(20, 36, classes=[0] * 36))
    one = explorer.cells[1]
    assert (one.label, one.latent) == (0, ""), "0/1 alone draws the other class"
    assert explorer.spot(one, [], exact=True) == {"at": 0, "class": 0}
    explorer.show(views.Around(one))
    spots = drawer.asked[-1][1]["spots"]
    assert spots[0] == {"name": "0/1", "class": 0}
    assert all(spot["class"] == 0 and spot["name"].startswith("0/1~") for spot in spots[1:])
    explorer.show(views.Random(0))
    explorer.set_kind(None)  # Drawn before, so shown at once.
    assert int(explorer.cells[0].pixels[0, 0, 0]) == 10
    explorer.open(Source(explorer.source.folder.parent))
    assert explorer.kind is None, "another model may have learned others"


def test_a_file_is_opened_in_its_classes(by_hand) -> None:  # type: ignore[no-untyped-def]
    explorer, drawer = by_hand
    facts = {"iteration": 1, "latent": 4, "stages": 2, "size": 2, "channels": 3, "compares": False, "kind": "sprite"}
    explorer.open(Source(explorer.source.folder, "other"))
    drawer.asked[-1][3](Answer({"facts": {**facts, "classes": ["left", "right"]}}))
    spots = (Spot("7/3", None, "right"), Spot("7/4"), Spot("steered-1", np.ones(8, np.float32), "left"))
    assert not explorer.fits(views.Opened("a.png", (Spot("7/3", None, "up"),)))
    assert not explorer.fits(views.Opened("a.png", (Spot("x", np.ones(5, np.float32)),)))
    drawer.asked[-1][3](samples(10, 36, classes=[0] * 36))
    explorer.show(views.Opened("a.png", spots, 0.5))
    op, values, parts = drawer.asked[-1][:3]
    assert (op, values["truncation"]) == ("draw", 0.5)
    assert values["spots"] == [{"name": "7/3", "class": 1}, {"name": "7/4"}, {"at": 0, "class": 0}]
    assert np.array_equal(np.frombuffer(parts[0], "<f4"), np.ones(8))
    drawer.asked[-1][3](samples(10, 3, classes=[1, 0, 0]))
    assert [cell.name for cell in explorer.cells] == ["7/3", "7/4", "steered-1"]
    assert not any(cell.latent for cell in explorer.cells), "a name alone draws them with all variety"
    again = [explorer.again(cell) for cell in explorer.cells]
    assert [(one.latent, one.label) for one in again] == [
        ("steered-7/3", "right"), ("steered-7/4", "left"), ("steered-1", "left"),
    ]  # fmt: skip


def test_directions_of_a_flow_are_its_largest_changes(steering) -> None:  # type: ignore[no-untyped-def]
    made, explorer, drawer, panel = steering
    made.begin()
    assert panel.kind == PCA
    assert (drawer.asked[-1][0], drawer.asked[-1][1]["kind"]) == ("directions", PCA)
    panel.stop_button.click()
    assert panel.kind == OWN
    panel.kinds.setCurrentIndex(panel.kinds.findData(PCA))
    facts = {"iteration": 1, "latent": 4, "stages": 1, "size": 2, "channels": 3, "classes": [], "compares": False}
    explorer.open(Source(explorer.source.folder, "other"))
    drawer.asked[-1][3](Answer({"facts": {**facts, "kind": "sprite"}}))
    panel.kinds.setCurrentIndex(panel.kinds.findData(PCA))
    made.begin()
    assert panel.kind == SEFA


def test_previews_are_shown_replaced_and_never_handed_on(by_hand) -> None:  # type: ignore[no-untyped-def]
    explorer, drawer = by_hand
    op, values, _, answer, part = drawer.asked[-1]
    assert (op, values["previews"]) == ("draw", True)
    part(samples(10, 20, first=0, preview=3, all_shown=False))
    assert (len(explorer.cells), explorer.room) == (20, 36)
    part(samples(10, 16, first=20, preview=3, all_shown=True))
    assert [cell.preview for cell in explorer.cells] == [3] * 36
    assert [cell.name for cell in explorer.cells] == [f"0/{n}" for n in range(36)]
    # What is taken out meanwhile is drawn to the end first, from its latent.
    told: list = []
    explorer.finish(explorer.cells[:2], told.append)
    assert not told
    again = drawer.asked[-1]
    assert again[0] == "draw"
    assert "previews" not in again[1]
    assert [np.frombuffer(own, "<f4")[0] for own in again[2]] == [0, 1]
    again[3](samples(99, 2))
    assert [int(cell.pixels[0, 0, 0]) for cell in told[0]] == [99, 99]
    assert [(cell.name, cell.preview, cell.latent) for cell in told[0]] == [("0/0", 0, "0/0"), ("0/1", 0, "0/1")]
    part(samples(50, 18, first=0, preview=0, all_shown=True))
    assert [cell.preview for cell in explorer.cells] == [0] * 18 + [3] * 18
    answer(samples(50))
    assert {int(cell.pixels[0, 0, 0]) for cell in explorer.cells} == {50}
    explorer.finish(explorer.cells[:1], told.append)
    assert told[1] == explorer.cells[:1]


def test_what_has_shown_its_previews_makes_way(by_hand) -> None:  # type: ignore[no-untyped-def]
    explorer, drawer = by_hand
    first = len(drawer.asked) - 1
    explorer.set_truncation(0.5)
    explorer.set_truncation(0.6)
    assert len(drawer.asked) - 1 == first  # The first has shown nothing yet.
    drawer.asked[first][4](samples(10, first=0, preview=2, all_shown=True))
    assert first in drawer.cancelled
    assert [one[1]["truncation"] for one in drawer.asked[first + 1 :]] == [0.6]
    drawer.asked[-1][4](samples(20, first=0, preview=2, all_shown=True))
    explorer.set_truncation(0.7)  # At once: the previews of the one before are shown.
    assert drawer.asked[-1][1]["truncation"] == 0.7
    assert not any(cell.latent for cell in explorer.cells)


def names(what: Explored) -> list[str]:
    return [one.name for one in (*what.favourites, *what.directions)]


def test_what_others_keep_meanwhile_is_not_lost(by_hand, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    explorer, drawer = by_hand
    drawer.asked[-1][3](samples(10))
    explorer.add(explorer.cells[0])
    vector = np.array([1, 0, 0, 0], np.float32)
    keep(tmp_path, explored(tmp_path).with_favourite(Favourite("found", vector)))  # as `project --keep` does
    explorer.add(explorer.cells[1])
    assert names(explored(tmp_path)) == names(explorer.kept) == ["0/0", "0/1", "found"]
    keep(tmp_path, explored(tmp_path).with_direction(Direction("taller", vector)))
    explorer.take_others()
    assert names(explorer.kept) == ["0/0", "0/1", "found", "taller"]
    explorer.undo()
    assert names(explored(tmp_path)) == ["0/0", "found", "taller"]
    explorer.undo()
    explorer.undo()
    assert names(explored(tmp_path)) == ["found", "taller"]
    explorer.redo()
    explorer.redo()
    assert sorted(names(explored(tmp_path))) == ["0/0", "0/1", "found", "taller"]


@pytest.fixture
def steering(by_hand, qtbot, open_window: OpenWindow, folder: Path):  # type: ignore[no-untyped-def]
    """Directions of an explorer whose answers a test gives."""
    explorer, drawer = by_hand
    panel = DirectionsPanel()
    qtbot.addWidget(panel)
    return Steering(panel, explorer, panel, open_window(folder).session), explorer, drawer, panel


def test_learning_from_a_tag_can_be_stopped(steering) -> None:  # type: ignore[no-untyped-def]
    made, explorer, drawer, panel = steering
    made.learn_tag("blue")
    number = len(drawer.asked) - 1
    assert (drawer.asked[number][0], panel.stop_button.isHidden()) == ("tag", False)
    panel.stop_button.click()
    assert number in drawer.cancelled
    assert panel.stop_button.isHidden()
    assert panel.kind == OWN
    made.learn_tag("red")
    number = len(drawer.asked) - 1
    panel.kinds.setCurrentIndex(panel.kinds.findData(SEFA))
    before = panel.note.text()
    drawer.asked[number][4](Answer({"progress": [64, 1024]}))
    assert panel.note.text() == before  # Which is about other directions.
    drawer.asked[number][3](Answer({"accuracy": 0.9, "explained": 0.5}, [np.ones(4, "<f4").tobytes()]))
    assert names(explorer.kept) == ["red"]


def test_what_is_learnt_of_a_model_is_not_kept_with_another(steering, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made, explorer, drawer, _panel = steering
    made.learn_tag("blue")
    tag = len(drawer.asked) - 1
    drawer.asked[1][3](samples(10))
    made.pick(explorer.cells[0], "more")
    made.learn()
    picks = drawer.asked[-1]
    other = tmp_path / "other"
    other.mkdir()
    explorer.opening.connect(made.stop)  # as the screen does
    explorer.open(Source(other))
    assert tag in drawer.cancelled
    picks[3](Answer({}, [np.ones(4, "<f4").tobytes()]))
    assert names(explored(other)) == []


def test_going_back_takes_no_drawing(by_hand) -> None:  # type: ignore[no-untyped-def]
    explorer, drawer = by_hand
    drawer.asked[-1][3](samples(10))
    first = explorer.cells
    explorer.show(views.Random(5))
    drawer.asked[-1][3](samples(20))
    count = len(drawer.asked)
    explorer.show(views.Random(0))
    assert explorer.cells == first
    explorer.set_truncation(0.9)
    assert len(drawer.asked) == count + 1


def test_chosen_samples_are_handed_over(explore, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """A few of the grid are selected by mouse and keys; others are left out."""
    from gandam_studio.qt.explore import taking_out
    from gandam_studio.qt.outputs import finishing_dialog

    _, screen = explore()
    asked: list[list[str]] = []

    def note(_session, run, samples, _parent) -> None:  # type: ignore[no-untyped-def]
        assert run.path == screen.explorer.source.folder
        asked.append(samples.latents)

    monkeypatch.setattr(finishing_dialog, "HandOverDialog", note)
    monkeypatch.setattr(taking_out, "run_dialog", lambda _dialog: None)
    grid = screen.grid

    def click(index: int, modifiers: Qt.KeyboardModifier) -> None:
        QTest.mouseClick(grid, Qt.MouseButton.LeftButton, modifiers, grid.cell_rect(index).center())

    click(1, CONTROL)  # Beside the first, which was chosen.
    click(5, CONTROL)
    click(0, CONTROL)  # No longer.
    assert (grid.selected, grid.current) == ({1, 5}, 0)
    assert "2" in screen.hand_over_button.text()
    screen.hand_over_button.click()
    assert asked[-1] == ["0/1", "0/5"]
    click(2, SHIFT)
    assert grid.selected == {0, 1, 2}
    click(7, NONE)
    assert grid.selected == set()
    press(Qt.Key.Key_Left)
    assert grid.current == 6
    for _ in range(2):
        press(Qt.Key.Key_Right, SHIFT)
    assert grid.selected == {6, 7, 8}
    press(Qt.Key.Key_Left, CONTROL)
    press(Qt.Key.Key_Space, CONTROL)
    assert grid.selected == {6, 8}
    press(Qt.Key.Key_M, CONTROL)
    assert asked[-1] == ["0/6", "0/8"]
    press(Qt.Key.Key_A, CONTROL)
    assert len(grid.selected) == 36
    press(Qt.Key.Key_A, CONTROL)
    assert not grid.selected
    screen.actions_of.hand_over.trigger()
    assert len(asked[-1]) == 36
    click(3, CONTROL)
    drawn(qtbot, screen, lambda: screen.bar.variety.setValue(80))  # The same, drawn otherwise.
    assert grid.selected == {3, 7}
    drawn(qtbot, screen, lambda: press(Qt.Key.Key_N))
    assert not grid.selected
