"""The Assist mode: one answer, a few pages, one undo step; a review that ends with its certificate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from planted import planted
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox
from studio_window import CONTROL, SHIFT, OpenWindow, curate, press, reactivate

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import import_sources
from gandam_studio.core.importing.options import ImportOptions
from gandam_studio.core.suggestions import described
from gandam_studio.core.suggestions import sprites as suggesting
from gandam_studio.core.suggestions.facing import network
from gandam_studio.core.suggestions.facing.features import Halves
from gandam_studio.core.suggestions.facing.review import FacingReview
from gandam_studio.core.suggestions.fitness.review import FitnessReview
from gandam_studio.core.versions import certificates_of, commit
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, SetFacing, Tag
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.settings import CERTIFICATES
from gandam_studio.qt.curate.assist import mode
from gandam_studio.qt.following.requests import ShowFilter
from gandam_studio.qt.help import ShortcutsDialog

Key = Qt.Key


@pytest.fixture(scope="module")
def walkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of 500 walkers of 5 kinds, named by the way they face, which are described: that takes a second."""
    folder = tmp_path_factory.mktemp("walkers")
    pictures, truth = planted(kinds=5, each=100, seed=2)
    (folder / "art").mkdir()
    for number, (picture, side) in enumerate(zip(pictures, truth.tolist(), strict=True)):
        Image.fromarray(picture).save(folder / "art" / f"{number:03d}-{'left' if side > 0 else 'right'}.png")
    with Workspace.create(folder / "w") as workspace:
        import_sources(workspace, [folder / "art"], options=ImportOptions(workers=1))
        described.described(workspace, list(workspace.sprites()), closely=False)
    return folder / "w"


@pytest.fixture
def folder(walkers: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(walkers, tmp_path / "w")
    return tmp_path / "w"


@pytest.fixture
def undescribed(folder: Path) -> Path:
    """The same, but nobody has described the walkers yet."""
    (folder / described.NAME).unlink()
    return folder


def looks_left(sprite) -> bool:
    """Whether a sprite, as shown, faces left."""
    return ("left" in sprite.name) != sprite.flipped


def wrong_on_page(screen) -> list[int]:
    """Positions of the sprites on the page that do not face left."""
    grid = screen.work.assist_view.grid
    return [place for place in range(len(grid.order)) if not looks_left(grid.sprite(place))]


def click(grid, position: int) -> None:
    grid.scroll_to(position)
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.rect_of(position).center())


def accept(screen) -> None:
    """Press Enter until another page is shown."""
    grid = screen.work.assist_view.grid
    shown = grid.order.tolist()
    while shown and screen.work.is_assisting and grid.isEnabled() and grid.order.tolist() == shown:
        press(Key.Key_Return)


def begin(screen, qtbot) -> None:
    press(Key.Key_G)
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)


def answer(screen) -> None:
    press(Key.Key_L if looks_left(screen.work.assist_view.grid.sprite(0)) else Key.Key_R)


def begin_and_answer(screen, qtbot) -> None:
    begin(screen, qtbot)
    answer(screen)


