"""The Runs screen: every run with its lineage and state; look at one, compare up to four, resume, export, delete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core import runs, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.export import export_run, trash_run
from gandam_studio.qt import icons, theme
from gandam_studio.qt.following.texts import resume_label
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.runs.lineage_tree import LineageTree
from gandam_studio.qt.screen import EmptyState, Screen, ScreenMenu
from gandam_studio.qt.session import ERROR, SUCCESS, Session
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.qt.runs.compare_view import CompareView

SELECT_MS = 150
STATES_MS = 2000


class RunsScreen(Screen):
    """Lineage on the left, the selected runs on the right.

    Attributes:
        tree: the runs. compare: what is shown of the selected ones; built with the first selection.
    """

    title = "Runs"
    icon_name = "runs"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.tree = LineageTree()
        self._compare: CompareView | None = None
        self._shown: list[Path] = []
        self.empty = EmptyState(
            "runs",
            self.tr("No runs yet"),
            self.tr("Every training run stays here with its data, settings and samples."),
        )
        self.empty.add_button(self.tr("Start one"), lambda: self._window("visit_by_name", "Train"), primary=True)
        self.hint = EmptyState(
            "compare", self.tr("Choose a run"), self.tr("Choose two to four runs with Ctrl to compare them.")
        )
        self._select_soon = QTimer(self, singleShot=True, interval=SELECT_MS)
        self._select_soon.timeout.connect(self.show_selected)
        self._states = QTimer(self, interval=STATES_MS)
        self._states.timeout.connect(self._refresh_if_live)
        self._lay_out()
        self._make_actions()
        self.tree.runs_selected.connect(self._note_selection)
        self.tree.run_opened.connect(self.open_run)
        session.runs_changed.connect(self.refresh)
        self._note_selection([])

    def _lay_out(self) -> None:
        self.resume_button = self._button("play", self.tr("Resume"), self.resume)
        self.open_button = self._button("train", self.tr("Watch"), lambda: self._with_selected(self.open_run))
        self.export_button = self._button("export", self.tr("Export…"), self.ask_export)
        self.delete_button = self._button("trash", self.tr("Delete"), self.ask_delete)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        for button in (self.open_button, self.resume_button, self.export_button, self.delete_button):
            row.addWidget(button)
        row.addStretch(1)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(14, theme.SPACE, theme.SPACE, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addLayout(row)
        column.addWidget(self.tree, 1)
        self.right = QStackedWidget()
        self.right.addWidget(self.hint)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(self.right)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 5)
        split.setSizes([440, 760])
        split.setChildrenCollapsible(False)
        self.pages = QStackedWidget()
        self.pages.addWidget(split)
        self.pages.addWidget(self.empty)
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
        self.next_action = act(self.tr("&Next run"), lambda: self.tree.step(1), "J")
        self.previous_action = act(self.tr("&Previous run"), lambda: self.tree.step(-1), "K")
        self.compare_action = act(
            self.tr("&Compare with the newest other run"), self.compare_with_newest, "C", icon="compare"
        )
        self.watch_action = act(self.tr("&Watch"), lambda: self._with_selected(self.open_run), "Return", icon="train")
        self.resume_action = act(self.tr("&Resume"), self.resume, icon="play")
        self.export_action = act(self.tr("&Export…"), self.ask_export, "Ctrl+E", icon="export")
        self.delete_action = act(self.tr("&Delete…"), self.ask_delete, "Delete", icon="trash", edits=True)
        self.open_action = act(self.tr("Open a run's &folder from elsewhere…"), self.ask_open, icon="folder")
        self.earlier_action = act(self.tr("&Earlier sample point"), lambda: self._timeline("step", -1), "Left")
        self.later_action = act(self.tr("&Later sample point"), lambda: self._timeline("step", 1), "Right")
        self.home_action = act(self.tr("&First sample point"), lambda: self._timeline("home"), "Home")
        self.end_action = act(self.tr("&Last moment"), lambda: self._timeline("end"), "End")
        self.play_action = act(self.tr("P&lay"), lambda: self._timeline("toggle_play"), "P")

    def menus(self) -> list[ScreenMenu]:
        """Runs and Timeline."""
        return [
            ScreenMenu(self.tr("&Runs"), (
                self.next_action, self.previous_action, self.compare_action, None, self.watch_action,
                self.resume_action, self.export_action, self.delete_action, None, self.open_action,
            )),
            ScreenMenu(self.tr("&Timeline"), (
                self.earlier_action, self.later_action, self.home_action, self.end_action, self.play_action,
            )),
        ]  # fmt: skip

    @property
    def compare(self) -> CompareView:
        """The right side; plots are loaded with it, when it is first needed."""
        if self._compare is None:
            from gandam_studio.qt.runs.compare_view import CompareView

            self._compare = CompareView()
            self.right.addWidget(self._compare)
        return self._compare

    # Coming and going

    def activated(self) -> None:
        """Read the runs again and keep their states fresh while shown."""
        self.refresh()
        self._states.start()
        self._select_soon.start()

    def deactivated(self) -> None:
        """Stop following: other screens need the time."""
        self._states.stop()
        self._select_soon.stop()
        if self._compare is not None:
            self._compare.timeline.pause()
            self._compare.close_runs()

    def closing(self) -> None:
        """Stop following."""
        self.deactivated()

    def refresh(self) -> None:
        """Read all runs again."""
        found = runs.runs(self.session.workspace)
        self._live = any(run.state.state in ("running", "paused") for run in found)
        self.pages.setCurrentIndex(0 if found else 1)
        self.tree.show_runs(found, versions.versions(self.session.workspace))

    def _refresh_if_live(self) -> None:
        if self._live:
            self.refresh()

    # Selection

    def _note_selection(self, folders: list[Path]) -> None:
        one = len(folders) == 1
        for item in (self.open_button, self.watch_action, self.export_button, self.export_action):
            item.setEnabled(one)
        for item in (self.delete_button, self.delete_action):
            item.setEnabled(bool(folders) and not self.session.read_only)
        state = runs.summary(folders[0]).state if one else None
        can_resume = state is not None and state.state in ("created", "interrupted", "stopped", "failed")
        self.resume_button.setEnabled(can_resume)
        self.resume_action.setEnabled(can_resume)
        text = self.tr("Start") if state is not None and state.state == "created" else self.tr("Resume")
        self.resume_button.setText(resume_label(state) if can_resume and state and state.state != "created" else text)
        self._select_soon.start()

    def show_selected(self) -> None:
        """Show the selected runs now."""
        if not self.isVisible():
            return  # Another screen is shown; `activated` will ask again.
        folders = self.tree.selected()
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
        """Add the newest run that is not selected yet to the selection."""
        selected = self.tree.selected()
        others = [run.folder for run in runs.runs(self.session.workspace) if run.folder not in selected]
        if others and len(selected) < 4:
            self.tree.select([*selected, others[-1]])

    def _with_selected(self, do) -> None:
        if len(folders := self.tree.selected()) == 1:
            do(folders[0])

    # Doing

    def open_run(self, folder: Path) -> None:
        """Watch a run on the Train screen."""
        screen = self._window("visit_by_name", "Train")
        if screen is not None:
            screen.show_run(folder)

    def resume(self) -> None:
        """Go on with the selected run on the Train screen."""
        folders = self.tree.selected()
        screen: Any = self._window("visit_by_name", "Train") if len(folders) == 1 else None
        if screen is not None:
            screen.show_run(folders[0])
            screen.command("start")

    def ask_open(self) -> None:
        """Choose a run's folder anywhere, such as one copied from another machine."""
        chosen = QFileDialog.getExistingDirectory(self, self.tr("A run's folder"))
        if not chosen:
            return
        if not (Path(chosen) / "config.json").is_file() and not (Path(chosen) / "events.jsonl").is_file():
            self.session.post(self.tr("{0} is no run's folder.").format(chosen), ERROR)
            return
        self.open_run(Path(chosen))

    def ask_export(self) -> None:
        """Choose where the selected run goes."""
        folders = self.tree.selected()
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
            lambda made: self.session.post(self.tr("Exported to {0}").format(made), SUCCESS),
        )

    def ask_delete(self) -> None:
        """Move the selected runs to the trash, after a question."""
        folders = self.tree.selected()
        if not folders:
            return
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Delete runs"))
        box.setText(self.tr("Move {0} to the trash?").format(", ".join(shortened(folder.name) for folder in folders)))
        box.setInformativeText(self.tr("Samples, curves and checkpoints go with it; versions and sprites stay."))
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
                self.session.post(str(error), ERROR)
        self.session.runs_changed.emit()

    def _timeline(self, method: str, *arguments: int) -> None:
        if self._compare is not None:
            getattr(self._compare.timeline, method)(*arguments)

    def _window(self, method: str, *arguments: str) -> Any:
        function: Any = getattr(self.window(), method, None)
        return function(*arguments) if function is not None else None
