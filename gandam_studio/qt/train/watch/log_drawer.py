"""The log of a run: its events and trainer.log; the event at the cursor is selected."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFontDatabase, QTextCursor
from PySide6.QtWidgets import QAbstractItemView, QListView, QPlainTextEdit, QTabWidget, QWidget

from gandam_studio.qt.following.texts import clock, describe
from gandam_studio.qt.widgets.tints import TINT_ROLE, show_tints
from trainer.protocol import events as ev

LINES = 5_000
_COLORS = {
    ev.RunWarning: "warning", ev.SpikeFound: "warning", ev.RunFailed: "dropped", ev.RunFinished: "kept",
    ev.Alarm: "warning", ev.CheckpointSaved: "secondary", ev.SamplesSaved: "muted",
}  # fmt: skip


class StoryModel(QAbstractListModel):
    """The newest `LINES` events, a row each; a row's text is made when it is painted, so a long run opens at once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._events: list[ev.TrainEvent] = []

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        """The number of events."""
        return 0 if parent is not None and parent.isValid() else len(self._events)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """An event's line and the colour of its text."""
        if not index.isValid():
            return None
        event = self._events[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{clock(event.wall_time)}   {event.iteration:>9,}   {describe(event)}"
        if role != TINT_ROLE or (isinstance(event, ev.RunWarning) and event.about == "wider"):  # No warning at all.
            return None
        return _COLORS.get(type(event))

    def reset(self, events: list[ev.TrainEvent]) -> None:
        """Show the events of another run."""
        self.beginResetModel()
        self._events = []
        for event in _told(events)[-LINES:]:
            self._events.insert(self._row_for(event), event)
        self.endResetModel()

    def add(self, events: list[ev.TrainEvent]) -> None:
        """Append events; the oldest go when there are too many."""
        for event in _told(events):
            row = self._row_for(event)
            self.beginInsertRows(QModelIndex(), row, row)
            self._events.insert(row, event)
            self.endInsertRows()
        if (surplus := len(self._events) - LINES) > 0:
            self.beginRemoveRows(QModelIndex(), 0, surplus - 1)
            del self._events[:surplus]
            self.endRemoveRows()

    def iteration(self, row: int) -> int:
        """The iteration of a row's event."""
        return self._events[row].iteration

    def row_at(self, iteration: float) -> int:
        """The last row at or before an iteration; -1 without one."""
        return next((i for i in range(len(self._events) - 1, -1, -1) if self._events[i].iteration <= iteration), -1)

    def _row_for(self, event: ev.TrainEvent) -> int:
        """The row for an event: at the end, except for a spike, which is inserted at its iteration."""
        row = len(self._events)
        if isinstance(event, ev.SpikeFound):
            while row and self._events[row - 1].iteration > event.iteration:
                row -= 1
        return row


class LogDrawer(QTabWidget):
    """Two tabs: events and trainer.log.

    Signals:
        moment_chosen: a line was clicked (iteration).
    """

    moment_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.story = QListView()
        self.story.setUniformItemSizes(True)
        self._events = StoryModel(self)
        self.story.setModel(self._events)
        show_tints(self.story)
        self.story.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.story.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.story.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.story.clicked.connect(lambda at: self.moment_chosen.emit(float(self._events.iteration(at.row()))))
        self.story.setAccessibleName(self.tr("Events"))
        self._log = QPlainTextEdit(readOnly=True)
        self._log.setMaximumBlockCount(LINES)
        self._log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._log.setAccessibleName(self.tr("Trainer log"))
        self.addTab(self.story, self.tr("Events"))
        self.addTab(self._log, self.tr("Trainer log"))
        self.tabBar().setDrawBase(False)

    def reset(self, story: list[ev.TrainEvent], log_text: str) -> None:
        """Show the events and log of another run."""
        self._events.reset(story)
        self._log.setPlainText(log_text)
        self._show_end()

    def add_events(self, events: list[ev.TrainEvent]) -> None:
        """Append events."""
        following = self._at_end()
        self._events.add(events)
        if following:
            self._show_end()

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
        row = self._events.row_at(iteration)
        if row != self.story.currentIndex().row():
            self.story.setCurrentIndex(self._events.index(row))

    def _show_end(self) -> None:
        # Scrolling lays out all lines. A hidden list scrolls to the marked line when it is shown.
        if self.story.isVisible():
            self.story.scrollToBottom()

    def _at_end(self) -> bool:
        bar = self.story.verticalScrollBar()
        return bar.value() >= bar.maximum() - 2


def _told(events: list[ev.TrainEvent]) -> list[ev.TrainEvent]:
    """The events that have a line."""
    return [event for event in events if not isinstance(event, ev.Progress | ev.Heartbeat)]
