"""Getting something out of a run: samples, new sprites, films, extended training, names."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from modal_dialogs import in_dialog
from PIL import Image
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from recorded_runs import COLUMNS, SIDE, Recorder, make_run, recorded
from runs_screens import story_lines

from gandam_studio.core.runs import summary
from gandam_studio.core.runs.handing_over import samples_at
from gandam_studio.core.runs.labels import label_of
from gandam_studio.qt.following.pictures import to_pixels
from gandam_studio.qt.outputs import report_dialog
from gandam_studio.qt.outputs.evaluation_dialog import RunEvaluationDialog
from gandam_studio.qt.outputs.film_dialog import FilmDialog
from gandam_studio.qt.outputs.label_dialog import LabelDialog, RunLabelDialog
from gandam_studio.qt.outputs.longer_dialog import LongerDialog
from gandam_studio.qt.outputs.sprites_dialog import SpritesDialog
from gandam_studio.qt.train.screen import TrainScreen
from gandam_studio.qt.widgets.sample_grid import GridPicture
from trainer.protocol import files
from trainer.protocol.events import SpikeFound
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path) -> None:
    """Last used folders, separate for this test."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    for name in ("samples", "sprites", "film", "report"):
        QSettings().setValue(f"{name}/folder", str(tmp_path))


@pytest.fixture
def screen(session, qtbot) -> Iterator[TrainScreen]:  # type: ignore[no-untyped-def]
    """A shown Train screen that watches a finished run of 400 iterations, with checkpoints at 200 and 400."""
    run = recorded(session.workspace.folder / "runs" / "r1-test", iterations=400)
    made = TrainScreen(session)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    made.show_run(run.path)
    qtbot.waitUntil(lambda: made.watch.grids.fixed.note.text() == "400", timeout=10_000)
    qtbot.waitUntil(lambda: session.run_index.is_read, timeout=10_000)
    yield made
    made.close_run()
    made.control.release()


