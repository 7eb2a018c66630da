"""The Versions screen with a real workspace, real threads and real files."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from recorded_runs import Recorder, make_run
from small_workspaces import add_sprites

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import export as versions_export
from gandam_studio.core.suggestions.certificates import to_keep
from gandam_studio.core.suggestions.fitness.certificate import Certificate
from gandam_studio.core.versions import diff
from gandam_studio.core.versions.files import header_path
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, SetSetting, Tag
from gandam_studio.core.workspace.settings import CERTIFICATES
from gandam_studio.qt import theme
from gandam_studio.qt.session import Session
from gandam_studio.qt.versions import screen as screen_module
from gandam_studio.qt.versions import work as work_module
from gandam_studio.qt.versions.export_dialog import ExportDialog, ExportRequest
from gandam_studio.qt.versions.lanes import RowLanes, lay_out
from gandam_studio.qt.versions.screen import VersionsScreen
from gandam_studio.qt.versions.verify_dialog import DamageDialog
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy


@pytest.fixture(autouse=True)
def own_settings(tmp_path):
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture
def open_screen(qtbot, tmp_path):
    """`open_screen(count, read_only=False)`: a shown screen on a workspace with `count` sprites."""
    sessions = []

    def make(count: int = 20, *, read_only: bool = False) -> VersionsScreen:
        with Workspace.create(tmp_path / "w") as workspace:
            add_sprites(workspace, list(range(count)))
            if read_only:
                versions.commit(workspace, "one")
        session = Session(Workspace.open(tmp_path / "w", read_only=read_only))
        sessions.append(session)
        session.told = []
        session.message_posted.connect(lambda text, severity: session.told.append((severity, text)))
        screen = VersionsScreen(session)
        qtbot.addWidget(screen)
        screen.resize(1100, 700)
        screen.show()
        screen.activated()
        settle(qtbot, session)
        return screen

    yield make
    for session in sessions:
        session.close()


def settle(qtbot, session):
    """Wait until all background work is done and reported."""
    QTest.qWait(20)
    qtbot.waitUntil(lambda: session.is_idle, timeout=20_000)
    QTest.qWait(20)


def commit(qtbot, screen, note):
    screen.commit_box.note.setPlainText(note)
    screen.commit_box.ask()
    settle(qtbot, screen.session)


def press_save(screen):
    QTest.keyClick(screen, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)


def labels(screen):
    return [row.version.label if row.version else "now" for row in screen.history.history.rows]


def test_lanes_of_a_straight_history():
    assert lay_out([(3, 2), (2, 1), (1, None)]) == [
        RowLanes(0, (), (0,)),
        RowLanes(0, ((0, 0),), (0,)),
        RowLanes(0, ((0, 0),), ()),
    ]


def test_lanes_of_a_branch_bend_where_it_began():
    # 5 -> 3 -> 1 and 4 -> 2 -> 1
    found = lay_out([(5, 3), (4, 2), (3, 1), (2, 1), (1, None)])
    assert [row.node for row in found] == [0, 1, 0, 1, 0]
    assert found[4].above == ((0, 0), (1, 0))
    assert found[4].below == ()
    assert found[1].below == (0, 1)


def test_a_lane_is_used_again_once_its_branch_ended():
    found = lay_out([(6, 5), (5, 4), (4, 1), (3, 2), (2, 1), (1, None)])
    assert max(row.width for row in found) == 2


def test_empty_state_then_a_first_version(qtbot, open_screen):
    screen = open_screen()
    assert screen.pages.currentIndex() == 0
    assert screen.commit_box.state.text() == "20 sprites would be in v1"
    press_save(screen)
    assert QApplication.focusWidget() is screen.commit_box.note
    assert not screen.session.tasks
    press_save(screen)
    settle(qtbot, screen.session)
    assert labels(screen) == ["now", "v1"]
    assert screen.chosen.message == "First version"
    severity, text = screen.session.told[-1]
    assert severity == "success"
    assert "v1" in text
    assert "20" in text
    assert screen.pages.currentIndex() == 1


def test_a_version_that_cannot_be_saved_says_what_helps(qtbot, open_screen, monkeypatch):
    def refuse(*_given, **_named):
        raise UserError("a manifest is damaged", Remedy.VERIFY)

    monkeypatch.setattr(work_module, "commit", refuse)
    screen = open_screen(1)
    commit(qtbot, screen, "one")
    severity, text = screen.session.told[-1]
    assert severity == "error"
    assert "a manifest is damaged" in text
    assert "Verify files" in text


def test_what_a_review_of_unfit_sprites_said_is_told_and_kept(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    assert screen.detail.reviews.isHidden()
    said = Certificate("not bipedal", 20, 12, 0, 12, 0, 1)
    kept = {"not bipedal": to_keep(said, np.arange(1, 21), "2026-11-29T10:30:00Z")}
    screen.session.apply(SetSetting(CERTIFICATES, kept))
    qtbot.waitUntil(lambda: screen.commit_box.button.isEnabled(), timeout=5000)
    commit(qtbot, screen, "")  # though no sprite has changed
    assert labels(screen) == ["now", "v2", "v1"]
    (summary,) = [one.summary for one in versions.certificates_of(screen.session.workspace, screen.chosen)]
    assert not screen.detail.reviews.isHidden()
    assert screen.detail.reviews.text() == summary
    screen.history.go_to(2)
    settle(qtbot, screen.session)
    assert screen.detail.reviews.isHidden()
    with Workspace.open(screen.session.workspace.folder, read_only=True) as workspace:
        header_path(workspace, screen.chosen.digest).write_text("{", encoding="utf-8")
    screen.history.go_to(1)
    settle(qtbot, screen.session)
    assert screen.detail.reviews.isHidden()
    assert screen.detail.summary.text() != "Comparing…"


def test_what_changed_is_told_and_shown(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.session.apply(Drop([1, 2], "text"))
    screen.session.apply(Flip([5]))
    qtbot.waitUntil(lambda: "flipped" in screen.commit_box.state.text(), timeout=5000)
    assert screen.commit_box.state.text() == "Since v1: -2 (2 text), 1 flipped"
    commit(qtbot, screen, "")
    assert screen.chosen.message == "-2 (2 text), 1 flipped"
    assert screen.detail.summary.text() == "-2 (2 text), 1 flipped"
    assert [(s.kind, len(s.cells)) for s in screen.differences.sections] == [("removed", 2), ("changed", 1)]
    cell = screen.differences.cell_at(QPoint(30, 70))
    assert cell.note == "text"
    assert not screen.commit_box.button.isEnabled()
    press_save(screen)
    QTest.keyClick(screen.commit_box.note, Qt.Key.Key_Return)
    settle(qtbot, screen.session)
    assert labels(screen) == ["now", "v2", "v1"]
    severity, text = screen.session.told[-1]
    assert severity == "info"
    assert "v2" in text


def test_a_changed_recipe_alone_is_a_change(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.session.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    qtbot.waitUntil(screen.commit_box.button.isEnabled, timeout=5000)
    commit(qtbot, screen, "")
    assert labels(screen) == ["now", "v2", "v1"]
    assert "recipe" in screen.chosen.message


def test_a_save_asked_for_before_it_is_known_what_changed_is_done_once_it_is(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.session.apply(Drop([1, 2], "text"))
    screen.commit_box.note.setFocus()
    QTest.keyClicks(screen.commit_box.note, "two")
    QTest.keyClick(screen.commit_box.note, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(screen.commit_box.note, "lines")
    QTest.keyClick(screen.commit_box.note, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: labels(screen) == ["now", "v2", "v1"], timeout=5000)
    assert screen.chosen.message == "two\nlines"


def test_pictures_of_the_differences_are_drawn(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.detail.base.setCurrentIndex(screen.detail.base.count() - 1)
    screen.detail.base.activated.emit(screen.detail.base.currentIndex())
    settle(qtbot, screen.session)
    assert screen.detail.summary.text() == "+20"
    view = screen.differences
    first = screen.session.workspace.sprite(1)
    qtbot.waitUntil(lambda: view.pictures.get(first) is not None, timeout=10_000)
    image = view.grab().toImage()
    colors = {image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(40, 160, 3)}
    assert len(colors) > 40  # sprites of many colours, not empty tiles


def test_a_slow_comparison_leaves_nothing_of_another_version(qtbot, open_screen, monkeypatch):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.session.apply(Drop([1, 2], "duplicate"))
    commit(qtbot, screen, "two")
    assert screen.differences.sections
    answer = threading.Event()

    def slow(*arguments, **options):
        assert answer.wait(20)
        return diff(*arguments, **options)

    monkeypatch.setattr(screen_module, "diff", slow)
    screen.history.go_to(2)
    assert screen.differences.sections  # a quick answer would follow without a flicker
    try:
        qtbot.waitUntil(lambda: not screen.differences.sections, timeout=5000)
        assert screen.detail.summary.text() == "Comparing…"
    finally:
        answer.set()
    settle(qtbot, screen.session)
    assert [(s.kind, len(s.cells)) for s in screen.differences.sections] == [("added", 20)]
    QTest.qWait(300)
    assert screen.differences.sections


def test_any_two_versions_can_be_compared(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    for seq in (3, 4):
        screen.session.apply(Flip([seq]))
        commit(qtbot, screen, f"flip {seq}")
    assert screen.detail.summary.text() == "1 flipped"
    screen.detail.base_chosen.emit(1)
    settle(qtbot, screen.session)
    assert screen.detail.summary.text() == "2 flipped"
    screen.history.go_to(screen.history.row_of(versions.find_version(screen.session.workspace, "v2")))
    settle(qtbot, screen.session)
    assert screen.detail.summary.text() == "1 flipped"


def test_restore_is_undoable_and_starts_a_branch(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.session.apply(Flip([3]))
    commit(qtbot, screen, "two")
    screen.history.go_to(screen.history.row_of(versions.find_version(screen.session.workspace, "v1")))
    screen.restore()
    settle(qtbot, screen.session)
    workspace = screen.session.workspace
    assert not workspace.sprite(3).flipped
    assert screen.chosen.label == "v1"
    assert [row.is_head for row in screen.history.history.rows] == [False, False, True]
    screen.session.apply(Flip([7]))
    commit(qtbot, screen, "branch")
    assert screen.chosen.parent_label == "v1"
    assert screen.history.history.rows[0].lanes.width == 1
    assert max(row.lanes.width for row in screen.history.history.rows) == 2
    screen.session.undo()
    screen.session.undo()
    assert workspace.sprite(3).flipped


def test_names_of_versions(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.work.set_tags(screen.chosen, {"paper"})
    settle(qtbot, screen.session)
    assert screen.chosen.tags == ("paper",)
    screen.work.set_tags(screen.chosen, {"latest"})
    assert screen.session.told[-1][0] == "error"


def test_exporting(qtbot, open_screen, tmp_path):
    screen = open_screen()
    commit(qtbot, screen, "one")
    out = tmp_path / "m.jsonl"
    screen.work.export(screen.chosen, ExportRequest(str(out), "jsonl", "none", False))
    settle(qtbot, screen.session)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == screen.chosen.digest
    assert screen.session.told[-1] == ("success", f"v1 exported: {out}")
    screen.work.export(screen.chosen, ExportRequest(str(out), "jsonl", "none", False))
    settle(qtbot, screen.session)
    assert screen.session.told[-1][0] == "error"


def test_export_dialog_asks_before_replacing(qtbot, open_screen, tmp_path):
    screen = open_screen()
    commit(qtbot, screen, "one")
    dialog = ExportDialog(screen.chosen, screen)
    qtbot.addWidget(dialog)
    dialog.show()
    names = [dialog.formats.item(row).data(Qt.ItemDataRole.UserRole) for row in range(dialog.formats.count())]
    assert names[0] == "pngs"
    assert names[-1] == "all"
    dialog.formats.setCurrentRow(names.index("imagefolder"))
    assert [dialog.pictures.itemData(row) for row in range(3)] == ["render", "copy", "link"]
    (tmp_path / "empty").mkdir()
    dialog.target.setText(str(tmp_path / "empty"))
    assert (dialog.export.isEnabled(), dialog.replace.isVisible()) == (True, False), "an empty folder is in no way"
    version, workspace = screen.chosen, screen.session.workspace
    versions_export(workspace, version, tmp_path / "there", format="imagefolder")
    dialog.target.setText(str(tmp_path / "there"))
    assert dialog.replace.isVisible()
    assert dialog.problem.isVisible()
    assert not dialog.export.isEnabled()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    dialog.replace.setChecked(True)
    assert not dialog.export.isEnabled(), "a file of somebody's own is in it"
    assert "mine.txt" in dialog.problem.text()
    (tmp_path / "there" / "mine.txt").unlink()
    dialog.replace.setChecked(False)
    dialog.replace.setChecked(True)
    dialog.export.click()
    assert dialog.request == ExportRequest(str(tmp_path / "there"), "imagefolder", "render", True)
    again = ExportDialog(screen.chosen, screen)
    qtbot.addWidget(again)
    assert Path(again.target.text()).parent == tmp_path


def test_export_dialog_offers_classes_and_captions_where_they_have_a_place(qtbot, open_screen, tmp_path):
    screen = open_screen()
    commit(qtbot, screen, "one")
    dialog = ExportDialog(screen.chosen, screen)
    qtbot.addWidget(dialog)
    names = [dialog.formats.item(row).data(Qt.ItemDataRole.UserRole) for row in range(dialog.formats.count())]
    offered = {}
    for row, name in enumerate(names):
        dialog.formats.setCurrentRow(row)
        offered[name] = (dialog.classes.isEnabled(), dialog.captions.isEnabled())
    assert offered["jsonl"] == offered["croissant"] == (False, False)
    assert offered["stylegan"] == (True, False)
    assert offered["imagefolder"] == offered["coco"] == offered["all"] == (True, True)
    dialog.formats.setCurrentRow(names.index("jsonl"))
    dialog.pictures.setCurrentIndex(dialog.pictures.findData("copy"))
    assert dialog.captions.isEnabled()
    dialog.formats.setCurrentRow(names.index("imagefolder"))
    dialog.classes.setText(" knight, slime ")
    dialog.captions.setChecked(True)
    dialog.target.setText(str(tmp_path / "x"))
    dialog.export.click()
    assert dialog.request == ExportRequest(str(tmp_path / "x"), "imagefolder", "render", False, "knight, slime", True)
    screen.work.export(screen.chosen, dialog.request)
    settle(qtbot, screen.session)
    assert "knight" in screen.session.told[-1][1], "no sprite has that tag"
    assert not (tmp_path / "x").exists()
    screen.session.apply(Tag(list(range(1, 21)), add=frozenset({"knight"})))
    commit(qtbot, screen, "two")
    request = ExportRequest(str(tmp_path / "x"), "imagefolder", "render", False, "*", True)
    screen.work.export(versions.find_version(screen.session.workspace), request)
    settle(qtbot, screen.session)
    assert len(list((tmp_path / "x").glob("*/knight/*.txt"))) == 20


def test_verify_names_the_damage_and_relink_mends_it(qtbot, open_screen, tmp_path):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.work.verify()
    settle(qtbot, screen.session)
    assert screen.session.told[-1][0] == "success"
    assert "20" in screen.session.told[-1][1]
    originals = screen.session.workspace.originals
    blob = screen.session.workspace.sprite(4).blob
    (tmp_path / "attic").mkdir()
    (tmp_path / "attic" / "x").write_bytes(originals.read(blob))
    originals.discard(blob)
    screen.work.verify()
    settle(qtbot, screen.session)
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, DamageDialog))
    assert dialog.table.item(0, 0).text() == "sprite-00003.png"
    assert dialog.table.item(0, 2).text() == "missing"
    dialog.relink_requested.emit(str(tmp_path / "attic"))
    settle(qtbot, screen.session)
    dialog.close()
    assert originals.damage(blob) == ""
    assert screen.session.told[-1] == ("success", "Originals: 1 found again, 0 still missing.")


def test_reading_only(qtbot, open_screen):
    screen = open_screen(read_only=True)
    assert labels(screen) == ["now", "v1"]
    assert not screen.commit_box.button.isEnabled()
    assert not screen.restore_action.isEnabled()
    assert not screen.commit_action.isEnabled()
    assert screen.export_action.isEnabled()


def test_edits_made_elsewhere_are_seen_on_return(qtbot, open_screen):
    screen = open_screen()
    commit(qtbot, screen, "one")
    screen.hide()
    screen.session.apply(Tag([2], add=frozenset({"red"})))
    QTest.qWait(350)
    screen.show()
    screen.activated()
    settle(qtbot, screen.session)
    assert screen.commit_box.state.text() == "Since v1: 1 retagged"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paints_in_both_themes_and_many_differences(qtbot, open_screen, scheme):
    screen = open_screen(120)
    commit(qtbot, screen, "one")
    screen.detail.base_chosen.emit(0)
    settle(qtbot, screen.session)
    theme.set_scheme(scheme)
    bar = screen.differences.verticalScrollBar()
    assert bar.maximum() > 500
    bar.setValue(bar.maximum())
    screen.differences.set_tile(64)
    assert not screen.grab().isNull()
    theme.set_scheme("system")


def test_no_difference_is_an_answer_too(qtbot, open_screen):
    screen = open_screen(5)
    commit(qtbot, screen, "one")
    comparing = screen.detail.summary.text()
    screen.detail.show_summary(None)
    waiting = screen.detail.summary.text()
    screen.history.go_to(0)
    settle(qtbot, screen.session)
    assert comparing != waiting
    assert screen.detail.summary.text() != waiting, "the current state is the same as its version"


def test_a_training_run_does_not_make_the_versions_compare_again(qtbot, open_screen, tmp_path):
    screen = open_screen(5)
    commit(qtbot, screen, "one")
    recorder = Recorder(make_run(tmp_path / "w" / "runs" / "r1-a"))
    screen.session.run_index.refresh()
    qtbot.waitUntil(lambda: len(screen.session.run_index.runs) == 1)
    settle(qtbot, screen.session)
    asked = []
    screen.session.start_quiet_job = lambda *_args, **_more: asked.append(1)
    recorder.train(40)
    with qtbot.waitSignal(screen.session.run_index.changed):
        screen.session.run_index.refresh()
    QTest.qWait(50)
    assert asked == []


def test_the_default_export_is_a_plain_folder_of_pngs(qtbot, open_screen, tmp_path):
    screen = open_screen(6)
    commit(qtbot, screen, "one")
    dialog = ExportDialog(screen.chosen, screen, screen.session.workspace.folder)
    qtbot.addWidget(dialog)
    dialog.show()
    assert (dialog.format, dialog.pictures.currentData()) == ("pngs", "edit")
    dialog.target.setText(str(screen.session.workspace.folder / "inside"))
    assert not dialog.export.isEnabled()
    assert "workspace" in dialog.problem.text()
    dialog.target.setText(str(tmp_path / "sprites"))
    shown = []
    screen.session.result_posted.connect(lambda text, path: shown.append(path))
    QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    screen.work.export(screen.chosen, dialog.request)
    settle(qtbot, screen.session)
    assert shown == [tmp_path / "sprites"]
    assert len(list((tmp_path / "sprites").glob("*.png"))) == 6