def test_one_answer_and_a_few_pages_turn_500_sprites_in_one_step(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin(screen, qtbot)
    view = screen.work.assist_view
    assert len(view.grid.order) == 1
    answer(screen)
    pages = clicks = 0
    while screen.work.is_assisting:
        wrong = wrong_on_page(screen)
        for position in wrong:
            click(view.grid, position)
            clicks += 1
        assert not wrong_on_page(screen)  # turned at once
        accept(screen)
        pages += 1
    assert clicks <= 3
    assert pages <= 7
    workspace = window.session.workspace
    sprites = list(workspace.sprites())
    assert all(looks_left(sprite) for sprite in sprites)
    assert all(sprite.shown_facing == "left" for sprite in sprites)
    assert workspace.counts().flipped > 200
    press(Key.Key_Z, CONTROL)
    assert workspace.counts().flipped == 0
    assert all(sprite.facing == "unknown" for sprite in workspace.sprites())


def test_a_key_that_is_held_accepts_one_page(folder: Path, open_window: OpenWindow, qtbot) -> None:
    screen = curate(open_window(folder))
    begin_and_answer(screen, qtbot)
    view = screen.work.assist_view
    shown = list(view.grid.order)
    held = QKeyEvent(QEvent.Type.KeyPress, Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True)
    QApplication.sendEvent(QApplication.focusWidget(), held)
    assert list(view.grid.order) == shown
    accept(screen)
    assert not screen.work.is_assisting or list(view.grid.order) != shown


def test_a_page_longer_than_the_window_is_accepted_once_all_of_it_was_in_view(
    folder: Path, open_window: OpenWindow, qtbot
) -> None:
    window = open_window(folder)
    window.resize(1000, 700)
    screen = curate(window)
    begin_and_answer(screen, qtbot)
    view = screen.work.assist_view
    grid, before = view.grid, facings_on_disk(folder)
    page, button = grid.order.tolist(), view.buttons[Key.Key_Return]
    assert len(page) > grid.room
    accepts, words = view.buttons[Key.Key_Return].property("words"), []
    seen: set[int] = set()
    for _ in range(len(page)):
        area = grid.viewport().rect()
        seen |= {place for place in range(len(page)) if area.intersects(grid.rect_of(place))}
        words.append(button.accessibleName())
        press(Key.Key_Return)
        if grid.order.tolist() != page:
            break
        assert facings_on_disk(folder) == before
    assert len(seen) == len(page)
    assert len(words) <= len(page) // grid.room + 2
    assert words[-1] == accepts
    assert accepts not in words[:-1]
    assert set(facings_on_disk(folder)) == {*before, *page}
    press(Key.Key_Backspace)
    assert facings_on_disk(folder) == before
    press(Key.Key_T)
    press(Key.Key_Return)  # all of it was in view, and is the same but for the side
    assert set(facings_on_disk(folder)) == {*before, *page}


def test_turning_a_page_to_the_other_side_leaves_it_where_it_is(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    window.resize(1000, 700)
    screen = curate(window)
    begin_and_answer(screen, qtbot)
    grid = screen.work.assist_view.grid
    press(Key.Key_Return)
    scrolled = grid.verticalScrollBar().value()
    assert scrolled > 0
    press(Key.Key_Right)
    press(Key.Key_Space)
    place = grid.current
    press(Key.Key_T)
    assert grid.verticalScrollBar().value() == scrolled
    assert (grid.current, grid.selection.count) == (place, 1)


def test_500_of_a_kind_take_one_click_and_three_pages(tmp_path: Path, open_window: OpenWindow, qtbot) -> None:
    pictures, truth = planted(kinds=1, each=500, seed=2)
    (tmp_path / "art").mkdir()
    for number, (picture, side) in enumerate(zip(pictures, truth.tolist(), strict=True)):
        Image.fromarray(picture).save(tmp_path / "art" / f"{number:03d}-{'left' if side > 0 else 'right'}.png")
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [tmp_path / "art"], options=ImportOptions(workers=1))
    window = open_window(tmp_path / "w")
    screen = curate(window)
    begin_and_answer(screen, qtbot)
    pages = 0
    while screen.work.is_assisting:
        assert not wrong_on_page(screen)
        accept(screen)
        pages += 1
    assert pages <= 3
    workspace = window.session.workspace
    assert all(looks_left(sprite) for sprite in workspace.sprites())
    press(Key.Key_Z, CONTROL)
    assert workspace.counts().flipped == 0


def test_a_larger_window_shows_more_at_once(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin(screen, qtbot)
    grid = screen.work.assist_view.grid
    rooms = {}
    for side in (96, 144, 200):
        for size in ((1000, 700), (1800, 1000)):
            window.resize(*size)
            QApplication.processEvents()
            answer(screen)
            grid.set_tile(side)
            rooms[side, size] = grid.room
            inside = [place for place in range(len(grid.order)) if grid.viewport().rect().contains(grid.rect_of(place))]
            assert len(inside) == min(len(grid.order), grid.room)
            press(Key.Key_Backspace)
            assert grid.room == rooms[side, size]  # a question in large cells does not change it
    assert all(rooms[side, (1800, 1000)] > 1.5 * rooms[side, (1000, 700)] for side in (96, 144, 200))
    assert rooms[96, (1000, 700)] > rooms[144, (1000, 700)] > rooms[200, (1000, 700)]


@pytest.mark.parametrize("height", [700, 750])
def test_the_first_page_is_made_for_the_room_beside_its_buttons(
    folder: Path, open_window: OpenWindow, qtbot, height: int
) -> None:
    with Workspace.open(folder) as workspace:
        workspace.apply(SetFacing([sprite.seq for sprite in workspace.sprites()][::5], "left"))
    window = open_window(folder)
    window.resize(1000, height)
    screen = curate(window)
    begin(screen, qtbot)  # without a question, after which all would lie in its place
    view, made_for = screen.work.assist_view, screen.assist.assistant.review.room
    QApplication.processEvents()
    assert view.grid.room == made_for
    assert ("on this page" in view.question.text()) == (len(view.grid.order) > made_for)


def facings_on_disk(folder: Path) -> dict[int, str]:
    """Sprites with a facing as another process reads them, which is what would survive a kill."""
    with Workspace.open(folder, read_only=True) as workspace:
        return {sprite.seq: sprite.shown_facing for sprite in workspace.sprites() if sprite.facing != "unknown"}


def test_pages_are_written_at_once_and_taken_back_one_by_one(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    workspace = window.session.workspace
    begin_and_answer(screen, qtbot)
    view = screen.work.assist_view
    asked = facings_on_disk(folder)
    assert len(asked) == 1
    first = view.grid.order.copy()
    press(Key.Key_X)  # drops a sprite outside the mode
    press(Key.Key_Right)
    press(Key.Key_Space)
    assert view.grid.selection.count == 1
    press(Key.Key_Space)
    for position in wrong_on_page(screen):
        click(view.grid, position)
    accept(screen)
    assert workspace.counts().dropped == 0
    assert facings_on_disk(folder) == {**asked, **dict.fromkeys(first.tolist(), "left")}
    press(Key.Key_Z, CONTROL)  # one page, not all of it
    assert screen.work.is_assisting
    assert facings_on_disk(folder) == asked
    assert np.array_equal(np.sort(view.grid.order), np.sort(first))
    for position in wrong_on_page(screen):
        click(view.grid, position)
    accept(screen)
    press(Key.Key_Backspace)
    press(Key.Key_Backspace)
    press(Key.Key_Backspace)  # there is nothing before the question
    assert facings_on_disk(folder) == {}
    assert len(view.grid.order) == 1
    answer(screen)
    for position in wrong_on_page(screen):
        click(view.grid, position)
    accept(screen)
    press(Key.Key_Escape)
    assert not screen.work.is_assisting
    known = [sprite for sprite in workspace.sprites() if sprite.facing != "unknown"]
    assert len(known) == len(first) + 1
    assert all(looks_left(sprite) for sprite in known)
    assert screen.filter_bar.isVisible()
    assert sum(entry.state == "done" for entry in workspace.history.entries()) == 1
    press(Key.Key_Z, CONTROL)
    assert facings_on_disk(folder) == {}
    press(Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert len(facings_on_disk(folder)) == len(known)


def test_killed_after_two_pages(walkers: Path, folder: Path, repository: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_while_assisting.py")), str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONPATH": str(repository)},
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        accepted = json.loads(child.stdout.readline())
        child.kill()
    assert len(accepted) > 10
    assert set(facings_on_disk(folder)) == set(accepted)
    with Workspace.open(folder) as workspace:
        assert workspace.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert workspace.undo()
        assert not workspace.undo()
        assert all(sprite.facing == "unknown" and not sprite.flipped for sprite in workspace.sprites())


def test_a_filter_that_pages_leave_shows_nothing_in_the_mode(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    screen.filter_bar.set_filter(Filter(facing="unknown"))
    begin_and_answer(screen, qtbot)
    accept(screen)
    assert screen.work.is_assisting
    assert not screen.filter_bar.isVisible()
    assert not screen.panel.isVisible()
    press(Key.Key_Escape)
    assert screen.filter_bar.isVisible()
    assert len(screen.gallery.order) == 500 - len(facings_on_disk(folder))


def test_the_network_looks_while_pages_are_shown(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()

    def look(rows, picture, check=lambda: None, workers=0):
        while not looked.wait(0.01):
            check()
        numbers = np.random.default_rng(0).normal(0, 0.01, (2, len(rows), network.DIMENSIONS)).astype(np.float32)
        yield list(rows), Halves(numbers[0], numbers[1])

    monkeypatch.setattr(network, "installed", lambda: True)
    monkeypatch.setattr(network, "look", look)
    window = open_window(folder)
    screen = curate(window)
    begin(screen, qtbot)
    press(Key.Key_Escape)
    assert not screen.work.is_assisting
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=60_000)  # nobody needs it any more
    begin(screen, qtbot)
    view, review = screen.work.assist_view, screen.assist.assistant.review
    answer(screen)
    accept(screen)
    assert not review.closely
    confirmed = facings_on_disk(folder)
    page = view.grid.order.copy()
    looked.set()
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=60_000)
    assert np.array_equal(view.grid.order, page)  # what is looked at stays
    for position in wrong_on_page(screen):
        click(view.grid, position)
    accept(screen)
    qtbot.waitUntil(lambda: review.closely and view.grid.isEnabled(), timeout=60_000)
    assert set(facings_on_disk(folder)) == {*confirmed, *page.tolist()}
    press(Key.Key_Backspace)
    assert facings_on_disk(folder) == confirmed
    assert review.closely
    while screen.work.is_assisting:
        for position in wrong_on_page(screen):
            click(view.grid, position)
        accept(screen)
    assert all(looks_left(sprite) for sprite in window.session.workspace.sprites())


@pytest.fixture
def large(undescribed: Path, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """500 sprites count as a large set: 64 are described before the first page, the others once the event is set."""
    monkeypatch.setattr(network, "installed", lambda: False)
    for module in (described, suggesting):
        monkeypatch.setattr(module, "FIRST", 64)
    monkeypatch.setattr(suggesting, "AT_ONCE", 100)
    go_on = threading.Event()
    describe = described.GrowingDescription.describe

    def patiently(growing, workspace, until, job) -> None:
        while growing.count and not go_on.wait(0.01):
            job.check()
        describe(growing, workspace, until, job)

    monkeypatch.setattr(described.GrowingDescription, "describe", patiently)
    return go_on


def accept_pages(screen) -> None:
    """Mark what is wrong and accept, until no page is shown or it is learned in the background."""
    view = screen.work.assist_view
    while screen.work.is_assisting and len(view.grid.order) and view.grid.isEnabled():
        for position in wrong_on_page(screen):
            click(view.grid, position)
        accept(screen)


def accept_all(screen, qtbot) -> None:
    """The same until it is over."""
    view = screen.work.assist_view
    while screen.work.is_assisting:
        accept_pages(screen)
        qtbot.waitUntil(
            lambda: not screen.work.is_assisting or (view.grid.isEnabled() and len(view.grid.order) > 0), timeout=60_000
        )


def test_pages_begin_before_a_large_set_is_described_and_go_on_with_what_follows(
    folder: Path, open_window: OpenWindow, qtbot, large: threading.Event
) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin_and_answer(screen, qtbot)
    view = screen.work.assist_view
    assert "64 of 500" in view.progress.text()
    accept_pages(screen)
    assert screen.work.is_assisting  # it waits for more
    assert not wrong_on_page(screen)
    before = facings_on_disk(folder)
    assert 60 <= len(before) <= 64
    press(Key.Key_Return)
    press(Key.Key_Backspace)  # a page is taken back while nothing else is shown
    assert len(facings_on_disk(folder)) < len(before)
    accept_pages(screen)
    assert facings_on_disk(folder) == before
    large.set()
    accept_all(screen, qtbot)
    workspace = window.session.workspace
    assert all(looks_left(sprite) for sprite in workspace.sprites())
    assert len(facings_on_disk(folder)) == 500
    press(Key.Key_Z, CONTROL)
    assert facings_on_disk(folder) == {}


def test_who_waits_is_shown_what_is_described_by_then(
    folder: Path, open_window: OpenWindow, qtbot, large: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gandam_studio.qt.curate.assist.facing._STEP", 32)
    describe = described.GrowingDescription.describe
    one_step = threading.Event()

    def step(growing, workspace, until, job) -> None:
        if growing.count == 64:
            while not one_step.wait(0.01):
                job.check()
            large.set()
            describe(growing, workspace, until, job)
            large.clear()
        else:
            describe(growing, workspace, until, job)

    monkeypatch.setattr(described.GrowingDescription, "describe", step)
    screen = curate(open_window(folder))
    begin_and_answer(screen, qtbot)
    view = screen.work.assist_view
    accept_pages(screen)
    one_step.set()
    qtbot.waitUntil(lambda: len(view.grid.order) > 0 and view.grid.isEnabled(), timeout=60_000)
    assert screen.assist.assistant.review.compared == 96  # less than twice as many
    press(Key.Key_Escape)


@pytest.mark.parametrize("waits", [False, True])
def test_a_description_can_be_stopped_and_goes_on_the_next_time(
    folder: Path, open_window: OpenWindow, qtbot, large: threading.Event, waits: bool
) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin_and_answer(screen, qtbot)
    view = screen.work.assist_view
    if waits:
        accept_pages(screen)
        assert screen.work.is_assisting
    told: list[str] = []
    window.session.message_posted.connect(lambda text, *_: told.append(text))
    assert len(window.session.tasks) == 1
    window.session.tasks[0].cancel()
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=60_000)
    if not waits:
        qtbot.waitUntil(lambda: view.progress.text().endswith("others"), timeout=60_000)
        accept_pages(screen)
    qtbot.waitUntil(lambda: not screen.work.is_assisting, timeout=60_000)
    assert "436 sprites" in told[-1]  # not looked at
    kept = facings_on_disk(folder)
    assert len(kept) >= 60
    large.set()
    begin(screen, qtbot)
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=60_000)
    assert "500 described" not in view.progress.text()
    accept_all(screen, qtbot)
    assert all(looks_left(sprite) for sprite in window.session.workspace.sprites())


def test_leaving_stops_the_description(folder: Path, open_window: OpenWindow, qtbot, large: threading.Event) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin(screen, qtbot)
    answer(screen)
    accept_pages(screen)
    press(Key.Key_Escape)
    assert not screen.work.is_assisting
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=60_000)
    assert len(facings_on_disk(folder)) >= 60


def test_a_version_saved_between_pages_splits_the_undo_and_that_is_said(
    folder: Path, open_window: OpenWindow, qtbot
) -> None:
    window = open_window(folder)
    screen = curate(window)
    workspace = window.session.workspace
    begin(screen, qtbot)
    view = screen.work.assist_view

    def accept_page() -> None:
        for position in wrong_on_page(screen):
            click(view.grid, position)
        accept(screen)

    answer(screen)
    accept_page()
    in_one_step = screen.assist.assistant.undone_by()
    saved = facings_on_disk(folder)
    commit(workspace)
    accept_page()
    assert screen.assist.assistant.undone_by() != in_one_step
    press(Key.Key_Backspace)
    assert facings_on_disk(folder) == saved
    assert screen.assist.assistant.undone_by() == in_one_step
    accept_page()
    accept_page()
    in_two_steps = screen.assist.assistant.undone_by()
    assert in_two_steps != in_one_step
    told: list[str] = []
    window.session.message_posted.connect(lambda text, *_: told.append(text))
    press(Key.Key_Escape)
    assert not screen.work.is_assisting
    assert in_two_steps in told[-1]
    press(Key.Key_Z, CONTROL)
    assert facings_on_disk(folder) == saved
    press(Key.Key_Z, CONTROL)
    assert facings_on_disk(folder) == {}


def test_undone_elsewhere_the_mode_ends(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin(screen, qtbot)
    press(Key.Key_L)
    window.session.undo()
    assert not screen.work.is_assisting


@pytest.fixture
def patiently(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The first page is not made before the event is set."""
    go_on = threading.Event()
    for name in ("_facing_review", "_fitness_review"):
        make = getattr(mode, name)

        def made(*asked, make=make):
            while not go_on.wait(0.01):
                asked[-1].check()
            return make(*asked)

        monkeypatch.setattr(mode, name, made)
    return go_on


@pytest.mark.parametrize("unfit", [False, True])
def test_keys_decide_nothing_while_the_first_page_is_made(
    folder: Path, open_window: OpenWindow, qtbot, patiently: threading.Event, unfit: bool
) -> None:
    window = open_window(folder)
    screen = curate(window)
    if unfit:
        screen.assist.find_unfit("tail", None)
    else:
        press(Key.Key_G)
    for key in (Key.Key_X, Key.Key_L, Key.Key_U, Key.Key_F, Key.Key_1, Key.Key_Return, Key.Key_Space, Key.Key_G):
        press(key)
    assert not window.session.workspace.history.entries()
    assert screen.work.is_assisting
    assert screen.work.assist_view.heading.text()
    patiently.set()
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    assert (len(screen.work.assist_view.grid.order) > 1) == unfit
    press(Key.Key_Space if unfit else Key.Key_L)
    press(Key.Key_Escape)
    assert not screen.work.is_assisting
    assert screen.filter_bar.isVisible()


@pytest.mark.parametrize("way_out", ["Escape", "undo", "strip", "failure"])
def test_who_does_not_want_to_wait_for_the_first_page_is_back_in_the_gallery(
    undescribed: Path, open_window: OpenWindow, qtbot, patiently: threading.Event, monkeypatch, way_out: str
) -> None:
    window = open_window(undescribed)
    screen = curate(window)
    press(Key.Key_X)
    dropped = window.session.workspace.counts().dropped
    if way_out == "failure":

        def fail(*_asked):
            raise UserError("no more memory")

        monkeypatch.setattr(mode, "_facing_review", fail)
    press(Key.Key_G)
    assert screen.work.is_assisting
    if way_out == "Escape":
        press(Key.Key_Escape)
    elif way_out == "undo":
        press(Key.Key_Z, CONTROL)
    elif way_out == "strip":
        window.session.tasks[0].cancel()
    qtbot.waitUntil(lambda: not screen.work.is_assisting, timeout=20_000)
    assert screen.filter_bar.isVisible()
    assert window.session.workspace.counts().dropped == dropped == 1
    patiently.set()
    if way_out != "failure":
        begin(screen, qtbot)  # at once, though the other description may not have ended
        press(Key.Key_Escape)
    press(Key.Key_X)
    assert window.session.workspace.counts().dropped == 2


@pytest.fixture
def learning(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Pages are learned in the background, and not before the event is set."""
    monkeypatch.setattr("gandam_studio.qt.curate.assist.assistant.AT_ONCE", 100)
    go_on, refit = threading.Event(), FacingReview.refit

    def patient_refit(review) -> None:
        go_on.wait(20)
        refit(review)

    monkeypatch.setattr(FacingReview, "refit", patient_refit)
    return go_on


def test_keys_that_come_too_early_do_nothing(
    folder: Path, open_window: OpenWindow, qtbot, learning: threading.Event
) -> None:
    window = open_window(folder)
    screen = curate(window)
    view = screen.work.assist_view
    begin_and_answer(screen, qtbot)
    assert not view.grid.isEnabled()
    before = facings_on_disk(folder)
    for key in (Key.Key_Return, Key.Key_Space, Key.Key_L, Key.Key_G, Key.Key_X, Key.Key_Backspace, Key.Key_Right):
        press(key)
        assert screen.work.is_assisting
    assert facings_on_disk(folder) == before
    learning.set()
    qtbot.waitUntil(lambda: view.grid.isEnabled(), timeout=60_000)
    assert len(view.grid.order) > 1
    press(Key.Key_Space)  # the page has the keys
    assert view.grid.selection.count == 1
    learning.clear()
    accept(screen)
    told: list[str] = []
    window.session.message_posted.connect(lambda text, *_: told.append(text))
    press(Key.Key_Escape)
    assert not screen.work.is_assisting
    assert "not accepted" not in told[-1]  # what was marked is written
    learning.set()


@pytest.mark.parametrize("kind", ["facing", "fitness"])
def test_what_is_marked_on_the_last_page_counts_as_accepted(
    folder: Path, open_window: OpenWindow, qtbot, kind: str
) -> None:
    window = open_window(folder)
    screen = curate(window)
    workspace = window.session.workspace
    some = np.array([sprite.seq for sprite in workspace.sprites()][:6], np.int64)
    told: list[str] = []
    window.session.message_posted.connect(lambda text, *_: told.append(text))
    if kind == "facing":
        screen.assist.turn(some)
        qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
        answer(screen)
    else:
        screen.assist.find_unfit("tail", some)
        qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    while screen.work.is_assisting:
        press(Key.Key_Space)
        assert screen.work.assist_view.grid.selection.count == 1
        accept(screen)
    assert "not accepted" not in told[-1]


def test_what_is_learned_for_a_page_is_forgotten_when_the_mode_has_ended(
    folder: Path, open_window: OpenWindow, qtbot, learning: threading.Event
) -> None:
    window = open_window(folder)
    screen = curate(window)
    view = screen.work.assist_view
    for end in (window.session.undo, lambda: press(Key.Key_Escape)):
        learning.clear()
        begin_and_answer(screen, qtbot)
        assert not view.grid.isEnabled()
        end()
        assert not screen.work.is_assisting
        begin(screen, qtbot)  # before the first one has learned
        shown = view.grid.order.tolist()
        assert view.grid.isEnabled()
        assert all(button.isEnabled() for button in view.buttons.values())
        learning.set()
        qtbot.waitUntil(lambda: window.session.is_idle, timeout=60_000)
        assert view.grid.order.tolist() == shown
        press(Key.Key_Escape)
    assert len(facings_on_disk(folder)) == 1  # the second answer was written


def test_sprites_asked_for_elsewhere_are_shown_in_the_gallery(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin_and_answer(screen, qtbot)
    accept(screen)
    window.show_last_change()
    assert not screen.work.is_assisting
    assert screen.assist.assistant is None
    assert screen.filter_bar.isVisible()
    assert screen.gallery.selection.count > 1
    begin(screen, qtbot)
    screen.receive(ShowFilter(panel="recipe"))
    assert not screen.work.is_assisting
    assert screen.panel.isVisible()


@pytest.mark.parametrize("unfit", [False, True])
def test_sprites_changed_elsewhere_end_the_mode_and_that_is_said(
    folder: Path, open_window: OpenWindow, qtbot, unfit: bool
) -> None:
    window = open_window(folder)
    screen = curate(window)
    if unfit:
        screen.assist.find_unfit("tail", None)
        qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    else:
        begin_and_answer(screen, qtbot)
    accept(screen)
    told: list[str] = []
    window.session.message_posted.connect(lambda text, *_: told.append(text))
    window.session.apply(Tag([7], frozenset({"red"})))
    assert screen.work.is_assisting  # nothing that pages depend on
    accept(screen)
    in_between = screen.assist.assistant.undone_by()
    assert "3" in in_between
    window.session.apply(Drop([7], "copy"))
    assert not screen.work.is_assisting
    assert "elsewhere" in told[-1]
    assert window.session.workspace.sprite(7).reason == "copy"


def test_marks_are_not_lost_by_another_key(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    told: list[str] = []
    window.session.message_posted.connect(lambda text, *_: told.append(text))
    screen.assist.find_unfit("tail", None)
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    grid = screen.work.assist_view.grid
    for key in (Key.Key_A, Key.Key_S):
        press(Key.Key_Space)
        shown = grid.order.tolist()
        press(key)
        assert grid.order.tolist() == shown
        assert grid.selection.count == 1
        assert "1 sprite" in told[-1]
        press(Key.Key_Space)
        press(key)
        assert grid.order.tolist() != shown
    press(Key.Key_Space)
    press(Key.Key_Escape)
    assert "1 sprite" in told[-1]
    begin_and_answer(screen, qtbot)
    press(Key.Key_Right)
    press(Key.Key_Space)
    press(Key.Key_Right)
    press(Key.Key_V)
    marked = grid.selection.seqs().tolist()
    place, shown = grid.current, grid.order.tolist()
    press(Key.Key_D)
    assert grid.order.tolist() == shown
    before = [looks_left(grid.sprite(one)) for one in range(len(shown))]
    press(Key.Key_T)
    after = [looks_left(grid.sprite(one)) for one in range(len(shown))]
    assert grid.selection.seqs().tolist() == marked
    assert grid.current == place
    # All face the other side now, but for the one that faces front.
    assert [one for one in range(len(shown)) if before[one] == after[one]] == [place]


def test_the_keys_told_are_those_of_the_pages(folder: Path, open_window: OpenWindow, qtbot) -> None:
    screen = curate(open_window(folder))
    told = [dict(rows) for _, rows in screen.mode_keys()]
    begin(screen, qtbot)
    view = screen.work.assist_view
    seen = []
    for key in (Key.Key_L, Key.Key_Escape):
        seen.append({button.property("words") for button in view.buttons.values()})
        press(key)
    screen.assist.find_unfit("tail", None)
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    seen.append({button.property("words") for button in view.buttons.values()})
    press(Key.Key_A)
    seen[-1] |= {button.property("words") for button in view.buttons.values()}
    assert seen[0] == set(told[0])
    dialog = ShortcutsDialog([], screen, screen.mode_keys())
    qtbot.addWidget(dialog)
    shown = {label.text() for label in dialog.findChildren(QLabel)}
    assert all({*rows, *rows.values()} <= shown for rows in told)
    assert all(words < set(rows) for words, rows in zip(seen[1:], told[1:], strict=True))
    assert all(len(set(rows) - words) == 1 for words, rows in zip(seen[1:], told[1:], strict=True))  # Space


def test_a_stack_is_turned_whole_and_a_front_is_left_alone(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin_and_answer(screen, qtbot)
    view = screen.work.assist_view
    before = [looks_left(view.grid.sprite(place)) for place in range(len(view.grid.order))]
    size = view.grid.stack_size()
    assert size > 1
    press(Key.Key_G)
    after = [looks_left(view.grid.sprite(place)) for place in range(len(view.grid.order))]
    assert sum(one != other for one, other in zip(before, after, strict=True)) == size
    press(Key.Key_G)
    front = view.grid.current_seq
    press(Key.Key_V)
    accept(screen)
    press(Key.Key_Escape)
    sprite = window.session.workspace.sprite(front)
    assert (sprite.facing, sprite.flipped) == ("front", False)


def test_what_looks_like_those_that_face_front_is_left_alone_page_by_page(
    folder: Path, open_window: OpenWindow, qtbot
) -> None:
    with Workspace.open(folder) as workspace:  # as if one kind of five faced front
        some = [sprite.seq for sprite in workspace.sprites()]
        workspace.apply(SetFacing(some[400:412], "front"))
        for seq in some[:400:20]:
            workspace.apply(SetFacing([seq], "left" if looks_left(workspace.sprite(seq)) else "right"))
    window = open_window(folder)
    screen = curate(window)
    workspace = window.session.workspace
    begin(screen, qtbot)
    view = screen.work.assist_view
    assert "front" in view.heading.text()
    page, before = view.grid.order.tolist(), facings_on_disk(folder)
    assert np.mean(np.array(page) > 400) > 0.9
    assert {view.grid.sprite(place).shown_facing for place in range(len(page))} == {"front"}
    press(Key.Key_V)  # means nothing here, nor does a side
    press(Key.Key_T)
    assert view.grid.order.tolist() == page
    for position in range(len(page)):
        click(view.grid, position)
    accept(screen)  # all of them have a side: nothing is written
    assert facings_on_disk(folder) == before
    press(Key.Key_Backspace)
    assert view.grid.order.tolist() == page
    click(view.grid, 1)
    assert view.grid.sprite(1).shown_facing == "unknown"
    flipped = workspace.counts().flipped
    accept(screen)
    fronts = {seq for seq, facing in facings_on_disk(folder).items() if facing == "front" and seq not in before}
    assert fronts == {*page} - {page[1]}
    assert not any(workspace.sprite(seq).flipped for seq in fronts)
    press(Key.Key_Escape)
    press(Key.Key_Z, CONTROL)
    assert facings_on_disk(folder) == before
    assert workspace.counts().flipped == flipped == 0


def test_the_other_side_can_be_chosen(folder: Path, open_window: OpenWindow, qtbot) -> None:
    with Workspace.open(folder) as workspace:
        for sprite in list(workspace.sprites())[::50]:
            workspace.apply(SetFacing([sprite.seq], "left" if looks_left(sprite) else "right"))
    window = open_window(folder)
    screen = curate(window)
    begin(screen, qtbot)
    view = screen.work.assist_view
    assert len(view.grid.order) > 1  # no question: facings are known
    assert len(wrong_on_page(screen)) < 0.1 * len(view.grid.order)
    press(Key.Key_T)
    assert len(wrong_on_page(screen)) > 0.9 * len(view.grid.order)
    accept(screen)
    press(Key.Key_Escape)
    assert window.session.workspace.setting("target_facing") == "right"


def test_a_fitness_review_is_ended_by_its_certificate(folder: Path, open_window: OpenWindow, qtbot) -> None:
    def kind(name: str) -> int:
        return int(name[:3]) // 100

    with Workspace.open(folder) as workspace:
        unfit = {
            sprite.seq for sprite in workspace.sprites() if kind(sprite.name) == 4 and int(sprite.name[:3]) % 4 == 0
        }
        workspace.apply(Drop([sprite.seq for sprite in workspace.sprites() if kind(sprite.name) == 4 and
                              sprite.seq not in unfit], "other"))  # fmt: skip
        workspace.apply(Drop(sorted(unfit)[:3], "tail"))
    window = open_window(folder)
    screen = curate(window)
    press(Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    popup = QApplication.activePopupWidget()
    QTest.keyClicks(popup.field, "tail")
    QTest.keyClick(popup.field, Key.Key_Return)
    reactivate(window)
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    view = screen.work.assist_view
    view.grid.setFocus()
    pages = 0
    assist = screen.assist.assistant
    while assist.review.certificate().audited < 60:
        for position in range(len(view.grid.order)):
            if int(view.grid.order[position]) in unfit:
                click(view.grid, position)
        looked_at = view.grid.order.tolist()
        accept(screen)
        pages += 1
        assert pages < 13
    assert assist.review.certificate().most_left < 30
    assert str(assist.review.certificate().most_left) in view.progress.text()
    workspace = window.session.workspace
    with Workspace.open(folder, read_only=True) as seen:  # each page was written at once
        assert {sprite.seq for sprite in seen.sprites() if sprite.reason == "tail"} == unfit
        assert seen.setting(CERTIFICATES)["tail"]["audited"] >= 60
    before = assist.review.certificate()
    page = view.grid.order.tolist()
    press(Key.Key_Backspace)
    assert assist.review.certificate().looked_at < before.looked_at
    assert view.grid.order.tolist() == looked_at  # the same ones, or one could draw until the certificate looks well
    for position in range(len(view.grid.order)):
        if int(view.grid.order[position]) in unfit:
            click(view.grid, position)
    accept(screen)
    assert assist.review.certificate() == before
    assert view.grid.order.tolist() == page
    press(Key.Key_Escape)
    dropped = {sprite.seq for sprite in workspace.sprites() if sprite.reason == "tail"}
    assert dropped == unfit
    certificate = workspace.setting(CERTIFICATES)["tail"]
    assert certificate["audited"] >= 60
    assert certificate["unfit"] == len(unfit)
    press(Key.Key_Z, CONTROL)
    assert sum(sprite.reason == "tail" for sprite in workspace.sprites()) == 3
    assert workspace.setting(CERTIFICATES) is None


def test_what_the_last_review_said_is_told_where_the_next_one_begins(
    folder: Path, open_window: OpenWindow, qtbot
) -> None:
    window = open_window(folder)
    screen = curate(window)
    view = screen.work.assist_view

    def begin_review(reason: str) -> None:
        screen.assist.find_unfit(reason, None)
        qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)

    begin_review("tail")
    press(Key.Key_A)
    accept(screen)
    press(Key.Key_Escape)
    begin_review("tail")
    (said,) = certificates_of(window.session.workspace)
    assert said.outside == 0
    assert said.summary in view.progress.text()
    press(Key.Key_Escape)
    begin_review("blurred")
    assert said.summary not in view.progress.text()
    press(Key.Key_Escape)


def test_a_page_on_which_most_are_unfit_is_marked_by_one_key(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    screen.assist.find_unfit("tail", None)
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    grid = screen.work.assist_view.grid
    shown = grid.order.tolist()
    click(grid, 0)
    press(Key.Key_I)  # of the others
    assert grid.selection.count == len(shown) - 1
    click(grid, 0)
    accept(screen)
    workspace = window.session.workspace
    assert workspace.counts().dropped == len(shown)
    assert {workspace.sprite(seq).reason for seq in shown} == {"tail"}
    press(Key.Key_Escape)


def test_a_random_check_is_accepted_once_all_of_it_was_in_view(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    window.resize(1000, 700)
    screen = curate(window)
    screen.assist.find_unfit("tail", None)
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    view, review = screen.work.assist_view, screen.assist.assistant.review
    grid = view.grid
    assert 8 <= len(grid.order) <= grid.room < 48  # the other pages fit the window
    press(Key.Key_A)
    assert len(grid.order) == 60
    seen: set[int] = set()
    for _ in range(60):
        area = grid.viewport().rect()
        seen |= {place for place in range(60) if area.intersects(grid.rect_of(place))}
        press(Key.Key_Return)
        if review.audited:
            break
    assert len(seen) == 60
    assert len(review.audited) == 60
    press(Key.Key_End)
    press(Key.Key_Return)  # those in between were not in view
    assert len(review.audited) == 60
    press(Key.Key_Escape)


def test_pages_of_a_large_fitness_review_are_chosen_in_the_background(
    folder: Path, open_window: OpenWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gandam_studio.qt.curate.assist.assistant.AT_ONCE", 100)
    monkeypatch.setattr("gandam_studio.qt.curate.assist.fitness.AT_ONCE", 100)
    threads: list[str] = []
    ranked = FitnessReview.ranked_page

    def ranked_page(review, *more):
        threads.append(threading.current_thread().name)
        return ranked(review, *more)

    monkeypatch.setattr(FitnessReview, "ranked_page", ranked_page)
    window = open_window(folder)
    screen = curate(window)
    screen.assist.find_unfit("tail", None)
    qtbot.waitUntil(lambda: screen.assist.assistant is not None, timeout=60_000)
    grid = screen.work.assist_view.grid
    shown: set[int] = set()
    for _ in range(2):
        qtbot.waitUntil(lambda: grid.isEnabled() and len(grid.order) > 0, timeout=60_000)
        assert not shown & set(grid.order.tolist())
        shown |= set(grid.order.tolist())
        press(Key.Key_Space)  # the page has the keys
        assert grid.selection.count == 1
        press(Key.Key_Return)
    qtbot.waitUntil(lambda: grid.isEnabled(), timeout=60_000)
    press(Key.Key_Escape)
    assert window.session.workspace.counts().dropped == 2
    assert len(threads) == 3
    assert threading.main_thread().name not in threads


def test_every_label_and_button_has_a_name(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    screen = curate(window)
    begin(screen, qtbot)
    view = screen.work.assist_view
    assert all(button.accessibleName() for button in view.buttons.values())
    assert view.grid.accessibleName()
    press(Key.Key_L)
    assert view.progress.text()
    assert [label for label in view.findChildren(QLabel) if label.text()]


def test_enlarged_sprites_are_offered_and_reduced_as_one_edit(tmp_path: Path, open_window: OpenWindow, qtbot) -> None:
    small, _ = planted(kinds=1, each=16, seed=4)
    (tmp_path / "art").mkdir()
    for number, picture in enumerate(small):
        scale = 3 if number in (2, 5) else 1
        Image.fromarray(picture.repeat(scale, 0).repeat(scale, 1)).save(tmp_path / "art" / f"{number:02d}.png")
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [tmp_path / "art"], options=ImportOptions(workers=1))
        large = [sprite.seq for sprite in workspace.sprites() if sprite.name in ("02.png", "05.png")]
        workspace.apply(Tag(large, frozenset({"tall"})))
    window = open_window(tmp_path / "w")
    screen = curate(window)
    asked: list[str] = []

    def answer() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            asked.append(box.text())
            box.defaultButton().click()

    timer = QTimer(interval=20)
    timer.timeout.connect(answer)
    timer.start()
    screen.reduce_enlarged()
    workspace = window.session.workspace
    qtbot.waitUntil(lambda: workspace.counts().dropped == 2, timeout=60_000)
    qtbot.waitUntil(lambda: len(screen.gallery.order) == 18)
    timer.stop()
    assert len(asked) == 1
    assert "3x" in asked[0]
    assert "2 sprites" in asked[0]
    fresh = [workspace.sprite(seq) for seq in (17, 18)]
    assert all(sprite.tags == ("tall",) and sprite.width == small[0].shape[1] for sprite in fresh)
    assert {sprite.seq for sprite in workspace.sprites() if sprite.reason == "enlarged"} == set(large)
    reactivate(window)
    screen.focus_work()
    press(Key.Key_Z, CONTROL)
    assert workspace.counts().dropped == 0
    assert all(not workspace.sprite(seq).tags for seq in (17, 18))


def test_surprise_sorts_the_gallery(folder: Path, open_window: OpenWindow, qtbot) -> None:
    screen = curate(open_window(folder))
    screen.surprise()
    order = screen.gallery.order.tolist()
    assert sorted(order) == list(range(1, 501))
    kinds = [int(screen.session.workspace.sprite(seq).name[:3]) // 100 for seq in order[:12]]
    assert len(set(kinds)) == 5
    assert screen.filter_bar.sort.currentData() == "surprise"


@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.NoModifier, SHIFT, CONTROL])
def test_without_a_sprite_there_is_nothing_to_suggest(
    tmp_path: Path, open_window: OpenWindow, qtbot, modifier: Qt.KeyboardModifier
) -> None:
    Workspace.create(tmp_path / "empty").close()
    window = open_window(tmp_path / "empty")
    QTest.keyClick(window, Qt.Key.Key_G, modifier)
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=20_000)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.session.is_idle, timeout=20_000)
