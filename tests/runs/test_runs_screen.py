"""The Runs screen: lineage, states, comparison at equal pictures seen, deletion, export."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QPushButton
from recorded_runs import Recorder, diagnosis, make_run, recorded
from settled import settle

from gandam_studio.core.jobs import NULL_JOB
from gandam_studio.core.runs.comparison import compare
from gandam_studio.core.runs.export import export_run
from gandam_studio.core.runs.labels import set_label
from gandam_studio.qt.following.requests import ShowRun
from gandam_studio.qt.outputs.label_dialog import LabelDialog
from gandam_studio.qt.outputs.longer_dialog import LongerDialog
from trainer.protocol import events as ev
from trainer.protocol import files
from trainer.protocol.diagnosis_cards import summary
from trainer.protocol.events import last_event
from trainer.protocol.run_directory import RunDirectory


@pytest.fixture
def folder(session) -> Path:  # type: ignore[no-untyped-def]
    return session.workspace.folder / "runs"


def _refresh(screen) -> None:  # type: ignore[no-untyped-def]
    screen.session.runs_changed.emit()
    settle(screen.session)


def test_no_runs_invite_to_start_one(screen) -> None:  # type: ignore[no-untyped-def]
    settle(screen.session)
    assert screen.pages.currentWidget() is screen.empty


def test_states_are_told_and_children_stand_under_their_parent(screen, folder: Path) -> None:  # type: ignore[no-untyped-def]
    recorded(folder / "r1-a", iterations=100)
    child = Recorder(make_run(folder / "r2-b", ("origin.parent=r1-a",)))
    child.train(40)
    child.checkpoint()
    failed = Recorder(make_run(folder / "r3-c", ("origin.version=v2",)))
    failed.fail("oom", "out of memory")
    make_run(folder / "r4-d")
    timed = Recorder(make_run(folder / "r5-e"))
    timed.train(40)
    timed.write(ev.RunFinished(limit="minutes"))
    _refresh(screen)
    items = {path.name: item for path, item in screen.tree.run_items.items()}
    states = {name: item.text(1) for name, item in items.items()}
    assert states == {"r1-a": "Finished", "r2-b": "Interrupted", "r3-c": "Failed", "r4-d": "Waiting",
                      "r5-e": "Finished (time limit)"}  # fmt: skip
    assert "time limit reached" in items["r5-e"].toolTip(0)
    assert items["r2-b"].parent() is items["r1-a"]
    assert items["r3-c"].parent() is not items["r1-a"].parent(), "other data, other branch"
    assert "out of memory" in items["r3-c"].toolTip(0)
    assert "Resume from 40" in items["r2-b"].toolTip(0)


def test_two_runs_are_compared_at_equal_pictures_seen(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    one = recorded(folder / "r1-a", iterations=400, every=100)
    other = recorded(folder / "r2-b", iterations=200, every=100, overrides=("optimiser.lr_g=0.0123",))
    _refresh(screen)
    screen.tree.select([one.path, other.path])
    qtbot.waitUntil(lambda: len(screen.compare.followers) == 2, timeout=5000)
    compare = screen.compare
    qtbot.waitUntil(lambda: compare.timeline.last == 400 * 64, timeout=10_000)
    compare.timeline.grab(150 * 64)
    notes = lambda: [grid.note.text() for grid in compare.grids]  # noqa: E731
    qtbot.waitUntil(lambda: notes() == ["6,400 pictures", "6,400 pictures"], timeout=5000)
    compare.timeline.end()
    qtbot.waitUntil(lambda: notes() == ["25,600 pictures", "12,800 pictures (last)"], timeout=5000)
    table = compare.table.table
    assert (table.rowCount(), table.item(0, 2).text()) == (1, "0.0123")
    assert "optimiser.lr_g" in table.item(0, 0).toolTip()
    assert not re.search(r"\d", compare.table.summary.text()), "one difference explains the results"
    compare.plots.draw_now()
    first, second = compare.plots.plots[1].canvas.drawing.lines[-2:]
    assert 0.97 * 400 * 64 < first.x.max() <= 400 * 64
    assert 0.99 * 200 * 64 < second.x.max() <= 200 * 64


def test_the_first_visit_shows_the_newest_run(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    recorded(folder / "r1-a", iterations=100)
    newest = recorded(folder / "r2-b", iterations=100)
    _refresh(screen)
    assert screen.tree.selected() == [newest.path]
    qtbot.waitUntil(lambda: [one.name for one in screen.compare.followers] == ["r2-b"], timeout=5000)
    screen.tree.select([])
    screen.refresh()
    assert screen.tree.selected() == [], "only the first visit chooses"


def test_verdicts_of_compared_runs_are_those_of_the_cursor(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    recorder = Recorder(make_run(folder / "r1-a"))
    for verdict, reason in (("healthy", "varied"), ("collapsed", "alike")):
        recorder.train(100)
        recorder.sample()
        recorder.diagnose(diagnosis(verdict, reason))
    recorder.finish()
    older = recorded(folder / "r2-b", iterations=200)
    _refresh(screen)
    screen.tree.select([recorder.run.path, older.path])
    qtbot.waitUntil(lambda: len(screen.compare.followers) == 2, timeout=5000)
    compare = screen.compare
    collapsed = summary(diagnosis("collapsed", "alike")).title
    qtbot.waitUntil(lambda: compare.grids[0].footer.text().startswith(collapsed), timeout=10_000)
    assert compare.grids[0].footer.isVisible()
    assert not compare.grids[1].footer.isVisible(), "it was not diagnosed"
    compare.timeline.grab(150 * 64)
    assert compare.grids[0].footer.text().startswith("Healthy")
    assert compare.grids[0].footer.text().endswith("(iteration 100)")


def test_four_runs_side_by_side_do_not_widen_the_window(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    runs = [recorded(folder / f"r{n}-a-preset-with-a-long-name", iterations=100 * n, every=100) for n in range(1, 5)]
    _refresh(screen)
    screen.tree.select([run.path for run in runs])
    qtbot.waitUntil(lambda: len(screen.compare.followers) == 4, timeout=5000)
    notes = lambda: [grid.note.text() for grid in screen.compare.grids]  # noqa: E731
    qtbot.waitUntil(lambda: notes()[3] == "25,600", timeout=10_000)
    qtbot.waitUntil(lambda: notes()[0] == "6,400 (last)", timeout=5000)
    assert screen.minimumSizeHint().width() <= 1200
    assert screen.compare.grids[0].title.toolTip() == runs[0].name


def test_another_choice_while_the_cursor_stands_late_is_no_failure(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    one = recorded(folder / "r1-a", iterations=400, every=100)
    failed = make_run(folder / "r2-b")
    Recorder(failed).fail("device", "no CUDA device")
    _refresh(screen)
    screen.tree.select([one.path])
    qtbot.waitUntil(lambda: screen.compare.timeline.last == 400 * 64, timeout=10_000)
    screen.compare.timeline.grab(300 * 64)
    # pytest-qt fails the test when a slot raises.
    screen.tree.select([failed.path])
    qtbot.waitUntil(lambda: [f.name for f in screen.compare.followers] == ["r2-b"], timeout=5000)
    assert len(screen.compare.grids) == 1


def test_confounded_runs_are_called_so(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    one = recorded(folder / "r1-a", iterations=100)
    other = recorded(folder / "r2-b", iterations=100, preset="dcgan", data_seed=4)
    _refresh(screen)
    screen.tree.select([one.path, other.path])
    qtbot.waitUntil(lambda: len(screen.compare.followers) == 2, timeout=5000)
    factors = compare([one.path, other.path]).factors
    assert factors > 1
    assert str(factors) in screen.compare.table.summary.text()
    table = screen.compare.table.table
    names = [table.item(row, 0) for row in range(table.rowCount())]
    assert any("objective.kind" in name.toolTip() for name in names)
    assert len({name.text() for name in names}) == len(names)


def test_keys_walk_and_c_adds_the_newest_run(screen, folder: Path) -> None:  # type: ignore[no-untyped-def]
    for number in range(1, 6):
        make_run(folder / f"r{number}-x")
    _refresh(screen)
    screen.tree.select([folder / "r1-x"])
    screen.tree.step(1)
    assert [path.name for path in screen.tree.selected()] == ["r2-x"]
    screen.tree.step(-1)
    assert [path.name for path in screen.tree.selected()] == ["r1-x"]
    for _ in range(5):
        screen.compare_with_newest()
    assert len(screen.tree.selected()) == 4, "four at most"


def test_a_broken_run_stays_readable(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(folder / "r1-a", iterations=200)
    run.config_path.write_text("{ torn")
    _refresh(screen)
    screen.tree.select([run.path])
    qtbot.waitUntil(lambda: screen.compare.timeline.last == 200 * 64, timeout=10_000)


def test_deleting_moves_to_the_trash_and_spares_the_others(screen, folder: Path, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import shutil

    one, other = recorded(folder / "r1-a", iterations=100), recorded(folder / "r2-b", iterations=100)
    monkeypatch.setattr("send2trash.send2trash", lambda path: shutil.rmtree(path))
    _refresh(screen)
    screen.tree.select([one.path])
    qtbot.waitUntil(lambda: screen.compare.timeline.last > 0, timeout=10_000)
    screen.delete([one.path])
    assert not one.path.exists()
    settle(screen.session)
    assert [path.name for path in screen.tree.run_items] == [other.name]


def _one_done_one_broken(screen, folder: Path) -> tuple[RunDirectory, RunDirectory]:  # type: ignore[no-untyped-def]
    done = recorded(folder / "r1-a", iterations=100)
    broken = Recorder(make_run(folder / "r2-b"))
    broken.train(40)
    broken.checkpoint()
    _refresh(screen)
    return done, broken.run


def test_buttons_offer_only_what_can_be_done(screen, folder: Path) -> None:  # type: ignore[no-untyped-def]
    done, broken = _one_done_one_broken(screen, folder)
    screen.tree.select([done.path])
    assert not screen.resume_action.isEnabled()
    assert (screen.longer_action.isEnabled(), "longer" in screen.resume_button.text()) == (True, True)
    assert not screen.ending_action.isEnabled()
    screen.tree.select([broken.path])
    assert (screen.resume_button.isEnabled(), screen.resume_button.text()) == (True, "Resume from 40")
    assert (screen.longer_action.isEnabled(), screen.ending_action.isEnabled()) == (False, True)
    screen.tree.select([done.path, broken.path])
    assert not screen.ending_action.isEnabled()
    for button in (screen.export_button, screen.resume_button, screen.sprites_button, screen.label_button):
        assert not button.isEnabled()


def test_buttons_stay_where_they_are_whatever_is_selected(screen, folder: Path) -> None:  # type: ignore[no-untyped-def]
    done, broken = _one_done_one_broken(screen, folder)
    buttons = screen.tree.parentWidget().findChildren(QPushButton)
    places = set()
    for chosen in ([], [done.path], [broken.path], [done.path, broken.path]):
        screen.tree.select(chosen)
        QApplication.processEvents()
        places.add(tuple(button.geometry().getRect() for button in buttons))
    assert len(places) == 1


def test_an_exported_run_opens_from_elsewhere(screen, folder: Path, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(folder / "r1-a", iterations=100)
    with qtbot.waitSignal(screen.session.message_posted, timeout=10_000) as posted:
        screen.export(run.path, tmp_path / "copy.zip")
    assert posted.args[1] == "success"
    moved = export_run(RunDirectory(run.path), tmp_path / "elsewhere", NULL_JOB)
    assert RunDirectory(moved).state().state == "finished"
    assert screen.export_action.shortcut().toString() == "Ctrl+E"


def test_damaged_versions_do_not_hide_the_runs(screen, folder: Path) -> None:  # type: ignore[no-untyped-def]
    recorded(folder / "r1-a", iterations=100)
    posted: list[str] = []
    screen.session.message_posted.connect(lambda text, _severity: posted.append(text))
    screen.session.workspace.connection.execute(
        "INSERT INTO versions (version, digest, at, message, sprites) VALUES (1, 'inf', '2026', '', 3)"
    )
    _refresh(screen)
    assert [path.name for path in screen.tree.run_items] == ["r1-a"]
    assert posted


def test_samples_that_are_lost_are_said_instead_of_reading_for_ever(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(folder / "r1-a", iterations=200, every=100)
    for grid in run.samples_path.iterdir():
        grid.unlink()
    _refresh(screen)
    screen.tree.select([run.path])
    qtbot.waitUntil(lambda: bool(screen.compare.grids), timeout=5000)
    grid = screen.compare.grids[0]
    qtbot.waitUntil(lambda: "cannot be read" in grid.view.message, timeout=5000)


def test_a_run_that_vanishes_while_it_is_compared_is_said(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(folder / "r1-a")
    _refresh(screen)
    screen.tree.select([run.path])
    qtbot.waitUntil(lambda: bool(screen.compare.grids), timeout=5000)
    shutil.rmtree(run.path)
    # The list may drop the run before the comparison notices.
    gone = lambda: screen.right.currentWidget() is screen.hint or "missing" in screen.compare.grids[0].view.message  # noqa: E731
    qtbot.waitUntil(gone, timeout=5000)


def test_runs_are_sorted_by_date_and_grouped_by_version_again(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    for number, (name, iterations) in enumerate((("r1-b", 300), ("r2-a", 100), ("r3-c", 200))):
        run = recorded(folder / name, iterations=iterations)
        event = last_event(run.events_path)
        text = run.events_path.read_text(encoding="utf-8")
        run.events_path.write_text(text.replace(f"{event.wall_time}", f"{1e9 + 86400 * number}"), encoding="utf-8")
    set_label(folder / "r3-c", name="Aardvark")
    _refresh(screen)
    tree, header = screen.tree, screen.tree.header()

    def names() -> list[str]:
        return [path.name for path in tree.in_view_order()]

    def click(column: int) -> None:
        x = header.sectionViewportPosition(column) + 12
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, header.height() // 2))

    assert names() == ["r1-b", "r2-a", "r3-c"]
    tree.select([folder / "r2-a"])
    click(3)
    assert names() == ["r3-c", "r2-a", "r1-b"], "newest first"
    click(3)
    assert names() == ["r1-b", "r2-a", "r3-c"]
    assert tree.topLevelItemCount() == 3
    click(3)
    assert tree.topLevelItemCount() == 1, "by version"
    click(2)
    assert names() == ["r1-b", "r3-c", "r2-a"]
    click(0)
    assert names() == ["r3-c", "r1-b", "r2-a"], "by their own names"
    assert tree.selected() == [folder / "r2-a"]
    screen.sort_actions[0].trigger()
    assert tree.topLevelItemCount() == 1


def test_a_name_is_given_from_the_list_and_shown_there_and_above_the_samples(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(folder / "r1-a", iterations=100)
    _refresh(screen)
    screen.tree.select([run.path])
    qtbot.waitUntil(lambda: len(screen.compare.followers) == 1, timeout=5000)

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, LabelDialog):
            QTimer.singleShot(10, answer)
            return
        dialog.name.setText("Knights")
        dialog.note.setPlainText("too blurry")
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)

    QTimer.singleShot(0, answer)
    qtbot.mouseClick(screen.label_button, Qt.MouseButton.LeftButton)
    settle(screen.session)
    item = screen.tree.run_items[run.path]
    assert item.text(0) == "Knights (r1)"
    assert "too blurry" in item.toolTip(0)
    assert screen.compare.grids[0].title.text() == "Knights"


def test_a_sample_of_the_comparison_is_copied_from_its_own_run(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    paths = [recorded(folder / name, iterations=200, data_seed=seed).path for seed, name in enumerate(("r1-a", "r2-b"))]
    _refresh(screen)
    screen.tree.select(paths)
    qtbot.waitUntil(lambda: len(screen.compare.followers) == 2, timeout=5000)
    qtbot.waitUntil(lambda: all(grid.view.image is not None for grid in screen.compare.grids), timeout=10_000)
    view = screen.compare.grids[1].view
    target = view.target()
    cell = QPoint(round(target.left() + target.width() * 0.6), round(target.top() + target.height() * 0.1))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=cell)
    assert view.selected == 2
    screen.copy_seed_action.trigger()
    assert QApplication.clipboard().text() == "fixed/2"
    spot, follower = screen.compare.chosen
    assert (spot.run.path, follower.run_directory.path, spot.index) == (paths[1], paths[1], 2)
    menus = []
    screen.compare.menu_requested.connect(lambda spot, _follower, _at: menus.append(spot))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, cell, view.mapToGlobal(cell))
    QApplication.sendEvent(view, event)
    assert [(one.run.path, one.index) for one in menus] == [(paths[1], 2)]
    QApplication.activePopupWidget().close()


def test_a_finished_run_is_sent_to_train_with_what_was_chosen(screen, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = recorded(folder / "r1-a", iterations=6000, every=3000)
    state = {"iteration": 6000, "images_seen": 96_000, "trained_s": 60.0}
    files.write_json(run.path / "checkpoints" / "00006000" / "state.json", state)
    _refresh(screen)
    screen.tree.select([run.path])
    asked: list[tuple[str, object]] = []
    screen.screen_requested.connect(lambda name, request: asked.append((name, request)))

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, LongerDialog):
            QTimer.singleShot(10, answer)
            return
        dialog.tail.setCurrentIndex(1)
        assert dialog.start_button.isDefault(), "Return presses it"
        qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)

    QTimer.singleShot(0, answer)
    qtbot.mouseClick(screen.resume_button, Qt.MouseButton.LeftButton)
    options = ("--more-minutes", "10.0", "--tail", "constant")
    assert asked == [("Train", ShowRun(run.path, start=True, options=options))]


def _with_checkpoints(path: Path, *iterations: int) -> RunDirectory:
    run = Recorder(make_run(path))
    for iteration in iterations:
        run.train(iteration - run.iteration)
        run.checkpoint()
    run.finish()
    return RunDirectory(path)


def test_two_runs_are_compared_blindly_and_the_picks_are_kept(screen, folder: Path, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.core.experiments import tasting
    from gandam_studio.core.experiments.tasting import tastes_of
    from gandam_studio.qt.experiments import taste_tests
    from gandam_studio.qt.experiments.taste_tests import TasteChoice
    from gandam_studio.qt.runs import screen as module

    runs = [_with_checkpoints(folder / name, 20, 40) for name in ("r1-a", "r2-b")]
    best = runs[0].checkpoints_path / "best"
    best.mkdir()
    files.write_json(best / "state.json", {"iteration": 30})
    asked: list[tuple[str, object, int]] = []

    def draw(run: RunDirectory, target: Path, *, count: int, iteration: object, **_: object) -> None:
        asked.append((run.name, iteration, count))
        target.mkdir()
        for number in range(count):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(target / f"{number:04}.png")

    def choose(dialog: TasteChoice) -> int:
        assert [dialog.a.itemText(i) for i in range(2)] == ["r1-a", "r2-b"]
        assert dialog.checkpoints() == (30, 40), "the best of a run, or its newest"
        return 1

    def play(dialog) -> None:  # type: ignore[no-untyped-def]
        for _ in range(3):
            dialog.pick(True)
        dialog.accept()

    monkeypatch.setattr(tasting, "COUNT", 40)
    monkeypatch.setattr(tasting, "draw_sprites", draw)
    monkeypatch.setattr(module, "run_dialog", choose)
    monkeypatch.setattr(taste_tests, "run_dialog", play)
    _refresh(screen)
    screen.tree.select([runs[0].path, runs[1].path])
    assert screen.taste_action.isEnabled()
    screen.taste_button.click()
    qtbot.waitUntil(lambda: any(test.left_picked for test in tastes_of(runs)), timeout=20_000)
    assert asked == [("r1-a", "best", 40), ("r2-b", "40", 40)]
    (kept,) = tastes_of(runs)
    assert (kept.a, kept.b, len(kept.left_picked)) == ("r1-a@30", "r2-b@40", 3)
    assert tastes_of(runs[:1]) == []

    def go_on(dialog: TasteChoice) -> int:
        dialog.which.setCurrentIndex(1)
        return 1

    monkeypatch.setattr(module, "run_dialog", go_on)
    monkeypatch.setattr(taste_tests, "run_dialog", lambda dialog: dialog.take_back())
    screen.taste_action.trigger()
    qtbot.waitUntil(lambda: len(tastes_of(runs)[0].left_picked) == 2, timeout=20_000)


def test_one_run_offers_two_of_its_checkpoints(screen, folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.runs import screen as module

    many, one = _with_checkpoints(folder / "r1-a", 20, 40), _with_checkpoints(folder / "r2-b", 20)
    shown: list = []
    monkeypatch.setattr(module, "run_dialog", lambda dialog: shown.append(dialog) or 0)
    _refresh(screen)
    screen.tree.select([one.path])
    screen.ask_taste()
    assert not shown, "there is nothing to compare it with"
    screen.tree.select([many.path])
    screen.ask_taste()
    assert (shown[0].checkpoints(), shown[0].ok.isEnabled()) == ((40, 20), True)
