"""The whole window with a real trainer, driven by mouse and keys: start, lose the folder, resume, compare."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget
from recorded_runs import Recorder, make_run, recorded
from runs_screens import story_lines
from settled import settle
from small_workspaces import add_sprites
from studio_window import CONTROL, OpenWindow, open_window, own_settings, press

from gandam_studio.core import versions
from gandam_studio.core.runs import available_devices
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import SetSetting
from gandam_studio.qt.following.training_size import FIRST_PRESET
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.qt.runs.lineage_tree import LineageTree
from gandam_studio.qt.runs.screen import RunsScreen
from gandam_studio.qt.train.run_strip import RunStrip
from gandam_studio.qt.train.screen import TrainScreen
from trainer.protocol import events as ev

__all__ = ["open_window", "own_settings"]

LEFT = Qt.MouseButton.LeftButton
WAIT_MS = 60_000
SOON_MS = 10_000
TINY = (
    "data.size=32", "architecture.latent=8", "architecture.generator_channels=8,8,8,8", "batch.size=4",
    "architecture.discriminator_channels=8,8,8,8", "sampling.every=40", "sampling.count=9", "sampling.progress_every=5",
    "sampling.checkpoint_every=40", "precision.threads=1", "device=cpu", "stop.iterations=1000000",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a version of 24 sprites, closed."""
    with Workspace.create(tmp_path / "w") as workspace:
        add_sprites(workspace, list(range(24)))
        versions.commit(workspace, "first")
    return tmp_path / "w"


@pytest.fixture
def window(folder: Path, open_window: OpenWindow) -> Iterator[MainWindow]:
    """The window; every trainer that it started is ended with it."""
    made = open_window(folder)
    made.resize(1280, 820)
    yield made
    if any(screen for screen in made.findChildren(TrainScreen)):
        for process in train(made).control.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait(20)


def train(window: MainWindow) -> TrainScreen:
    return next(iter(window.findChildren(TrainScreen)))


def visit(window: MainWindow, number: int) -> None:
    """Go to a screen by its key."""
    QTest.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), CONTROL)


