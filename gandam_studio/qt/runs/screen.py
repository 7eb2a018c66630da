"""The Runs screen: all runs with lineage and state; view, compare, resume, export and delete them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QMenu,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import RunSummary, summary
from gandam_studio.core.runs.checkpoints import kept_checkpoints
from gandam_studio.core.runs.comparison import LIMIT
from gandam_studio.core.runs.export import export_run, trash_run
from gandam_studio.core.runs.labels import label_of
from gandam_studio.core.runs.longer import can_be_ended
from gandam_studio.qt import icons, theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.requests import ShowRun
from gandam_studio.qt.following.texts import resume_label, resume_words
from gandam_studio.qt.outputs.checkpoint_box import checkpoint_words
from gandam_studio.qt.outputs.run_screen import RunScreen
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.reveal import reveal
from gandam_studio.qt.runs.lineage_tree import DATE, ITERATIONS, LINEAGE, NAME, STATE, LineageTree
from gandam_studio.qt.screen import EmptyState, ScreenMenu
from gandam_studio.qt.session import ERROR, INFO, Session
from gandam_studio.qt.widgets.fitting import WrappingRow
from gandam_studio.qt.widgets.plots.timeline import Timeline
from gandam_studio.qt.widgets.steady import reserve_width
from trainer.protocol.run_directory import CUT_SHORT, RunDirectory
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.core.experiments.tastes import Taste
    from gandam_studio.core.experiments.tasting import Found, Pictures
    from gandam_studio.core.jobs import Job
    from gandam_studio.core.runs.samples import SampleSpot
    from gandam_studio.qt.experiments.room import ExperimentsRoom
    from gandam_studio.qt.experiments.taste_tests import Offered
    from gandam_studio.qt.following.follower import RunFollower
    from gandam_studio.qt.runs.compare_view import CompareView

SELECT_MS = 150
LONG = 99_999  # iterations that the resume button has room for


class RunsScreen(RunScreen):
    """Lineage on the left, the selected runs on the right.

    Attributes:
        tree: the runs. compare: the comparison of the selected ones; built with the first selection.
    """

    title = "Runs"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.tree = LineageTree()
        self._compare: CompareView | None = None
        self._shown: list[Path] = []
        self._chosen_once = False
        self._wanted: Path | None = None  # to select as soon as it is listed
        self.empty = EmptyState(
            "runs",
            self.tr("No runs yet"),
            self.tr("Training runs are listed here with their data, settings and samples."),
        )
        self.empty.add_button(self.tr("Start a run"), lambda: self.screen_requested.emit("Train", None), primary=True)
        self.hint = EmptyState(
            "compare",
            self.tr("Select a run"),
            self.tr("Click a run to see it. Hold Ctrl and click up to three more to compare them."),
        )
        self._select_soon = QTimer(self, singleShot=True, interval=SELECT_MS)
        self._select_soon.timeout.connect(self.show_selected)
        self._lay_out()
        self._make_actions()
        self.tree.runs_selected.connect(self._note_selection)
        self.tree.run_opened.connect(self.open_run)
        self.tree.pending_of = session.run_index.pending_of
        session.run_index.changed.connect(self._take_list)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        self._note_selection([])

    def _lay_out(self) -> None:
        self.resume_button = self._button("play", self.tr("Resume"), self._resume_or_longer)
        self.open_button = self._button("train", self.tr("Watch"), lambda: self._with_selected(self.open_run))
        self.export_button = self._button("export", self.tr("Export…"), self.ask_export)
        self.delete_button = self._button("trash", self.tr("Delete…"), self.ask_delete)
        self.experiments_button = self._button("compare", self.tr("Experiments"), self.show_experiments)
        self.sprites_button = self._button("sample", self.tr("New sprites…"), self.ask_sprites)
        self.taste_button = self._button("sample", self.tr("Taste test…"), self.ask_taste)
        self.label_button = self._button("tag", self.tr("Name and note…"), self.ask_label)
        self.folder_button = self._button("folder", self.tr("Show in folder"), self.show_in_folder)
        reserve_width(self.resume_button, (self.tr("Train longer…"), resume_words(None), resume_words(LONG)))
        buttons = WrappingRow(spacing=theme.SPACE)
        for button in (
            self.open_button, self.resume_button, self.sprites_button, self.label_button, self.export_button,
            self.folder_button, self.delete_button, self.taste_button, self.experiments_button,
        ):  # fmt: skip
            buttons.addWidget(button)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(14, theme.SPACE, theme.SPACE, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addLayout(buttons)
        column.addWidget(self.tree, 1)
        self.right = QStackedWidget()
        self.right.addWidget(self.hint)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(self.right)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 5)
        split.setSizes([570, 630])
        split.setChildrenCollapsible(False)
        self.pages = QStackedWidget()
        self.pages.addWidget(split)
        self.pages.addWidget(self.empty)
        self._room: ExperimentsRoom | None = None
        holder = QFrame()
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.pages)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(holder)

    def _button(self, icon: str, text: str, slot) -> QPushButton:
        button = QPushButton(text)
        icons.set_icon(button, icon, "text", 16)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    def _make_actions(self) -> None:
        act = self.add_action
        self.next_action = act(self.tr("&Next run"), lambda: self.tree.step(1), "N")
        self.previous_action = act(self.tr("&Previous run"), lambda: self.tree.step(-1), "P")
        self.compare_action = act(
            self.tr("&Compare with the newest other run"), self.compare_with_newest, "Ctrl+Shift+C", icon="compare"
        )
        self.experiments_action = act(self.tr("E&xperiments"), self.show_experiments, "Ctrl+Shift+Y", icon="compare")
        self.taste_action = act(self.tr("Blind &taste test…"), self.ask_taste, icon="sample")
        self.watch_action = act(self.tr("&Watch"), lambda: self._with_selected(self.open_run), "Return", icon="train")
        self.resume_action = act(self.tr("&Resume"), self.resume, icon="play")
        self.export_action = act(self.tr("&Export…"), self.ask_export, "Ctrl+E", icon="export")
        self.delete_action = act(self.tr("&Delete…"), self.ask_delete, "Delete", icon="trash", edits=True)
        self.make_run_actions()
        by = self.tree.sort_by
        self.sort_actions = (
            act(self.tr("By &version"), lambda: by(LINEAGE)),
            act(self.tr("&Newest first"), lambda: by(DATE, descending=True)),
            act(self.tr("&Oldest first"), lambda: by(DATE)),
            act(self.tr("By n&ame"), lambda: by(NAME)),
            act(self.tr("By &state"), lambda: by(STATE)),
            act(self.tr("By &iterations"), lambda: by(ITERATIONS, descending=True)),
        )
        self.open_action = act(self.tr("Open a run &folder…"), self.ask_open, icon="folder")
        self.earlier_action = act(self.tr("&Earlier samples"), lambda: self._step(-1), "Left")
        self.later_action = act(self.tr("&Later samples"), lambda: self._step(1), "Right")
        self.home_action = act(self.tr("&First samples"), lambda: self._timeline(Timeline.home), "Home")
        self.end_action = act(self.tr("Go to the e&nd"), lambda: self._timeline(Timeline.end), "End")
        self.play_action = act(self.tr("P&lay"), lambda: self._timeline(Timeline.toggle_play), "Shift+P")

    def menus(self) -> list[ScreenMenu]:
        """The Runs, Samples and Timeline menus."""
        return [
            ScreenMenu(self.tr("&Runs"), (
                self.next_action, self.previous_action, self.compare_action, self.taste_action, None, self.watch_action,
                self.resume_action, self.longer_action, self.ending_action, self.sprites_action, self.explore_action,
                self.average_action, None, self.evaluate_action, self.evaluate_folder_action, self.report_action, None,
                self.label_action, self.folder_action, self.export_action, self.delete_action, None,
                self.experiments_action, None,
                ScreenMenu(self.tr("&Sort"), self.sort_actions), None, self.open_action,
            )),
            self.samples_menu(),
            ScreenMenu(self.tr("&Timeline"), (
                self.earlier_action, self.later_action, self.home_action, self.end_action, self.play_action, None,
                self.film_action,
            )),
        ]  # fmt: skip

    @property
    def compare(self) -> CompareView:
        """The comparison, built on first use, since it loads the plots."""
        if self._compare is None:
            from gandam_studio.qt.runs.compare_view import CompareView

            self._compare = CompareView()
            self._compare.menu_requested.connect(lambda spot, follower, at: self.samples.show_menu(spot, follower, at))
            self.right.addWidget(self._compare)
        return self._compare

    @property
    def room(self) -> ExperimentsRoom:
        """The room of experiments, built on first use."""
        if self._room is None:
            from gandam_studio.qt.experiments.room import ExperimentsRoom

            self._room = ExperimentsRoom(self.session)
            self._room.back_requested.connect(self.show_experiments)
            self._room.run_opened.connect(self.open_run)
            self._room.offers_changed.connect(self._name_buttons)
            self.pages.addWidget(self._room)
        return self._room

    @property
    def in_room(self) -> bool:
        """Whether the experiments are shown instead of the runs."""
        return self._room is not None and self.pages.currentWidget() is self._room

    def show_experiments(self) -> None:
        """Go to the room of experiments, or back to the runs."""
        if self.in_room:
            self.room.deactivated()
            self.pages.setCurrentIndex(0 if self.tree.run_items else 1)
        else:
            self.pages.setCurrentWidget(self.room)
            self.room.activated()
        self._name_buttons()
        self._select_soon.start()  # What the experiments hide is not followed.

    def ask_report(self) -> None:
        """Make a report of the experiment that is shown, or of the runs selected."""
        if self.in_room:
            self.room.ask_report()
        else:
            super().ask_report()

    def ask_label(self) -> None:
        """Name the experiment that is shown, or the run selected."""
        if self.in_room:
            self.room.ask_label()
        else:
            super().ask_label()

    def show_in_folder(self) -> None:
        """Show the folder of the experiment, or of the run selected, in the file manager."""
        if not self.in_room:
            super().show_in_folder()
        elif self.room.chosen is not None:
            reveal(self.room.chosen.folder)

    @property
    def work_view(self) -> QWidget:
        """The tree of runs, or the list of experiments."""
        return self.room.list if self.in_room else self.tree

    # Life cycle

    def activated(self) -> None:
        """Reload the runs and poll their states while shown."""
        self.session.run_index.watch(True)
        if self.in_room:
            self.room.activated()
        self.refresh()
        self._select_soon.start()

    def deactivated(self) -> None:
        """Stop following the runs, to save processor time."""
        self.session.run_index.watch(False)
        self._select_soon.stop()
        if self._room is not None:
            self._room.deactivated()
        if self._compare is not None:
            self._compare.timeline.pause()
            self._compare.close_runs()

    def closing(self) -> None:
        """Stop following the runs."""
        self.deactivated()
        if self._room is not None:
            self._room.closing()

    def receive(self, request: object) -> None:
        """Select a run (`ShowRun`)."""
        if isinstance(request, ShowRun):
            self._wanted = request.folder
            self.refresh()

    def refresh(self) -> None:
        """Show the known runs and reload them."""
        index = self.session.run_index
        if index.is_read:
            self._show_list(index.runs)
        index.refresh()

    def _take_list(self, found: list[RunSummary]) -> None:
        if self.isVisible() or not self.tree.run_items:  # otherwise `activated` shows them
            self._show_list(found)

    def _show_list(self, found: list[RunSummary]) -> None:
        if not self.in_room:
            self.pages.setCurrentIndex(0 if found else 1)
        try:
            known = versions.versions(self.session.workspace)
        except UserError as error:  # damaged versions do not hide the runs
            known = []
            self.session.post(explain(error), ERROR)
        self.tree.show_runs(found, known)
        if self._wanted in self.tree.run_items:
            self._chosen_once = True
            self.tree.select([self._wanted])
            self._wanted = None
        self._choose_newest(found)
        self._name_buttons()

    # Selection

    def _selected(self) -> list[Path]:
        """The selected runs; none while the experiments hide them, so that no key reaches what is not seen."""
        return [] if self.in_room else self.tree.selected()

    def _note_selection(self, _folders: list[Path]) -> None:
        self._name_buttons()
        self._select_soon.start()

    def _name_buttons(self) -> None:
        folders = self._selected()
        one = len(folders) == 1
        for item in (
            self.open_button, self.watch_action, self.export_button, self.export_action, self.folder_button,
            self.folder_action, self.label_button, self.label_action,
        ):  # fmt: skip
            item.setEnabled(one)
        self.film_action.setEnabled(bool(folders))
        self.report_action.setEnabled(1 <= len(folders) <= LIMIT)
        for item in (self.taste_button, self.taste_action):
            item.setEnabled(1 <= len(folders) <= 2)
        for item in (self.delete_button, self.delete_action):
            item.setEnabled(bool(folders) and not self.session.read_only)
        for action in (self.next_action, self.previous_action, self.compare_action):
            action.setEnabled(not self.in_room)
        if self.in_room:
            self._name_room_actions()
        found = (self.session.run_index.summary(folders[0]) or summary(folders[0])) if one else None
        state = found.state if found else None
        starts = found is not None and self.session.run_index.pending_of(found) == "start"
        can_resume = state is not None and state.state in ("created", *CUT_SHORT) and not starts
        finished = state is not None and state.state == "finished"
        self.longer_action.setEnabled(finished)
        self.ending_action.setEnabled(state is not None and can_be_ended(state) and not starts)
        for drawing in (
            self.sprites_button, self.sprites_action, self.explore_action, self.more_action, self.evaluate_action,
            self.average_action,
        ):  # fmt: skip
            drawing.setEnabled(state is not None and bool(state.checkpoint))
        self.resume_button.setEnabled(can_resume or finished)
        self.resume_action.setEnabled(can_resume)
        text = self.tr("Start") if state is not None and state.state == "created" else self.tr("Resume")
        text = self.tr("Train longer…") if finished else text
        self.resume_button.setText(resume_label(state) if can_resume and state and state.state != "created" else text)

    def _name_room_actions(self) -> None:
        """Let the commands that an experiment has too be about the one that is shown."""
        room = self.room
        for action, button in (
            (self.report_action, room.report_button), (self.taste_action, room.taste_button),
            (self.label_action, room.label_button), (self.delete_action, room.delete_button),
        ):  # fmt: skip
            action.setEnabled(button.isEnabled())
        self.folder_action.setEnabled(room.chosen is not None)

    def _choose_newest(self, found: list[RunSummary]) -> None:
        """Select the newest run on the first visit, so that there is something to see."""
        if found and not self._chosen_once and self.isVisible():
            self._chosen_once = True
            if not self.tree.selected():
                self.tree.select([max(found, key=lambda run: run.date).folder])

    def show_selected(self) -> None:
        """Show the selected runs now."""
        if not self.isVisible():
            return  # Another screen is shown; `activated` will update.
        folders = self._selected()
        if not folders:
            self.right.setCurrentWidget(self.hint)
            if self._compare is not None:
                self._compare.close_runs()
        elif folders != self._shown or not self.compare.followers:
            self.right.setCurrentWidget(self.compare)
            self.compare.show_runs(folders)
        else:
            self.right.setCurrentWidget(self.compare)
        self._shown = folders

    def compare_with_newest(self) -> None:
        """Add the newest unselected run to the selection."""
        selected = self._selected()
        others = [run.folder for run in self.session.run_index.runs if run.folder not in selected]
        if others and len(selected) < 4:
            self.tree.select([*selected, others[-1]])

    def _with_selected(self, do) -> None:
        if len(folders := self._selected()) == 1:
            do(folders[0])

    # Actions

    def open_run(self, folder: Path) -> None:
        """Watch a run on the Train screen."""
        self.screen_requested.emit("Train", ShowRun(folder))

    def resume(self) -> None:
        """Resume the selected run on the Train screen."""
        folders = self._selected()
        if len(folders) == 1:
            self.screen_requested.emit("Train", ShowRun(folders[0], start=True))

    def _resume_or_longer(self) -> None:
        """The button says which: resume an unfinished run, or train a finished one longer."""
        if self.longer_action.isEnabled():
            self.ask_longer()
        else:
            self.resume()

    def runs_to_report(self) -> list[Path]:
        """The selected runs."""
        return self._selected()

    def run_shown(self) -> Path | None:
        """The selected run."""
        folders = self._selected()
        return folders[0] if len(folders) == 1 else None

    def sample_shown(self) -> tuple[SampleSpot, RunFollower] | None:
        """The sample that was clicked last, or else the first run's grid."""
        return self._compare.chosen if self._compare is not None and not self.in_room else None

    def moment_shown(self) -> float | None:
        """The iteration of the samples shown."""
        shown = self.sample_shown()
        if shown is None or self._compare is None or self._compare.timeline.following:
            return None
        return float(shown[0].sample.iteration)

    def train_longer(self, folder: Path, options: tuple[str, ...]) -> None:
        """Extend a run on the Train screen."""
        self.screen_requested.emit("Train", ShowRun(folder, start=True, options=options))

    def show_labels(self) -> None:
        """Show the names and notes of the selected runs."""
        if self._compare is not None:
            self._compare.show_titles()

    def _show_menu(self, at: QPoint) -> None:
        """The menu of the runs under the pointer, or of the selected ones."""
        item = self.tree.itemAt(at)
        if item is not None and not item.isSelected():
            self.tree.setCurrentItem(item)
        if not self._selected():
            return
        menu = QMenu(self)
        for action in (
            self.watch_action, self.resume_action, self.longer_action, self.ending_action, self.sprites_action,
            self.explore_action, self.average_action, self.evaluate_action, self.report_action, self.taste_action, None,
            self.label_action, self.folder_action, self.export_action, None, self.delete_action,
        ):  # fmt: skip
            menu.addSeparator() if action is None else menu.addAction(action)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.tree.viewport().mapToGlobal(at))

    def ask_open(self) -> None:
        """Ask for a run's folder outside the workspace, such as one copied from another machine."""
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Open a run folder"))
        if not chosen:
            return
        if not (Path(chosen) / "config.json").is_file() and not (Path(chosen) / "events.jsonl").is_file():
            self.session.post(self.tr("{0} is not a run folder.").format(chosen), ERROR)
            return
        self.open_run(Path(chosen))

    def ask_taste(self) -> None:
        """Compare the samples of two runs, or of two checkpoints of one, without knowing which are whose."""
        if self.in_room:
            self.room.ask_taste()
            return
        from gandam_studio.core.experiments.tasting import begin_taste_of, pictures_of, tastes_of
        from gandam_studio.qt.experiments.taste_tests import TasteChoice, TasteTests

        runs = [RunDirectory(folder) for folder in self._selected()]
        offered = [self._offered(run) for run in runs]
        if any(not one.checkpoints for one in offered) or sum(len(one.checkpoints) for one in offered) < 2:
            self.session.post(self.tr("A taste test needs two checkpoints, of two runs or of one."), INFO)
            return
        names = {
            f"{run.name}@{iteration}": self.tr("{0}, iteration {1:,}").format(one.name, iteration)
            for run, one in zip(runs, offered, strict=True)
            for _words, iteration in one.checkpoints
        }
        dialog = TasteChoice(offered, tastes_of(runs), names, self)
        if run_dialog(dialog) != QDialog.DialogCode.Accepted:
            return
        chosen, pair, at, each = dialog.earlier(), dialog.pair(), dialog.checkpoints(), dialog.samples_a_side()
        place = runs[0].path.parent

        def begin(job: Job) -> Found:
            if chosen is not None:
                return chosen, pictures_of(place, chosen, chosen.round, job)
            return begin_taste_of(*pair, at=at, each=each, job=job)

        def show(taste: Taste, pictures: Pictures) -> None:
            tests.show(taste, pictures, lambda test, number, job: pictures_of(place, test, number, job), names)
            tests.deleteLater()

        def tell(taste: Taste) -> None:
            if taste.left_picked:
                self.session.post(taste.told(names), INFO)

        tests = TasteTests(self.session, self)
        tests.ended.connect(tell)
        tests.start(begin, show)

    def _offered(self, run: RunDirectory) -> Offered:
        """A run for a taste test: the best of its checkpoints first, then from the newest on."""
        from gandam_studio.qt.experiments.taste_tests import Offered

        found = kept_checkpoints(run)
        newest = found[0].iteration if found else 0
        # One of each iteration: the one kept for its quality names itself so.
        listed = {one.iteration: one for one in sorted(found, key=lambda one: one.is_best)}
        order = sorted(listed.values(), key=lambda one: (not one.is_best, -one.iteration))
        words = [(checkpoint_words(one, newest=one.iteration == newest), one.iteration) for one in order]
        return Offered(run, label_of(run.path).name or run.name, words)

    def ask_export(self) -> None:
        """Ask where to export the selected run."""
        folders = self._selected()
        if len(folders) != 1:
            return
        name, _kind = QFileDialog.getSaveFileName(
            self, self.tr("Export the run"), f"{folders[0].name}.zip", self.tr("Zip archive (*.zip);;Folder (*)")
        )
        if name:
            self.export(folders[0], Path(name))

    def export(self, folder: Path, target: Path) -> None:
        """Export a run in the background."""
        run = RunDirectory(folder)
        self.session.start_job(
            self.tr("Exporting {0}").format(run.name),
            lambda _workspace, job: export_run(run, target, job),
            lambda made: self.session.post_result(self.tr("Exported to {0}").format(made), made),
        )

    def ask_delete(self) -> None:
        """Move the experiment that is shown to the trash, or the selected runs, after confirmation."""
        if self.in_room:
            self.room.ask_delete()
            return
        folders = self._selected()
        if not folders:
            return
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Delete runs"))
        box.setText(self.tr("Move {0} to the trash?").format(", ".join(shortened(folder.name) for folder in folders)))
        box.setInformativeText(self.tr("Samples, curves and checkpoints are moved too; versions and sprites are kept."))
        delete = box.addButton(self.tr("Move to trash"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        run_dialog(box)
        if box.clickedButton() is delete:
            self.delete(folders)

    def delete(self, folders: list[Path]) -> None:
        """Move runs to the trash."""
        if self._compare is not None:
            self._compare.close_runs()
        self._shown = []
        for folder in folders:
            try:
                trash_run(RunDirectory(folder))
            except UserError as error:
                self.session.post(explain(error), ERROR)
        self.session.runs_changed.emit()

    def _timeline(self, move: Callable[[Timeline], object]) -> None:
        if self._compare is not None:
            move(self._compare.timeline)

    def _step(self, count: int) -> None:
        self._timeline(lambda timeline: timeline.step(count))
