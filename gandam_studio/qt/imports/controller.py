"""Imports chosen, dropped or pasted pictures into the workspace in the background, with a summary at the end."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication

from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import INFO, SUCCESS, WARNING, Session
from gandam_studio.samples.bundled import sample_sets

if TYPE_CHECKING:
    # Imported late: it pulls in the decoders, which the window does not need to open.
    from gandam_studio.core.importing import Atlas, ImportOptions, ImportSummary, Pasted
    from gandam_studio.core.importing.looking import SourceFindings
    from gandam_studio.core.importing.preview import Sheet
    from gandam_studio.qt.screen import EmptyState, Screen


PEEK_MS = 1500  # how often the gallery shows what a running import has added


class ImportController(QObject):
    """Attributes:
    actions: the actions for the File menu.
    last: summary of the last import; None before the first.

    Signals:
        progressed: a running import may have committed more sprites.
        running_changed: an import began or ended.
    """

    progressed = Signal()
    running_changed = Signal()

    def __init__(self, session: Session, screen: Screen) -> None:
        super().__init__(screen)
        self._session = session
        self._screen = screen
        self.last: ImportSummary | None = None
        self._last: tuple[Sequence[Path | Pasted], ImportOptions] | None = None
        self._running = 0
        make = screen.add_action
        self.folder_action = make(self.tr("Import a &folder…"), self.ask_folder, "Ctrl+Shift+O", edits=True)
        self.files_action = make(
            self.tr("Import &pictures or archives…"), self.ask_files, "Ctrl+Alt+O", icon="import", edits=True
        )
        self.paste_action = make(self.tr("Import from the clip&board"), self.paste, "Ctrl+V", edits=True)
        self.sheet_action = make(self.tr("Import a sprite &sheet…"), self.ask_sheet, edits=True)
        self.sample_actions = [
            make(
                self.tr("Import the sample set “{0}”").format(sample.name),
                functools.partial(self.run, [sample.pictures]),
                edits=True,
            )
            for sample in sample_sets()
            if sample.pictures.is_file()
        ]
        self.summary_action = make(self.tr("Last import's &report…"), self.show_summary)
        self.summary_action.setEnabled(False)

    @property
    def actions(self) -> list[QAction]:
        """The actions for the File menu."""
        return [
            self.folder_action,
            self.files_action,
            self.paste_action,
            self.sheet_action,
            *self.sample_actions,
            self.summary_action,
        ]

    @property
    def is_running(self) -> bool:
        """True while pictures are imported."""
        return self._running > 0

    def fill_empty_state(self, state: EmptyState) -> None:
        """Add the import buttons to an empty state."""
        state.add_button(self.tr("Import a folder…"), self.ask_folder, icon="folder", primary=True)
        state.add_button(self.tr("Pictures or an archive…"), self.ask_files, icon="archive")
        if self.sample_actions:
            state.add_button(self.tr("Try it with sample sprites"), self.sample_actions[0].trigger, icon="sample")

    # Sources

    def ask_folder(self) -> None:
        """Ask for a folder and import it."""
        from PySide6.QtWidgets import QFileDialog

        from gandam_studio.qt.imports.sources import first_folder, remember_source

        name = QFileDialog.getExistingDirectory(self._screen, self.tr("Import a folder"), first_folder())
        if name:
            remember_source(Path(name))
            self.start([Path(name)])

    def ask_files(self) -> None:
        """Ask for pictures and archives; types are detected by content, so any file name is accepted."""
        if paths := self._ask_paths(self.tr("Import pictures or archives")):
            self.start(paths)

    def ask_sheet(self) -> None:
        """Ask for sprite sheets and how to cut them; several are cut alike."""
        if paths := self._ask_paths(self.tr("Import sprite sheets")):
            self.open_sheet(*paths)

    def _ask_paths(self, title: str) -> list[Path]:
        from PySide6.QtWidgets import QFileDialog

        from gandam_studio.qt.imports.sources import first_folder, remember_source

        names, _ = QFileDialog.getOpenFileNames(self._screen, title, first_folder())
        if names:
            remember_source(Path(names[0]))
        return [Path(name) for name in names]

    def open_sheet(self, *paths: Path) -> None:
        """Show the dialog to cut sheets alike, then import them.

        A worker decodes each before it is shown, since files are untrusted.
        """
        from gandam_studio.core.importing.atlases import describe_folder

        def read(_workspace: Any, job: Any) -> tuple[Sheet, Atlas | None]:
            from gandam_studio.core.importing.preview import load_sheet

            described = describe_folder(str(paths[0].parent)).sheets if len(paths) == 1 else {}
            return load_sheet(paths[0], check=job.check), described.get(paths[0].name)

        def show(read: tuple[Sheet, Atlas | None]) -> None:
            self._cut_sheets(paths, *read)

        refuse = functools.partial(self._refuse_sheet, paths[0])
        self._session.start_job(self.tr("Open the sheet"), read, show, refuse)

    def _refuse_sheet(self, path: Path, error: BaseException) -> None:
        self._session.post(self.tr("{0} cannot be read: {1}").format(path.name, explain(error)), WARNING, stays=True)

    def _cut_sheets(self, paths: Sequence[Path], sheet: Sheet, atlas: Atlas | None) -> None:
        from gandam_studio.core.importing import Atlas, ImportOptions
        from gandam_studio.core.importing.preview import load_sheet
        from gandam_studio.qt.imports.sheet_dialog import SheetDialog

        def load(index: int, then: Callable[[Sheet], None]) -> None:
            self._session.start_quiet_job(
                lambda _workspace, job: load_sheet(paths[index], check=job.check),
                then,
                functools.partial(self._refuse_sheet, paths[index]),
            )

        def run() -> None:
            if isinstance(dialog.slicing, Atlas):
                self.run(paths)  # as its description says
            else:
                self.run(paths, ImportOptions(sheet=dialog.slicing, key=dialog.key, atlases=False))

        dialog = SheetDialog([path.name for path in paths], sheet, self._screen, load=load, atlas=atlas)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(run)
        dialog.open()

    def paste(self) -> None:
        """Import the files or the picture on the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        if data is None or not self.take(data):
            self._session.post(self.tr("The clipboard contains no files or picture."), INFO)

    def can_take(self, data: QMimeData) -> bool:
        """True if `take` would find files or a picture."""
        from gandam_studio.qt.imports.sources import holds_sources

        return not self._session.read_only and holds_sources(data)

    def take(self, data: QMimeData) -> bool:
        """Import dropped or pasted files, or the picture itself; False if there is neither."""
        from gandam_studio.qt.imports.sources import sources_of

        sources = [] if self._session.read_only else sources_of(data)
        if sources:
            self.start(sources)
        return bool(sources)

    # Running

    def start(self, sources: Sequence[Path | Pasted]) -> None:
        """Look over the sources, ask what to make of what was found, if anything, and import.

        Nothing is imported before the answer.
        """
        from gandam_studio.core.importing.looking import look_over

        def look(workspace: Any, job: Any) -> SourceFindings:
            return look_over(workspace, sources, job=job)

        task = self._session.start_job(
            self.tr("Look through the files"),
            look,
            functools.partial(self._ask, sources),
            on_cancelled=self._stop_looking,
        )
        task.ended.connect(functools.partial(self._count_running, -1))
        self._count_running(1)

    def _ask(self, sources: Sequence[Path | Pasted], found: SourceFindings) -> None:
        if not found.asks:
            self.run(sources)
            return
        from gandam_studio.qt.imports.proposal_dialog import ProposalDialog

        paths = [source for source in sources if isinstance(source, Path)]
        title = (paths[0].name or str(paths[0])) if len(paths) == 1 else ""
        dialog = ProposalDialog(self._session, found, title, self._screen)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.run(sources, dialog.options, asked=bool(found.edited)))
        dialog.open()

    def run(
        self, sources: Sequence[Path | Pasted], options: ImportOptions | None = None, *, asked: bool = False
    ) -> None:
        """Import in the background, without a question before. Cancelling keeps what was imported.

        `asked`: whether decisions about edited pictures are carried over was chosen already.
        """
        from gandam_studio.core.importing import ImportOptions, import_sources

        chosen = options or ImportOptions()

        def work(workspace: Any, job: Any) -> ImportSummary:
            return import_sources(workspace, sources, job=job, options=chosen)

        finish = functools.partial(self._finish, sources, chosen, asked)
        task = self._session.start_job(self.tr("Import"), work, finish, on_cancelled=self._stop)
        peek = QTimer(task, interval=PEEK_MS)
        peek.timeout.connect(self.progressed)
        peek.start()
        task.ended.connect(functools.partial(self._count_running, -1))
        self._count_running(1)

    def run_larger(self) -> None:
        """Import the last sources again, with room for the pictures that were too large."""
        from gandam_studio.core.pictures.decoding.limits import LARGE_LIMITS

        if self._last is not None:
            sources, options = self._last
            self.run(sources, dataclasses.replace(options, limits=LARGE_LIMITS), asked=True)

    def _count_running(self, change: int) -> None:
        self._running += change
        self.running_changed.emit()

    def show_summary(self) -> None:
        """Show the report of the last import."""
        if self.last is not None:
            self.show_report_later()

    def _finish(
        self, sources: Sequence[Path | Pasted], options: ImportOptions, asked: bool, summary: ImportSummary
    ) -> None:
        self.last = summary
        self._last = (sources, options)
        self.summary_action.setEnabled(True)
        self._session.sprites_imported.emit()
        refused = summary.rejected_count + summary.missing_count
        self._session.post(summary.sentence(), WARNING if refused or summary.faint else SUCCESS)
        if refused or summary.notes:
            self.show_report_later()
        if summary.edited_count and not asked and not options.carry_over:
            self._offer_decisions(sources, summary.edited_count)

    def _offer_decisions(self, sources: Sequence[Path | Pasted], count: int) -> None:
        """Ask, without blocking, whether the new sprites of edited files get the decisions of the old ones."""
        from PySide6.QtWidgets import QMessageBox

        question = QMessageBox(self._screen)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle(self.tr("Edited pictures"))
        if count == 1:
            question.setText(self.tr("One picture was edited since it was imported."))
        else:
            question.setText(self.tr("{0} pictures were edited since they were imported.").format(f"{count:,}"))
        question.setInformativeText(
            self.tr(
                "Each is a new sprite now. It can get the decisions of the old one, which is then dropped as replaced."
            )
        )
        carry = question.addButton(self.tr("Carry decisions over"), QMessageBox.ButtonRole.AcceptRole)
        question.addButton(self.tr("Keep both"), QMessageBox.ButtonRole.RejectRole)
        carry.clicked.connect(lambda _checked=False: self._carry_over(sources))
        question.open()

    def _carry_over(self, sources: Sequence[Path | Pasted]) -> None:
        from gandam_studio.core.importing import carry_over, pending

        def change(workspace: Any, _job: Any) -> Any:
            changes, _ = carry_over(workspace, pending(workspace, sources))
            return changes

        self._session.apply_later(change, self.tr("Carry decisions over"))

    def show_report_later(self) -> None:
        """Open the report from the event loop, without blocking the caller."""
        from gandam_studio.qt.imports.summary_dialog import SummaryDialog

        assert self.last is not None
        dialog = SummaryDialog(self.last, self._screen)
        dialog.larger_requested.connect(self.run_larger)
        dialog.open()

    def _stop_looking(self) -> None:
        self._session.post(self.tr("Import cancelled; nothing was imported."), INFO)

    def _stop(self) -> None:
        self._session.sprites_imported.emit()
        self._session.post(self.tr("Import cancelled; sprites imported so far are kept."), INFO)