def click(widget: QWidget, at: QPoint | None = None, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    """Click something that is shown."""
    assert widget.isVisible()
    QTest.mouseClick(widget, LEFT, modifiers, at if at is not None else widget.rect().center())


def start_by_hand(window: MainWindow, qtbot, *more: str) -> TrainScreen:  # type: ignore[no-untyped-def]
    """Go to Train, set up the smallest run, and press Start; returns after 20 iterations."""
    visit(window, 4)
    screen = window.screen_shown
    assert isinstance(screen, TrainScreen)
    screen.setup.draft.choose("sprite-r3-cpu")
    for text in (*TINY, *more):
        path, _, value = text.partition("=")
        screen.setup.draft.set_text(path, value)
    assert not screen.setup.draft.problem
    click(screen.setup.start_button)
    qtbot.waitUntil(lambda: screen.follower is not None and screen.follower.record.last_iteration > 20, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: screen.follower.state.state == "running", timeout=SOON_MS)
    return screen


def test_the_folder_deleted_under_a_run_that_trains(window: MainWindow, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    screen = start_by_hand(window, qtbot)
    watch, follower = screen.watch, screen.follower
    qtbot.waitUntil(lambda: watch.grids.fixed.view.image is not None, timeout=SOON_MS)
    process = screen.control.processes[follower.name]
    reached = follower.record.last_iteration
    deleted = time.monotonic()
    shutil.rmtree(follower.run_directory.path, ignore_errors=True)  # A file it writes meanwhile is deleted below.
    shutil.rmtree(follower.run_directory.path, ignore_errors=True)

    qtbot.waitUntil(lambda: follower.is_gone, timeout=SOON_MS)
    assert watch.card.headline.text() == "The run's folder is missing"
    assert watch.card.isVisible()
    assert "What was read so far" in watch.card.safe.text()
    assert "Missing" in watch.state_label.text()
    assert not any(b.isVisible() for b in (watch.pause_button, watch.stop_button, watch.sample_button))
    assert not window.findChild(RunStrip).isVisible(), "nothing to pause or stop any more"
    # The trainer has nowhere to write and nobody to ask it to stop: it ends, and does not make the folder anew.
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=SOON_MS)
    assert time.monotonic() - deleted < 10
    assert not follower.run_directory.path.exists()
    # What was read is still there to look at, with keys and mouse.
    QTest.keyClick(window, Qt.Key.Key_Home)
    assert watch.timeline.position == 0
    assert watch.grids.fixed.view.image is not None
    QTest.keyClick(window, Qt.Key.Key_End)
    assert watch.timeline.position >= reached
    # And nothing of it is in the way of the next run.
    qtbot.waitUntil(lambda: screen.control.live_run() is None, timeout=SOON_MS)
    click(screen.new_button)
    assert screen.setup.start_button.text() == "Start"
    # The list follows the folder of runs from a thread of its own.
    qtbot.waitUntil(
        lambda: follower.name not in [screen.chooser.itemText(i).split(" ")[0] for i in range(screen.chooser.count())],
        timeout=SOON_MS,
    )


def test_a_torn_line_and_events_of_a_newer_version_on_the_page(window: MainWindow, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(folder / "runs" / "r1-x")
    recorder = Recorder(run)
    recorder.train(100)
    recorder.sample()
    with run.locked():
        visit(window, 4)
        screen = window.screen_shown
        qtbot.waitUntil(lambda: screen.follower is not None and screen.watch.timeline.last == 100, timeout=SOON_MS)
        watch = screen.watch
        click(watch.tabs.tabBar(), watch.tabs.tabBar().tabRect(2).center())
        lines = lambda: story_lines(watch)  # noqa: E731
        qtbot.waitUntil(lambda: len(lines()) == 2, timeout=SOON_MS)
        with run.events_path.open("ab") as stream:
            stream.write(b'{"kind":"dream_dreamt","iteration":100,"depth":7}\n{"kind":"warning","iteration":100,"mess')
            stream.flush()
            qtbot.waitUntil(lambda: len(lines()) == 3, timeout=SOON_MS)
            assert lines()[-1].endswith("dream_dreamt: unknown event")
            qtbot.wait(300)
            assert len(lines()) == 3, "half a line is no event yet"
            stream.write(b'age":"whole now"}\n')
        qtbot.waitUntil(lambda: lines()[-1].lower().endswith("whole now"), timeout=SOON_MS)
        # A progress event that a newer version has given more curves and fields counts for what is known of it.
        newer = ev.Progress(iteration=120, images_seen=120 * 64, first_iteration=101, curves={"loss_d": [0.5] * 20})
        with run.events_path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(newer.to_json() | {"schema_version": 99, "mood": "calm"}) + "\n")
        qtbot.waitUntil(lambda: watch.numbers_label.text().startswith("120 of"), timeout=SOON_MS)
        assert watch.card.isHidden()
    recorder.writer.close()


@pytest.mark.slow  # The trainer starts twice; from the card it is tested in test_screen_with_real_runs.
def test_an_interrupted_run_goes_on_from_the_runs_screen(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    screen = start_by_hand(window, qtbot)
    follower = screen.follower
    qtbot.waitUntil(lambda: len(follower.record.checkpoints) > 0, timeout=WAIT_MS)
    process = screen.control.processes[follower.name]
    process.kill()
    process.wait(20)
    qtbot.waitUntil(lambda: follower.state.state == "interrupted", timeout=SOON_MS)
    saved = int(follower.run_directory.newest_checkpoint().name)
    visit(window, 5)
    runs = window.screen_shown
    assert isinstance(runs, RunsScreen)
    click_run(runs.tree, follower.run_directory.path)
    assert runs.resume_button.text() == f"Resume from {saved:,}"
    click(runs.resume_button)
    assert window.screen_shown is screen
    qtbot.waitUntil(lambda: follower.record.last_iteration > saved + 5 and follower.is_alive, timeout=WAIT_MS)
    assert follower.record.attempts == [saved]


def test_two_runs_are_compared_with_the_mouse(window: MainWindow, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    one = recorded(folder / "runs" / "r1-x", iterations=300, every=100)
    other = recorded(folder / "runs" / "r2-x", iterations=200, every=100, overrides=("optimiser.lr_g=0.0123",))
    visit(window, 5)
    runs = window.screen_shown
    settle(window.session)
    click_run(runs.tree, one.path)
    click_run(runs.tree, other.path, CONTROL)
    qtbot.waitUntil(lambda: len(runs.compare.followers) == 2, timeout=SOON_MS)
    compare = runs.compare
    qtbot.waitUntil(lambda: all(grid.view.image is not None for grid in compare.grids), timeout=SOON_MS)
    assert compare.timeline.last == 300 * 64
    assert compare.table.table.rowCount() > 0
    assert compare.table.summary.text()
    notes = lambda: [grid.note.text() for grid in compare.grids]  # noqa: E731
    track = compare.bar.track
    middle = track.height() // 2
    QTest.mousePress(track, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(round(track.x_of(19_000)), middle))
    QTest.mouseMove(track, QPoint(round(track.x_of(110 * 64)), middle))
    qtbot.waitUntil(lambda: notes() == ["6,400 pictures", "6,400 pictures"], timeout=SOON_MS)
    QTest.mouseRelease(track, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(round(track.x_of(110 * 64)), middle))
    press(Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: notes() == ["0 pictures", "0 pictures"], timeout=SOON_MS)
    press(Qt.Key.Key_End)
    qtbot.waitUntil(lambda: notes() == ["19,200 pictures", "12,800 pictures (last)"], timeout=SOON_MS)


def click_run(tree: LineageTree, path: Path, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    """Click a run's line."""
    rect = tree.visualItemRect(tree.run_items[path])
    QTest.mouseClick(tree.viewport(), LEFT, modifiers, rect.center())


def test_a_run_moved_away_and_back_says_so(window: MainWindow, folder: Path, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = make_run(folder / "runs" / "r1-x")
    recorder = Recorder(run)
    recorder.train(60)
    recorder.checkpoint()
    with run.locked():
        visit(window, 4)
        screen = window.screen_shown
        qtbot.waitUntil(lambda: screen.follower is not None and screen.follower.is_alive, timeout=SOON_MS)
        run.path.rename(tmp_path / "elsewhere")
        qtbot.waitUntil(lambda: screen.follower.is_gone, timeout=SOON_MS)
    recorder.fail("folder", "r1-x was moved or deleted while it was being trained")
    (tmp_path / "elsewhere").rename(run.path)
    qtbot.waitUntil(lambda: screen.follower.state.state == "failed", timeout=SOON_MS)
    assert "moved or deleted" in screen.watch.card.cause.text()
    assert screen.watch.card.button.text() == "Resume from 60"
    assert screen.watch.card.button.isVisible()


def shown_states(window: MainWindow) -> dict[str, str]:
    """The newest run's state on each screen, visible or not."""
    screen = train(window)
    runs = next(iter(window.findChildren(RunsScreen)))
    strip = window.findChild(RunStrip)
    return {
        "page": screen.watch.state_label.text(),
        "chooser": screen.chooser.currentText(),
        "strip": next(iter(strip.findChildren(QPushButton))).text(),
        "runs": next(iter(runs.tree.run_items.values())).text(1) if runs.tree.run_items else "",
    }


def test_states_follow_a_click_within_a_second_and_agree_on_all_screens(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    visit(window, 5)
    screen = start_by_hand(window, qtbot)
    visit(window, 5)
    runs = next(iter(window.findChildren(RunsScreen)))
    qtbot.waitUntil(lambda: all("Running" in text for text in shown_states(window).values()), timeout=SOON_MS)
    pause, stop = window.findChild(RunStrip).findChildren(QToolButton)

    def follows(button: QWidget, soon: str, then: str, places: tuple[str, ...]) -> None:
        clicked = time.monotonic()
        click(button)
        for place, text in shown_states(window).items():
            assert place not in places or soon in text or then in text, f"{place}: {text}"
        assert time.monotonic() - clicked < 1
        qtbot.waitUntil(lambda: then in shown_states(window)[places[0]], timeout=WAIT_MS)
        reached = time.monotonic()
        qtbot.waitUntil(lambda: all(then in shown_states(window)[place] for place in places), timeout=SOON_MS)
        assert time.monotonic() - reached < 1, "the screens agree within a second"

    everywhere = ("page", "chooser", "strip", "runs")
    follows(pause, "Pausing", "Paused", everywhere)
    follows(pause, "Resuming", "Running", everywhere)
    follows(stop, "Stopping", "Stopped", ("page", "chooser", "runs"))
    assert not window.findChild(RunStrip).isVisible()
    # The button of the list knows it too, although the selection is still the same.
    runs.tree.select([screen.follower.run_directory.path])
    qtbot.waitUntil(runs.resume_button.isEnabled, timeout=SOON_MS)
    runs.delete([screen.follower.run_directory.path])
    deleted = time.monotonic()
    qtbot.waitUntil(lambda: not runs.tree.run_items and "Missing" in screen.watch.state_label.text(), timeout=SOON_MS)
    assert time.monotonic() - deleted < 1


def test_a_missing_device_is_cured_by_one_button(window: MainWindow, folder: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    absent = next(name for name in ("mps", "cuda") if name not in available_devices())
    visit(window, 4)
    screen = window.screen_shown
    assert isinstance(screen, TrainScreen)
    setup = screen.setup
    editor = setup.basic["device"].editor
    assert absent not in [editor.itemText(row) for row in range(editor.count())], "what is not there is not offered"
    # A run copied from a machine that has it names it nevertheless.
    setup.draft.set_text("device", absent)
    qtbot.waitUntil(lambda: setup.device_note.isVisible(), timeout=WAIT_MS)
    assert not setup.start_button.isEnabled()
    click(setup.device_note.button)
    assert setup.start_button.isEnabled()
    # It was refused at its start: the same button is on its card.
    made = make_run(folder / "runs" / "r1-x", ("stop.iterations=1000000", f"device={absent}"))
    screen.show_run(made.path)
    screen.command("start")
    qtbot.waitUntil(lambda: screen.follower.state.state == "failed", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: screen.watch.card.isVisible(), timeout=SOON_MS)
    qtbot.waitUntil(lambda: not screen.control.processes, timeout=SOON_MS)
    click(screen.watch.card.button)
    qtbot.waitUntil(lambda: screen.follower.record.last_iteration > 1, timeout=WAIT_MS)
    assert made.config().device == "cpu"


def test_recipe_and_train_say_the_same_picture_size(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    panel = window.screen_shown.panel
    panel.show_recipe()
    recipe = panel.recipe
    assert recipe is not None

    def shown() -> set[int]:
        return {picture.width() for picture in recipe.preview.pictures}

    qtbot.waitUntil(lambda: shown() == {32}, timeout=SOON_MS)
    assert recipe.size_note.isVisible(), "the recipe says 64, the preset trains at 32"
    assert FIRST_PRESET in recipe.size_note.text()
    visit(window, 4)
    setup = train(window).setup
    assert setup.draft.config.data.size == 32
    assert "64" in setup.size_note.label.text()
    click(setup.size_note.button)
    assert setup.draft.config.data.size == 64
    assert not setup.size_note.isVisible()
    visit(window, 1)
    panel.show_recipe()
    qtbot.waitUntil(lambda: shown() == {64}, timeout=SOON_MS)
    assert not recipe.size_note.isVisible()


def test_a_size_chosen_in_the_recipe_is_the_size_of_the_run(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    session = window.session
    assert session is not None
    visit(window, 4)
    setup = train(window).setup
    recipe = dataclasses.replace(session.workspace.recipe, size=128)
    session.apply(SetSetting("recipe", recipe.to_json(), "Change the recipe"))
    versions.commit(session.workspace, "larger")
    session.versions_changed.emit()
    assert setup.draft.config.data.size == 128
    assert not setup.size_note.isVisible()
    assert session.training_size.side(128) == 128
