"""Which model is explored: the runs and checkpoints to choose from, and models of any folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from gandam_studio.core.runs import RunSummary
from gandam_studio.core.runs.drawing import Source
from gandam_studio.qt.explore.controls import SourceBar
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.following.requests import ExploreRun
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.session import Session
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened


class ModelChoice(QObject):
    """Signals:
    listed: the runs were listed (whether there are any).
    """

    listed = Signal(bool)

    def __init__(self, window: QWidget, explorer: Explorer, bar: SourceBar, session: Session) -> None:
        super().__init__(window)
        self._window, self._explorer, self._session = window, explorer, session
        self._runs, self._checkpoints = bar.runs, bar.checkpoints
        self._wanted: ExploreRun | None = None
        session.run_index.changed.connect(self.take_runs)
        self._runs.currentIndexChanged.connect(lambda _index: self._change_run())
        self._checkpoints.currentIndexChanged.connect(lambda _index: self._open_chosen())
        self._checkpoints.listed.connect(self._follow_list)
        bar.open_button.clicked.connect(lambda _checked=False: self.ask_open())

    def request(self, request: ExploreRun) -> None:
        """Explore a run."""
        self._wanted = request
        self.take_runs(self._session.run_index.runs)

    def ask_open(self) -> None:
        """Ask for the folder of a run, or of an exported model, from anywhere."""
        title = self.tr("Open the folder of a run or of an exported model")
        if chosen := QFileDialog.getExistingDirectory(self._window, title):
            self.open_folder(Path(chosen))

    def open_folder(self, folder: Path) -> None:
        """Explore a run or an exported model of any folder."""
        self.request(ExploreRun(folder))

    def take_runs(self, found: Sequence[RunSummary]) -> None:
        """List the runs that have something to draw with; one that was opened from elsewhere stays."""
        if not self._window.isVisible() and self._wanted is None:
            return
        asked, source = self._wanted, self._explorer.source
        wanted = asked.folder if asked is not None else self._runs.currentData()
        listed = {run.folder: shortened(run.title, 60) for run in reversed(found) if run.state.checkpoint}
        for folder in (wanted, source.folder if source is not None else None):
            if folder is not None:
                listed.setdefault(folder, shortened(folder.name, 60))
        self._runs.blockSignals(True)
        known = [(self._runs.itemData(i), self._runs.itemText(i)) for i in range(self._runs.count())]
        if list(listed.items()) != known:
            self._runs.clear()
            for folder, text in listed.items():
                self._runs.addItem(text, folder)
        self._runs.setCurrentIndex(list(listed).index(wanted) if wanted is not None else 0)
        self._runs.blockSignals(False)
        self.listed.emit(bool(listed))
        if listed and (asked is not None or source is None or source.folder != self._runs.currentData()):
            self._change_run()
        self._wanted = None

    def list_new_checkpoints(self) -> None:
        """A run that trains keeps new ones meanwhile; the chosen one stays."""
        source = self._explorer.source
        if source is None or self._checkpoints.chosen is None:
            return
        self._checkpoints.blockSignals(True)
        self._checkpoints.show_run(RunDirectory(source.folder), same=True)
        self._checkpoints.blockSignals(False)
        self._open_chosen()

    def _change_run(self) -> None:
        folder = self._runs.currentData()
        if folder is None:
            return
        asked = self._wanted or ExploreRun(folder)
        self._checkpoints.blockSignals(True)
        self._checkpoints.show_run(RunDirectory(folder), asked.moment, name=asked.checkpoint)
        self._checkpoints.blockSignals(False)
        self._open_chosen()

    def _open_chosen(self) -> None:
        folder = self._runs.currentData()
        if folder is None:
            return
        chosen = self._checkpoints.chosen
        self._checkpoints.setVisible(chosen is not None)
        source = Source(folder, chosen.name if chosen is not None else None)
        if source != self._explorer.source:
            self._explorer.open(source)

    def _follow_list(self) -> None:
        """The list was read again, with quality; the choice stays unless its checkpoint is gone."""
        if self._explorer.source is not None and self._checkpoints.chosen is not None:
            self._open_chosen()

    def hand_over(self) -> None:
        """Write the model that is shown, for others to use."""
        source, facts = self._explorer.source, self._explorer.facts
        if source is None or facts is None:
            return
        from gandam_studio.qt.outputs.model_dialog import ModelDialog

        words = self._checkpoints.currentText() or self.tr("Iteration {0:,}").format(facts.iteration)
        run_dialog(ModelDialog(self._session, source.folder, source.checkpoint, words, self._window))
