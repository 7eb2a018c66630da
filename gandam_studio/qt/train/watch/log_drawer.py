"""The log of a run: its events and trainer.log; the event at the cursor is selected."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase, QTextCursor
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QPlainTextEdit, QTabWidget, QWidget

from gandam_studio.qt.following.texts import clock, describe
from gandam_studio.qt.widgets.tints import show_tints, tint
from trainer.protocol import events as ev

LINES = 5_000
_COLORS = {
    ev.RunWarning: "warning", ev.SpikeFound: "warning", ev.RunFailed: "dropped", ev.RunFinished: "kept",
    ev.Alarm: "warning", ev.CheckpointSaved: "secondary", ev.SamplesSaved: "muted",
}  # fmt: skip
_ITERATION = Qt.ItemDataRole.UserRole


class LogDrawer(QTabWidget):
    """Two tabs: events and trainer.log.

    Signals:
        moment_chosen: a line was clicked (iteration).
    """

    moment_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.story = QListWidget()
        self.story.setUniformItemSizes(True)
        show_tints(self.story)
        self.story.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.story.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.story.itemClicked.connect(lambda item: self.moment_chosen.emit(float(item.data(_ITERATION))))
        self.story.setAccessibleName(self.tr("Events"))
        self._log = QPlainTextEdit(readOnly=True)
        self._log.setMaximumBlockCount(LINES)
        self._log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._log.setAccessibleName(self.tr("Trainer log"))
        self.addTab(self.story, self.tr("Events"))
        self.addTab(self._log, self.tr("Trainer log"))
        self.tabBar().setDrawBase(False)
        self._iterations: list[int] = []

    def reset(self, story: list[ev.TrainEvent], log_text: str) -> None:
        """Show the events and log of another run."""
        self.story.clear()
        self._iterations = []
        self._log.setPlainText(log_text)
        self.add_events(story[-LINES:])

    def add_events(self, events: list[ev.TrainEvent]) -> None:
        """Append events."""
        following = self._at_end()
        for event in events:
            if not isinstance(event, ev.Progress | ev.Heartbeat):
                item = QListWidgetItem(f"{clock(event.wall_time)}   {event.iteration:>9,}   {describe(event)}")
                item.setData(_ITERATION, event.iteration)
                if (color := _COLORS.get(type(event))) is not None:
                    tint(item, color)
                row = self._row_for(event)
                self.story.insertItem(row, item)
                self._iterations.insert(row, event.iteration)
        while self.story.count() > LINES:
            self.story.takeItem(0)
            self._iterations.pop(0)
        if following:
            self.story.scrollToBottom()

    def _row_for(self, event: ev.TrainEvent) -> int:
        """The row for an event: at the end, except for a spike, which is inserted at its iteration."""
        row = len(self._iterations)
        if isinstance(event, ev.SpikeFound):
            while row and self._iterations[row - 1] > event.iteration:
                row -= 1
        return row

    def add_log(self, text: str) -> None:
        """Append to the trainer's log."""
        cursor = QTextCursor(self._log.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def show_log(self) -> None:
        """Show the trainer's log."""
        self.setCurrentWidget(self._log)

    def mark(self, iteration: float) -> None:
        """Select the last line at or before an iteration."""
        row = next((i for i in range(len(self._iterations) - 1, -1, -1) if self._iterations[i] <= iteration), -1)
        if row != self.story.currentRow():
            self.story.setCurrentRow(row)

    def _at_end(self) -> bool:
        bar = self.story.verticalScrollBar()
        return bar.value() >= bar.maximum() - 2
