"""A tour of the window: a workspace in which every screen has something to show, and scenes that open every screen,
panel, popup and dialog on it. Tests of what holds everywhere (contrast, themes, names, focus) walk it.

Add a scene for every new screen, panel or dialog.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from known_duplicates import add_pictures, eventually, known_pictures
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QWidget
from recorded_runs import Recorder, diagnosis, make_run, pictures
from settled import settle
from small_workspaces import add_sprites

from gandam_studio.core import versions
from gandam_studio.core.archives.names import Names
from gandam_studio.core.importing import Cut, Grid, ImportSummary
from gandam_studio.core.importing.items import Item
from gandam_studio.core.importing.looking import SheetsFound, SourceFindings
from gandam_studio.core.runs import summary
from gandam_studio.core.versions.verifying import Damage, Verified
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Flip, SetFacing, SetStatus, Tag
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.main_window import MainWindow
from trainer.protocol import events as ev
from trainer.protocol.run_directory import RunDirectory

SIZE = (1280, 800)
QUIET_S, LONGEST_S = 0.06, 2.4
"""A window is still when nothing was painted for so long; a blinking cursor or a moving bar is not waited for."""
SOON_MS = 500
DIAGNOSES = (
    ("healthy", "varied"), ("memorised", "copies"), ("cannot tell yet", "between"), ("collapsed", "alike"),
)  # fmt: skip


def make_workspace(folder: Path) -> Path:
    """A workspace with duplicates, decisions of every kind, two versions, a finished and a failed run."""
    with Workspace.create(folder) as workspace:
        add_pictures(workspace, known_pictures())
        add_sprites(workspace, list(range(20)))

        def rows(*numbers: int) -> np.ndarray:
            return np.array(numbers, np.int64)

        workspace.apply(SetStatus(rows(9, 10, 11), "kept"))
        workspace.apply(SetStatus(rows(12), "dropped", "duplicate"))
        workspace.apply(SetStatus(rows(13), "dropped", "cropped"))
        workspace.apply(Flip(rows(12, 14)))
        workspace.apply(Tag(rows(9, 15), frozenset({"knight"})))
        workspace.apply(SetFacing(rows(11), "left"))
        first = versions.commit(workspace, "first")
        versions.tag_version(workspace, first, add=("release",))
        workspace.apply(SetStatus(rows(16), "dropped", "blurred"))
        workspace.apply(Flip(rows(17)))
        workspace.apply(SetStatus(rows(13), "kept"))
        versions.commit(workspace, "without the blurred one")
        workspace.apply(SetStatus(rows(18), "dropped", "duplicate"))
        workspace.apply(SetStatus(rows(19), "kept"))
        workspace.undo()
    _run(folder / "runs" / "r1-first", ("origin.version=v1",)).finish()
    failed = _run(folder / "runs" / "r2-second", ("origin.version=v2", "batch.size=8"))
    failed.fail("memory", "the graphics card has no memory left")
    return folder


def _run(folder: Path, overrides: tuple[str, ...]) -> Recorder:
    recorder = Recorder(make_run(folder, overrides))
    recorder.sample()
    for step in range(4):
        recorder.train(100, (150, 250))
        recorder.sample()
        value = 0.3 / (step + 1)
        recorder.write(ev.MetricMeasured(name="kid", features="random-conv-1", value=value, low=0.05, high=0.4))
        recorder.diagnose(diagnosis(*DIAGNOSES[step]))
        if step == 1:
            recorder.write(ev.Alarm(about="copying", state="raised", evidence=100.0, action="notify"))
    recorder.checkpoint()
    recorder.write(ev.Alarm(about="copying", state="cleared", evidence=1.0))
    for spike in (150, 250):
        recorder.write(ev.SpikeFound(spike_iteration=spike, curve="loss_g", z=42.0))
    recorder.write(ev.RunWarning(message="the loss has not changed for a while"))
    return recorder


@dataclass(frozen=True)
class Scene:
    """Something to look at: `show(window)` opens and returns it."""

    name: str
    show: Callable[[MainWindow], QWidget]

    def __str__(self) -> str:
        return self.name


class _Paints(QObject):
    """Records when a window was last painted. Cheaper than comparing grabs, each of which paints it again."""

    def __init__(self, application: QApplication) -> None:
        super().__init__()
        self.last = time.monotonic()
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.UpdateRequest:
            self.last = time.monotonic()
        return False


def _something_follows(window: MainWindow) -> bool:
    """Whether something is still deferred, such as drawing plots."""
    timers = window.findChildren(QTimer)
    return any(one.isActive() and one.isSingleShot() and one.interval() <= SOON_MS for one in timers)


def still(window: MainWindow, quiet_s: float = QUIET_S) -> None:
    """Wait until everything is loaded and painted, and nothing was painted for `quiet_s` seconds."""
    QTest.qWait(1)
    if window.session is not None:
        settle(window.session)
        assert eventually(lambda: window.session is None or window.session.is_idle)
    # Explore says that it opens a model until another process has loaded it or refused.
    assert eventually(lambda: not any(one.is_opening for one in window.findChildren(Explorer)))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    # Pictures and curves arrive from other threads.
    paints = _Paints(application)
    eventually(lambda: time.monotonic() - paints.last > quiet_s and not _something_follows(window), LONGEST_S)
    application.removeEventFilter(paints)


@contextmanager
def opened(scene: Scene, window: MainWindow) -> Iterator[QWidget]:
    """The scene, loaded and painted; dialogs and popups are closed afterwards."""
    before = set(QApplication.topLevelWidgets())
    root = scene.show(window)
    if root.isWindow() and not isinstance(root, QMenu):
        root.activateWindow()
        assert eventually(root.isActiveWindow)
    still(window)
    try:
        yield root
    finally:
        for one in QApplication.topLevelWidgets():
            if one not in before and one is not window and one.isVisible():
                one.close()
        if root.window() is not window and root.parent() is not None and not isinstance(root, QMenu):
            root.deleteLater()
        QTest.qWait(1)


# Screens


def _curate(window: MainWindow):  # type: ignore[no-untyped-def]
    screen = window.visit_by_name("Curate")
    screen.assist.leave()
    still(window)
    return screen


def _gallery(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.work.show_gallery()
    screen.gallery.go_to(4)
    screen.focus_work()
    return window


def _selection(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.gallery.go_to(8)
    screen.gallery.go_to(14, extend=True)
    return window


def _large_view(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.gallery.go_to(3)
    screen.work.toggle_zoom()
    return window


def _crop_view(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.work.show_gallery()
    screen.work.open_crop()
    return window


def _turn_all(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.work.show_gallery()
    screen.turn_all()
    assert eventually(lambda: screen.assist.assistant is not None)
    return window


def _find_unfit(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.work.show_gallery()
    screen.assist.find_unfit("duplicate", None)
    assert eventually(lambda: screen.assist.assistant is not None)
    return window


def _recipe(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.work.show_gallery()
    screen.panel.show_recipe()
    return window


def _more_filters(window: MainWindow) -> QWidget:
    screen = _curate(window)
    screen.panel.show_details()
    screen.filter_bar.more_button.click()
    panel = QApplication.activePopupWidget()
    assert panel is not None
    return panel


def _duplicates(window: MainWindow):  # type: ignore[no-untyped-def]
    screen = window.visit_by_name("Duplicates")
    assert eventually(lambda: screen.findings is not None)
    still(window)
    return screen


def _groups(window: MainWindow) -> QWidget:
    screen = _duplicates(window)
    screen.cards.go_to(0)
    return window


def _comparison(mode: int) -> Callable[[MainWindow], QWidget]:
    def show(window: MainWindow) -> QWidget:
        from gandam_studio.qt.duplicates.canvas import Mode

        screen = _duplicates(window)
        screen.cards.go_to(0)
        screen.view.compare.canvas.set_mode(list(Mode)[mode])
        return window

    return show


def _balance(window: MainWindow) -> QWidget:
    from PySide6.QtWidgets import QTabWidget

    screen = _duplicates(window)
    for tabs in screen.findChildren(QTabWidget):
        tabs.setCurrentIndex(tabs.count() - 1)
    return window


def _versions(window: MainWindow) -> QWidget:
    screen = window.visit_by_name("Versions")
    still(window)
    screen.history.go_to(1)
    screen.history.setFocus()
    return window


def _set_up(window: MainWindow) -> QWidget:
    screen = window.visit_by_name("Train")
    screen.show_setup()
    return window


def _all_settings(window: MainWindow) -> QWidget:
    screen = window.visit_by_name("Train")
    screen.show_setup()
    screen.setup.all_settings.setChecked(True)
    return window


def _watch(window: MainWindow, run: str):  # type: ignore[no-untyped-def]
    assert window.session is not None
    screen = window.visit_by_name("Train")
    screen.show_run(window.session.workspace.folder / "runs" / run)
    still(window)
    return screen


def _watching(window: MainWindow) -> QWidget:
    _watch(window, "r1-first").watch.tabs.setCurrentIndex(0)
    return window


def _meters(window: MainWindow) -> QWidget:
    _watch(window, "r1-first").watch.tabs.setCurrentIndex(1)
    return window


def _log(window: MainWindow) -> QWidget:
    watch = _watch(window, "r1-first").watch
    watch.tabs.setCurrentWidget(watch.log)
    return window


def _diagnosis(window: MainWindow) -> QWidget:
    watch = _watch(window, "r1-first").watch
    watch.verdict.details_wanted.emit()
    watch.timeline.grab(200.0)
    return window


def _failed(window: MainWindow) -> QWidget:
    _watch(window, "r2-second")
    return window


def _sample(window: MainWindow) -> QWidget:
    watch = _watch(window, "r1-first").watch
    watch.tabs.setCurrentIndex(0)
    watch.grids.cell_clicked.emit("fixed", 3)
    return window


def _spike(window: MainWindow) -> QWidget:
    watch = _watch(window, "r1-first").watch
    watch.close_zoom()
    watch.show_spike_at(150.0)
    return window


def _runs(window: MainWindow) -> QWidget:
    screen = window.visit_by_name("Runs")
    still(window)
    screen.tree.select(list(screen.tree.run_items))
    QTest.qWait(250)
    return window


def _message(severity: str) -> Callable[[MainWindow], QWidget]:
    def show(window: MainWindow) -> QWidget:
        assert window.session is not None
        window.session.post(f"A message: {severity}.", severity)
        return window.status_strip

    return show


# Dialogs


def _dialog(make: Callable[[MainWindow], QWidget]) -> Callable[[MainWindow], QWidget]:
    def show(window: MainWindow) -> QWidget:
        dialog = make(window)
        dialog.show()
        QTest.qWait(20)
        return dialog

    return show


def _palette(window: MainWindow) -> QWidget:
    from gandam_studio.qt.palette import CommandPalette

    window.show_palette()
    return window.findChildren(CommandPalette)[-1]


def _shortcuts(window: MainWindow) -> QWidget:
    from gandam_studio.qt.help import ShortcutsDialog

    return ShortcutsDialog(list(window.commands()), window, window.screen_shown.mode_keys())


def _history(window: MainWindow) -> QWidget:
    from gandam_studio.qt.help import HistoryDialog

    assert window.session is not None
    return HistoryDialog(window.session, window)


def _export(window: MainWindow) -> QWidget:
    from gandam_studio.qt.versions.export_dialog import ExportDialog

    assert window.session is not None
    return ExportDialog(versions.versions(window.session.workspace)[0], window)


def _evaluation(window: MainWindow) -> QWidget:
    from gandam_studio.core.runs.diagnoses import finding_in
    from gandam_studio.qt.outputs.evaluation_dialog import RunEvaluationDialog

    assert window.session is not None
    folder = window.session.workspace.folder / "runs" / "r1-first"
    dialog = RunEvaluationDialog(window.session, window.session.run_index.runs, folder, None, window)
    answer = {**diagnosis("memorised", "copies").to_json(), "iteration": 400, "nearest": [0.4, 1.2]}
    dialog.show_evaluated(finding_in(answer), {})
    return dialog


def _evaluation_of_folder(window: MainWindow) -> QWidget:
    from gandam_studio.qt.outputs.evaluation_dialog import FolderEvaluationDialog

    assert window.session is not None
    return FolderEvaluationDialog(window.session, window)


def _first_run(window: MainWindow) -> RunDirectory:
    assert window.session is not None
    return RunDirectory(window.session.workspace.folder / "runs" / "r1-first")


def _new_sprites(window: MainWindow) -> QWidget:
    from gandam_studio.qt.outputs.sprites_dialog import SpritesDialog

    assert window.session is not None
    return SpritesDialog(window.session, window.session.run_index.runs, _first_run(window).path, None, window)


def _film(window: MainWindow) -> QWidget:
    from gandam_studio.qt.outputs.film_dialog import FilmDialog

    assert window.session is not None
    run = _first_run(window)
    return FilmDialog(window.session, run, _watch(window, run.name).follower.record.samples, None, window)


def _longer(window: MainWindow) -> QWidget:
    from gandam_studio.qt.outputs.longer_dialog import LongerDialog

    return LongerDialog(summary(_first_run(window).path), "", window)


def _label(window: MainWindow) -> QWidget:
    from gandam_studio.qt.outputs.label_dialog import RunLabelDialog

    return RunLabelDialog(summary(_first_run(window).path), window)


def _offer(window: MainWindow) -> QWidget:
    from gandam_studio.qt.imports.offer_dialog import OfferDialog

    return OfferDialog([Path("art", "knights")], parent=window)


def _nearest_pictures(window: MainWindow) -> QWidget:
    from gandam_studio.core.runs.diagnoses import NEAREST, finding_in
    from gandam_studio.qt.following.pictures import sheet
    from gandam_studio.qt.widgets.diagnosis.sheet_dialog import DiagnosisSheetDialog

    answer = {**diagnosis("memorised", "copies").to_json(), "iteration": 400, "nearest": [0.4, 1.2]}
    dialog = DiagnosisSheetDialog(NEAREST, finding_in(answer), "iteration 400", window)
    dialog.show_sheet(sheet(pictures(6), 2))
    return dialog


def _damage(window: MainWindow) -> QWidget:
    from gandam_studio.qt.versions.verify_dialog import DamageDialog

    return DamageDialog(Verified(3, 1, (Damage("original", "ab" * 32, "missing", ("a.png",)),)), may_relink=True,
                        parent=window)  # fmt: skip


def _import_report(window: MainWindow) -> QWidget:
    from gandam_studio.qt.imports.summary_dialog import SummaryDialog

    summary = ImportSummary(imported=3, already=2, notes=["Two pictures have captions."], seconds=2.0)
    summary.reject("art/broken.png", "not a picture")
    return SummaryDialog(summary, window)


def _sheet(window: MainWindow) -> QWidget:
    from gandam_studio.qt.imports.sheet_dialog import SheetDialog

    sheet = np.zeros((64, 96, 4), np.uint8)
    sheet[4:28, 4:28] = sheet[36:60, 36:60] = (200, 60, 60, 255)
    return SheetDialog("sheet.png", sheet, window)


def findings() -> SourceFindings:
    """Findings with everything that an import can propose."""
    cut = Cut(Grid(32, 32, 1, 1, 1, 1), (255, 0, 255))
    examples = {"cp932": ["ソ.png"], "gbk": ["僜.png"]}
    return SourceFindings(
        pictures=40, fresh=38, folders={"knight": 9, "golem": 4, "mess": 2}, outer=frozenset({"mess"}), captions=4,
        caption_tags={"golem": 4, "a very long caption that nobody would take for a tag, and yet it is one": 1},
        sheets=[SheetsFound((Item("walk1.png"), Item("walk2.png")), 132, 100, cut, 24)], animations=2, frames=9,
        frame_tags={"walk": 1}, names=[Names("rtp.zip", "cp932", examples)], edited=["a.png", "b.png"],
        others={".txt": 3}, hidden=1,
    )  # fmt: skip


def _proposal(window: MainWindow) -> QWidget:
    from gandam_studio.qt.imports.proposal_dialog import ProposalDialog

    assert window.session is not None
    return ProposalDialog(window.session, findings(), "mess", window)


def _question(window: MainWindow) -> QWidget:
    box = QMessageBox(window)
    box.setIcon(QMessageBox.Icon.Question)
    box.setText("Still running: training.")
    box.setInformativeText("Work finished so far is kept.")
    box.addButton("Stop and close", QMessageBox.ButtonRole.AcceptRole)
    box.addButton("Keep running", QMessageBox.ButtonRole.RejectRole)
    return box


def _menu(window: MainWindow) -> QWidget:
    menu = next(action.menu() for action in window.menuBar().actions() if "Edit" in action.text().replace("&", ""))
    menu.popup(window.mapToGlobal(window.rect().center()))
    menu.setActiveAction(menu.actions()[0])
    return menu


SCENES = (
    Scene("gallery", _gallery),
    Scene("several selected", _selection),
    Scene("large view", _large_view),
    Scene("turn all to face one way", _turn_all),
    Scene("find unfit sprites", _find_unfit),
    Scene("crop", _crop_view),
    Scene("recipe", _recipe),
    Scene("more filters", _more_filters),
    Scene("duplicates", _groups),
    Scene("difference", _comparison(2)),
    Scene("blinking off, one over the other", _comparison(3)),
    Scene("balance", _balance),
    Scene("versions", _versions),
    Scene("set up a run", _set_up),
    Scene("all settings", _all_settings),
    Scene("watching", _watching),
    Scene("meters", _meters),
    Scene("diagnosis", _diagnosis),
    Scene("log", _log),
    Scene("sample", _sample),
    Scene("spike", _spike),
    Scene("failed run", _failed),
    Scene("runs compared", _runs),
    *(Scene(f"message {severity}", _message(severity)) for severity in ("info", "success", "warning", "error")),
    Scene("command palette", _palette),
    Scene("menu", _menu),
    Scene("shortcuts", _dialog(_shortcuts)),
    Scene("history of edits", _dialog(_history)),
    Scene("export", _dialog(_export)),
    Scene("evaluation", _dialog(_evaluation)),
    Scene("evaluation of a folder", _dialog(_evaluation_of_folder)),
    Scene("new sprites", _dialog(_new_sprites)),
    Scene("film", _dialog(_film)),
    Scene("train longer", _dialog(_longer)),
    Scene("name and note", _dialog(_label)),
    Scene("offer of a workspace", _dialog(_offer)),
    Scene("nearest pictures", _dialog(_nearest_pictures)),
    Scene("damage", _dialog(_damage)),
    Scene("import report", _dialog(_import_report)),
    Scene("sprite sheet", _dialog(_sheet)),
    Scene("import proposal", _dialog(_proposal)),
    Scene("question", _dialog(_question)),
)


def begin(window: MainWindow) -> None:
    """Resize the window, and stop the cursor from blinking."""
    QApplication.setCursorFlashTime(0)
    window.resize(*SIZE)
    still(window)
