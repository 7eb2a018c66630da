"""The room of experiments in the Runs screen: plan, progress, effects, taste test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from modal_dialogs import in_dialog
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from recorded_runs import make_run
from runs_screens import screen, session_on
from tiny_experiments import done, tiny_plan

from gandam_studio.core.experiments.designs import FULL
from gandam_studio.core.experiments.folder import FAILED, Experiment, Outcome
from gandam_studio.core.experiments.results import write_results
from gandam_studio.core.experiments.scale import DIFFERENCE
from gandam_studio.core.experiments.tastes import new_taste, tastes
from gandam_studio.qt.outputs.label_dialog import LabelDialog

__all__ = ["screen"]


@pytest.fixture
def session(qapp, ws: Path, studio) -> Iterator:  # type: ignore[no-untyped-def]
    from gandam_studio.core.workspace import Workspace

    studio("commit", "-m", "first", "-w", ws)
    yield from session_on(Workspace.open(ws))


@pytest.fixture
def room(screen):  # type: ignore[no-untyped-def]
    screen.show_experiments()
    return screen.room


def _filled(folder: Path, seeds: int = 5) -> Experiment:
    experiment = Experiment.create(folder, tiny_plan(seeds=tuple(range(seeds))))
    for cell in experiment.plan.cells:
        rate, latent = cell.combination
        experiment.save(done(cell, 20.0 + cell.seed - 6 * rate + 0.1 * rate * cell.seed + latent * (-1) ** cell.seed))
    write_results(experiment)
    return experiment


def test_the_way_there_and_back(screen, room) -> None:  # type: ignore[no-untyped-def]
    assert screen.pages.currentWidget() is room
    assert room.pages.currentIndex() == 1
    room.back_button.click()
    assert screen.pages.currentWidget() is not room


def test_effects_and_cells_are_shown(room, session) -> None:  # type: ignore[no-untyped-def]
    _filled(session.workspace.folder)
    room.refresh()
    table = room.effects
    assert [table.item(row, 0).text() for row in range(table.rowCount())] == ["Rate: low → high", "Latent: 8 → 4"]
    assert [table.item(row, 4).text() for row in range(table.rowCount())] == ["better", "within noise"]
    assert table.item(0, 2).text().startswith("0.73 (")
    assert "times" in table.horizontalHeaderItem(2).text()
    assert room.cells.rowCount() == 15
    assert "15 of 15" in room.state.text()
    assert not room.start_button.isEnabled()
    assert not room.stop_button.isEnabled()
    assert room.taste_button.isEnabled()


def test_experiments_planned_by_differences_are_shown_by_them(room, session) -> None:  # type: ignore[no-untyped-def]
    experiment = Experiment.create(session.workspace.folder, tiny_plan(seeds=tuple(range(5)), scale=DIFFERENCE))
    for cell in experiment.plan.cells:
        # The second change says nothing: all of its runs and of the base's are as good as real sprites.
        experiment.save(done(cell, 9.0 + cell.seed if cell.combination[0] else cell.seed - 2.0))
    room.refresh()
    assert room.effects.item(0, 2).text().startswith("+11 (")
    assert "ifference" in room.effects.horizontalHeaderItem(2).text()
    told = Experiment.create(session.workspace.folder, tiny_plan(name="other", seeds=tuple(range(5))))
    for cell in told.plan.cells:
        told.save(done(cell, 9.0 + cell.seed if cell.combination[0] else 0.01 * cell.seed - 0.02))
    room.refresh()
    room.list.setCurrentRow(1)
    assert "10 of 15 distances" in room.notes.text()
    assert room.effects.item(1, 2).text() == "–"
    assert room.effects.item(1, 4).text().startswith("unknown")


def test_a_report_of_the_experiment_is_made(screen, room, session, qtbot, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments import room as module
    from gandam_studio.qt.outputs.report_dialog import ReportDialog

    asked: list[ReportDialog] = []
    monkeypatch.setattr(module, "run_dialog", asked.append)
    room.refresh()
    screen.report_action.trigger()  # Nothing is measured: said, not asked.
    assert not asked
    experiment = _filled(session.workspace.folder)
    room.refresh()
    assert room.report_button.isEnabled()
    screen.report_action.trigger()
    room.report_button.click()
    assert len(asked) == 2
    dialog = asked[1]
    qtbot.addWidget(dialog)
    assert Path(dialog.target.text()).name == "tiny-report.html"
    target = tmp_path / "page.html"
    dialog.target.setText(str(target))
    dialog.open_after.setChecked(False)
    dialog.start_button.click()
    qtbot.waitUntil(lambda: dialog.result_path == target, timeout=20_000)
    page = target.read_text(encoding="utf-8")
    assert experiment.plan.title in page
    assert "low → high" in page


def test_a_run_of_the_table_is_watched(screen, room, session) -> None:  # type: ignore[no-untyped-def]
    experiment = _filled(session.workspace.folder)
    run = make_run(session.workspace.folder / "runs" / "r0-x")
    experiment.mark(run, experiment.plan.cells[0])
    asked: list = []
    screen.screen_requested.connect(lambda *found: asked.append(found))
    room.refresh()
    names = [room.cells.item(row, 0).text() for row in range(15)]
    room.cells.cellActivated.emit(names.index("r0"), 4)
    assert [(place, wanted.folder) for place, wanted in asked] == [("Train", run.path)]
    told: list[str] = []
    session.message_posted.connect(lambda text, *_more: told.append(text))
    room.cells.cellActivated.emit(names.index("r1"), 0)
    assert (len(asked), "deleted" in told[0]) == (1, True)


def test_a_damaged_experiment_is_shown_as_one(room, session) -> None:  # type: ignore[no-untyped-def]
    _filled(session.workspace.folder)
    other = Experiment.create(session.workspace.folder, tiny_plan(name="broken", title="Another one"))
    room.refresh()
    room.list.setCurrentRow(0)
    assert room.effects.rowCount() == 2
    (other.folder / "plan.json").write_text("{")
    room.list.setCurrentRow(1)
    # Nothing of the other experiment stays beside its name.
    assert (room.title.text(), room.effects.rowCount(), room.cells.rowCount()) == ("broken", 0, 0)
    assert "cannot be read" in room.state.text()
    assert not room.report_button.isEnabled()
    room.list.setCurrentRow(0)
    assert (room.effects.rowCount(), room.bar.isHidden()) == (2, False)


def test_missing_values_are_said_and_can_be_tried_again(room, session) -> None:  # type: ignore[no-untyped-def]
    experiment = _filled(session.workspace.folder)
    experiment.save(Outcome(4, FAILED, "r1-x", "the run failed: out of memory"))
    room.refresh()
    assert "1 failed" in room.state.text()
    assert room.start_button.text() == "Try again what failed"
    tips = [room.cells.item(row, 3).toolTip() for row in range(15)]
    assert "the run failed: out of memory" in tips


def test_start_makes_the_runs_and_hands_them_to_a_process(room, session, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments import room as module

    experiment = Experiment.create(session.workspace.folder, tiny_plan(seeds=(0,), held_out=0.5))
    started: list = []

    def start(folder: Path, which: Experiment):  # type: ignore[no-untyped-def]
        started.append((folder, which.name))
        return SimpleNamespace(poll=lambda: None, returncode=None)

    monkeypatch.setattr(module, "start_detached", start)
    room.refresh()
    assert room.start_button.text() == "Start"
    room.start_button.click()
    qtbot.waitUntil(lambda: bool(started), timeout=20_000)
    assert started == [(session.workspace.folder, "tiny")]
    assert len(experiment.runs()) == 3
    with experiment.locked():
        room.refresh()
        assert "being carried out now" in room.state.text()
        room.stop_button.click()
        assert experiment.take_stop()


def test_an_experiment_is_drawn_up(session, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments.new_dialog import NewExperimentDialog

    dialog = NewExperimentDialog(session)
    qtbot.addWidget(dialog)
    dialog.show()
    index = dialog.base.findText("Preset dcgan")
    dialog.base.setCurrentIndex(index)
    dialog.base.activated.emit(index)
    assert not dialog.start_button.isEnabled()
    assert "levels" in dialog.problem.text()
    dialog.rows[0].levels.setText("32 | 16")
    dialog.add_factor("architecture.latent", "100 | 50")
    dialog.title_field.setText("Batch, or latent?")
    dialog.seeds.setValue(4)
    dialog.check()
    assert "12 runs" in dialog.cost.text()
    assert "help or hinder" in dialog.tells.text()
    dialog.design.setCurrentIndex(dialog.design.findData(FULL))
    dialog.check()
    assert "16 runs" in dialog.cost.text()
    dialog.rows[1].levels.setText("100 | 100")
    dialog.check()
    assert "the same" in dialog.problem.text()
    dialog.rows[1].remove.click()
    dialog.check()
    dialog.start_button.click()  # Of 22 sprites a tenth: quality could not be measured.
    qtbot.waitUntil(lambda: "held out" in dialog.problem.text(), timeout=20_000)
    assert "Held out" in dialog.problem.text()  # the control, not an option
    assert dialog.made is None
    dialog.held_out.setValue(60)
    dialog.check()
    dialog.start_button.click()
    qtbot.waitUntil(lambda: dialog.made is not None, timeout=20_000)
    plan = Experiment.open(session.workspace.folder, "batch-or-latent").plan
    assert (plan.title, len(plan.cells)) == ("Batch, or latent?", 8)


def test_how_long_it_takes_is_measured_before_it_starts(session, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments import new_dialog

    monkeypatch.setattr(new_dialog, "estimate", lambda plan, job: {"runs": len(plan.cells), "seconds": 7200.0})
    dialog = new_dialog.NewExperimentDialog(session)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.measure_button.click()
    qtbot.waitUntil(lambda: "120 minutes" in dialog.cost.text(), timeout=5000)
    assert "finished about" in dialog.cost.text()
    dialog.seeds.setValue(2)
    dialog.check()
    assert "minutes" not in dialog.cost.text()


def test_opening_the_window_goes_on_with_no_experiment_but_says_so(session, room, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.core import runs
    from gandam_studio.core.runs.queue import RunQueue
    from gandam_studio.qt.experiments.paused import PausedExperiments
    from gandam_studio.qt.train.control import RunControl

    folder, started = session.workspace.folder, []
    experiment = Experiment.create(folder, tiny_plan())
    cell, other = (make_run(folder / "runs" / name) for name in ("r1-cell", "r2-other"))
    experiment.mark(cell, experiment.plan.cells[0])
    for run in (cell, other):  # As versions of before queued the cells of an experiment.
        RunQueue(folder / "runs").add(run.name)
    monkeypatch.setattr(runs, "start", lambda run, *_words: started.append(run.name) or SimpleNamespace(poll=lambda: 0))
    told: list[str] = []
    session.message_posted.connect(lambda text, *_more: told.append(text))
    control, _paused = RunControl(session), PausedExperiments(session, delay_ms=0)
    qtbot.waitUntil(lambda: bool(started) and bool(told), timeout=30_000)
    control.start_next()
    control.release()
    assert started == ["r2-other"]
    assert "Tiny" in told[0]
    assert "9 of 9" in told[0]
    room.refresh()
    assert "paused, 9 left" in room.state.text()
    with experiment.locked():
        room.refresh()
        states = [room.cells.item(row, 3).text() for row in range(9)]
    assert (states.count("in progress"), states.count("not made yet")) == (1, 8)
    room.refresh()
    assert room.start_button.text() == "Go on"
    assert room.start_button.isEnabled()


def test_a_taste_test_does_not_break_into_other_work(screen, room, session, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments import room as module

    _filled(session.workspace.folder)
    room.refresh()
    asked: list[int] = []

    def begin(experiment, a, b, *, at, each, job):  # type: ignore[no-untyped-def]
        asked.append(each)
        return new_taste(experiment.folder, "r1@5", "r2@5", count=6, reals=6, each=each), {}

    shown: list = []
    monkeypatch.setattr(module, "begin_taste", begin)
    monkeypatch.setattr(room, "show_taste", lambda *found: shown.append(found))
    monkeypatch.setattr(module, "run_dialog", lambda dialog: dialog.each.setCurrentIndex(1) or 1)
    room.taste_button.click()
    qtbot.waitUntil(lambda: len(shown) == 1, timeout=20_000)
    assert (asked, shown[0][0].each, len(shown[0][0].pair(0).left[1])) == ([1], 1, 1)
    room.taste_button.click()
    screen.show_experiments()  # Back to the runs before it is ready.
    qtbot.waitUntil(lambda: len(asked) == 2 and not session.tasks, timeout=20_000)
    qtbot.wait(50)
    assert len(shown) == 1
    assert len(tastes(Experiment.open(session.workspace.folder, "tiny").folder)) == 2


def test_two_checkpoints_of_one_run_can_be_tasted(room, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments.taste_tests import TasteChoice

    experiment = Experiment.create(session.workspace.folder, tiny_plan(seeds=(0, 1)))
    for cell in experiment.plan.cells:
        experiment.save(done(cell, 9.0, iteration=10, looks=((5, 9.5), (10, 9.0))))
    room.refresh()
    dialogs: list = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gandam_studio.qt.experiments.room.run_dialog", lambda dialog: dialogs.append(dialog) or 0)
        room.taste_button.click()
    (dialog,) = dialogs
    assert isinstance(dialog, TasteChoice)
    assert (dialog.checkpoints(), dialog.ok.isEnabled()) == ((0, 0), True)
    dialog.b.setCurrentIndex(dialog.a.currentIndex())
    assert not dialog.ok.isEnabled()
    dialog.b_at.setCurrentIndex(1)
    assert (dialog.pair(), dialog.checkpoints(), dialog.ok.isEnabled()) == ((0, 0), (0, 5), True)
    dialog.b.setCurrentIndex(1)  # Another run: its measured one.
    assert dialog.checkpoints() == (0, 0)


def test_the_taste_test_by_keys(session, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments.taste_dialog import TasteDialog

    taste = new_taste(tmp_path, "r1@5", "r2@5", count=60, reals=6)
    pictures = {name: [np.full((8, 8, 3), i * 4, np.uint8) for i in range(60)] for name in ("a", "b", "real")}
    dialog = TasteDialog(taste, pictures)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow, timeout=5000)
    for _ in range(12):
        pair = taste.pair(len(taste.left_picked))
        wanted = "real" if pair.is_check else "a"
        qtbot.keyClick(dialog, Qt.Key.Key_Left if pair.left[0] == wanted else Qt.Key.Key_Right)
        assert "r1" not in dialog.told.text() or taste.standing.verdict == "a"
    assert len(tastes(tmp_path)[0].left_picked) == 12
    assert tastes(tmp_path)[0].picks == [True] * len(taste.picks)
    qtbot.keyClick(dialog, Qt.Key.Key_Backspace)
    assert len(tastes(tmp_path)[0].left_picked) == 11
    dialog.reveal_button.click()
    assert "r1" in dialog.told.text()
    qtbot.mouseClick(dialog.left, Qt.MouseButton.LeftButton)
    assert len(taste.left_picked) == 12


def test_when_every_sample_was_shown_new_ones_are_drawn(session, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments.taste_dialog import TasteDialog

    taste = new_taste(tmp_path, "r1@5", "r2@5", count=6, reals=6)  # One pair of four a round.
    pictures = {name: [np.full((8, 8, 3), i * 20, np.uint8) for i in range(6)] for name in ("a", "b", "real")}
    dialog = TasteDialog(taste, pictures)
    qtbot.addWidget(dialog)
    asked: list[int] = []
    dialog.round_needed.connect(asked.append)
    dialog.show()
    dialog.pick(True)
    assert (len(taste.left_picked), asked, dialog.is_waiting) == (1, [1], True)
    dialog.pick(True)  # Nothing is shown: nothing can be picked, and it is asked for once.
    assert (len(taste.left_picked), asked) == (1, [1])
    dialog.lose_round("the disk is full")
    assert "full" in dialog.told.text()
    dialog.pick(True)
    assert asked == [1, 1]
    dialog.take_round(1, pictures)
    assert not dialog.is_waiting
    dialog.pick(False)
    dialog.take_round(2, pictures)
    dialog.take_back()  # Into the round before, which is drawn again.
    assert (len(taste.left_picked), dialog.is_waiting, asked) == (1, True, [1, 1, 2, 1])


def test_the_room_draws_the_next_round(room, session, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments import room as module
    from gandam_studio.qt.experiments import taste_tests
    from gandam_studio.qt.experiments.taste_dialog import TasteDialog

    experiment = _filled(session.workspace.folder)
    room.refresh()
    taste = new_taste(experiment.folder, "r1@5", "r2@5", count=4, reals=4)
    pictures = {name: [np.zeros((8, 8, 3), np.uint8)] * 4 for name in ("a", "b", "real")}
    drawn: list[int] = []
    monkeypatch.setattr(module, "pictures_of", lambda _e, _t, number, _job: drawn.append(number) or pictures)

    def play(dialog: TasteDialog) -> None:
        for _ in range(3):
            qtbot.waitUntil(lambda: not dialog.is_waiting, timeout=30_000)
            dialog.pick(True)
        dialog.accept()

    monkeypatch.setattr(taste_tests, "run_dialog", play)
    room.show_taste(taste, pictures)
    assert drawn[:2] == [1, 2]
    assert len(tastes(experiment.folder)[0].left_picked) == 3


def test_dialogs_fit_the_screen(session, qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.experiments.new_dialog import NewExperimentDialog
    from gandam_studio.qt.experiments.taste_dialog import TasteDialog

    taste = new_taste(tmp_path, "r1@5", "r2@5", count=4, reals=4)
    pictures = {name: [np.zeros((8, 8, 3), np.uint8)] * 4 for name in ("a", "b", "real")}
    for dialog in (NewExperimentDialog(session), TasteDialog(taste, pictures)):
        qtbot.addWidget(dialog)
        dialog.show()
        room = dialog.screen().availableSize()
        assert dialog.width() <= room.width()
        assert dialog.height() <= room.height()
        assert dialog.minimumSizeHint().height() <= 440  # Of a screen of 540 lines, without frames and bars.


def test_an_experiment_is_renamed_and_noted(screen, room, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    experiment = _filled(session.workspace.folder)
    room.refresh()

    def name(dialog) -> None:  # type: ignore[no-untyped-def]
        dialog.name.setText("Rate <b>alone</b>")
        dialog.note.setPlainText("tried twice")
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)

    in_dialog(qtbot, LabelDialog, name)
    screen.label_action.trigger()
    assert (experiment.title, experiment.label.note) == ("Rate <b>alone</b>", "tried twice")
    assert (room.title.text(), room.list.item(0).text()) == ("Rate <b>alone</b>", "Rate <b>alone</b>")
    assert "tried twice" in room.question.text()


def test_deleting_asks_about_the_experiment_and_not_about_hidden_runs(  # type: ignore[no-untyped-def]
    screen, room, session, qtbot, monkeypatch
) -> None:
    monkeypatch.setattr("send2trash.send2trash", lambda path: shutil.rmtree(path))
    experiment = _filled(session.workspace.folder)
    run = make_run(session.workspace.folder / "runs" / "r0-x")
    experiment.mark(run, experiment.plan.cells[0])
    mine = make_run(session.workspace.folder / "runs" / "r77-mine")
    session.run_index.refresh()
    qtbot.waitUntil(lambda: len(screen.tree.run_items) == 2, timeout=5000)
    screen.tree.select([mine.path])
    room.refresh()
    asked: list[str] = []

    def answer(box, move: bool) -> None:  # type: ignore[no-untyped-def]
        asked.append(box.text())
        box.checkBox().setChecked(True)
        wanted = QMessageBox.ButtonRole.DestructiveRole if move else QMessageBox.ButtonRole.RejectRole
        next(button for button in box.buttons() if box.buttonRole(button) == wanted).click()

    in_dialog(qtbot, QMessageBox, lambda box: answer(box, move=False))
    screen.delete_action.trigger()
    assert (experiment.folder.is_dir(), mine.path.is_dir()) == (True, True)
    in_dialog(qtbot, QMessageBox, lambda box: answer(box, move=True))
    screen.delete_action.trigger()
    assert all(experiment.plan.title in text and "r77" not in text for text in asked)
    assert (experiment.folder.exists(), run.path.exists(), mine.path.is_dir()) == (False, False, True)
    assert room.pages.currentIndex() == 1
    assert not screen.delete_action.isEnabled()
    room.back_button.click()
    assert screen.delete_action.isEnabled()


def test_keys_do_not_reach_the_runs_behind_the_experiments(screen, room, session, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(session.workspace.folder / "runs" / "r1-x")
    session.run_index.refresh()
    qtbot.waitUntil(lambda: len(screen.tree.run_items) == 1, timeout=5000)
    screen.tree.select([run.path])
    room.refresh()
    screen._show_list(session.run_index.runs)
    about_runs = (
        screen.watch_action, screen.resume_action, screen.longer_action, screen.export_action, screen.sprites_action,
        screen.label_action, screen.delete_action, screen.next_action, screen.compare_action,
    )  # fmt: skip
    assert [action.text() for action in about_runs if action.isEnabled()] == []
    room.back_button.click()
    assert all(action.isEnabled() for action in (screen.watch_action, screen.label_action, screen.delete_action))