def at_cell(view: GridPicture, index: int) -> QPoint:
    target = view.target()
    x = target.left() + (index % view.columns + 0.5) * target.width() / view.columns
    y = target.top() + (index // view.columns + 0.5) * target.height() / view.rows
    return QPoint(round(x), round(y))


def ask_menu(view: GridPicture, index: int | None, reason: QContextMenuEvent.Reason) -> QMenu:
    point = at_cell(view, index) if index is not None else QPoint(1, 1)
    QApplication.sendEvent(view, QContextMenuEvent(reason, point, view.mapToGlobal(point)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def choose(qtbot, menu: QMenu, text: str) -> None:  # type: ignore[no-untyped-def]
    """Click the entry whose text, without mnemonics, starts with `text`."""
    action = next(one for one in menu.actions() if one.text().replace("&", "").startswith(text))
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())


def grid_cell(run: Path, iteration: int, index: int, which: str = "fixed") -> np.ndarray:
    pixels = np.asarray(Image.open(run / "samples" / f"{which}-{iteration:08}.png").convert("RGBA"))
    top, left = index // COLUMNS * SIDE, index % COLUMNS * SIDE
    return pixels[top : top + SIDE, left : left + SIDE]


def test_a_right_click_copies_this_sprite_exactly(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    view = screen.watch.grids.fixed.view
    choose(qtbot, ask_menu(view, 6, QContextMenuEvent.Reason.Mouse), "Copy the sample")
    clipboard = QGuiApplication.clipboard()
    qtbot.waitUntil(lambda: clipboard.image().width() == SIDE, timeout=5000)
    expected = grid_cell(screen.follower.run_directory.path, 400, 6)
    assert np.array_equal(to_pixels(clipboard.image()), expected)


def test_samples_as_drawn_are_seen_copied_and_drawn_again_so(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    watch, run = screen.watch, screen.follower.run_directory
    assert watch.raw_box.isHidden(), "nothing of this run was cleaned"
    recorder = Recorder(run, start=False)
    recorder.iteration = 500
    recorder.sample(raw=True)
    qtbot.waitUntil(lambda: watch.grids.fixed.note.text() == "500" and watch.raw_box.isVisible(), timeout=5000)

    def shown(view: GridPicture, which: str) -> bool:
        return np.array_equal(to_pixels(view.cell(2)), grid_cell(run.path, 500, 2, which))

    fixed, random = watch.grids.fixed.view, watch.grids.random.view
    qtbot.waitUntil(lambda: shown(fixed, "fixed") and shown(random, "random"), timeout=5000)
    qtbot.mouseClick(watch.raw_box, LEFT, pos=QPoint(8, watch.raw_box.height() // 2))
    qtbot.waitUntil(lambda: shown(fixed, "raw-fixed") and shown(random, "raw-random"), timeout=5000)
    qtbot.mouseClick(fixed, LEFT, pos=at_cell(fixed, 2))
    assert np.array_equal(to_pixels(watch.zoom._large._image), grid_cell(run.path, 500, 2, "raw-fixed"))
    choose(qtbot, ask_menu(fixed, 2, QContextMenuEvent.Reason.Mouse), "Copy the command")
    words = QGuiApplication.clipboard().text().split()
    assert words[-1] == "--raw"
    assert "r1-test-500-fixed-3-raw.png" in words
    choose(qtbot, ask_menu(fixed, 2, QContextMenuEvent.Reason.Mouse), "Copy the sample")
    clipboard = QGuiApplication.clipboard()
    qtbot.waitUntil(lambda: clipboard.image().width() == SIDE, timeout=5000)
    assert np.array_equal(to_pixels(clipboard.image()), grid_cell(run.path, 500, 2, "raw-fixed"))
    spot = watch.grids.spot("fixed", 2)
    assert samples_at(spot).facts["raw"] is True
    notes = Image.open(io.BytesIO(spot.png())).text
    assert json.loads(notes["gandam"])["raw"] is True
    # Where nothing was cleaned, as earlier in this run, there is one grid; the film shows it beside the raw ones.
    screen.watch.timeline.grab(400)
    qtbot.waitUntil(lambda: watch.grids.fixed.note.text() == "400", timeout=5000)
    spot = watch.grids.spot("fixed", 2)
    assert not spot.is_raw
    assert "raw" not in samples_at(spot).facts
    film = watch.zoom._film[watch.zoom.film_at.index(500)]
    qtbot.waitUntil(
        lambda: np.array_equal(to_pixels(film._image), grid_cell(run.path, 500, 2, "raw-fixed")), timeout=5000
    )
    screen.raw_action.trigger()
    qtbot.waitUntil(lambda: np.array_equal(to_pixels(film._image), grid_cell(run.path, 500, 2, "fixed")), timeout=5000)
    assert not watch.raw_box.isChecked()
    screen.watch.timeline.grab(500)
    qtbot.waitUntil(lambda: shown(fixed, "fixed") and shown(random, "random"), timeout=5000)
    watch.grids.show_spike(SpikeFound(curve="loss_g", spike_iteration=300))
    assert not watch.raw_box.isEnabled()
    screen.raw_action.trigger()
    assert not watch.raw_box.isChecked()
    watch.grids.show_spike(None)
    assert watch.raw_box.isEnabled()


@pytest.mark.parametrize("snap", [0, 17])
def test_a_run_without_raw_grids_says_which_it_is(screen, snap: int) -> None:  # type: ignore[no-untyped-def]
    screen.follower.config = apply_overrides(screen.follower.config, [f"sampling.snap={snap}"])
    assert screen.watch.raw_box.isHidden()
    said: list[str] = []
    screen.session.message_posted.connect(lambda text, *_: said.append(text))
    screen.raw_action.trigger()
    assert len(said) == 1
    assert ("does not clean" in said[0]) == (snap == 0)


def test_the_menu_key_and_the_arrows_reach_every_sprite(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    view = screen.watch.grids.random.view
    view.setFocus()
    for _ in range(4):
        qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.selected == 3
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert (view.selected, screen.watch.zoom.isVisible()) == (2, True)
    choose(qtbot, ask_menu(view, 0, QContextMenuEvent.Reason.Keyboard), "Copy its seed")
    assert QGuiApplication.clipboard().text() == "0/2", "the random samples' seed, and the number in it"


def test_samples_are_saved_at_their_size_and_larger_with_where_they_come_from(screen, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    spot = screen.watch.grids.spot("fixed", 5)
    run = spot.run.path
    rgba = np.asarray(Image.open(run / spot.path).convert("RGBA")).copy()
    rgba[::2, ::2, 3] = 77
    Image.fromarray(rgba).save(run / spot.path)
    for scale in (1, 8):
        with qtbot.waitSignal(screen.session.result_posted, timeout=5000):
            screen.samples.save_to(spot, tmp_path / f"mine-{scale}", scale)
        with Image.open(tmp_path / f"mine-{scale}.png") as made:
            pixels, told = np.asarray(made), json.loads(made.text["gandam"])
        assert np.array_equal(pixels, grid_cell(run, 400, 5).repeat(scale, 0).repeat(scale, 1))
        assert told == {"run": "r1-test", "iteration": 400, "weights": "raw", "latent": "fixed/5"}
    refused: list[str] = []
    screen.session.message_posted.connect(lambda text, severity: refused.append(severity))
    screen.samples.save_to(spot, run / "samples" / "x.png")
    qtbot.waitUntil(lambda: "error" in refused, timeout=5000)
    assert not (run / "samples" / "x.png").exists()


def test_the_whole_grid_from_the_menu_bar_follows_the_timeline(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    screen.watch.timeline.grab(200)
    qtbot.waitUntil(lambda: screen.watch.grids.fixed.note.text() == "200", timeout=5000)
    screen.copy_grid_action.trigger()
    clipboard = QGuiApplication.clipboard()
    qtbot.waitUntil(lambda: clipboard.image().width() == COLUMNS * SIDE, timeout=5000)
    expected = grid_cell(screen.follower.run_directory.path, 200, 0)
    assert np.array_equal(to_pixels(clipboard.image())[:SIDE, :SIDE], expected)


def test_the_command_to_draw_it_again_names_a_checkpoint_that_is_kept(screen, qtbot) -> None:  # type: ignore[no-untyped-def]
    told: list[str] = []
    screen.session.message_posted.connect(lambda text, _severity: told.append(text))
    for moment, checkpoint in ((400, 400), (100, 200)):
        screen.watch.timeline.grab(moment)
        qtbot.waitUntil(lambda moment=moment: screen.watch.grids.fixed.note.text() == str(moment), timeout=5000)
        qtbot.mouseClick(screen.watch.grids.fixed.view, LEFT, pos=at_cell(screen.watch.grids.fixed.view, 2))
        screen.copy_command_action.trigger()
        words = QGuiApplication.clipboard().text().split()
        assert words[:7] == [
            "gandam-studio",
            "sample",
            "r1-test",
            "--iteration",
            str(checkpoint),
            "--latent",
            "fixed/2",
        ]
    assert "nearest" in told[-1]


def test_more_like_this_moment_proposes_the_nearest_checkpoint(screen, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    screen.watch.timeline.grab(100)
    qtbot.waitUntil(lambda: screen.watch.grids.fixed.note.text() == "100", timeout=5000)
    seen: list[tuple[str, bool, str]] = []

    def look(dialog: SpritesDialog) -> None:
        seen.append((dialog.checkpoint.name, dialog.nearest_note.isVisible(), dialog.target.text()))
        assert Path(dialog.target.text()).parent == tmp_path

    met = in_dialog(qtbot, SpritesDialog, look)
    choose(qtbot, ask_menu(screen.watch.grids.fixed.view, 1, QContextMenuEvent.Reason.Mouse), "More like this moment")
    qtbot.waitUntil(lambda: bool(met), timeout=5000)
    assert seen[0][:2] == ("200", True)
    assert "-200-" in seen[0][2]


def test_a_film_is_made_and_can_be_shown(screen, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    def make(dialog: FilmDialog) -> None:
        dialog.target.setText(str(tmp_path / "taken.gif"))
        assert not dialog.start_button.isEnabled()
        assert dialog.problem.isVisible()
        dialog.target.setText(str(tmp_path / "film.gif"))
        dialog.scale.setValue(2)
        qtbot.mouseClick(dialog.start_button, LEFT)
        qtbot.waitUntil(lambda: dialog.reveal_button.isVisible(), timeout=20_000)

    (tmp_path / "taken.gif").write_text("mine")
    met = in_dialog(qtbot, FilmDialog, make)
    qtbot.mouseClick(screen.watch.film_button, LEFT)
    assert met
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.size, film.n_frames) == ((2 * COLUMNS * SIDE, 2 * COLUMNS * SIDE), 5)


def test_a_report_is_made_and_opened_in_the_browser(screen, tmp_path: Path, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    opened: list[str] = []
    opening = report_dialog.QDesktopServices
    monkeypatch.setattr(opening, "openUrl", lambda url: bool(opened.append(url.toLocalFile())) or True)

    def make(dialog: report_dialog.ReportDialog) -> None:
        dialog.target.setText(str(tmp_path / "taken.html"))
        assert not dialog.start_button.isEnabled()
        assert dialog.problem.isVisible()
        dialog.target.setText(str(tmp_path / "report.html"))
        dialog.samples.setValue(0)
        assert not dialog.seed.isEnabled()
        assert dialog.open_after.isChecked()
        qtbot.mouseClick(dialog.start_button, LEFT)
        qtbot.waitUntil(lambda: dialog.reveal_button.isVisible(), timeout=30_000)
        assert "MB" in dialog.told.text()

    (tmp_path / "taken.html").write_text("mine")
    met = in_dialog(qtbot, report_dialog.ReportDialog, make)
    screen.report_action.trigger()
    assert met
    assert "r1-test" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [Path(path) for path in opened] == [tmp_path / "report.html"]
    assert (tmp_path / "taken.html").read_text() == "mine"


def test_a_name_and_a_note_are_given_shown_and_changed(screen, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    folder = screen.follower.run_directory.path

    def name(dialog: LabelDialog) -> None:
        dialog.name.clear()
        qtbot.keyClicks(dialog.name, "Knights <b>1</b>")
        qtbot.keyClick(dialog.name, Qt.Key.Key_Tab)
        qtbot.keyClicks(dialog.note, "blurry")
        qtbot.mouseClick(dialog.save_button, LEFT)

    in_dialog(qtbot, LabelDialog, name)
    screen.label_action.trigger()
    assert (label_of(folder).name, label_of(folder).note) == ("Knights <b>1</b>", "blurry")
    assert "Knights <b>1</b>" in screen.watch.title_label.text()
    qtbot.waitUntil(lambda: screen.chooser.itemText(0).startswith("Knights <b>1</b> (r1)"), timeout=5000)

    def refuse(dialog: LabelDialog) -> None:
        assert dialog.name.text() == "Knights <b>1</b>"
        dialog.name.setText("\u202eevil")
        qtbot.mouseClick(dialog.save_button, LEFT)
        assert dialog.problem.isVisible()

    in_dialog(qtbot, LabelDialog, refuse)
    screen.label_action.trigger()
    assert label_of(folder).name == "Knights <b>1</b>"


def longer_run(folder: Path, *more: str, preset: str = "sprite-r3-cpu") -> RunDirectory:
    """A finished run with a checkpoint that says how far it is."""
    run = recorded(folder, iterations=400, overrides=("stop.iterations=400", *more), preset=preset)
    state = {"iteration": 400, "images_seen": 400 * 16, "trained_s": 60.0}
    files.write_json(run.path / "checkpoints" / "00000400" / "state.json", state)
    return run


def test_the_dialog_says_what_the_rates_will_do(tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = longer_run(tmp_path / "runs" / "r1-a")
    dialog = LongerDialog(summary(run.path))
    qtbot.addWidget(dialog)
    dialog.show()
    texts = {}
    for index in range(dialog.tail.count()):
        dialog.tail.setCurrentIndex(index)
        texts[dialog.tail.currentData()] = dialog.statement.text()
        assert dialog.start_button.isEnabled()
    assert "0.5 times" in texts["cool-down"]
    assert "0.05 times" in texts["constant"]
    assert texts["auto"] == texts["cool-down"], "at a twentieth of the rates, little more would be learned"
    dialog.tail.setCurrentIndex(1)
    dialog.unit.setCurrentIndex(1)
    dialog.amount.setValue(100)
    assert "500" in dialog.statement.text()
    assert dialog.options == ("--more-iterations", "100", "--tail", "constant")
    assert dialog.close()
    unfinished = make_run(tmp_path / "runs" / "r2-b")
    other = LongerDialog(summary(unfinished.path))
    qtbot.addWidget(other)
    assert not other.start_button.isEnabled()


def test_the_dialog_says_when_a_flow_would_see_its_sprites_too_often(tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    def said(run: RunDirectory, iterations: int = 0, minutes: int = 0) -> str:
        dialog = LongerDialog(summary(run.path))
        qtbot.addWidget(dialog)
        dialog.unit.setCurrentIndex(1 if iterations else 0)
        dialog.amount.setValue(iterations or minutes)
        return dialog.statement.text()

    flow = longer_run(tmp_path / "runs" / "r1-a", preset="sprite-flow-cpu")  # 20 sprites, 400 iterations a minute
    assert "400 times" in said(flow, iterations=100)
    assert "1,600 times" in said(flow, minutes=4)
    assert " times: " not in said(longer_run(tmp_path / "runs" / "r2-b"), minutes=4)
    (flow.path / "manifest.jsonl").write_bytes(b"broken")
    assert " times: " not in said(flow, minutes=4)


def test_the_dialog_ends_a_stopped_run_early(tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(tmp_path / "runs" / "r1-a", ("stop.iterations=1000",))
    recorder = Recorder(run)
    recorder.train(400)
    recorder.checkpoint()
    state = {"iteration": 400, "images_seen": 400 * 16, "trained_s": 60.0}
    files.write_json(run.path / "checkpoints" / "00000400" / "state.json", state)
    dialog = LongerDialog(summary(run.path), ends=True)
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.tail.isVisible()
    assert dialog.start_button.isEnabled()
    assert "3 minutes" in dialog.statement.text()  # one is done
    assert dialog.options == ("--more-minutes", "2.0", "--tail", "cool-down")
    dialog.unit.setCurrentIndex(1)
    dialog.amount.setValue(100)
    assert "iteration 500" in dialog.statement.text()
    # As far as the cosine is, and to its end.
    assert "from 0.672 to 0.05 times" in dialog.statement.text()


def test_a_busy_trainer_is_said_before(tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = longer_run(tmp_path / "runs" / "r1-a")
    dialog = LongerDialog(summary(run.path), "r2 is training now.")
    qtbot.addWidget(dialog)
    assert not dialog.start_button.isEnabled()
    assert "r2 is training" in dialog.statement.text()
    dialog.set_busy("")
    assert dialog.start_button.isEnabled()
    assert "r2 is training" not in dialog.statement.text()


def test_a_trainer_that_ends_frees_the_dialog(session, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    runs = session.workspace.folder / "runs"
    finished, other = longer_run(runs / "r1-a"), make_run(runs / "r2-b")
    screen = TrainScreen(session)
    qtbot.addWidget(screen)
    screen.show()
    screen.show_run(finished.path)
    try:
        with ExitStack() as training:
            training.enter_context(other.locked())
            session.run_index.refresh()
            qtbot.waitUntil(lambda: [run.folder for run in session.run_index.live()] == [other.path], timeout=10_000)

            def freed(dialog: LongerDialog) -> None:
                assert not dialog.start_button.isEnabled()
                training.close()
                qtbot.waitUntil(dialog.start_button.isEnabled, timeout=10_000)

            in_dialog(qtbot, LongerDialog, freed)
            screen.ask_longer()

        with other.locked():
            session.run_index.refresh()
            qtbot.waitUntil(lambda: [run.folder for run in session.run_index.live()] == [other.path], timeout=10_000)
        enabled: list[bool] = []
        in_dialog(qtbot, LongerDialog, lambda dialog: enabled.append(dialog.start_button.isEnabled()))
        screen.ask_longer()
        assert enabled == [True], "also before the index of runs has noticed the end"
    finally:
        screen.close_run()
        screen.control.release()


TINY = (
    "architecture.kind=dcgan", "architecture.size=32", "data.size=32", "architecture.latent=8",
    "architecture.generator_channels=8,8,8", "architecture.discriminator_channels=8,8,8", "batch.size=4",
    "sampling.every=20", "sampling.count=9", "precision.threads=1", "precision.kind=fp32",
    "precision.channels_last=off", "ema.enabled=false", "device=cpu", "stop.iterations=2",
)  # fmt: skip


def test_a_real_run_is_trained_longer_and_draws_sprites(session, sprites, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    """With the real trainer: it finishes, continues, and exports eight sprites and a sheet."""
    screen = TrainScreen(session)
    qtbot.addWidget(screen)
    screen.resize(1200, 800)
    screen.show()
    try:
        screen.create_and_start(screen.setup.version(), apply_overrides(load_preset("dcgan"), list(TINY)))

        def done(at: int) -> bool:
            state = screen.follower.state if screen.follower is not None else None
            return state is not None and (state.state, state.iteration) == ("finished", at)

        qtbot.waitUntil(lambda: done(2), timeout=90_000)
        qtbot.waitUntil(lambda: screen.control.live_run() is None, timeout=20_000)

        def longer(dialog: LongerDialog) -> None:
            dialog.unit.setCurrentIndex(1)
            dialog.amount.setValue(3)
            assert dialog.start_button.isEnabled()
            qtbot.mouseClick(dialog.start_button, LEFT)

        qtbot.waitUntil(lambda: screen.watch.longer_button.isVisible() and screen.watch.longer_button.isEnabled())
        in_dialog(qtbot, LongerDialog, longer)
        qtbot.mouseClick(screen.watch.longer_button, LEFT)
        qtbot.waitUntil(lambda: done(5), timeout=90_000)
        assert any("New limit" in line for line in story_lines(screen.watch))

        out = tmp_path / "eight"

        def draw(dialog: SpritesDialog) -> None:
            dialog.count.setValue(8)
            dialog.layout_box.setCurrentIndex(2)
            dialog.target.setText(str(out))
            qtbot.mouseClick(dialog.start_button, LEFT)
            qtbot.waitUntil(lambda: dialog.reveal_button.isVisible(), timeout=60_000)
            assert not dialog.problem.isVisible()

        in_dialog(qtbot, SpritesDialog, draw)
        qtbot.mouseClick(screen.watch.sprites_button, LEFT)
        seeds = json.loads((out / "seeds.json").read_text(encoding="utf-8"))
        assert seeds["palette"]["from"] == "data"
        names = [one["file"] for one in seeds["sprites"]]
        assert len(names) == 8
        others = {"palette.gpl", "seeds.json", "sheet.json", "sheet.png"}
        assert {path.name for path in out.iterdir()} == {*names, *others}
        with Image.open(out / names[3]) as sprite:
            assert sprite.size == (32, 32)

        def judge(dialog: RunEvaluationDialog) -> None:
            dialog.samples.setValue(16)
            qtbot.mouseClick(dialog.start_button, LEFT)
            qtbot.waitUntil(lambda: dialog.task is None, timeout=60_000)
            assert dialog.problem.text() == ""
            assert dialog.evaluated is not None
            found = dialog.evaluated.finding.diagnosis
            assert found is not None
            assert (found.samples, found.training + found.held_out) == (16, 24)
            assert dialog.cards.title.text().endswith("iteration 5")
            assert all(sheet is not None for sheet in dialog.evaluated.sheets.values())

        in_dialog(qtbot, RunEvaluationDialog, judge)
        qtbot.mouseClick(screen.watch.verdict.evaluate_button, LEFT)
    finally:
        screen.close_run()
        for process in screen.control.processes.values():
            process.wait(20)
        screen.control.release()


def test_sprites_are_cancelled_without_a_trace(screen, tmp_path: Path, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.core.runs import handing_over

    begun, over = threading.Event(), threading.Event()

    def slow(*_: object, job, **__: object) -> None:  # type: ignore[no-untyped-def]
        job.start("Drawing sprites", 10)
        begun.set()
        while not over.wait(0.01):
            job.check()

    monkeypatch.setattr(handing_over, "draw_sprites", slow)

    def story(dialog: SpritesDialog) -> None:
        qtbot.mouseClick(dialog.start_button, LEFT)
        qtbot.waitUntil(begun.is_set, timeout=5000)
        assert dialog.bar.isVisible()
        qtbot.mouseClick(dialog.close_button, LEFT)
        assert dialog.isVisible(), "the first click cancels the work"
        qtbot.waitUntil(lambda: dialog.task is None, timeout=5000)
        assert dialog.start_button.isEnabled()
        qtbot.mouseClick(dialog.close_button, LEFT)
        assert not dialog.isVisible()

    met = in_dialog(qtbot, SpritesDialog, story)
    screen.sprites_action.trigger()
    assert met


def test_dialogs_name_every_field(screen, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    samples = screen.follower.record.samples
    run = screen.follower.run_directory
    for dialog in (
        SpritesDialog(session, session.run_index.runs, run.path), FilmDialog(session, run, samples),
        LongerDialog(summary(run.path)), RunLabelDialog(summary(run.path)),
        report_dialog.ReportDialog(session, [run], "one run"),
    ):  # fmt: skip
        qtbot.addWidget(dialog)
        for widget in dialog.findChildren(QWidget):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.parent() is dialog:
                assert widget.accessibleName() or getattr(widget, "text", lambda: "")(), widget
